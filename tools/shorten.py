"""Gives the names of the firmware others, which its modules share and MicroPython has anyway, before it is compiled.

MicroPython keeps every name of a program once in its heap, with a place in a table that grows by doubling: 1,800 names
of the pen take some 35 kB. A name may be called anything, as long as all who mention it call it the same; two names may
be called alike if no module mentions both. So a few hundred do, and most of them are taken from MicroPython's own
(they lie in its flash, and the pen does not use them). Which names are two and the same:

- one with an underscore before it is its module's own, as nobody reaches for another object's private name;
- modules whose classes inherit from one another's share an object's attributes: they count as one module;
- a name that is set on another object than `self` is called like no other: the object's module may not mention it.

Names stay that a text spells, and all that MicroPython's own modules and types have. Parameters that no call names are
a, b, c and so on. A traceback from the pen shows the new names; `shorten` says what they stand for.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import keyword
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import chain, count
from pathlib import Path

from tools.bundle import SEP, bound_at, spelled

ROOT = Path(__file__).resolve().parent.parent
SEAM = ROOT / "sim" / "micropython"  # what stands for MicroPython's modules
IN_FLASH = Path(__file__).with_name("names_in_flash.txt")
STANDARD = (
    "array", "binascii", "builtins", "collections", "errno", "gc", "hashlib", "io", "json", "os", "random", "select",
    "struct", "sys", "time")  # what MicroPython has of Python's library

Names = dict[str, dict[str, str]]
"""By module: each new name and the one it stands for. A parameter's is its function's own affair."""


def shorten(
    sources: dict[str, str], keep: frozenset[str] = frozenset(), outside: frozenset[str] = frozenset(),
    files: dict[str, list[str]] | None = None, named: dict[str, str] | None = None,
    scripts: frozenset[str] = frozenset(),
) -> tuple[dict[str, str], Names]:
    """The sources, by module name, with new names, and what those stand for; modules in `keep` stay as they are.

    `outside`: names that others look up in these modules; they stay too. `files`: which modules share a file, and with
    it their globals, as tools/bundle.py joins them; `named`: what some of those are to be called. `scripts`: which of
    the modules look into the others from outside, also for private names.
    SyntaxError for a source that is no Python, ValueError for one that reaches for another object's private name.
    """
    trees = {name: ast.parse(source) for name, source in sources.items()}
    files = files or {name: [name] for name in sources if name not in keep}
    texts = {
        part for tree in trees.values() for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[\w.]+", node.value)
        for part in node.value.split(".")}
    named_in_calls = {
        node.arg for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}
    kept = {name for module in keep & set(trees) for name in _names(trees[module])}
    fixed = texts | reserved() | set(sources) | set(files) | outside | kept
    renamed = {name: tree for name, tree in trees.items() if name not in keep}
    families = _families(renamed, files)
    for family in families:
        bound = {name for module in family for name in _bound(trees[module])}
        for module in set(family) - scripts:
            _see_privacy(module, trees[module], bound)
    called = _called(renamed, families, files, fixed, named_in_calls, named or {})
    out, meant = {}, {}
    for module, tree in renamed.items():
        there = _all(tree)
        tree = _Rename(called[module]).visit(tree)
        if module not in scripts:
            _shorten_parameters(tree, named_in_calls)
        out[module] = ast.unparse(tree)
        meant[module] = {new: spelled(old) for old, new in called[module].items() if old in there}
    return sources | out, meant


Cell = tuple[str, object]
"""A table that names are looked up in, where no two may be alike: the attributes of a family's objects, the globals of
a file, and what one module mentions that is a variable of some function in it."""


def _called(
    trees: dict[str, ast.Module], families: list[list[str]], files: dict[str, list[str]], fixed: set[str],
    keywords: set[str], named: dict[str, str],
) -> dict[str, dict[str, str]]:
    """What each module calls its names from now on: those that are bound somewhere, are looked up, and are not fixed.
    `keywords` are looked up wherever a parameter is called so.

    The most mentioned names are served first, each with the first new one that is in none of its tables yet.
    """
    number = {module: index for index, family in enumerate(families) for module in family}
    home = {module: file for file, there in files.items() for module in there}
    bound = set().union(*(_looked_up(tree) | keywords & _parameters(tree) for tree in trees.values()))
    alone = set().union(*(_set_on_others(tree) for tree in trees.values()))
    taken: dict[Cell, set[str]] = {}
    cells: dict[tuple[str, int], set[Cell]] = {}  # of a name, which with an underscore is one for each family
    often: Counter[tuple[str, int]] = Counter()
    for module, tree in trees.items():
        there: dict[str, Cell] = {"a": ("a", number[module]), "v": ("v", module), "g": ("g", home[module])}
        for name, kinds in _mentions(tree):
            one = _one(name, number[module])
            cells.setdefault(one, set()).update(there[kind] for kind in kinds)
            often[one] += 1
            for kind in kinds:
                taken.setdefault(there[kind], set()).add(name)
    attributes = {cell for cell in taken if cell[0] == "a"}
    called: dict[tuple[str, int], str] = {}
    tables = {("g", file): Globals([trees[module] for module in there]) for file, there in files.items()}
    for old, name in named.items():
        called[old, -1] = name
        for cell in cells[old, -1]:
            taken[cell].add(name)
            if cell in tables:
                tables[cell].put(name)
    pool = [name for name in in_flash() if len(name) > 2 and name[0] != "_" and name not in fixed]

    def weight(one: tuple[str, int]) -> tuple[object, ...]:
        return one[0] not in alone, -len(cells[one]), -often[one], one

    for one in sorted(cells, key=weight):
        name = one[0]
        free = SEP in name or (name in bound and name not in fixed and len(name) > 2 and not name.endswith("__"))
        if one in called or not free:
            continue
        where = cells[one] | (attributes if name in alone and not name.startswith("_") else set())
        clash = set().union(*(taken[cell] for cell in where))
        held = [tables[cell] for cell in where if cell in tables and name in tables[cell].names]
        fits = [new for new in pool if new not in clash]
        if held and fits:
            short = min(fits, key=lambda new: sum(table.way(new) for table in held))
        else:
            short = next(new for new in chain(fits, _new_names("_")) if new not in clash)
        called[one] = short
        for cell in where:
            taken[cell].add(short)
        for table in held:
            table.put(short)
    out: dict[str, dict[str, str]] = {}
    for module, tree in trees.items():
        ones = {name: _one(name, number[module]) for name in _all(tree)}
        out[module] = {name: called[one] for name, one in ones.items() if one in called}
    return out


class Globals:
    """Where names lie in the table of a file's globals (MicroPython's py/map.c): at their hash, else in the next place.

    A name is looked for from its hash on, a place at a time with a division for each. So each gets a place of its own
    if it can; and the places where the search for a built-in function begins, which ends at a free one, stay free.
    """

    SIZES = (0, 2, 4, 6, 8, 10, 12, 17, 23, 29, 37, 47, 59, 73, 97, 127, 167, 223, 293, 389)

    def __init__(self, parts: list[ast.Module]):
        bodies = [node for part in parts for node in part.body]
        self.names = {name for node in bodies for name in _bound_by(node)} | {"__name__", "__file__"}
        self.size = next(size for size in self.SIZES if size >= len(self.names))
        self._free = [True] * self.size
        self._kept = {
            self._hash(node.id) for part in parts for node in ast.walk(part)
            if isinstance(node, ast.Name) and node.id.islower() and hasattr(builtins, node.id)}
        for name in sorted(self.names):
            if SEP not in name:
                self.put(name)

    def full(self) -> bool:
        """Whether a name that is not there is looked for in every place."""
        return len(self.names) == self.size

    def _hash(self, name: str) -> int:
        found = 5381
        for byte in name.encode():
            found = found * 33 & 0xFFFFFFFF ^ byte
        return (found & 0xFF or 1) % self.size

    def way(self, name: str) -> int:
        """How bad the place of a name would be."""
        at = self._hash(name)
        return 0 if self._free[at] and at not in self._kept else 1 if self._free[at] else 4

    def put(self, name: str) -> None:
        at = self._hash(name)
        while not self._free[at] and any(self._free):
            at = (at + 1) % self.size
        self._free[at] = False


def _bound_by(node: ast.stmt) -> Iterator[str]:
    """Names that a statement of a module binds in it."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    else:
        yield from bound_at(node)


