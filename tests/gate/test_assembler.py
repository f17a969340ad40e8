"""The simulator's assembler: word for word what Adafruit's pioasm makes of the same program, and its refusals."""

import adafruit_pioasm
import pytest
from gate_bench import twin_bench
from hypothesis import given, settings
from hypothesis import strategies as st

BENCH = twin_bench()
RP2 = BENCH.rp2
GATE = BENCH.gate_module


def both(ours: str, theirs: str | None = None):
    return st.just((ours, theirs or ours))


def formatted(ours: str, theirs: str, **values):
    return st.fixed_dictionaries(values).map(lambda v: (ours.format(**v), theirs.format(**v)))


bits = st.integers(0, 1)
five = st.integers(0, 31)
count = st.integers(1, 32)
flag = st.integers(0, 7)
label = st.sampled_from(("first", "last"))
mov_source = st.sampled_from(("pins", "x", "y", "null", "status", "isr", "osr"))

jmp_conditions = {
    "not_x": "!x", "x_dec": "x--", "not_y": "!y", "y_dec": "y--", "x_not_y": "x!=y", "pin": "pin", "not_osre": "!osre",
}  # fmt: skip
instructions = st.one_of(
    both("nop()", "nop"),
    formatted('jmp("{to}")', "jmp {to}", to=label),
    *(formatted(f'jmp({ours}, "{{to}}")', f"jmp {theirs} {{to}}", to=label) for ours, theirs in jmp_conditions.items()),
    formatted("wait({p}, gpio, {n})", "wait {p} gpio {n}", p=bits, n=five),
    formatted("wait({p}, pin, {n})", "wait {p} pin {n}", p=bits, n=five),
    formatted("wait({p}, irq, {n})", "wait {p} irq {n}", p=bits, n=flag),
    formatted("in_({s}, {n})", "in {s}, {n}", s=st.sampled_from(("pins", "x", "y", "null", "isr", "osr")), n=count),
    formatted(
        "out({d}, {n})",
        "out {d}, {n}",
        d=st.sampled_from(("pins", "x", "y", "null", "pindirs", "pc", "isr", "exec")),
        n=count,
    ),
    both("push()", "push"),
    both("push(noblock)", "push noblock"),
    both("push(iffull)", "push iffull"),
    both("push(iffull, noblock)", "push iffull noblock"),
    both("pull()", "pull"),
    both("pull(block)", "pull block"),
    both("pull(noblock)", "pull noblock"),
    both("pull(ifempty, noblock)", "pull ifempty noblock"),
    formatted(
        "mov({d}, {s})",
        "mov {d}, {s}",
        d=st.sampled_from(("pins", "x", "y", "exec", "pc", "isr", "osr")),
        s=mov_source,
    ),
    formatted("mov({d}, invert({s}))", "mov {d}, ~{s}", d=st.sampled_from(("x", "y")), s=mov_source),
    formatted("mov({d}, reverse({s}))", "mov {d}, ::{s}", d=st.sampled_from(("x", "y")), s=mov_source),
    formatted("irq({n})", "irq {n}", n=flag),
    formatted("irq(block, {n})", "irq wait {n}", n=flag),
    formatted("irq(clear, {n})", "irq clear {n}", n=flag),
    formatted("irq(rel({n}))", "irq {n} rel", n=st.integers(0, 3)),
    formatted("set({d}, {n})", "set {d}, {n}", d=st.sampled_from(("pins", "x", "y", "pindirs")), n=five),
)


def assembled(lines: list[str], **settings_):
    """Our words of a function with these lines."""
    names: dict[str, object] = {}
    exec("def program():\n" + "\n".join(f"    {line}" for line in lines), names)
    return RP2.asm_pio(**settings_)(names["program"])


