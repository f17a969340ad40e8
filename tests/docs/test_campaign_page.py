"""The page about the campaign says what the campaign does."""

from pathlib import Path

from pages import section, table
from sim.campaign.moments import MOMENTS, PHASES
from sim.campaign.pens import PAST_LIMIT_UM, PENS, PLANT
from sim.campaign.table import FAULTS, NEVER, Fault

PAGE = "docs/testing.md"


def cells(fault: Fault) -> tuple[str, str, str, str]:
    """How a row of the page shows a fault."""
    figures = [f"{fault.value:g}"] if fault.value is not None else []
    figures = [f"at {fault.pin}", *figures] if fault.pin is not None else figures
    figures += [f"for {fault.for_ms:g} ms"] if fault.for_ms is not None else []
    figures += ["for one look"] if fault.looks is not None else []
    names = [*fault.names, *(f"“{text}”" for text in fault.said)]
    quiet = "where nothing moves" if len(fault.quiet) > 5 else ", ".join(fault.quiet)
    early = f"{fault.early_ms:g} ms before"
    what = "never needed" if fault.until == NEVER else early if fault.early_ms else f"not in {quiet}" if quiet else ""
    where = f"{what}: {fault.why}" if what else fault.why
    last = fault.until if fault.strokes == 1 else f"last {fault.strokes} strokes"
    until = "–" if fault.until == NEVER else last
    return " ".join([fault.what, *figures]), ", ".join(names) or "–", until, where


def test_every_fault_of_the_campaign_is_on_the_page():
    rows = table(PAGE, "fault", "mishap", "right names")
    assert [row["fault"] for row in rows] == list(FAULTS)
    for row in rows:
        assert tuple(row.values())[1:] == cells(FAULTS[row["fault"]]), row["fault"]


def test_phases_and_their_moments_are_on_the_page():
    rows = table(PAGE, "phase", "moments")
    assert {row["phase"]: int(row["moments"]) for row in rows} == PHASES


def test_pens_and_figures_are_on_the_page():
    rows = table(PAGE, "figure of the plant", "from", "to")
    assert [(row["figure of the plant"], float(row["from"]), float(row["to"])) for row in rows] == [
        (name, low, high) for name, low, high, _ in PLANT]
    text = section(PAGE, "The campaign")
    assert f"{len(FAULTS)} faults" in text and f"{len(MOMENTS)} moments" in text and f"{PENS} pens" in text
    assert f"more than {PAST_LIMIT_UM} um past the effective maximum" in section(PAGE, "What must hold")


def test_what_make_runs_is_what_the_page_says():
    makefile = (Path(__file__).resolve().parents[2] / "Makefile").read_text()
    assert "pen campaign --out out/campaign" in makefile and "out/campaign/report.html" in section(PAGE, "The campaign")
