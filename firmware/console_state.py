"""The console's view of the pen: state, fault, session, cartridge, and who operates it."""

import cartridge
import depth
import events
import faults
import safety

_STAGES = (
    b"no_cartridge", b"zone", b"indication", b"questions", b"confirm", b"marking", b"active", b"summary", b"aftercare")


class Commands:
    def __init__(self, pen, console):
        self._pen = pen
        self._console = console
        self._reply = console.reply
        self._line = console.line
        self._parser = console.parser
        self._states = [name.encode() for name in safety.STATE_NAMES]
        self._zones = [row.key.encode() for row in depth.ZONES]
        self._indications = [row.key.encode() for row in depth.INDICATIONS]

    def state(self):
        reply = self._reply
        core = self._pen.safety
        reply.text(self._states[core.state])
        reply.comma()
        reply.text(_STAGES[self._pen.treatment.stage])
        reply.comma()
        reply.number(core.fault)

    # -- faults -------------------------------------------------------------------------------------

    def fault(self):
        code = self._pen.safety.fault
        if code == faults.NONE:
            self._reply.text(b'0,"none","",""')
        else:
            self._reply.text(fault_text(code))

    def faults(self):
        self._reply.pieces = self._all_faults()

    def _all_faults(self):
        first = True
        for code in sorted(faults.TABLE):
            if not first:
                self._reply.comma()
            first = False
            self._reply.text(fault_text(code))
            yield

    def clear_service(self):
        if self._pen.safety.service_fault() == faults.NONE and not self._pen.last_fault.service_code:
            return b"there is no fault that service has to clear"
        if not self._pen.service_clear():
            if self._pen.fault_record.service_done:
                return b"noted; restart the pen, which tests it again"
            return b"its cause is still there, or another fault: FAULt?"

    # -- session ------------------------------------------------------------------------------------

    def session(self):
        reply = self._reply
        deed = self._pen.treatment
        if not deed.is_open():
            reply.text(b"0,none,none,0,0.000,0,0")
            return
        reply.number(self._pen.journal.session)
        reply.comma()
        reply.text(self._zones[deed.zone])
        reply.comma()
        reply.text(self._indications[deed.indication])
        reply.comma()
        reply.number(deed.depth_um)
        reply.comma()
        reply.decimal(deed.rate_mhz, 3)
        reply.comma()
        reply.number(deed.strokes)
        reply.comma()
        reply.number(deed.left_ms(self._pen.uptime_ms) // 1000)

    def operator(self):
        self._reply.quoted(self._pen.settings.operator)

    def set_operator(self):
        start, stop = self._parser.starts[0], self._parser.ends[0]
        try:
            self._pen.session.name_operator(bytes(self._line[start:stop]))
        except ValueError as error:
            return str(error).encode()
        except OSError:
            return b"the record memory did not keep it; the tag is as before"
        self._console.changed(events.OPERATOR, stop - start)

    # -- cartridge ----------------------------------------------------------------------------------

    def cartridge(self):
        pen = self._pen
        found = pen.cartridge.info
        if not pen.session.present:
            self._reply.text(b'0,"none",0,0,0,0,0,0,0,""')
            return
        name = "ok" if not pen.session.reason else cartridge.NAMES[pen.session.reason]
        if pen.cartridge.busy:
            name = "being read"
        rom = "".join(["%02x" % value for value in pen.cartridge.rom])
        self._reply.text(('1,"%s",%s,%d,%d,%d,%d,%d,%d,"%s"' % (
            name, rom, found.kind, found.needles, found.rated_um, found.offset_um, found.expiry_days,
            1 if found.used or pen.cartridge.marked else 0, found.lot.replace('"', "'"))).encode())


def fault_text(code):
    """Number, key, cause and action of a fault; it allocates."""
    cause, action = [text.replace("|", " ") for text in faults.words(code)]
    return ('%d,"%s","%s","%s"' % (code, faults.key(code), cause, action)).encode()
