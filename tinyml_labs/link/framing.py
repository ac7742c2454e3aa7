"""Bytes to frames and back: pure functions and one decoder, without ports, threads or a clock.

A frame on the wire::

    00 | COBS( version u8 | type u8 | sequence u16 | micros u32 | payload | CRC-32 u32 ) | 00

Integers are little endian. COBS (Cheshire and Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions
on Networking 7(2), 1999) takes every zero out of the middle, so that a zero always ends a frame and the decoder
finds the next good frame after any damage. The CRC is CRC-32/ISO-HDLC, zlib's, over everything before it. The zero
in front ends whatever a sketch has printed before.

The C++ side of the protocol decodes the same golden frames (``tests/golden/frames``).
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

PROTOCOL_VERSION = 1
MAX_PAYLOAD = 4096
"""The most bytes a payload may have; a board may say in its hello that it takes less."""

_HEADER = struct.Struct("<BBHI")
_CRC = struct.Struct("<I")
_OVERHEAD = _HEADER.size + _CRC.size
MAX_ENCODED = MAX_PAYLOAD + _OVERHEAD + (MAX_PAYLOAD + _OVERHEAD) // 254 + 1
"""The most bytes between two zeros that can be a frame."""

_CODES = [bytes([length + 1]) for length in range(255)]
_MANY_BLOCKS = 48
_SHORT_BLOCK = 24
_PRINTABLE = bytes(range(0x20, 0x7F)) + b"\t\r\n\x1b"
_KEPT_TEXT = 2048
_KEPT_RECENT = 512


class Frame(NamedTuple):
    """One frame.

    Attributes
    ----------
    type : int, 0 to 255
        See :class:`tinyml_labs.link.messages.Type`.
    sequence : int, 0 to 65535
        Counts the sender's frames and wraps: a jump is a lost frame.
    micros : int, 0 to 2**32 - 1
        The sender's clock in microseconds; wraps after 71.6 minutes. The host sends 0.
    payload : bytes
    """

    type: int
    sequence: int
    micros: int
    payload: bytes


@dataclass(slots=True)
class DecoderCounts:
    """What a :class:`FrameDecoder` has seen so far.

    Attributes
    ----------
    bytes : int
        All bytes fed.
    frames : int
        Good frames.
    crc_errors : int
        Pieces between two zeros that had a frame's form and the wrong CRC.
    malformed : int
        Pieces that were no frame at all: broken byte stuffing, too short.
    oversized : int
        Pieces longer than a frame can be, thrown away as they came.
    other_version : int
        Good frames of another protocol version.
    text_bytes : int
        Bytes of printable text between frames, such as boot messages.
    """

    bytes: int = 0
    frames: int = 0
    crc_errors: int = 0
    malformed: int = 0
    oversized: int = 0
    other_version: int = 0
    text_bytes: int = 0

    @property
    def damaged(self) -> int:
        """Pieces that were lost: everything that was neither a good frame nor text."""
        return self.crc_errors + self.malformed + self.oversized


def encode_frame(frame: Frame) -> bytes:
    """Give the bytes to send for a frame, with the zeros around it.

    Raises
    ------
    ValueError
        If the payload is longer than :data:`MAX_PAYLOAD`, or a field does not fit.

    >>> encode_frame(Frame(type=1, sequence=7, micros=0, payload=b"")).hex(" ")
    '00 04 01 01 07 01 01 01 01 05 9d ee 9a f7 00'
    """
    if len(frame.payload) > MAX_PAYLOAD:
        raise ValueError(
            f"The payload has {len(frame.payload)} bytes, and a frame takes {MAX_PAYLOAD} at most. Send it in pieces."
        )
    try:
        header = _HEADER.pack(PROTOCOL_VERSION, frame.type, frame.sequence, frame.micros)
    except struct.error as error:
        raise ValueError(f"{frame} does not fit the header: {error}") from None
    body = header + frame.payload
    return b"\0" + _stuff(body + _CRC.pack(zlib.crc32(body))) + b"\0"


def _stuff(data: bytes) -> bytes:
    """Stuff bytes: each run between zeros gets its length in front, and the zeros go."""
    pieces = data.split(b"\0")
    last = pieces.pop()
    blocks: list[bytes] = []
    add = blocks.append
    for piece in pieces:
        while len(piece) > 253:  # a block of 254 bytes (code 255) has no zero behind it
            add(b"\xff" + piece[:254])
            piece = piece[254:]
        add(_CODES[len(piece)] + piece)
    while len(last) > 254:
        add(b"\xff" + last[:254])
        last = last[254:]
    add(_CODES[len(last)] + last)
    return b"".join(blocks)


def _unstuff(piece: bytes) -> bytes:
    """Undo the byte stuffing of what stood between two zeros; empty if it is damaged.

    Each code says where the next one stands, and stands itself where a zero was, unless the code before it is 255.
    One by one that is fast, as long as zeros are few. Quiet audio and small integers are half zeros: such a piece
    goes to NumPy after the first blocks.
    """
    decoded = bytearray(piece)
    dropped: list[int] = []  # codes in whose place there was no zero
    rest = b""
    at, end, before, left = 0, len(piece), 255, _MANY_BLOCKS
    while at < end:
        code = piece[at]
        if before == 255:
            dropped.append(at)
        else:
            decoded[at] = 0
            left -= 1
            if not left and at < _MANY_BLOCKS * _SHORT_BLOCK and end - at > _MANY_BLOCKS:
                found = _unstuff_array(piece[at:])
                if found is None:
                    return b""
                rest, end = found, at + 1
                break
        at += code
        before = code
    else:
        if at != end:
            return b""
    dropped.append(end)
    return b"".join([decoded[one + 1 : other] for one, other in itertools.pairwise(dropped)]) + rest


def _unstuff_array(piece: bytes) -> bytes | None:
    """Undo the byte stuffing of a piece with many zeros; None if it is damaged.

    The codes form a chain, each saying where the next one stands. Doubling the jumps finds all of them in log2(n)
    steps: where k jumps lead from the start, k jumps more lead to the next k codes.
    """
    data = np.frombuffer(piece, np.uint8)
    end = len(data)
    jump = np.empty(end + 1, np.intp)
    np.add(np.arange(end), data, out=jump[:end])
    jump[end] = end
    if int(jump[:end].max()) > end:  # only the last block may be the one that is cut
        np.minimum(jump, end + 1, out=jump)
        jump = np.append(jump, end + 1)
    codes = np.zeros(1, np.intp)
    while codes[-1] < end:
        codes = np.concatenate((codes, jump[codes]))
        jump = jump[jump]
    if codes[-1] > end:
        return None
    codes = codes[: int(np.searchsorted(codes, end))]
    lengths = data[codes]
    decoded = data.copy()
    decoded[codes] = 0  # each code stands where a zero was; the first, and those after a block of 254, go
    keep = np.ones(end, bool)
    keep[0] = False
    keep[codes[1:][lengths[:-1] == 255]] = False
    return decoded[keep].tobytes()


class FrameDecoder:
    """Find the frames in a stream of bytes, however it is cut, merged or damaged.

    Memory is bounded by :data:`MAX_ENCODED`, besides the frames that a call returns. No input raises.

    Attributes
    ----------
    counts : DecoderCounts
    other_version : int or None
        The version of the last good frame that had another one than ours.

    >>> decoder = FrameDecoder()
    >>> bytes_sent = encode_frame(Frame(type=1, sequence=7, micros=0, payload=b"hello"))
    >>> decoder.feed(b"boot text" + bytes_sent[:5])
    []
    >>> decoder.feed(bytes_sent[5:])
    [Frame(type=1, sequence=7, micros=0, payload=b'hello')]
    >>> decoder.text
    'boot text'
    """

    def __init__(self) -> None:
        self.counts = DecoderCounts()
        self.other_version: int | None = None
        self._rest = b""
        self._skipping = False
        self._text = b""
        self._recent = b""

    @property
    def recent(self) -> bytes:
        """The last bytes that came, 512 at most: what to look at when no frame is found."""
        return self._recent

    @property
    def text(self) -> str:
        """The last 2 KB of printable text that stood between frames: what a sketch has printed."""
        text = self._text
        if self._rest and not self._rest.translate(None, _PRINTABLE):
            text = (text + self._rest)[-_KEPT_TEXT:]
        return text.decode("ascii", errors="replace")

    @property
    def pending_bytes(self) -> int:
        """Bytes kept because their frame is not whole yet."""
        return len(self._rest)

    def feed(self, data: bytes | bytearray | memoryview) -> list[Frame]:
        """Take bytes as they come from a port; give the frames that they complete.

        Parameters
        ----------
        data : bytes, any number

        Returns
        -------
        list of Frame
            Only frames whose CRC is right. What else came is counted in :attr:`counts`.
        """
        data = bytes(data)
        self.counts.bytes += len(data)
        self._recent = (self._recent + data[-_KEPT_RECENT:])[-_KEPT_RECENT:]
        pieces = data.split(b"\0")
        if len(pieces) == 1:
            self._keep(data)
            return []
        first = self._rest + pieces[0]
        skipped, self._rest, self._skipping = self._skipping, b"", False
        last = pieces.pop()
        pieces[0] = b"" if skipped else first
        frames = self._decode(pieces)
        self._keep(last)
        return frames

    def _keep(self, piece: bytes) -> None:
        if self._skipping:
            return
        if len(self._rest) + len(piece) <= MAX_ENCODED:
            self._rest += piece
            return
        piece = self._rest + piece
        self._rest = b""
        self._skipping = True  # until the next zero
        self._reject_long(piece)

    def _reject_long(self, piece: bytes) -> None:
        if not piece[:MAX_ENCODED].translate(None, _PRINTABLE):
            self._add_text(piece)
        else:
            self.counts.oversized += 1

    def _decode(self, pieces: Iterable[bytes]) -> list[Frame]:
        frames: list[Frame] = []
        counts, crc32, unpack = self.counts, zlib.crc32, _HEADER.unpack_from
        for piece in pieces:
            if not piece:
                continue
            if len(piece) > MAX_ENCODED:
                self._reject_long(piece)
                continue
            body = _unstuff(piece)
            size = len(body) - _CRC.size
            if size < _HEADER.size:
                self._count_text_or(piece, "malformed")
            elif crc32(body[:size]) != _CRC.unpack_from(body, size)[0]:
                self._count_text_or(piece, "crc_errors")
            else:
                version, kind, sequence, micros = unpack(body)
                if version != PROTOCOL_VERSION:
                    counts.other_version += 1
                    self.other_version = version
                elif size - _HEADER.size <= MAX_PAYLOAD:
                    frames.append(Frame(kind, sequence, micros, body[_HEADER.size : size]))
                else:
                    counts.oversized += 1
        counts.frames += len(frames)
        return frames

    def _count_text_or(self, piece: bytes, fault: str) -> None:
        if not piece.translate(None, _PRINTABLE):
            self._add_text(piece)
        else:
            setattr(self.counts, fault, getattr(self.counts, fault) + 1)

    def _add_text(self, piece: bytes) -> None:
        self.counts.text_bytes += len(piece)
        self._text = (self._text + piece)[-_KEPT_TEXT:]
