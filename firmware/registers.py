"""The registers that a stroke needs, a look in one call: through MicroPython's classes it is ten, of 5 to 15 us each.

The one module that goes past MicroPython's API, and so the one that the simulator has another of, with the same
functions (sim/micropython/registers.py); `tests/silicon` runs this one. Nothing here allocates. Which state machine and
which DMA channel does what is for gate.py and encoder.py to say: this file holds to them.
"""
import board
import micropython
from micropython import const

# What `look` finds
PADS = const(0)  # every pad in one word, bit n is GPn
LEFT = const(1)  # microsteps left to the gate's ceiling, -1 once it has refused one
COUNT = const(2)  # the encoder's count since its program began, modulo 2^32

# What `start` is told
CHANNEL = const(0)  # the DMA channel that reads control blocks
FIRST = const(1)  # address of the first block
END = const(2)  # where the channel stands when all have been read
BEFORE = const(3)  # where it stood at the end of the chain before

# What `mark` leaves, in words from WATCHDOG_SCRATCH0; the others are the loader's and the SDK's
MARK_STROKE = const(1)  # session modulo 16384 in the upper half, number in the lower
MARK_WHAT = const(2)  # MARK_WORD, zone in the bits from 12 on, commanded um below
MARK_WORD = const(0x15A00000)

_GPIO_IN = const(1)  # RP2040 datasheet 2.3.1.7, in words from SIO_BASE
_FSTAT = const(1)  # 3.7, in words from PIO_BASE
_FLEVEL = const(3)
_TXF2 = const(6)
_RXF0 = const(8)
_RXF1 = const(9)
_SM1_INSTR = const(60)
_RXEMPTY0 = const(0x100)
_RXEMPTY1 = const(0x200)
_ISR_FROM_X = const(0xA0C1)  # mov isr, x
_PUSH = const(0x8000)  # push noblock
_TRIGGER = const(268)  # 2.5.7: MULTI_CHAN_TRIGGER, in words from DMA_BASE
_FIFO_WORDS = const(4)
_GPIO_OUT_SET = const(5)  # 2.3.1.7
_GPIO_OUT_CLR = const(6)
_SSPDR = const(2)  # 4.4.4, in words from SPI0_BASE
_SSPSR = const(3)
_RNE = const(4)
_WREN = const(0x06)  # the memory's commands
_WRITE = const(0x02)
_READ = const(0x03)
_FRAM_CS = 1 << board.PIN_FRAM_CS


@micropython.viper
def look(found: ptr32, at: int):
    """Fill three words (array "i"), from index `at` on, with what pads, gate and encoder say now, within two
    microseconds."""
    sio = ptr32(0xD0000000)
    gate = ptr32(0x50200000)
    encoder = ptr32(0x50300000)
    found[at + PADS] = sio[_GPIO_IN]
    again = 0
    while True:
        gate[_SM1_INSTR] = _ISR_FROM_X
        gate[_SM1_INSTR] = _PUSH
        while gate[_FSTAT] & _RXEMPTY1:
            pass
        left = int(gate[_RXF1])
        # for two cycles of an inward step X is a complement: only a -1 that stays is a refusal
        if left >= 0 or (again and left == -1):
            break
        again = 1
    found[at + LEFT] = left
    # a full FIFO of samples of any age, then one taken after the call
    for _ in range(_FIFO_WORDS + 1):
        while encoder[_FSTAT] & _RXEMPTY0:
            pass
        found[at + COUNT] = encoder[_RXF0]


@micropython.viper
def glance(found: ptr32):
    """PADS and COUNT as in `look`, without a word to the gate: it may be in the middle of a step."""
    sio = ptr32(0xD0000000)
    encoder = ptr32(0x50300000)
    found[PADS] = sio[_GPIO_IN]
    for _ in range(_FIFO_WORDS + 1):
        while encoder[_FSTAT] & _RXEMPTY0:
            pass
        found[COUNT] = encoder[_RXF0]


@micropython.viper
def beat(word: int):
    """Hand the dead-man a word, unless it has one that it did not take: a latched one takes no more."""
    gate = ptr32(0x50200000)
    if not gate[_FLEVEL] & 0xF0000:
        gate[_TXF2] = word


@micropython.viper
def mark(session: int, number: int, depth_um: int, zone: int):
    """Leave which stroke is under way in the watchdog's scratch registers, which a reset keeps; number 0: none."""
    scratch = ptr32(0x4005800C)
    scratch[MARK_STROKE] = (session & 0x3FFF) << 16 | number
    scratch[MARK_WHAT] = MARK_WORD | zone << 12 | depth_um


@micropython.viper
def start(order: ptr32) -> int:
    """Send the chain that `order` tells of; 0, and nothing sent, while the one before is not all read."""
    dma = ptr32(0x50000000)
    channel = int(order[CHANNEL])
    if int(dma[channel << 4]) != int(order[BEFORE]):
        return 0
    order[BEFORE] = order[END]
    dma[channel << 4] = order[FIRST]
    dma[_TRIGGER] = 1 << channel
    return 1


@micropython.viper
def keep(message: ptr8) -> int:
    """`drivers.fram.Fram.keep` on the board's own bus: 1 when the memory returns what it was told to store.

    What is sent at once fits the bus's buffers, and as many bytes are taken out: none is ever left over.
    """
    sio = ptr32(0xD0000000)
    bus = ptr32(0x4003C000)
    select = int(_FRAM_CS)
    kept = 1
    message[0] = _WREN
    length = 1
    for part in range(3):
        sio[_GPIO_OUT_CLR] = select
        for i in range(length):
            bus[_SSPDR] = message[i]
        for i in range(length):
            while not bus[_SSPSR] & _RNE:
                pass
            answer = int(bus[_SSPDR]) & 0xFF
            if part == 2 and i >= 4 and answer != int(message[i]):
                kept = 0
        sio[_GPIO_OUT_SET] = select
        message[0] = _READ if part else _WRITE
        length = 8
    return kept
