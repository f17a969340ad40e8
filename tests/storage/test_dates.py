"""What day it is, by a clock and by the records: exact, at least, or unknown."""

from types import SimpleNamespace

import pytest
from archive_bench import ready
from test_courses import sit

import dates
import records
from drivers import ds3231
from penimage import decode

TODAY = 9830  # 2026-11-30
CALIBRATED = 9740
DAY_S = 86_400


class Clock:
    """As the driver of the clock: `says` a day, or why there is none."""

    def __init__(self, says=TODAY, hour=10):
        self.set(says, hour)
        self.keeps = True

    def set(self, says, hour=10):
        self.state = ds3231.GOOD if says > 0 else -says
        year, month, day = dates.day_named(max(says, 0))
        self.time = bytes((0, 0, hour, 1, day, month, year - 2000))

    def read(self):
        return self.state

    def write(self, time):
        if self.keeps:
            self.state, self.time = ds3231.GOOD, bytes(time)
        return self.keeps


class Pen(SimpleNamespace):
    """What `Dates` asks of a pen, over memories that stay."""

    def __init__(self, clock, bench=None, calibrated=CALIBRATED):
        bench = bench or ready()
        self.clock = clock
        super().__init__(
            bench=bench, store=bench.store, journal=bench.journal, uptime_ms=0,
            put_away=SimpleNamespace(archive=bench.archive), counters=SimpleNamespace(boots=bench.boot),
            calibration=SimpleNamespace(date_days=calibrated, calibration_id=3))
        self.dates = dates.Dates(self, clock)
        self.dates.begin()

    def alive(self):
        """Nothing else watches here."""

    def again(self):
        """The same pen after a restart."""
        boot = self.counters.boots + 1
        pen = Pen(self.clock, self.bench, self.calibration.date_days)
        pen.counters.boots = boot
        return pen


def known(pen):
    return pen.dates.today(), pen.dates.least(), pen.dates.state()


def with_session(day, archived=True):
    bench = ready()
    sit(bench, day)
    if archived:
        bench.work()
    return bench


def test_a_clock_that_was_set_says_the_day_and_the_second():
    pen = Pen(Clock())
    assert known(pen) == (TODAY, TODAY, ds3231.GOOD)
    pen.uptime_ms = 90_000
    assert pen.dates.wall_s() == TODAY * DAY_S + 10 * 3600 + 90
    pen.uptime_ms = 14 * 3_600_000
    assert pen.dates.today() == TODAY + 1


@pytest.mark.hazard("H19")
@pytest.mark.parametrize("state", [ds3231.SILENT, ds3231.STOPPED, ds3231.NONSENSE])
@pytest.mark.parametrize("archived", [True, False])
def test_without_a_clock_it_is_the_latest_day_of_any_record_at_least(state, archived):
    pen = Pen(Clock(-state), with_session(TODAY - 3, archived))
    assert known(pen) == (0, TODAY - 3, state) and pen.dates.wall_s() == 0
    assert known(Pen(Clock(-state))) == (0, CALIBRATED, state)
    assert known(Pen(Clock(-state), calibrated=0)) == (0, 0, state)


@pytest.mark.hazard("H19")
def test_the_latest_day_is_the_latest_wherever_it_lies():
    bench = ready()
    for day in (TODAY - 9, TODAY - 2, 0, TODAY - 30):  # the newest are of a clock that was not set, or set back
        sit(bench, day)
    bench.work()
    sit(bench, TODAY - 40)
    assert Pen(Clock(-ds3231.STOPPED), bench).dates.least() == TODAY - 2


@pytest.mark.hazard("H19")
def test_a_clock_behind_a_record_gives_no_exact_date():
    pen = Pen(Clock(TODAY), with_session(TODAY + 1))
    assert known(pen) == (0, TODAY + 1, dates.BEHIND)
    pen.uptime_ms = 14 * 3_600_000  # past its midnight it has caught up
    assert known(pen) == (TODAY + 1, TODAY + 1, ds3231.GOOD)
    assert known(Pen(Clock(CALIBRATED - 1))) == (0, CALIBRATED, dates.BEHIND)


@pytest.mark.parametrize("state", [ds3231.SILENT, ds3231.NONSENSE])
def test_a_clock_that_did_not_answer_at_the_start_is_asked_again_at_rest(state):
    pen = Pen(Clock(-state))
    pen.clock.set(TODAY)
    pen.uptime_ms = dates.AGAIN_MS - 1
    pen.dates.run()
    assert pen.dates.state() == state
    pen.uptime_ms += 1
    pen.dates.run()
    assert known(pen) == (TODAY, TODAY, ds3231.GOOD) and pen.dates.wall_s() == TODAY * DAY_S + 36_000


def test_a_clock_that_was_never_set_is_not_asked_again():
    pen = Pen(Clock(-ds3231.STOPPED))
    pen.clock.set(TODAY)
    pen.uptime_ms = 10 * dates.AGAIN_MS
    pen.dates.run()
    assert pen.dates.today() == 0


