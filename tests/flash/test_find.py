"""Which board flash.sh takes, from what USB and the mounted drives show."""

import pytest
from serial.tools.list_ports_common import ListPortInfo

from pen.connect import PEN_USB
from tools.flashing import __main__ as flashing
from tools.flashing import uf2
from tools.flashing.plan import Refused


def port(device, usb=(None, None)):
    info = ListPortInfo(device)
    info.vid, info.pid = usb
    info.description = f"something at {device}"
    return info


@pytest.fixture
def find(monkeypatch, capsys, tmp_path):
    """What is printed with these ports and drives there."""
    def found(ports=(), drives=(), **options):
        monkeypatch.setattr(flashing.list_ports, "comports", lambda: list(ports))
        monkeypatch.setattr(uf2, "volumes", lambda: list(drives))
        flashing.find(**{"list_all": False, **options})
        return capsys.readouterr().out
    return found


PEN, OTHER = port("/dev/ttyACM0", PEN_USB), port("/dev/ttyUSB3", (0x10C4, 0xEA60))


def test_the_one_pen_at_usb_is_taken(find):
    assert find([OTHER, PEN, port("/dev/ttyS0")]) == "port:/dev/ttyACM0\n"


def test_a_blank_board_is_taken_where_no_pen_is(find, tmp_path):
    assert find([OTHER], [tmp_path]) == f"bootsel:{tmp_path}\n"
    assert find([PEN], [tmp_path]) == "port:/dev/ttyACM0\n"


@pytest.mark.parametrize("ports", [[], [OTHER], [PEN, port("/dev/ttyACM1", PEN_USB)]])
def test_none_or_two_are_not_guessed_at_but_listed(find, capsys, ports):
    assert find(ports) == ""
    with pytest.raises(Refused, match=r"pens found, one is needed: name one by --port; a blank board shows"):
        find(ports, list_all=True)
    assert all(each.device in capsys.readouterr().out for each in ports[:1])


def test_a_drive_is_one_by_what_the_boot_rom_writes_on_it(tmp_path):
    assert not uf2.is_bootsel(tmp_path)
    (tmp_path / "INFO_UF2.TXT").write_text("UF2 Bootloader v1.0\nBoard-ID: RP2350\n")
    assert not uf2.is_bootsel(tmp_path)
    (tmp_path / "INFO_UF2.TXT").write_text("UF2 Bootloader v3.0\nBoard-ID: RPI-RP2\n")
    assert uf2.is_bootsel(tmp_path)
