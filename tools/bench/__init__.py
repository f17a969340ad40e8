"""The figures that the README quotes, measured by anyone with `make bench`."""

from sim.space import let_host_import_firmware

let_host_import_firmware()  # for the tests' benches
