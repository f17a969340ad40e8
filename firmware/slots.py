"""Which firmware starts: the slot that the pointer names, on trial until it says that it works, else the other one.

Invariants: `choose` and `judge` take what is in flash as arguments and decide alone; the pointer is replaced by one
rename, so that a cut leaves the old one or the new one; a slot runs only if every file of its manifest is there,
byte for byte, and nothing else is; a slot that failed its trial does not run again until it is written anew. The
pointer is written on trial and at a fall back only: a start of a confirmed slot writes nothing.

This file lies outside the slots and serves both, also older ones: what they call (`service`, `running`, `confirm`,
`describe`, `restart`) keeps its meaning. It also puts the filesystem on a block device of its own, which asks for EN_N
before each erase and each page.
"""

import binascii
import gc
import hashlib
import json
import sys
from time import sleep_ms

import machine
from micropython import const

STARTS = const(3)  # of a slot on trial, then the other one runs
POINTER = "/slot"
MANIFEST = "manifest.json"
_HEAD_BYTES = const(160)  # of a manifest, with its version in it
FORMAT = const(1)  # of the manifest
NAMES = ("a", "b")

# Why a slot does not run; `a` of the event `slot`. Numbers are in journals: only ever append.
SOUND = const(0)
NO_MANIFEST = const(1)
BAD_MANIFEST = const(2)
OTHER_MICROPYTHON = const(3)
FILE_MISSING = const(4)
FILE_SHORT = const(5)
FILE_ALTERED = const(6)
NOT_STARTED = const(7)
NO_POINTER = const(8)
UNREADABLE = const(9)
DRIVE_ON = const(10)

# 21 columns with the slot's letter before it; %s is the file or what is needed
TEXTS = (
    "", "no manifest", "manifest damaged", "needs %s", "%s missing", "%s short", "%s altered", "did not start",
    "pointer lost", "flash unreadable", "EN_N reads low")

