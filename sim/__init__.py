"""Simulator of the pen: parts, plant and world, on the host."""
