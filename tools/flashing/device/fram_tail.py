# Runs on the board behind the firmware's own driver: the whole record memory, 768 bytes a line in base64; "=" and a
# byte in hex for a line of one value; its CRC-32 last. Changes nothing.
import binascii

from machine import SPI, Pin

fram = Fram(SPI(0, 10000000, sck=Pin(SCK), mosi=Pin(MOSI), miso=Pin(MISO)), Pin(CS, Pin.OUT, value=1))
if not fram.check_id():
    print("FRAM absent")
else:
    part = bytearray(768)
    total = 0
    at = 0
    print("FRAM %d" % SIZE)
    while at < SIZE:
        count = min(768, SIZE - at)
        piece = memoryview(part)[:count]
        fram.read_into(at, piece)
        total = binascii.crc32(piece, total)
        if bytes(piece) == bytes((piece[0],)) * count:
            print("=%02x%d" % (piece[0], count))
        else:
            print(binascii.b2a_base64(piece).decode().strip())
        at += count
    print("CRC %08x" % (total & 0xFFFFFFFF))
