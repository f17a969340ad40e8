"""What a calibration looks like in a terminal of 80 columns: what the hand has to do, the reading, the residuals."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pen.calibrate.fit import RESIDUAL_UM, Point
from pen.calibrate.wizard import AGAIN, KEEP, Record, Work
from pen.wires import LinkError

HALF = 20  # columns either side of zero
KEYS = "[dim]a measure again · Ctrl-C give up, the old calibration stays[/]"


class TerminalScreen:
    """Speaks to the technician on `out`, and reads what is typed. `quiet`: the hands are not a person's."""

    def __init__(self, out: Console, quiet: bool):
        self._out = out
        self._quiet = quiet
        self._keys_shown = False

    def step(self, text: str) -> None:
        self._out.print(f"\n[bold]{text}[/]")

    def say(self, text: str) -> None:
        self._out.print(text[0].upper() + text[1:], style="yellow", markup=False)

    def hold(self, number: int, count: int, reach_um: int, down: bool) -> None:
        if self._quiet:
            return
        where = f"point {number} of {count}" if number else "warm-up"
        way = ", coming back" if down else ""
        self._out.print(f"Hold the trigger: {where}{way}. The tip stands for up to 30 s.")

    def let_go(self) -> None:
        if not self._quiet:
            self._out.print("[dim]Let go of the trigger.[/]")

    def read(self, expected_um: float | None) -> str:
        if not self._keys_shown:
            self._keys_shown = True
            self._out.print(KEYS)
        about = "" if expected_um is None else f" (about {expected_um / 1000:.1f})"
        answer = self._ask(f"Gauge, mm{about}: ")
        return AGAIN if answer.lower() in ("a", AGAIN) else answer

    def agree(self, question: str) -> str:
        self.say(question)
        while True:
            answer = self._ask("k keep it, a measure again, or the right reading: ")
            if answer.lower() in ("k", KEEP):
                return KEEP
            if answer.lower() in ("a", AGAIN):
                return AGAIN
            if not answer or answer.strip("+-").startswith(tuple("0123456789.,")):
                return answer
            self.say(f"'{answer}' is none of these.")

    def _ask(self, prompt: str) -> str:
        self._out.print(prompt, end="", markup=False)
        try:
            return input().strip()
        except EOFError:
            self._out.print()
            raise LinkError("nobody types any more") from None
        except KeyboardInterrupt:
            self._out.print()
            raise

    def taken(self, point: Point, count: int) -> None:
        if self._quiet:
            way = "back" if point.down else "out "
            use = "check" if point.verify else "fit"
            self._out.print(
                f"  {count:2}  {way} to {point.reach_um:4} um  gauge {point.reading_um / 1000:6.3f} mm  [dim]{use}[/]")


def values_table(record: Record, before: Record | None) -> Table:
    """New and old values side by side."""
    table = Table("", "new", "before", box=None, padding=(0, 2))
    rows = (
        ("offset", lambda r: f"{r.values.offset_um:+d} um"), ("scale", lambda r: f"{r.values.scale_ppm / 1e4:+.2f} %"),
        ("play", lambda r: f"{r.values.backlash_um} um"), ("travel", lambda r: f"{r.travel_um} um"),
        ("date", lambda r: str(r.date or "not known")), ("due", lambda r: str(r.due or "none")),
        ("gauge", lambda r: r.gauge), ("technician", lambda r: r.technician), ("number", lambda r: str(r.number)))
    for name, text in rows:
        table.add_row(name, text(record), "none" if before is None else text(before))
    return table


def residual_plot(work: Work) -> Text:
    """Each reading's distance from what the values say, a line a reading, deepest last."""
    assert work.values is not None
    text = Text()
    scale = f"{-RESIDUAL_UM:<{HALF}}0{RESIDUAL_UM:>{HALF}} um"
    text.append(f"{'reading, mm':>12}  {scale}\n", style="dim")
    for point in sorted(work.points, key=lambda point: (point.reach_um, point.down)):
        residual = point.reading_um - work.values.expected_um(point.reach_um, point.down)
        at = max(-HALF, min(HALF, round(residual / RESIDUAL_UM * HALF)))
        bar = [" "] * (2 * HALF + 1)
        bar[HALF] = "│"
        bar[HALF + at] = "◆" if point.verify else ("◂" if point.down else "▸")
        text.append(f"{point.reading_um / 1000:12.3f}  {''.join(bar)} {residual:+5.1f}\n")
    text.append("▸ going out  ◂ coming back  ◆ check", style="dim")
    return text
