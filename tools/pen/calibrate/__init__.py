"""Guided calibration of a pen against a gauge: `pen calibrate`, and the certificate it leaves."""
