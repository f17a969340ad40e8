"""What is kept out of the heap, code that has done its work, and what gets more of it than it needs."""

import builtins
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
    try:
        return __import__(module)
    finally:
        forget(module)  # also what found no room for all of it


def roomy(thing):
    """Give an object a table for its attributes, up to 60 of them, that is less than two thirds full.

    MicroPython's grow only when they are full, and in a full one a name is looked for in a dozen places, each with a
    division: half of a stroke's time went there. Names that are there anyway make it grow; then it is emptied from
    its end, so that no place is left marked as once used, and filled again. For 60 names it costs 300 bytes.
    """
    kept = list(thing.__dict__.items())
    spare = len(kept) * 3 // 5
    for name in builtins.__dict__:
        if spare and name[0] != "_":
            spare -= 1
            setattr(thing, name, None)
    for name in reversed(list(thing.__dict__)):
        delattr(thing, name)
    for name, value in kept:
        setattr(thing, name, value)
