"""Read a CSV of several columns, such as a motion sensor's: names, units, rate and samples."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_SECONDS = {"s": 1.0, "ms": 1e-3, "millis": 1e-3, "us": 1e-6, "micros": 1e-6}
_TIME_NAME = re.compile(r"(?:time|timestamp|t|millis|micros)(?:[ _\[(]*(s|ms|us)[\])]*)?")
_NUMBERING = ("sample", "index", "nr", "no", "#", "")


@dataclass(frozen=True, kw_only=True, eq=False)
class MotionTable:
    """Columns of numbers, all sampled together.

    Attributes
    ----------
    names, units : tuple of str
        Of each channel; a unit is empty where none is known.
    rate_hz : float
    samples : float64 array, (samples, channels)
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    rate_hz: float
    samples: NDArray[np.float64]


def read_motion_csv(path: Path, rate_hz: float = 0.0, *, many: bool = False) -> MotionTable | None:
    """Read a CSV whose first line names its columns.

    A time column (``time_s``, ``timestamp`` in milliseconds, …) gives the rate; a column that only counts
    (``sample``) is left out. Else the rate is that of a line ``# rate_hz: 100``, or ``rate_hz``. A line
    ``# units: g,g,g`` gives the units.

    Parameters
    ----------
    path : Path
    rate_hz : float
        Counts more than the file; 0 if it is not known.
    many : bool
        Take a single column as well.

    Returns
    -------
    MotionTable or None
        None if the file has but one column of values, or no header: it is a scalar signal.

    Raises
    ------
    FileNotFoundError, ValueError
    """
    comments: dict[str, str] = {}
    lines: list[str] = []
    for line in path.read_text("utf-8-sig", errors="replace").splitlines():
        if line.startswith("#"):
            key, _, value = line.lstrip("# ").partition(":")
            comments[key.strip().lower()] = value.strip()
        elif line.strip():
            lines.append(line)
    if not lines:
        return None
    separator = next((s for s in (";", "\t", ",") if s in lines[0]), ",")
    header = [name.strip() for name in next(csv.reader([lines[0]], delimiter=separator))]
    if any(re.fullmatch(r"[-+.\d].*", name) for name in header):
        return None
    times = [k for k, name in enumerate(header) if _TIME_NAME.fullmatch(name.lower())][:1]
    values = [k for k, name in enumerate(header) if k not in times and name.lower() not in _NUMBERING]
    if len(values) < (1 if many else 2):
        return None
    table = _numbers(path, lines[1:], separator, len(header))
    names = tuple(header[k] for k in values)
    rate = rate_hz or _rate_of(path, header, times, table, comments)
    if not rate > 0:
        raise ValueError(
            f"{path} does not say how fast it was recorded. Put a line `# rate_hz: 119` first (119 is that of "
            "Arduino's IMU_Capture), or give the rate: sensor_rate_hz=119."
        )
    return MotionTable(names=names, units=_units(names, comments), rate_hz=rate, samples=table[:, values])


def _numbers(path: Path, lines: list[str], separator: str, width: int) -> NDArray[np.float64]:
    if separator in ";\t":
        lines = [line.replace(",", ".") for line in lines]
    try:
        table = np.loadtxt(lines, delimiter=separator, ndmin=2, dtype=np.float64, usecols=range(width))
    except (ValueError, IndexError) as error:
        raise ValueError(f"{path}: after its header, each line is {width} numbers ({error}).") from None
    if len(table) < 2:
        raise ValueError(f"{path} holds {len(table)} samples; two are the least that can be played.")
    return table


def _rate_of(path: Path, header: list[str], times: list[int], table: NDArray, comments: dict[str, str]) -> float:
    if "rate_hz" in comments:
        try:
            return float(comments["rate_hz"])
        except ValueError:
            raise ValueError(f"{path}: `# rate_hz: {comments['rate_hz']}` is not a number.") from None
    if not times:
        return 0.0
    name = header[times[0]].lower()
    match = _TIME_NAME.fullmatch(name)
    unit = (match[1] if match else None) or ("ms" if name == "timestamp" else name)
    seconds = (table[-1, times[0]] - table[0, times[0]]) * _SECONDS.get(unit, 1.0)
    if not seconds > 0:
        raise ValueError(f"{path}: the column {header[times[0]]!r} does not rise from the first line to the last.")
    return round((len(table) - 1) / float(seconds), 6)


def _units(names: tuple[str, ...], comments: dict[str, str]) -> tuple[str, ...]:
    given = tuple(unit.strip() for unit in comments.get("units", comments.get("unit", "")).split(","))
    if len(given) == len(names):
        return given
    if given != ("",) and len(given) == 1:
        return given * len(names)
    return tuple(_unit_of(name.lower()) for name in names)


def _unit_of(name: str) -> str:
    if re.match(r"(acc|a)[_ .]?[xyz]", name):
        return "g"
    if re.match(r"(gyr|gyro|g)[_ .]?[xyz]", name):
        return "deg/s"
    return ""
