"""What one line of a board's text says: numbers, names with numbers, names alone, or something else."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property

_NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_PAIR = re.compile(rb"\s*([^\d\s:,;+\-.][^:,;\t]*?)\s*:\s*(" + _NUMBER + rb")(?=[\s,;]|$)[\s,;]*")
_DECIMAL_COMMA = re.compile(rb"(?<=\d),(?=\d)")
_NUMBER_BYTES = b"0123456789+-.eE "
_LINE_BYTES = _NUMBER_BYTES + b"\t,;"
_NAME = re.compile(r"[^\W\d][^:,;]*")
_IDENTIFIER = re.compile(r"[^\W\d][\w.]*(?:\s*[\[(][^\])]*[\])])?")
_NAME_AND_UNIT = re.compile(r"(?P<name>.*?)\s*[\[(]\s*(?P<unit>[^\])]*?)\s*[\])]")
_SEPARATORS = (b",", b"\t", b";", None)


@dataclass(frozen=True, kw_only=True)
class LineShape:
    """How the numbers stand in a line.

    Attributes
    ----------
    width : int
        Numbers in a line.
    separator : bytes or None
        ``b","``, ``b";"`` or a tab; None for spaces.
    names : tuple of bytes
        The names before the numbers, where each line holds them (``x:0.1,y:0.2``); otherwise empty.
    """

    width: int
    separator: bytes | None
    names: tuple[bytes, ...] = ()

    @cached_property
    def _pairs(self) -> re.Pattern[bytes]:
        pairs = rb"[\s,;]+".join(re.escape(name) + rb"\s*:\s*(" + _NUMBER + rb")" for name in self.names)
        return re.compile(rb"\s*" + pairs + rb"[\s,;]*")


def shape_of(line: bytes) -> LineShape | None:
    """Say how the numbers stand in a line; None if there is more to it than numbers, or less."""
    for separator in _SEPARATORS:
        if separator in (b"\t", b";") and separator not in line:
            continue
        shape = LineShape(width=len(_split(line, separator)), separator=separator)
        if shape.width and parse_line(line, shape) is not None:
            return shape
    if b":" not in line:
        return None
    names, position = [], 0
    while (match := _PAIR.match(line, position)) is not None:
        names.append(match[1])
        position = match.end()
    if not names or position != len(line):
        return None
    return LineShape(width=len(names), separator=b":", names=tuple(names))


def parse_line(line: bytes, shape: LineShape) -> list[float] | None:
    """Read a line's numbers; None if it is not as many finite numbers as the shape says.

    ``nan``, ``inf``, ``ovf`` (how Arduino prints what is too large) and ``1_000`` are no numbers. Where a
    semicolon or a tab separates, a decimal comma is read.
    """
    if shape.names:
        match = shape._pairs.fullmatch(line)
        texts = list(match.groups()) if match else []
    else:
        if line.translate(None, _LINE_BYTES):
            return None
        texts = _split(line, shape.separator)
    if len(texts) != shape.width:
        return None
    if shape.separator in (b";", b"\t") and b"," in line:
        texts = [_DECIMAL_COMMA.sub(b".", text) for text in texts]
    try:
        row = [float(text) for text in texts]
    except ValueError:
        return None
    return row if math.isfinite(sum(row)) or all(map(math.isfinite, row)) else None


def parse_lines(lines: list[bytes], shape: LineShape, longest: int) -> list[list[float] | None]:
    """Read many lines; None for each that is no row, or longer than ``longest``."""
    numbers = _numbers_at_once(lines, shape, longest)
    if numbers is None:
        return [parse_line(line, shape) if len(line) <= longest else None for line in lines]
    return [numbers[k : k + shape.width] for k in range(0, len(numbers), shape.width)]


def _numbers_at_once(lines: list[bytes], shape: LineShape, longest: int) -> list[float] | None:
    """The numbers of many lines, several times faster; None where a line may be no row, or needs a closer look."""
    separator = shape.separator
    if not lines or separator is None or shape.names or max(map(len, lines)) > longest:
        return None
    text = separator.join(lines)
    if text.translate(None, _NUMBER_BYTES + separator):
        return None
    if shape.width > 1 and {line.count(separator) for line in lines} != {shape.width - 1}:
        return None
    try:
        numbers = [float(number) for number in text.split(separator)]
    except ValueError:
        return None
    return numbers if len(numbers) == len(lines) * shape.width and math.isfinite(sum(numbers)) else None


def is_whole(line: bytes, shape: LineShape, skip: int | None) -> bool:
    """Say whether all of a good line's numbers, but that in the column ``skip``, are written as whole numbers."""
    match = shape._pairs.fullmatch(line) if shape.names else None
    texts = match.groups() if match else _split(line, shape.separator)
    return all(text.strip().lstrip(b"+-").isdigit() for k, text in enumerate(texts) if k != skip)


def names_of(line: bytes, width: int, *, identifiers: bool = False) -> list[str] | None:
    """Read a line as a header with ``width`` names; None if it is none.

    Parameters
    ----------
    line : bytes
        ``aX,aY,aZ``, also with a colon after each name, as Arduino's plotter takes it.
    width : int
    identifiers : bool
        Take only what looks like a variable's name, with or without a unit in brackets.
    """
    text = as_text(line)
    for separator in (",", "\t", ";", None):
        parts = [part.strip().strip("\"'").rstrip(":").strip() for part in text.strip().split(separator)]
        if len(parts) == width + 1 and not parts[-1]:
            parts.pop()
        if len(parts) != width or not any(parts):
            continue
        pattern = _IDENTIFIER if identifiers or width == 1 else _NAME
        if all(pattern.fullmatch(part) or (not part and not identifiers) for part in parts):
            return None if any(part.lower() in ("nan", "inf", "ovf", "infinity") for part in parts) else parts
    return None


def name_and_unit(name: str) -> tuple[str, str]:
    """Split ``"accX (g)"`` into a name and a unit; without brackets the unit is empty."""
    match = _NAME_AND_UNIT.fullmatch(name)
    return (match["name"], match["unit"]) if match else (name, "")


def is_rest_of_row(line: bytes) -> bool:
    """Say whether a line may be what is left of a row that was cut anywhere."""
    if shape_of(line) is not None:
        return True
    rest = re.split(rb"[\s,;]+", line.lstrip(b": "), maxsplit=1)[1:]
    return bool(rest) and shape_of(rest[0]) is not None


def as_text(line: bytes) -> str:
    """Decode UTF-8, or Latin-1 where it is not."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def why_bad(line: bytes, shape: LineShape, longest: int) -> str:
    """Say what is wrong with a line."""
    if len(line) > longest:
        return f"longer than {longest:,} characters"
    if shape.names:
        expected = ",".join(f"{as_text(name)}:..." for name in shape.names)
        return f"expected {expected}"
    parts = _split(line, shape.separator)
    wrong = [part.strip() for part in parts if shape_of(part.strip()) is None]
    if len(wrong) == len(parts):
        return f"text, expected {shape.width} number{'s' * (shape.width != 1)}"
    if wrong:
        return f"{as_text(wrong[0][:20])!r} is no finite number"
    return f"{len(parts)} column{'s' * (len(parts) != 1)}, expected {shape.width}"


def _split(line: bytes, separator: bytes | None) -> list[bytes]:
    parts = line.split(separator)
    if len(parts) > 1 and not parts[-1].strip():
        parts.pop()
    return parts
