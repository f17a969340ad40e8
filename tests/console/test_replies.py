"""Answers and errors: numbers as they are written, the queue and its overflow, the event register."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.space import shim

errors, reply_module = shim("scpi_errors"), shim("reply")


def written(reply):
    return bytes(reply.buf[reply.start : reply.end]).decode()


@given(st.integers(-(2**29), 2**29), st.integers(0, 6))
def test_decimals_read_back(value, places):
    reply = reply_module.Reply()
    reply.decimal(value, places)
    text = written(reply)
    assert round(float(text) * 10**places) == value
    assert len(text.partition(".")[2]) == places


@pytest.mark.parametrize("value, places, text", [(0, 0, "0"), (0, 3, "0.000"), (-7, 1, "-0.7"), (12034, 3, "12.034")])
def test_some_decimals(value, places, text):
    reply = reply_module.Reply()
    reply.decimal(value, places)
    assert written(reply) == text


def next_of(queue):
    reply = reply_module.Reply()
    queue.answer_next(reply)
    return written(reply)


def test_errors_come_out_in_order_and_the_last_of_too_many_is_the_overflow():
    queue = errors.Errors()
    for code in (-113, -222, *[-200] * 9):
        queue.add(code, b"because")
    assert queue.count == 10
    assert next_of(queue) == '-113,"Undefined header;because"'
    assert next_of(queue) == '-222,"Data out of range;because"'
    assert [next_of(queue) for _ in range(8)] == ['-200,"Execution error;because"'] * 7 + ['-350,"Queue overflow"']
    assert next_of(queue) == '0,"No error"'


def test_a_reason_is_cut_to_its_room_and_has_no_quotes():
    queue = errors.Errors()
    queue.add(-113, b'say "x" ' + b"y" * 200)
    text = next_of(queue)
    assert text.count('"') == 2
    assert len(text) == len('-113,"Undefined header;"') + 72


@given(st.lists(st.sampled_from([code for code in errors.TEXTS if code]), max_size=30))
def test_the_queue_against_a_list(codes):
    queue, model = errors.Errors(), []
    for code in codes:
        queue.add(code)
        if len(model) < 10:
            model.append(code)
        else:
            model[-1] = -350
    assert [int(next_of(queue).split(",")[0]) for _ in range(len(model) + 1)] == [*model, 0]


@pytest.mark.parametrize("code, bit", [(-113, 32), (-222, 16), (-350, 8), (-430, 4)])
def test_each_class_sets_its_bit(code, bit):
    queue = errors.Errors()
    assert queue.take_event() == 128
    queue.add(code)
    assert queue.event == bit
    queue.event_enable = bit
    assert queue.status_byte(False, False, False) == 4 + 32
    queue.service_enable = 32
    assert queue.status_byte(True, True, True) == 4 + 8 + 16 + 32 + 64 + 128
    assert queue.take_event() == bit
    assert queue.take_event() == 0
