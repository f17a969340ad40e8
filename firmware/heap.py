"""What is kept out of the heap: code that has done its work."""

import gc
import sys


def tidy():
    """Collect the garbage now, at rest: it takes a chip 31 ms, and the gate waits 50 ms for its heartbeat.

    MicroPython alone has such a heap.
    """
    if hasattr(gc, "mem_free"):
        gc.collect()


def forget(module: str):
    """Drop a module that nothing holds any more: its code goes with the next collection. MicroPython alone can.

    Imported again, it is read anew.
    """
    modules = getattr(sys, "modules", None)
    if modules and module in modules:
        del modules[module]


def borrow(module: str):
    """A module for one use: nothing else imports it, and its code goes with the next collection. At rest only."""
    tidy()
    found = __import__(module)
    forget(module)
    return found
