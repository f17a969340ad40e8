"""The simulator's `uctypes`: addresses of buffers, as the DMA is given them."""

from _memory import addressof  # noqa: F401
