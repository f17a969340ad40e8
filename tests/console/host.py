"""A host at the simulated pen's USB port while a scenario runs: says lines at their times, keeps what comes back."""

from sim.run import Simulation
from sim.scenario import load

LOOK_NS = 1_000_000


class Host:
    """`says(at_ms, line)` before `run()`; then `lines` holds what the pen answered, `at_ms` when each was complete."""

    def __init__(self, scenario: str = "zone_nose", tier: str = "cpython", reads: bool = True):
        loaded = load(scenario) if isinstance(scenario, str) else scenario
        self.simulation = Simulation(loaded, tier)
        self.world = self.simulation.world
        self.port = self.world.usb
        self.port.connected = True
        self.raw = bytearray()
        self.lines: list[str] = []
        self.at_ms: list[float] = []
        self.reads = reads
        self._look()

    def says(self, at_ms: float, text: str | bytes) -> None:
        """A line, its end added; bytes as they are."""
        data = text if isinstance(text, bytes) else text.encode() + b"\n"
        self.world.at(round(at_ms * 1e6), lambda: self.port.to_pen(data))

    def _look(self) -> None:
        if self.reads:
            for byte in self.port.from_pen():
                self.raw.append(byte)
                if byte == 10:
                    self.lines.append(self.raw[self.raw.rfind(b"\n", 0, -1) + 1 : -1].decode("latin-1"))
                    self.at_ms.append(self.world.now_ns / 1e6)
        self.world.after(LOOK_NS, self._look)

    def run(self) -> dict:
        """The result of the scenario."""
        return self.simulation.run().result


def missed(result: dict) -> list[dict]:
    return [row for row in result["expectations"] if not row["held"]]
