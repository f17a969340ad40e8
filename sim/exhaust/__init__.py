"""Drives the real safety core through every state it can reach, and holds named invariants in each."""
