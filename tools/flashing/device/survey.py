# Runs on the board, by mpremote: what it is and what lies in its flash, as one line of JSON. Changes nothing.
import binascii
import hashlib
import json
import os
import sys

buf = bytearray(1024)
view = memoryview(buf)


def digest(path):
    hashed = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            count = file.readinto(buf)
            if not count:
                break
            hashed.update(view[:count])
    return binascii.hexlify(hashed.digest()).decode()


def say(name, value, end=", "):
    print(json.dumps(name) + ": " + json.dumps(value), end=end)


def files(folder):
    """Say each file's digest as it is found: all of them at once would want more memory than there may be."""
    try:
        rows = list(os.ilistdir(folder))
    except OSError:
        return
    for row in rows:
        path = folder.rstrip("/") + "/" + row[0]
        if row[1] == 0x4000:
            if folder != "/" or row[0] in ("a", "b", "log"):
                say(path, None)
                files(path)
        else:
            say(path, row[3] if path.startswith("/log/") else digest(path))


def text(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


try:
    import slots

    service = slots.service
except ImportError:
    service = None
print("SURVEY {", end="")
say("platform", sys.platform)
say("machine", getattr(sys.implementation, "_machine", ""))
say("version", list(sys.implementation.version[:3]))
say("mpy", getattr(sys.implementation, "_mpy", 0))
say("service", service)
say("pointer", text("/slot"))
say("free", os.statvfs("/")[3])
print('"manifests": {', end="")
say("a", text("/a/manifest.json"))
say("b", text("/b/manifest.json"), "}, ")
print('"files": {', end="")
files("/")
say("/", None, "}}\n")
