"""Puts the host package and the helpers of these tests and of the gate's where the tests find them."""

import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
for _path in (_HERE.parents[1], _HERE.parent / "gate", _HERE):
    if str(_path) not in sys.path:
        sys.path.insert(0, str(_path))
