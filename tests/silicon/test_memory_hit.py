"""A bit of a step table flips in the chip's memory, whether the chain that begins reads the table or not."""

import numpy as np
import pytest

from sim.silicon.motion import INCR_READ, RAM, Chain
from sim.space import shim

gate, profile, records = shim("gate"), shim("profile"), shim("records")

WORDS, TABLE_AT, REPEATED_AT, BLOCKS_AT = 16384, 5000, 300, 100


@pytest.fixture(scope="module")
def gears_file():
    limits = records.Motion().limits()
    gears = profile.planned_for(limits, gate.step_word)
    return bytes(profile.written_down(gears, limits)), np.array(gears.tail, np.uint32)


def memory(table):
    """RAM with a table and the control blocks of a homing's chain, which repeats one word."""
    ram = np.zeros(WORDS, np.uint32)
    ram[TABLE_AT : TABLE_AT + len(table)] = table
    ram[BLOCKS_AT : BLOCKS_AT + 4] = RAM + 4 * REPEATED_AT, gate._PIO0_TXF0, 800, 1
    return ram


def changed(ram, before):
    return np.flatnonzero(ram != before).tolist()


def test_a_chain_without_a_table_leads_to_the_one_in_memory(gears_file):
    file, table = gears_file
    ram = memory(table)
    before = ram.copy()
    Chain(ram, RAM + 4 * BLOCKS_AT).hit([file])
    assert changed(ram, before) == [TABLE_AT + len(table) // 2]


def test_a_chain_with_a_table_has_its_own_hit(gears_file):
    file, table = gears_file
    ram = memory(table)
    ram[BLOCKS_AT + 4 : BLOCKS_AT + 8] = RAM + 4 * 12000, gate._PIO0_TXF0, 10, 1 | INCR_READ
    before = ram.copy()
    Chain(ram, RAM + 4 * BLOCKS_AT).hit([file])
    assert changed(ram, before) == [12005]


def test_no_table_no_hit(gears_file):
    file, table = gears_file
    ram = memory(table[:0])
    before = ram.copy()
    Chain(ram, RAM + 4 * BLOCKS_AT).hit([file])
    assert changed(ram, before) == []
