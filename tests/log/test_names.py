"""The reader's own tables of numbers say what the firmware's say."""

from penimage import names
from sim.space import shim

depth, faults, version = shim("depth"), shim("faults"), shim("version")


def test_zones_indications_faults_and_version():
    assert tuple(zone.key for zone in depth.ZONES) == names.ZONES
    assert tuple(row.key for row in depth.INDICATIONS) == names.INDICATIONS
    assert {code: row.key for code, row in faults.TABLE.items()} == names.FAULTS
    assert names.firmware(version.NUMBER) == version.TEXT


def test_a_number_of_a_later_firmware_shows_as_a_number():
    assert (names.zone(200), names.indication(99), names.fault(999)) == ("zone 200", "indication 99", "fault 999")
    assert names.fault(0) is None
