"""Makes mutants of a Python source: every place of it times every operator, as edits of the text.

An edit leaves the rest of the text as it is, so that a mutant reads as a diff of one place. Docstrings, imports and
annotations are left alone, and so is what a decorator with arguments assembles: the gate's programs have a digest of
their own.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

COMPARISONS = {
    ast.Lt: ("<", "<=", ">="), ast.LtE: ("<=", "<", ">"), ast.Gt: (">", ">=", "<="), ast.GtE: (">=", ">", "<"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.Is: ("is", "is not"), ast.IsNot: (r"is\s+not", "is"),
    ast.In: ("in", "not in"), ast.NotIn: (r"not\s+in", "in"),
}  # fmt: skip
ARITHMETIC = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "//"), ast.FloorDiv: ("//", "*"), ast.Mod: ("%", "*"),
    ast.LShift: ("<<", ">>"), ast.RShift: (">>", "<<"), ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"),
    ast.BitXor: ("^", "|"),
}  # fmt: skip
OTHER_CALL = {"min": "max", "max": "min"}
CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*|_[NX]")


class Mutant(NamedTuple):
    """One place changed. `was` and `now` are its lines before and after, in one line; `nth` tells twins apart."""

    module: str
    where: str  # function or "(module)"
    line: int
    operator: str
    was: str
    now: str
    nth: int
    text: str  # the whole source with the change

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        return self.module, self.where, self.was, self.now, self.nth


def constant_groups(source: str) -> dict[str, str]:
    """For every upper-case constant of a module the next one of its group: those defined without a blank line between.

    The last of a group is followed by the first; a constant that stands alone has no other.
    """
    groups: list[list[str]] = []
    last_line = None
    for node in ast.parse(source).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if not isinstance(target, ast.Name) or not CONSTANT.fullmatch(target.id) or node.lineno != node.end_lineno:
            last_line = None
            continue
        if last_line is None or node.lineno != last_line + 1:
            groups.append([])
        groups[-1].append(target.id)
        last_line = node.lineno
    return {name: group[(at + 1) % len(group)] for group in groups if len(group) > 1 for at, name in enumerate(group)}


class _Maker(ast.NodeVisitor):
    """Collects (operator, where, start, end, replacement), offsets in bytes."""

    def __init__(self, source: str, others: dict[str, dict[str, str]], own: dict[str, str]):
        self.source = source.encode()
        self.found: list[tuple[str, str, int, int, str]] = []
        self._starts = [0]
        for line in self.source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._others = others
        self._own = own
        self._scope: list[str] = []
        self._in_function = 0

    # -- places -------------------------------------------------------------------------------------------------

    def _start(self, node) -> int:
        return self._starts[node.lineno - 1] + node.col_offset

    def _end(self, node) -> int:
        return self._starts[node.end_lineno - 1] + node.end_col_offset

    def _text(self, start: int, end: int) -> str:
        return self.source[start:end].decode()

    def _add(self, operator: str, start: int, end: int, replacement: str) -> None:
        self.found.append((operator, ".".join(self._scope) or "(module)", start, end, replacement))

    def _whole(self, operator: str, node, replacement: str) -> None:
        self._add(operator, self._start(node), self._end(node), replacement)

    def _sign(self, operator: str, left, right, sign: str, others: tuple[str, ...]) -> None:
        """Replace the sign that stands between two nodes."""
        begin, end = self._end(left), self._start(right)
        hit = re.search(sign, self._text(begin, end))
        for other in others:
            self._add(operator, begin + hit.start(), begin + hit.end(), other)

    # -- structure ----------------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node):
        if any(isinstance(decorator, ast.Call) for decorator in node.decorator_list):
            return  # micropython.native and .viper are hints to the compiler, and no calls
        self._scope.append(node.name)
        self._in_function += 1
        for default in node.args.defaults:
            self.visit(default)
        for statement in node.body:
            self.visit(statement)
        self._in_function -= 1
        self._scope.pop()

    def visit_ClassDef(self, node):
        self._scope.append(node.name)
        for statement in node.body:
            self.visit(statement)
        self._scope.pop()

    def visit_Import(self, node):
        pass

    visit_ImportFrom = visit_Import  # noqa: N815  names that ast looks for

    def visit_AnnAssign(self, node):
        self._statement(node)
        if node.value:
            self.visit(node.value)

    # -- statements ---------------------------------------------------------------------------------------------

    def _statement(self, node):
        if self._in_function:
            self._whole("statement", node, "pass")

    def visit_Expr(self, node):
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return  # a docstring
        self._statement(node)
        self.generic_visit(node)

    def visit_Assign(self, node):
        self._statement(node)
        self.visit(node.value)
        for target in node.targets:
            if isinstance(target, ast.Subscript):
                self.visit(target.slice)

    def visit_AugAssign(self, node):
        self._statement(node)
        sign, other = ARITHMETIC[type(node.op)]
        self._sign("arithmetic", node.target, node.value, re.escape(sign + "="), (other + "=",))
        self.visit(node.value)

    def visit_Return(self, node):
        self._statement(node)
        self.generic_visit(node)

    def visit_Raise(self, node):
        self._statement(node)
        self.generic_visit(node)

    def visit_Break(self, node):
        self._whole("loop", node, "continue")

    def visit_Continue(self, node):
        self._whole("loop", node, "break")

    # -- conditions ---------------------------------------------------------------------------------------------

    def _condition(self, test, replacements):
        for replacement in replacements:
            self._whole("condition", test, replacement)

    def visit_If(self, node):
        self._condition(node.test, ("True", "False"))
        self.generic_visit(node)

    visit_IfExp = visit_If  # noqa: N815

    def visit_While(self, node):
        self._condition(node.test, ("False",))
        self.generic_visit(node)

    def visit_BoolOp(self, node):
        sign, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        parts, at = [], self._start(node)
        for left, right in zip(node.values, node.values[1:], strict=False):
            gap_start = self._end(left)
            hit = re.search(rf"\b{sign}\b", self._text(gap_start, self._start(right)))
            parts.append(self._text(at, gap_start + hit.start()))
            at = gap_start + hit.end()
        parts.append(self._text(at, self._end(node)))
        self._whole("logic", node, other.join(parts))
        for left_out in range(len(parts)):
            self._whole("operand", node, sign.join(parts[:left_out] + parts[left_out + 1 :]).strip())
        self.generic_visit(node)

    def visit_Compare(self, node):
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            sign, *others = COMPARISONS[type(op)]
            self._sign("comparison", left, right, sign, tuple(others))
            left = right
        self.generic_visit(node)

    def visit_UnaryOp(self, node):
        if isinstance(node.op, ast.Not):
            self._whole("not", node, self._text(self._start(node.operand), self._end(node.operand)))
        elif isinstance(node.op, ast.USub):
            self._whole("sign", node, self._text(self._start(node.operand), self._end(node.operand)))
        self.generic_visit(node)

    # -- values -------------------------------------------------------------------------------------------------

    def visit_BinOp(self, node):
        is_format = isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant)
        if not is_format:
            sign, other = ARITHMETIC[type(node.op)]
            self._sign("arithmetic", node.left, node.right, re.escape(sign), (other,))
        self.generic_visit(node)

    def visit_Call(self, node):
        if isinstance(node.func, ast.Name) and node.func.id in OTHER_CALL:
            self._whole("call", node.func, OTHER_CALL[node.func.id])
        self.generic_visit(node)

    def visit_Constant(self, node):
        value = node.value
        if isinstance(value, bool):
            self._whole("boolean", node, str(not value))
        elif isinstance(value, int):
            for other in (value + 1, value - 1):
                self._whole("number", node, str(other) if other >= 0 else f"({other})")
        elif isinstance(value, (str, bytes)) and value:
            self._whole("text", node, repr(value[:0] if self._in_function else value[:-1]))

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load) and node.id in self._own:
            self._whole("constant", node, self._own[node.id])

    def visit_Attribute(self, node):
        if isinstance(node.value, ast.Name):
            other = self._others.get(node.value.id, {}).get(node.attr)
            if other:
                self._whole("constant", node, f"{node.value.id}.{other}")
        self.generic_visit(node)


def make(module: str, source: str, others: dict[str, dict[str, str]] | None = None) -> Iterator[Mutant]:
    """Every mutant of a source once. `others` has the constant groups of the modules that it imports."""
    maker = _Maker(source, others or {}, constant_groups(source))
    maker.visit(ast.parse(source))
    seen: set[str] = {source}
    twins: Counter = Counter()
    for operator, where, start, end, replacement in sorted(maker.found, key=lambda found: found[2:4]):
        text = (maker.source[:start] + replacement.encode() + maker.source[end:]).decode()
        if text in seen:
            continue
        seen.add(text)
        begin = maker.source.rfind(b"\n", 0, start) + 1
        stop = (maker.source + b"\n").index(b"\n", end)
        was = " ".join(maker.source[begin:stop].decode().split())
        now = " ".join((maker.source[begin:start] + replacement.encode() + maker.source[end:stop]).decode().split())
        twins[where, was, now] += 1
        line = maker.source.count(b"\n", 0, start) + 1
        yield Mutant(module, where, line, operator, was, now, twins[where, was, now], text)
