"""The simulator's `rp2` against what MicroPython's source for the chip does, and the twins' refusals."""

import pytest
from gate_bench import Pins

from sim.pio import PioError, ops


def test_programs_fill_a_block_from_the_top(bench):
    gate = bench.gate_module
    gate.Gate(Pins)
    offsets = [program[1] for program in (gate.interlock, gate.dead_man, gate.depth_gate, gate.step_generator)]
    assert offsets == [30, 26, 11, 5]


def test_a_full_block_is_no_memory(bench):
    bench.gate_module.Gate(Pins)
    names: dict[str, object] = {}
    exec("def nine():\n" + "    nop()\n" * 9, names)
    program = bench.rp2.asm_pio()(names["nine"])
    with pytest.raises(OSError) as error:
        bench.rp2.PIO(0).add_program(program)
    assert error.value.args[0] == 12
    bench.rp2.PIO(0).remove_program(bench.gate_module.interlock)
    bench.rp2.PIO(1).add_program(program)
    with pytest.raises(ValueError, match="not in instruction memory"):
        bench.rp2.PIO(0).remove_program(bench.gate_module.interlock)


def test_ctrl_words_have_the_controllers_bits(bench):
    dma = bench.rp2.DMA()
    # RP2040 datasheet 2.5.7, CH0_CTRL_TRIG: enabled, words, both rising, unpaced, quiet
    assert dma.channel == 0
    assert dma.pack_ctrl() == 0x3F8039
    assert dma.pack_ctrl(inc_read=False, inc_write=0, treq_sel=5, chain_to=3) == 0x201809 | 5 << 15
    assert dma.pack_ctrl(default=0, ring_size=4, ring_sel=True, size=2) == 4 << 6 | 1 << 10 | 2 << 2
    assert bench.rp2.DMA().pack_ctrl() == 0x3F8039 | 1 << 11
    assert dma.unpack_ctrl(0x3F8039)["treq_sel"] == 0x3F
    with pytest.raises(ValueError, match="bad field"):
        dma.pack_ctrl(chain_to=16)
    with pytest.raises(TypeError, match="nonsense"):
        dma.pack_ctrl(nonsense=1)


def test_there_are_twelve_channels(bench):
    channels = [bench.rp2.DMA() for _ in range(12)]
    with pytest.raises(OSError) as error:
        bench.rp2.DMA()
    assert error.value.args[0] == 16
    channels[5].close()
    assert bench.rp2.DMA().channel == 5
    with pytest.raises(ValueError, match="closed"):
        channels[5].active()


def test_blocks_and_state_machines_are_numbered(bench):
    for wrong in (-1, 2):
        with pytest.raises(ValueError, match="invalid PIO"):
            bench.rp2.PIO(wrong)
    for wrong in (-1, 8):
        with pytest.raises(ValueError, match="invalid StateMachine"):
            bench.rp2.StateMachine(wrong)


def test_forced_instructions_act_on_registers(bench):
    gate = bench.gate_module.Gate(Pins)
    machine = gate._gate
    for text in (
        "set(x, 7)",
        "mov(y, x)",
        "set(x, 0)",
        "mov(isr, invert(y))",
        "push(noblock)",
        "mov(isr, x)",
    ):
        machine.exec(text)
    machine.exec("push(noblock)")
    assert machine.rx_fifo() == 2
    assert machine.get() == 0xFFFFFFF8
    assert machine.get() == 0


def test_a_full_fifo_takes_no_word_and_gives_them_in_order(bench):
    machine = bench.gate_module.Gate(Pins)._gate
    for word in (1, 2, 3, 4):
        machine.put(word)
    assert machine.tx_fifo() == 4
    assert bench.host.call(ops.SM_PUT, 1, 5, 0, bench.now_ns) == 0
    for word in (1, 2, 3, 4):
        machine.exec("pull(noblock)")
        machine.exec("mov(isr, osr)")
        machine.exec("push(noblock)")
        assert machine.get() == word


@pytest.mark.parametrize(
    "text",
    [
        "nop()[1]",
        "push()",
        "pull()",
        "out(x, 1)",
        "in_(x, 1)",
        "wait(1, irq, 4)",
        "mov(pins, x)",
        "irq(3)",
        "mov(x, status)",
    ],
)
def test_forced_instructions_without_a_twin_are_refused(bench, text):
    machine = bench.gate_module.Gate(Pins)._gate
    with pytest.raises(PioError):
        machine.exec(text)


def test_wrong_wiring_is_refused(bench):
    rp2, gate, pin = bench.rp2, bench.gate_module, __import__("types").SimpleNamespace
    pins = [pin(number=n) for n in range(6)]
    with pytest.raises(PioError, match="EN_N"):
        rp2.StateMachine(1, gate.depth_gate, in_base=pins[3], set_base=pins[2], jmp_pin=pins[1], sideset_base=pins[0])
    rp2.StateMachine(0, gate.step_generator, out_base=pins[1])
    machine = rp2.StateMachine(
        1, gate.depth_gate, in_base=pins[2], set_base=pins[2], jmp_pin=pins[5], sideset_base=pins[0]
    )
    with pytest.raises(PioError, match="DIR"):
        machine.active(1)
    with pytest.raises(PioError, match="different EN_N"):
        rp2.StateMachine(2, gate.dead_man, set_base=pins[4])
    with pytest.raises(PioError, match="clock divider"):
        rp2.StateMachine(2, gate.dead_man, 1000000, set_base=pins[2])
    with pytest.raises(PioError, match="state machine 3"):
        rp2.StateMachine(3, gate.dead_man, set_base=pins[2])


def test_dma_to_anything_else_is_refused(bench):
    dma = bench.rp2.DMA()
    dma.config(read=bytearray(8), write=0x50200010, count=2, ctrl=dma.pack_ctrl())
    with pytest.raises(PioError, match="load another channel"):
        dma.active(1)
    with pytest.raises(NotImplementedError):
        dma.write = bytearray(4)


def test_the_generator_starts_only_when_the_depth_gate_is_ready(bench):
    """The depth gate's first instruction says that it is ready: two of these in a row would let a word go too early."""
    gate = bench.gate_module.Gate(Pins)
    with pytest.raises(PioError, match="before the depth gate"):
        gate._generator.active(1)
    assert gate._gate.active(1)
    assert gate._generator.active(1)


def test_an_enable_over_a_stuck_request_is_refused(bench):
    gate = bench.gate_module.Gate(Pins)
    gate.arm(9)
    bench.open_interlock()
    bench.wait(20)
    gate._generator.put(bench.gate_module.step_word(100, True))
    bench.wait(200)
    bench.close_interlock()
    gate._interlock.active(0)
    gate._interlock.restart()
    with pytest.raises(PioError, match="stuck"):
        gate._gate.exec("set(pins, 0)")
