"""The console's zones and indications: what the tables allow, and the clinic's own limits, which only tighten."""

import depth
import events


class Commands:
    def __init__(self, pen, console):
        self._pen = pen
        self._console = console
        self._reply = console.reply
        self._values = console.parser.values
        self._keys = ",".join([row.key for row in depth.ZONES]).encode()

    def catalog(self):
        self._reply.text(self._keys)

    def limit(self):
        zone = self._values[0]
        row = depth.zone(zone)
        reply = self._reply
        reply.field(row.min_um)  # a tuple of them all would be allocated, and needles may be moving
        reply.field(row.default_um)
        reply.field(row.cap_um)
        reply.field(self._pen.clinic.limits_um[zone])
        reply.field(row.rate_min_mhz // 1000)
        reply.field(row.rate_max_mhz // 1000)
        reply.number(row.supervised_cap_um)

    def set_limit(self):
        zone, limit_um = self._values[0], self._values[1]
        row = depth.zone(zone)
        if row.cap_um == 0:
            return b"a prohibited zone has no limit to set"
        if limit_um and not row.min_um <= limit_um <= row.supervised_cap_um:
            return b"a limit in this zone is 0, or %d to %d um" % (row.min_um, row.supervised_cap_um)
        clinic = self._pen.clinic
        before_um = clinic.limits_um[zone]
        clinic.set(zone, limit_um)
        try:
            clinic.save(self._pen.store)
        except OSError:
            clinic.limits_um[zone] = before_um
            return b"the record memory did not keep it; the limit is as before"
        self._console.changed(events.CLINIC_LIMIT, zone << 12 | limit_um)

    def indications(self):
        reply = self._reply
        for row in depth.INDICATIONS:
            if row is not depth.INDICATIONS[0]:
                reply.comma()
            reply.text(b"%s,%d,%d" % (row.key.encode(), row.low_um, row.high_um))
