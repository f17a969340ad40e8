"""What the operators make of a line, exactly; and that the safety modules have every kind of mutant."""

import ast
import textwrap

import pytest

from tools.mutation import targets
from tools.mutation.mutants import constant_groups, make


def changes(source, others=None):
    """Operator and changed line of every mutant."""
    source = textwrap.dedent(source)
    return {(mutant.operator, mutant.now) for mutant in make("any", source, others)}


def of(operator, source, others=None):
    return {now for found, now in changes(source, others) if found == operator}


@pytest.mark.parametrize(
    ("operator", "line", "expected"),
    [
        ("number", "a = 0x10", {"a = 17", "a = 15"}),
        ("number", "a = -1", {"a = -2", "a = -0"}),
        ("number", "a = b[0]", {"a = b[1]", "a = b[(-1)]"}),
        ("sign", "a = -b", {"a = b"}),
        ("boolean", "a = True", {"a = False"}),
        ("comparison", "a = b < c", {"a = b <= c", "a = b >= c"}),
        ("comparison", "a = b <= c", {"a = b < c", "a = b > c"}),
        ("comparison", "a = 0 < b > c", {"a = 0 <= b > c", "a = 0 >= b > c", "a = 0 < b >= c", "a = 0 < b <= c"}),
        ("comparison", "a = b == c", {"a = b != c"}),
        ("comparison", "a = b is not c", {"a = b is c"}),
        ("comparison", "a = b not in c", {"a = b in c"}),
        ("logic", "a = b or (c and d)", {"a = b and (c and d)", "a = b or (c or d)"}),
        ("operand", "a = b or (c and d)", {"a = b", "a = (c and d)", "a = b or (c)", "a = b or (d)"}),
        ("not", "a = not b", {"a = b"}),
        ("arithmetic", "a = b + c * d", {"a = b - c * d", "a = b + c // d"}),
        ("arithmetic", "a = b << c | d", {"a = b >> c | d", "a = b << c & d"}),
        ("arithmetic", "a = 'of %d' % b", set()),
        ("arithmetic", "a += b", {"a -= b"}),
        ("call", "a = min(b, c)", {"a = max(b, c)"}),
        ("text", "a = 'word'", {"a = 'wor'"}),
    ],
)
def test_each_operator(operator, line, expected):
    assert of(operator, line) == expected


def test_statements_and_conditions_are_left_out_in_functions():
    source = """
    def f(a):
        '''Words.'''
        if a:
            b(a)
            c: int = 1
            return a
        while a:
            a -= 1
        raise ValueError('no')
    """
    assert of("statement", source) == {"pass"}
    statements = [mutant for mutant in make("any", textwrap.dedent(source)) if mutant.operator == "statement"]
    assert [(mutant.line, mutant.was) for mutant in statements] == [
        (5, "b(a)"), (6, "c: int = 1"), (7, "return a"), (9, "a -= 1"), (10, "raise ValueError('no')")]  # fmt: skip
    assert of("condition", source) == {"if True:", "if False:", "while False:"}
    assert of("text", source) == {"raise ValueError('')"}


def test_a_constant_becomes_the_next_of_its_group():
    source = "A = const(0)\nB = const(1)  # words\nC = const(2)\n\nD = const(3)\n\n_N = A\n_X = other.SLIP\n"
    assert constant_groups(source) == {"A": "B", "B": "C", "C": "A", "_N": "_X", "_X": "_N"}
    assert of("constant", source, {"other": {"SLIP": "JAM"}}) == {"_N = B", "_X = other.JAM"}


def test_what_a_decorator_assembles_and_what_is_imported_is_left_alone():
    assert changes("from x import y\n@asm()\ndef p():\n    jmp(1)\n") == set()


def test_twins_of_one_function_have_numbers_and_no_mutant_comes_twice():
    made = list(make("any", "def f():\n    g()\n    g()\n"))
    assert [(mutant.nth, mutant.line) for mutant in made] == [(1, 2), (2, 3)]
    assert len({mutant.text for mutant in made}) == len(made)


@pytest.mark.parametrize("module", targets.TESTS)
def test_every_mutant_is_a_program_with_a_key_of_its_own(module):
    made = targets.mutants(module)
    assert len(made) > 150
    assert len({mutant.key for mutant in made}) == len({mutant.text for mutant in made}) == len(made)
    for mutant in made[::25]:
        ast.parse(mutant.text)
