"""The simulated TMC2209 against its datasheet: datagrams, registers, protections, current and step size."""

import pytest
from crcs import tmc_crc
from hypothesis import given
from hypothesis import strategies as st

from sim.parts import tmc2209 as part
from sim.parts.tmc2209 import BIT_NS, BYTE_NS, Tmc2209

FULL_RMS_A = 0.325 / (0.33 + 0.02) / 2**0.5  # IRUN 31, vsense 0, sense resistors of 0.33 ohm


def write_frame(register, value, address=3):
    body = bytes([0x05, address, register | 0x80]) + value.to_bytes(4, "big")
    return body + bytes([tmc_crc(body)])


def read_frame(register, address=3):
    body = bytes([0x05, address, register])
    return body + bytes([tmc_crc(body)])


class Wire:
    """Sends frames 1 ms apart and unpacks answers."""

    def __init__(self, chip):
        self.chip = chip
        self.now_ns = 0

    def send(self, data):
        self.now_ns += 1_000_000
        return self.chip.receive(data, self.now_ns)

    def write(self, register, value):
        assert self.send(write_frame(register, value)) == []

    def read(self, register):
        reply = b"".join(part for _, part in self.send(read_frame(register)))
        assert reply[:3] == bytes([0x05, 0xFF, register]) and tmc_crc(reply[:7]) == reply[7]
        return int.from_bytes(reply[3:7], "big")


@pytest.fixture
def wire():
    return Wire(Tmc2209(3))


@pytest.fixture
def chip(wire):
    return wire.chip


# Frames recorded from real chips: one published with a CHOPCONF question, one read of IOIN with its answer.
@pytest.mark.parametrize("frame", ["0500ec100000539c", "550006e8", "05ff06210002419d"])
def test_crc_agrees_with_recorded_frames(frame):
    data = bytes.fromhex(frame)
    assert part.crc8(data[:-1]) == data[-1] == tmc_crc(data[:-1])


@given(st.binary(max_size=12))
def test_crc_agrees_with_division(data):
    assert part.crc8(data) == tmc_crc(data)


@pytest.mark.parametrize(
    "register, value",
    [
        (part.GCONF, 0x101), (part.GSTAT, 1), (part.IFCNT, 0), (part.CHOPCONF, 0x1000_0053),
        (part.PWMCONF, 0xC10D_0024), (part.TSTEP, 0xF_FFFF), (part.MSCNT, 0), (part.SG_RESULT, 0),
    ],
)  # fmt: skip
def test_power_on_values(wire, register, value):
    assert wire.read(register) == value


def test_ioin_has_version_and_pins(wire, chip):
    assert wire.read(part.IOIN) == 0x2100_0000 | 1 | 1 << 2 | 1 << 3 | 1 << 6
    chip.enable_n = 0
    chip.stall = True
    assert wire.read(part.IOIN) & 0x11 == 0x10


def test_reply_comes_after_senddelay(wire):
    for senddelay, bits in ((0, 8), (1, 8), (2, 24), (15, 120)):
        wire.write(part.SLAVECONF, senddelay << 8)
        wire.now_ns += 1_000_000
        answers = wire.chip.receive(read_frame(part.GCONF), wire.now_ns)
        assert len(answers) == 8
        assert answers[0][0] == wire.now_ns + 4 * BYTE_NS + bits * BIT_NS + BYTE_NS
        assert answers[-1][0] - answers[0][0] == 7 * BYTE_NS


def test_a_read_takes_less_than_the_drivers_budget(wire):
    wire.now_ns += 1_000_000
    done = wire.chip.receive(read_frame(part.GSTAT), wire.now_ns)[-1][0]
    assert done - wire.now_ns < 1_150_000  # so GSTAT and DRV_STATUS fit 3 ms


def test_writes_are_counted_and_wrap(wire):
    for _ in range(256):
        wire.write(part.TPOWERDOWN, 5)
    assert wire.read(part.IFCNT) == 0
    wire.write(part.IOIN, 0)  # read-only, but a correct datagram
    assert wire.read(part.IFCNT) == 1


@pytest.mark.parametrize("at", range(64))
def test_one_wrong_bit_changes_nothing(wire, chip, at):
    before = dict(chip.registers)
    frame = bytearray(write_frame(part.CHOPCONF, 0x1400_0053))
    frame[at >> 3] ^= 1 << (at & 7)
    assert wire.send(bytes(frame)) == []
    assert chip.registers == before and wire.read(part.IFCNT) == 0


def test_other_address_is_neither_obeyed_nor_answered(wire):
    assert wire.send(write_frame(part.GCONF, 0, address=2)) == []
    assert wire.send(read_frame(part.GCONF, address=0)) == []
    assert wire.read(part.IFCNT) == 0 and wire.read(part.GCONF) == 0x101