def _one(name: str, family: int) -> tuple[str, int]:
    """One and the same name: a private one is its family's."""
    return name, family if name.startswith("_") else -1


def _mentions(tree: ast.AST, level: str = "module") -> Iterator[tuple[str, str]]:
    """Every identifier, as often as it occurs, and the kinds of tables that it is in there: a, v, g of a `Cell`.

    A global of a joined module is looked up in its file's table alone; any other may be an attribute of its module.
    """
    kinds = {"module": "avg", "class": "av", "function": "v"}[level]
    for node in ast.iter_child_nodes(tree):
        inner = level
        if isinstance(node, ast.Name):
            yield node.id, "vg" if SEP in node.id else kinds
        elif isinstance(node, ast.Attribute):
            yield node.attr, "" if SEP in node.attr else "a"
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name, "vg" if SEP in node.name else kinds
            for outside in (*node.decorator_list, *(node.bases if isinstance(node, ast.ClassDef) else [node.args])):
                yield from _mentions(ast.Expr(outside), level)  # type: ignore[arg-type]
            inner = "class" if isinstance(node, ast.ClassDef) else "function"
            yield from _mentions(ast.Module(node.body, []), inner)
            continue
        elif isinstance(node, ast.Lambda):
            inner = "function"
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg, "a"
        elif isinstance(node, ast.arg):
            yield node.arg, "av"
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            for name in node.names:
                yield name, "vg" if SEP in name else "avg"
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                for name in alias.name.split("."):
                    yield name, "" if SEP in name else "a"
                local = alias.asname or alias.name.partition(".")[0]
                yield local, "vg" if SEP in local else kinds
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name, "vg" if SEP in node.name else kinds
        yield from _mentions(node, inner)


