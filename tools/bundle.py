"""Joins modules of the firmware into a few files with one global namespace each, before they are compiled.

Each file that MicroPython imports costs some 280 bytes of heap, its path and its name among the names in the heap, a
table for its globals with the places that are free in it, a place in that table for every name it takes from another,
and on the average half a block of flash, twice. So modules that are loaded at the same time and stay share one file:

- the stages are the modules that a start of the pen loads one after another; each makes a file of what it imports and
  the stages before it have not, with what of the rest is needed by something that it fetches;
- what else somebody fetches (an `import` in a function, `heap.borrow`, `__import__`) makes a file with what only it
  imports;
- a module stays by itself that is handed on as an object, that has a stand-in in the simulator, or that several of the
  fetched ones import.

In a joined module every global is called `module·name`; tools/shorten.py gives it a name that is free in its file. What
was taken from a module of the same file is that global, what was taken from another file is imported once, at the top.
Modules stand in the order in which Python would run them. In a module that is fetched or stays by itself names are as
they were: others look them up by name. What would mean something else in a file with others is refused, with its line.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

SEP = "·"
FETCH = ("borrow", "__import__")
CONST = ("micropython", "const")  # says what MicroPython's compiler may put in place: that is done by now

Files = dict[str, list[str]]
"""By file, without its extension: the modules in it, in order."""


@dataclass
class Joined:
    """The firmware in files. `parts`: each module, and the imports of each file under the file's name and a `SEP`."""

    files: Files
    parts: dict[str, ast.Module]
    scripts: dict[str, ast.Module]  # what looks into the files from outside
    names: dict[str, str]  # what others than these files know a global by

    def in_order(self) -> dict[str, list[str]]:
        """By file, its parts."""
        return {file: [file + SEP, *modules] for file, modules in self.files.items()}


def join(
    sources: dict[str, str], stages: tuple[str, ...] = (), keep: frozenset[str] = frozenset(),
    apart: frozenset[str] = frozenset(), scripts: dict[str, str] | None = None,
) -> Joined:
    """The sources, by module name, in files; modules in `keep` are not touched, those in `apart` stay by themselves.

    `scripts` look into the modules from outside, also for private names. ValueError for what cannot be joined.
    """
    modules = {name: _Module(name, ast.parse(source)) for name, source in sources.items()}
    outside = {name: _Module(name, ast.parse(text)) for name, text in (scripts or {}).items()}
    for module in (*modules.values(), *outside.values()):
        module.look(set(modules))
    files = _planned(modules, stages, keep, apart | _handed_on(modules, outside))
    _check_order(modules, files)
    return _Joiner(modules, files, stages, keep).join(outside)


# -- which file ---------------------------------------------------------------------------------------------


def _handed_on(modules: dict[str, _Module], outside: dict[str, _Module]) -> frozenset[str]:
    return frozenset(name for module in (*modules.values(), *outside.values()) for name in module.handed_on())


def _planned(
    modules: dict[str, _Module], stages: tuple[str, ...], keep: frozenset[str], apart: frozenset[str],
) -> Files:
    """The files of all modules but those in `keep`."""
    free = [name for name in modules if name not in keep and name not in apart]
    stay = set().union(*(_run_order(modules, stage) for stage in stages))
    files: Files = {}
    placed: set[str] = set()
    for stage in stages:
        order = _run_order(modules, stage)
        fetched = [name for module in order for name in modules[module].fetches if name not in stages]
        for root in fetched:
            order += [name for name in _run_order(modules, root) if name in stay and name not in order]
        files[stage] = [name for name in order if name in free and name not in placed]
        placed |= set(files[stage])
    rest = [name for name in free if name not in placed and not _is_empty(modules, name)]
    imported = {name for module in rest for name in modules[module].needs() if name != module}
    fetched = {name for module in modules.values() for name in module.fetches}
    roots = [name for name in rest if name not in imported or name in fetched]
    reached = {root: [name for name in _run_order(modules, root) if name in rest] for root in roots}
    for root in roots:
        others = set().union(*(reached[other] for other in roots if other != root), roots)
        files[root] = [name for name in reached[root] if name == root or name not in others]
    together = {name for there in files.values() for name in there}
    files |= {name: [name] for name in modules if name in apart or (name in rest and name not in together)}
    return files