@pytest.mark.hazard("H19")
@pytest.mark.parametrize("year", [2000, 2021, 2024])
def test_a_year_in_which_no_pen_was_made_is_of_a_clock_that_nobody_set(year):
    assert known(Pen(Clock(dates.day_number(year, 6, 1)), calibrated=0)) == (0, 0, ds3231.STOPPED)


def test_a_day_that_its_month_has_not_is_no_date():
    clock = Clock()
    clock.time = bytes((0, 0, 10, 1, 31, 11, 26))
    assert known(Pen(clock, calibrated=0)) == (0, 0, ds3231.NONSENSE)


def test_a_damaged_record_says_nothing():
    bench = with_session(TODAY - 3, archived=False)
    pen = Pen(Clock(-ds3231.STOPPED), bench, 0)
    assert pen.dates.least() == TODAY - 3
    bench.fram.write(0x5000 + 32 + 41, b"\x00")  # of the wall time
    assert Pen(Clock(-ds3231.STOPPED), bench, 0).dates.least() == 0


@pytest.mark.hazard("H19")
@pytest.mark.parametrize("at", [0, 33, 40, 41, 42, 43, 62, 95])
def test_a_head_that_is_read_wrong_is_read_again(at):
    bench = with_session(TODAY - 3, archived=False)
    read_into, wrong = bench.fram.read_into, [True]

    def disturbed(addr, buf):
        read_into(addr, buf)
        if len(buf) == 96 and wrong:
            wrong.clear()
            buf[at] ^= 4

    bench.fram.read_into = disturbed
    assert Pen(Clock(-ds3231.STOPPED), bench, 0).dates.least() == TODAY - 3
    assert not wrong


def test_setting_it_counts_at_once_and_after_a_restart():
    pen = Pen(Clock(-ds3231.STOPPED))
    pen.uptime_ms = 5_000
    assert pen.dates.set(TODAY, 3600)
    assert known(pen) == (TODAY, TODAY, ds3231.GOOD) and pen.dates.wall_s() == TODAY * DAY_S + 3600
    assert known(pen.again()) == (TODAY, TODAY, ds3231.GOOD)


def test_a_clock_that_does_not_keep_it_is_known_until_the_supply_goes():
    pen = Pen(Clock(-ds3231.SILENT))
    pen.clock.keeps = False
    assert not pen.dates.set(TODAY, 0)
    assert pen.dates.today() == TODAY
    assert pen.again().dates.today() == 0


@pytest.mark.hazard("H19")
def test_setting_it_alone_leaves_what_is_on_record():
    pen = Pen(Clock(-ds3231.STOPPED), with_session(TODAY + 3650))
    pen.dates.set(TODAY, 0)
    assert known(pen) == (0, TODAY + 3650, dates.BEHIND)


def test_a_technician_who_says_that_the_records_are_wrong_has_the_clock_count_again():
    pen = Pen(Clock(TODAY + 3650), with_session(TODAY + 3650))
    pen.dates.set(TODAY, 0, True)
    assert known(pen) == (TODAY, TODAY, ds3231.GOOD)
    on_record = {"boot": pen.counters.boots, "days": TODAY, "calibration_id": 0}
    assert decode(pen.bench.chip.image).records["dates"].values == on_record
    pen = pen.again()
    assert known(pen) == (TODAY, TODAY, ds3231.GOOD)
    pen.bench.journal._boot = pen.counters.boots
    sit(pen.bench, TODAY + 5)  # what comes after it counts
    pen.clock.set(TODAY)
    assert known(pen.again()) == (0, TODAY + 5, dates.BEHIND)


def test_a_calibration_of_a_wrong_day_counts_no_more_until_there_is_another():
    pen = Pen(Clock(TODAY), calibrated=TODAY + 400)
    pen.dates.set(TODAY, 0, True)
    assert known(pen.again()) == (TODAY, TODAY, ds3231.GOOD)
    pen = pen.again()
    pen.calibration.calibration_id = 4
    assert pen.dates.least() == TODAY + 400
    pen.calibration.date_days = TODAY
    assert pen.dates.today() == TODAY


def test_a_calibration_of_a_right_day_goes_on_to_count():
    pen = Pen(Clock(TODAY), with_session(TODAY + 9), calibrated=CALIBRATED)
    pen.dates.set(TODAY, 0, True)
    pen.clock.set(CALIBRATED - 1)
    assert pen.again().dates.least() == CALIBRATED


def test_a_correction_that_the_memory_does_not_keep_changes_nothing():
    bench = with_session(TODAY + 9)
    pen = Pen(Clock(TODAY), bench)

    def full(*_):
        raise OSError

    pen.store = SimpleNamespace(write=full)
    with pytest.raises(OSError):
        pen.dates.set(TODAY, 0, True)
    assert known(pen) == (0, TODAY + 9, dates.BEHIND)


def test_a_correction_over_the_wrap_of_the_starts():
    correction = records.Correction()
    assert correction.counts(0) and correction.counts(65535)
    correction.boot, correction.days = 65530, TODAY
    assert [boot for boot in (65529, 65530, 65531, 65535, 0, 7) if correction.counts(boot)] == [65531, 65535, 0, 7]
