"""What must hold in every call: one function for each rule, named, with the figures written down a second time.

A rule sees a `Call` and the core after it. Where the call did not look at an input, the rule takes the worst
that the input could have been: a permit given without a look at the interlock is a permit with it open.
`GRANT` rules judge each permit given for a stroke, `STATIC` rules each for a static move, `MOVE` rules both; `UPDATE`
rules each pass of the loop, `ANY` rules every call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sim.exhaust.subject import DEBOUNCE_MS, LONGEST_RUN_MS, Call, Subject

# the figures of docs/hardware.md and docs/faults.md, not read from the firmware
PERMIT_MS = 20
BUILD_UM = 2500
TEMP_LOW_DC, TEMP_STOP_DC, TEMP_HIGH_DC, TEMP_COOL_DC = -200, 800, 1500, 650
BATTERY_START_MV, BATTERY_STOP_MV = 7000, 6200
RAIL_LOW_MV = 9800
CONTACTS_MS, EXTENDED_MS, RAIL_LOW_MS, BATTERY_LOW_MS = 40, 400, 60, 300
LOOP_MS, POWER_MS = 3, 3

GAUGE_REACH_UM, GAUGE_FAR_UM = 3100, 2550

GRANT, STATIC, MOVE = "grant", "static", "move"
UPDATE, CLEAR, SPEND, OPEN, OPEN_GAUGE, ANY = "update", "clear", "spend", "open", "open_gauge", "any"


class Rule(NamedTuple):
    name: str
    when: str
    text: str
    holds: Callable[[Call, Subject], bool]


RULES: list[Rule] = []


def _rule(name: str, when: str, text: str):
    def add(holds: Callable[[Call, Any], bool]):
        RULES.append(Rule(name, when, text, holds))
        return holds

    return add


def _is(call: Call, name: str, value: int) -> bool:
    """The input can only have been this."""
    return call.inputs.range(name) == (value, value)


# -- permits ----------------------------------------------------------------------------------------------


@_rule("permit.homed", MOVE, "a permit only after homing, with nothing since that makes the position doubtful")
def _(call, _subject):
    return call.watch.homed


@_rule("permit.calibrated", GRANT, "a permit only with a valid calibration")
def _(call, _subject):
    return _is(call, "calibrated", 1)


@_rule("permit.cartridge", GRANT, "a permit only with a cartridge that was accepted")
def _(call, _subject):
    return _is(call, "cartridge_ok", 1)


@_rule("permit.interlock", MOVE, "a permit only while a cartridge is seated")
def _(call, _subject):
    return _is(call, "interlock", 1)


@_rule("permit.trigger", MOVE, "a permit only while both contacts of the trigger say held")
def _(call, _subject):
    return _is(call, "trigger_no", 1) and _is(call, "trigger_nc", 0)


@_rule("permit.pressed", MOVE, "a permit only after both contacts said held for longer than they bounce")
def _(call, _subject):
    return call.watch.pressed


@_rule("permit.page", GRANT, "a permit for a stroke only while the display shows the session and nothing else to read")
def _(call, _subject):
    return _is(call, "to_read", 0)


@_rule("permit.early", MOVE, "no permit after a pull on a page that had to be read, until the trigger was released")
def _(call, _subject):
    return not call.watch.early


@_rule("permit.release", MOVE, "a permit only after a release since boot, the last opening and the last fault")
def _(call, _subject):
    return call.watch.released


@_rule("permit.longest_run", MOVE, "no permit after the longest run until the trigger was released")
def _(call, _subject):
    return not call.watch.run_over


@_rule("permit.session", GRANT, "a permit only in an open session")
def _(call, _subject):
    return call.max_um > 0


@_rule("permit.session_time", GRANT, "no permit when the session's time is up")
def _(call, _subject):
    return _is(call, "time_up", 0)


@_rule("permit.depth", GRANT, "0 < depth <= ceiling <= the session's maximum <= zone cap and build ceiling")
def _(call, subject):
    permit, depth = subject.core.permit, subject.firmware.depth
    top_um = min(depth.ZONES[permit.zone].supervised_cap_um, BUILD_UM)
    return 0 < call.move.a == permit.depth_um <= permit.ceiling_um <= call.max_um <= top_um


@_rule("permit.supply", MOVE, "a permit only with power good, and a run begins only above the battery's start level")
def _(call, subject):
    begins = call.state == subject.firmware.safety.READY
    return _is(call, "power_ok", 1) and (not begins or call.inputs.range("battery_mv")[0] >= BATTERY_START_MV)


@_rule("permit.temperature", MOVE, "a permit only with a plausible motor temperature below the stop")
def _(call, _subject):
    low_dc, high_dc = call.inputs.range("temp_dc")
    return low_dc >= TEMP_LOW_DC and high_dc < TEMP_STOP_DC


@_rule("permit.no_fault", MOVE, "no permit with a fault latched, and only in ready, for a stroke also in running")
def _(call, subject):
    safety, none = subject.firmware.safety, subject.firmware.faults.NONE
    states = (safety.READY, safety.RUNNING) if call.move.what == "ask" else (safety.READY,)
    return call.fault == subject.core.fault == none and call.state in states


@_rule("permit.kind", MOVE, "a stroke's permit is for no static move and has a session, and the other way round")
def _(call, subject):
    core, static = subject.core, call.move.what == "ask_static"
    return core.permit.static is static and core.gauging is static and (core.max_um > 0) is not static


@_rule("static.proof", STATIC, "a static move only for a technician who has proven it, with the gauge tip seated")
def _(call, _subject):
    return call.gauging and _is(call, "technician", 1) and _is(call, "gauge_tip", 1)


@_rule("static.reach", STATIC, "a static move goes out no further than was asked, 3.1 mm, and 2.55 mm past the plane")
def _(call, subject):
    reach_um, far_um = call.move.a, call.move.b
    permit = subject.core.permit
    fits = 0 < reach_um <= GAUGE_REACH_UM and far_um <= GAUGE_FAR_UM
    return fits and permit.depth_um == permit.ceiling_um == reach_um


@_rule("permit.expires", MOVE, "a permit is good for 20 ms and not a millisecond more")
def _(call, subject):
    permit, ticks = subject.core.permit, subject.firmware.ticks
    kept = dict(vars(permit))
    late = permit.spend(ticks.add(subject.now_ms, PERMIT_MS))
    vars(permit).update(kept)
    return not late


@_rule("permit.once", SPEND, "a permit is spent once, in time, and not when it became void")
def _(call, subject):
    return not (call.answer and (call.move.a or not call.watch.good)) and not subject.core.permit._open


@_rule("permit.void", ANY, "a permit stays open only while what it is for goes on, with no fault and not replaced")
def _(call, subject):
    core, safety = subject.core, subject.firmware.safety
    if not core.permit._open:
        return True
    if core.permit.static:
        goes_on = core.state == safety.GAUGING and core.gauging
    else:
        goes_on = core.state == safety.RUNNING and core.max_um > 0
    return call.watch_after.good and goes_on and core.fault == subject.firmware.faults.NONE


# -- faults -----------------------------------------------------------------------------------------------


@_rule("fault.first", ANY, "the first fault is latched at once and stays the one shown")
def _(call, subject):
    return call.move.what in ("clear", "open_gauge") or subject.core.fault == call.first


@_rule("fault.halts", ANY, "with a fault latched the pen is blocked, retracting, off or powered down")
def _(call, subject):
    return subject.core.fault == subject.firmware.faults.NONE or subject.core.state in subject.halted


@_rule("fault.stops", ANY, "a fault that does not trust the drive has it off at once")
def _(call, subject):
    faults, safety = subject.firmware.faults, subject.firmware.safety
    for code in call.trips:
        if faults.act(code) == faults.STOP:
            return subject.core.state in (safety.FAULT, safety.POWER_DOWN)
    return True


@_rule("fault.unhomed", ANY, "from a fault the only way on is to unhomed")
def _(call, subject):
    state = subject.core.state
    return call.state not in subject.halted or state in subject.halted or state == subject.firmware.safety.UNHOMED


@_rule("fault.remedy", CLEAR, "a fault goes only by its remedy, its cause gone, at rest")
def _(call, subject):
    faults, safety = subject.firmware.faults, subject.firmware.safety
    if subject.core.fault == call.fault:
        return call.answer is False
    remedy = faults.remedy(call.fault)
    allowed = remedy == faults.BY_USER or (remedy == faults.BY_SERVICE and call.move.a == 1)
    return allowed and call.state in (safety.FAULT, safety.BLOCKED) and _cause_gone(call, faults)


def _cause_gone(call, faults):
    code = call.fault
    if code in (faults.TRIGGER_STUCK, faults.TRIGGER_CONTACTS):
        return _is(call, "trigger_no", 0) and _is(call, "trigger_nc", 1)
    if code in (faults.MOTOR_HOT, faults.DRIVER_HOT):
        return call.inputs.range("temp_dc")[1] <= TEMP_COOL_DC
    if code == faults.BATTERY_LOW:
        return call.inputs.range("battery_mv")[0] >= BATTERY_START_MV
    if code in (faults.RAIL_LOW, faults.DRIVER_SUPPLY):
        return call.inputs.range("rail_mv")[0] >= RAIL_LOW_MV
    return True


@_rule("fault.behind", CLEAR, "a fault behind the cleared one that asks for service or a restart is shown next")
def _(call, subject):
    core, faults = subject.core, subject.firmware.faults
    if core.fault == call.fault:
        return True
    if call.watch.owed:
        return core.fault != faults.NONE and faults.remedy(core.fault) in call.watch.owed and call.answer is False
    return core.fault == faults.NONE


@_rule("fault.told", ANY, "each fault that latches, or waits behind another, is told once, for the journal")
def _(call, subject):
    fault, faults = subject.core.fault, subject.firmware.faults
    told = list(call.latched)
    if fault not in (call.fault, faults.NONE):
        if fault not in told:
            return False
        told.remove(fault)
    waits = subject.watch.owed - call.watch.owed
    return sorted(faults.remedy(code) for code in told) == sorted(waits)


# -- states -----------------------------------------------------------------------------------------------


@_rule("state.table", ANY, "the state changes only by a cell of the table, or to power-down")
def _(call, subject):
    safety = subject.firmware.safety
    state = call.state
    for at, event in call.cells:
        target = safety.TRANSITIONS[at][event]
        told = safety.FAULT if target == safety._BAD else at if target == safety._STAY else target
        if at != state:
            return False
        clears = call.move.what in ("clear", "open_gauge")
        held = event == safety.CLEAR and not clears and call.fault != subject.firmware.faults.NONE
        state = at if held else told
    return subject.core.state == (safety.POWER_DOWN if call.move.what == "power_gone" else state)


@_rule("state.raises", ANY, "no call raises, but opening a session that cannot be")
def _(call, _subject):
    return not call.refused or call.move.what == "open"


@_rule("state.told", ANY, "each change of state is told once, in order")
def _(call, subject):
    if subject.core.state == call.state:
        return not call.states
    return bool(call.states) and call.states[-1] == subject.core.state and call.states[0] != call.state


@_rule("state.ready", ANY, "ready is reached only by homing or at the end of a run")
def _(call, subject):
    safety = subject.firmware.safety
    if subject.core.state != safety.READY or call.state == safety.READY:
        return True
    return call.move in (("event", safety.HOMED, 0), ("event", safety.PARKED, 0)) and call.watch_after.homed


@_rule("state.power_down", ANY, "nothing leads out of power-down")
def _(call, subject):
    down = subject.firmware.safety.POWER_DOWN
    return call.state != down or subject.core.state == down


@_rule("state.impossible", ANY, "an event that cannot be is an internal fault with the drive off")
def _(call, subject):
    safety = subject.firmware.safety
    for state, event in call.cells:
        if safety.TRANSITIONS[state][event] == safety._BAD:
            return subject.core.state == safety.FAULT and subject.core.fault == call.first
    return True


# -- sessions ---------------------------------------------------------------------------------------------


@_rule("session.opens", OPEN, "a session opens only in ready, not while gauged, within zone and build")
def _(call, subject):
    core, safety, zones = subject.core, subject.firmware.safety, subject.firmware.depth.ZONES
    zone, max_um = call.move.a, call.move.b
    if call.refused:
        return core.max_um in (0, call.max_um)
    fits = 0 <= zone < len(zones) and 0 < max_um <= min(zones[zone].supervised_cap_um, BUILD_UM)
    ready = call.state == safety.READY and not call.gauging
    return ready and fits and (core.zone, core.max_um) == (zone, max_um)


@_rule("session.never_widens", ANY, "a limit never grows; a larger one is another session, opened in ready")
def _(call, subject):
    return subject.core.max_um <= call.max_um or (call.move.what == "open" and not subject.core.permit._open)


@_rule("session.gauged", ANY, "there is never a session and a gauging at once")
def _(_call, subject):
    return not (subject.core.gauging and subject.core.max_um > 0)


@_rule("gauge.opens", OPEN_GAUGE, "gauging opens at rest, with technician and tip; it lifts only a missing calibration")
def _(call, subject):
    core, safety, faults = subject.core, subject.firmware.safety, subject.firmware.faults
    lacks = call.fault in (faults.CALIBRATION_MISSING, faults.CALIBRATION_CORRUPT)
    if call.answer != faults.GRANTED:
        return core.fault == call.fault or (lacks and bool(call.watch.owed) and core.fault != faults.NONE)
    at_rest = call.state in (safety.READY, safety.UNHOMED) if call.fault == faults.NONE else (
        lacks and not call.watch.owed and call.state in (safety.BLOCKED, safety.FAULT))
    proven = _is(call, "technician", 1) and _is(call, "gauge_tip", 1) and _is(call, "interlock", 1)
    released = _is(call, "trigger_no", 0) and _is(call, "trigger_nc", 1)
    return at_rest and proven and released and call.max_um == 0 and core.fault == faults.NONE and core.gauging is True


@_rule("gauge.ends", ANY, "gauging begins only by being opened, and ends with any fault")
def _(call, subject):
    core = subject.core
    begun = core.gauging and not call.gauging
    return not (begun and call.move.what != "open_gauge") and not (core.gauging and call.trips)


@_rule("session.flags", ANY, "the core never says by itself that calibration, cartridge, tip or technician are good")
def _(call, _subject):
    return not any(value for _, value in call.wrote)


# -- watching ---------------------------------------------------------------------------------------------


def _moving(call, subject, static=True):
    """Strokes or a static move before and after the pass: nothing in it was found to be a fault."""
    safety = subject.firmware.safety
    if static and call.state == subject.core.state == safety.GAUGING:
        return True
    strokes = (safety.RUNNING, safety.STOPPING)
    return call.state in strokes and subject.core.state in strokes


@_rule("watch.interlock", UPDATE, "strokes go on only while the interlock was not open for too long")
def _(call, subject):
    open_ = call.inputs.range("interlock")[0] == 0
    return not _moving(call, subject) or _timed(call, "_loop", LOOP_MS, open_)


@_rule("watch.power", UPDATE, "past boot, a supply that fails for too long is a fault")
def _(call, subject):
    if subject.core.state == subject.firmware.safety.BOOT or subject.core.fault != subject.firmware.faults.NONE:
        return True
    return _timed(call, "_power", POWER_MS, call.inputs.range("power_ok")[0] == 0)


# what a pass may call a fault by readings, and the counter that has to be sure of it first
WEIGHED = {"TRIGGER_CONTACTS": ("_contacts", CONTACTS_MS), "CARTRIDGE_PULLED": ("_loop", LOOP_MS),
           "POWER_FAIL": ("_power", POWER_MS)}  # fmt: skip


@_rule("watch.evidence", UPDATE, "a pass calls contacts, interlock or supply a fault only with the evidence for it")
def _(call, subject):
    codes = {getattr(subject.firmware.faults, name): needs for name, needs in WEIGHED.items()}
    return all(call.reached(*codes[code]) for code in call.trips if code in codes)


@_rule("watch.doubt", UPDATE, "a pass asks for the next one soon while contacts, interlock or supply are in doubt")
def _(call, subject):
    looks = call.looks
    doubt = [name for name, ms in WEIGHED.values() if looks.get(name) is not None and looks[name].hi < ms]
    return not doubt or bool(call.answer) or call.refused


@_rule("watch.temperature", UPDATE, "past boot, a hot or implausible motor is a fault in the same pass")
def _(call, subject):
    if subject.core.state == subject.firmware.safety.BOOT or subject.core.fault != subject.firmware.faults.NONE:
        return True
    low_dc, high_dc = call.inputs.range("temp_dc")
    return low_dc >= TEMP_LOW_DC and high_dc < TEMP_STOP_DC


@_rule("watch.extended", UPDATE, "strokes go on only while the needles were not out for too long")
def _(call, subject):
    out = call.inputs.range("extension_um")[1] > 0
    return not _moving(call, subject, static=False) or _timed(call, "_extended", EXTENDED_MS, out)


@_rule("watch.rail", UPDATE, "strokes go on only while the motor's supply was not low for too long")
def _(call, subject):
    low = call.inputs.range("rail_mv")[0] < RAIL_LOW_MV
    return not _moving(call, subject) or _timed(call, "_rail", RAIL_LOW_MS, low)


@_rule("watch.battery", UPDATE, "strokes go on only while the battery was not low for too long")
def _(call, subject):
    low = call.inputs.range("battery_mv")[0] < BATTERY_STOP_MV
    return not _moving(call, subject) or _timed(call, "_battery", BATTERY_LOW_MS, low)


@_rule("watch.contacts", UPDATE, "strokes go on only while the contacts did not agree for too long")
def _(call, subject):
    no, nc = call.inputs.range("trigger_no"), call.inputs.range("trigger_nc")
    agree = no[0] <= nc[1] and nc[0] <= no[1]
    return not _moving(call, subject) or _timed(call, "_contacts", CONTACTS_MS, agree)


@_rule("watch.gauge", UPDATE, "a static move goes on only for a technician, with the gauge tip seated")
def _(call, subject):
    if not call.state == subject.core.state == subject.firmware.safety.GAUGING:
        return True
    return subject.core.gauging and _is(call, "technician", 1) and _is(call, "gauge_tip", 1)


@_rule("watch.run", UPDATE, "a run goes on only with the trigger held, and no longer than the longest run")
def _(call, subject):
    safety = subject.firmware.safety
    if call.state != subject.core.state or call.state not in (safety.RUNNING, safety.GAUGING):
        return True
    held = call.inputs.range("trigger_no") == (1, 1) and call.inputs.range("trigger_nc") == (0, 0)
    return _timed(call, "_run", LONGEST_RUN_MS, True) and _timed(call, "_open_for", DEBOUNCE_MS, not held)


def _timed(call, timer, limit_ms, possible):
    """A condition that could hold was timed, and certainly not for so long."""
    held = call.looks.get(timer)
    return not possible or (held is not None and held.hi < limit_ms)


KINDS = (UPDATE, CLEAR, SPEND, OPEN, OPEN_GAUGE, ANY)
BY_KIND = {kind: tuple(rule for rule in RULES if rule.when in (kind, ANY)) for kind in KINDS}
GIVEN = {what: tuple(rule for rule in RULES if rule.when in (kind, MOVE, ANY))
         for what, kind in (("ask", GRANT), ("ask_static", STATIC))}  # fmt: skip
SETS = (*BY_KIND.values(), *GIVEN.values())


def rules_for(call: Call, granted: int) -> tuple[Rule, ...]:
    """The rules that judge this call; `granted` is the answer that gives a permit."""
    if call.move.what in GIVEN and call.answer == granted:
        return GIVEN[call.move.what]
    return BY_KIND.get(call.move.what, BY_KIND[ANY])