def _run_order(modules: dict[str, _Module], first: str) -> list[str]:
    """`first` and what its import brings, in the order in which Python comes to the end of each."""
    order: list[str] = []
    begun: set[str] = set()

    def run(name: str) -> None:
        if name not in begun:
            begun.add(name)
            for needed in modules[name].needs():
                run(needed)
            order.append(name)

    run(first)
    return order


def _is_empty(modules: dict[str, _Module], name: str) -> bool:
    """Whether nothing is left of a module and nobody wants it."""
    wanted = {needed for module in modules.values() for needed in (*module.needs(), *module.fetches)}
    return name not in wanted and all(isinstance(node, ast.Pass) for node in modules[name].tree.body)


def _check_order(modules: dict[str, _Module], files: Files) -> None:
    """ValueError if two files need each other to be loaded: each may need a name before the other has it."""
    home = {name: file for file, there in files.items() for name in there}
    ways = {file: {home[needed]: (name, line) for name in there for needed, line in modules[name].lines.items()
                   if home.get(needed, file) != file} for file, there in files.items()}  # fmt: skip

    def visit(file: str, path: list[str]) -> None:
        if file in path:
            (name, line), ring = ways[path[-1]][file], path[path.index(file) :]
            raise ValueError(f"{name}, line {line}: the files {' and '.join(ring)} import each other")
        for needed in ways[file]:
            visit(needed, [*path, file])

    for file in files:
        visit(file, [])


# -- what a module binds ------------------------------------------------------------------------------------


@dataclass
class _Module:
    """What a module binds at its top, and where from."""

    name: str
    tree: ast.Module
    own: set[str] = field(default_factory=set)
    whole: dict[str, str] = field(default_factory=dict)  # the local name of a whole module: its name
    taken: dict[str, tuple[str, str]] = field(default_factory=dict)  # a name taken from a module: module, name there
    lines: dict[str, int] = field(default_factory=dict)  # the modules of the firmware that its import needs
    fetches: dict[str, int] = field(default_factory=dict)  # those that it imports later
    named: dict[str, int] = field(default_factory=dict)  # and those of them that it fetches by a text
    changing: set[str] = field(default_factory=set)  # its globals that a function binds anew

    def needs(self) -> Iterable[str]:
        return self.lines

    def look(self, known: set[str]) -> None:
        """Find all of that; `known`: the modules of the firmware."""
        for node in self.tree.body:
            for local, module, name in imports_of(node, known):
                if name:
                    self.taken[local] = (module, name)
                else:
                    self.whole[local] = module
                if module in known and module != self.name:
                    self.lines.setdefault(module, node.lineno)
            self.own |= set(bound_at(node))
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.Global, ast.Nonlocal)):
                self.changing |= set(node.names) if isinstance(node, ast.Global) else set()
            elif isinstance(node, (ast.Import, ast.ImportFrom)) and node not in self.tree.body:
                for _, module, _ in imports_of(node, known):
                    if module in known:
                        self.fetches.setdefault(module, node.lineno)
            elif isinstance(node, ast.Call) and _called(node.func) in FETCH and node.args:
                text = node.args[0]
                if isinstance(text, ast.Constant) and text.value in known:
                    self.named.setdefault(text.value, node.lineno)
        self.fetches |= self.named
        self.own |= self.changing

    def handed_on(self) -> set[str]:
        """Modules of the firmware that this one uses as objects, not only for what is in them."""
        looked_into = {id(node.value) for node in ast.walk(self.tree) if isinstance(node, ast.Attribute)}
        inside = set().union(*(_Scope(node).names for node in ast.walk(self.tree) if isinstance(node, _FUNCTIONS)))
        return {
            self.whole[node.id] for node in ast.walk(self.tree)
            if isinstance(node, ast.Name) and id(node) not in looked_into and node.id in self.whole
            and node.id not in inside and self.whole[node.id] in self.lines}


