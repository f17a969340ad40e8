"""Numbers of the 1-Wire accesses that cross to the simulated hardware. `a` is the pin number in all."""

from micropython import const

OW_RESET = const(100)  # answer: 1 when a presence pulse was seen
OW_WRITE_BIT = const(101)  # b: 0 or 1
OW_READ_BIT = const(102)  # answer: 0 or 1
OW_WRITE_BYTE = const(103)  # b: 0..255, sent least significant bit first
OW_READ_BYTE = const(104)  # answer: 0..255
