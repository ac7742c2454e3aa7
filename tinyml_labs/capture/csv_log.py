"""A log that a serial monitor saved: the rows of a board that prints numbers, from a file."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.capture.arrival_rate import RateEstimate, estimate_rate, estimate_rate_from_time
from tinyml_labs.capture.csv_report import CsvReport, CsvRows, CsvSettings
from tinyml_labs.capture.csv_stream import CsvDecoder
from tinyml_labs.capture.time_column import TIME_UNITS_S, unwrapped

_PIECE_BYTES = 1 << 16
_STAMP = re.compile(rb"(\d\d?):(\d\d):(\d\d)(?:[.,](\d{1,6}))? -?> ?")
_CUT_STAMP = re.compile(rb"[\d:.,]* ?-?> ?")
_DAY_S = 86_400.0
_LONG_STEP = 1.5


@dataclass(frozen=True, kw_only=True, eq=False)
class CsvCapture:
    """The rows of a saved log.

    Attributes
    ----------
    rows : array of float64, (rows, channels)
        The numbers as the text says them, without the time column.
    time_values : array of float64, (rows,), or None
        The time column, as the board wrote it.
    arrival_seconds : array of float64, (rows,), or None
        Seconds from the first line, if the serial monitor put the time of day before each line.
    block_ends, restarts, damaged : tuple of int
        See :class:`CsvRows`.
    rate : RateEstimate or None
        From the time column if there is one, else from the monitor's times; None if the log holds neither.
    report : CsvReport
        The names and units of the channels, and what was wrong.
    """

    rows: NDArray[np.float64]
    time_values: NDArray[np.float64] | None
    arrival_seconds: NDArray[np.float64] | None
    block_ends: tuple[int, ...]
    restarts: tuple[int, ...]
    damaged: tuple[int, ...]
    rate: RateEstimate | None
    report: CsvReport


def decode_csv_capture(source: str | os.PathLike[str] | bytes, *, settings: CsvSettings | None = None) -> CsvCapture:
    """Decode what a serial monitor saved: see :class:`CsvDecoder` for what may be in it.

    The time of day that Arduino's and PlatformIO's monitors put before each line (``12:34:56.789 -> ``) is
    taken off, and used to tell the rate.

    Parameters
    ----------
    source : path or bytes
        The file, or its content: UTF-8, UTF-16 or any other text whose numbers are ASCII.
    settings : CsvSettings, optional
        A log whose first line is known to be whole, such as one that a program wrote:
        ``CsvSettings(starts_mid_line=False)``.

    Returns
    -------
    CsvCapture

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If no line holds numbers.
    """
    name = "The log" if isinstance(source, bytes) else Path(source).name
    content = source if isinstance(source, bytes) else Path(source).read_bytes()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        content = content.decode("utf-16", errors="replace").encode()
    stamped = _is_stamped(content)
    decoder = CsvDecoder(settings)
    pieces = _stamped_pieces(content) if stamped else _pieces(content)
    parts = [decoder.feed(piece, seconds) for piece, seconds in pieces]
    parts.append(decoder.finish())
    report = decoder.report()
    if not report.rows:
        raise ValueError(_why_empty(name, content, report))
    decoded = _joined([part for part in parts if part.rows.shape[1]])
    rate, notes = _rate(decoded, report, stamped=stamped)
    return CsvCapture(
        rows=decoded.rows,
        time_values=decoded.time_values,
        arrival_seconds=decoded.arrival_seconds if stamped else None,
        block_ends=decoded.block_ends,
        restarts=decoded.restarts,
        damaged=decoded.damaged,
        rate=rate,
        report=replace(report, notes=(*report.notes, *notes)),
    )


def _pieces(content: bytes) -> Iterator[tuple[bytes, float]]:
    for start in range(0, len(content), _PIECE_BYTES):
        yield content[start : start + _PIECE_BYTES], 0.0


def _is_stamped(content: bytes) -> bool:
    lines = [line for line in content[:_PIECE_BYTES].splitlines() if line.strip()][:21]
    return len(lines) > 1 and 2 * sum(_STAMP.match(line) is not None for line in lines) > len(lines)


def _stamped_pieces(content: bytes) -> Iterator[tuple[bytes, float]]:
    """Lines without their time of day, and the seconds since the first whole one; a day ends at midnight."""
    lines = content.splitlines(keepends=True)
    second = next((match for line in lines[1:] if (match := _STAMP.match(line))), None)
    start = last = _seconds_of_day(second) if second else 0.0  # the first line's stamp may be cut
    days = 0
    for k, line in enumerate(lines):
        match = _STAMP.match(line) if k else _CUT_STAMP.match(line)
        if match and k:
            now = _seconds_of_day(match) + days * _DAY_S
            if now < last - _DAY_S / 2:
                days, now = days + 1, now + _DAY_S
            last = max(last, now)
        yield line[match.end() if match else 0 :], last - start


def _seconds_of_day(match: re.Match[bytes]) -> float:
    hours, minutes, seconds, fraction = match.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds + b"." + (fraction or b"0"))


def _joined(parts: list[CsvRows]) -> CsvRows:
    times = [part.time_values for part in parts if part.time_values is not None]
    return CsvRows(
        rows=np.concatenate([part.rows for part in parts]),
        arrival_seconds=np.concatenate([part.arrival_seconds for part in parts]),
        time_values=np.concatenate(times) if times else None,
        block_ends=tuple(end for part in parts for end in part.block_ends),
        restarts=tuple(row for part in parts for row in part.restarts),
        damaged=tuple(row for part in parts for row in part.damaged),
    )


def _rate(decoded: CsvRows, report: CsvReport, *, stamped: bool) -> tuple[RateEstimate | None, list[str]]:
    """The rate, and what is odd about it."""
    breaks = sorted({*decoded.block_ends, *decoded.restarts})
    missing_before = np.searchsorted(np.array(decoded.damaged, np.int64), np.arange(len(decoded)), side="right")
    numbers = np.arange(len(decoded)) + missing_before
    try:
        if decoded.time_values is not None and report.time_unit:
            unit_s = TIME_UNITS_S[report.time_unit]
            times = decoded.time_values if report.time_unit == "s" else unwrapped(decoded.time_values)
            notes = _long_steps(times, unit_s, numbers, breaks)
            return estimate_rate_from_time(times * unit_s, row_numbers=numbers, breaks=breaks), notes
        if stamped:
            counts = np.diff(numbers, prepend=-1)
            return estimate_rate(decoded.arrival_seconds, counts, breaks=breaks), []
    except ValueError as error:
        return None, [str(error)]
    return None, []


def _long_steps(
    time_values: NDArray[np.float64], unit_s: float, numbers: NDArray[np.int64], breaks: list[int]
) -> list[str]:
    """Note steps of time that are too long for one row, where no damaged line or pause explains them."""
    steps = np.diff(time_values) / np.diff(numbers)
    steps[[row - 1 for row in breaks if 0 < row < len(time_values)]] = 0.0
    if not (steps > 0).any():
        return []
    usual = float(np.median(steps[steps > 0]))
    resolution = next(
        (r for r in (1.0, 1e-1, 1e-2, 1e-3) if np.allclose(np.rint(time_values / r) * r, time_values)), 0
    )
    long = np.flatnonzero(steps > _LONG_STEP * usual + 0.99 * resolution)
    if not len(long):
        return []
    return [
        f"The time column steps by more than {_LONG_STEP:g} times the usual {usual * unit_s:.3g} s in {len(long)} "
        f"place{'s' * (len(long) != 1)}, first after row {long[0] + 1}: the board may have missed samples there."
    ]


def _why_empty(name: str, content: bytes, report: CsvReport) -> str:
    if not content.strip():
        return f"{name} is empty."
    shown = content[:40]
    odd = sum(byte >= 127 or byte in b"\0\x01\x02\x03" for byte in content[:4096]) > len(content[:4096]) / 5
    baud = " It looks as if it was read at another baud rate than the board's." if odd else ""
    return (
        f"{name} holds no row of numbers: {report.lines} whole lines, and it begins with {shown!r}. Expected lines "
        f"such as 1,2,3 or x:1,y:2.{baud}"
    )
