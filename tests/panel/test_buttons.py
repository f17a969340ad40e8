"""Buttons behind bouncing contacts: every press once, no press that was none, repeats that speed up."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import buttons
import inputs
import ticks
from buttons import LONG, LONG_MS, NONE, PRESS, REPEAT, REPEAT_AFTER_MS, Button, Buttons

WRAP = 1 << 30
DEBOUNCE_MS = inputs.BUTTON_MS
BOUNCE_MS = 10  # of a worn tactile switch; datasheets of new ones give 5 ms


def feed_level(button, level, ms, at_ms, every_ms=1):
    """Hold a level for `ms`; (events as (event, time since the start), the time after)."""
    events = []
    for t in range(0, ms, every_ms):
        event = button.feed(level, ticks.add(at_ms, t))
        if event:
            events.append((event, t))
    return events, ticks.add(at_ms, ms)


def released(button, at_ms=0):
    return feed_level(button, False, 50, at_ms)[1]


@st.composite
def bouncing_presses(draw):
    """Levels millisecond by millisecond, and how long each press was held."""
    levels, holds = [], draw(st.lists(st.integers(60, 300), max_size=6))
    levels += [False] * 60
    for hold_ms in holds:
        for level, ms in ((True, hold_ms), (False, draw(st.integers(60, 200)))):
            bounces = draw(st.lists(st.booleans(), max_size=BOUNCE_MS))
            levels += bounces + [level] * (ms - len(bounces))
    return levels, holds


@given(bouncing_presses(), st.integers(0, WRAP - 1) | st.integers(WRAP - 500, WRAP - 1), st.integers(1, 6))
@settings(max_examples=200, deadline=None)
def test_every_bouncing_press_counts_once(presses, start_ms, every_ms):
    levels, holds = presses
    for long_press in (False, True):
        button = Button(long_press)
        events = [
            button.feed(levels[t], (start_ms + t) % WRAP)
            for t in range(0, len(levels), every_ms)
        ]  # fmt: skip
        assert [event for event in events if event] == [PRESS] * len(holds)


@given(st.lists(st.integers(1, DEBOUNCE_MS - 1), max_size=20), st.integers(0, WRAP - 1))
@settings(max_examples=100, deadline=None)
def test_glitches_are_no_press(glitches, at_ms):
    button = Button()
    at_ms = released(button, at_ms)
    for glitch_ms in glitches:
        for level, ms in ((True, glitch_ms), (False, 30)):
            events, at_ms = feed_level(button, level, ms, at_ms)
            assert events == []
    assert not button.held


@pytest.mark.parametrize("start_ms", [0, WRAP - 60, WRAP - 700, WRAP - 1])
def test_repeats_come_at_their_times(start_ms):
    button = Button()
    at_ms = released(button, start_ms)
    events, _ = feed_level(button, True, 2000, at_ms)
    times = [t - DEBOUNCE_MS - REPEAT_AFTER_MS for event, t in events if event == REPEAT]
    assert events[0] == (PRESS, DEBOUNCE_MS)
    assert times[:12] == [0, 200, 400, 600, 700, 800, 900, 1000, 1100, 1200, 1300, 1400]
    assert times[12:] == list(range(1450, 2000 - DEBOUNCE_MS - REPEAT_AFTER_MS, 50))


def test_a_late_caller_gets_one_repeat_not_a_burst():
    button = Button()
    at_ms = released(button)
    _, at_ms = feed_level(button, True, 100, at_ms)
    assert button.feed(True, at_ms + 3000) == REPEAT
    assert button.feed(True, at_ms + 3001) == NONE


def test_a_short_press_of_select_comes_when_it_is_let_go():
    button = Button(long_press=True)
    events, at_ms = feed_level(button, True, 1, released(button))
    events, at_ms = feed_level(button, True, LONG_MS - 1, at_ms)
    assert events == [] and button.held
    assert feed_level(button, False, 100, at_ms)[0] == [(PRESS, DEBOUNCE_MS)]


def test_a_long_press_comes_while_held_and_only_once():
    button = Button(long_press=True)
    events, at_ms = feed_level(button, True, 5000, released(button))
    assert events == [(LONG, DEBOUNCE_MS + LONG_MS)]
    assert feed_level(button, False, 100, at_ms)[0] == []


@pytest.mark.parametrize("long_press", [False, True])
def test_held_since_power_on_is_silent_until_let_go(long_press):
    button = Button(long_press)
    events, at_ms = feed_level(button, True, 3000, 0)
    assert events == [] and button.held
    events, at_ms = feed_level(button, False, 100, at_ms)
    assert events == []
    events, at_ms = feed_level(button, True, 100, at_ms)
    events += feed_level(button, False, 100, at_ms)[0]
    assert [event for event, _ in events] == [PRESS]


def test_each_button_has_its_bit_and_pressed_is_low():
    panel = Buttons(15, 23, 24)
    idle = (1 << 30) - 1
    for t in range(0, 50, 5):
        assert panel.feed(idle, t) is False
    seen = []
    for start, bit in ((100, 15), (300, 23), (500, 24)):
        for t in range(start, start + 100, 5):
            if panel.feed(idle & ~(1 << bit) if t < start + 50 else idle, t):
                seen.append((panel.select, panel.up, panel.down))
    assert seen == [(PRESS, NONE, NONE), (NONE, PRESS, NONE), (NONE, NONE, PRESS)]


def test_two_buttons_at_once_give_two_events():
    panel = Buttons(0, 1, 2)
    for t in range(0, 50, 5):
        panel.feed(0b111, t)
    assert [panel.feed(0b001, t) for t in range(50, 85, 5)] == [False] * 6 + [True]
    assert (panel.select, panel.up, panel.down) == (NONE, PRESS, PRESS)


def test_a_bit_outside_the_word_is_an_error():
    with pytest.raises(ValueError):
        Buttons(15, 23, 30)


def test_events_are_distinct():
    assert len({buttons.NONE, buttons.PRESS, buttons.REPEAT, buttons.LONG}) == 4
