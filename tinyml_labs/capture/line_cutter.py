"""From bytes, in any pieces, to numbered lines."""

from __future__ import annotations


class LineCutter:
    r"""Cut bytes into lines at ``\n``, ``\r\n``, ``\n\r`` or ``\r``, wherever the pieces end.

    Parameters
    ----------
    longest : int
        A line is kept up to one byte more than this; the rest of it is thrown away.

    Attributes
    ----------
    count : int
        Lines cut so far.

    Notes
    -----
    A carriage return at the end of a piece waits for the next one, since a newline may follow.

    Examples
    --------
    >>> cutter = LineCutter(1000)
    >>> cutter.cut(b"1,2\r"), cutter.cut(b"\n3,4\r\n5")
    ([], [(1, b'1,2'), (2, b'3,4')])
    """

    def __init__(self, longest: int) -> None:
        self.count = 0
        self._longest = longest
        self._tail = b""  # a line that has not ended
        self._return_held = False
        self._newline_before = False  # the tail is empty, and the byte before it was a newline

    def cut(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take bytes, and give the lines that ended: each line's number, from 1, and its bytes without the end."""
        raw = b"\n" * self._newline_before + self._tail + b"\r" * self._return_held + data
        self._return_held = raw.endswith(b"\r")
        if self._return_held:
            raw = raw[:-1]
        text = raw.replace(b"\r\n", b"\n").replace(b"\n\r", b"\n").replace(b"\r", b"\n")
        lines = text[self._newline_before :].split(b"\n")
        self._tail = lines.pop()[: self._longest + 1]
        self._newline_before = not self._tail and raw.endswith(b"\n")
        first = self.count + 1
        self.count += len(lines)
        return [(k, line[: self._longest + 1]) for k, line in enumerate(lines, start=first)]

    def finish(self) -> tuple[list[tuple[int, bytes]], bool]:
        """Give a last line that a carriage return ended, and say whether there is one that nothing ended."""
        last = self.cut(b"\n") if self._return_held and (self._tail or not self._newline_before) else []
        unended = bool(self._tail)
        self._tail, self._return_held = b"", False
        return last, unended
