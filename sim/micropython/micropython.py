"""The simulator's `micropython`: what the compiler hints of that name mean on CPython, which is nothing."""


def const(value):
    return value


def native(function):
    return function


def viper(function):
    return function


def heap_lock():
    return 0


def heap_unlock():
    return 0


def kbd_intr(_character):
    return None
