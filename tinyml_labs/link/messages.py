"""What the frames say: each message is a dataclass with its bytes. All integers are little endian.

The host asks; the board answers every request with exactly one frame that names the request's sequence number,
or with :class:`Refusal`. Between answers the board may send samples and log lines.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from typing import NamedTuple

from tinyml_labs.link.fields import MessageError, Reader


class Type(enum.IntEnum):
    """The type byte of a frame. Below 0x80 the host speaks, from 0x80 the board."""

    HELLO = 0x01  # no payload -> BOARD
    LOAD_BEGIN = 0x02  # LoadBegin -> DONE
    LOAD_DATA = 0x03  # offset u32, bytes -> DONE, and MODEL for the last
    MODEL_INFO = 0x04  # no payload -> MODEL
    INFER = 0x05  # offset u32, total u32, bytes -> DONE, and RESULT for the last
    STREAM_START = 0x06  # sensor u8, samples u32 (0: until stopped) -> DONE, then SAMPLES ... STREAM_END
    STREAM_STOP = 0x07  # no payload -> DONE
    TRACE = (
        0x08  # first layer u16, layers u16 (0: none any more) -> DONE; then INFER gives their LAYERs before RESULT
    )
    BOARD = 0x81
    DONE = 0x82
    MODEL = 0x83
    RESULT = 0x85
    SAMPLES = 0x86
    STREAM_END = 0x87
    LAYER = 0x88
    LOG = 0x8E  # UTF-8 text: what a sketch has to say, such as "no IMU found"
    REFUSAL = 0x8F


ANSWERS = frozenset({Type.BOARD, Type.DONE, Type.MODEL, Type.RESULT, Type.LAYER, Type.REFUSAL})


class ErrorCode(enum.IntEnum):
    """Why a board refuses a request."""

    UNKNOWN_REQUEST = 1
    BAD_REQUEST = 2
    NO_MODEL = 3
    OUT_OF_MEMORY = 4
    MODEL_DAMAGED = 5
    MODEL_FAILED = 6
    NO_SENSOR = 7
    BUSY = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBegin:
    """Announce a model: its size in bytes, CRC-32 and SHA-256."""

    size: int
    crc32: int
    sha256: bytes

    def pack(self) -> bytes:
        """Give the payload."""
        return struct.pack("<II32s", self.size, self.crc32, self.sha256)

    @classmethod
    def unpack(cls, payload: bytes) -> LoadBegin:
        """Read a payload."""
        size, crc32, sha256 = Reader(payload, "LOAD_BEGIN").take("II32s")
        return cls(size=size, crc32=crc32, sha256=sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of something larger than a frame: an input (with ``total``), or of a model (without)."""

    offset: int
    data: bytes
    total: int = 0

    def pack_load(self) -> bytes:
        """Give the payload of LOAD_DATA."""
        return struct.pack("<I", self.offset) + self.data

    def pack_infer(self) -> bytes:
        """Give the payload of INFER."""
        return struct.pack("<II", self.offset, self.total) + self.data

    @classmethod
    def unpack_load(cls, payload: bytes) -> Piece:
        """Read the payload of LOAD_DATA."""
        reader = Reader(payload, "LOAD_DATA")
        return cls(offset=reader.take("I")[0], data=reader.rest())

    @classmethod
    def unpack_infer(cls, payload: bytes) -> Piece:
        """Read the payload of INFER."""
        reader = Reader(payload, "INFER")
        offset, total = reader.take("II")
        return cls(offset=offset, total=total, data=reader.rest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the model gave, or a piece of it: output bytes, and the microseconds of the invocation."""

    request: int
    microseconds: int
    offset: int
    total: int
    data: bytes

    def pack(self) -> bytes:
        """Give the payload."""
        return struct.pack("<HIII", self.request, self.microseconds, self.offset, self.total) + self.data

    @classmethod
    def unpack(cls, payload: bytes) -> Result:
        """Read a payload."""
        reader = Reader(payload, "RESULT")
        request, microseconds, offset, total = reader.take("HIII")
        return cls(request=request, microseconds=microseconds, offset=offset, total=total, data=reader.rest())


RESULT_OVERHEAD = 14
EVERY_LAYER = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Ask that each inference shows what ``count`` layers from ``first`` on gave; 0 ends it, EVERY_LAYER is all."""

    first: int
    count: int

    def pack(self) -> bytes:
        """Give the payload."""
        return struct.pack("<HH", self.first, self.count)

    @classmethod
    def unpack(cls, payload: bytes) -> Trace:
        """Read a payload."""
        first, count = Reader(payload, "TRACE").take("HH")
        return cls(first=first, count=count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What a layer of the model gave, or a piece of it: the bytes of its output."""

    request: int
    layer: int
    offset: int
    total: int
    data: bytes

    def pack(self) -> bytes:
        """Give the payload."""
        return struct.pack("<HHII", self.request, self.layer, self.offset, self.total) + self.data

    @classmethod
    def unpack(cls, payload: bytes) -> Layer:
        """Read a payload."""
        reader = Reader(payload, "LAYER")
        request, layer, offset, total = reader.take("HHII")
        return cls(request=request, layer=layer, offset=offset, total=total, data=reader.rest())


LAYER_OVERHEAD = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStart:
    """Ask for a sensor's samples: as many, or until stopped if 0."""

    sensor: int
    samples: int

    def pack(self) -> bytes:
        """Give the payload."""
        return struct.pack("<BI", self.sensor, self.samples)

    @classmethod
    def unpack(cls, payload: bytes) -> StreamStart:
        """Read a payload."""
        sensor, samples = Reader(payload, "STREAM_START").take("BI")
        return cls(sensor=sensor, samples=samples)


_SAMPLES = struct.Struct("<BII")
SAMPLES_OVERHEAD = _SAMPLES.size


class Samples(NamedTuple):
    """Consecutive samples of a sensor. Its frame's ``micros`` is the time at which the first of them was taken.

    ``first`` is the number of the first since the stream began, lost ones counted; ``overruns`` counts the samples
    that the board had to drop so far because the link was too slow. ``data`` is (samples, channels) in the
    sensor's dtype.
    """

    sensor: int
    first: int
    overruns: int
    data: bytes

    def pack(self) -> bytes:
        """Give the payload."""
        return _SAMPLES.pack(self.sensor, self.first, self.overruns) + self.data

    @classmethod
    def unpack(cls, payload: bytes) -> Samples:
        """Read a payload."""
        if len(payload) < SAMPLES_OVERHEAD:
            raise MessageError(f"SAMPLES is cut short: {len(payload)} bytes.")
        sensor, first, overruns = _SAMPLES.unpack_from(payload)
        return cls(sensor=sensor, first=first, overruns=overruns, data=payload[SAMPLES_OVERHEAD:])


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEnd:
    """The end of a stream: the samples taken, lost ones counted, and the overruns."""

    sensor: int
    samples: int
    overruns: int

    def pack(self) -> bytes:
        """Give the payload."""
        return struct.pack("<BII", self.sensor, self.samples, self.overruns)

    @classmethod
    def unpack(cls, payload: bytes) -> StreamEnd:
        """Read a payload."""
        sensor, samples, overruns = Reader(payload, "STREAM_END").take("BII")
        return cls(sensor=sensor, samples=samples, overruns=overruns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A request that the board could not do, and why, in words."""

    request: int
    code: int
    text: str

    def pack(self) -> bytes:
        """Give the payload."""
        return struct.pack("<HB", self.request, self.code) + self.text.encode()[:1000]

    @classmethod
    def unpack(cls, payload: bytes) -> Refusal:
        """Read a payload."""
        reader = Reader(payload, "REFUSAL")
        request, code = reader.take("HB")
        return cls(request=request, code=code, text=reader.rest().decode("utf-8", errors="replace"))


def pack_done(request: int) -> bytes:
    """Give the payload of DONE: the number of the request that was done."""
    return struct.pack("<H", request)


def answered_request(frame_type: int, payload: bytes) -> int | None:
    """Give the number of the request that a frame answers; None for frames that answer none."""
    if frame_type not in ANSWERS or len(payload) < 2:
        return None
    return int.from_bytes(payload[:2], "little")
