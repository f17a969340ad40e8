"""The Parquet data set: idempotent, nothing twice, nothing lost to a worse copy, readable in place by DuckDB."""

import hashlib
import re
from pathlib import Path

import duckdb
import pyarrow.dataset
import pyarrow.parquet
import pytest

from pen.log.dataset import PART, SCHEMAS, DatasetError, export_dataset
from pen.log.files import export_csv, export_jsonl
from pen.log.rows import SESSION_COLUMNS, STROKE_COLUMNS, session_row, stroke_rows
from penimage.blocks import address
from penimage.merge import read_pen
from tools.fleet import Pen, fleet

ROOT = Path(__file__).resolve().parents[2]
PENS = 1000
SHORT_UM = 20  # the fleet's worn pens fall short by 25 um, all others by none on average


def images(pens=3, sessions=3, strokes=40, seed=1):
    return {serial: image for serial, image in fleet(pens, sessions, strokes, seed)}


def hashes(root):
    return {path: sha for path, (sha, _) in content(root).items()}


def content(root):
    """Every file of a data set with the hash of its bytes and the time it was written."""
    return {
        path.relative_to(root): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in root.rglob("*") if path.is_file()
    }  # fmt: skip


def export(image, root):
    return export_dataset(read_pen(image, None), root)


def query(sql):
    with duckdb.connect() as database:
        return database.execute(sql).fetchall()


def rows(root, table):
    return pyarrow.dataset.dataset(root / table, format="parquet", partitioning="hive").to_table().to_pylist()


def test_exporting_again_changes_no_file(tmp_path):
    for image in images().values():
        assert export(image, tmp_path).written
    before = content(tmp_path)
    for image in images().values():
        assert export(image, tmp_path).written == []
    assert content(tmp_path) == before


def test_two_exports_of_the_same_pens_are_the_same_bytes(tmp_path):
    for root in (tmp_path / "one", tmp_path / "two"):
        for image in images().values():
            export(image, root)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")


def test_what_is_in_the_data_set_is_what_the_pen_has(tmp_path):
    for serial, image in images().items():
        export(image, tmp_path)
        pen = read_pen(image, None)
        here = pyarrow.dataset.field("pen_serial") == serial
        wanted = [session_row(pen, session) for session in pen.sessions]
        found = pyarrow.dataset.dataset(tmp_path / "sessions", partitioning="hive").to_table(filter=here).to_pylist()
        found = sorted(({name: row[name] for name in SESSION_COLUMNS} for row in found), key=lambda row: row["session"])
        assert found == wanted
        strokes = [row for row in rows(tmp_path, "strokes") if row["pen"] == serial]
        strokes = [{name: row[name] for name in STROKE_COLUMNS} for row in strokes]
        strokes.sort(key=lambda row: (row["session"], row["stroke"]))
        assert strokes == [row for session in pen.sessions for row in stroke_rows(pen, session)]


def test_a_pen_that_goes_on_only_adds(tmp_path):
    early, late = images(1, sessions=2)["PEN-00001"], images(1, sessions=4)["PEN-00001"]
    export(early, tmp_path)
    before = content(tmp_path)
    export(late, tmp_path)
    after = content(tmp_path)
    assert sorted(row["session"] for row in rows(tmp_path, "sessions")) == [1, 2, 3, 4]
    changed = {path for path in before if after[path] != before[path]}
    assert len(changed) <= 2  # the partition of session 2, if it was open then


def test_a_pen_damaged_since_takes_nothing_away(tmp_path):
    image = images(1)["PEN-00001"]
    export(image, tmp_path)
    before = content(tmp_path)
    worse = bytearray(image)
    worse[address(0) + 4 * 40 : address(0) + 4 * 50] = b"\x55" * 40
    worse[address(1) + 32] ^= 1  # the head of session 2
    outcome = export(bytes(worse), tmp_path)
    assert outcome.kept == 2
    assert content(tmp_path) == before


def test_a_damaged_copy_gives_way_to_a_whole_one(tmp_path):
    image = images(1)["PEN-00001"]
    worse = bytearray(image)
    worse[address(0) + 4 * 40] ^= 1
    worse[address(1) + 32] ^= 1
    export(bytes(worse), tmp_path)
    assert sorted(row["intact"] for row in rows(tmp_path, "sessions")) == [False, False, True]
    export(image, tmp_path)
    assert [row["intact"] for row in rows(tmp_path, "sessions")] == [True, True, True]
    export(image, tmp_path / "clean")
    strokes = sorted(tuple(row.values()) for row in rows(tmp_path, "strokes"))
    assert strokes == sorted(tuple(row.values()) for row in rows(tmp_path / "clean", "strokes"))


def test_a_pen_provisioned_anew_does_not_replace_its_former_sessions(tmp_path):
    for seed in (1, 2):
        export(images(1, seed=seed)["PEN-00001"], tmp_path)
    found = rows(tmp_path, "sessions")
    assert sorted(row["session"] for row in found) == [1, 1, 2, 2, 3, 3]
    assert len({row["session_id"] for row in found}) == 6


def test_a_pen_without_a_clock_has_sessions_without_a_date(tmp_path):
    for image in images(150, sessions=1, strokes=2).values():
        export(image, tmp_path)
    unset = [row for row in rows(tmp_path, "sessions") if row["started_at"] is None]
    assert unset
    assert all(row["date"] == "null" and row["boot"] is not None for row in unset)
    found = query(f"SELECT count(*) FROM read_parquet('{tmp_path}/sessions/*/*/*.parquet', hive_partitioning = true) "
                  "WHERE date IS NULL")
    assert found == [(len(unset),)]


