"""Numbers of the accesses to PIO and DMA that cross to the simulated hardware (64..99, see `_ops`).

`sm` is 0..7 (4..7 are PIO1), `channel` 0..11.
"""

from micropython import const

SM_INIT = const(64)  # send: a: sm, buf: words of 32 bits as `rp2.StateMachine.init` lays them out
SM_ACTIVE = const(65)  # a: sm, b: 0 stop, 1 run, 2 ask; answer: running
SM_RESTART = const(66)  # a: sm
SM_EXEC = const(67)  # a: sm, b: instruction
SM_PUT = const(68)  # a: sm, b: word; answer: 1 taken, 0 FIFO full
SM_GET = const(69)  # a: sm; answer: word, or -1 when the FIFO is empty
SM_GET_INTO = const(70)  # recv: a: sm; answer: 1 and the words, or 0 while fewer have arrived
SM_RX_FIFO = const(71)  # a: sm; answer: words waiting
SM_TX_FIFO = const(72)  # a: sm; answer: words waiting
DMA_MEMORY = const(73)  # send: a: address, buf: what memory holds there; takes no time on the chip
DMA_SET = const(74)  # a: channel, b: register (DMA_READ_ADDR ...), c: value
DMA_GET = const(75)  # a: channel, b: register; answer: value
DMA_START = const(76)  # a: channel
DMA_ABORT = const(77)  # a: channel
DMA_BUSY = const(78)  # a: channel; answer: 1 while transfers are outstanding

DMA_READ_ADDR = const(0)
DMA_WRITE_ADDR = const(1)
DMA_TRANS_COUNT = const(2)
DMA_CTRL = const(3)

# fields of SM_INIT before the instructions; an absent pin is NO_PIN
INIT_OFFSET = const(0)
INIT_EXECCTRL = const(1)
INIT_SHIFTCTRL = const(2)
INIT_IN_BASE = const(3)
INIT_JMP_PIN = const(4)
INIT_OUT_BASE = const(5)  # base, count, levels, directions
INIT_SET_BASE = const(9)
INIT_SIDE_BASE = const(13)
INIT_FREQ = const(17)  # Hz, 0 for the system clock
INIT_PROGRAM = const(18)
NO_PIN = const(255)
