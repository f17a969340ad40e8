"""Modules joined into few files: the same program, or a refusal with its line."""

import ast
import builtins

import pytest

from tools.bundle import SEP, join
from tools.shorten import shorten


def joined(sources, stages=("main",), **more):
    return join(sources, stages, **more)


def texts(found):
    """By file, what is in it, names made short."""
    parts = {name: ast.unparse(tree) for name, tree in found.parts.items()}
    small, _ = shorten(parts, files=found.in_order(), named=found.names)
    return {file: "\n".join(small[part] for part in there) for file, there in found.in_order().items()}


def run(sources, answer, stages=("main",), small=True, **more):
    """What a name of the last stage comes to, when its files are imported as an interpreter does it."""
    found = joined(sources, stages, **more)
    files = texts(found) if small else {
        file: "\n".join(ast.unparse(found.parts[part]) for part in there) for file, there in found.in_order().items()}
    loaded = {}

    class Module:
        pass

    def load(name, globals=None, locals=None, fromlist=(), level=0):
        if name not in files:
            return __import__(name, globals, locals, fromlist, level)
        if name not in loaded:
            loaded[name] = module = Module()
            module.__dict__.update({"__name__": name, "__builtins__": {**vars(builtins), "__import__": load}})
            exec(files[name], module.__dict__)
        return loaded[name]

    return getattr(load(stages[-1]), answer)


LAMP = """
on = 1
def light():
    return on + 1
class Lamp:
    on = 5
    def read(self, on):
        return self.on + on + light()
"""
FAN = """
import lamp
from lamp import light as on
def light():
    return lamp.light() * 10 + on()
"""
BOTH = """
import lamp as l
from drivers import fan
from lamp import Lamp
def both(light):
    return [fan.light(), l.on, Lamp().read(light), max([on for on in (7, light)])]
answer = both(3)
"""


@pytest.mark.parametrize("small", [False, True])
def test_what_is_taken_from_a_module_of_the_same_file_is_its_global(small):
    sources = {"lamp": LAMP, "drivers.fan": FAN, "main": BOTH}
    found = joined(sources)
    assert found.files == {"main": ["lamp", "drivers.fan", "main"]}
    assert found.parts["main" + SEP].body == [], "nothing is imported"
    assert run(sources, "main·answer" if not small else _name_of(found, "main·answer"), small=small) == [22, 1, 10, 7]


def _name_of(found, name):
    parts = {part: ast.unparse(tree) for part, tree in found.parts.items()}
    _, meant = shorten(parts, files=found.in_order(), named=found.names)
    return next(new for new, old in meant["main"].items() if old == name.replace(SEP, "."))


def test_stages_make_files_of_what_they_bring_and_take_the_rest_from_the_earlier():
    sources = {
        "low": "def low():\n    return 1\n",
        "main": "from low import low\ndef answer():\n    import pen\n    return pen.go()\n",
        "pen": "import low\nimport part\ndef go():\n    return low.low() + part.part()\n",
        "part": "import low\ndef part():\n    return low.low() * 4\n"}
    found = joined(sources, ("main", "pen"))
    assert found.files == {"main": ["low", "main"], "pen": ["part", "pen"]}
    assert ast.unparse(found.parts["pen" + SEP]) == "from main import low·low"


def test_what_is_fetched_later_has_files_of_its_own_and_keeps_the_names_that_others_look_up():
    sources = {
        "heap": "def borrow(name):\n    return __import__(name)\n",
        "helper": "def help_it():\n    return 6\n", "shared": "def share():\n    return 100\n",
        "texts": "from helper import help_it\nfrom shared import share\nTEXTS = [help_it(), share()]\n",
        "plans": "import shared\ndef made():\n    return shared.share() + 1\n",
        "main": "from heap import borrow\nfrom texts_user import answer\n",
        "texts_user": "from heap import borrow\ndef planned():\n    from plans import made\n    return made()\n"
                      "answer = [borrow('texts').TEXTS, planned()]\n"}
    found = joined(sources)
    assert found.files == {
        "main": ["heap", "texts_user", "main"], "texts": ["helper", "texts"], "plans": ["plans"], "shared": ["shared"]}
    with pytest.raises(ValueError, match="texts_user, line 5: texts is in the file main"):
        joined({**sources, "main": "import texts\n" + sources["main"]})


