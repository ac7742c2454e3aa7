"""Read the columns of a small CSV as people bring them: any separator, names with units, comments."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

_TIME_NAME = re.compile(r"(?:time|timestamp|t|millis|micros|seconds|milliseconds|microseconds)(?![a-z])")
_TIME_UNITS = {
    "s": "s", "sec": "s", "second": "s", "seconds": "s",
    "ms": "ms", "millis": "ms", "milliseconds": "ms",
    "us": "us", "µs": "us", "μs": "us", "micros": "us", "microseconds": "us",
}  # fmt: skip
_NAME_AND_UNIT = re.compile(r"(?P<name>.*?)\s*[\[(]\s*(?P<unit>[^\])]*?)\s*[\])]")
_COUNTING_NAMES = ("", "index", "nr", "no", "n", "i", "#")
_VALUE_UNITS = ("counts", "v", "mv", "a", "ma", "g", "c", "degc", "deg", "rad", "lux", "pa", "hpa", "percent")


@dataclass(frozen=True, kw_only=True, eq=False)
class Columns:
    """A value column, its time column if there is one, and the `# key: value` comments.

    `values` and `time` are float64 (N,); `line_numbers` (N,) are the lines in the file, from 1.
    """

    values: np.ndarray
    time: np.ndarray | None
    time_unit: str | None
    value_unit: str
    line_numbers: np.ndarray
    comments: dict[str, str] = field(default_factory=dict)


def read_columns(content: bytes, source: str, column: str | None = None) -> Columns:
    """Find the time and the value column of a CSV and read them.

    Parameters
    ----------
    content
        The file's bytes.
    source
        The file's name, for messages.
    column
        Name of the value column; None where there is only one.

    Returns
    -------
    Columns

    Raises
    ------
    ValueError
        Empty file, lines that are not numbers, or columns that cannot be told apart.
    """
    comments: dict[str, str] = {}
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(_decode(content).splitlines(), start=1):
        text = line.strip()
        if text.startswith("#"):
            key, colon, value = text.lstrip("# ").partition(":")
            if colon:
                comments[key.strip().lower()] = value.strip()
        elif text:
            lines.append((number, text))
    if not lines:
        raise ValueError(f"{source} is empty: no line with numbers. Was the recording stopped too early?")
    separator = _separator([text for _, text in lines[:20]])
    names = _split(lines[0][1], separator)
    has_names = all(_could_be_name(name) for name in names)
    if has_names:
        lines = lines[1:]
    else:
        widths = Counter(len(_split(text, separator)) for _, text in lines)
        names = [""] * widths.most_common(1)[0][0]
    numbers, line_numbers = _numbers(lines, len(names), separator, source)
    time_index, value_index = _choose(names if has_names else None, numbers, column, source)
    return Columns(
        values=numbers[:, value_index],
        time=None if time_index is None else numbers[:, time_index],
        time_unit=None if time_index is None or not has_names else _time_unit(names[time_index]),
        value_unit=_value_unit(names[value_index]) if has_names else "",
        line_numbers=line_numbers,
        comments=comments,
    )


def _decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _separator(lines: list[str]) -> str | None:
    """The separator that most of the first lines hold; None stands for spaces (or a single column)."""
    for separator in (";", "\t", ","):
        if 2 * sum(separator in line for line in lines) >= len(lines):
            return separator
    return None


def _split(line: str, separator: str | None) -> list[str]:
    if separator is None:
        # Names of a single column may hold a space before a unit: "adc (counts)".
        line = re.sub(r"\s+(?=[\[(])", "", line)
    parts = [part.strip().strip("\"'") for part in line.split(separator)]
    return parts[:-1] if len(parts) > 1 and parts[-1] == "" else parts


def _as_number(text: str, separator: str | None) -> float:
    """A finite or infinite number; NaN where the text is none."""
    if separator in (";", "\t"):
        text = text.replace(",", ".")
    if "_" in text:  # float("1_0") is Python's, not a number in a file
        return math.nan
    try:
        return float(text)
    except ValueError:
        return math.nan


def _could_be_name(text: str) -> bool:
    """A name does not start as a number does: `51x` is a damaged number."""
    return not re.match(r"[\d+\-.,]", text) and not re.fullmatch("nan|inf(inity)?", text.lower())


def _numbers(
    lines: list[tuple[int, str]], width: int, separator: str | None, source: str
) -> tuple[np.ndarray, np.ndarray]:
    rows, kept, bad = [], [], []
    for number, text in lines:
        row = [_as_number(part, separator) for part in _split(text, separator)]
        if len(row) == width and all(map(math.isfinite, row)):
            rows.append(row)
            kept.append(number)
        else:
            bad.append((number, text))
    if bad:
        number, text = bad[0]
        shown = text if len(text) <= 60 else text[:57] + "..."
        expected = "one finite number" if width == 1 else f"{width} finite numbers"
        raise ValueError(
            f"{len(bad)} of {len(lines)} lines of {source} cannot be read. The first is line {number}: "
            f"{shown!r}; expected {expected}. Mend or delete such lines (the first and the last line of a "
            "serial log are often cut)."
        )
    if len(rows) < 2:
        raise ValueError(f"{source} holds {len(rows)} samples, expected at least 2. Record for longer.")
    return np.array(rows, np.float64), np.array(kept)


def _choose(names: list[str] | None, numbers: np.ndarray, column: str | None, source: str) -> tuple[int | None, int]:
    """Which column is time, and which holds the values."""
    if names is None:
        if column is not None:
            raise ValueError(f"{source} has no line with names, so there is no column {column!r}.")
        if numbers.shape[1] == 1:
            return None, 0
        if numbers.shape[1] == 2:
            return 0, 1
        raise ValueError(
            f"{source} has {numbers.shape[1]} columns and no line with names, expected one (values) or two "
            "(time, values). Put a line with names first and pass column=..."
        )
    times = [k for k, name in enumerate(names) if _TIME_NAME.match(name.lower())]
    others = [k for k in range(len(names)) if k not in times[:1]]
    if column is not None:
        bare = [_name_and_unit(name)[0] for name in names]
        if column not in names and column not in bare:
            raise ValueError(f"{source} has no column {column!r}. Its columns: {', '.join(names)}.")
        chosen = names.index(column) if column in names else bare.index(column)
        return (times[0] if times and times[0] != chosen else None), chosen
    values = [k for k in others if names[k].lower() not in _COUNTING_NAMES] or others
    if len(values) != 1:
        named = ", ".join(repr(names[k]) for k in values) if values else "none besides the time"
        raise ValueError(f"{source} has {len(values)} value columns ({named}), expected one. Choose with column=...")
    return (times[0] if times else None), values[0]


def _name_and_unit(name: str) -> tuple[str, str]:
    """Split "adc [counts]" or "time (ms)"; without brackets the unit is empty."""
    match = _NAME_AND_UNIT.fullmatch(name)
    return (match["name"], match["unit"]) if match else (name, "")


def _time_unit(name: str) -> str | None:
    bare, unit = _name_and_unit(name.lower())
    return _TIME_UNITS.get(unit or bare.rpartition("_")[2])


def _value_unit(name: str) -> str:
    """The unit in a value column's name: in brackets, or after the last underscore."""
    bare, unit = _name_and_unit(name)
    last = bare.rpartition("_")[2]
    return unit or (last if last.lower() in _VALUE_UNITS else "")
