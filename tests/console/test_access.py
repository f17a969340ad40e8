"""Technician access: the keyed hash against the standard one, one try a challenge, waits that double, its ends."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.space import shim

access = shim("access")
KEY = bytes(range(1, 33))


class Rig:
    def __init__(self, key=KEY):
        self.said = []
        self.access = access.Access(self.said.append)
        self.access.set_key(key)
        self.now_ms = 1000

    def challenge(self):
        return self.access.challenge(b"same every time", self.now_ms)

    def answer(self, nonce, key=KEY):
        return self.access.answer(hmac.digest(key, nonce, "sha256"), self.now_ms)

    def opened(self):
        assert self.answer(self.challenge())
        return self


@given(st.binary(max_size=64), st.binary(max_size=300))
def test_the_keyed_hash_is_that_of_the_standard(key, message):
    assert access.hmac_sha256(key, message) == hmac.digest(key, message, hashlib.sha256)


def test_a_key_too_long_is_refused():
    with pytest.raises(ValueError):
        access.hmac_sha256(bytes(65), b"")


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_equal_is_equal(a, b):
    assert access.equal(a, b) == (a == b)
    assert access.equal(a, bytes(a))


@given(st.binary(min_size=1, max_size=32))
def test_hexadecimal_reads_back(data):
    out = bytearray(len(data))
    for text in (data.hex(), data.hex().upper()):
        assert access.unhex(b"''" + text.encode(), 2, out)
        assert out == data


@pytest.mark.parametrize("text", [b"0g", b" 0", b"0/", b"0:", b"@0", b"`0", b"0x"])
def test_what_is_no_hexadecimal(text):
    assert not access.unhex(text, 0, bytearray(1))


@pytest.mark.hazard("H17")
def test_a_right_answer_opens_and_a_challenge_serves_once():
    rig = Rig()
    nonce = rig.challenge()
    assert rig.answer(nonce)
    assert rig.access.open
    assert not rig.answer(nonce)
    assert not rig.access.open
    assert rig.said == [access.GRANTED, access.CLOSED, access.WRONG]


@pytest.mark.hazard("H17")
@given(st.binary(min_size=32, max_size=32))
def test_nothing_else_opens(given_bytes):
    rig = Rig()
    if given_bytes != hmac.digest(KEY, rig.challenge(), "sha256"):
        assert not rig.access.answer(given_bytes, rig.now_ms)
        assert not rig.access.open


def test_no_challenge_comes_twice_even_with_a_dead_oscillator():
    rig = Rig()
    assert len({rig.challenge() for _ in range(500)}) == 500


@pytest.mark.hazard("H17")
@pytest.mark.parametrize("key", [b"", bytes(31), KEY[:16]])
def test_without_a_whole_key_nothing_opens(key):
    rig = Rig(key)
    assert not rig.access.has_key()
    assert not rig.answer(rig.challenge(), key)
    rig = Rig(b"")
    assert not rig.answer(rig.challenge(), b"")


def test_without_a_challenge_nothing_opens():
    rig = Rig()
    assert not rig.answer(b"")
    rig = Rig()
    rig.challenge()
    rig.answer(bytes(16))
    used_up = hashlib.sha256(bytes(16)).digest()
    assert not rig.answer(used_up)


@pytest.mark.parametrize("late_ms, opens", [(59_999, True), (60_000, True), (60_001, False)])
def test_a_challenge_is_good_for_a_minute(late_ms, opens):
    rig = Rig()
    nonce = rig.challenge()
    rig.now_ms += late_ms
    assert rig.answer(nonce) is opens


def test_waits_double_up_to_a_most_and_a_right_answer_forgets_them():
    rig = Rig()
    waits = []
    for _ in range(8):
        rig.answer(rig.challenge(), bytes(range(32)))
        waits.append(rig.access.left_ms(rig.now_ms))
        rig.now_ms += waits[-1]
        assert rig.access.left_ms(rig.now_ms - 1) == 1
        assert rig.access.left_ms(rig.now_ms) == 0
    assert waits == [2000, 4000, 8000, 16000, 32000, 64000, 64000, 64000]
    assert rig.access.wrong == 8
    rig.opened()
    assert rig.access.left_ms(rig.now_ms) == 0
    rig.answer(b"0" * 16, bytes(range(32)))
    assert rig.access.left_ms(rig.now_ms) == 2000


@pytest.mark.hazard("H17")
@pytest.mark.parametrize("later_ms, host, treating, stays", [
    (0, True, False, True), (599_999, True, False, True), (600_000, True, False, False), (1, False, False, False),
    (1, True, True, False)])  # fmt: skip
def test_access_ends_by_itself(later_ms, host, treating, stays):
    rig = Rig().opened()
    rig.access.watch(rig.now_ms + later_ms, host, treating)
    assert rig.access.open is stays


def test_each_command_begins_the_time_anew():
    rig = Rig().opened()
    rig.access.used(rig.now_ms + 500_000)
    rig.access.watch(rig.now_ms + 1_099_999, True, False)
    assert rig.access.open
    rig.access.watch(rig.now_ms + 1_100_000, True, False)
    assert not rig.access.open


@pytest.mark.hazard("H17")
def test_a_host_that_asks_all_the_time_takes_select_away_once():
    """For a minute in all, until somebody who has the key answers; the answer itself is taken as before."""
    rig = Rig()
    muted_ms = 0
    for _ in range(600):
        rig.challenge()
        muted_ms += 1000 * rig.access.mutes(rig.now_ms)
        rig.now_ms += 1000
    assert muted_ms == access.NONCE_MS + 1000
    assert not rig.access.answer(bytes(32), rig.now_ms)
    rig.now_ms += 5000
    nonce = rig.challenge()
    assert not rig.access.mutes(rig.now_ms)
    assert rig.answer(nonce)
    rig.challenge()
    assert rig.access.mutes(rig.now_ms)
