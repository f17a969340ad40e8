"""The documented limits, transcribed by hand: what ought to be allowed, worked out apart from the firmware.

Nothing here comes from the firmware's tables, so that a wrong figure or a wrong rule there is seen.
"""

# key: label; least, start, cap, cap under supervision (mm); slowest and fastest rate (Hz)
ZONES = {
    "eyelid": ("Eyelid", 0.00, 0.00, 0.00, 0.00, 0, 0),  # prohibited
    "periorbital": ("Periorbital", 0.10, 0.25, 0.50, 0.50, 10, 20),
    "nose": ("Nose", 0.10, 0.25, 0.75, 0.75, 10, 20),
    "perioral": ("Perioral, lip", 0.10, 0.50, 0.75, 0.75, 10, 20),
    "forehead": ("Forehead, temple", 0.20, 0.50, 1.00, 1.00, 10, 25),
    "chin": ("Chin, jaw", 0.20, 0.75, 1.50, 1.50, 10, 30),
    "cheek": ("Cheek", 0.20, 1.00, 1.50, 2.00, 10, 30),
    "neck": ("Neck", 0.20, 0.50, 1.00, 1.00, 10, 25),
    "decollete": ("Decollete", 0.20, 0.50, 1.00, 1.00, 10, 25),
    "hands": ("Hands", 0.20, 0.50, 1.00, 1.00, 10, 20),
    "scalp": ("Scalp", 0.20, 0.60, 1.50, 1.50, 10, 25),
    "arm_back": ("Upper arm, back", 0.20, 1.00, 2.00, 2.00, 10, 20),
    "body": ("Abdomen, thigh", 0.20, 1.50, 2.50, 2.50, 8, 16),
}
# key: label; shallow and deep end of the band (mm)
INDICATIONS = {
    "absorption": ("Product absorption", 0.2, 0.3),
    "fine_lines": ("Fine lines, pores", 0.25, 0.75),
    "wrinkles": ("Wrinkles", 0.5, 1.5),
    "pigmentation": ("Hyperpigmentation", 0.25, 0.5),
    "acne_scars": ("Acne scars", 1.0, 2.0),
    "stretch_marks": ("Stretch marks", 1.5, 2.0),
    "hair_loss": ("Hair loss", 0.5, 1.5),
}
ZONE_KEYS, INDICATION_KEYS = list(ZONES), list(INDICATIONS)
BUILD_UM = 2500
GRID_UM = 50

# The deepest that zone and indication leave, um, in the order of INDICATIONS; the cheek once more, unlocked
MOST_UM = {
    "eyelid": (0, 0, 0, 0, 0, 0, 0),
    "periorbital": (300, 500, 500, 500, 500, 500, 500),
    "nose": (300, 750, 750, 500, 750, 750, 750),
    "perioral": (300, 750, 750, 500, 750, 750, 750),
    "forehead": (300, 750, 1000, 500, 1000, 1000, 1000),
    "chin": (300, 750, 1500, 500, 1500, 1500, 1500),
    "cheek": (300, 750, 1500, 500, 1500, 1500, 1500),
    "neck": (300, 750, 1000, 500, 1000, 1000, 1000),
    "decollete": (300, 750, 1000, 500, 1000, 1000, 1000),
    "hands": (300, 750, 1000, 500, 1000, 1000, 1000),
    "scalp": (300, 750, 1500, 500, 1500, 1500, 1500),
    "arm_back": (300, 750, 1500, 500, 2000, 2000, 1500),
    "body": (300, 750, 1500, 500, 2000, 2000, 1500),
}
CHEEK_UNLOCKED_UM = (300, 750, 1500, 500, 2000, 2000, 1500)


def least_um(zone: int) -> int:
    return round(1000 * ZONES[ZONE_KEYS[zone]][1])


def start_um(zone: int, indication: int) -> int:
    """The shallower of the zone's start and the band's shallow end."""
    return min(round(1000 * ZONES[ZONE_KEYS[zone]][2]), round(1000 * INDICATIONS[INDICATION_KEYS[indication]][1]))


def cap_um(zone: int, unlocked: bool) -> int:
    return round(1000 * ZONES[ZONE_KEYS[zone]][4 if unlocked else 3])


def five_um(zone: int, indication: int, cartridge_um: int, travel_um: int, unlocked: bool) -> list[int]:
    """Zone, indication, cartridge, calibration, build: those that every pen has."""
    deep_um = round(1000 * INDICATIONS[INDICATION_KEYS[indication]][2])
    return [cap_um(zone, unlocked), deep_um, max(cartridge_um, 0), max(travel_um, 0), BUILD_UM]


def most_um(zone: int, indication: int, cartridge_um: int, travel_um: int, unlocked: bool) -> int:
    """The effective maximum; 0 where less is left than the zone's least."""
    most = min(five_um(zone, indication, cartridge_um, travel_um, unlocked))
    return most if most >= least_um(zone) else 0
