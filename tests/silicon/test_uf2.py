"""Which MicroPython image the emulated chip boots, and what is said when the one named will not do."""

import pytest

from sim.silicon import uf2


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(uf2, "CACHE", tmp_path)
    monkeypatch.delenv("PEN_UF2", raising=False)

    def put(*names):
        for name in names:
            (tmp_path / name).write_bytes(b"UF2\n")
        return uf2.find_uf2()

    return put


def test_an_empty_cache_has_none(cache):
    assert cache() is None


def test_the_newest_release_in_the_cache_is_taken(cache):
    found = cache(
        "RPI_PICO-20240222-v1.9.4.uf2", "RPI_PICO-20260406-v1.28.0.uf2", "RPI_PICO-20250911-v1.26.1.uf2",
        "RPI_PICO_W-20260406-v1.29.0.uf2", "adafruit-raspberry_pi_pico-en_US-9.0.0.uf2")
    assert found.name == "RPI_PICO-20260406-v1.28.0.uf2"


def test_a_preview_is_older_than_its_release(cache):
    found = cache("RPI_PICO-20260601-v1.28.0-preview.12.gabcdef0.uf2", "RPI_PICO-20260406-v1.28.0.uf2")
    assert found.name == "RPI_PICO-20260406-v1.28.0.uf2"


def test_an_image_too_old_for_the_firmware_is_none(cache):
    assert cache("RPI_PICO-20230426-v1.20.0.uf2", "RPI_PICO-20251209-v1.27.0.uf2") is None


def test_a_named_image_wins(cache, tmp_path, monkeypatch):
    named = tmp_path / "mine.bin"
    named.write_bytes(b"UF2\nWQ")
    monkeypatch.setenv("PEN_UF2", str(named))
    assert cache("RPI_PICO-20260406-v1.28.0.uf2") == named


@pytest.mark.parametrize(("content", "says"), [(None, "no such file"), (b"\x7fELF", "not a UF2")])
def test_a_named_image_that_will_not_do_is_an_error(tmp_path, monkeypatch, content, says):
    named = tmp_path / "wrong.uf2"
    if content is not None:
        named.write_bytes(content)
    monkeypatch.setenv("PEN_UF2", str(named))
    with pytest.raises(ValueError, match=says) as error:
        uf2.find_uf2()
    assert "name a MicroPython UF2 for RPI_PICO" in str(error.value)
