"""The report page: self-contained, escaped, complete, and right for refused and failed runs."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from sample_run import sample_run

from pen.report import chosen_details, render, tissue_estimate, verdict, write_report
from sim.record import Event, StrokeDetail

VOID = {"meta", "img", "br", "input", "link", "path", "use", "rect", "circle", "line", "polyline", "image"}
NASTY = "<script>alert(1)</script> & \"quoted\" '$x^2$' <img src=http://example.org/a.png>"
MOST_BYTES = 4_000_000


class Page(HTMLParser):
    """Collects elements, ids, references and text; complains about tags that close nothing."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.pieces: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), f"{tag} has a handler"
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster"):
                self.targets.append(value or "")

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_data(self, data):
        self.pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())


@pytest.fixture(scope="module")
def page():
    return Page(render(sample_run()))


@pytest.fixture(scope="module")
def html():
    return render(sample_run())


def assert_alone(html: str) -> None:
    """No script, no style sheet, no import, no address: nothing a browser would fetch."""
    page = Page(html)
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    for target in page.targets:
        assert target.startswith(("#", "data:image/png;base64,")), target
    for css in re.findall(r"url\(([^)]*)\)", html):
        assert css.startswith("#"), css
    assert "@import" not in html


def test_the_record_says_who_worked_and_that_a_supervisor_unlocked(page):
    assert "Operator MK-7 Higher cap by a supervisor" in page.text


def test_needs_nothing_from_outside(html):
    assert_alone(html)
    assert "http" not in html


def test_ids_are_unique_and_references_resolve(html, page):
    assert len(page.ids) == len(set(page.ids))
    wanted = {target[1:] for target in page.targets if target.startswith("#")}
    wanted |= set(re.findall(r"url\(#([^)]*)\)", html))
    assert wanted <= set(page.ids)


def test_says_what_matters(page):
    for words in (
        "Cheek, acne scars", "All 5 expectations held", "1500 µm", "zone cap (cheek, without unlock)",
        "in force", "PEN-A-0042", "2D-0000A1B2C3D4-5E", "L2431", "18.0 Hz", "of 250 strokes on record",
        "MOTOR_WARM", "retracted at the end", "Depth in tissue, estimate:", "not clinical",
        "comes from a simulation", "Redness for two to four days", "keloid tendency", "extension, µm",
        "axial force, N", "battery, V",
    ):  # fmt: skip
        assert words in page.text, words


def test_same_run_same_bytes(html):
    assert render(sample_run()) == html


def test_every_figure_is_there(page):
    assert page.tags.count("svg") == 3 + 4
    assert page.tags.count("img") == 4


def test_refused_scenario_says_so():
    html = render(sample_run(0))
    page = Page(html)
    assert_alone(html)
    assert "No strokes were made." in page.text
    assert "no strokes were made" in page.text
    assert "refused: cartridge already used" in page.text
    assert "Single strokes" not in page.text
    assert "Depth in tissue" not in page.text


def test_run_with_nothing_but_a_result():
    run = sample_run(0)
    run.details, run.events, run.screens, run.slow, run.session, run.skin = [], [], [], {}, {}, {}
    run.result["expectations"] = []
    page = Page(render(run))
    assert "The scenario states no expectation" in page.text
    assert "What the panel showed" not in page.text


@pytest.mark.parametrize("strokes", [1, 2, 3])
def test_few_strokes(strokes):
    assert f"of {strokes} strokes on record" in Page(render(sample_run(strokes))).text


def test_failed_expectation_is_loud():
    run = sample_run(30)
    run.result["expectations"].append({"what": "no fault", "expected": [], "got": ["HANG"], "held": False})
    run.result.update(over_limit_um=37, needles_retracted=False)
    html = render(run)
    text = Page(html).text
    assert "1 of 6 expectations did not hold" in text
    assert "✗ not held" in text
    assert "37 µm over the limit" in text
    assert "not retracted at the end" in text
    assert 'class="verdict bad"' in html


def test_faults_are_listed_with_their_time():
    run = sample_run(30)
    run.result["faults"] = [{"code": "OVER_DEPTH", "at_us": 1_234_567}, {"code": "HANG", "at_us": 2_000_000}]
    text = Page(render(run)).text
    assert "1.235 OVER_DEPTH" in text
    assert "2.000 HANG" in text


def test_every_text_is_escaped():
    run = sample_run(40, title=NASTY)
    run.scenario = run.tier = run.result["ended"] = NASTY
    run.session.update(zone=NASTY, lot=NASTY, pen_serial=NASTY, aftercare=[NASTY], contraindications=[NASTY])
    run.session["limits"] = [{"name": NASTY, "value_um": 1500, "bound": True}]
    run.events += [Event(7_000_000, kind, NASTY) for kind in ("fault", "note", "state", "hand", "session")]
    run.result["expectations"][0].update(what=NASTY, expected=NASTY, got=NASTY)
    run.result["faults"].append({"code": NASTY, "at_us": 0})
    run.details[0].label = run.screens[0].label = NASTY
    for record in run.journal:
        record["zone"] = NASTY
    html = render(run)
    assert_alone(html)
    assert "<script" not in html
    assert "$x^2$" in Page(html).text


def test_long_texts_and_many_events_stay_on_the_page():
    run = sample_run(60)
    kinds = ("fault", "injected", "note", "session", "power", "cleared")
    run.events += [Event(50_000 * i, kinds[i % 6], "long " * 80) for i in range(3000)]
    html = render(run)
    text = Page(html).text
    assert f"{len(run.events)} events" in text
    assert f"{len(run.events) - 2000} more events are not shown." in text
    assert len(html) < MOST_BYTES


def test_size_of_a_long_session(tmp_path):
    """Half an hour at 20 Hz: dense points become pictures."""
    path = write_report(sample_run(36_000), tmp_path / "report.html")
    assert path.stat().st_size < MOST_BYTES


def test_details_near_a_fault_come_first_and_empty_ones_are_left_out():
    run = sample_run(250)
    strokes = [run.details[0]] * 20 + [run.details[3]]
    run.details = [*strokes, StrokeDetail(99, "nothing", *[np.zeros(0)] * 6)]
    run.events.append(Event(int(strokes[20].t_us[50]), "fault", "MISSED_STEPS"))
    chosen = chosen_details(run)
    assert len(chosen) == 12
    assert chosen[-1] is strokes[20]
    assert "9 more strokes are on record in detail." in Page(render(run)).text


def test_long_detail_keeps_its_extremes():
    from pen.plots.stroke import thinned

    track = np.zeros(50_000)
    track[[12_345, 40_001]] = 1900.0, -300.0
    keep = thinned(len(track), [track, np.zeros(50_000)], 700)
    assert {0, 12_345, 40_001, 49_999} <= set(keep.tolist())
    assert len(keep) <= 702
    assert np.all(np.diff(keep) > 0)


def test_repeated_screen_is_shown_once():
    run = sample_run(10)
    run.screens = [run.screens[0]] * 3 + [run.screens[1]]
    assert Page(render(run)).tags.count("img") == 2


def test_verdict_counts():
    run = sample_run(5)
    assert verdict(run) == {"ok": True, "held": 5, "total": 5, "text": "All 5 expectations held"}
    run.result["expectations"] = []
    assert verdict(run)["ok"] is None


def test_tissue_estimate_never_below_zero_and_only_with_parameters():
    run = sample_run(10)
    run.skin.update(stand_off_um=5000)
    estimate = tissue_estimate(run)
    assert estimate is not None and estimate["most_um"] == 0
    del run.skin["residual_dimple_um"]
    assert tissue_estimate(run) is None
