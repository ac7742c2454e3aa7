"""Numbers that any board prints over serial, one row a line: a decoder that knows nothing of ports."""

from __future__ import annotations

from collections import Counter, deque

import numpy as np

from tinyml_labs.capture.csv_lines import (
    LineShape,
    as_text,
    is_rest_of_row,
    is_whole,
    name_and_unit,
    names_of,
    parse_lines,
    shape_of,
    why_bad,
)
from tinyml_labs.capture.csv_report import BadLine, CsvReport, CsvRows, CsvSettings
from tinyml_labs.capture.line_cutter import LineCutter
from tinyml_labs.capture.time_column import TimeColumn, time_unit

_HEADER_CANDIDATES = 8
_UNSETTLED_LINES = 50
_SHOWN_CHARACTERS = 60
_ALL_EXACT_BELOW = 2.0**53

_Line = tuple[int, bytes, float]
"""A line's number, its bytes without the end, and when it came."""


class CsvDecoder:
    r"""Decode the rows that a board prints: ``1,2,3`` or ``x:0.1,y:0.2``, with or without a header.

    Takes comma, semicolon, tab or spaces between the numbers, and any line end: what Arduino's IMU_Capture
    prints (a blank line after each gesture), what its Serial Plotter takes (``name:value``), and what Edge
    Impulse's data forwarder takes. The same bytes give the same rows, however they are cut into pieces. Memory
    is bounded, whatever comes.

    Parameters
    ----------
    settings : CsvSettings, optional

    Examples
    --------
    >>> decoder = CsvDecoder()
    >>> decoder.feed(b"aX,aY\n1,2\n3,4\n", 0.01).rows.shape  # the columns are not settled yet
    (0, 0)
    >>> decoder.finish().rows
    array([[1., 2.],
           [3., 4.]])
    >>> decoder.report().channel_names
    ('aX', 'aY')
    """

    def __init__(self, settings: CsvSettings | None = None) -> None:
        self._settings = settings or CsvSettings()
        self._lines = LineCutter(self._settings.max_line_characters)
        self._shape: LineShape | None = None
        self._early: list[tuple[_Line, LineShape | None]] = []  # from the first numbers on, until all is settled
        self._texts: deque[bytes] = deque(maxlen=_HEADER_CANDIDATES)  # before the first numbers
        self._header: list[str] | None = None  # of all columns, as the board wrote it
        self._clock: TimeColumn | None = None
        self._host_seconds = 0.0
        self._rows = self._block_start = self._text_lines = self._bad_lines = self._restarts = 0
        self._first_bad: BadLine | None = None
        self._cut_first = self._cut_last = self._finished = False
        self._whole = True

    def feed(self, data: bytes, host_seconds: float) -> CsvRows:
        """Take bytes as they come.

        Parameters
        ----------
        data : bytes
            Any number of bytes.
        host_seconds : float
            When they were read, by a clock that does not jump (``time.monotonic()``).

        Returns
        -------
        CsvRows
            The rows that became complete.

        Raises
        ------
        ValueError
            After :meth:`finish`.
        """
        if self._finished:
            raise ValueError("This decoder is finished. Make a new one for a new stream.")
        self._host_seconds = host_seconds
        return self._decode([(number, line, host_seconds) for number, line in self._lines.cut(data)])

    def finish(self) -> CsvRows:
        """Say that nothing more comes, and get the last rows.

        A line that did not end is left out, since its last number may have lost digits; the report says so.
        """
        if self._finished:
            return self._decode([])
        self._finished = True
        last, self._cut_last = self._lines.finish()
        rows = self._decode([(number, line, self._host_seconds) for number, line in last])
        return self._read(self._settle()) if self._early else rows

    def report(self) -> CsvReport:
        """Say what came so far. See :class:`CsvReport`."""
        names, units, notes = self._channels()
        clock = self._clock
        return CsvReport(
            channel_names=names,
            units=units,
            rows=self._rows,
            lines=self._lines.count,
            text_lines=self._text_lines,
            bad_lines=self._bad_lines,
            first_bad_line=self._first_bad,
            restarts=self._restarts,
            cut_first_line=self._cut_first,
            cut_last_line=self._cut_last,
            whole_numbers=self._whole and self._rows > 0,
            time_name=clock.name if clock else None,
            time_unit=clock.unit if clock else None,
            notes=notes,
        )

    def _decode(self, lines: list[_Line]) -> CsvRows:
        if self._shape is not None:
            return self._read(lines)
        for k, line in enumerate(lines):
            if self._look_at(line):
                return self._read([*self._settle(), *lines[k + 1 :]])
        return CsvRows(rows=np.empty((0, 0)), arrival_seconds=np.empty(0))

    def _look_at(self, line: _Line) -> bool:
        """Take a line before the columns are settled; say whether they can be settled now."""
        number, text, _ = line
        if number == 1:
            text = text.removeprefix(b"\xef\xbb\xbf")  # a byte order mark
            line = (number, text, line[2])
            if self._settings.starts_mid_line and is_rest_of_row(text):
                self._cut_first = True
                return False
        shape = shape_of(text)
        if not self._early and shape is None:
            if text.strip():
                self._texts.append(text)
                self._text_lines += 1
            return False
        self._early.append((line, shape))
        rows = sum(shape is not None for _, shape in self._early)
        return rows >= self._settings.settle_lines or len(self._early) >= _UNSETTLED_LINES

    def _settle(self) -> list[_Line]:
        """Settle the columns by majority, and give back the lines that are rows, or lie between them."""
        early, self._early = self._early, []
        shapes = [shape for _, shape in early]
        shape = Counter(filter(None, shapes)).most_common(1)[0][0]
        start = shapes.index(shape)
        texts = [text for (_, text, _), shape in early[:start] if shape is None and text.strip()]
        self._text_lines += len(texts)
        found = [names_of(text.lstrip(b"# "), shape.width) for text in (*self._texts, *texts)]
        self._header = next((names for names in reversed(found) if names), None)
        if shape.names:
            self._header = [as_text(name) for name in shape.names]
        elif self._header:
            self._text_lines -= 1
        units = [time_unit(name) for name in self._header or ()]
        column = next((k for k, unit in enumerate(units) if unit is not None), None)
        if self._header and column is not None and shape.width > 1:
            said = self._settings.time_unit or units[column] or None
            self._clock = TimeColumn(column, name_and_unit(self._header[column])[0], said)
        self._shape = shape
        return [line for k, (line, shape) in enumerate(early) if k >= start or shape]

    def _read(self, lines: list[_Line]) -> CsvRows:
        assert self._shape is not None
        shape, longest, clock = self._shape, self._settings.max_line_characters, self._clock
        rows: list[list[float]] = []
        arrivals: list[float] = []
        block_ends: list[int] = []
        restarts: list[int] = []
        damaged: list[int] = []
        texts = [text for _, text, _ in lines]
        look = self._whole and b"".join(texts).translate(None, b"0123456789+-" + (shape.separator or b" ")) != b""
        for (number, text, arrival), row in zip(lines, parse_lines(texts, shape, longest), strict=True):
            if row is not None:
                if clock and clock.ran_back(row[clock.column], arrival) and self._rows > self._block_start:
                    restarts.append(self._rows)
                    self._block_start = self._rows
                if look and self._whole and not is_whole(text, shape, clock.column if clock else None):
                    self._whole = False
                rows.append(row)
                arrivals.append(arrival)
                self._rows += 1
            elif not text.strip():
                if self._rows > self._block_start:
                    block_ends.append(self._rows)
                    self._block_start = self._rows
            elif text.lstrip().startswith(b"#"):
                self._text_lines += 1
            elif self._is_header(text):
                if self._rows:
                    restarts.append(self._rows)
                self._block_start = self._rows
            else:
                if any(48 <= byte <= 57 for byte in text):
                    damaged.append(self._rows)
                self._bad_lines += 1
                if self._first_bad is None:
                    shown, reason = as_text(text[:_SHOWN_CHARACTERS]), why_bad(text, shape, longest)
                    self._first_bad = BadLine(number=number, text=shown, reason=reason)
        table = np.array(rows, np.float64).reshape(len(rows), shape.width)
        times = None
        if clock:
            times, table = table[:, clock.column], np.delete(table, clock.column, axis=1)
        self._whole = self._whole and not (np.abs(table) >= _ALL_EXACT_BELOW).any()
        self._restarts += len(restarts)
        return CsvRows(
            rows=table,
            arrival_seconds=np.array(arrivals, np.float64),
            time_values=times,
            block_ends=tuple(block_ends),
            restarts=tuple(restarts),
            damaged=tuple(damaged),
        )

    def _is_header(self, text: bytes) -> bool:
        """Say whether a line after the first numbers is the header, which a board prints when it starts."""
        assert self._shape is not None
        if self._shape.names:
            return False
        if self._header is not None:
            return names_of(text, self._shape.width) == self._header
        if self._shape.width == 1 or self._shape.separator is None:
            return False  # any word or two would do
        self._header = names_of(text, self._shape.width, identifiers=True)
        return self._header is not None

    def _channels(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Names and units of the channels, and notes on them."""
        if self._shape is None:
            return (), (), ()
        skip = self._clock.column if self._clock else None
        header = self._header or [""] * self._shape.width
        pairs = [name_and_unit(name) for k, name in enumerate(header) if k != skip]
        names: list[str] = []
        notes = []
        for k, (name, _) in enumerate(pairs, start=1):
            unique = name or f"ch{k}"
            if unique in names:
                unique = f"{name}_{k}"
                notes.append(f"Two columns are called {name!r}; the {k}th channel is called {unique!r} here.")
            names.append(unique)
        if self._clock and self._clock.unit is None:
            notes.append(
                f"The time column {self._clock.name!r} does not say its unit. Name it {self._clock.name}_ms or pass "
                "CsvSettings(time_unit='ms')."
            )
        return tuple(names), tuple(unit for _, unit in pairs), tuple(notes)
