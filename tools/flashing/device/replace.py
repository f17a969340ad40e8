# Runs on the board: puts /NAME.new in the place of /NAME, if it arrived whole.
import binascii
import hashlib
import os

with open(NAME + ".new", "rb") as file:
    if binascii.hexlify(hashlib.sha256(file.read()).digest()).decode() != SHA256:
        raise OSError("it did not arrive whole")
os.rename(NAME + ".new", NAME)
