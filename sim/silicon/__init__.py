"""The firmware as compiled code on an emulated RP2040 that runs real MicroPython. Needs the test packages and a UF2."""
