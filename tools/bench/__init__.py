"""The figures that the README quotes, measured by anyone with `make bench`."""
