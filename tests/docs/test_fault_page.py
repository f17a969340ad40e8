"""docs/faults.md against the fault table: every number, key, deed, place of the needles, remedy and word.

A file of its own, light to load: it also has to see every change that `make mutation` makes to the table.
"""

import re

from pages import ROOT, table
from sim.space import shim

faults = shim("faults")


def test_every_fault_is_in_the_table_as_the_firmware_has_it():
    acts = {faults.RETRACT: "retract", faults.STOP: "stop", faults.BLOCK: "block"}
    remedies = {faults.BY_USER: "SELECT", faults.BY_RESTART: "restart", faults.BY_SERVICE: "service"}
    ends = {faults.IN: "in", faults.RETRIED: "retried"}
    rows = table("docs/faults.md", "code", "key", "pen does", "needles end", "cleared by")
    said = [(int(row["code"]), row["key"], row["pen does"], row["needles end"], row["cleared by"], row["cause"],
             row["action"]) for row in rows]  # fmt: skip
    assert said == [
        (code, row.key, acts[row.act], ends.get(row.needles) or "left out: " + faults.left_out(code),
         remedies[row.remedy],
         faults.cause(code).replace("|", " "), faults.action(code).replace("|", " "))
        for code, row in sorted(faults.TABLE.items())]


def test_every_refusal_is_in_the_table():
    rows = table("docs/faults.md", "refusal", "what is missing")
    assert [row["refusal"] for row in rows] == list(faults.REFUSALS[1:])


def test_faults_marked_unused_are_those_nothing_raises():
    source = "".join(path.read_text() for path in (ROOT / "firmware").rglob("*.py") if path.name != "faults.py")
    codes = {name: value for name, value in vars(faults).items() if name.isupper() and isinstance(value, int)}
    names = {name: value for name, value in codes.items() if value >= faults.TRIGGER_STUCK}
    unused = {faults.key(value) for name, value in names.items() if not re.search(rf"faults\.{name}\b", source)}
    rows = table("docs/faults.md", "code", "key", "pen does", "needles end", "cleared by")
    assert {row["key"] for row in rows if row["raised when"] == "not raised yet"} == unused
