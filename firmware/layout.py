"""The map of the FRAM: where records, events and session blocks lie. Changing a number is a new LAYOUT.

Nothing overlaps and the last block ends at the last byte; docs/storage-format.md shows the same map.
"""

from micropython import const

LAYOUT = const(1)
FRAM_BYTES = const(262144)

# Records: two slots each. Small ones share one stride, the used-cartridge ring has its own; six of them share three
# strides, half a slot each.
SMALL_SLOT_BYTES = const(128)
HALF_SLOT_BYTES = const(64)
CARTRIDGE_BASE = const(0x0800)
CARTRIDGE_SLOT_BYTES = const(1024)

EVENT_BASE = const(0x1000)
EVENT_BYTES = const(16)
EVENT_COUNT = const(1024)

BLOCK_BASE = const(0x5000)
BLOCK_BYTES = const(512)
BLOCK_COUNT = const(472)
