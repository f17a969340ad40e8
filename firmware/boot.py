"""Runs before anything else: the drive is off before a single other line of the firmware runs."""

import board

board.drive_off()
board.set_clock()
