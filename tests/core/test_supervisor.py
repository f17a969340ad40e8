"""The supervisor's code: eight presses, a salted hash, three tries until a restart."""

import hashlib
from itertools import product

import pytest

from sim.space import shim

supervisor = shim("supervisor")
SALT, CODE = b"8 bytes!", b"USDDUSUU"
WRONG_CODE = b"USDDUSUD"


def locked_with(code=CODE):
    lock = supervisor.Lock()
    lock.set(SALT, supervisor.hashed(SALT, code))
    return lock


def enter(lock, code):
    answers = [lock.press(symbol) for symbol in code]
    assert set(answers[:-1]) <= {supervisor.MORE}
    return answers[-1]


def test_the_hash_is_of_salt_and_code():
    assert supervisor.hashed(SALT, CODE) == hashlib.sha256(SALT + CODE).digest()[:16]
    assert supervisor.hashed(b"another!", CODE) != supervisor.hashed(SALT, CODE)


@pytest.mark.hazard("H15")
def test_only_the_code_itself_is_right():
    """Every code that differs in one press is wrong, and so is every rotation."""
    others = {CODE[:i] + bytes((press,)) + CODE[i + 1 :] for i, press in product(range(8), b"USD")} - {CODE}
    others |= {CODE[i:] + CODE[:i] for i in range(1, 8)} - {CODE}
    assert len(others) >= 20
    for other in others:
        assert enter(locked_with(), other) == supervisor.WRONG
    assert enter(locked_with(), CODE) == supervisor.RIGHT


@pytest.mark.hazard("H15")
def test_three_wrong_codes_lock_until_a_restart_even_for_the_right_one():
    lock = locked_with()
    assert [enter(lock, WRONG_CODE) for _ in range(3)] == [supervisor.WRONG] * 2 + [supervisor.LOCKED]
    assert lock.begin() == supervisor.LOCKED
    for _ in range(20):
        assert lock.press(supervisor.UP) == supervisor.LOCKED
    lock.set(SALT, supervisor.hashed(SALT, CODE))
    assert lock.begin() == supervisor.LOCKED
    assert enter(locked_with(), CODE) == supervisor.RIGHT  # the next life of the pen


def test_a_right_code_does_not_give_the_wrong_ones_back():
    """Else somebody who watched it once could guess another pen's on this one."""
    lock = locked_with()
    enter(lock, WRONG_CODE)
    enter(lock, WRONG_CODE)
    assert enter(lock, CODE) == supervisor.RIGHT
    assert enter(lock, WRONG_CODE) == supervisor.LOCKED


def test_a_code_begun_and_left_is_no_try():
    lock = locked_with()
    for _ in range(10):
        for symbol in WRONG_CODE[:7]:
            lock.press(symbol)
        assert lock.begin() == supervisor.MORE
    assert lock.wrong == 0
    assert enter(lock, CODE) == supervisor.RIGHT


@pytest.mark.hazard("H15")
@pytest.mark.parametrize(
    "salt, kept", [(b"", b""), (SALT, b""), (b"", bytes(16)), (SALT, b"short"), (b"short", bytes(16))])
def test_without_a_whole_code_nothing_unlocks(salt, kept):
    lock = supervisor.Lock()
    lock.set(salt, kept)
    assert lock.begin() == supervisor.NO_CODE
    assert {lock.press(symbol) for symbol in CODE * 3} == {supervisor.NO_CODE}
    assert lock.wrong == 0


@pytest.mark.parametrize("code", [b"", b"USDDUSU", b"USDDUSUUU", b"usddusuu", b"USDDUSU1", bytes(8)])
def test_what_is_no_code_is_refused(code):
    with pytest.raises(ValueError, match="code"):
        supervisor.hashed(SALT, code)


@pytest.mark.parametrize("salt", [b"", b"short", b"much too long"])
def test_a_salt_has_eight_bytes(salt):
    with pytest.raises(ValueError, match="salt"):
        supervisor.hashed(salt, CODE)


@pytest.mark.parametrize("symbol", [0, -1, 117, "U", None])
def test_a_press_that_is_none_is_an_error_and_no_try(symbol):
    lock = locked_with()
    with pytest.raises(ValueError, match="press"):
        lock.press(symbol)
    assert enter(lock, CODE) == supervisor.RIGHT
