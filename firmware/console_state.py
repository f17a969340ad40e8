"""The console's view of the pen: state, stage, fault."""

import safety

_STAGES = (
    b"no_cartridge", b"zone", b"indication", b"questions", b"confirm", b"marking", b"active", b"summary", b"aftercare")


class State:
    def __init__(self, pen, console):
        self._pen = pen
        self._reply = console.reply
        self._states = [name.encode() for name in safety.STATE_NAMES]

    def state(self):
        reply = self._reply
        core = self._pen.safety
        reply.text(self._states[core.state])
        reply.comma()
        reply.text(_STAGES[self._pen.treatment.stage])
        reply.comma()
        reply.number(core.fault)
