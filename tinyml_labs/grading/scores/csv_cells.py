"""CSV files that people open in a spreadsheet: cells that stay text, and reading back what a spreadsheet saved.

A cell that begins with ``=``, ``+``, ``-`` or ``@`` is a formula for a spreadsheet, and a formula can start a
program. Quotes do not help; an apostrophe in front does (OWASP, "CSV injection",
https://owasp.org/www-community/attacks/CSV_Injection). A spreadsheet that takes another character for the
separator begins cells inside of ours, so the apostrophe also goes behind a ``;`` and a line break.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_STARTS = "=+\\-@＝＋－＠"  # the wide ones count in Excel too
_FORMULA = re.compile(rf"\s*[{_STARTS}]+\s*[^\s{_STARTS}]")  # a sign alone is none: "-"
_INNER_FORMULA = re.compile(rf"([;\n][ \n]*)(?=[{_STARTS}])")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_LARGEST_MB = 64


class TableError(ValueError):
    """A CSV file cannot be used; the text names the file, the line and what to do."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a table.

    Attributes
    ----------
    number : int
        The row in a spreadsheet; the headings are row 1.
    line : int
        Where it begins in the file. A cell can hold several lines, so this is often more.
    cells : tuple of str
        As many as there are headings.
    """

    number: int
    line: int
    cells: tuple[str, ...]

    @property
    def place(self) -> str:
        """Where it is, for a message."""
        return (
            f"line {self.line}" if self.line == self.number else f"row {self.number} (line {self.line} of the file)"
        )


@dataclass(frozen=True, kw_only=True)
class Table:
    """A CSV file.

    Attributes
    ----------
    path : Path
        The file.
    headings : tuple of str
        Its first row.
    rows : tuple of Row
        The others, without empty ones.
    separator : str
        ``,``, ``;`` or a tab.
    marked : bool
        Whether it began with a byte order mark.
    """

    path: Path
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    separator: str
    marked: bool

    def find(self, heading: str) -> int | None:
        """Return the place of a column, whatever its case; None if there is none."""
        names = [name.strip().casefold() for name in self.headings]
        return names.index(heading.casefold()) if heading.casefold() in names else None

    def need(self, heading: str) -> int:
        """Return the place of a column.

        Raises
        ------
        TableError
            If there is none; the text names those that there are.
        """
        place = self.find(heading)
        if place is None:
            known = ", ".join(map(printable, self.headings))
            raise TableError(f"{self.path.name} has no column {heading!r}. Its columns are: {known}.")
        return place


def printable(text: str) -> str:
    """Return text with line ends as ``\\n``, tabs as spaces, and a sign in place of every control character."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4))


def is_formula(text: str) -> bool:
    """Whether a spreadsheet could take a cell for a formula. A number is none."""
    return bool(_FORMULA.match(text) or _INNER_FORMULA.search(text)) and not _NUMBER.fullmatch(text.strip())


def safe_cell(text: str) -> str:
    """Return text that a spreadsheet shows and does not run: ``=1+1`` becomes ``'=1+1``."""
    text = printable(text)
    if not is_formula(text):
        return text
    return ("'" if _FORMULA.match(text) else "") + _INNER_FORMULA.sub(r"\1'", text)


def number_cell(value: float | None) -> str:
    """Return a number with at most two decimals, ``8.5``; nothing for None."""
    if value is None:
        return ""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def read_number(text: str) -> float | None:
    """Return the number that a person or a spreadsheet wrote, ``2.5`` or ``2,5``; None if it is none."""
    return float(text.strip().replace(",", ".")) if _NUMBER.fullmatch(text.strip()) else None


def write_table(
    path: str | os.PathLike[str], rows: Iterable[Sequence[str]], *, separator: str = ",", marked: bool = False
) -> Path:
    """Write rows of cells as UTF-8, to a temporary file that is then renamed.

    Parameters
    ----------
    path : str or path
        The file.
    rows : iterable of sequence of str
        The first one holds the headings. What students or a learning platform wrote has to be a `safe_cell`.
    separator : str, optional
        What stands between the cells.
    marked : bool, optional
        Begin with a byte order mark: Excel needs it to show an ``é``.
    """
    path = Path(path)
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\r\n").writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(text.getvalue().encode("utf-8-sig" if marked else "utf-8"))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def read_table(path: str | os.PathLike[str]) -> Table:
    """Read a CSV file: UTF-8 (or UTF-16 with a mark), separated by commas, semicolons or tabs.

    Raises
    ------
    TableError
        If it cannot be read as such a table, has no rows of headings, or a row is too long.
    FileNotFoundError
        If there is no such file.
    """
    path = Path(path)
    if path.stat().st_size > _LARGEST_MB * 1_000_000:
        raise TableError(f"{path.name} is larger than {_LARGEST_MB} MB; that is no table of this course.")
    raw = path.read_bytes()
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise TableError(
            f"{path.name} is not written in UTF-8 (byte {error.start}). In Excel, save it as 'CSV UTF-8'."
        ) from error
    separator = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[Row] = []
    line, number = 1, 0
    try:
        for cells in reader:
            number += 1
            if any(cell.strip() for cell in cells):
                rows.append(Row(number=number, line=line, cells=tuple(cells)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise TableError(f"{path.name}, line {reader.line_num}: this is no CSV ({error}).") from error
    if not rows:
        raise TableError(f"{path.name} is empty; a row of headings is expected.")
    headings = rows[0].cells
    for row in rows[1:]:
        if any(cell.strip() for cell in row.cells[len(headings) :]):
            raise TableError(
                f"{path.name}, {row.place}: {len(row.cells)} cells, but there are {len(headings)} headings. "
                "A cell that holds a comma has to stand in quotes."
            )
    filled = [
        Row(number=r.number, line=r.line, cells=(r.cells + ("",) * len(headings))[: len(headings)]) for r in rows[1:]
    ]
    return Table(
        path=path,
        headings=headings,
        rows=tuple(filled),
        separator=separator,
        marked=raw.startswith(b"\xef\xbb\xbf"),
    )


def _separator(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", first)
    return max(",;\t", key=bare.count)
