"""The simulator's `rp2`: PIO, state machines and DMA channels as MicroPython 1.28 has them on the RP2040.

Programs are assembled and placed here; what they do is the host's business, told through `_link`. Misuse raises what
the chip's port raises. Runs on CPython and on the MicroPython VM; after construction and a first look at each buffer
nothing allocates.
"""

from array import array

import _link
import _memory
import _pioasm
import _rp2_ops as ops
from _flash import Flash  # noqa: F401
from _pioasm import PIOASMError  # noqa: F401
from micropython import const

_ENOMEM = const(12)
_EBUSY = const(16)
_STATE_MACHINES = const(8)
_CHANNELS = const(12)
_DMA_BASE = const(0x50000000)  # RP2040 datasheet 2.5.7
_CHANNEL_STRIDE = const(0x40)
_TXF0 = const(0x10)  # RP2040 datasheet 3.7
_RXF0 = const(0x20)
_PIO_BASE = (0x50200000, 0x50300000)

_used_slots = array("I", [0, 0])
_claimed = bytearray(_CHANNELS)


class PIO:
    """One block of 32 instructions and four state machines."""

    IN_LOW = 0
    IN_HIGH = 1
    OUT_LOW = 2
    OUT_HIGH = 3
    SHIFT_LEFT = 0
    SHIFT_RIGHT = 1
    JOIN_NONE = 0
    JOIN_TX = 1
    JOIN_RX = 2

    def __init__(self, block):
        if block not in (0, 1):
            raise ValueError("invalid PIO")
        self._block = block

    def add_program(self, program):
        """Place a program at the highest free address, as the chip's loader does; OSError ENOMEM when it is full."""
        count = len(program[0])
        mask = (1 << count) - 1
        for offset in range(_pioasm.PROGRAM_WORDS - count, -1, -1):
            if not _used_slots[self._block] & mask << offset:
                _used_slots[self._block] |= mask << offset
                program[_pioasm.OFFSETS + self._block] = offset
                return
        raise OSError(_ENOMEM)

    def remove_program(self, program=None):
        if program is None:
            _used_slots[self._block] = 0
            return
        offset = program[_pioasm.OFFSETS + self._block]
        if offset < 0:
            raise ValueError("prog not in instruction memory")
        program[_pioasm.OFFSETS + self._block] = -1
        _used_slots[self._block] &= ~(((1 << len(program[0])) - 1) << offset) & 0xFFFFFFFF

    def state_machine(self, number, *args, **kwargs):
        if not 0 <= number < 4:
            raise ValueError("invalid StateMachine")
        return StateMachine(4 * self._block + number, *args, **kwargs)


def asm_pio(
    *,
    out_init=None,
    set_init=None,
    sideset_init=None,
    side_pindir=False,
    in_shiftdir=PIO.SHIFT_LEFT,
    out_shiftdir=PIO.SHIFT_LEFT,
    autopush=False,
    autopull=False,
    push_thresh=32,
    pull_thresh=32,
    fifo_join=PIO.JOIN_NONE,
):
    """Decorator that makes a program of a function in PIO's notation."""
    shiftctrl = fifo_join << 30 | (pull_thresh & 31) << 25 | (push_thresh & 31) << 20
    shiftctrl |= out_shiftdir << 19 | in_shiftdir << 18 | autopull << 17 | autopush << 16

    def decorate(function):
        return _pioasm.assemble(function, out_init, set_init, sideset_init, side_pindir, shiftctrl)

    return decorate


def asm_pio_encode(instr, sideset_count, sideset_opt=False):
    """The word of one instruction given as text."""
    return _pioasm.encode(instr, sideset_count, sideset_opt)


def _pin(pin):
    if pin is None:
        return ops.NO_PIN
    return pin if isinstance(pin, int) else pin.number


def _pins(init, base):
    """Base, count, levels and directions of a group of pins."""
    states = () if init is None else (init,) if isinstance(init, int) else init
    levels = directions = 0
    for i, state in enumerate(states):
        levels |= (state & 1) << i
        directions |= (state >> 1) << i
    return [_pin(base), len(states), levels, directions]


