"""Runs on the MicroPython VM: reads, encodes and marks a cartridge over a byte-level stand-in of the chip.

The stand-in knows the commands the driver uses on one good chip and nothing of faults; those are tested on
the host against the full model. Prints one word for each step that went as expected.
"""

import cartridge
import cartridge_record
from drivers import ds2431

ROM = b"\x2d\xab\x89\x67\x45\x23\x01"
ROM += bytes([ds2431.crc8(ROM, 7)])


class Bus:
    def __init__(self, memory):
        self.memory = memory
        self.present = True
        self.sent = bytearray()
        self.out = b""
        self.scratch = b""
        self.bits = []

    def pin(self, level):
        pass

    def reset(self):
        self.sent = bytearray()
        self.out = b""
        self.bits = []
        return self.present

    def writebit(self, value):
        self.bits.append(value)
        if len(self.bits) == 8:
            self.writebyte(sum(bit << i for i, bit in enumerate(self.bits)))
            self.bits = []

    def writebyte(self, value):
        self.sent.append(value)
        sent = self.sent
        if sent[0] == 0x33 and len(sent) == 1:
            self.out = ROM
        body = sent[1:] if sent[0] != 0x55 else sent[9:]
        if len(body) == 3 and body[0] == 0xF0:
            self.out = bytes(self.memory[body[1] :])
        elif len(body) == 11 and body[0] == 0x0F:
            self.scratch = bytes(body[1:])
            self.out = self.checked(bytes(body), b"")
        elif len(body) == 1 and body[0] == 0xAA:
            self.out = self.checked(b"\xaa", self.scratch[:2] + b"\x07" + self.scratch[2:])
        elif len(body) == 4 and body[0] == 0x55:
            at = body[1]
            for i in range(8):
                self.memory[at + i] &= self.scratch[2 + i]
            self.out = b"\xaa"

    def checked(self, before, answer):
        crc = ds2431.crc16(before + answer, len(before) + len(answer)) ^ 0xFFFF
        return answer + bytes([crc & 255, crc >> 8])

    def readbyte(self):
        value = self.out[0] if self.out else 0xFF
        self.out = self.out[1:]
        return value

    def readinto(self, buf):
        for i in range(len(buf)):
            buf[i] = self.readbyte()

    def write(self, buf):
        for byte in buf:
            self.writebyte(byte)


def drive(reader):
    now_us = 0
    while reader.step(now_us):
        now_us += 1000


def main():
    memory = bytearray(0x90)
    memory[0x58:0x60] = bytes([cartridge.MARK_FRESH] * 8)
    memory[0x60:0x80] = cartridge_record.encode(ROM, 12, 2500, -40, 11000, "VM-7")
    memory[0x80:0x88] = cartridge.PROTECTION_ROW
    bus = Bus(memory)
    reader = cartridge.Cartridge(ds2431.Ds2431(bus))
    reader.begin_read()
    drive(reader)
    info = reader.info
    if cartridge.evaluate(info, False, 9000) == cartridge.OK:
        print("read")
    if info.offset_um == -40 and info.lot == "VM-7" and info.needles == 12:
        print("encoded")
    reader.begin_mark()
    drive(reader)
    if reader.marked and memory[0x58:0x60] == bytes([cartridge.MARK_USED] * 8):
        print("marked")
    reader.begin_read()
    drive(reader)
    if cartridge.evaluate(reader.info, False, 9000) == cartridge.USED:
        print("used")
    bus.present = False
    reader.begin_read(False)
    drive(reader)
    if reader.reason == cartridge.ABSENT:
        print("absent")


main()
