"""Figures of a run as SVG text for the report, one file a figure."""
