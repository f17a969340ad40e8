"""Numbers of the hardware accesses that cross from the firmware's side to the simulated hardware.

Each is one access to one peripheral. 64..99 belong to `_rp2_ops`, 100..109 to `_ow_ops`, 110 to `_np_ops`.
"""

from micropython import const

SLEEP = const(1)  # a: microseconds
PIN_INIT = const(2)  # a: pin, b: 2 open drain / 1 output / 0 input, c: pull (0 none, 1 up, 2 down)
PIN_SET = const(3)  # a: pin, b: level
PIN_GET = const(4)  # a: pin
MEM32_GET = const(5)  # a: address
ADC_READ = const(6)  # a: channel; answer 0..65535
I2C_WRITE = const(7)  # a: address; answer: 1 acknowledged, 0 not, 2 SDA is held low
SPI_WRITE = const(8)
SPI_READ = const(9)
UART_WRITE = const(10)  # a: uart
UART_READ = const(11)  # a: uart
UART_ANY = const(12)  # a: uart
PWM = const(13)  # a: pin, b: frequency in Hz (0 off), c: duty 0..65535
WDT_START = const(14)  # a: milliseconds
WDT_FEED = const(15)
RESET = const(16)
RESET_CAUSE = const(17)
UNIQUE_ID = const(18)
RTC_DAYS = const(19)  # answer: days since 2000-01-01, 0 when the clock was never set
RTC_SECONDS = const(20)  # answer: seconds of that day
FLASH_READ = const(21)  # a: address in the filesystem's part of the flash
FLASH_PROGRAM = const(22)  # a: address, of a page
FLASH_ERASE = const(23)  # a: sector
USB_POLL = const(24)  # a: select's POLLIN 1, POLLOUT 4; answer: those of them that hold
USB_READ = const(25)  # waits, as on the chip, until so many bytes have arrived
USB_WRITE = const(26)  # answer: bytes taken; waits up to 500 ms where the host does not read
RANDOM = const(27)
RTC_SET = const(28)  # a: days since 2000-01-01, b: seconds of that day
MEM32_SET = const(29)  # a: address, b: word
REPL_READ = const(30)  # MicroPython's own prompt: waits for a byte from the host, then takes all there are
I2C_READ = const(32)  # a: address; answer as of I2C_WRITE
SOFT_RESET = const(31)  # a: 1 when it was asked for at the raw prompt
