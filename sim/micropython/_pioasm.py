"""Assembler for PIO programs in MicroPython's notation: the same words, and an error for whatever has no encoding.

Encodings are those of the RP2040 datasheet, section 3.4. A program is the list MicroPython makes of it: words, three
load offsets, EXECCTRL, SHIFTCTRL, and the pins' initial states. Runs on CPython and on the MicroPython VM.
"""

from array import array

from micropython import const

PROGRAM_WORDS = const(32)
OFFSETS = const(1)  # index in a program's list; one for each block
EXECCTRL = const(4)
SHIFTCTRL = const(5)
OUT_INIT = const(6)
SET_INIT = const(7)
SIDE_INIT = const(8)

_JMP, _WAIT, _IN, _OUT, _PUSH, _PULL, _MOV, _IRQ, _SET = (
    0x0000, 0x2000, 0x4000, 0x6000, 0x8000, 0x8080, 0xA000, 0xC000, 0xE000
)  # fmt: skip

# Operands carry a kind, since one number means different things in different places.
_REGISTERS = {
    "pins": 0, "x": 1, "y": 2, "null": 3, "pindirs": 4, "pc": 5, "status": 5, "isr": 6, "osr": 7, "exec": 8,
    "gpio": 9, "pin": 10,
}  # fmt: skip
_CONDITIONS = {"not_x": 1, "x_dec": 2, "not_y": 3, "y_dec": 4, "x_not_y": 5, "not_osre": 7}
_FLAGS = {"block": 1, "noblock": 2, "iffull": 4, "ifempty": 8, "clear": 16}

_IN_SOURCES = ("pins", "x", "y", "null", "isr", "osr")
_OUT_CODES = {"pins": 0, "x": 1, "y": 2, "null": 3, "pindirs": 4, "pc": 5, "isr": 6, "exec": 7}
_MOV_TARGETS = {"pins": 0, "x": 1, "y": 2, "exec": 4, "pc": 5, "isr": 6, "osr": 7}
_MOV_SOURCES = ("pins", "x", "y", "null", "status", "isr", "osr")
_SET_CODES = {"pins": 0, "x": 1, "y": 2, "pindirs": 4}


class PIOASMError(Exception):
    """The program has no encoding; the text says why."""


class _Name:
    def __init__(self, kind, name, code):
        self.kind = kind
        self.name = name
        self.code = code


class _Source:
    """A source of `mov` with an operation on it."""

    def __init__(self, name, operation):
        self.name = name
        self.operation = operation


def _number(value, low, high, what):
    if not isinstance(value, int) or not low <= value <= high:
        raise PIOASMError(f"{what} must be {low}..{high}")
    return int(value)


def _register(operand, allowed, what):
    if not isinstance(operand, _Name) or operand.kind != "register" or operand.name not in allowed:
        raise PIOASMError(f"no such {what}")
    return operand


def _flags(operands, allowed):
    found = 0
    for operand in operands:
        if not isinstance(operand, _Name) or operand.kind != "flag" or operand.name not in allowed:
            raise PIOASMError("only {} allowed here".format(" or ".join(allowed)))
        found |= operand.code
    if found & 3 == 3:
        raise PIOASMError("both block and noblock")
    return found


def _invert(operand):
    return _Source(_register(operand, _MOV_SOURCES, "source of mov").name, 0x08)


def _reverse(operand):
    return _Source(_register(operand, _MOV_SOURCES, "source of mov").name, 0x10)


class _Relative:
    def __init__(self, index):
        self.index = _number(index, 0, 3, "a relative flag")


def _irq_index(operand):
    return operand.index | 0x10 if isinstance(operand, _Relative) else _number(operand, 0, 7, "a flag")


class _Instruction:
    """What an instruction's call returns: takes `.side(value)` and `[delay]`."""

    def __init__(self, word, target=None):
        self.word = word
        self.target = target
        self.sideset = None
        self.cycles = 0

    def side(self, value):
        self.sideset = value
        return self

    def delay(self, cycles):
        self.cycles = cycles
        return self

    def __getitem__(self, cycles):
        return self.delay(cycles)


