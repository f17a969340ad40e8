"""Constants in place and short names: smaller, and the same program."""

import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.run import Simulation
from sim.scenario import load
from tools.firmware_image import AS_WRITTEN, FIRMWARE, made_small
from tools.fold import constants_of, fold
from tools.shorten import names_in, reserved, shorten

PINS = """
from micropython import const
LED = const(25)
_FIRST = 1 << 4
MASK = _FIRST | LED
SPEED = 3
NAMES = ("a", "b")
def slower():
    global SPEED
    SPEED -= 1
def shadowed(LED):
    return LED
"""
USER = """
import pins
from pins import MASK as BITS
import time
def look(word):
    return word & BITS | pins.LED, pins.SPEED, pins.NAMES
"""


def test_a_constant_is_put_where_it_is_used_and_its_definition_goes():
    small = fold({"pins": PINS.replace("def shadowed(LED)", "def shadowed(led)"), "user": USER})
    assert "word & 25 | 25" in small["user"] and "BITS" not in small["user"]
    assert "_FIRST" not in small["pins"] and "MASK" not in small["pins"] and "const" not in small["pins"]
    assert "import time" in small["user"], "what an import of something unknown does, nobody knows"


def test_what_may_change_or_is_hidden_somewhere_is_left_alone():
    assert constants_of({"pins": PINS, "user": USER})["pins"] == {"_FIRST": 16}, "MASK needs LED, a parameter's name"
    assert "pins.SPEED" in fold({"pins": PINS, "user": USER})["user"]
    assert "pins.NAMES" in fold({"pins": PINS, "user": USER})["user"]
    setter = "import pins\ndef set_it():\n    pins.LED = 4\n"
    assert "LED" not in constants_of({"pins": "LED = 25\n", "setter": setter})["pins"]


def test_a_module_that_is_handed_on_keeps_what_may_be_looked_up_in_it():
    sources = {"pins": "LED = 25\nFAN = 26\n", "user": "import pins\nlight = Lamp(pins)\n",
               "lamp": "class Lamp:\n    def __init__(self, where):\n        self.pin = where.LED\n"}
    assert "LED" in fold(sources)["pins"] and "FAN" not in fold(sources)["pins"]


def test_nobody_reaches_for_another_objects_private_name():
    sources = {
        "one": "class One:\n    def __init__(self):\n        self._x1 = 1\n",
        "two": "def look(it):\n    return it._x1\n"}
    with pytest.raises(ValueError, match="two, line 2: _x1"):
        shorten(sources)


def test_names_are_shared_by_modules_and_told_apart_in_a_family():
    sources = {
        "base": "class Base:\n    def __init__(self):\n        self._count = 0\n",
        "heir": "from base import Base\nclass Heir(Base):\n    def __init__(self):\n        self._amount = 1\n",
        "other": "class Other:\n    def __init__(self):\n        self._number = 1\n"}
    small, names = shorten(sources)
    meant = {module: {old: new for new, old in table.items()} for module, table in names.items()}
    assert meant["base"]["_count"] != meant["heir"]["_amount"]
    assert meant["other"]["_number"] in (meant["base"] | meant["heir"]).values()
    assert "self." + meant["other"]["_number"] in small["other"]


def test_what_micropython_or_a_text_knows_by_name_keeps_it():
    sources = {"one": (
        "def readinto(buf): pass\ndef _hidden(): pass\ndef open_lid(): pass\nTABLE = ('_hidden', 'x.open_lid')\n")}
    small, _ = shorten(sources)
    assert all(name in small["one"] for name in ("readinto", "_hidden", "open_lid"))
    assert {"readinto", "append", "mem32", "asm_pio", "ticks_us", "hexlify"} <= reserved()


@given(st.integers(-(2**40), 2**40), st.integers(-(2**40), 2**40))
def test_any_value_comes_out_the_same(first, second):
    sources = {
        "one": f"A1 = {first}\nB1 = A1 - ({second})\n",
        "two": "import one\nfound = (-one.A1 * 2, one.B1 % 7 - one.A1)\n"}
    space = {}
    exec(fold(sources)["two"], space)
    assert space["found"] == (-first * 2, (first - second) % 7 - first)


def test_what_is_run_on_the_pen_to_provision_it_finds_its_names():
    small = made_small(FIRMWARE)
    script = small.scripts["provision.py"]
    names = re.findall(r"(?:store|records)\.(\w+)", script)
    assert len(names) >= 3 and set(names) <= names_in(small.sources["base"]), script
    assert "from base import" in script and "key.save(kept)" in script and "def save(" in small.sources["base"]


def test_the_loader_is_as_it_was_written():
    small = made_small(FIRMWARE).sources
    assert all(small[name] == (FIRMWARE / f"{name}.py").read_text(encoding="utf-8") for name in AS_WRITTEN)
    for text in small.values():
        ast.parse(text)


def test_a_session_of_the_small_firmware_is_that_of_the_source(tmp_path):
    small = made_small(FIRMWARE).sources
    for name, text in small.items():
        path = tmp_path / (name.replace(".", "/") + ".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    written, made = Simulation(load("zone_nose")), Simulation(load("zone_nose"), firmware=tmp_path)
    assert written.run().result["strokes"] > 20
    made.run()
    assert bytes(made.world.fram.image) == bytes(written.world.fram.image)
    assert made.world.now_ns == written.world.now_ns, "to the last access of the hardware"
