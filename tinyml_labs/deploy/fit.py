"""Whether a model fits a board, before anything is compiled: flash and RAM, with the figures."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml_labs.arena import estimate_arena_bytes
from tinyml_labs.boards import BOARDS, BoardModel
from tinyml_labs.deploy.sketches import Sketch
from tinyml_labs.sketch_model import PreparedModel

_TFLM_CODE = 50_000  # of the runtime and its kernels, at the very least


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a sketch with a model takes at least: the board's core comes on top.

    Attributes
    ----------
    model_flash_bytes, sketch_flash_bytes : int
    model_ram_bytes, sketch_ram_bytes : int
        The first is the arena; with TensorFlow Lite Micro, also what models are loaded into.
    """

    model_flash_bytes: int
    sketch_flash_bytes: int
    model_ram_bytes: int
    sketch_ram_bytes: int

    @property
    def flash_bytes(self) -> int:
        """Both together."""
        return self.model_flash_bytes + self.sketch_flash_bytes

    @property
    def ram_bytes(self) -> int:
        """Both together."""
        return self.model_ram_bytes + self.sketch_ram_bytes

    def fits(self, board: BoardModel) -> bool:
        """Say whether a board has as much; what is not known of it does not count against it."""
        flash, ram = room(board)
        return (flash is None or self.flash_bytes <= flash) and (ram is None or self.ram_bytes <= ram)


def room(board: BoardModel) -> tuple[int | None, int | None]:
    """Give the bytes of flash and RAM that a sketch may take; None where that is not known."""
    return board.sketch_flash_bytes or board.flash_bytes, board.sketch_ram_bytes or board.ram_bytes


def measure_need(
    prepared: PreparedModel, sketch: Sketch, board: BoardModel, *, request_bytes: int = 64, model_bytes: int = 0
) -> Need:
    """Say what a sketch takes with a model on a board.

    Parameters
    ----------
    prepared : PreparedModel
    sketch : Sketch
    board : BoardModel
        An AVR's or another; the sketch's own part was measured on an AVR and on a Cortex-M4.
    request_bytes, model_bytes : int
        As in :class:`tinyml_labs.deploy.board_memory.BoardMemory`.

    Returns
    -------
    Need
    """
    if prepared.compiled is not None:
        flash, ram = prepared.compiled.weights_bytes, prepared.compiled.arena_bytes
    else:
        flash = len(prepared.model.data) + _TFLM_CODE
        ram = max(prepared.arena_bytes or estimate_arena_bytes(prepared.model.data), model_bytes)
    avr = board.core == "AVR" and sketch.avr_flash_bytes is not None
    own = (sketch.avr_ram_bytes or 0) if avr else sketch.ram_bytes
    return Need(
        model_flash_bytes=flash,
        sketch_flash_bytes=(sketch.avr_flash_bytes or 0) if avr else sketch.flash_bytes,
        model_ram_bytes=ram,
        sketch_ram_bytes=own + request_bytes - 64,
    )


def check_fits(need: Need, sketch: Sketch, board: BoardModel) -> None:
    """Refuse a board that is too small.

    Raises
    ------
    ValueError
        With the figures, and the boards on which it would fit.
    """
    if need.fits(board):
        return
    flash, ram = room(board)
    others = [each for each in BOARDS.values() if each.fqbn and (not sketch.boards or each.name in sketch.boards)]
    fitting = [each.name for each in others if need.fits(each) and None not in room(each)]
    where = f"It would fit: {', '.join(fitting)}." if fitting else "No board that the kit knows has as much."
    raise ValueError(
        f"{sketch.name} with this model does not fit the {board.title}. It takes at least {need.flash_bytes:,} bytes "
        f"of flash (model {need.model_flash_bytes:,}, sketch {need.sketch_flash_bytes:,}) and {need.ram_bytes:,} of "
        f"RAM (model {need.model_ram_bytes:,}, sketch {need.sketch_ram_bytes:,}), and the board has "
        f"{_bytes(flash)} and {_bytes(ram)}. {where}"
    )


def _bytes(value: int | None) -> str:
    return "an unknown number" if value is None else f"{value:,}"
