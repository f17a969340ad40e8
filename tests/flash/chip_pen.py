"""A pen whose flash a real mpremote fills: an emulated RP2040 with MicroPython in it, behind a pty."""

from vm_pen import RecordedFlash, ServedPen, calibrated_fram, image_with

from sim.build import make_cartridge
from sim.parts.fram import Fram
from sim.plant import PlantParams
from sim.scenario import load
from sim.silicon.chip import Chip
from sim.silicon.image import FS_START
from sim.silicon.tier import need_uf2
from sim.silicon.world import ChipWorld


class ChipPen(ServedPen):
    """Behind the port is the chip; time is its own and goes as fast as it can."""

    def __init__(self, files=None, *, fram=None, key=bytes(range(1, 33))):
        """`files` by path lie in the flash from the start; none: a blank board with nothing but MicroPython."""
        image = image_with(files)
        record = Fram(calibrated_fram(key) if fram is None else fram)
        world = ChipWorld(PlantParams(), record, make_cartridge(load("zone_nose")), RecordedFlash(image))
        self.chip = Chip(need_uf2(), image)
        world.plug(self.chip)
        self.flash_writes = 0  # erases and programs so far
        self._cut_at = 0
        self._begun = self.chip.mcu.ssi.begun
        self.chip.mcu.ssi.begun = self._flash_begun
        super().__init__(world, ChipWorld.run_chip)

    def _flash_begun(self, address):
        self._begun(address)
        self.flash_writes += 1
        if self.flash_writes == self._cut_at:
            self.world.dead = "power"

    def cut_power_at_write(self, number):
        """In the middle of this erase or program; the pen is switched on again right after."""
        self._cut_at = number

    def flash_image(self):
        """The filesystem as it is now."""
        return bytes(self.chip.mcu.flash[FS_START : FS_START + len(self.world.flash.image)])

    def scratch(self):
        """The watchdog's first scratch word."""
        return self.chip.mcu.watchdog.scratch_data[0]
