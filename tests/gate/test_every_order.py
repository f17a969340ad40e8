"""The assembled programs in every order of EN_N, words and looks of the CPU; a slice of `pen check --gate`."""

import shutil

import pytest

from sim.exhaust import gate, gate_model
from sim.space import FIRMWARE

COURSES = gate_model.EN_HIGH | gate_model.NO_WORD
LOOKS = gate_model.READ | gate_model.READ_CUT | gate_model.READ_GENERATOR | gate_model.READ_GENERATOR_CUT


@pytest.fixture(scope="module")
def programs():
    return gate.Programs()


def holds(result):
    assert result.violations == 0, {text: times for text, times in result.broken.items() if times}
    return result


@pytest.mark.hazard("H01")
def test_an_en_n_pulse_at_every_cycle(programs):
    """Pulses of 1 to 64 cycles at each cycle: every pattern of two words, and of three as on the chip."""
    result = holds(gate.pulses(programs, list(gate.cases(2))))
    assert result.cases == 96 and result.passed > 700_000
    holds(gate.pulses(programs, [case for case in gate.cases(3, (2,)) if len(case.outward) == 3 and not case.merged]))


@pytest.mark.hazard("H01")
def test_any_course_of_en_n_and_of_words(programs):
    holds(gate.explore(programs, list(gate.cases(1)), COURSES))
    result = holds(gate.explore(programs, list(gate.cases(2)), gate_model.EN_HIGH))
    assert result.cycles["step_high"] == 15
    assert result.cycles["step_low"] == 19
    assert result.cycles["dir_before"] == 10 and result.cycles["dir_after"] == 24
    assert result.cycles["edges"] == 34
    assert result.cycles["edge_after_en_n_high"] <= 8


@pytest.mark.hazard("H01")
def test_looks_of_the_cpu_at_any_cycle(programs):
    """Whether a forced instruction holds up a delay or cuts it short: the datasheet of the chip leaves that open."""
    holds(gate.explore(programs, list(gate.cases(1)), COURSES | LOOKS))
    holds(gate.explore(programs, [gate.Case((1, 0), 1, 2, False), gate.Case((0, 1), 0, 0, True)], COURSES | LOOKS))


BROKEN = [
    ("wait(1, irq, 5)", "wait(0, irq, 4)", gate_model.DIRECTION),
    ("wait(1, irq, 5)", "wait(0, irq, 4)", gate_model.PAST_CEILING),
    ("wait(1, irq, 5)", "nop()", gate_model.LOST),
    ('label("complement")\n    mov(x, invert(x))', 'label("complement")\n    nop()', gate_model.COUNT),
    ("set(y, 13).side(1)", "set(y, 11).side(1)", gate_model.HIGH),
    ("wait(0, pin, 0)  # a drive", "nop()  # a drive", gate_model.LATE),
    ('jmp(x_dec, "step")[2]', 'jmp("step")[2]', gate_model.PAST_CEILING),
]


@pytest.mark.parametrize(("was", "becomes", "rule"), BROKEN)
def test_programs_with_a_fault_break_the_rule(tmp_path, was, becomes, rule):
    sources = tmp_path / "firmware"
    shutil.copytree(FIRMWARE, sources)
    file = sources / "gate.py"
    text = file.read_text(encoding="utf-8")
    assert text.count(was) == 1, "gate.py has changed, the trial has to follow"
    file.write_text(text.replace(was, becomes), encoding="utf-8")
    broken = gate.pulses(gate.Programs(sources), list(gate.cases(2, (2,)))).broken
    assert broken[gate.RULES[rule]] > 0, broken
