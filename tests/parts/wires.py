"""Small buses between a firmware driver and one simulated chip, on a counter instead of a clock.

Invariant: time moves only by what the bus takes and by `now_ns +=` in a test; nothing here invents data.
"""

BYTE_NS = 86_805  # ten bits at 115200 baud


class OneWireUart:
    """MicroPython's UART with TX and RX on one wire: every byte sent comes back, then what the chip says.

    `garble` maps the number of an echoed byte (0 = first ever sent) to what comes back instead, None to lose
    it. `drop` holds numbers of transmissions the chip does not hear.
    """

    def __init__(self, chip):
        self.chip = chip
        self.now_ns = 1_000_000
        self.garble = {}
        self.drop = set()
        self.sent = []
        self._echoed = 0
        self._line = []

    def write(self, buf):
        data = bytes(buf)
        for index, byte in enumerate(data):
            back = self.garble.get(self._echoed, byte)
            self._echoed += 1
            if back is not None:
                self._line.append((self.now_ns + (index + 1) * BYTE_NS, back))
        if len(self.sent) not in self.drop:
            for t_ns, part in self.chip.receive(data, self.now_ns):
                self._line += [(t_ns, byte) for byte in part]
        self.sent.append(data)
        self._line.sort(key=lambda item: item[0])
        return len(data)

    def inject(self, data, delay_ns=0):
        self._line += [(self.now_ns + delay_ns + (i + 1) * BYTE_NS, b) for i, b in enumerate(data)]

    def any(self):
        return sum(1 for t_ns, _ in self._line if t_ns <= self.now_ns)

    def readinto(self, buf):
        assert len(buf) <= self.any(), "a read of more than has arrived would wait on the chip's port"
        for i in range(len(buf)):
            buf[i] = self._line.pop(0)[1]
        return len(buf) or None


def run(driver, uart, step_us=1000, limit=500):
    """Poll as a loop would until the driver rests; returns (status, microseconds taken)."""
    began = uart.now_ns
    for _ in range(limit):
        if not driver.needs_poll:
            return driver.status, (uart.now_ns - began) // 1000
        driver.poll(uart.now_ns // 1000 & 0x3FFFFFFF)
        uart.now_ns += step_us * 1000
    raise AssertionError(f"still busy after {limit} polls")


class OneWireBus:
    """MicroPython's OneWire over one DS2431, with the time slots and resets take.

    `at_slot(number)` is called before each slot and reset, for tests that pull the cartridge out. `short`
    forces the wire low, as a short to ground does.
    """

    SLOT_NS = 70_000
    RESET_NS = 960_000

    def __init__(self, chip):
        self.chip = chip
        self.now_ns = 0
        self.slots = 0
        self.short = False
        self._low_ns = 0  # the line pulled low before a reset
        self.at_slot = lambda number: None

    def _tick(self, duration_ns):
        self.at_slot(self.slots)
        self.slots += 1
        self.now_ns += duration_ns
        return self.now_ns - duration_ns

    def reset(self, required=False):
        low_ns, self._low_ns = 479_000 + self._low_ns, 0  # MicroPython's, at its shortest
        t_ns = self._tick(self.RESET_NS)
        return True if self.short else self.chip.reset(t_ns, low_ns)

    def pin(self, level):
        """The pad of the wire; what MicroPython takes until its own pulse."""
        self._low_ns = 0 if level else 20_000

    def readbit(self):
        t_ns = self._tick(self.SLOT_NS)
        return 0 if self.short else self.chip.read_bit(t_ns)

    def writebit(self, bit):
        t_ns = self._tick(self.SLOT_NS)
        if not self.short:
            self.chip.write_bit(bit, t_ns)

    def readbyte(self):
        return sum(self.readbit() << i for i in range(8))

    def writebyte(self, value):
        for i in range(8):
            self.writebit(value >> i & 1)

    def readinto(self, buf):
        for i in range(len(buf)):
            buf[i] = self.readbyte()

    def write(self, buf):
        for byte in buf:
            self.writebyte(byte)


def drive(cartridge, bus, pause_us=1000, limit=500):
    """Step a Cartridge as an idle loop would until it rests."""
    for _ in range(limit):
        if not cartridge.step(bus.now_ns // 1000 & 0x3FFFFFFF):
            return
        bus.now_ns += pause_us * 1000
    raise AssertionError(f"still busy after {limit} steps")