_FUNCTIONS = (ast.FunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def imports_of(node: ast.AST, known: set[str]) -> Iterator[tuple[str, str, str]]:
    """(local name, module, name taken from it or "") for each import of a statement."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name, alias.name, ""
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            inner = f"{node.module}.{alias.name}"
            local = alias.asname or alias.name
            yield (local, inner, "") if inner in known else (local, node.module or "", alias.name)


def _called(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def bound_at(node: ast.AST) -> Iterator[str]:
    """Names that a statement binds where it stands, imports left out."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield node.name
        return
    if isinstance(node, (ast.Lambda, *_COMPREHENSIONS)):
        return
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name
    for child in ast.iter_child_nodes(node):
        yield from bound_at(child)


def _arguments(node: ast.FunctionDef | ast.Lambda) -> list[ast.arg]:
    every = node.args
    return [arg for arg in (*every.posonlyargs, *every.args, *every.kwonlyargs, every.vararg, every.kwarg) if arg]


def _statements_of(node: ast.AST) -> Iterator[ast.AST]:
    """What runs in a function or a class itself, and not in one inside it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.ClassDef, ast.Lambda)):
            yield from _statements_of(child)


class _Scope:
    """What a function, a class or a comprehension binds for itself."""

    def __init__(self, node: ast.AST):
        self.node = node
        self.modules: dict[str, str] = {}  # local names of whole modules that it imports from another file
        self.same: dict[str, str] = {}  # and of those in the same file
        self.taken: dict[str, tuple[str, str]] = {}  # what it takes from modules of the same file
        self.names: set[str] = set()
        if isinstance(node, _COMPREHENSIONS):
            for generator in node.generators:
                self.names |= set(bound_at(generator.target))
            return
        if isinstance(node, _FUNCTIONS):
            self.names |= {arg.arg for arg in _arguments(node)}
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            for statement in node.body:
                self.names |= set(bound_at(statement))
            for inner in _statements_of(node):
                if isinstance(inner, (ast.Global, ast.Nonlocal)):
                    self.names -= set(inner.names)
                elif isinstance(inner, (ast.Import, ast.ImportFrom)):
                    self.names |= {alias.asname or alias.name.partition(".")[0] for alias in inner.names}


# -- joining ------------------------------------------------------------------------------------------------


class _Joiner:
    def __init__(self, modules: dict[str, _Module], files: Files, stages: tuple[str, ...], keep: frozenset[str]):
        self.modules = modules
        self.files = files
        self.keep = keep
        self.home = {name: file for file, there in files.items() for name in there}
        # their globals keep their names
        self.plain = keep | {name for name, file in self.home.items() if name == file and file not in stages}
        self.headers: dict[str, dict[tuple[str, str], str]] = {file: {} for file in files}  # what is taken: called
        self.called: dict[str, set[str]] = {file: set() for file in files}
        for file, there in files.items():
            self.called[file] |= {own for name in there if name in self.plain for own in modules[name].own}
        self.names: dict[str, str] = {}

    def join(self, outside: dict[str, _Module]) -> Joined:
        parts = {}
        for file, there in self.files.items():
            for name in there:
                module = self.modules[name]
                for fetched, line in module.named.items():
                    if fetched not in self.plain:
                        raise ValueError(f"{name}, line {line}: {fetched} is in the file {self.home.get(fetched)}")
                for both in sorted(module.own & (module.taken.keys() | module.whole.keys())):
                    raise ValueError(f"{name}: {both} is imported and bound anew, which cannot be joined")
                self._take_unknown(module, file)
                parts[name] = _Resolver(self, module, file).visit(module.tree)
        scripts = {name: _Resolver(self, module, "").visit(module.tree) for name, module in outside.items()}
        for name in self.keep & set(self.modules):
            self._see_loader(self.modules[name])
        parts |= {file + SEP: self._header(file) for file in self.files}
        for tree in (*parts.values(), *scripts.values()):
            ast.fix_missing_locations(tree)
        return Joined(self.files, parts, scripts, self.names)

    def _take_unknown(self, module: _Module, file: str) -> None:
        """A module's imports go from it to the file's; what an import of one of MicroPython's modules does stays."""
        body = module.tree.body
        module.tree.body = [node for node in body if not isinstance(node, (ast.Import, ast.ImportFrom))]
        for node in body:
            for _, there, name in imports_of(node, set(self.modules)):
                if there not in self.modules and (there, name) != CONST:
                    self.take(file, there, name)

    def _see_loader(self, module: _Module) -> None:
        """What a module that is not touched looks up in a joined one keeps its name; that one has to name its file."""
        for name, line in module.fetches.items():
            if name in self.plain:
                continue
            if self.home.get(name) != name:
                raise ValueError(f"{module.name}, line {line}: {name} is in the file {self.home.get(name)}")
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
                    self.names[token(name, node.attr)] = node.attr

    def _header(self, file: str) -> ast.Module:
        """The imports of a file."""
        body: list[ast.stmt] = []
        for (module, name), called in sorted(self.headers[file].items()):
            if name:
                asname = None if called == name else called
                body.append(ast.ImportFrom(module, [ast.alias(name, asname)], 0))
            else:
                body.append(ast.Import([ast.alias(module, None if called == module else called)]))
        return ast.Module(body, [])

    def take(self, file: str, module: str, name: str) -> str:
        """Have a name, or with "" the whole module, at the top of a file; what it is called there."""
        known = self.headers[file]
        if (module, name) not in known:
            called = name or module
            if called in self.called[file] or "." in called or (name and hasattr(builtins, called)):
                called = token(module, name or "module")
            self.called[file].add(called)
            known[module, name] = called
        return known[module, name]

    def global_of(self, by: _Module, module: str, name: str, line: int) -> tuple[str, str]:
        """(module that has it, its name there) of what `by` takes from another module; with "": a whole module."""
        while module in self.modules and module not in self.keep:
            home = self.modules[module]
            if name in home.own:
                if name.startswith("_") and module != by.name and by.name in self.modules:
                    raise ValueError(f"{by.name}, line {line}: {name} is another's private name")
                break
            if name in home.taken:
                module, name = home.taken[name]
            elif name in home.whole:
                return home.whole[name], ""
            else:
                raise ValueError(f"{by.name}, line {line}: {module} has no {name}")
        return module, name


def token(module: str, name: str) -> str:
    """What a global of a joined module is called until it gets its name."""
    return module.replace(".", SEP) + SEP + name


def spelled(name: str) -> str:
    """A global's name as it is in the source: gate.Chain."""
    return name.replace(SEP, ".")


class _Resolver(ast.NodeTransformer):
    """Gives each global of one module its name in the file. With no file: of a script that looks in from outside."""

    def __init__(self, joiner: _Joiner, module: _Module, file: str):
        self._joiner = joiner
        self._module = module
        self._file = file
        self._plain = module.name in joiner.plain or not file
        self._scopes: list[_Scope] = []

    # -- scopes

    def _scope_of(self, name: str) -> _Scope | None:
        """The scope that binds a name where it is read now; None for a global."""
        for scope in reversed(self._scopes):
            if isinstance(scope.node, ast.ClassDef) and scope is not self._scopes[-1]:
                continue
            if name in scope.names:
                return scope
        return None

    def _in_scope(self, node: ast.AST, parts: Iterable[str]) -> None:
        scope = _Scope(node)
        self._scopes.append(scope)
        for part in parts:
            value = getattr(node, part)
            setattr(node, part, self._visited(value) if isinstance(value, list) else self.visit(value))
        self._scopes.pop()

    def _visited(self, nodes: list[ast.AST]) -> list[ast.AST]:
        out = []
        for node in nodes:
            found = self.visit(node)
            out += found if isinstance(found, list) else [] if found is None else [found]
        return out

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = self._visited(node.decorator_list)
        if not any(_called(decorator) == "viper" for decorator in node.decorator_list):  # elsewhere they say nothing
            node.returns = None
            for arg in _arguments(node):
                arg.annotation = None
        node.args = self.visit(node.args)
        if not self._scopes:
            node.name = self._own(node.name)
        self._in_scope(node, ("body",))
        node.body = node.body or [ast.Pass()]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list = self._visited(node.decorator_list)
        node.bases = self._visited(node.bases)
        if not self._scopes:
            node.name = self._own(node.name)
        self._in_scope(node, ("body",))
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        node.args = self.visit(node.args)
        self._in_scope(node, ("body",))
        return node

    def _visit_comprehension(self, node: ast.AST) -> ast.AST:
        first = node.generators[0].iter  # runs outside
        node.generators[0].iter = ast.Constant(None)
        first = self.visit(first)
        self._in_scope(node, (*(("key", "value") if isinstance(node, ast.DictComp) else ("elt",)), "generators"))
        node.generators[0].iter = first
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_comprehension  # noqa: N815

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        if node.name and not self._scopes:
            node.name = self._own(node.name)
        return self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> ast.AST:
        node.names = [self._own(name) for name in node.names]
        return node

    def _own(self, name: str) -> str:
        return name if self._plain else token(self._module.name, name)

    # -- imports in functions, and all of a script's

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> ast.AST | list[ast.stmt]:
        joiner, found = self._joiner, []
        scope = self._scopes[-1] if self._scopes else None
        if scope is None and self._file:
            self._refuse(node, "an import in a statement of the module")
        for local, module, name in imports_of(node, set(joiner.modules)):
            if name:
                module, name = joiner.global_of(self._module, module, name, node.lineno)
            if module not in joiner.home or module in joiner.plain:
                if not name:
                    found.append(ast.Import([ast.alias(module, None if local == module else local)]))
                else:
                    found.append(ast.ImportFrom(module, [ast.alias(name, None if local == name else local)], 0))
            elif joiner.home[module] == self._file:
                assert scope is not None
                if name:
                    scope.taken[local] = (module, name)
                else:
                    scope.same[local] = module
            elif name:
                found.append(ast.ImportFrom(joiner.home[module], [ast.alias(token(module, name), local)], 0))
            else:
                if scope is None:
                    self._module.whole[local] = module
                else:
                    scope.modules[local] = module
                home = joiner.home[module]
                found.append(ast.Import([ast.alias(home, None if local == home else local)]))
        return [ast.copy_location(statement, node) for statement in found or [ast.Pass()]]

    visit_ImportFrom = visit_Import  # noqa: N815

    # -- names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        scope = self._scope_of(node.id)
        if scope is not None:
            if node.id in scope.taken:
                return self._global(*scope.taken[node.id], node)
            if node.id in scope.same or node.id in scope.modules:
                self._refuse(node, "a module as an object")
            return node
        module = self._module
        if node.id in module.own:
            node.id = self._own(node.id)
            return node
        if not self._file:
            return node
        if node.id in module.taken:
            taken = self._joiner.global_of(module, *module.taken[node.id], node.lineno)
            if taken[0] in self._joiner.modules and taken[1] in self._joiner.modules[taken[0]].changing:
                self._refuse(node, f"{node.id} taken by itself, though {taken[0]} binds it anew")
            return self._global(*taken, node)
        if node.id in module.whole:
            return ast.copy_location(ast.Name(self._joiner.take(self._file, module.whole[node.id], ""), node.ctx), node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        called = node.func
        if isinstance(called, ast.Name) and self._module.taken.get(called.id) == CONST and self._file:
            return self.visit(node.args[0])
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name):
            local = node.value.id
            scope = self._scope_of(local)
            if scope is None:
                there = self._module.whole.get(local) if local not in self._module.own else None
            else:
                there = scope.modules.get(local) or scope.same.get(local)
            if there in self._joiner.modules and there not in self._joiner.keep:
                by_name = not self._file or (scope is not None and local in scope.modules)
                return self._looked_up(node, there, by_name)
        return self.generic_visit(node)

    def _looked_up(self, node: ast.Attribute, module: str, by_name: bool) -> ast.AST:
        """module.name"""
        joiner = self._joiner
        home, name = joiner.global_of(self._module, module, node.attr, node.lineno)
        joined = home in joiner.home and home not in joiner.plain
        if joined and not isinstance(node.ctx, ast.Load):
            self._refuse(node, f"{spelled(token(home, name))} set from another module")
        if by_name and (home, name) != (module, node.attr):
            self._refuse(node, f"{node.attr} by way of {module}")
        if joined and by_name:
            node.attr = token(home, name)
            return node
        if not joined and (home, name) == (module, node.attr):
            return node if by_name else self.generic_visit(node)
        return self._global(home, name, node)

    def _global(self, module: str, name: str, node: ast.Name | ast.Attribute) -> ast.AST:
        """A global of another module, as an expression; with "" the whole module."""
        joiner = self._joiner
        if module not in joiner.home or module in joiner.plain or not name:
            found: ast.expr = ast.Name(joiner.take(self._file, module, name), node.ctx)
            if module == self._file and name:
                found = ast.Name(name, node.ctx)
        elif joiner.home[module] == self._file:
            found = ast.Name(token(module, name), node.ctx)
        elif name in joiner.modules[module].changing:
            found = ast.Attribute(ast.Name(joiner.take(self._file, joiner.home[module], ""), ast.Load()),
                                  token(module, name), node.ctx)  # fmt: skip
        else:
            found = ast.Name(joiner.take(self._file, joiner.home[module], token(module, name)), node.ctx)
        return ast.copy_location(found, node)

    def _refuse(self, node: ast.AST, what: str) -> None:
        raise ValueError(f"{self._module.name}, line {node.lineno}: {what} cannot be joined")  # type: ignore[attr-defined]