def test_a_long_pause_resets_the_receiver(wire, chip):
    frame = read_frame(part.GCONF)
    assert chip.receive(frame[:2], 0) == []
    assert len(chip.receive(frame, 2 * BYTE_NS + 64 * BIT_NS)) == 8  # the first half is forgotten
    chip.receive(frame[:2], 10**9)
    assert len(chip.receive(frame[2:], 10**9 + 2 * BYTE_NS + 20 * BIT_NS)) == 8  # and here it is not


def test_after_a_wrong_crc_the_receiver_wants_idle(wire, chip):
    bad = read_frame(part.GCONF)[:-1] + b"\x00"
    assert chip.receive(bad + read_frame(part.GCONF), 0) == []
    assert len(chip.receive(read_frame(part.GCONF), 8 * BYTE_NS + 13 * BIT_NS)) == 8


def test_gstat_is_cleared_by_writing_ones(wire, chip):
    wire.write(part.GSTAT, 2)
    assert wire.read(part.GSTAT) == 1
    wire.write(part.GSTAT, 1)
    assert wire.read(part.GSTAT) == 0
    chip.undervoltage = True
    wire.write(part.GSTAT, 7)
    assert wire.read(part.GSTAT) == 4  # uv_cp is not latched and shows what is


def test_reset_returns_to_power_on(wire, chip):
    wire.write(part.GSTAT, 7)
    wire.write(part.GCONF, 0x1C0)
    wire.write(part.IHOLD_IRUN, 0x0A05)
    chip.reset()
    assert wire.read(part.GCONF) == 0x101 and wire.read(part.IFCNT) == 0 and wire.read(part.GSTAT) == 1
    chip.enable_n = 0
    assert chip.current_rms_a(moving=True) == pytest.approx(0.657, abs=0.001)


@pytest.mark.parametrize("address, microsteps", [(0, 8), (1, 32), (2, 64), (3, 16)])
def test_pins_choose_the_step_until_the_register_does(address, microsteps):
    chip = Tmc2209(address)
    assert chip.microsteps_per_full_step == microsteps
    chip.write_register(part.GCONF, 0x80)
    for mres in range(9):
        chip.write_register(part.CHOPCONF, mres << 24 | 0x53)
        assert chip.microsteps_per_full_step == 256 >> mres


def test_address_outside_the_pins_is_refused():
    with pytest.raises(ValueError, match=r"0\.\.3"):
        Tmc2209(4)


def test_stage_needs_enable_toff_and_pump(chip):
    assert not chip.power_stage_on and chip.current_rms_a(moving=True) == 0
    chip.enable_n = 0
    assert chip.power_stage_on
    chip.write_register(part.CHOPCONF, 0x1000_0050)  # TOFF 0
    assert not chip.power_stage_on
    chip.write_register(part.CHOPCONF, 0x1000_0053)
    chip.undervoltage = True
    assert not chip.power_stage_on and chip.diag == 1


def test_short_latches_until_disabled(chip):
    chip.short_a = True
    assert chip.read_register(part.DRV_STATUS) & 0x3C == 0  # nothing drives it yet
    chip.enable_n = 0
    assert not chip.power_stage_on and chip.diag == 1
    chip.short_a = False
    assert not chip.power_stage_on
    assert chip.read_register(part.DRV_STATUS) & 4 and chip.read_register(part.GSTAT) & 2
    chip.enable_n = 1
    chip.enable_n = 0
    assert chip.power_stage_on and chip.read_register(part.GSTAT) & 2
    chip.write_register(part.GSTAT, 2)
    assert chip.diag == 0 and not chip.read_register(part.GSTAT) & 2


def test_heat_warns_then_stops_until_cool(chip):
    chip.enable_n = 0
    for celsius, otpw, ot, on in (
        (119, 0, 0, True), (120, 1, 0, True), (149, 1, 0, True), (150, 1, 1, False),
        (121, 1, 1, False), (119, 0, 0, True),
    ):  # fmt: skip
        chip.temperature_c = celsius
        status = chip.read_register(part.DRV_STATUS)
        assert (status & 1, status >> 1 & 1, chip.power_stage_on) == (otpw, ot, on), celsius
    chip.temperature_c = 144
    assert chip.read_register(part.DRV_STATUS) >> 8 & 15 == 0b0011  # t120 and t143


def test_drv_error_cannot_be_cleared_while_hot(chip):
    chip.temperature_c = 160
    chip.write_register(part.GSTAT, 2)
    assert chip.read_register(part.GSTAT) & 2