class StateMachine:
    """One of eight; 0 to 3 are in PIO0."""

    def __init__(self, id, *args, **kwargs):
        if not 0 <= id < _STATE_MACHINES:
            raise ValueError("invalid StateMachine")
        self._id = id
        self._side_count = 0
        self._side_optional = False
        if args or kwargs:
            self.init(*args, **kwargs)

    def init(
        self,
        prog,
        freq=-1,
        *,
        in_base=None,
        out_base=None,
        set_base=None,
        jmp_pin=None,
        sideset_base=None,
        in_shiftdir=None,
        out_shiftdir=None,
        push_thresh=None,
        pull_thresh=None,
    ):
        block = self._id // 4
        if prog[_pioasm.OFFSETS + block] < 0:
            PIO(block).add_program(prog)
        shiftctrl = prog[_pioasm.SHIFTCTRL]
        overrides = ((in_shiftdir, 18, 1), (out_shiftdir, 19, 1), (push_thresh, 20, 5), (pull_thresh, 25, 5))
        for value, shift, width in overrides:
            if value is not None:
                mask = (1 << width) - 1
                shiftctrl = shiftctrl & ~(mask << shift) | (value & mask) << shift
        self._side_optional = bool(prog[_pioasm.EXECCTRL] >> 30 & 1)
        side = _pins(prog[_pioasm.SIDE_INIT], sideset_base)
        self._side_count = side[1] + self._side_optional
        fields = [
            prog[_pioasm.OFFSETS + block],
            prog[_pioasm.EXECCTRL],
            shiftctrl,
            _pin(in_base),
            _pin(jmp_pin),
        ]
        fields += _pins(prog[_pioasm.OUT_INIT], out_base) + _pins(prog[_pioasm.SET_INIT], set_base) + side
        fields.append(max(freq, 0))
        _link.send(ops.SM_INIT, self._id, bytes(array("I", fields + list(prog[0]))))

    def active(self, value=None):
        return bool(_link.call(ops.SM_ACTIVE, self._id, 2 if value is None else 1 if value else 0))

    def restart(self):
        _link.call(ops.SM_RESTART, self._id)

    def exec(self, instr):
        if not isinstance(instr, int):
            instr = asm_pio_encode(instr, self._side_count, self._side_optional)
        _link.call(ops.SM_EXEC, self._id, instr)

    def put(self, value, shift=0):
        """Wait for room, then hand over a word, or each element of a buffer."""
        if isinstance(value, int):
            self._put(value << shift)
        else:
            for word in value:
                self._put(word << shift)

    def _put(self, word):
        while not _link.call(ops.SM_PUT, self._id, word & 0xFFFFFFFF):
            pass

    def get(self, buf=None, shift=0):
        """Wait for a word and return it, or fill a buffer of words (array "i" or "I")."""
        if buf is None:
            while True:
                word = _link.call(ops.SM_GET, self._id)
                if word >= 0:
                    return word >> shift
        if shift:
            raise NotImplementedError("shift of words into a buffer")
        view = _memory.bytes_of(buf)
        if len(view) != 4 * len(buf):
            raise NotImplementedError("a buffer of other than 32-bit words")
        while not _link.recv(ops.SM_GET_INTO, self._id, view):
            pass
        return buf

    def fifo_address(self, first):
        """Address of a FIFO's port; `first` is that port's offset for state machine 0."""
        return _PIO_BASE[self._id // 4] + first + 4 * (self._id % 4)

    def rx_fifo(self):
        return _link.call(ops.SM_RX_FIFO, self._id)

    def tx_fifo(self):
        return _link.call(ops.SM_TX_FIFO, self._id)


class _Registers:
    """A DMA channel's sixteen registers, good for a place to write to."""

    def __init__(self, address, count):
        self.address = address
        self._count = count

    def __len__(self):
        return self._count

    def __getitem__(self, index):
        if not isinstance(index, slice):
            raise NotImplementedError("reading a DMA register by index")
        start, stop = index.start or 0, self._count if index.stop is None else index.stop
        return _Registers(self.address + 4 * start, stop - start)


_CTRL_FIELDS = {
    "enable": (0, 1), "high_pri": (1, 1), "size": (2, 2), "inc_read": (4, 1), "inc_write": (5, 1),
    "ring_size": (6, 4), "ring_sel": (10, 1), "chain_to": (11, 4), "treq_sel": (15, 6), "irq_quiet": (21, 1),
    "bswap": (22, 1), "sniff_en": (23, 1), "write_err": (29, 1), "read_err": (30, 1),
}  # fmt: skip
_READ_ONLY = ("busy", "ahb_err")
# enabled, words, both addresses rising, unpaced, quiet
_CTRL_DEFAULT = 1 | 2 << 2 | 1 << 4 | 1 << 5 | 0x3F << 15 | 1 << 21


class DMA:
    """A free channel of twelve; OSError EBUSY when there is none."""

    def __init__(self):
        for number in range(_CHANNELS):
            if not _claimed[number]:
                _claimed[number] = 1
                self.channel = number
                self._source = None
                self._to_registers = False
                self.registers = _Registers(_DMA_BASE + _CHANNEL_STRIDE * number, 16)
                return
        raise OSError(_EBUSY)

    def pack_ctrl(self, default=None, **fields):
        """A CTRL word with some fields changed; TypeError for an unknown one, ValueError for a value too large."""
        value = _CTRL_DEFAULT | self.channel << 11 if default is None else default
        for name, field in fields.items():
            if name in _READ_ONLY:
                continue
            if name not in _CTRL_FIELDS:
                raise TypeError(f"unknown field {name}")
            shift, width = _CTRL_FIELDS[name]
            mask = (1 << width) - 1
            if int(field) & mask != int(field):
                raise ValueError("bad field value")
            value = value & ~(mask << shift) | int(field) << shift
        return value

    def unpack_ctrl(self, value):
        found = {"busy": value >> 24 & 1, "ahb_err": value >> 31 & 1}
        for name, place in _CTRL_FIELDS.items():
            found[name] = value >> place[0] & (1 << place[1]) - 1
        return found

    def config(self, *, read=None, write=None, count=None, ctrl=None, trigger=False):
        self._check_open()
        if read is not None:
            self.read = read
        if write is not None:
            self.write = write
        if count is not None:
            self.count = count
        if ctrl is not None:
            self.ctrl = ctrl
        if trigger:
            self.active(1)

    def active(self, value=None):
        self._check_open()
        if value is None:
            return bool(_link.call(ops.DMA_BUSY, self.channel))
        if not value:
            return bool(_link.call(ops.DMA_ABORT, self.channel))
        self._tell_memory()
        return bool(_link.call(ops.DMA_START, self.channel))

    def close(self):
        if self.channel is not None:
            _link.call(ops.DMA_ABORT, self.channel)
            _claimed[self.channel] = 0
            self.channel = None

    def _check_open(self):
        if self.channel is None:
            raise ValueError("channel closed")

    def _tell_memory(self):
        """Hand over what the transfer, or the control blocks it reads, will find in memory."""
        if self._source is None:
            raise NotImplementedError("DMA from what is not a buffer")
        address = _memory.addressof(self._source)
        if self._to_registers:
            _memory.tell_chain(_link, ops.DMA_MEMORY, address)
        else:
            _memory.tell_anew()
            _memory.tell(_link, ops.DMA_MEMORY, address)

    def _get(self, register):
        return _link.call(ops.DMA_GET, self.channel, register)

    def _set(self, register, value):
        _link.call(ops.DMA_SET, self.channel, register, value)

    @property
    def read(self):
        return self._get(ops.DMA_READ_ADDR)

    @read.setter
    def read(self, source):
        if isinstance(source, int) or isinstance(source, StateMachine):  # a tuple of types would allocate
            self._source = None
            self._set(ops.DMA_READ_ADDR, source if isinstance(source, int) else source.fifo_address(_RXF0))
        else:
            self._source = source
            self._set(ops.DMA_READ_ADDR, _memory.addressof(source))

    @property
    def write(self):
        return self._get(ops.DMA_WRITE_ADDR)

    @write.setter
    def write(self, target):
        if isinstance(target, StateMachine):
            target = target.fifo_address(_TXF0)
        elif isinstance(target, _Registers):
            target = target.address
        elif not isinstance(target, int):
            raise NotImplementedError("DMA into the firmware's memory")
        self._to_registers = _DMA_BASE <= target < _DMA_BASE + _CHANNELS * _CHANNEL_STRIDE
        self._set(ops.DMA_WRITE_ADDR, target)

    @property
    def count(self):
        return self._get(ops.DMA_TRANS_COUNT)

    @count.setter
    def count(self, value):
        self._set(ops.DMA_TRANS_COUNT, value)

    @property
    def ctrl(self):
        return self._get(ops.DMA_CTRL)

    @ctrl.setter
    def ctrl(self, value):
        self._set(ops.DMA_CTRL, value)
