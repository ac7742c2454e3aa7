"""``board_memory.h``: what a sketch takes of a board's RAM for what comes over the link."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml_labs.boards import BoardModel
from tinyml_labs.deploy.fit import room

_MODEL_SHARE = 5, 8  # of the RAM: the rest is the core's, by estimate some 45 KB with mbed, and the stack's
_SMALL_BYTES = 64 * 1024
_STATIC_BYTES = {"ESP32": 96 * 1024}  # its linker gives static data 160 KB at most, the core's and the radio's in it


@dataclass(frozen=True, kw_only=True)
class BoardMemory:
    """What comes over the link finds so much room.

    Attributes
    ----------
    request_bytes : int
        Of the largest request: the host cuts inputs and models into pieces of it.
    receive_buffer_bytes : int
        What the port holds of requests that the sketch has not read.
    model_bytes : int
        For models that are loaded, with their arena; 0: none are.
    """

    request_bytes: int = 64
    receive_buffer_bytes: int = 64
    model_bytes: int = 0


def plan_memory(board: BoardModel, *, loadable: bool = False) -> BoardMemory:
    """Say how much of a board's RAM such a sketch may take.

    Parameters
    ----------
    board : BoardModel
    loadable : bool
        Whether models are loaded into it.

    Returns
    -------
    BoardMemory
        A port with a chip of its own between board and computer goes on receiving while a model runs: there a request
        is no longer than the port's buffer. A board's own USB lets the computer wait.
    """
    _, ram = room(board)
    models = 0
    if loadable and ram is not None:
        models = min(ram * _MODEL_SHARE[0] // _MODEL_SHARE[1], _STATIC_BYTES.get(board.chip, ram)) // 1024 * 1024
    if board.core == "AVR":
        return BoardMemory()
    if not board.native_usb:
        return BoardMemory(request_bytes=240, receive_buffer_bytes=256, model_bytes=models)
    large = ram is not None and ram >= _SMALL_BYTES
    return BoardMemory(request_bytes=4096 if large else 1160, receive_buffer_bytes=256, model_bytes=models)


def write_board_memory(memory: BoardMemory, board: BoardModel) -> str:
    """Give the text of ``board_memory.h``."""
    lines = [
        "// Made by tinyml_labs.deploy: do not change it by hand, but a build may define other numbers.",
        f"// What the sketch takes of the RAM of the {board.title} for what comes over the link.",
        "#ifndef BOARD_MEMORY_H",
        "#define BOARD_MEMORY_H",
    ]
    for name, comment, value in (
        ("REQUEST_BYTES", "the largest request: what is longer comes in pieces", memory.request_bytes),
        (
            "RECEIVE_BUFFER_BYTES",
            "what the port holds of requests that wait",
            memory.receive_buffer_bytes,
        ),
        ("LOADABLE_BYTES", "models that Python loads, with their arena; 0: none", memory.model_bytes),
    ):
        lines += ["", f"#ifndef {name}  // {comment}", f"#define {name} {value}", "#endif"]
    return "\n".join([*lines, "", "#endif"]) + "\n"
