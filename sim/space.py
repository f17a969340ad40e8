"""A module space of its own for one life of the firmware on CPython.

The firmware's source runs as it is: its imports find the simulator's `machine`, `rp2`, `time` first, then
the firmware's own files, then the few modules that MicroPython shares with CPython. Anything else is an
ImportError, as it would be on the chip. Nothing of the host's interpreter is patched, so that many pens,
and many lives of one pen, run in one process.
"""

import builtins
import importlib
import sys
import traceback
import types
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "firmware"
SHIMS = ROOT / "sim" / "micropython"

VIPER_TYPES = ("ptr8", "ptr32")
SHARED = frozenset({"array", "binascii", "builtins", "collections", "errno", "gc", "hashlib", "json", "struct"})


_replaced: dict[Path, str] = {}


def replace(path: Path, text: str) -> None:
    """From now on `text` runs in place of a file, in this process only; the file stays as it is.

    For tests that break the firmware on purpose. A module that the host has loaded already is changed in place.
    """
    _replaced[path] = text
    _code.cache_clear()
    for module in _host_space().loaded():
        if getattr(module, "__file__", None) == str(path):
            exec(_code(path, 0), module.__dict__)


@cache
def _code(path: Path, _mtime_ns: int) -> types.CodeType:
    text = _replaced[path] if path in _replaced else path.read_text(encoding="utf-8")
    return compile(text, str(path), "exec")


class FirmwareSpace:
    """Loads and runs firmware modules. `link` is what they reach the hardware by."""

    def __init__(self, link: object, firmware: Path = FIRMWARE):
        self._paths = (SHIMS, firmware)
        self._modules: dict[str, object] = {"_link": link}
        self._builtins = dict(vars(builtins))
        self._builtins["__import__"] = self._import
        for name in VIPER_TYPES:  # the compiler's own names on the chip; an identity says as much here
            self._builtins[name] = lambda value: value
        self._link = link
        self._modules["sys"] = self._chip_sys()

    def _chip_sys(self) -> types.ModuleType:
        """What the firmware finds under the name `sys`: the port's streams, MicroPython's way to print an exception."""
        module = self.module("_sys")
        module.print_exception = lambda error: traceback.print_exception(error)  # type: ignore[attr-defined]
        return module

    def run(self, name: str) -> None:
        """Run a file as the chip runs boot.py and main.py: under the name `__main__`."""
        self._load(name, "__main__")

    def module(self, name: str) -> types.ModuleType:
        """Import a module of the space, for tests that look at one."""
        return self._import(name, fromlist=("*",))

    def loaded(self) -> list[object]:
        """What has been imported so far."""
        return list(self._modules.values())

    def _find(self, name: str) -> Path | None:
        relative = name.replace(".", "/")
        for root in self._paths:
            for candidate in (root / f"{relative}.py", root / relative):
                if candidate.exists():
                    return candidate
        return None

    def _load(self, name: str, run_name: str):
        if name in ("_files", "vfs"):
            return self._mount(name)
        path = self._find(name)
        if path is None:
            if name in SHARED:
                return importlib.import_module(name)
            raise ImportError(f"no module named '{name}' on the chip")
        module = types.ModuleType(run_name)
        module.__dict__["__builtins__"] = self._builtins
        if run_name != "__main__":
            self._modules[name] = module
        if path.is_file():
            module.__file__ = str(path)
            exec(_code(path, path.stat().st_mtime_ns), module.__dict__)
        return module

    def _mount(self, name: str):
        """The modules `_files` and `vfs`: the filesystem in the simulated flash, which is also where `open` leads."""
        from sim.files import Vfs  # it needs this module's own shims

        vfs = Vfs(self.module("_flash").Flash(), lambda: self._link.flash_image())  # type: ignore[attr-defined]
        self._builtins["open"] = lambda path, mode="rb": vfs.root.open(path, mode)
        files = types.ModuleType("_files")
        files.vfs = vfs  # type: ignore[attr-defined]
        self._modules.update({"_files": files, "vfs": vfs})
        return self._modules[name]

    def _import(self, name, globals=None, locals=None, fromlist=(), level=0):
        parts = name.split(".")
        parent = None
        for depth in range(1, len(parts) + 1):
            dotted = ".".join(parts[:depth])
            module = self._modules.get(dotted)
            if module is None:
                module = self._load(dotted, dotted)
                self._modules[dotted] = module
            if parent is not None:
                setattr(parent, parts[depth - 1], module)
            parent = module
        for item in fromlist or ():
            if item != "*" and not hasattr(parent, item) and self._find(f"{name}.{item}"):
                self._import(f"{name}.{item}")
        return parent if fromlist else self._modules[parts[0]]


@cache
def _host_space() -> FirmwareSpace:
    return FirmwareSpace(types.ModuleType("no hardware"))


def shim(name: str) -> types.ModuleType:
    """A module of the firmware's side, for the host's own use: tables and pure code, no hardware."""
    return _host_space().module(name)


def let_host_import_firmware() -> None:
    """For a process whose own modules import firmware files as they are, as the tests' benches do.

    It gets the viper compiler's types, and the simulator's `micropython` before any other package of that name.
    """
    for name in VIPER_TYPES:
        setattr(builtins, name, lambda value: value)
    sys.modules["micropython"] = shim("micropython")