# RP2040 datasheet 4.7: the watchdog's scratch registers keep their words through every reset but a power cut. The
# SDK and the boot ROM use the upper four.
SCRATCH0 = const(0x4005800C)
SCRATCH4 = const(0x4005801C)
SERVICE_WORD = const(0x05E51CE5)
SIO_GPIO_IN = const(0xD0000004)  # these three as in board.py, which lies in the slots
PIN_EN_N = const(2)
PIN_SELECT = const(15)
HOLD_LOOKS = const(6)
TRIAL_WATCHDOG_MS = const(8000)  # a start that hangs before the firmware's own watchdog runs
BUSY = const(16)  # errno EBUSY
EN_N_LOOKS = const(5)  # a millisecond apart: so often low, and the flash is not written
_PAGE_BYTES = const(256)
_ERASE = const(6)  # the request of MicroPython's block devices
_CHUNK = const(1024)
_DIRECTORY = const(0x4000)
_ARCHITECTURES = ("", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em")

service = ""  # why the pen is in service mode, for its panel; empty in normal use. The gate does not arm then
notes = []  # what is wrong with the slots, when that is why
running = ""  # the slot in use
trial = 0  # which start of a trial this is; 0: confirmed
fell = None  # (slot, why, text) of what did not run, when this start went back to the other slot or found no pointer
back = ""  # why the pen last went back, until the next upgrade
_device = None  # the guarded flash that the filesystem lies on


# -- pure -------------------------------------------------------------------------------------------------


def text_of(reason) -> str:
    """A reason in words, e.g. "gate.mpy altered"."""
    why, what = reason
    return TEXTS[why] % what if "%s" in TEXTS[why] else TEXTS[why]


def parse(data):
    """The pointer as (slot, starts of the trial or None if confirmed, slot that failed, words), or None if unusable.

    `words`: why the pen last went back.
    """
    try:
        fields = json.loads(data)
        slot, starts, failed, words = fields["slot"], fields["trial"], fields["failed"], fields["why"]
    except (ValueError, KeyError, TypeError):
        return None
    if slot not in NAMES or failed not in ("",) + NAMES or not isinstance(words, str):
        return None
    if starts is not None and (type(starts) is not int or starts < 0):
        return None
    return slot, starts, failed, words


def pointer(slot: str, starts, failed: str = "", words: str = "") -> bytes:
    """The bytes of a pointer; `parse` reads them."""
    return json.dumps({"slot": slot, "trial": starts, "failed": failed, "why": words}).encode()


def other(slot: str) -> str:
    return "b" if slot == "a" else "a"


def choose(data, verdict):
    """(slot to run or "", pointer to write first or None, (slot, reason) of what does not run or None).

    `data`: bytes of the pointer, None where there is none. `verdict(slot)`: a reason, whose number is SOUND for a slot
    that may run; asked only about what may be needed, because it takes time.
    """
    known = parse(data) if data is not None else None
    if known is None:
        lost = ("", (NO_POINTER, ""))
        for slot in NAMES:
            if verdict(slot)[0] == SOUND:
                return slot, pointer(slot, 1, "", TEXTS[NO_POINTER]), lost
        return "", None, lost
    slot, starts, failed, words = known
    reason = verdict(slot)
    if reason[0] == SOUND and starts is not None and starts >= STARTS:
        reason = (NOT_STARTED, "")
    if reason[0] == SOUND:
        return slot, None if starts is None else pointer(slot, starts + 1, failed, words), None
    spare = other(slot)
    if spare != failed and verdict(spare)[0] == SOUND:
        gone = slot if reason[0] == NOT_STARTED else failed
        return spare, pointer(spare, None, gone, slot + ": " + text_of(reason)), (slot, reason)
    return "", None, (slot, reason)


def fits(manifest, implementation):
    """What the image needs and this MicroPython is not, in words; "" if it fits.

    `implementation`: (.mpy format, its minor version, architecture's number, (major, minor) of MicroPython).
    """
    major, minor, architecture, version = implementation
    needs = [int(part) for part in manifest["mpy"].split(".")]
    native = needs[1] > 0  # only native code is bound to a minor version and an architecture
    if needs[0] != major or (native and needs[1] != minor):
        return ".mpy " + manifest["mpy"]
    if native and manifest["arch"] != (_ARCHITECTURES + ("",) * 64)[architecture]:
        return manifest["arch"]
    least = [int(part) for part in manifest["micropython_at_least"].split(".")]
    if tuple(least) > version:
        return "uPy " + manifest["micropython_at_least"]
    return ""


def judge(data, implementation, found, digest):
    """(reason, what is there and not in the manifest). The reason's number is SOUND for a slot that may run.

    `data`: bytes of the manifest or None; `found`: bytes of each file in the slot by its path, -1 for a folder;
    `digest(path)`: SHA-256 of a file as hex.
    """
    if data is None:
        return (NO_MANIFEST, ""), ()
    try:
        manifest = json.loads(data)
        files = manifest["files"]
        need = fits(manifest, implementation)
        if manifest["format"] != FORMAT or "main.mpy" not in files:
            return (BAD_MANIFEST, ""), ()
        if need:
            return (OTHER_MICROPYTHON, need), ()
        for name in files:
            size, hashed = files[name]["bytes"], files[name]["sha256"]
            if found.get(name, -1) < 0:
                return (FILE_MISSING, name), ()
            if found[name] != size:
                return (FILE_SHORT, name), ()
            if digest(name) != hashed:
                return (FILE_ALTERED, name), ()
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return (BAD_MANIFEST, ""), ()
    return (SOUND, ""), _extras(files, found)


def _extras(files, found):
    """What would shadow or outlive the image, longest path first: a folder comes after what lies in it."""
    folders = {name[:name.rindex("/")] for name in files if "/" in name}
    extra = [name for name in found if name not in files and name not in folders and name != MANIFEST]
    return sorted(extra, key=len, reverse=True)


# -- on the pen -------------------------------------------------------------------------------------------


class GuardedFlash:
    """The flash under the filesystem: no erase and no page begins while the EN_N pad reads low, whoever holds it there.

    One that has refused refuses from then on. What is in flash is then what a power cut would have left, and only a
    filesystem that is mounted anew goes on from there.
    """

    def __init__(self):
        import rp2

        self._flash = rp2.Flash()
        self.readblocks = self._flash.readblocks
        self.refused = False

    def writeblocks(self, block, buf, offset=0):
        """Program whole pages, one at a time. The filesystem has EBUSY from a negative answer."""
        for at in range(0, len(buf), _PAGE_BYTES):
            if self._refuses():
                return -BUSY
            self._flash.writeblocks(block, buf[at : at + _PAGE_BYTES], offset + at)
        return 0

    def ioctl(self, request, argument):
        if request == _ERASE and self._refuses():
            return -BUSY
        return self._flash.ioctl(request, argument)

    def _refuses(self):
        looks = 0
        while not self.refused and not machine.mem32[SIO_GPIO_IN] >> PIN_EN_N & 1:
            looks += 1
            self.refused = looks == EN_N_LOOKS
            sleep_ms(1)
        return self.refused


def mount():
    """Put a filesystem on a guarded flash in the place of the one that MicroPython mounted, or of one before."""
    global _device
    import vfs

    device = GuardedFlash()
    filesystem = vfs.VfsLfs2(device, progsize=_PAGE_BYTES, mtime=False)  # type: ignore[arg-type]
    vfs.umount("/")
    vfs.mount(filesystem, "/")
    _device = device


def mount_again():
    """After a refusal, read what is in flash anew: the next file is written on that."""
    if _device is not None and _device.refused:
        mount()


def read(path, most=-1):
    """The bytes of a file, or its first `most`; None where there is none. OSError if the flash cannot be read."""
    import os  # noqa: F401  (in the simulator, it is what brings the chip's `open`)

    try:
        with open(path, "rb") as file:
            return file.read(most)
    except OSError as error:
        if error.errno != 2:  # ENOENT
            raise
        return None


def replace(path, data):
    """Put `data` in a file's place: a cut leaves the old file or the new one. OSError if the flash does not take it."""
    import os  # not before it is needed: what is pure here has no filesystem

    mount_again()
    with open(path + ".new", "wb") as file:
        file.write(data)
    os.rename(path + ".new", path)


def digest(path) -> str:
    """SHA-256 of a file, as hex."""
    hashed = hashlib.sha256()
    chunk = bytearray(_CHUNK)
    view = memoryview(chunk)
    with open(path, "rb") as file:
        while True:
            count = file.readinto(chunk)
            if not count:
                break
            hashed.update(view[:count])
    return binascii.hexlify(hashed.digest()).decode()


def contents(folder, under="", found=None):
    """Bytes of each file below a folder by its path there, -1 for a folder; empty where there is no such folder."""
    import os

    found = {} if found is None else found
    try:
        rows = list(os.ilistdir(folder + "/" + under if under else folder))
    except OSError as error:
        if error.errno != 2:
            raise
        return found
    for row in rows:
        name = under + "/" + row[0] if under else row[0]
        if row[1] == _DIRECTORY:
            found[name] = -1
            contents(folder, name, found)
        else:
            found[name] = row[-1]
    return found


def implementation():
    """What `fits` wants to know of this MicroPython."""
    word = sys.implementation._mpy
    return word & 0xFF, word >> 8 & 3, word >> 10 & 0x3F, tuple(sys.implementation.version[:2])


def verdict(slot: str):
    """Judge one slot; what its manifest does not name is removed from a slot that may run."""
    import os

    folder = "/" + slot
    try:
        reason, extra = judge(
            read(folder + "/" + MANIFEST), implementation(), contents(folder), lambda name: digest(folder + "/" + name))
        for name in extra:
            path = folder + "/" + name
            (os.rmdir if os.stat(path)[0] & _DIRECTORY else os.remove)(path)
    except OSError as error:
        if error.errno == BUSY:
            raise
        reason = (UNREADABLE, "")
    gc.collect()
    return reason


def boot():
    """Decide what this start is: `service` says why if the pen stays in service mode, else `running` is on the path."""
    global service, running, trial, fell, back
    service = running = back = ""
    trial = 0
    fell = None
    notes.clear()
    if machine.mem32[SCRATCH0] == SERVICE_WORD:
        service = "asked for"
    elif _select_held():
        service = "SELECT held"
        machine.mem32[SCRATCH0] = SERVICE_WORD  # through resets: until switched off, or `restart`
    else:
        _start_slot()
    if service:
        _show_service()


def _start_slot():
    global service, running, trial, fell, back
    reasons = {}

    def judged(slot):
        reasons[slot] = verdict(slot)
        return reasons[slot]

    try:
        slot, write, gone = choose(read(POINTER), judged)
        if write is not None:  # first: a trial that is not counted could go on for ever
            replace(POINTER, write)
    except OSError as error:
        slot, write, gone = "", None, ("", (DRIVE_ON if error.errno == BUSY else UNREADABLE, ""))
        mount_again()
    if gone is not None:
        reasons[gone[0]] = gone[1]
        fell = (gone[0], gone[1][0], text_of(gone[1]))
    if not slot:
        service = "no firmware"
        for name in sorted(reasons):
            if reasons[name][0] != SOUND:
                notes.append((name + ": " if name else "") + text_of(reasons[name]))
        return
    running = slot
    known = parse(write or read(POINTER) or b"")
    if known is not None:
        trial, back = known[1] or 0, known[3]
    sys.path[:] = ["/" + slot, ".frozen"]  # nothing that lies elsewhere is ever taken for the firmware


def start():
    """Run the slot; returns only into service mode. Called by /main.py, the drive off."""
    global service
    if service or not running:
        return
    if trial:
        mark = machine.mem32[SCRATCH4]
        machine.WDT(timeout=TRIAL_WATCHDOG_MS)
        # the SDK has marked the next reset as a hang's: the firmware has yet to ask what the last one was
        machine.mem32[SCRATCH4] = mark
    try:
        import main

        main.main()
    except Exception as error:
        sys.print_exception(error)
    if trial:
        restart()
    service = "firmware ended"
    _show_service()


def forget():
    """A firmware runs: what only chooses one has no use until the next start, and leaves its room to the pen."""
    for name in (
            "choose", "fits", "judge", "_extras", "digest", "contents", "implementation", "verdict", "boot",
            "_start_slot", "_select_held", "text_of", "TEXTS", "_ARCHITECTURES"):
        globals().pop(name, None)


def confirm():
    """The firmware in use has passed its self-test and keeps time: its trial is over. OSError if that is not kept."""
    global trial
    known = parse(read(POINTER) or b"")
    if trial and known is not None and known[0] == running:
        replace(POINTER, pointer(running, None, known[2], known[3]))
    trial = 0


def point(slot: str):
    """From the next start on, this slot is on trial; the caller has seen that it is whole. ValueError for no slot."""
    if slot not in NAMES:
        raise ValueError("a slot is a or b")
    replace(POINTER, pointer(slot, 0))


def version_in(slot: str) -> str:
    """The version that a slot's manifest names, "" if it has none that can be read.

    It stands among the first fields, and a pen that runs has no room for all of a manifest.
    """
    try:
        head = read("/" + slot + "/" + MANIFEST, _HEAD_BYTES) or b""
        begin = head.index(b'"version": "') + 12
        return head[begin : head.index(b'"', begin)].decode()
    except (OSError, ValueError):
        return ""


def describe():
    """(slot in use or "", start of its trial or 0, other slot's version or "", why the pen last went back or "")."""
    return running, trial, version_in(other(running)) if running else "", back


def restart(into_service: bool = False):
    """Reset the chip; `into_service`: and stay in service mode until it is switched off or restarted again."""
    machine.mem32[SCRATCH0] = SERVICE_WORD if into_service else 0
    machine.reset()


def _select_held() -> bool:
    select = machine.Pin(PIN_SELECT, machine.Pin.IN, machine.Pin.PULL_UP)
    for _ in range(HOLD_LOOKS):
        sleep_ms(5)
        if select():
            return False
    return True


def _show_service():
    """Say so on the panel, as far as there is one; the prompt is open whatever happens here."""
    try:
        import servicepage

        servicepage.show(service, notes)
    except Exception as error:
        sys.print_exception(error)