def test_what_a_fetched_module_needs_of_the_pen_is_loaded_with_the_stage_that_fetches_it():
    sources = {
        "depth": "def deep():\n    return 2\n", "commands": "from depth import deep\nROWS = [deep]\n",
        "base": "def made():\n    from commands import ROWS\n    return ROWS[0]()\n",
        "main": "import base\nimport depth\nanswer = base.made() + depth.deep()\n"}
    assert joined(sources, ("base", "main")).files == {
        "base": ["base", "depth"], "main": ["main"], "commands": ["commands"]}


def test_a_module_that_is_handed_on_or_has_a_stand_in_stays_by_itself():
    sources = {
        "board": "PIN = 4\n", "registers": "def look():\n    return 3\n",
        "gate": "class Gate:\n    def __init__(self, where):\n        self.pin = where.PIN\n",
        "main": "import board\nfrom gate import Gate\nfrom registers import look\n"
                "answer = [Gate(board).pin, look(), board.PIN]\n"}
    found = joined(sources, apart=frozenset({"registers"}))
    assert found.files == {"main": ["gate", "main"], "board": ["board"], "registers": ["registers"]}
    assert run(sources, _name_of(found, "main·answer"), apart=frozenset({"registers"})) == [4, 3, 4]


def test_a_global_that_changes_is_read_where_it_is():
    counter = "count = 0\ndef add():\n    global count\n    count += 1\n"
    sources = {"counter": counter, "main": "import counter\ndef more():\n    counter.add()\n"
                                           "    return counter.count\nanswer = [more(), more()]\n"}
    assert run(sources, _name_of(joined(sources), "main·answer")) == [1, 2]
    sources["base"] = "import counter\n"
    assert joined(sources, ("base", "main")).files["base"] == ["counter", "base"]
    assert "base.counter·count" in ast.unparse(joined(sources, ("base", "main")).parts["main"])


@pytest.mark.parametrize("main, says", [
    ("from counter import count\nprint(count)\n", "main, line 2: count taken by itself"),
    ("import counter\ndef reset():\n    counter.count = 0\n", "main, line 3: counter.count set from another module"),
    ("from counter import add\nadd = 3\n", "main: add is imported and bound anew"),
    ("import counter\nfor counter in (1, 2):\n    pass\n", "main: counter is imported and bound anew"),
    ("import counter\nprint(counter.counts)\n", "main, line 2: counter has no counts"),
    ("import counter\nprint(counter._hidden)\n", "main, line 2: _hidden is another's private name"),
    ("import counter\nif counter.add:\n    import counter as c\n", "main, line 3: an import in a statement"),
    ("import other\ndef go():\n    import counter\n    return counter\n", "main, line 4: a module as an object"),
])
def test_what_would_mean_something_else_is_refused_with_its_line(main, says):
    sources = {"counter": "count = 0\n_hidden = 1\ndef add():\n    global count\n    count += 1\n",
               "other": "import counter\n", "main": main}
    with pytest.raises(ValueError, match=says):
        joined(sources)


def test_files_that_need_each_other_are_refused():
    sources = {"board": "import late\n", "late": "def late():\n    pass\n",
               "main": "import board\nimport late\nkeep = [board]\n"}
    with pytest.raises(ValueError, match=r"line 1: the files .* import each other"):
        joined(sources)


def test_a_script_from_outside_looks_into_the_files():
    script = "import store\nfrom store import Store\nimport texts\n" \
             "kept = Store(store._hidden, texts.TEXT)\nkept.serial()\n"
    sources = {"store": "_hidden = 2\nclass Store:\n    pass\n", "texts": "TEXT = 'a b'\n",
               "main": "import store\nmade = store.Store()\n"}
    found = joined(sources, scripts={"script": script})
    assert ast.unparse(found.scripts["script"]).splitlines() == [
        "import main as store", "from main import store·Store as Store", "import texts",
        "kept = Store(store.store·_hidden, texts.TEXT)", "kept.serial()"]


def test_what_the_loader_starts_keeps_its_name():
    loader = "def start():\n    import main\n    main.main()\n"
    sources = {"slots": loader, "main": "import slots\nimport other\ndef main():\n    return other.go() + 1\n",
               "other": "def go():\n    return 1\n"}
    found = joined(sources, keep=frozenset({"slots"}))
    assert "def main(" in texts(found)["main"] and "slots" not in found.files
