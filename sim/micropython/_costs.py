"""What a hardware access costs in time, so that both tiers count the same microseconds.

Figures are the measured ones of MicroPython 1.28 at 125 MHz where there is one (docs/simulator.md lists
them); bus accesses add the time of their bytes on the wire.
"""

import _ops

CALL_US = bytearray(128)
BYTE_NS = [0] * 128

for _op in range(128):
    CALL_US[_op] = 5
for _op, _us in (
    (_ops.SLEEP, 4),
    (_ops.PIN_SET, 5),
    (_ops.PIN_GET, 5),
    (_ops.MEM32_GET, 6),
    (_ops.ADC_READ, 12),
    (_ops.I2C_WRITE, 40),
    (_ops.I2C_READ, 40),
    (_ops.SPI_WRITE, 14),
    (_ops.SPI_READ, 14),
    (_ops.UART_WRITE, 25),
    (_ops.UART_READ, 15),
    (_ops.UART_ANY, 6),
    (_ops.PWM, 20),
    (_ops.FLASH_READ, 15),
    (_ops.FLASH_PROGRAM, 50),
    (_ops.FLASH_ERASE, 50),
    (_ops.USB_POLL, 20),
    (_ops.USB_READ, 8),
    (_ops.USB_WRITE, 12),
    (_ops.RANDOM, 20),
):
    CALL_US[_op] = _us
for _op in range(64, 100):
    CALL_US[_op] = 12
CALL_US[73] = 0  # DMA_MEMORY: on the chip the DMA simply reads memory
BYTE_NS[_ops.I2C_WRITE] = BYTE_NS[_ops.I2C_READ] = 22500  # nine clocks at 400 kHz
BYTE_NS[_ops.SPI_WRITE] = 1000  # eight clocks at 10 MHz and the loop around them
BYTE_NS[_ops.SPI_READ] = 1000
BYTE_NS[_ops.FLASH_READ] = 60  # memory-mapped, missing the cache; erasing and programming take the part's own time

# 1-Wire (_ow_ops): a reset takes 960 us, a slot about 70 us with the bit-banged driver
for _op, _us in ((100, 240), (101, 70), (102, 70), (103, 255), (104, 255)):
    CALL_US[_op] = _us
EXTRA_US = {100: 720, 103: 305, 104: 305}  # beyond what a byte holds
CALL_US[110] = 45  # one WS2812: 24 bits of 1.25 us and the set-up
TICKS_US = 3
