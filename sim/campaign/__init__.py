"""Faults at every moment: each single fault, at each of many moments of a session, on pens that differ.

`table` says what can go wrong and what the pen has to call it, `pens` which pens, `moments` when, `cases` puts the
three together under a short id, `verdict` runs one case and holds the plant's truth against what must be true.
"""
