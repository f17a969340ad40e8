"""The essentials of a run for a terminal of 80 columns.

Invariants: a verdict is a word, never only a colour; texts of the run are printed as they are, not as markup.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sim.record import Run

MOST_MISSED = 6


def print_summary(run: Run, files: Iterable[Path] = (), console: Console | None = None) -> None:
    """Print the panel to `console` (standard output by default), at most 80 columns wide."""
    console = console or Console()
    console.print(panel(run, files), width=min(80, console.width))


def panel(run: Run, files: Iterable[Path] = ()) -> Panel:
    """Return verdict, essentials, what did not hold, and the files written."""
    missed = [check for check in run.result["expectations"] if not check["held"]]
    parts: list[Any] = [_verdict(run, len(missed)), Text(""), _essentials(run)]
    if missed:
        parts += [Text(""), _missed(missed)]
    written = [Path(path) for path in files]
    if written:
        parts += [Text(""), _files(written)]
    colour = "red" if missed else "green"
    title = Text(run.title)
    return Panel(Group(*parts), title=title, title_align="left", border_style=colour, padding=(1, 2))


def _verdict(run: Run, missed: int) -> Text:
    total = len(run.result["expectations"])
    if not total:
        return Text("no expectations stated", style="bold")
    if missed:
        return Text(f"✗ {missed} of {total} expectations did not hold", style="bold red")
    return Text(f"✓ {total} of {total} expectations held", style="bold green")


def _essentials(run: Run) -> Table:
    result = run.result
    table = _grid()
    table.add_row("scenario", Text(f"{run.scenario} ({run.tier}), {result['ended']}"))
    partial = result.get("partial_strokes", 0)
    cut = f"{partial:,} more cut short, " if partial else ""
    table.add_row("strokes", f"{result['strokes'] - partial:,} ({cut}{result['punctures']:,} punctures)")
    table.add_row("extension", _extension(result))
    errors = [abs(record["achieved_um"] - record["commanded_um"]) for record in run.journal]
    table.add_row("worst error", f"{_um(max(errors))} by encoder" if errors else "–")
    table.add_row("faults", _faults(result["faults"]))
    on_record, made = result["journal_strokes"], result["strokes"]
    doubt = "" if on_record == made else "yellow"
    table.add_row("journal", Text(f"{on_record:,} of {made:,} strokes", style=doubt))
    retracted = result["needles_retracted"]
    table.add_row("needles", "retracted" if retracted else Text("NOT RETRACTED", style="bold red"))
    table.add_row("time", _speed(result["sim_s"], result["wall_s"]))
    return table


def _extension(result: dict[str, Any]) -> Text:
    text = Text(f"{_um(result['max_extension_um'])}, allowed {_um(result['max_allowed_um'])}")
    if result["over_limit_um"] > 0:
        text.append(f", {_um(result['over_limit_um'])} OVER", style="bold red")
    return text


def _um(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} µm"


def _faults(faults: list[dict[str, Any]]) -> Text:
    if not faults:
        return Text("none")
    shown = [f"{fault['code']} at {fault['at_us'] / 1e6:.2f} s" for fault in faults[:4]]
    if len(faults) > 4:
        shown.append(f"and {len(faults) - 4} more")
    return Text("\n".join(shown), style="yellow")


def _speed(sim_s: float, wall_s: float) -> str:
    times = sim_s / wall_s if wall_s > 0 else 0
    pace = f", {times:.{1 if times >= 1 else 2}f} times real time" if times else ""
    return f"{sim_s:.1f} s simulated in {wall_s:.1f} s{pace}"


def _missed(missed: list[dict[str, Any]]) -> Table:
    table = _grid()
    for check in missed[:MOST_MISSED]:
        said = f"{check['what']}: expected {check['expected']}, got {check['got']}"
        table.add_row(Text("✗", style="red"), Text(said))
    if len(missed) > MOST_MISSED:
        table.add_row("", f"and {len(missed) - MOST_MISSED} more")
    return table


def _files(files: list[Path]) -> Table:
    table = _grid()
    for path in files:
        table.add_row(_size(path), Text(str(path), overflow="fold"))
    return table


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _grid() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", min_width=11)
    table.add_column(overflow="fold")
    return table
