"""Puts the firmware, the host package and the shim of `micropython` where the tests of the panel find them.

Invariant: the shim directory goes last, so that its `time` never hides the host's.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

for _path in (ROOT, ROOT / "firmware", Path(__file__).resolve().parent):
    if str(_path) not in sys.path:
        sys.path.insert(0, str(_path))
if str(ROOT / "sim" / "micropython") not in sys.path:
    sys.path.append(str(ROOT / "sim" / "micropython"))
