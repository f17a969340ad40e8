"""Days since 2000 and the dates that they are, day by day against the host's calendar."""

from datetime import date, timedelta

from sim.space import shim

dates = shim("dates")


def test_every_day_of_the_century_both_ways():
    day = date(2000, 1, 1)
    while day.year < 2100:
        days = (day - date(2000, 1, 1)).days
        assert dates.day_number(day.year, day.month, day.day) == days
        assert dates.day_named(days) == (day.year, day.month, day.day)
        day += timedelta(days=1)


def test_days_of_a_month():
    assert [dates.month_days(2026, month) for month in range(1, 13)] == [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    assert dates.month_days(2028, 2) == dates.month_days(2000, 2) == 29
