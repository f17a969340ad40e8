"""Puts firmware, simulator shims and tools on the path, relative to this file."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for place in (".", "tools", "sim/micropython", "firmware", "tests/calibrate", "tests/motion"):
    path = str(ROOT / place)
    if path not in sys.path:
        sys.path.append(path)
