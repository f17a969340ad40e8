"""The simulator's `micropython`: what the compiler hints of that name mean on CPython, which is nothing."""

try:
    import builtins

    # types of the viper compiler, in annotations and as casts: a buffer is its own pointer here
    builtins.ptr8 = builtins.ptr32 = lambda value: value
except ImportError:  # in a FirmwareSpace, which has these names
    pass


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