@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(0, 3), st.booleans())
def test_same_words_as_the_oracle(data, side_count, optional):
    body = data.draw(st.lists(instructions, min_size=1, max_size=30))
    optional = optional and side_count > 0
    longest = 31 >> side_count + optional
    ours, theirs = ['label("first")'], [".program oracle"]
    if side_count:
        theirs.append(f".side_set {side_count} {'opt' if optional else ''}".strip())
    theirs.append("first:")
    for index, (our_line, their_line) in enumerate(body):
        if index == len(body) - 1:
            ours.append('label("last")')
            theirs.append("last:")
        delay = data.draw(st.integers(0, longest))
        # one instruction without makes side-set optional in MicroPython's notation
        with_side = side_count and not (optional and (index == 0 or data.draw(st.booleans())))
        side = data.draw(st.integers(0, (1 << side_count) - 1)) if with_side else 0
        ours.append(our_line + (f".side({side})" if with_side else "") + (f"[{delay}]" if delay else ""))
        theirs.append(their_line + (f" side {side}" if with_side else "") + (f" [{delay}]" if delay else ""))
    init = (RP2.PIO.OUT_LOW,) * side_count if side_count else None
    program = assembled(ours, sideset_init=init)
    assert list(program[0]) == list(adafruit_pioasm.assemble("\n".join(theirs)))
    assert bool(program[4] >> 30 & 1) == optional


def test_wrap_and_settings_go_where_the_chip_has_them():
    program = assembled(
        ["nop()", "wrap_target()", "nop()", "nop()", "wrap()", "nop()"],
        out_shiftdir=RP2.PIO.SHIFT_RIGHT,
        autopull=True,
        pull_thresh=8,
        push_thresh=32,
        fifo_join=RP2.PIO.JOIN_TX,
    )
    oracle = adafruit_pioasm.Program(".program o\nnop\n.wrap_target\nnop\nnop\n.wrap\nnop\n")
    assert program[4] == oracle.pio_kwargs["wrap"] << 12 | oracle.pio_kwargs["wrap_target"] << 7
    # RP2040 datasheet 3.7, SM0_SHIFTCTRL: join TX 30, pull threshold 25, OUT right 19, autopull 17
    assert program[5] == 1 << 30 | 8 << 25 | 1 << 19 | 1 << 17


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (['jmp("nowhere")'], "unknown label"),
        (['label("a")', 'label("a")', "nop()"], "duplicate label"),
        (["nop()[32]"], "delay"),
        (["nop().side(1)"], "side-set"),
        (["set(x, 32)"], "0..31"),
        (["set(isr, 1)"], "destination of set"),
        (["out(x, 0)"], "bit count"),
        (["out(x, 33)"], "bit count"),
        (["in_(pc, 1)"], "source of in"),
        (["mov(null, x)"], "destination of mov"),
        (["mov(x, pindirs)"], "source of mov"),
        (["mov(x, 3)"], "source of mov"),
        (["irq(8)"], "flag"),
        (["irq(rel(4))"], "flag"),
        (["irq(iffull, 1)"], "allowed"),
        (["push(block, noblock)"], "both"),
        (["pull(iffull)"], "allowed"),
        (["wait(2, pin, 0)"], "polarity"),
        (["wait(1, x, 0)"], "source of wait"),
        (["wait(1, irq, 9)"], "flag"),
        (['jmp(x, "a")', 'label("a")'], "condition"),
        (["word(65536)"], "word"),
        (["wrap()", "nop()"], "wrap before"),
        (["nop()", "wrap_target()"], "wrap_target"),
        (["nop()"] * 33, "32 instructions"),
        ([], "32 instructions"),
    ],
)
def test_what_has_no_encoding_is_refused(lines, says):
    with pytest.raises(RP2.PIOASMError, match=says):
        assembled(lines or ["pass"])


def test_globals_survive_an_error():
    names: dict[str, object] = {"kept": 1}
    exec("def program():\n    irq(99)", names)
    with pytest.raises(RP2.PIOASMError):
        RP2.asm_pio()(names["program"])
    assert names["kept"] == 1 and "irq" not in names


ALONE = ("mov(isr, x)", "push(noblock)", "set(pins, 1)", "irq(clear, 4)", "set(y, 3).side(1)[2]")


@pytest.mark.parametrize("line", ALONE)
def test_one_instruction_is_the_same_word_alone(line):
    side = "side" in line
    body = [line, "nop()"] if side else [line]
    program = assembled(body, sideset_init=RP2.PIO.OUT_LOW if side else None)
    assert RP2.asm_pio_encode(line, 2 if side else 0, side) == program[0][0]


def test_one_instruction_means_one():
    with pytest.raises(RP2.PIOASMError, match="exactly one"):
        RP2.asm_pio_encode("nop(); nop()", 0)
    with pytest.raises(NameError):
        RP2.asm_pio_encode('jmp("a")', 0)
