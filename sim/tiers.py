"""Where the firmware runs: CPython in this process, a real MicroPython VM behind two pipes, or an emulated chip.

A tier runs one life of the firmware, from reset until the world stops the chip, and reports why it ended.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from sim.link import DirectLink
from sim.space import FIRMWARE, ROOT, SHIMS, FirmwareSpace, shim
from sim.world import SOFT_RESET, ChipStopped, World

# Of the VM's heap objects take twice what they take on the chip, code the same, and the source has all its names and
# constants. A session runs in 576 kB, a calibration does not in 640; whether the image fits the chip's 240 kB only the
# chip tells (tests/silicon/test_memory.py).
HEAP = "704K"
PROMPT = ROOT / "sim" / "prompt" / "prompt.py"  # stands in for what MicroPython's port does in C
PROMPT_HEAP = "512K"  # and takes its part of the VM's heap
REQUEST = struct.Struct("@6l")
ANSWER = struct.Struct("@2l")

ops, rp2_ops = shim("_ops"), shim("_rp2_ops")
SEND_OPS = {
    ops.I2C_WRITE, ops.SPI_WRITE, ops.UART_WRITE, ops.USB_WRITE, ops.FLASH_PROGRAM, rp2_ops.SM_INIT,
    rp2_ops.DMA_MEMORY}
RECV_OPS = {
    ops.REPL_READ, ops.I2C_READ, ops.SPI_READ, ops.UART_READ, ops.USB_READ, ops.RANDOM, ops.UNIQUE_ID, ops.FLASH_READ,
    rp2_ops.SM_GET_INTO}
POSTED_OPS = {ops.PIN_SET, ops.PWM, ops.WDT_FEED}  # nobody waits for their answer


class FirmwareDied(RuntimeError):
    """The interpreter under the firmware ended by itself; the message is what it printed."""


def run_cpython(world: World) -> str:
    """One life on CPython; returns why it ended."""
    try:
        space = world.firmware = FirmwareSpace(DirectLink(world), world.firmware_sources)
        space.module("_files")  # MicroPython mounts the filesystem before boot.py runs
        space.module("boot")
        if world.on_firmware is not None:
            world.on_firmware(space)
        space.module("main").main()
        world.hang()
    except ChipStopped as stopped:
        return stopped.why
    finally:
        world.firmware = None
    raise AssertionError("unreachable: a hung world runs to its end")


def find_micropython() -> Path | None:
    """The MicroPython VM: PEN_MICROPYTHON, else the one beside this Python, else one on the PATH."""
    named = os.environ.get("PEN_MICROPYTHON")
    if named:
        return Path(named) if Path(named).exists() else None
    beside = Path(sys.executable).parent / "micropython"
    if beside.exists():
        return beside
    found = shutil.which("micropython")
    return Path(found) if found else None


def run_micropython(
    world: World, script: Path = SHIMS / "_chip.py", said: list[str] | None = None, heap: str = HEAP,
    arguments: tuple[str, ...] = (), path: str = "",
) -> str:
    """One life on a MicroPython VM with the chip's heap; returns why it ended.

    `script` is what the VM runs, with `arguments`, its modules looked for in `path` (the firmware's source); `said`
    gets what it printed; another `heap` is for a script with wants of its own.
    """
    vm = find_micropython()
    if vm is None:
        raise FileNotFoundError("no MicroPython VM: install the project's packages, or name one in PEN_MICROPYTHON")
    to_vm, from_host = os.pipe()
    to_host, from_vm = os.pipe()
    with tempfile.TemporaryFile() as printed:
        command = [str(vm), "-O3", "-X", f"heapsize={heap}", str(script), *arguments]  # O3: without line numbers
        process = _start(command, path or f"{SHIMS}:{FIRMWARE}:.frozen", to_vm, from_vm, printed)
        os.close(to_vm)
        os.close(from_vm)
        try:
            return _serve(world, to_host, from_host)
        except ChipStopped as stopped:
            return stopped.why
        except (EOFError, BrokenPipeError):
            process.wait()
            printed.seek(0)
            text = printed.read().decode(errors="replace").strip()
            raise FirmwareDied(f"the MicroPython VM ended by itself, status {process.returncode}:\n{text}") from None
        finally:
            process.kill()
            process.wait()
            if said is not None:
                printed.seek(0)
                said.append(printed.read().decode(errors="replace"))
            os.close(to_host)
            os.close(from_host)


def run_flashed(world: World, said: list[str] | None = None) -> str:
    """One life of what lies in the flash, soft resets included: boot.py, main.py, MicroPython's prompt on USB.

    Everything is as on a board that `flash.sh` or `mpremote` fills, but for the processor.
    """
    prompt = "friendly"
    while True:
        why = run_micropython(world, PROMPT, said, PROMPT_HEAP, (prompt, str(SHIMS)), ".frozen")
        if not why.startswith(SOFT_RESET):
            return why
        prompt = "raw" if why.endswith("raw prompt") else "friendly"


def _start(command: list[str], path: str, to_vm: int, from_vm: int, printed) -> subprocess.Popen:
    env = {**os.environ, "MICROPYPATH": path}

    def wire() -> None:
        # move both ends clear of 3 and 4 first: either may sit on the other's place
        answers, requests = os.dup(to_vm), os.dup(from_vm)
        high_answers, high_requests = os.dup2(answers, 90), os.dup2(requests, 91)
        os.dup2(high_answers, 3)
        os.dup2(high_requests, 4)

    return subprocess.Popen(
        command,
        env=env, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT,
        preexec_fn=wire, close_fds=False)


def _serve(world: World, to_host: int, from_host: int) -> str:
    """Answer the VM's requests in order until the world stops the chip."""
    pipe = os.fdopen(os.dup(to_host), "rb", buffering=1 << 16)
    os.write(from_host, ANSWER.pack(0, world.now_us))
    now_us = world.now_us
    with pipe:
        while True:
            raw = pipe.read(REQUEST.size)
            if len(raw) < REQUEST.size:
                raise EOFError
            op, a, b, c, spent_us, size = REQUEST.unpack(raw)
            now_us += spent_us
            if op in SEND_OPS:
                answer, now_us = world.handle_send(op, a, pipe.read(size), now_us)
                os.write(from_host, ANSWER.pack(answer, now_us))
            elif op in RECV_OPS:
                answer, data, now_us = world.handle_recv(op, a, b, now_us)
                os.write(from_host, ANSWER.pack(answer, now_us) + data)
            else:
                answer, now_us = world.handle(op, a, b, c, now_us)
                if op not in POSTED_OPS:
                    os.write(from_host, ANSWER.pack(answer, now_us))


def run_silicon(world: World) -> str:
    """One life on an emulated RP2040; returns why it ended."""
    from sim.silicon import tier  # the emulator is no part of the simulator's own packages

    return tier.run_silicon(world)


def world_of(tier: str) -> type[World]:
    """The kind of world that a tier runs in."""
    if tier != "silicon":
        return World
    try:
        from sim.silicon.world import ChipWorld
    except ImportError as error:
        raise FileNotFoundError(f"the silicon tier needs the test packages (make setup): {error}") from None
    return ChipWorld


TIERS = {"cpython": run_cpython, "micropython": run_micropython, "silicon": run_silicon}
