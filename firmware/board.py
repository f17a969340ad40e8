"""The reference pen, revision A: the only file that names pins, addresses and bus speeds."""

import machine
from machine import ADC, I2C, PWM, SPI, UART, WDT, WDT_RESET, Pin, freq, mem32
from micropython import const
from neopixel import NeoPixel
from onewire import OneWire

PIN_STEP = const(0)
PIN_DIR = const(1)
PIN_EN_N = const(2)
PIN_INTERLOCK = const(3)
PIN_UART_TX = const(4)
PIN_UART_RX = const(5)
PIN_BUZZER = const(6)
PIN_HOME = const(7)
PIN_DIAG = const(8)
PIN_POWER_OK = const(9)
PIN_ENC_A = const(10)
PIN_ENC_B = const(11)
PIN_ENC_Z = const(12)
PIN_TRIGGER_NO = const(13)
PIN_TRIGGER_NC = const(14)
PIN_SELECT = const(15)
PIN_FRAM_MISO = const(16)
PIN_FRAM_CS = const(17)
PIN_FRAM_SCK = const(18)
PIN_FRAM_MOSI = const(19)
PIN_SDA = const(20)
PIN_SCL = const(21)
PIN_ONEWIRE = const(22)
PIN_UP = const(23)
PIN_DOWN = const(24)
PIN_LED = const(25)
ADC_BATTERY = const(0)
ADC_RAIL = const(1)
ADC_NTC = const(2)

# Dividers: battery 1:4, motor rail 1:5, ADC full scale 3300 mV at 65535
BATTERY_MV_FULL = const(13200)
RAIL_MV_FULL = const(16500)

SIO_GPIO_IN = const(0xD0000004)  # every pad in one read, so that a snapshot is of one instant
USB_SIE_STATUS = const(0x50110050)  # RP2040 datasheet 4.1.4
USB_SUSPENDED = const(0x10)  # no host has been heard for 3 ms: cable out, or the host sleeps
USB_CONNECTED = const(0x10000)
CLOCK_HZ = const(125000000)
I2C_CLOCKS = const(9)  # of a byte and its acknowledgement
START_WATCHDOG_MS = const(8000)  # until the loop runs; fed between the steps of the start
WATCHDOG_MS = const(500)
WATCHDOG_RESET = WDT_RESET
RESTART = const(2)  # asked for by `machine.reset`, which is a reset by the watchdog too
HANGS_MAX = const(3)  # one start after another that hung, and the pen stays where it is
WATCHDOG_CTRL_CLEAR = const(0x4005B000)  # RP2040 datasheet 4.7 and 2.1.2: a bit that is written here is cleared
WATCHDOG_ENABLE = const(0x40000000)
WATCHDOG_SCRATCH3 = const(0x40058018)  # how many starts in a row ended in a hang
WATCHDOG_SCRATCH4 = const(0x4005801C)  # RP2040 datasheet 4.7; kept through every reset but a power cut
HUNG_WORD = const(0x6AB73121)  # what the SDK leaves there when it starts the watchdog; 0 when it is used to reset


def drive_off():
    """The first thing of every boot: a soft reset leaves EN_N where it was."""
    Pin(PIN_EN_N, Pin.OUT, value=1)


def set_clock():
    """PIO counts system clocks: the dead-man's time and every step period are worked out for this one."""
    freq(CLOCK_HZ)


def reset_cause() -> int:
    """PWRON_RESET, RESTART, or WATCHDOG_RESET after a firmware that hung."""
    cause = machine.reset_cause()
    if cause == WATCHDOG_RESET and mem32[WATCHDOG_SCRATCH4] != HUNG_WORD:
        return RESTART
    return cause


def hangs(cause: int) -> int:
    """How many starts in a row hung, the last one included; counted on. Once a start."""
    count = mem32[WATCHDOG_SCRATCH3] + 1 if cause == WATCHDOG_RESET else 0
    mem32[WATCHDOG_SCRATCH3] = count
    return count


def forget_hangs():
    """The pen has kept time for a while: the next hang is the first."""
    mem32[WATCHDOG_SCRATCH3] = 0


def start_watchdog(timeout_ms: int):
    """Start it, or give it another time. Marks the next reset as a hang's: ask `reset_cause` before."""
    return WDT(timeout=timeout_ms)


def stop_watchdog():
    """For service mode, where nobody feeds it. MicroPython has no other way."""
    mem32[WATCHDOG_CTRL_CLEAR] = WATCHDOG_ENABLE


class Board:
    """Buses and pins as objects. Contacts pull to ground, so a pressed button reads 0."""

    def __init__(self):
        for number in (PIN_TRIGGER_NO, PIN_TRIGGER_NC, PIN_SELECT, PIN_UP, PIN_DOWN):
            Pin(number, Pin.IN, Pin.PULL_UP)
        # a broken wire must read as "open" and "failing"
        for number in (PIN_INTERLOCK, PIN_POWER_OK):
            Pin(number, Pin.IN, Pin.PULL_DOWN)
        for number in (PIN_HOME, PIN_DIAG, PIN_ENC_A, PIN_ENC_B, PIN_ENC_Z):
            Pin(number, Pin.IN)
        self.free_i2c()
        self.fram_cs = Pin(PIN_FRAM_CS, Pin.OUT, value=1)
        self.spi = SPI(
            0, 10000000, sck=Pin(PIN_FRAM_SCK), mosi=Pin(PIN_FRAM_MOSI), miso=Pin(PIN_FRAM_MISO))
        self.uart = UART(1, 115200, tx=Pin(PIN_UART_TX), rx=Pin(PIN_UART_RX))
        self.onewire = OneWire(Pin(PIN_ONEWIRE))
        self.battery = ADC(ADC_BATTERY)
        self.rail = ADC(ADC_RAIL)
        self.ntc = ADC(ADC_NTC)
        self.led = NeoPixel(Pin(PIN_LED), 1)
        self.buzzer = PWM(Pin(PIN_BUZZER), freq=2000, duty_u16=0)

    def free_i2c(self):
        """Clock out the rest of a byte that a part on the bus stopped in, and set the bus up; at rest only.

        A part that lost count, or was being read when the chip was reset, holds SDA low until it has seen nine clocks.
        """
        scl = Pin(PIN_SCL, Pin.OPEN_DRAIN, value=1)
        sda = Pin(PIN_SDA, Pin.IN)
        for _ in range(I2C_CLOCKS):
            if sda():
                break
            scl(0)
            scl(1)
        # a bus that is held down must not hold the loop as long as the dead-man waits (default 50 ms)
        self.i2c = I2C(0, scl=scl, sda=sda, freq=400000, timeout=2000)

    def pads(self) -> int:
        """All pads in one word, bit n is GPn."""
        return mem32[SIO_GPIO_IN]


def usb_host() -> bool:
    """A host is at the USB port and awake; whether it has the serial port open cannot be seen."""
    return mem32[USB_SIE_STATUS] & (USB_CONNECTED | USB_SUSPENDED) == USB_CONNECTED
