"""The console's measurements: what the loop has sensed last, so that asking costs the needles nothing."""


class Commands:
    def __init__(self, pen, console):
        self._pen = pen
        self._reply = console.reply

    def extension(self):
        needles = self._pen.motor
        if not needles.homed:
            return b"not homed: where the needles are is not known"
        if needles.armed():
            self._reply.number(self._pen.readings.extension_um)
        else:
            self._reply.number(needles.extension_um())

    def rate(self):
        """In Hz, from the time between the last two strokes."""
        self._reply.decimal(self._pen.pace.rate_mhz(), 3)

    def rail(self):
        self._reply.decimal(self._pen.readings.rail_mv, 3)

    def battery(self):
        self._reply.decimal(self._pen.readings.battery_mv, 3)

    def temperature(self):
        self._reply.decimal(self._pen.readings.temp_dc, 1)
