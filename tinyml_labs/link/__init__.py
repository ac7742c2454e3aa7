"""The serial link to a board: frames, messages, ports, and the client that speaks to it.

>>> from tinyml_labs import link
>>> with link.Board("virtual://") as board:                 # or "/dev/ttyACM0", "COM5", "socket://host:port"
...     board.load(tflite)                                   # doctest: +SKIP
...     result = board.infer(windows_int8)                   # doctest: +SKIP

Introduced in ``01_hello_world.ipynb``.
"""

from tinyml_labs.link.board import Board, Inference, find_open_board
from tinyml_labs.link.errors import (
    BoardEnd,
    BoardError,
    BoardRefused,
    BoardTimeout,
    BoardVanished,
    ModelMismatch,
    PortError,
)
from tinyml_labs.link.framing import Frame, FrameDecoder, encode_frame
from tinyml_labs.link.ports import list_ports, open_port

__all__ = [
    "Board",
    "BoardEnd",
    "BoardError",
    "BoardRefused",
    "BoardTimeout",
    "BoardVanished",
    "Frame",
    "FrameDecoder",
    "Inference",
    "ModelMismatch",
    "PortError",
    "encode_frame",
    "find_open_board",
    "list_ports",
    "open_port",
]
