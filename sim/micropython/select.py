"""The simulator's `select`: whether the USB serial port can be read or written now. Other streams there are none."""

import _link
import _ops

POLLIN = 1
POLLOUT = 4


# answers by their flags: made once, and looked through without allocating, as the chip's own iterator is
_ANSWERS = [((None, flags),) if flags else () for flags in range(8)]


class poll:  # noqa: N801
    """Polls one stream, whichever is registered: both are the port. Waiting is not what this is for."""

    def __init__(self):
        self._flags = 0

    def register(self, stream, flags=POLLIN | POLLOUT):
        self._flags = flags

    def ipoll(self, timeout=-1, flags=0):
        if timeout != 0:
            raise NotImplementedError("only a poll that does not wait is modelled")
        return _ANSWERS[_link.call(_ops.USB_POLL, self._flags)]
