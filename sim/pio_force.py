"""Instructions the CPU forces on a state machine (SMx_INSTR), acting on the registers of its twin.

Invariant: what the firmware uses, and nothing that could stall; anything else raises. RP2040 datasheet 3.4.
"""

from sim.pio_machines import MASK, Machine
from sim.pio_steps import PioError, StepEngine

_PUSH_PULL, _MOV, _IRQ, _SET = 4, 5, 6, 7
_PINS, _X, _Y, _NULL, _ISR, _OSR = 0, 1, 2, 3, 6, 7
_CLEAR_REQUEST, _CLEAR_TRIP, _SAY_OVER = 0x44, 0x40, 0x05


def force(machine: Machine, instruction: int, cycle: int, engine: StepEngine, en_n_pin: int | None) -> int | None:
    """Execute; answer the level if the instruction writes EN_N, else None."""
    if instruction >> 8 & 0x1F:
        raise PioError(f"forced instruction {instruction:#06x} with delay or side-set")
    kind, argument = instruction >> 13, instruction & 0xFF
    if kind == _SET:
        return _set(machine, argument, en_n_pin)
    if kind == _PUSH_PULL:
        _push_pull(machine, argument, cycle)
    elif kind == _MOV:
        _mov(machine, argument, cycle)
    elif kind == _IRQ:
        _irq(argument, engine)
    else:
        raise PioError(f"forced instruction {instruction:#06x}")
    return None


def _push_pull(machine: Machine, argument: int, cycle: int) -> None:
    if argument & 0x60:
        raise PioError("a forced push or pull that may wait or skip")
    if argument & 0x80:
        word = machine.pop()
        machine.osr = machine.x(cycle) if word is None else word
    else:
        machine.push(machine.isr)
        machine.isr = 0


def _mov(machine: Machine, argument: int, cycle: int) -> None:
    target, operation, source = argument >> 5, argument >> 3 & 3, argument & 7
    if source == _X:
        value = machine.x(cycle)
    elif source in (_Y, _NULL, _ISR, _OSR):
        value = {_Y: machine.read_y(), _NULL: 0, _ISR: machine.isr, _OSR: machine.osr}[source]
    else:
        raise PioError(f"forced mov from source {source}")
    if operation == 1:
        value = ~value & MASK
    elif operation:
        raise PioError("forced mov with reversed bits")
    _write(machine, target, value)


def _write(machine: Machine, target: int, value: int) -> None:
    if target == _X:
        machine.set_x(value)
    elif target == _Y:
        machine.set_y(value)
    elif target == _ISR:
        machine.isr = value
    elif target == _OSR:
        machine.osr = value
    else:
        raise PioError(f"forced mov or set to destination {target}")


def _irq(argument: int, engine: StepEngine) -> None:
    if argument == _CLEAR_REQUEST:
        engine.drop_request()
    elif argument == _SAY_OVER:
        engine.say_over()
    elif argument != _CLEAR_TRIP:  # a trip's flag goes to the CPU, and the firmware polls instead
        raise PioError(f"forced irq {argument:#x}")


def _set(machine: Machine, argument: int, en_n_pin: int | None) -> int | None:
    target, value = argument >> 5, argument & 0x1F
    if target != _PINS:
        _write(machine, target, value)
        return None
    if machine.wiring.set_base is None or machine.wiring.set_base != en_n_pin:
        raise PioError("a forced set of pins on a state machine that has none")
    return value & 1
