"""Run by MicroPython, not by pytest: the gate and the encoder while needles move, with the heap locked."""

import sys
from array import array

import micropython
from encoder import Encoder
from gate import Chain, Gate, depth_gate, step_word


class Pins:
    PIN_STEP = 0
    PIN_DIR = 1
    PIN_EN_N = 2
    PIN_INTERLOCK = 3
    PIN_ENC_A = 10


gate = Gate(Pins)
encoder = Encoder(Pins)
chain = Chain(4)
up = array("I", [step_word(2000 - 10 * i, True) for i in range(50)])
down = array("I", [step_word(1500 + 10 * i, False) for i in range(50)])
cruise = array("I", [step_word(1500, True), step_word(1500, False)])


def load():
    chain.clear()
    chain.add(up, 0, 50)
    chain.add_repeat(cruise, 0, 100)
    chain.add_repeat(cruise, 1, 100)
    chain.add(down, 0, 50)


def stroke():
    load()
    gate.start(chain)
    looks = 0
    while gate.busy():
        gate.beat()
        encoder.count()
        if gate.remaining_steps() < 0 or gate.tripped() or not gate.enabled():
            return False
        looks += 1
    return looks > 5 and gate.remaining_steps() == 500


def refused():
    chain.clear()
    chain.add_repeat(cruise, 0, 501)
    gate.start(chain)
    while not gate.tripped():
        pass
    return not gate.enabled()


def locked(name, work):
    micropython.heap_lock()
    culprit = None
    try:
        said = work()
    except MemoryError as error:
        said, culprit = "ALLOCATES", error
    micropython.heap_unlock()
    print(name, said)
    if culprit is not None:
        sys.print_exception(culprit)


load()  # the first look at a table registers it with the simulator
locked("arm", lambda: gate.arm(500))
locked("stroke", stroke)
locked("again", stroke)
locked("zero", encoder.zero)
locked("count", encoder.count)
locked("refused", refused)
locked("disarm", gate.disarm)
locked("busy", gate.busy)
print("words", " ".join([f"{word:04x}" for word in depth_gate[0]]), depth_gate[1:6])
