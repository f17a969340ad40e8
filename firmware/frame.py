"""The picture in memory, and the few bytes of it that the display lacks.

Invariants: flushing never draws; a chunk goes out only when it differs from what the display holds, and what
the display holds is known only from writes it acknowledged. Nothing here allocates after construction.
"""

from drivers.ssd1306 import WHOLE
from micropython import const

_WIDTH = const(128)
_PAGES = const(8)
_CHUNK = const(16)
_CHUNKS = const(64)
_RETRY_CALLS = const(64)  # flush steps between attempts at a display that went silent


class Frame:
    """1024 bytes, page by page, sent in chunks of 16. Whoever draws into `_frame` sets bits of `_dirty`.

    `display` is a driver with ready, lit, is_off(), begin(off), light() and write(page, column, 16 bytes), the last
    three giving whether the display acknowledged.
    """

    def __init__(self, display):
        self._display = display
        self._frame = bytearray(_WIDTH * _PAGES)
        self._shown = bytearray(_WIDTH * _PAGES)
        frame = memoryview(self._frame)
        shown = memoryview(self._shown)
        starts = range(0, _WIDTH * _PAGES, _CHUNK)
        self._frame_chunks = tuple([frame[at : at + _CHUNK] for at in starts])
        self._shown_chunks = tuple([shown[at : at + _CHUNK] for at in starts])
        self._dirty = bytearray(_PAGES)  # a byte a page, a bit a chunk
        self._unknown = bytearray(_PAGES)  # chunks of which the display may hold anything
        self._cursor = 0
        self._refreshed = 0
        self._wait_calls = 0
        self._send_all()

    def refresh(self):
        """Have the display set up again, and sent everything if it is off, else the next of its pages.

        It may have lost its registers or a bit of its memory and acknowledges on. What it shows stays meanwhile. One
        that has yet to be lit is being sent everything as it is: begun anew, a slow bus would never come to the end.
        """
        display = self._display
        if not display.ready or not display.lit:
            return
        off = display.is_off()
        if not display.begin(False):
            return
        if off:
            self._send_all()
        else:
            self._refreshed = (self._refreshed + 1) % _PAGES
            self._dirty[self._refreshed] = self._unknown[self._refreshed] = 0xFF

    def flush_step(self, max_chunks: int = 1) -> bool:
        """Send at most `max_chunks` chunks of 16 bytes; True while something is left to send.

        A chunk takes 0.58 ms: 24 bytes of 22.5 us at 400 kHz and 40 us of call. A whole screen is 64 of
        them. The panel is switched on when it first holds a whole screen (0.11 ms more). A silent display is
        set up again (0.65 ms more) on one call in 64, and gets everything anew.
        """
        if not self._display.ready and not self._revive():
            return True
        while True:
            chunk = self._next_dirty()
            if chunk < 0:
                return not (self._display.lit or self._display.light())
            if self._differs(chunk):
                if max_chunks <= 0:
                    return True
                if not self._send(chunk):
                    return True
                max_chunks -= 1
            self._dirty[chunk >> 3] &= ~(1 << (chunk & 7))
            self._cursor = (chunk + 1) & (_CHUNKS - 1)

    def pending(self) -> int:
        """How many chunks a flush would send now."""
        count = 0
        for chunk in range(_CHUNKS):
            if self._dirty[chunk >> 3] >> (chunk & 7) & 1 and self._differs(chunk):
                count += 1
        return count

    def _revive(self) -> bool:
        if self._wait_calls > 0:
            self._wait_calls -= 1
            return False
        if not self._display.begin(False):
            self._wait_calls = _RETRY_CALLS - 1
            return False
        self._send_all()
        return True

    def _send_all(self):
        for page in range(_PAGES):
            self._dirty[page] = 0xFF
            self._unknown[page] = 0xFF

    def _next_dirty(self) -> int:
        # From the cursor on and round, so that a busy corner never starves the rest
        chunk = self._cursor
        for _ in range(_CHUNKS):
            rest = self._dirty[chunk >> 3] >> (chunk & 7)
            if rest & 1:
                return chunk
            chunk = (chunk + 1 if rest else (chunk | 7) + 1) & (_CHUNKS - 1)
        return -1

    def _differs(self, chunk) -> bool:
        if self._unknown[chunk >> 3] >> (chunk & 7) & 1:
            return True
        return self._frame_chunks[chunk] != self._shown_chunks[chunk]

    def _send(self, chunk) -> bool:
        if not self._display.write(chunk >> 3, (chunk & 7) * _CHUNK, self._frame_chunks[chunk]):
            return False
        self._shown_chunks[chunk][WHOLE] = self._frame_chunks[chunk]
        self._unknown[chunk >> 3] &= ~(1 << (chunk & 7))
        return True
