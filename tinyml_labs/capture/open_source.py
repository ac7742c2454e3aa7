"""Open a port as a source of samples: a board that speaks frames, or one that prints numbers."""

from __future__ import annotations

from tinyml_labs.capture.sources import FrameSource, Source
from tinyml_labs.link import Board, BoardTimeout
from tinyml_labs.link.ports import DEFAULT_BAUD

DECODERS = ("auto", "frames", "csv")
_HELLO_S = 5.0
_NUMBERS_S = 4.0


def open_source(
    port: str,
    *,
    sensor: str = "",
    baud: int = DEFAULT_BAUD,
    decoder: str = "auto",
    rate_hz: float | None = None,
    reconnect_s: float = 10.0,
) -> Source:
    """Open a port, and find out what speaks there.

    Parameters
    ----------
    port : str
    sensor : str
        Which one, if the board has several.
    baud : int
    decoder : str
        ``"frames"`` for the kit's sketches, ``"csv"`` for any board that prints numbers, ``"auto"`` to try both.
    rate_hz : float, optional
        The nominal rate of a board that prints numbers, in lines a second, if it is known.
    reconnect_s : float
        How long a board may be gone before the recording ends.

    Raises
    ------
    BoardError
        If the port does not open, or nothing that can be read comes from it.
    """
    if decoder not in DECODERS:
        raise ValueError(f"There is no decoder {decoder!r}; there are {', '.join(DECODERS)}.")
    from tinyml_labs.capture.csv_source import CsvSource

    if decoder == "csv":
        return CsvSource(port, baud=baud, rate_hz=rate_hz, reconnect_s=reconnect_s)
    try:
        board = Board(port, baud=baud, timeout_s=_HELLO_S)
    except BoardTimeout as silence:
        if decoder == "frames":
            raise
        try:
            return CsvSource(port, baud=baud, rate_hz=rate_hz, reconnect_s=reconnect_s, wait_s=_NUMBERS_S)
        except BoardTimeout:
            raise silence from None
    try:
        return FrameSource(board, sensor, reconnect_s=reconnect_s)
    except BaseException:
        board.close()
        raise