def _looked_up(tree: ast.Module) -> set[str]:
    """Names bound here that MicroPython looks up by name when the program runs: all but a function's own variables."""
    found = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    found |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
              and not isinstance(node.ctx, ast.Load)}  # fmt: skip
    found |= {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
    inside = list(tree.body)
    while inside:
        node = inside.pop()
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        if not isinstance(node, (ast.FunctionDef, ast.Lambda)):
            inside += ast.iter_child_nodes(node)
    return found


def _parameters(tree: ast.Module) -> set[str]:
    return {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}


def _set_on_others(tree: ast.Module) -> set[str]:
    """Attributes that are set on another object than `self`."""
    return {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load)
        and not (isinstance(node.value, ast.Name) and node.value.id == "self")}


@cache
def in_flash() -> tuple[str, ...]:
    """Names that the board's MicroPython has in its flash. One that a release has not works as well, and costs what any
    other name does."""
    lines = IN_FLASH.read_text(encoding="ascii").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))


@cache
def reserved() -> frozenset[str]:
    """Names that MicroPython's modules and types have, as far as the firmware can use them."""
    found = set(dir(builtins)) | set(keyword.kwlist)
    for path in SEAM.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        of_its_own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - _looked_up(tree)
        attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} | _parameters(tree)
        found |= {name for name in _all(tree) - (of_its_own - attributes) if not name.startswith("_")}
    for name in STANDARD:
        module = importlib.import_module(name)
        for part in dir(module):
            found |= {part, *dir(getattr(module, part))}
    return frozenset(found)


def _see_privacy(module: str, tree: ast.AST, bound: set[str]) -> None:
    for node in ast.walk(tree):
        found = ""
        if isinstance(node, ast.Attribute):
            found = node.attr
        elif isinstance(node, ast.ImportFrom):
            found = next((alias.name for alias in node.names if alias.name.startswith("_")), "")
        if found.startswith("_") and not found.endswith("__") and found not in bound:
            raise ValueError(f"{module}, line {node.lineno}: {found} is another's private name")


