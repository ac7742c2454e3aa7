"""Damage to the bytes that a board sends: flipped, lost, inserted and repeated ones, and which messages they hit."""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinyml_labs.link.framing import FrameDecoder
from tinyml_labs.link.messages import Samples, Type
from tinyml_labs.virtual.settings import VirtualBoardSettings

KINDS = ("flip", "drop", "insert", "repeat")


@dataclass(frozen=True, slots=True)
class _Edit:
    """A fault: ``bytes[at:at + removed]`` becomes ``put``."""

    at: int
    kind: str
    removed: int
    put: bytes


@dataclass(slots=True)
class _Part:
    """A message in a batch of outgoing bytes, or the marks between two, with its faults."""

    data: bytes
    start: int
    message: bool
    edits: list[_Edit] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.start + len(self.data)

    def damaged(self) -> bytes:
        out, at = [], 0
        for edit in self.edits:
            here = edit.at - self.start
            out += [self.data[at:here], edit.put]
            at = here + edit.removed
        return b"".join([*out, self.data[at:]])


class _Dice:
    """One kind of fault: how many bytes pass until the next one. The same seed gives the same faults."""

    def __init__(self, kind: str, rate: float, seed: int, most: int) -> None:
        self.kind = kind
        self._rate = rate
        self._random = np.random.default_rng([seed, 10 + KINDS.index(kind)])
        self._left = most if most else -1
        self._skip = self._draw()

    def _draw(self) -> int:
        return int(self._random.geometric(self._rate)) - 1

    def edits(self, data: bytes, start: int, end: int) -> list[_Edit]:
        """Give the faults in ``data[start:end]``."""
        found = []
        at = start + self._skip
        while at < end and self._left != 0:
            found.append(self._edit(data, at))
            self._left -= 1
            at += 1 + self._draw()
        self._skip = at - end
        return found

    def _edit(self, data: bytes, at: int) -> _Edit:
        byte = data[at]
        if self.kind == "flip":
            return _Edit(at, self.kind, 1, bytes([byte ^ 1 << int(self._random.integers(8))]))
        if self.kind == "drop":
            return _Edit(at, self.kind, 1, b"")
        if self.kind == "insert":
            return _Edit(at, self.kind, 0, self._random.bytes(1))
        return _Edit(at, self.kind, 1, bytes([byte, byte]))


class ByteFaults:
    """Damages outgoing bytes, and tells which messages are no longer what they were.

    Parameters
    ----------
    settings : VirtualBoardSettings
        With the rates of the four kinds.
    terminator : bytes, 1
        What stands between messages: a zero, or the end of a line.
    sample_sizes : mapping
        Bytes of a sample, by the number of the sensor.

    Attributes
    ----------
    found : list of dict
        An entry for each message that was altered, and for each fault that altered none, since the list was last
        emptied.
    """

    def __init__(self, settings: VirtualBoardSettings, terminator: bytes, sample_sizes: Mapping[int, int]) -> None:
        rates = {kind: getattr(settings, f"{kind}_rate") for kind in KINDS}
        self._dice = [_Dice(kind, r, settings.seed, settings.fault_count) for kind, r in rates.items() if r > 0]
        self._samples_only = settings.faults_in == "samples"
        self._sizes = sample_sizes
        self._mark = terminator
        self.found: list[dict[str, Any]] = []
        self.restart()

    def restart(self) -> None:
        """Begin on a quiet line: what was sent before has been cut off."""
        self._ended = True  # the last byte on the wire was a mark
        self._open: _Part | None = None  # the last message: its mark was lost, so that the next byte decides

    def pass_on(self, data: bytes) -> bytes:
        """Damage bytes: whole messages, as a program gives them.

        Returns
        -------
        bytes
            What is on the wire.
        """
        if not self._dice or not data:
            return data
        parts = self._split(data)
        self._draw(data, parts)
        if self._ended and self._open is None and not any(part.edits for part in parts):
            return data
        pieces = [part.damaged() for part in parts]
        wire = b"".join(pieces)
        if self._open is not None and wire:
            self._judge(self._open, whole=wire[:1] == self._mark)
            self._open = None
        at = 0
        for part, piece in zip(parts, pieces, strict=True):
            at += len(piece)
            if part.message:
                self._look(part, piece, self._wire_before(wire, at - len(piece)), wire[at : at + 1])
            else:  # if it did harm, a message beside it says so
                self._judge(part, whole=True)
        if wire:
            self._ended = wire[-1:] == self._mark
        return wire

    def _wire_before(self, wire: bytes, at: int) -> bytes:
        return wire[at - 1 : at] if at else self._mark if self._ended else b"?"

    def _look(self, part: _Part, piece: bytes, before: bytes, after: bytes) -> None:
        """Say whether a message is on the wire as it was, between two marks."""
        same = piece.strip(self._mark) == part.data
        begins = before == self._mark or piece.startswith(self._mark)
        ends = after == self._mark or piece.endswith(self._mark)
        if same and begins and not ends and not after:
            self._open = part
        else:
            self._judge(part, whole=same and begins and ends)

    def _judge(self, part: _Part, *, whole: bool) -> None:
        if whole:
            self.found += [{"fault": edit.kind, "altered": False} for edit in part.edits]
        else:
            kinds = "+".join(edit.kind for edit in part.edits) or "neighbour"
            self.found.append({"fault": kinds, "altered": True, **self._describe(part.data)})

    def _split(self, data: bytes) -> list[_Part]:
        """Cut a batch into messages and the marks between them: first marks, last marks, each may be empty."""
        parts, start = [_Part(b"", 0, False)], 0
        for piece in data.split(self._mark):
            if piece:
                parts += [_Part(piece, start, True), _Part(b"", start + len(piece), False)]
            start += len(piece) + 1
            parts[-1].data += self._mark
        parts[-1].data = parts[-1].data[:-1]  # after the last piece there is none
        return parts

    def _draw(self, data: bytes, parts: list[_Part]) -> None:
        """Throw the dice for every byte, or for those of SAMPLES frames; give each fault to its part."""
        spans = [(0, len(data))]
        if self._samples_only:
            spans = [(p.start, min(len(data), p.end + 1)) for p in parts if p.message and _is_samples(p.data)]
        edits: dict[int, _Edit] = {}
        for dice in self._dice:
            for start, end in spans:
                for edit in dice.edits(data, start, end):
                    edits.setdefault(edit.at, edit)  # one fault a byte
        starts = [part.start for part in parts]
        for at in sorted(edits):
            k = bisect.bisect_right(starts, at) - 1
            parts[k].edits.append(edits[at])

    def _describe(self, original: bytes) -> dict[str, Any]:
        if self._mark != b"\0":
            return {"line": original.decode("ascii", errors="replace").rstrip("\r")}
        frames = FrameDecoder().feed(b"\0" + original + b"\0")
        if not frames:
            return {"text": original.decode("ascii", errors="replace")}
        frame = frames[0]
        known = frame.type in list(Type)
        told: dict[str, Any] = {"frame": Type(frame.type).name if known else frame.type, "sequence": frame.sequence}
        if frame.type == Type.SAMPLES:
            message = Samples.unpack(frame.payload)
            count = len(message.data) // self._sizes.get(message.sensor, 1)
            told |= {"sensor": message.sensor, "first": message.first, "samples": count}
        return told


def _is_samples(piece: bytes) -> bool:
    """Tell a SAMPLES frame by its third byte: version and type are no zeros, so that nothing is stuffed there."""
    return len(piece) > 2 and piece[2] == Type.SAMPLES
