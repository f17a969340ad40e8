"""Reads and makes raw images of the pen's memories, from docs/storage-format.md alone.

Shares no code with the firmware, so that each checks the other; imports neither the simulator nor the `pen` command,
which both use it.
"""

from penimage.fram import decode
from penimage.model import Event, Head, Image, Problem, Record, Session, Stroke, Tail
from penimage.provision import clear_service_fault, provision_image

__all__ = ["Event", "Head", "Image", "Problem", "Record", "Session", "Stroke", "Tail", "clear_service_fault", "decode",
           "provision_image"]
