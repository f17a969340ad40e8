"""The simulator's `onewire`: the class and names of the module frozen into MicroPython for the RP2040.

Every slot goes through `_link`. After construction only `scan()` allocates.
"""

import _link
import _ow_ops


class OneWireError(Exception):
    pass


class OneWire:
    SEARCH_ROM = 0xF0
    MATCH_ROM = 0x55
    SKIP_ROM = 0xCC

    def __init__(self, pin):
        self.pin = pin
        self.pin.init(pin.OPEN_DRAIN, pin.PULL_UP)
        self._number = pin.number

    def reset(self, required=False):
        """Send a reset pulse; True when a chip answered. `required` raises OneWireError instead of False."""
        found = _link.call(_ow_ops.OW_RESET, self._number) != 0
        if required and not found:
            raise OneWireError
        return found

    def readbit(self):
        return _link.call(_ow_ops.OW_READ_BIT, self._number)

    def readbyte(self):
        return _link.call(_ow_ops.OW_READ_BYTE, self._number)

    def readinto(self, buf):
        for i in range(len(buf)):
            buf[i] = self.readbyte()

    def writebit(self, value):
        _link.call(_ow_ops.OW_WRITE_BIT, self._number, 1 if value else 0)

    def writebyte(self, value):
        _link.call(_ow_ops.OW_WRITE_BYTE, self._number, value & 0xFF)

    def write(self, buf):
        for i in range(len(buf)):
            self.writebyte(buf[i])

    def select_rom(self, rom):
        """Address the chip with this 8-byte ROM number."""
        self.reset()
        self.writebyte(self.MATCH_ROM)
        self.write(rom)

    def crc8(self, data):
        """0 when the last byte of `data` is the CRC8 of those before it."""
        crc = 0
        for i in range(len(data)):
            crc ^= data[i]
            for _ in range(8):
                crc = (crc >> 1) ^ (0x8C if crc & 1 else 0)
        return crc

    def scan(self):
        """ROM numbers of all chips on the wire, as bytearrays, lowest branch first."""
        found = []
        branches = [()]
        while branches:
            rom = self._follow(branches.pop(), branches)
            if rom is not None:
                found.append(rom)
        return found

    def _follow(self, path, branches):
        """Search down `path` (bits already decided), then zeros first; note each fork met below it."""
        if not self.reset():
            return None
        self.writebyte(self.SEARCH_ROM)
        rom = bytearray(8)
        bits = list(path)
        for i in range(64):
            zero, one = self.readbit(), self.readbit()
            if zero and one:
                return None  # nobody is left in the search
            if i < len(path):
                bit = path[i]
            else:
                bit = zero if zero != one else 0
                if zero == one:
                    branches.append(tuple(bits) + (1,))
                bits.append(bit)
            self.writebit(bit)
            rom[i >> 3] |= bit << (i & 7)
        return rom
