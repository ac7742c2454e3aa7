"""How a board describes itself: its sensors, and the model that it runs."""

from __future__ import annotations

import enum
import math
import struct
from dataclasses import dataclass

import numpy as np

from tinyml_labs.link.fields import DTYPES, MessageError, Reader, dtype_code, pack_text
from tinyml_labs.link.framing import MAX_PAYLOAD

SMALLEST_PAYLOAD = 64
MAX_RANK = 8
MAX_ELEMENTS = 2**26
NO_MODEL = bytes(32)
"""The model hash of a board without a model."""


class SensorKind(enum.IntEnum):
    """What a sensor's samples are, and so which file a recording of them is."""

    SIGNAL = 0  # motion, voltage, temperature: CSV
    AUDIO = 1  # a microphone: WAV
    IMAGE = 2  # a camera; a sample is a row of an image: PNG


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """A sensor that a board offers.

    Attributes
    ----------
    id : int, 0 to 255
    name : str
        Such as ``"analog"``, ``"imu"``, ``"microphone"`` or ``"camera"``.
    unit : str
        Of the samples, such as ``"counts"``; where the channels differ, one for each, separated by commas:
        ``"g,g,g,deg/s,deg/s,deg/s"``.
    channels : int, 1 to 65535
        Values a sample. Of a camera, a sample is a row: its width in pixels.
    dtype : str
        Of one sample's channel, as it is sent. Of a camera, ``"uint8"`` is grey and ``"uint16"`` RGB565.
    rate_hz : float
        The nominal rate, in samples a second; of a camera, in rows a second.
    low, high : float
        The smallest and largest value the sensor can give; NaN where that is not known.
    kind : SensorKind
    rows : int
        The height of a camera's image in rows; 0 for other kinds.
    channel_names : str
        Names of the channels, separated by commas, such as ``"accX,accY,accZ"``; may be empty.
    """

    id: int
    name: str
    unit: str
    channels: int
    dtype: str
    rate_hz: float
    low: float = math.nan
    high: float = math.nan
    kind: SensorKind = SensorKind.SIGNAL
    rows: int = 0
    channel_names: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each channel: the board's, or the sensor's name, numbered if there are several."""
        given = tuple(name.strip() for name in self.channel_names.split(","))
        if len(given) == self.channels and all(given) and len(set(given)) == len(given):
            return given
        return (self.name,) if self.channels == 1 else tuple(f"{self.name}{k}" for k in range(self.channels))

    @property
    def units(self) -> tuple[str, ...]:
        """A unit for each channel."""
        given = tuple(unit.strip() for unit in self.unit.split(","))
        return given if len(given) == self.channels else (self.unit,) * self.channels


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
    board_id : str
        The chip's own number in hexadecimal, by which a board that has come back is known; empty if it has none.
    """

    board: str
    firmware: str
    firmware_version: str
    max_payload: int
    receive_buffer: int
    model_sha256: bytes
    sensors: tuple[Sensor, ...]
    board_id: str = ""

    def pack(self, request: int) -> bytes:
        """Give the payload of the answer to request number ``request``."""
        parts = [struct.pack("<HHI32s", request, self.max_payload, self.receive_buffer, self.model_sha256)]
        parts += [pack_text(self.board), pack_text(self.firmware), pack_text(self.firmware_version)]
        parts.append(pack_text(self.board_id))
        parts.append(bytes([len(self.sensors)]))
        for sensor in self.sensors:
            code = dtype_code(np.dtype(sensor.dtype))
            parts.append(struct.pack("<BBBHH", sensor.id, sensor.kind, code, sensor.channels, sensor.rows))
            parts.append(struct.pack("<fff", sensor.rate_hz, sensor.low, sensor.high))
            parts += [pack_text(sensor.name), pack_text(sensor.unit), pack_text(sensor.channel_names)]
        return b"".join(parts)

    @classmethod
    def unpack(cls, payload: bytes) -> BoardInfo:
        """Read a payload. The request's number is its first two bytes (:func:`answered_request`)."""
        reader = Reader(payload, "The board's hello")
        _, max_payload, receive_buffer, sha256 = reader.take("HHI32s")
        if max_payload < SMALLEST_PAYLOAD:
            raise MessageError(f"The board takes {max_payload} bytes a frame; the least is {SMALLEST_PAYLOAD}.")
        board, firmware, version, board_id = (reader.text() for _ in range(4))
        sensors = tuple(_read_sensor(reader) for _ in range(reader.take("B")[0]))
        return cls(
            board=board,
            firmware=firmware,
            firmware_version=version,
            max_payload=min(max_payload, MAX_PAYLOAD),
            receive_buffer=receive_buffer,
            model_sha256=sha256,
            sensors=sensors,
            board_id=board_id,
        )


def _read_sensor(reader: Reader) -> Sensor:
    number, kind, code, channels, rows, rate, low, high = reader.take("BBBHHfff")
    name, unit, channel_names = reader.text(), reader.text(), reader.text()
    if code not in DTYPES:
        raise MessageError(f"The board's sensor {name!r} has the unknown dtype number {code}.")
    if kind not in list(SensorKind):
        raise MessageError(f"The board's sensor {name!r} is of the unknown kind {kind}. Update the kit.")
    if channels < 1 or not 0 < rate < math.inf:
        raise MessageError(f"The board's sensor {name!r} has {channels} channels at {rate} Hz.")
    if kind == SensorKind.IMAGE and (rows < 1 or DTYPES[code] not in ("uint8", "uint16")):
        raise MessageError(
            f"The board's camera {name!r} sends {rows} rows of {DTYPES[code]}; expected one at least, of uint8 "
            "(grey) or uint16 (RGB565)."
        )
    return Sensor(
        id=number,
        name=name,
        unit=unit,
        channels=channels,
        dtype=DTYPES[code],
        rate_hz=rate,
        low=low,
        high=high,
        kind=SensorKind(kind),
        rows=rows,
        channel_names=channel_names,
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
        reader = Reader(payload, "The board's model message")
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
