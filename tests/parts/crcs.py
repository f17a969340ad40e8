"""Checksums as polynomial division over single bits, written apart from every implementation under test.

Invariant: shares no code and no table with `firmware/` or `sim/`.
"""


def bits_low_first(data):
    return [byte >> i & 1 for byte in data for i in range(8)]


def remainder(bits, polynomial, width, start=0):
    """The register after dividing `bits` by `polynomial` (without its top term), most significant first."""
    register = [start >> (width - 1 - i) & 1 for i in range(width)]
    taps = [polynomial >> (width - 1 - i) & 1 for i in range(width)]
    for bit in bits:
        feedback = register.pop(0) ^ bit
        register.append(0)
        if feedback:
            register = [r ^ t for r, t in zip(register, taps, strict=True)]
    return register


def number(bits):
    return int("".join(map(str, bits)), 2)


def tmc_crc(data):
    return number(remainder(bits_low_first(data), 0x07, 8))


def onewire_crc8(data):
    return number(remainder(bits_low_first(data), 0x31, 8)[::-1])


def onewire_crc16(data, start=0):
    reflected_start = int(f"{start:016b}"[::-1], 2)
    return number(remainder(bits_low_first(data), 0x8005, 16, reflected_start)[::-1])
