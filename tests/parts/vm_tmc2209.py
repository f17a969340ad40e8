"""Runs on the MicroPython VM: polls a TMC2209 driver with the heap locked. The UART here allocates nothing.

Prints one word for each way a request ended as expected; an allocation raises MemoryError and fails it.
"""

import micropython
from drivers import tmc2209


class Uart:
    """Answers from fixed buffers: writes are counted, IOIN and IFCNT are true, other registers read 0."""

    def __init__(self):
        self.line = bytearray(64)
        self.head = 0
        self.tail = 0
        self.count = 0
        self.silent = False
        self.spoil_crc = False
        self.spoil_echo = False
        self.lose = False

    def put(self, byte):
        self.line[self.tail & 63] = byte
        self.tail += 1

    def write(self, buf):
        for i in range(len(buf)):
            self.put(buf[i] ^ 1 if self.spoil_echo and i == 1 else buf[i])
        if self.silent:
            return
        if len(buf) == 8:
            if not self.lose:
                self.count = (self.count + 1) & 255
            return
        start = self.tail
        self.put(0x05)
        self.put(0xFF)
        self.put(buf[2])
        self.put(0x21 if buf[2] == 0x06 else 0)
        self.put(0)
        self.put(0)
        self.put(self.count if buf[2] == 0x02 else 0)
        crc = 0
        for i in range(start, start + 7):
            byte = self.line[i & 63]
            for bit in range(8):
                top = (crc >> 7) ^ (byte >> bit & 1)
                crc = crc << 1 & 0xFF
                if top:
                    crc ^= 0x07
        self.put(crc ^ 1 if self.spoil_crc else crc)

    def any(self):
        return self.tail - self.head

    def readinto(self, buf):
        for i in range(len(buf)):
            buf[i] = self.line[self.head & 63]
            self.head += 1
        return len(buf)


def drain(driver, configure):
    """Run one request to its end with the heap locked; returns the status."""
    now_us = (1 << 30) - 4000
    micropython.heap_lock()
    if configure:
        driver.configure_begin()
    else:
        driver.request_status()
    while driver.needs_poll:
        driver.poll(now_us)
        now_us = (now_us + 400) & 0x3FFFFFFF
    micropython.heap_unlock()
    return driver.status


def main():
    uart = Uart()
    driver = tmc2209.Tmc2209(uart)
    if drain(driver, True) == tmc2209.OK and driver.configured:
        print("configured")
    if drain(driver, False) == tmc2209.OK and driver.valid:
        print("status")
    uart.silent = True
    if drain(driver, False) == tmc2209.SILENT:
        print("silent")
    uart.silent = False
    uart.spoil_crc = True
    if drain(driver, False) == tmc2209.BAD_CRC:
        print("bad_crc")
    uart.spoil_crc = False
    uart.spoil_echo = True
    if drain(driver, False) == tmc2209.BAD_ECHO:
        print("bad_echo")
    uart.spoil_echo = False
    uart.lose = True
    if drain(driver, True) == tmc2209.WRITE_LOST:
        print("lost")
    micropython.heap_lock()
    try:
        bytearray(64)
    except MemoryError:
        caught = True
    else:
        caught = False
    micropython.heap_unlock()
    if caught:
        print("alloc_seen")  # the lock does show allocations on this VM


main()
