"""What the frames say: each message is a dataclass with its bytes. All integers are little endian.

The host asks; the board answers every request with exactly one frame that names the request's sequence number,
or with :class:`Refusal`. Between answers the board may send samples and log lines.
"""

from __future__ import annotations

import enum
import math
import struct
from dataclasses import dataclass

import numpy as np

from tinyml_labs.link.errors import BoardError
from tinyml_labs.link.framing import MAX_PAYLOAD


class Type(enum.IntEnum):
    """The type byte of a frame. Below 0x80 the host speaks, from 0x80 the board."""

    HELLO = 0x01  # no payload -> BOARD
    LOAD_BEGIN = 0x02  # LoadBegin -> DONE
    LOAD_DATA = 0x03  # offset u32, bytes -> DONE, and MODEL for the last
    MODEL_INFO = 0x04  # no payload -> MODEL
    INFER = 0x05  # offset u32, total u32, bytes -> DONE, and RESULT for the last
    STREAM_START = 0x06  # sensor u8, samples u32 (0: until stopped) -> DONE, then SAMPLES ... STREAM_END
    STREAM_STOP = 0x07  # no payload -> DONE
    BOARD = 0x81
    DONE = 0x82
    MODEL = 0x83
    RESULT = 0x85
    SAMPLES = 0x86
    STREAM_END = 0x87
    LOG = 0x8E
    REFUSAL = 0x8F


ANSWERS = frozenset({Type.BOARD, Type.DONE, Type.MODEL, Type.RESULT, Type.REFUSAL})


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


class MessageError(BoardError, ValueError):
    """A frame with a good CRC whose payload is not the message that its type says: two versions of the kit?"""


DTYPES = {1: "int8", 2: "uint8", 3: "int16", 4: "uint16", 5: "int32", 6: "float32", 7: "int64", 8: "bool"}
_DTYPE_CODES = {name: code for code, name in DTYPES.items()}
SMALLEST_PAYLOAD = 64
MAX_RANK = 8
MAX_ELEMENTS = 2**26
NO_MODEL = bytes(32)
"""The model hash of a board without a model."""


def dtype_code(dtype: np.dtype) -> int:
    """Give the number that stands for a dtype on the wire."""
    try:
        return _DTYPE_CODES[np.dtype(dtype).name]
    except KeyError:
        raise MessageError(f"The protocol has no {dtype}; it has {', '.join(_DTYPE_CODES)}.") from None


class _Reader:
    """Reads fields off a payload; a short payload is a MessageError."""

    def __init__(self, payload: bytes, what: str) -> None:
        self._payload, self._position, self._what = payload, 0, what

    def take(self, layout: str) -> tuple:
        fields = struct.Struct("<" + layout)
        if self._position + fields.size > len(self._payload):
            raise MessageError(f"{self._what} is cut short: {len(self._payload)} bytes.")
        values = fields.unpack_from(self._payload, self._position)
        self._position += fields.size
        return values

    def text(self) -> str:
        (size,) = self.take("B")
        return self.take(f"{size}s")[0].decode("utf-8", errors="replace")

    def rest(self) -> bytes:
        rest = self._payload[self._position :]
        self._position = len(self._payload)
        return rest


