"""Days and seconds since 2000 from the chip's clock, day by day against the host's calendar."""

from datetime import date, datetime, timedelta

import pytest

from sim.space import shim

board = shim("board")


class Clock:
    """As machine.RTC: year, month, day, weekday, hour, minute, second, subsecond."""

    def __init__(self, day, hour=12, minute=0, second=0):
        self.now = (day.year, day.month, day.day, day.weekday(), hour, minute, second, 0)

    def datetime(self):
        return self.now


def test_every_day_from_2025_to_2040():
    day = date(2025, 1, 1)
    while day.year <= 2040:
        assert board.today_days(Clock(day)) == (day - date(2000, 1, 1)).days
        day += timedelta(days=1)


@pytest.mark.hazard("H19")
@pytest.mark.parametrize("day", [date(2000, 1, 1), date(2021, 1, 1), date(2024, 2, 29), date(2024, 12, 31)])
def test_a_clock_that_nobody_set_is_no_date(day):
    assert board.today_days(Clock(day)) == 0


@pytest.mark.parametrize("hour, minute, second", [(0, 0, 0), (23, 59, 59), (7, 8, 9)])
def test_seconds_of_the_day_are_added(hour, minute, second):
    day = date(2026, 8, 1)
    seconds = (datetime(2026, 8, 1, hour, minute, second) - datetime(2000, 1, 1)).total_seconds()
    assert board.wall_seconds(Clock(day, hour, minute, second)) == seconds
    assert board.wall_seconds(Clock(date(2021, 1, 1), hour, minute, second)) == 0