def test_open_load_shows_only_while_driven(chip):
    chip.open_load_a = chip.open_load_b = True
    assert not chip.read_register(part.DRV_STATUS) & 0xC0
    chip.enable_n = 0
    assert chip.read_register(part.DRV_STATUS) & 0xC0 == 0xC0


def test_current_falls_to_hold_after_powerdown(chip):
    chip.enable_n = 0
    chip.write_register(part.GCONF, 0x140)  # pdn_disable
    chip.write_register(part.IHOLD_IRUN, 4 << 16 | 24 << 8 | 8)
    chip.write_register(part.TPOWERDOWN, 20)
    wait_s = ((1 << 20) + 20 * (1 << 18)) / part.CLOCK_HZ  # 0.52 s
    step_s = 4 * (1 << 18) / part.CLOCK_HZ
    step_a = FULL_RMS_A / 32
    assert chip.current_rms_a(True) == pytest.approx(25 * step_a)
    assert chip.current_rms_a(False, wait_s * 0.99) == pytest.approx(25 * step_a)
    assert chip.current_rms_a(False, wait_s + 1.5 * step_s) == pytest.approx(24 * step_a)
    assert chip.current_rms_a(False, 10.0) == pytest.approx(9 * step_a)
    chip.write_register(part.CHOPCONF, 0x1002_0053)  # vsense
    assert chip.current_rms_a(True) == pytest.approx(25 * step_a * 0.180 / 0.325)


# Published: 0.11 ohm sticks, as their users compute it. 1.77 A at full scale, 0.58 A with vsense and CS 18.
@pytest.mark.parametrize("ohm, vsense, cs, rms_a", [
    (0.33, 0, 28, 0.595), (0.33, 0, 26, 0.554), (0.33, 0, 10, 0.226), (0.11, 0, 31, 1.768), (0.11, 1, 18, 0.581)])
def test_a_register_is_an_rms_current(ohm, vsense, cs, rms_a):
    chip = Tmc2209(3, sense_ohm=ohm)
    chip.enable_n = 0
    chip.write_register(part.CHOPCONF, 0x1000_0053 | vsense << 17)
    chip.write_register(part.IHOLD_IRUN, cs << 8)
    assert chip.current_rms_a(True) == pytest.approx(rms_a, abs=0.001)


def test_the_chip_warms_by_its_own_current(chip):
    for _ in range(600):
        chip.warm(0.6, 1.0, 23.0)
    assert chip.temperature_c == pytest.approx(23 + 40 * (2 * 0.36 * 0.5 + 0.25), abs=0.1)
    chip.warm(0.0, 600.0, 23.0)
    assert chip.temperature_c == pytest.approx(23 + 10, abs=0.1)


def test_without_pdn_disable_the_idle_uart_keeps_run_current(chip):
    chip.enable_n = 0
    assert chip.current_rms_a(False, 60.0) == pytest.approx(FULL_RMS_A)


def test_standstill_and_microstep_counter_follow_the_steps(wire, chip):
    assert wire.read(part.DRV_STATUS) >> 31
    chip.moved(3, wire.now_ns, period_ns=12_500)
    assert not wire.read(part.DRV_STATUS) >> 31
    assert wire.read(part.MSCNT) == 3 * 16
    assert wire.read(part.TSTEP) == 150 // 16  # 12.5 us at 12 MHz for sixteen 1/256 steps
    chip.moved(-4, wire.now_ns)
    assert wire.read(part.MSCNT) == 1024 - 16
    wire.now_ns += 90_000_000  # 2^20 clocks are 87 ms
    assert wire.read(part.DRV_STATUS) >> 31
    current = wire.read(part.MSCURACT)
    assert current & 0x1FF == 512 - 24 and current >> 16 == 247


def test_shaft_turns_the_count_round(chip):
    chip.write_register(part.GCONF, 0x108)
    chip.moved(1, 0)
    assert chip.direction_inverted and chip.read_register(part.MSCNT) == 1024 - 16


def test_internal_velocity_is_seen(chip):
    chip.write_register(part.VACTUAL, 0xFF_FFFE)
    assert chip.internal_velocity == -2


def test_interface_faults(wire, chip):
    chip.stuck = True
    wire.write(part.GCONF, 0)
    assert wire.read(part.GCONF) == 0x101 and wire.read(part.IFCNT) == 0
    chip.bad_crc = True
    reply = b"".join(p for _, p in wire.send(read_frame(part.GCONF)))
    assert tmc_crc(reply[:7]) != reply[7]
    chip.babbling = True
    assert wire.send(b"\x00") != []
    chip.silent = True
    assert wire.send(read_frame(part.GCONF)) == []