def _text(value: str) -> bytes:
    encoded = value.encode()[:255]
    return bytes([len(encoded)]) + encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """A sensor that a board offers.

    Attributes
    ----------
    id : int, 0 to 255
    name, unit : str
        Such as ``"analog"`` and ``"counts"``.
    channels : int
    dtype : str
        Of one sample's channel, as it is sent.
    rate_hz : float
        The nominal rate, in samples a second.
    low, high : float
        The smallest and largest value the sensor can give; NaN where that is not known.
    """

    id: int
    name: str
    unit: str
    channels: int
    dtype: str
    rate_hz: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardInfo:
    """A board's hello.

    Attributes
    ----------
    board, firmware, firmware_version : str
    max_payload : int
        The largest payload the board takes, in bytes.
    receive_buffer : int
        How many bytes of unanswered requests the board holds; the client never has more under way.
    model_sha256 : bytes, 32
        Hash of the model on the board; all zero without one.
    sensors : tuple of Sensor
    """

    board: str
    firmware: str
    firmware_version: str
    max_payload: int
    receive_buffer: int
    model_sha256: bytes
    sensors: tuple[Sensor, ...]

    def pack(self, request: int) -> bytes:
        """Give the payload of the answer to request number ``request``."""
        parts = [struct.pack("<HHI32s", request, self.max_payload, self.receive_buffer, self.model_sha256)]
        parts += [_text(self.board), _text(self.firmware), _text(self.firmware_version)]
        parts.append(bytes([len(self.sensors)]))
        for sensor in self.sensors:
            code = dtype_code(np.dtype(sensor.dtype))
            parts.append(struct.pack("<BBB", sensor.id, sensor.channels, code))
            parts.append(struct.pack("<fff", sensor.rate_hz, sensor.low, sensor.high))
            parts += [_text(sensor.name), _text(sensor.unit)]
        return b"".join(parts)

    @classmethod
    def unpack(cls, payload: bytes) -> BoardInfo:
        """Read a payload. The request's number is its first two bytes (:func:`answered_request`)."""
        reader = _Reader(payload, "The board's hello")
        _, max_payload, receive_buffer, sha256 = reader.take("HHI32s")
        if max_payload < SMALLEST_PAYLOAD:
            raise MessageError(f"The board takes {max_payload} bytes a frame; the least is {SMALLEST_PAYLOAD}.")
        board, firmware, version = reader.text(), reader.text(), reader.text()
        sensors = []
        for _ in range(reader.take("B")[0]):
            number, channels, code, rate, low, high = reader.take("BBBfff")
            name, unit = reader.text(), reader.text()
            if code not in DTYPES:
                raise MessageError(f"The board's sensor {name!r} has the unknown dtype number {code}.")
            if channels < 1 or not 0 < rate < math.inf:
                raise MessageError(f"The board's sensor {name!r} has {channels} channels at {rate} Hz.")
            sensors.append(
                Sensor(
                    id=number,
                    name=name,
                    unit=unit,
                    channels=channels,
                    dtype=DTYPES[code],
                    rate_hz=rate,
                    low=low,
                    high=high,
                )
            )
        return cls(
            board=board,
            firmware=firmware,
            firmware_version=version,
            max_payload=min(max_payload, MAX_PAYLOAD),
            receive_buffer=receive_buffer,
            model_sha256=sha256,
            sensors=tuple(sensors),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorLayout:
    """An input or output of the model on the board."""

    dtype: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """The model on the board: its hash, its arena in bytes, its inputs and outputs."""

    sha256: bytes
    arena_bytes: int
    inputs: tuple[TensorLayout, ...]
    outputs: tuple[TensorLayout, ...]

    def pack(self, request: int) -> bytes:
        """Give the payload of the answer to request number ``request``."""
        counts = (len(self.inputs), len(self.outputs))
        parts = [struct.pack("<H32sIBB", request, self.sha256, self.arena_bytes, *counts)]
        for tensor in (*self.inputs, *self.outputs):
            code, rank = dtype_code(np.dtype(tensor.dtype)), len(tensor.shape)
            parts.append(struct.pack(f"<BfiB{rank}I", code, tensor.scale, tensor.zero_point, rank, *tensor.shape))
        return b"".join(parts)

    @classmethod
    def unpack(cls, payload: bytes) -> ModelInfo:
        """Read a payload."""
        reader = _Reader(payload, "The board's model message")
        _, sha256, arena, inputs, outputs = reader.take("H32sIBB")
        tensors = []
        for _ in range(inputs + outputs):
            code, scale, zero_point, rank = reader.take("BfiB")
            if code not in DTYPES:
                raise MessageError(f"The board's model has a tensor of the unknown dtype number {code}.")
            shape = reader.take(f"{rank}I")
            if rank > MAX_RANK or math.prod(shape) > MAX_ELEMENTS:
                raise MessageError(
                    f"The board's model has a tensor of shape {shape[: MAX_RANK + 1]}: no board holds it."
                )
            tensors.append(TensorLayout(dtype=DTYPES[code], shape=shape, scale=scale, zero_point=zero_point))
        return cls(sha256=sha256, arena_bytes=arena, inputs=tuple(tensors[:inputs]), outputs=tuple(tensors[inputs:]))


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
        size, crc32, sha256 = _Reader(payload, "LOAD_BEGIN").take("II32s")
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
        reader = _Reader(payload, "LOAD_DATA")
        return cls(offset=reader.take("I")[0], data=reader.rest())

    @classmethod
    def unpack_infer(cls, payload: bytes) -> Piece:
        """Read the payload of INFER."""
        reader = _Reader(payload, "INFER")
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
        reader = _Reader(payload, "RESULT")
        request, microseconds, offset, total = reader.take("HIII")
        return cls(request=request, microseconds=microseconds, offset=offset, total=total, data=reader.rest())


RESULT_OVERHEAD = 14


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
        sensor, samples = _Reader(payload, "STREAM_START").take("BI")
        return cls(sensor=sensor, samples=samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Consecutive samples of a sensor.

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
        return struct.pack("<BII", self.sensor, self.first, self.overruns) + self.data

    @classmethod
    def unpack(cls, payload: bytes) -> Samples:
        """Read a payload."""
        reader = _Reader(payload, "SAMPLES")
        sensor, first, overruns = reader.take("BII")
        return cls(sensor=sensor, first=first, overruns=overruns, data=reader.rest())


SAMPLES_OVERHEAD = 9


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
        sensor, samples, overruns = _Reader(payload, "STREAM_END").take("BII")
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
        reader = _Reader(payload, "REFUSAL")
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
