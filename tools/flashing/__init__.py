"""What tools/flash.sh thinks with: finding and judging a board, planning an upgrade. The transfer is mpremote's."""
