"""What can go wrong in a campaign, and what the pen has to call it.

One row is one fault: a mishap with its figures, the names that are right for it, and until when in a session it has to
be named. Invariants: every mishap of the simulator is in a row or in LEFT_OUT with the reason; a row that never
needs a name says why.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.campaign.moments import PHASES, STROKE_PHASES

# Until when a fault has to be named: the last moment from which the session still meets it
ALWAYS = "always"  # something looks at it all the time
LAST_PRESS = "last press"  # a whole run of strokes is still to come
LAST_RELEASE = "last release"  # the trigger is still going to move
LAST_STROKE = "last stroke"  # a whole stroke is still to come, or as many as `strokes` says
MARK = "mark"  # the cartridge's wire is still going to be used
SESSION_END = "session end"  # something is still going to be recorded
NEVER = "never"  # no harm, or not to be seen; `why` says which
UNTIL = (ALWAYS, LAST_PRESS, LAST_RELEASE, LAST_STROKE, MARK, SESSION_END, NEVER)

IN_MOTION = (*(phase for phase in STROKE_PHASES if phase not in ("rest", "settling")), "first stroke")
BEFORE_THE_LOOP = ("boot",)
UNTIL_HOMED = ("boot", "homing")


@dataclass(frozen=True)
class Fault:
    """A mishap as the campaign uses it. `names`: keys of faults; `said`: words of the panel that name it as well.

    `quiet`: phases in which it needs no name though `until` asks for one; `why` is the reason for both. `strokes`: so
    many whole strokes have to be to come for LAST_STROKE.
    """

    what: str
    names: tuple[str, ...]
    until: str
    value: float | None = None
    for_ms: float | None = None
    said: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()
    early_ms: float = 0
    why: str = ""
    pin: str | None = None
    looks: int | None = None
    strokes: int = 1


NO_SUPPLY = ("Supply too low", "Charge the pen")
NO_CARTRIDGE = ("Insert a new sterile", "cartridge removed", "Fit no new cartridge")
REFUSED_CARTRIDGE = ("absent", "unreadable", "corrupt", "unknown type", "not read", "unprotected")
# a motor that stops half way home looks like a home sensor that saw nothing
NOT_MOVED = ("jam", "slip", "homing", "encoder", "home_sensor")
ONE_LOOK = "over before it counts, or met by a motion that is then done anew"
NO_LOOP = "before the loop runs the drive is off and nothing watches; the self-test or the loop finds it if it stays"
HOMING_HEALS = "homing begins anew from the sensor, so what happened before has no effect"

# Of a pair of these no pen gets to rest: nothing moves the needles in, and nothing takes the current away
NEEDLES_STUCK = ("jam", "motor_weak", "motor_lost", "step_torn")
CURRENT_STUCK = "enable_grounded"

FAULTS: dict[str, Fault] = {
    # supply
    "power_cut": Fault(
        "power_cut", ("power_fail",), ALWAYS, quiet=BEFORE_THE_LOOP, why="the chip is off before the loop runs"),
    "power_cut_500ms": Fault(
        "power_cut", ("power_fail",), ALWAYS, for_ms=500, quiet=BEFORE_THE_LOOP,
        why="the chip is off before the loop runs, and starts anew"),
    "power_dip_60ms": Fault("power_cut", ("power_fail",), ALWAYS, for_ms=60, quiet=BEFORE_THE_LOOP, why=NO_LOOP),
    "power_dip_5ms": Fault(
        "power_cut", ("power_fail",), NEVER, for_ms=5, why="shorter than the look at the pads; the hold-up bridges it"),
    "battery_falls": Fault(
        "battery_mv", ("battery_low", "power_fail", "rail_low"), LAST_PRESS, value=6000,
        said=NO_SUPPLY, early_ms=200,
        why="four readings, 50 ms apart, before it counts, and under load it may sag for 300 ms"),
    "battery_dip_50ms": Fault(
        "battery_mv", ("battery_low", "power_fail", "rail_low"), NEVER, value=5900, for_ms=50,
        said=NO_SUPPLY, why="shorter than the 300 ms that a battery may sag under load"),
    "boost_weak": Fault("boost_mv", ("rail_low", "power_fail", "slip"), LAST_PRESS, value=9500),
    "boost_off": Fault("boost_mv", ("power_fail", "rail_low", "driver_supply"), ALWAYS, value=8000),
    "power_ok_stuck": Fault(
        "power_ok_stuck", ("rail_low",), NEVER,
        why="not to be seen while the supply is good; rail and battery are measured too"),
    "power_fail_stuck": Fault("power_fail_stuck", ("power_fail",), ALWAYS),
    # cartridge
    "cartridge_pulled": Fault(
        "cartridge_pulled", ("cartridge_pulled", "homing"), ALWAYS, said=NO_CARTRIDGE, quiet=("ending", "aftercare"),
        why="the session is over or ends just then, and its pages stay until they are read"),
    "interlock_torn": Fault(
        "interlock_torn", ("cartridge_pulled", "homing"), ALWAYS, said=NO_CARTRIDGE, quiet=("ending", "aftercare"),
        why="the session is over or ends just then, and its pages stay until they are read"),
    "interlock_glitch": Fault(
        "interlock_torn", ("cartridge_pulled", "drive_dropped", "homing"), ALWAYS, for_ms=0.02, said=NO_CARTRIDGE,
        quiet=tuple(phase for phase in PHASES if phase not in IN_MOTION),
        why="20 us long; only the gate sees it, and only while it is armed"),
    "interlock_bounces": Fault(
        "interlock_bounces", ("cartridge_pulled", "drive_dropped", "homing"), ALWAYS, said=NO_CARTRIDGE,
        quiet=tuple(phase for phase in PHASES if phase not in IN_MOTION),
        why="3 ms long; at rest the next look may find it closed again"),
    "onewire_noisy": Fault("onewire_noisy", (), MARK, said=REFUSED_CARTRIDGE),
    # motor and screw
    "motor_weak": Fault("motor_weak", NOT_MOVED, LAST_STROKE, value=0.2),
    "motor_weak_20ms": Fault(
        "motor_weak", NOT_MOVED, NEVER, value=0.2, for_ms=20,
        why="short enough to fall into a pause, or where a stroke needs no torque"),
    "motor_lost": Fault("motor_weak", NOT_MOVED, LAST_STROKE, value=0.0),
    "slip": Fault("slip", ("slip", "jam", "encoder", "homing"), LAST_STROKE, quiet=UNTIL_HOMED, why=HOMING_HEALS),
    "jam": Fault("jam", NOT_MOVED, LAST_STROKE),
    "jam_50ms": Fault(
        "jam", NOT_MOVED, NEVER, for_ms=50,
        why="short enough to fall into a pause"),
    "motor_hot": Fault("motor_temp", ("motor_hot",), ALWAYS, value=90),
    "motor_warm": Fault(
        "motor_temp", (), NEVER, value=72, why="under 80 degrees the pen goes on, at the zone's lowest rate"),
    "ntc_open": Fault("ntc_open", ("ntc",), ALWAYS),
    "ntc_shorted": Fault("ntc_shorted", ("ntc",), ALWAYS),
    # chip and memory
    "cpu_hang": Fault("cpu_hang", ("watchdog",), ALWAYS),
    **{f"{task}_hung": Fault(
        "task_hung", ("watchdog", "drive_dropped"), ALWAYS, value=number, quiet=BEFORE_THE_LOOP,
        why="before the loop there is no task")
       for number, task in ((0, "sense"), (2, "analog"), (3, "driver"), (4, "treatment"), (5, "panel"))},
    "motor_hung": Fault(
        "task_hung", ("watchdog", "drive_dropped"), NEVER, value=1,
        why="the next press of the trigger asks for this task anew; if none comes within its time, the watchdog bites"),
    "rogue_table": Fault("rogue_table", ("ceiling", "tables"), LAST_PRESS),
    "memory_hit": Fault(
        "memory_hit", ("tables", "ceiling", "slip", "jam", "internal"), NEVER,
        why="one bit of one word, which most strokes do not use; a table in use is compared before the next run"),
    # sensors
    "encoder_dead": Fault("encoder_dead", ("encoder", "homing", "slip", "home_sensor"), LAST_STROKE),
    "encoder_dead_30ms": Fault(
        "encoder_dead", ("encoder", "slip", "jam", "homing", "home_sensor"), NEVER, for_ms=30,
        why="short enough to fall into a pause"),
    "encoder_a_stuck": Fault("encoder_a_stuck", ("encoder", "homing", "slip", "home_sensor"), LAST_STROKE),
    "encoder_b_stuck": Fault("encoder_b_stuck", ("encoder", "homing", "slip", "home_sensor"), LAST_STROKE),
    "encoder_slipped_out": Fault(
        "encoder_slipped", ("encoder", "slip", "home_sensor", "homing"), LAST_STROKE, value=100, quiet=UNTIL_HOMED,
        why=HOMING_HEALS),
    "encoder_slipped_in": Fault(
        "encoder_slipped", ("encoder", "slip", "home_sensor", "homing"), LAST_STROKE, value=-100, quiet=UNTIL_HOMED,
        why=HOMING_HEALS),
    "home_stuck_active": Fault(
        "home_stuck_active", ("home_sensor", "homing"), LAST_STROKE, strokes=3,
        why="a turn that no look saw is let pass twice, as step count and encoder agree"),
    "home_stuck_inactive": Fault("home_stuck_inactive", ("home_sensor", "homing"), LAST_STROKE),
    "home_noisy": Fault(
        "home_noisy", ("home_sensor", "homing", "encoder", "jam"), NEVER,
        why="named after 4 strokes of 32 with readings that were taken back; parked, one that sees is enough"),
    # driver
    # one wrong level, one wrong conversion
    "home_wrong_once": Fault("pin_wrong", NOT_MOVED, NEVER, pin="home", looks=1, why=ONE_LOOK),
    "home_wrong_1ms": Fault("pin_wrong", NOT_MOVED, NEVER, pin="home", for_ms=1, why=ONE_LOOK),
    "home_active_25ms": Fault("pin_high", NOT_MOVED, NEVER, pin="home", for_ms=25, why=ONE_LOOK),
    "home_wrong_25ms": Fault("pin_wrong", NOT_MOVED, NEVER, pin="home", for_ms=25, why=ONE_LOOK),
    "interlock_wrong_1us": Fault(
        "pin_wrong", ("cartridge_pulled", "drive_dropped", "homing"), NEVER, pin="interlock", for_ms=0.001,
        said=NO_CARTRIDGE, why="only the gate sees it, and only while it is armed"),
    "power_ok_wrong_once": Fault("pin_wrong", ("power_fail",), NEVER, pin="power_ok", looks=1, why=ONE_LOOK),
    "diag_wrong_25ms": Fault(
        "pin_wrong", ("driver_short", "driver_hot", "driver_supply", "driver_reset", "driver_silent"), NEVER,
        pin="diag", for_ms=25, why=ONE_LOOK),
    "trigger_no_wrong_25ms": Fault(
        "pin_wrong", ("trigger_contacts",), NEVER, pin="trigger_no", for_ms=25, why=ONE_LOOK),
    "encoder_a_wrong_1ms": Fault(
        "pin_wrong", ("encoder", "slip", "jam", "homing", "home_sensor"), NEVER, pin="encoder_a", for_ms=1,
        why=ONE_LOOK),
    "ntc_wrong_once": Fault("adc_reads", ("ntc",), NEVER, value=4095, pin="ntc", looks=1, why=ONE_LOOK),
    "battery_wrong_once": Fault(
        "adc_reads", ("battery_low", "battery_sense"), NEVER, value=0, pin="battery", looks=1, said=NO_SUPPLY,
        why=ONE_LOOK),
    # driver, once more
    "driver_reset": Fault(
        "driver_reset", ("driver_reset",), ALWAYS, quiet=BEFORE_THE_LOOP, why="it is configured before homing anyway"),
    "driver_silent": Fault("driver_silent", ("driver_silent",), ALWAYS),
    "driver_silent_100ms": Fault(
        "driver_silent", ("driver_silent",), NEVER, for_ms=100, why="one request in a row may fail: noise"),
    "driver_babbling": Fault("driver_babbling", ("driver_silent",), ALWAYS),
    "uart_noisy": Fault(
        "uart_noisy", ("driver_silent",), NEVER, why="what the checksum refuses is asked again, and often comes then"),
    "uart_noisy_25ms": Fault("uart_noisy", (), NEVER, for_ms=25, why="what the checksum refuses is asked again"),
    "driver_lies_25ms": Fault(
        "driver_lies", (), NEVER, value=0x204, for_ms=25, why="a status counts once it has said the same for 40 ms"),
    "driver_short": Fault("driver_short", ("driver_short",), LAST_STROKE),
    "driver_hot": Fault("driver_hot", ("driver_hot",), ALWAYS, value=160),
    "driver_pump_low": Fault("driver_pump_low", ("driver_supply",), ALWAYS),
    "driver_pump_low_20ms": Fault(
        "driver_pump_low", ("driver_supply", *NOT_MOVED), NEVER, for_ms=20, why="short enough to fall into a pause"),
    "diag_stuck_high": Fault(
        "diag_stuck_high", (), NEVER, why="the line only has the driver asked earlier; what it answers counts"),
    "diag_stuck_low": Fault(
        "diag_stuck_low", (), NEVER, why="the line only has the driver asked earlier; what it answers counts"),
    "driver_open": Fault(
        "driver_open", ("driver_open",), NEVER,
        why="three statuses under load have to show it, and a run of the base session has one or two"),
    "enable_torn": Fault("enable_torn", NOT_MOVED, LAST_STROKE),
    "enable_grounded": Fault("enable_grounded", ("gate",), ALWAYS),
    "step_torn": Fault("step_torn", NOT_MOVED, LAST_STROKE),
    "dir_torn": Fault("dir_torn", NOT_MOVED, LAST_STROKE),
    # trigger and buttons
    "trigger_no_stuck": Fault("trigger_no_stuck", ("trigger_contacts", "trigger_stuck"), ALWAYS),
    "trigger_no_broken": Fault("trigger_no_broken", ("trigger_contacts",), LAST_RELEASE),
    "trigger_nc_stuck": Fault("trigger_nc_stuck", ("trigger_contacts",), LAST_RELEASE),
    "trigger_nc_broken": Fault("trigger_nc_broken", ("trigger_contacts",), ALWAYS),
    "trigger_nc_broken_60ms": Fault(
        "trigger_nc_broken", ("trigger_contacts",), NEVER, for_ms=60,
        why="while the trigger is held this contact is open anyway"),
    "select_stuck": Fault("select_stuck", (), NEVER, why="a button moves nothing; the trigger works as before"),
    # records and panel
    "fram_dead": Fault("fram_dead", ("storage",), SESSION_END),
    "fram_noisy": Fault("fram_noisy", ("storage", "storage_blank", "calibration_corrupt"), SESSION_END),
    "fram_noisy_6ms": Fault("fram_noisy", (), NEVER, for_ms=6, why="told again until the bus is sound"),
    "fram_deaf_600ms": Fault("fram_deaf", (), NEVER, for_ms=600, why="told again until it hears"),
    "fram_low": Fault("fram_low", ("storage",), SESSION_END),
    "fram_high": Fault("fram_high", ("storage",), SESSION_END),
    "fram_bit_read": Fault("fram_bit_read", (), NEVER, value=9, why="read again"),
    "fram_deaf": Fault("fram_deaf", ("storage",), SESSION_END),
    "display_dead": Fault(
        "display_dead", ("display",), NEVER,
        why="tested at boot; later the strokes stay within every limit, and lamp and buzzer tell of a stop"),
}

ON_THE_BUSES = "moves nothing, and has tests of its own beside its part"
LEFT_OUT = {  # mishaps in no row, and why
    "pin_low": "pin_wrong has each line at its other level; the sweep holds every line both ways at every length",
    "pin_noise": "the sweep and the random hands have it at every pin",
    "contacts_bounce": "the random hands press; those of a base session press as a fresh contact does",
    "seat_bounces": "a base session exchanges no cartridge; the random hands do",
    "friction_mnm": "the pens differ in it; the sweep changes it in every motion",
    "backlash_um": "the pens differ in it; the sweep changes it in every motion",
    **{name: ON_THE_BUSES for name in (
        "clock_stopped", "clock_cell_empty", "clock_silent", "clock_garbled", "clock_wrong", "i2c_held", "i2c_shorted",
        "i2c_noisy", "display_reset", "fram_misheard", "fram_bit_written")},
}