def pen_without_a_clock():
    pen = Pen.provisioned("PEN-1")
    pen.journal.begin_session(bytes(8), b"", 16, 1, 6, 2, 1000, 0)
    pen.journal.stroke(500, 500, 40_000, 0, 6)
    return bytes(pen.memory.data)


@pytest.mark.parametrize("table", list(SCHEMAS))
def test_a_data_set_of_pens_whose_clocks_were_never_set_is_read_as_pandas_reads_it(table, tmp_path):
    """`pandas.read_parquet` of a directory is this call, and a frame made of what it gives."""
    export(pen_without_a_clock(), tmp_path)
    read = pyarrow.parquet.read_table(tmp_path / table)
    assert read.num_rows == 1 and read["date"].to_pylist() == ["null"]


def test_sessions_without_a_date_move_out_of_the_directory_of_an_older_version(tmp_path):
    image = pen_without_a_clock()
    export(image, tmp_path)
    for table in SCHEMAS:
        (tmp_path / table / "pen=PEN-1" / "date=null").rename(
            tmp_path / table / "pen=PEN-1" / "date=__HIVE_DEFAULT_PARTITION__")
    export(image, tmp_path)
    for table in SCHEMAS:
        assert pyarrow.parquet.read_table(tmp_path / table).num_rows == 1
    assert export(image, tmp_path).written == []


@pytest.mark.parametrize("serial", ["P/1", "A=B%", "..", "007", "1e5"])
def test_any_serial_number_and_an_unset_clock_come_back_as_they_were(tmp_path, serial):
    pen = Pen.provisioned(serial)
    pen.journal.begin_session(bytes(8), b"", 16, 1, 6, 2, 1000, 0)
    pen.journal.stroke(500, 500, 40_000, 0, 6)
    export(bytes(pen.memory.data), tmp_path / "set")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    types = "hive_types = {'pen': VARCHAR, 'date': DATE}"
    for table in SCHEMAS:
        read = f"read_parquet('{tmp_path}/set/{table}/*/*/*.parquet', hive_partitioning = true, {types})"
        assert query(f"SELECT pen, date FROM {read}") == [(serial, None)]


def test_what_is_no_part_of_the_data_set_is_refused(tmp_path):
    image = images(1)["PEN-00001"]
    export(image, tmp_path)
    path = next((tmp_path / "sessions").rglob(PART))
    path.write_bytes(b"PAR1 not")
    with pytest.raises(DatasetError, match=r"cannot read .*part-0"):
        export(image, tmp_path)
    pyarrow.parquet.write_table(pyarrow.table({"a": [1]}), path)
    with pytest.raises(DatasetError, match="other columns"):
        export(image, tmp_path)


def test_every_column_says_what_it_is():
    for schema in SCHEMAS.values():
        for field in schema:
            assert len(field.metadata[b"meaning"]) > 3
            unit = field.metadata[b"unit"].decode()
            assert field.name.rpartition("_")[2] == unit or unit in ("", "hex"), field.name
    assert tuple(SCHEMAS["sessions"].names) == SESSION_COLUMNS
    assert tuple(SCHEMAS["strokes"].names) == STROKE_COLUMNS


def test_csv_and_json_lines_are_read_by_others_with_the_same_content(tmp_path):
    pen = read_pen(images(1)["PEN-00001"], None)
    paths = [*export_csv(pen, tmp_path), *export_jsonl(pen, tmp_path / "all.jsonl")]
    before = hashes(tmp_path)
    assert len(before) == len(paths) == 3
    count = sum(len(session.strokes) for session in pen.sessions)
    total = sum(stroke.achieved_um for session in pen.sessions for stroke in session.strokes)
    assert query(f"SELECT count(*), sum(achieved_um) FROM '{paths[1]}'") == [(count, total)]
    lines = f"read_json('{paths[2]}', format = 'newline_delimited')"
    told = query(f"SELECT count(*), sum(achieved_um) FROM {lines} WHERE record = 'stroke'")
    assert told == [(count, total)]
    export_csv(pen, tmp_path)
    export_jsonl(pen, tmp_path / "all.jsonl")
    assert hashes(tmp_path) == before


@pytest.fixture(scope="module")
def thousand(tmp_path_factory):
    root = tmp_path_factory.mktemp("fleet")
    worn, strokes = set(), 0
    for serial, image in fleet(PENS, sessions=1, strokes=12):
        pen = read_pen(image, None)
        export_dataset(pen, root)
        errors = [s.achieved_um - s.commanded_um for session in pen.sessions for s in session.strokes]
        strokes += len(errors)
        if sum(errors) / len(errors) < -SHORT_UM:
            worn.add(serial)
    return root, worn, strokes


def test_the_documented_query_finds_the_worn_pens_of_a_thousand(thousand):
    root, worn, strokes = thousand
    documented = re.search(r"```sql\n(.*?)```", (ROOT / "docs/records.md").read_text(encoding="utf-8"), flags=re.S)
    found = query(documented[1].replace("out/fleet", str(root)))
    assert worn
    assert {row[0] for row in found} == worn
    read = f"read_parquet('{root}/strokes/*/*/*.parquet', hive_partitioning = true)"
    assert query(f"SELECT count(*), count(DISTINCT pen) FROM {read}") == [(strokes, PENS)]
