"""Runs on the emulated chip as main.py: the pen's own sense and motor tasks, with marks around them for the host.

The pen is the firmware's own, with its record memory; display, cartridge and driver are not on this board, so what
they would have led to is set here by hand, and their tasks do not run. Nothing here allocates while strokes run.
"""

# ruff: noqa: E402

import gc
import sys
import time

begun_ms = time.ticks_ms()
gc.threshold(4096)  # as main.py does it until the pen is made
sys.path[:] = ["/a", ".frozen"]

import base as base_module
import board
import depth
import faults
import machine
import pen as pen_module
import safety
import selftest
from machine import mem32
from micropython import const
from scheduler import Scheduler

imported_ms = time.ticks_diff(time.ticks_ms(), begun_ms)

PORT = const(0x3C000000)  # sim/silicon/chip.py
READY, DONE, FAILED = const(1), const(2), const(3)
CALIBRATE = const(8)
PASS, MOTOR, SENSE, RECORD = const(10), const(20), const(30), const(40)

DEPTH_UM = const(900)
RATE_MHZ = const(20000)
WARM_UP, STROKES = const(8), const(20)  # the first few find the grid of the run, with state words in the record
RELEASED_MS = const(50)  # the trigger has to be seen released since the session was opened


def say(text):
    for character in text:
        mem32[PORT + 4] = ord(character)


def timed(run, mark):
    """`run` of one argument, with a mark before it and the next number after it."""

    def marked(value):
        mem32[PORT] = mark
        answer = run(value)
        mem32[PORT] = mark + 1
        return answer

    return marked


def recorded(run):
    """The same for what is called when a stroke came home."""

    def marked(depth_um, achieved_um, flags, zone):
        mem32[PORT] = RECORD
        run(depth_um, achieved_um, flags, zone)
        mem32[PORT] = RECORD + 1

    return marked


def nothing(value):
    return value


def calibrate():
    """What the marks themselves cost: two in a row, an empty call between two, a marked one between two."""
    wrapped = timed(nothing, PASS)
    for _ in range(2):
        mem32[PORT] = CALIBRATE
        mem32[PORT] = CALIBRATE + 1
        nothing(0)
        mem32[PORT] = CALIBRATE + 2
        wrapped(0)
        mem32[PORT] = CALIBRATE + 3


def took(figures, name, run):
    """`run` with its microseconds put down under `name`."""

    def timed_run(*arguments):
        since_us = time.ticks_us()
        answer = run(*arguments)
        figures[name] = time.ticks_diff(time.ticks_us(), since_us)
        return answer

    return timed_run


def make_pen(figures):
    """A pen whose self-test has passed as far as this board goes, with a session's choices made."""
    base = took(figures, "making_the_base_us", base_module.Base)()
    pen = took(figures, "making_the_pen_us", pen_module.Pen)(time, machine.reset_cause(), base)
    pen.sensors.read_pads()
    pen.sensors.read_analog()
    for test in (selftest._memory, selftest._sensors, selftest.gate, selftest.calibration):
        code = test(pen)
        if code != faults.NONE:
            raise RuntimeError("self-test: " + faults.key(code))
    pen.safety.event(safety.TESTED)
    pen.driver.configured = True
    tasks = pen.scheduler.tasks[:2]
    pen.scheduler = Scheduler(time, tasks, pen._feed)
    return pen


def open_session(pen):
    deed = pen.treatment
    deed.cartridge_accepted(2500, pen.calibration.travel_um)
    deed.choose_zone(depth.zone_number("cheek"))
    deed.choose_indication(depth.indication_number("wrinkles"))
    while deed.answer_no() or deed.stage == 3:
        pass
    deed.confirm(True)
    pen.cartridge.marked = True
    pen.session.open(time.ticks_ms())
    deed.depth_um = DEPTH_UM
    deed.asked_rate_mhz = RATE_MHZ


def run_while(pen, condition, within_ms):
    scheduler = pen.scheduler
    began_ms = time.ticks_ms()
    while condition(pen):
        if time.ticks_diff(time.ticks_ms(), began_ms) > within_ms:
            state = safety.STATE_NAMES[pen.safety.state]
            raise RuntimeError(f"still {state} after {within_ms} ms: {faults.REFUSALS[pen.pace.refusal]}")
        if pen.safety.fault != faults.NONE:
            raise RuntimeError("fault: " + faults.key(pen.safety.fault))
        wait_us = scheduler.run_once()
        if wait_us > 0:
            time.sleep_us(wait_us)


def measure(pen):
    sense, move = pen.scheduler.tasks
    once = pen.scheduler.run_once
    sense.run = timed(sense.run, SENSE)
    move.run = timed(move.run, MOTOR)
    pen.motor._on_stroke = recorded(pen.pace.on_stroke)
    last = pen.motor.strokes() + STROKES
    while pen.motor.strokes() < last:
        mem32[PORT] = PASS
        wait_us = once()
        mem32[PORT] = PASS + 1
        if wait_us > 0:
            time.sleep_us(wait_us)


def main():
    board.drive_off()
    board.set_clock()
    calibrate()
    figures = {"imports_ms": imported_ms}
    gc.threshold(-1)  # planning leaves so much behind that a collection for each 4 kB would take half a minute
    pen = make_pen(figures)
    run_while(pen, lambda pen: pen.safety.state != safety.READY, 1000)
    open_session(pen)
    began_ms = time.ticks_ms()
    run_while(pen, lambda pen: time.ticks_diff(time.ticks_ms(), began_ms) < RELEASED_MS, 1000)
    took(figures, "glide_limit_us", pen.glide_um_s)()
    gc.collect()
    figures["heap_free_bytes"] = gc.mem_free()  # without panel and console
    pen.motor._intact = took(figures, "tables_looked_over_us", pen.motor._intact)
    mem32[PORT] = READY
    run_while(pen, lambda pen: pen.motor.strokes() < WARM_UP, 1000)
    measure(pen)
    say(f"{pen.motor.achieved_um()} um, {pen.treatment.rate_mhz} mHz")
    for name in figures:
        say(f"\n{name} {figures[name]}")
    mem32[PORT] = DONE


try:
    main()
except Exception as error:
    import io

    text = io.StringIO()
    sys.print_exception(error, text)
    say(text.getvalue())
    mem32[PORT] = FAILED
