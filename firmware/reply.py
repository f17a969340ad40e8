"""An answer on its way to the host: a buffer that is filled by commands and emptied in pieces.

Pure. Nothing here allocates after construction except what a long answer's own pieces do, and those are only asked
for at rest. One command's answer fits the buffer, or comes in pieces.
"""

from micropython import const

REPLY_BYTES = const(512)


class Reply:
    """`buf[start:end]` waits to be sent. `pieces`: what makes the rest of a long answer, None without."""

    def __init__(self):
        self.buf = bytearray(REPLY_BYTES)
        self.start = 0
        self.end = 0
        self.pieces = None
        self.answered = False  # in this line
        self._digits = bytearray(12)

    def pending(self) -> bool:
        return self.end > self.start or self.pieces is not None

    def drop(self):
        """Whatever waits is not sent."""
        self.start = self.end = 0
        self.pieces = None
        self.answered = False

    def begin(self):
        """A query is about to answer: a semicolon parts it from the answer before it in the same line."""
        if self.answered:
            self.byte(59)
        self.answered = True

    def finish(self):
        """The line is over: its answers, if any, end here."""
        if self.answered:
            self.byte(10)
        self.answered = False

    def sent(self, count: int):
        self.start += count
        if self.start == self.end:
            self.start = self.end = 0

    def more(self):
        """Ask a long answer for its next piece, if there is room for one. At rest only."""
        if self.pieces is None or self.end > 0:
            return
        try:
            next(self.pieces)
        except StopIteration:
            self.pieces = None

    # -- writing ------------------------------------------------------------------------------------

    def byte(self, c: int):
        if self.end < REPLY_BYTES:
            self.buf[self.end] = c
            self.end += 1

    def text(self, data):
        self.part(data, 0, len(data))

    def part(self, data, start: int, stop: int):
        """Bytes from `start` to `stop` of `data`."""
        buf = self.buf
        end = self.end
        for i in range(start, min(stop, start + REPLY_BYTES - end)):
            buf[end] = data[i]
            end += 1
        self.end = end

    def bytes(self, data):
        """The same in one go, for a long answer's pieces: at rest only, it allocates."""
        self.buf[self.end : self.end + len(data)] = data
        self.end += len(data)

    def block_head(self, length: int):
        """The head of a definite-length block of `length` bytes; at rest only."""
        digits = b"%d" % length
        self.text(b"#%d" % len(digits) + digits)

    def field(self, value: int):
        """A number and a comma."""
        self.number(value)
        self.byte(44)

    def comma(self):
        self.byte(44)

    def quoted(self, data):
        self.byte(34)
        self.text(data)
        self.byte(34)

    def number(self, value: int):
        self.decimal(value, 0)

    def decimal(self, value: int, places: int):
        """`value` with its last `places` digits behind a point: 12034 and 3 give 12.034."""
        if value < 0:
            self.byte(45)
            value = -value
        digits = self._digits
        count = 0
        while value or count <= places:
            digits[count] = 48 + value % 10
            value //= 10
            count += 1
        while count:
            count -= 1
            self.byte(digits[count])
            if count == places and places:
                self.byte(46)
