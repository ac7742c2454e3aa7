"""What can go wrong on the link. Time-out, end of data and a vanished board are three different errors."""

from __future__ import annotations


class BoardError(Exception):
    """Base of every error that concerns a board."""


class PortError(BoardError, OSError):
    """The port does not open: it is not there, busy, or not ours to open."""


class BoardTimeout(BoardError, TimeoutError):
    """The port is open, and the board has not answered in time."""


class BoardEnd(BoardError, EOFError):
    """The board has ended a stream, as it said, before as many samples came as were asked for."""


class BoardVanished(BoardError, ConnectionError):
    """The port went away while it was in use: a pulled cable, a reset, a board without power."""


class BoardRefused(BoardError):
    """The board has answered a request with an error message.

    Attributes
    ----------
    code : int
        One of :class:`tinyml_labs.link.messages.ErrorCode`.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class ModelMismatch(BoardError):
    """The board runs another model than the host compares it with."""
