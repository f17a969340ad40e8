"""A session with a host that asks all the time: the answers are right, the treatment is none the worse."""

import pytest
from host import Host, missed

from sim.tiers import find_micropython

ASKED = {
    "*IDN?": "Microneedling Pen Project,Pen A,PEN-SIM-01,0.1.0",
    "syst:err?": '0,"No error"',
    "SYSTEM:ERROR:NEXT?": '0,"No error"',
    "meas:rail?;batt?": "1?.???;7.???",
    "State?": "*,0",
}


def ask_all(tier):
    host = Host(tier=tier)
    for i in range(90):
        host.says(500 + 200 * i, list(ASKED)[i % len(ASKED)])
    return host, host.run()


@pytest.mark.micropython
def test_answers_and_session_on_both_tiers(need_micropython):
    from fnmatch import fnmatch

    ours, result = ask_all("cpython")
    assert not missed(result)
    assert len(ours.lines) == 90
    for i, line in enumerate(ours.lines):
        assert fnmatch(line, list(ASKED.values())[i % len(ASKED)]), line
    assert any(line.startswith("running,active") for line in ours.lines)
    if find_micropython() is None:
        return
    theirs, result = ask_all("micropython")
    assert not missed(result)
    assert (theirs.lines, theirs.at_ms) == (ours.lines, ours.at_ms)