def _bound(tree: ast.AST) -> Iterator[str]:
    """Names that a module gives to something of its own: functions, classes, globals, attributes."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            yield node.attr
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id


def _all(tree: ast.AST) -> set[str]:
    return set(_names(tree))


def names_in(text: str) -> frozenset[str]:
    """Every identifier of a source."""
    return frozenset(_names(ast.parse(text)))


def _names(tree: ast.AST) -> Iterator[str]:
    """Every identifier in a tree, as often as it occurs."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.arg, ast.keyword)) and node.arg:
            yield node.arg
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            yield from node.names
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                yield from alias.name.split(".")
                if alias.asname:
                    yield alias.asname
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name


def _families(trees: dict[str, ast.Module], files: dict[str, list[str]]) -> list[list[str]]:
    """Modules in groups: those whose classes inherit from one another's are together."""
    group = {name: {name} for name in trees}
    imports = {name: ast.Module([node for other in there for node in trees[other].body], []) for there in files.values()
               for name in there}
    for name, tree in trees.items():
        bases = {
            part.id for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
            for base in node.bases for part in ast.walk(base) if isinstance(part, ast.Name)}
        homes = {base.rpartition(SEP)[0].replace(SEP, ".") for base in bases} | _homes(imports[name], bases)
        for home in homes & set(trees):
            joined = group[name] | group[home]
            for member in joined:
                group[member] = joined
    return sorted(sorted(members) for members in {id(members): members for members in group.values()}.values())


def _homes(tree: ast.Module, names: set[str]) -> set[str]:
    """The modules that some names of a module come from."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) in names:
                    found |= {node.module, f"{node.module}.{alias.name}"}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if (alias.asname or alias.name) in names}
    return found


def _new_names(start: str) -> Iterator[str]:
    """a, b, ... z, aa, ... after `start`."""
    for length in count(1):
        for number in range(26**length):
            letters = ""
            for _ in range(length):
                number, letter = divmod(number, 26)
                letters = chr(97 + letter) + letters
            yield start + letters


class _Rename(ast.NodeTransformer):
    """Replaces identifiers wherever they stand."""

    def __init__(self, new: dict[str, str]):
        self._new = new

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._new.get(node.id, node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        node.attr = self._new.get(node.attr, node.attr)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self._new.get(node.name, node.name)
        return self.generic_visit(node)

    visit_ClassDef = visit_FunctionDef  # noqa: N815 (ast calls it so)

    def visit_arg(self, node: ast.arg | ast.keyword) -> ast.AST:
        if node.arg:  # a keyword of ** has none
            node.arg = self._new.get(node.arg, node.arg)
        return self.generic_visit(node)

    visit_keyword = visit_arg

    def visit_Global(self, node: ast.Global) -> ast.AST:
        node.names = [self._new.get(name, name) for name in node.names]
        return node

    visit_Nonlocal = visit_Global  # noqa: N815

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.name = self._new.get(node.name, node.name) if node.name else None
        return self.generic_visit(node)

    def visit_alias(self, node: ast.alias) -> ast.AST:
        node.name = self._new.get(node.name, node.name)
        if node.asname:
            node.asname = self._new.get(node.asname, node.asname)
        return node


def _shorten_parameters(tree: ast.AST, named_in_calls: set[str]) -> None:
    """In place: parameters that no call names, of functions with no function in them, are a, b, c and so on."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        inner = [part for part in ast.walk(node) if part is not node]
        if any(isinstance(part, (ast.FunctionDef, ast.Lambda, ast.ClassDef, ast.comprehension)) for part in inner):
            continue
        own = [arg.arg for arg in node.args.args]
        there = set(_names(node)) | set(dir(builtins))
        new = (name for name in _new_names("") if name not in there and not keyword.iskeyword(name))
        renamed = {name: next(new) for name in own if name != "self" and name not in named_in_calls}
        for part in inner:
            if isinstance(part, ast.arg):
                part.arg = renamed.get(part.arg, part.arg)
            elif isinstance(part, ast.Name):
                part.id = renamed.get(part.id, part.id)
