"""The parser: every spelling of every header, parameters of every kind, and nothing that any bytes can break."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.space import shim

scpi, scpi_tree = shim("scpi"), shim("scpi_tree")
errors, commands = shim("scpi_errors"), shim("commands")
TABLE = list(commands.COMMANDS)
parser = scpi.Parser(TABLE)
PLAIN = scpi.Parser([
    ("A:NUMber", (scpi_tree.number("n", -5, 500),), 0), ("A:TEXT", (scpi_tree.text("t", 1, 4),), 0),
    ("A:WORD", (scpi_tree.word("w", ("one", "two")),), 0),
    ("A:BOTH", (scpi_tree.number("n", 0, 9), scpi_tree.maybe(scpi_tree.text("t", 0, 9))), 0), ("A:BOTH?", (), 0),
    ("DEEP[:ER]:STILL?", (), 0),
])  # fmt: skip


def read(line, using=PLAIN, at=0):
    """0 or an error for the one command in a line."""
    data = line if isinstance(line, bytes) else line.encode()
    using.begin()
    return using.unit(bytearray(data), at, len(data))


def rows_of(line, using=parser):
    """The headers of a line's commands, or the error that ended it."""
    data = bytearray(line.encode())
    found, at = [], 0
    using.begin()
    while at <= len(data):
        stop = using.unit_end(data, at, len(data))
        error = using.unit(data, at, stop)
        if error:
            return [*found, error]
        if using.row >= 0:
            found.append(TABLE[using.row][0])
        at = stop + 1
    return found


def forms(header):
    """Written here a second time: each node long or short, optional nodes with and without."""
    query = "?" if header.endswith("?") else ""
    parts = [[]]
    for optional, name in re.findall(r"(\[?):?([*A-Za-z]+)\]?", header.rstrip("?")):
        short = "".join(c for c in name if not c.islower())
        grown = [[*part, spelling] for part in parts for spelling in {name, short}]
        parts = grown + parts if optional else grown
    return [":".join(part) + query for part in parts]


def good_parameters(row):
    written = []
    for param in row[1]:
        if param.kind == scpi.INT:
            written.append(str(param.low))
        elif param.kind == scpi.TEXT:
            written.append('"' + "x" * param.high + '"')
        else:
            written.append(param.words[0].decode())
    return (" " + ",".join(written)) if written else ""


@pytest.mark.parametrize("index", range(len(TABLE)), ids=[row[0] for row in TABLE])
def test_every_spelling_of_every_command(index):
    row = TABLE[index]
    for form in forms(row[0]):
        for spelling in (form, form.lower(), form.upper(), ":" + form):
            if not (spelling[0] == ":" and "*" in spelling):
                assert read(spelling + good_parameters(row), parser) == 0
                assert parser.row == index
        if len(row[0]) > 4 and not form.startswith("*"):
            assert read(form[:1] + "x" + form[1:], parser) == errors.UNDEFINED_HEADER


def test_no_two_commands_answer_to_one_spelling():
    spelled = [form.upper() for row in TABLE for form in set(forms(row[0]))]
    assert len(spelled) == len(set(spelled))


@pytest.mark.parametrize(
    "line, rows",
    [
        ("MEAS:RAIL?;BATT?", ["MEASure:RAIL?", "MEASure:BATTery?"]),
        ("MEAS:RAIL?;*IDN?;BATT?", ["MEASure:RAIL?", "*IDN?", "MEASure:BATTery?"]),
        ("MEAS:RAIL?;:STAT?", ["MEASure:RAIL?", "STATe?"]),
        ("MEAS:RAIL?;STAT?", ["MEASure:RAIL?", -113]),
        ("SYST:ERR?;COUN?", ["SYSTem:ERRor[:NEXT]?", -113]),
        ("SYST:ERR:NEXT?;COUN?", ["SYSTem:ERRor[:NEXT]?", "SYSTem:ERRor:COUNt?"]),
        (" *IDN? ; *OPC? ", ["*IDN?", "*OPC?"]),
        (";;", []),
        ("OPER \"a;b\"", ["OPERator"]),
        ("*IDN", [-113]),
        ("*CLS?", [-113]),
        ("MEAS", [-113]),
        ("MEAS:", [-102]),
        (":", [-102]),
        ("?", [-102]),
    ],
)
def test_several_commands_in_a_line(line, rows):
    assert rows_of(line) == rows


