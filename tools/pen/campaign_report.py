"""The report of a campaign: one HTML page, no external resource, readable at a glance and on paper."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pen.campaign_summary import PAIRS_ROW, Campaign
from sim.campaign.moments import MOMENTS, SESSION_PHASES, STROKE_PHASES
from sim.campaign.pens import PAST_LIMIT_UM, PENS
from sim.campaign.table import FAULTS

FAILURES_SHOWN = 200


def write_report(campaign: Campaign, path: Path) -> None:
    """Write the page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True)
    quiet = {name: fault for name, fault in FAULTS.items() if fault.why}
    page = environment.get_template("campaign.html.j2").render(
        figures=campaign.figures, rows=campaign.rows, failures=campaign.failures[:FAILURES_SHOWN],
        failures_in_all=len(campaign.failures), stroke_phases=list(STROKE_PHASES), session_phases=list(SESSION_PHASES),
        moments=len(MOMENTS), pens=PENS, past_limit_um=PAST_LIMIT_UM, quiet=quiet, pairs_row=PAIRS_ROW)
    path.write_text(page, encoding="utf-8")
