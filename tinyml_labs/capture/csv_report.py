"""What reading a board's printed rows is told, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.capture.time_column import TIME_UNITS_S


@dataclass(frozen=True, kw_only=True)
class CsvSettings:
    """How a board's lines are read.

    Attributes
    ----------
    starts_mid_line : bool
        Whether the first line may be the end of one whose beginning was never read, as it is where a port is
        opened, or a log begun, while the board prints. A first line with numbers is then left out: a number
        that lost its first digits looks like any other.
    settle_lines : int
        How many lines with numbers are looked at before the columns are settled, by majority.
    max_line_characters : int
        A longer line is bad. It bounds the decoder's memory.
    time_unit : {"s", "ms", "us"} or None
        The unit of the time column, if its name does not say it, or says it wrong.
    """

    starts_mid_line: bool = True
    settle_lines: int = 5
    max_line_characters: int = 1000
    time_unit: str | None = None

    def __post_init__(self) -> None:
        if self.settle_lines < 1 or self.max_line_characters < 1:
            raise ValueError(f"settle_lines and max_line_characters are at least 1; found {self}.")
        if self.time_unit not in (None, *TIME_UNITS_S):
            raise ValueError(f"time_unit is {self.time_unit!r}; expected 's', 'ms', 'us' or None.")


@dataclass(frozen=True, kw_only=True)
class BadLine:
    """A line that is no row: its number in the stream, from 1, its beginning, and what is wrong with it."""

    number: int
    text: str
    reason: str

    def __str__(self) -> str:
        """Quote the line."""
        return f"line {self.number}: {self.text!r} ({self.reason})"


@dataclass(frozen=True, kw_only=True, eq=False)
class CsvRows:
    """The rows that became complete, and what lay between them.

    Attributes
    ----------
    rows : array of float64, (rows, channels)
        The numbers as the text says them, without the time column; ``(0, 0)`` before the columns are settled.
    arrival_seconds : array of float64, (rows,)
        The host's time of the bytes that ended each row's line.
    time_values : array of float64, (rows,), or None
        The time column, as the board wrote it; None if there is none.
    block_ends, restarts, damaged : tuple of int
        Counted in rows since the stream began: how many rows there were when a blank line ended a block; when
        the board began anew; when a bad line with a digit in it stood in place of a row, or of more than one (a
        number for each such line).
    """

    rows: NDArray[np.float64]
    arrival_seconds: NDArray[np.float64]
    time_values: NDArray[np.float64] | None = None
    block_ends: tuple[int, ...] = ()
    restarts: tuple[int, ...] = ()
    damaged: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, kw_only=True)
class CsvReport:
    """What a decoder has seen so far.

    Attributes
    ----------
    channel_names, units : tuple of str
        One for each channel, without the time column; ``ch1, ch2, ...`` and empty where the board says none.
        No channels before the columns are settled.
    rows, lines : int
        Rows decoded, and lines read, blank ones counted.
    text_lines : int
        Lines before the first numbers that are neither rows nor the header, and comments (``#``).
    bad_lines : int
        Lines after the first numbers that are no row.
    first_bad_line : BadLine or None
    restarts : int
        How often the board began anew: its header came again, or its time ran backwards.
    cut_first_line, cut_last_line : bool
        Whether a part of a line was left out at the beginning, or at the end.
    whole_numbers : bool
        Whether every number of every channel is written as a whole number, and is exact as float64.
    time_name, time_unit : str or None
        The time column's name, and ``"s"``, ``"ms"`` or ``"us"``; None if there is none, or its unit is open.
    notes : tuple of str
        What else a reader of the data should know.
    """

    channel_names: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    rows: int = 0
    lines: int = 0
    text_lines: int = 0
    bad_lines: int = 0
    first_bad_line: BadLine | None = None
    restarts: int = 0
    cut_first_line: bool = False
    cut_last_line: bool = False
    whole_numbers: bool = False
    time_name: str | None = None
    time_unit: str | None = None
    notes: tuple[str, ...] = ()
