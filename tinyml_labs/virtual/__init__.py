"""The virtual board: a process on a real serial port (a pty, or a localhost socket on Windows).

It runs the model with the kernels of a real board and speaks the protocol of a real board, so that a lab's cell
needs one line changed for hardware: the port. ``link.Board("virtual://")`` starts one and ends it with the port.
Its sensors play recordings, make up what they measure or let a simulated person do gestures, and it has the faults of
real boards when it is told to.

>>> from tinyml_labs import link
>>> board = link.Board("virtual://?boot_ms=500&baud_pacing=on")      # doctest: +SKIP

Introduced in ``00_start_here.ipynb``.
"""

from tinyml_labs.virtual.pattern import test_pattern
from tinyml_labs.virtual.settings import VirtualBoardSettings
from tinyml_labs.virtual.urls import parse_url, read_settings

__all__ = ["VirtualBoardSettings", "parse_url", "read_settings", "test_pattern"]
