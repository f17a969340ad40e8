"""Puts the firmware's integer constants in the places that use them, across its modules, before it is compiled.

MicroPython's compiler does this for constants of the same module whose names begin with an underscore. A constant that
other modules use keeps its name there: a string in the heap, a place in the module's dict, two look-ups at each use.
Of the pen's 241 kB of heap that is too much, and in a stroke every look-up counts. So a module-level name that is given
an integer once, by an expression of integers and other such names, is replaced by its value wherever it is read, its
definition goes, and an import that nothing uses any more goes too. What the program does is the same.

Left alone: a name that is also bound in a function of its module or declared `global`, and one that is set from
another module. A module that is handed on as an object keeps the definitions that may be looked up in it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

Constants = dict[str, dict[str, int]]
"""By module, the value of each of its folded names."""


def fold(
    sources: dict[str, str], keep: frozenset[str] = frozenset(), outside: frozenset[str] = frozenset(),
) -> dict[str, str]:
    """The sources, by module name ("gate", "drivers.fram"), with their constants folded; `keep`: modules not folded.

    `outside`: names that others look up in these modules; their definitions stay.
    Python that means the same, without comments and docstrings. SyntaxError for a source that is no Python.
    """
    modules = {name: _Module(name, ast.parse(source)) for name, source in sources.items()}
    constants = _constants({name: module for name, module in modules.items() if name not in keep}, modules)
    handed_on = {home for module in modules.values() for home in module.handed_on()}
    for name, module in modules.items():
        if name not in keep:
            module.put_in_place(constants)
    looked_up = {
        node.attr for module in modules.values() for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)}
    for name, module in modules.items():
        if name not in keep:
            needed = outside | (looked_up if name in handed_on else set())
            module.clear(set(constants[name]) - needed, set(modules))
    return {name: sources[name] if name in keep else ast.unparse(module.tree) for name, module in modules.items()}


def constants_of(sources: dict[str, str]) -> Constants:
    """What `fold` would put in place of which names."""
    modules = {name: _Module(name, ast.parse(source)) for name, source in sources.items()}
    return _constants(modules, modules)


def _constants(foldable: dict[str, _Module], modules: dict[str, _Module]) -> Constants:
    """Values of all names that are integers for ever; what depends on another is found once that one is."""
    set_elsewhere = {place for module in modules.values() for place in module.sets}
    found: Constants = {name: {} for name in modules}
    while True:
        new = 0
        for name, module in foldable.items():
            for target, expression in module.candidates.items():
                if target in found[name] or (name, target) in set_elsewhere:
                    continue
                value = module.value(expression, found)
                if value is not None:
                    found[name][target] = value
                    new += 1
        if not new:
            return found


@dataclass
class _Module:
    """What one module binds, where from, and which of its names may be constants."""

    name: str
    tree: ast.Module
    imports: dict[str, str] = field(default_factory=dict)  # the local name of a whole module: its name
    taken: dict[str, tuple[str, str]] = field(default_factory=dict)  # a name taken from a module: module, name there
    candidates: dict[str, ast.expr] = field(default_factory=dict)
    sets: set[tuple[str, str]] = field(default_factory=set)  # names of other modules that this one sets
    inner: set[str] = field(default_factory=set)  # names that something below module level binds

    def __post_init__(self) -> None:
        for node in self.tree.body:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if "." not in alias.name:
                        self.imports[alias.asname or alias.name] = alias.name
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    self.taken[alias.asname or alias.name] = (node.module, alias.name)
        self.inner = {name for node in self.tree.body for name in _bound_below(node)}
        bound = [name for node in self.tree.body for name in _bound_by(node)]
        for node in self.tree.body:
            target = _constant_target(node)
            if target is not None and bound.count(target) == 1 and target not in self.inner:
                assert isinstance(node, ast.Assign)
                self.candidates[target] = _inside_const(node.value)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and _is_bound(node):
                self.sets.add((self.whole_module(node.value.id), node.attr))

    def whole_module(self, local: str) -> str:
        """The module that a local name stands for; "" if none, or if it may be something else somewhere."""
        if local in self.inner:
            return ""
        if local in self.imports:
            return self.imports[local]
        package, name = self.taken.get(local, ("", ""))
        return f"{package}.{name}"

    def value(self, expression: ast.expr, constants: Constants) -> int | None:
        """An expression's integer, if it is one of integers and of constants that are known."""
        tree = _Fold(self, constants).visit(ast.Expression(_copied(expression)))
        for node in ast.walk(tree):
            if not isinstance(node, _OF_INTEGERS):
                return None
            if isinstance(node, ast.Constant) and type(node.value) is not int:
                return None
        try:
            value = eval(compile(ast.fix_missing_locations(tree), self.name, "eval"), {"__builtins__": {}})
        except (ArithmeticError, ValueError):
            return None
        return value if type(value) is int else None

    def handed_on(self) -> set[str]:
        """Modules that this one uses as objects, not only for what is in them."""
        looked_into = {
            id(node.value) for node in ast.walk(self.tree) if isinstance(node, ast.Attribute)}
        return {
            self.whole_module(node.id) for node in ast.walk(self.tree)
            if isinstance(node, ast.Name) and id(node) not in looked_into} - {""}

    def put_in_place(self, constants: Constants) -> None:
        """Every read of a constant becomes its value."""
        self.tree = _Fold(self, constants).visit(self.tree)

    def clear(self, gone: set[str], known: set[str]) -> None:
        """Nothing stays that only constants needed: not the definitions in `gone`, not an import of a `known` module.

        What the import of another one does, nobody knows here.
        """
        tree = self.tree
        tree.body = [node for node in tree.body if _constant_target(node) not in gone]
        _without_docstrings(tree)
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        known = known | {"micropython"}
        for node in tree.body:
            if isinstance(node, ast.Import):
                node.names = [
                    alias for alias in node.names
                    if (alias.asname or alias.name.partition(".")[0]) in used or alias.name not in known]
            elif isinstance(node, ast.ImportFrom):
                node.names = [
                    alias for alias in node.names
                    if (alias.asname or alias.name) in used or not {node.module, f"{node.module}.{alias.name}"} & known]
        tree.body = [node for node in tree.body if not isinstance(node, _IMPORTS) or node.names] or [ast.Pass()]
        ast.fix_missing_locations(tree)