class Assembler:
    """Takes the calls a program's function makes, in order."""

    def __init__(self, side_count):
        self.code = []
        self.labels = {}
        self.target = 0
        self.end = None
        self.side_count = side_count
        self._irq_operand = None

    def names(self):
        """What a program's function finds as its globals."""
        found = {}
        for kind, table in (("register", _REGISTERS), ("condition", _CONDITIONS), ("flag", _FLAGS)):
            for name, code in table.items():
                found[name] = _Name(kind, name, code)
        found["invert"] = _invert
        found["reverse"] = _reverse
        found["rel"] = _Relative
        for name in ("label", "wrap_target", "wrap") + INSTRUCTIONS:
            found[name] = getattr(self, name)
        self._irq_operand = found["irq"]  # `wait` takes the instruction's name for its source
        return found

    def _emit(self, word, target=None):
        instruction = _Instruction(word, target)
        self.code.append(instruction)
        return instruction

    # -- directives

    def label(self, name):
        if name in self.labels:
            raise PIOASMError(f"duplicate label {name}")
        self.labels[name] = len(self.code)

    def wrap_target(self):
        self.target = len(self.code)

    def wrap(self):
        if not self.code:
            raise PIOASMError("wrap before the first instruction")
        self.end = len(self.code) - 1

    # -- instructions

    def word(self, instr, label=None):
        return self._emit(_number(instr, 0, 0xFFFF, "a word"), label)

    def nop(self):
        return self._emit(_MOV | 2 << 5 | 2)

    def jmp(self, cond, label=None):
        if label is None:
            return self._emit(_JMP, cond)
        if isinstance(cond, _Name) and cond.kind == "condition":
            code = cond.code
        elif isinstance(cond, _Name) and cond.name == "pin":
            code = 6
        else:
            raise PIOASMError("no such condition of jmp")
        return self._emit(_JMP | code << 5, label)

    def wait(self, polarity, src, index):
        _number(polarity, 0, 1, "polarity of wait")
        if src is self._irq_operand:
            code, number = 2, _irq_index(index)
        else:
            source = _register(src, ("gpio", "pin"), "source of wait")
            code = 0 if source.name == "gpio" else 1
            number = _number(index, 0, 31, "a pin")
        return self._emit(_WAIT | polarity << 7 | code << 5 | number)

    def in_(self, src, data):
        code = _register(src, _IN_SOURCES, "source of in").code
        return self._emit(_IN | code << 5 | _number(data, 1, 32, "a bit count") & 31)

    def out(self, dest, data):
        code = _OUT_CODES[_register(dest, _OUT_CODES, "destination of out").name]
        return self._emit(_OUT | code << 5 | _number(data, 1, 32, "a bit count") & 31)

    def push(self, *flags):
        found = _flags(flags, ("block", "noblock", "iffull"))
        return self._emit(_PUSH | (0 if found & 2 else 0x20) | (0x40 if found & 4 else 0))

    def pull(self, *flags):
        found = _flags(flags, ("block", "noblock", "ifempty"))
        return self._emit(_PULL | (0 if found & 2 else 0x20) | (0x40 if found & 8 else 0))

    def mov(self, dest, src):
        target = _MOV_TARGETS[_register(dest, _MOV_TARGETS, "destination of mov").name]
        operation = 0
        if isinstance(src, _Source):
            name, operation = src.name, src.operation
        else:
            name = _register(src, _MOV_SOURCES, "source of mov").name
        return self._emit(_MOV | target << 5 | operation | _REGISTERS[name])

    def irq(self, mod, index=None):
        if index is None:
            mod, index = None, mod
        found = _flags((mod,), ("block", "noblock", "clear")) if mod is not None else 0
        number = _irq_index(index)
        return self._emit(_IRQ | (0x40 if found & 16 else 0) | (0x20 if found & 1 else 0) | number)

    def set(self, dest, data):
        code = _SET_CODES[_register(dest, _SET_CODES, "destination of set").name]
        return self._emit(_SET | code << 5 | _number(data, 0, 31, "a value of set"))

    # -- result

    def side_is_optional(self):
        with_side = sum([1 for instruction in self.code if instruction.sideset is not None])
        return self.side_count > 0 and with_side != len(self.code)

    def words(self, optional):
        """The program's words; `optional` tells that one side-set bit is the enable."""
        bits = self.side_count + (1 if optional else 0)
        if bits > 5:
            raise PIOASMError("more side-set bits than an instruction has")
        return array("H", [self._encode(instruction, bits, optional) for instruction in self.code])

    def _encode(self, instruction, bits, optional):
        word = instruction.word
        if instruction.target is not None:
            if instruction.target not in self.labels:
                raise PIOASMError(f"unknown label {instruction.target}")
            word |= self.labels[instruction.target]
        word |= _number(instruction.cycles, 0, 31 >> bits, "a delay") << 8
        if instruction.sideset is not None:
            if not self.side_count:
                raise PIOASMError("no side-set pins")
            value = _number(instruction.sideset, 0, (1 << self.side_count) - 1, "a side-set value")
            word |= value << 13 - bits
            if optional:
                word |= 1 << 12
        return word


INSTRUCTIONS = ("word", "nop", "jmp", "wait", "in_", "out", "push", "pull", "mov", "irq", "set")


def _with_globals(function, names):
    """Call a program's function with PIO's names as its globals, as MicroPython does."""
    found = function.__globals__
    kept = found.copy()
    found.clear()
    try:
        found.update(names)
        function()
    finally:
        found.clear()
        found.update(kept)


def _pin_count(init):
    if init is None:
        return 0
    return 1 if isinstance(init, int) else len(init)


def assemble(function, out_init, set_init, sideset_init, side_pindir, shiftctrl):
    """MicroPython's list for a program's function."""
    assembler = Assembler(_pin_count(sideset_init))
    _with_globals(function, assembler.names())
    count = len(assembler.code)
    if not 0 < count <= PROGRAM_WORDS:
        raise PIOASMError(f"a program has 1 to 32 instructions, not {count}")
    if assembler.target >= count:
        raise PIOASMError("wrap_target after the last instruction")
    optional = assembler.side_is_optional()
    end = count - 1 if assembler.end is None else assembler.end
    execctrl = (
        (1 << 30 if optional else 0) | (1 << 29 if side_pindir else 0) | end << 12 | assembler.target << 7
    )
    return [assembler.words(optional), -1, -1, -1, execctrl, shiftctrl, out_init, set_init, sideset_init]


def encode(text, sideset_count, sideset_opt):
    """One instruction of text, without labels, as a word. `sideset_count` includes the enable bit, as on the chip."""
    assembler = Assembler(sideset_count - (1 if sideset_opt else 0))
    names = assembler.names()
    del names["jmp"]
    exec(text, names)
    if len(assembler.code) != 1:
        raise PIOASMError("expecting exactly one instruction")
    return assembler.words(bool(sideset_opt))[0]
