"""strokes.csv and result.json: columns, gaps, and numbers other programs can read."""

import csv
import json
import math

import numpy as np
import pytest
from sample_run import sample_run

from pen.tables import COLUMNS, result_text, write_result, write_strokes


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_a_stroke(tmp_path):
    run = sample_run()
    rows = rows_of(write_strokes(run, tmp_path / "strokes.csv"))
    assert len(rows) == 250
    assert tuple(rows[0]) == COLUMNS
    for row, record, stroke in zip(rows, run.journal, run.truth, strict=True):
        assert int(row["sequence"]) == record["sequence"]
        assert float(row["time_s"]) == stroke.t_start_us / 1e6
        assert int(row["error_um"]) == record["achieved_um"] - record["commanded_um"]
        assert float(row["rate_hz"]) == pytest.approx(1e6 / record["period_us"], abs=5e-4)
        assert float(row["true_um"]) == pytest.approx(stroke.max_tip_um, abs=0.051)
        assert row["punctured"] == str(int(stroke.pierced))
        assert row["flags"].split() == record["flags"]


def test_gaps_are_empty_not_zero(tmp_path):
    run = sample_run(6)
    del run.journal[-1]
    run.journal[0]["period_us"] = 0  # a first stroke has no stroke before it
    rows = rows_of(write_strokes(run, tmp_path / "strokes.csv"))
    assert rows[0]["rate_hz"] == ""
    assert rows[-1]["sequence"] == rows[-1]["achieved_um"] == rows[-1]["error_um"] == ""
    assert rows[-1]["commanded_um"] == str(run.truth[-1].commanded_um)


def test_no_strokes_leaves_the_header(tmp_path):
    path = write_strokes(sample_run(0), tmp_path / "strokes.csv")
    assert path.read_text() == ",".join(COLUMNS) + "\n"


def test_zone_names_with_commas_survive(tmp_path):
    run = sample_run(1)
    run.journal[0]["zone"] = 'perioral, "upper" lip\nx'
    assert rows_of(write_strokes(run, tmp_path / "strokes.csv"))[0]["zone"] == run.journal[0]["zone"]


def test_result_reads_back(tmp_path):
    run = sample_run()
    run.result["max_extension_um"] = np.int64(1010)
    run.result["sim_s"] = np.float64(25.5)
    run.result["over"] = np.arange(3)
    back = json.loads(write_result(run, tmp_path / "result.json").read_text(encoding="utf-8"))
    assert back["max_extension_um"] == 1010
    assert back["over"] == [0, 1, 2]
    assert back["expectations"] == run.result["expectations"]


def test_result_refuses_what_is_not_json():
    run = sample_run(0)
    run.result["sim_s"] = math.nan
    with pytest.raises(ValueError):
        result_text(run)
    run.result["sim_s"] = object()
    with pytest.raises(TypeError, match="object"):
        result_text(run)