_IMPORTS = (ast.Import, ast.ImportFrom)
_OF_INTEGERS = (ast.Expression, ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop)


def _copied(expression: ast.expr) -> ast.expr:
    return ast.parse(ast.unparse(expression), mode="eval").body


def _is_bound(node: ast.Name | ast.Attribute) -> bool:
    return not isinstance(node.ctx, ast.Load)


def _constant_target(node: ast.stmt) -> str | None:
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return None


def _inside_const(expression: ast.expr) -> ast.expr:
    if isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name) and expression.func.id == "const":
        return expression.args[0]
    return expression


def _bound_by(node: ast.stmt) -> list[str]:
    """Names that a statement of a module binds in it, each as often as it does."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    return [
        part.id for part in ast.walk(node) if isinstance(part, ast.Name) and _is_bound(part)]


def _bound_below(node: ast.stmt) -> set[str]:
    """Names that functions and classes in a statement bind for themselves, or reach for by `global`."""
    if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {
            part.target.id for part in ast.walk(node)
            if isinstance(part, ast.comprehension) and isinstance(part.target, ast.Name)}
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.arg):
            found.add(part.arg)
        elif isinstance(part, ast.Name) and _is_bound(part):
            found.add(part.id)
        elif isinstance(part, (ast.Global, ast.Nonlocal)):
            found.update(part.names)
        elif part is not node and isinstance(part, (ast.FunctionDef, ast.ClassDef)):
            if isinstance(node, ast.FunctionDef):
                found.add(part.name)
        elif isinstance(part, (ast.Import, ast.ImportFrom)):
            found.update(alias.asname or alias.name.partition(".")[0] for alias in part.names)
        elif isinstance(part, ast.ExceptHandler) and part.name:
            found.add(part.name)
    return found


def _without_docstrings(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]


class _Fold(ast.NodeTransformer):
    """Replaces every read of a constant by its value."""

    def __init__(self, module: _Module, constants: Constants):
        self._module = module
        self._constants = constants

    def visit_Name(self, node: ast.Name) -> Any:
        if isinstance(node.ctx, ast.Load) and node.id not in self._module.inner:
            own = self._constants.get(self._module.name, {}).get(node.id)
            if own is None and node.id in self._module.taken:
                home, name = self._module.taken[node.id]
                own = self._constants.get(home, {}).get(name)
            if own is not None:
                return _literal(own)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        if isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name):
            home = self._module.whole_module(node.value.id)
            value = self._constants.get(home, {}).get(node.attr)
            if value is not None:
                return _literal(value)
        self.generic_visit(node)
        return node


def _literal(value: int) -> ast.expr:
    return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0 else ast.Constant(value)