@pytest.mark.parametrize(
    "line, error",
    [
        ("A:NUM 5", 0), ("a:num -5", 0), ("a:num +5", 0), ("a:num 5.00", 0), ("a:num\t5", 0), ("a:num  5  ", 0),
        ("a:num 500", 0), ("a:num 501", -222), ("a:num -6", -222), ("a:num 99999999999999999999", -222),
        ("a:num -99999999999999999999", -222), ("a:num 5.5", -120), ("a:num 5e1", -138), ("a:num 5um", -138),
        ("a:num -", -120), ("a:num .", -120), ("a:num .0", 0), ("a:num", -109), ("a:num 1,2", -108),
        ("a:num 1,", -109), ("a:num 1 2", -103), ("a:num ,1", -102), ('a:num "5"', -104), ("a:num five", -104),
        ("a:num #15hello", -168), ("a:num5", -113), ("a:num,5", -111), ("a:num !", -102),
        ('a:text "abcd"', 0), ("a:text 'abcd'", 0), ('a:text "abcde"', -224), ('a:text ""', -224),
        ('a:text "ab', -151), ('a:text "ab\'', -151), ("a:text ab", -104), ("a:text 12", -104),
        ("a:word ONE", 0), ("a:word two", 0), ("a:word three", -224), ('a:word "one"', -104), ("a:word 1", -104),
        ("a:both 1", 0), ('a:both 1,"x"', 0), ("a:both", -109), ("a:both?", 0), ("a:both? 1", -108),
        ("deep:still?", 0), ("deep:er:still?", 0), ("deep:er?", -113), ("b", -113), ("a::num 5", -102),
    ],
)
def test_parameters_and_their_errors(line, error):
    assert read(line) == error


def test_values_and_places():
    line = bytearray(b'a:both 7,"some text"')
    PLAIN.begin()
    assert PLAIN.unit(line, 0, len(line)) == 0
    assert (PLAIN.count, PLAIN.values[0]) == (2, 7)
    assert bytes(line[PLAIN.starts[1] : PLAIN.ends[1]]) == b"some text"


@given(st.integers())
def test_any_whole_number(value):
    error = read(f"A:NUM {value}")
    assert error == (0 if -5 <= value <= 500 else errors.OUT_OF_RANGE)
    if not error:
        assert PLAIN.values[0] == value


ALPHABET = st.sampled_from(list(' \t:;,"\'?*#.+-_azAZ09')) | st.characters(min_codepoint=32, max_codepoint=126)
SCRAPS = st.sampled_from([*(row[0] for row in TABLE), *("MEAS:", "SYST:ERR?", ' "x"', " cheek,500", ";", "0")])


@pytest.mark.hazard("H17")
@given(st.lists(st.text(ALPHABET, max_size=12) | SCRAPS, max_size=12).map("".join))
def test_any_text_ends_in_commands_or_an_error(text):
    """Every command found is one of the table with parameters that its row allows."""
    data = bytearray(text[:256].encode())
    at = 0
    parser.begin()
    while at <= len(data):
        stop = parser.unit_end(data, at, len(data))
        assert at <= stop <= len(data)
        error = parser.unit(data, at, stop)
        assert error <= 0
        if error:
            assert error in errors.TEXTS
            break
        if parser.row >= 0:
            row = TABLE[parser.row]
            assert sum(not param.optional for param in row[1]) <= parser.count <= len(row[1])
            for i, param in enumerate(row[1][: parser.count]):
                if param.kind == scpi.INT:
                    assert param.low <= parser.values[i] <= param.high
                elif param.kind == scpi.TEXT:
                    assert param.low <= parser.ends[i] - parser.starts[i] <= param.high
                else:
                    assert 0 <= parser.values[i] < len(param.words)
        at = stop + 1


def test_the_same_header_twice_is_an_error():
    with pytest.raises(ValueError, match="two commands"):
        scpi.Parser([("A[:B]?", (), 0), ("A?", (), 0)])
