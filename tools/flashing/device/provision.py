# Runs on the board: names a new pen by the firmware's own code, in the slot that was just verified. The image brings
# this script with the names that are in its files (tools/bundle.py). Begun and cut, it goes on when it is run again; a
# pen that has a name or a key of its own is left as it is.
import sys

sys.path.insert(0, "/" + SLOT)
import records
import store
from drivers.fram import Fram
from machine import SPI, Pin

fram = Fram(SPI(0, 10000000, sck=Pin(SCK), mosi=Pin(MOSI), miso=Pin(MISO)), Pin(CS, Pin.OUT, value=1))
if not fram.check_id():
    raise OSError("the record memory does not answer")
kept = store.Store(fram)
key = records.Key()
if kept.provisioned() and kept.serial() != SERIAL:
    raise ValueError("this pen is provisioned already, as " + kept.serial().decode())
if not kept.provisioned():
    store.provision(fram, SERIAL)
status = key.load(kept)
if status in (store.OK, store.RECOVERED):
    if key.key != KEY:
        raise ValueError("this pen has a key already, and it is another one than in the file")
else:
    key.key = KEY
    key.save(kept)
print("provisioned " + kept.serial().decode())
