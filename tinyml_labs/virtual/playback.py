"""What a virtual board can play: CSV and WAV files, pictures, and recordings of the kit."""

from __future__ import annotations

import json
import math
import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.datasets import load_signal_csv
from tinyml_labs.features import to_grey
from tinyml_labs.link.descriptions import Sensor, SensorKind
from tinyml_labs.link.fields import DTYPES
from tinyml_labs.virtual.motion_csv import MotionTable, read_motion_csv
from tinyml_labs.virtual.picture_files import holds_files, read_pictures
from tinyml_labs.virtual.sensors import LoopSource, analog_source

IMAGES_A_SECOND = 5.0


def open_played(path: Path, rate_hz: float = 0.0) -> LoopSource:
    """Make a sensor of a file or a folder.

    Parameters
    ----------
    path : Path
        A CSV file of one column (the sensor ``analog``) or of several (``accelerometer`` if there are three,
        ``imu`` otherwise); a WAV file (``microphone``); a folder or zip archive of pictures of one size (``camera``:
        grey images as they are, colours as RGB565); or a recording's folder.
    rate_hz : float
        The rate of a CSV of several columns that does not say its own; 0 if none is known.

    Raises
    ------
    FileNotFoundError, ValueError
        With what was found and what would do.
    """
    if (path / "recording.json").exists():
        return _recording(path)
    if holds_files(path):
        return _images(path, IMAGES_A_SECOND, name="camera", dtype="")
    if not path.exists():
        raise FileNotFoundError(f"There is no {path} to play.")
    if path.suffix.lower() in (".wav", ".wave"):
        return _sound(path, name="microphone", rate_hz=0.0)
    table = read_motion_csv(path, rate_hz)
    if table is None:
        return analog_source(load_signal_csv(path))
    name = "accelerometer" if len(table.names) == 3 else "imu"
    return _signal(table, name=name, dtype="float32")


def _signal(
    table: MotionTable, *, name: str, dtype: str, low: float = math.nan, high: float = math.nan
) -> LoopSource:
    units = table.units if len(set(table.units)) > 1 else table.units[:1]
    description = Sensor(
        id=2,
        name=name,
        unit=",".join(units),
        channels=len(table.names),
        dtype=dtype,
        rate_hz=table.rate_hz,
        low=low,
        high=high,
        channel_names=",".join(table.names),
    )
    return LoopSource(description, lambda: table.samples)


def _sound(path: Path, *, name: str, rate_hz: float) -> LoopSource:
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path} is no WAV file of 16-bit PCM ({error}).") from None
    if channels != 1 or width != 2:
        found = f"{channels} channels of {8 * width} bits"
        mend = f"ffmpeg -i {path.name} -ac 1 -c:a pcm_s16le mono.wav"
        raise ValueError(f"{path} has {found}; the microphone is mono, 16 bits. Convert it: {mend}")
    sound = np.frombuffer(data[: len(data) // 2 * 2], "<i2")
    if not len(sound):
        raise ValueError(f"{path} holds no sound: 0 samples.")
    description = Sensor(
        id=3,
        name=name,
        unit="counts",
        channels=1,
        dtype="int16",
        rate_hz=rate_hz or rate,
        low=-32768,
        high=32767,
        kind=SensorKind.AUDIO,
    )
    return LoopSource(description, lambda: sound)


def _images(path: Path, images_a_second: float, *, name: str, dtype: str) -> LoopSource:
    """Make a camera; without a dtype, it is grey if every image is."""
    images = read_pictures(path, lambda pixels: pixels)
    sizes: dict[tuple[int, ...], str] = {}
    for file, image in images.items():
        sizes.setdefault(image.shape[1::-1], file)
    if len(sizes) > 1:
        found = ", ".join(f"{width}×{height} ({first})" for (width, height), first in sizes.items())
        raise ValueError(f"The images in {path} have several sizes: {found}. A camera has one.")
    dtype = dtype or ("uint8" if all(image.ndim == 2 for image in images.values()) else "uint16")
    if dtype == "uint8":
        pixels = np.stack([image if image.ndim == 2 else to_grey(image) for image in images.values()])
    else:
        pixels = np.stack([_to_rgb565(image) for image in images.values()])
    _, rows, width = pixels.shape
    description = Sensor(
        id=4,
        name=name,
        unit="counts" if dtype == "uint8" else "RGB565",
        channels=width,
        dtype=dtype,
        rate_hz=images_a_second * rows,
        low=0,
        high=255 if dtype == "uint8" else 65535,
        kind=SensorKind.IMAGE,
        rows=rows,
    )
    return LoopSource(description, lambda: pixels)


def _to_rgb565(image: NDArray[np.uint8]) -> NDArray[np.uint16]:
    colours = np.atleast_3d(image).astype(np.uint16)
    red, green, blue = np.moveaxis(np.broadcast_to(colours, (*image.shape[:2], 3)), -1, 0)
    return (red >> 3) << 11 | (green >> 2) << 5 | blue >> 3


def _recording(path: Path) -> LoopSource:
    """Play a recording: the samples that arrived, without the gaps, as its sensor sent them."""
    try:
        told = json.loads((path / "recording.json").read_text("utf-8"))
        sensor = told["sensor"]
        kind, name, rate = sensor["kind"], str(sensor["name"]), sensor.get("nominal_rate_hz")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}/recording.json is no description of a recording ({error!r}).") from None
    rate = float(rate or told.get("measured_rate_hz") or 0.0)
    if kind == "audio":
        return _sound(path / "audio.wav", name=name, rate_hz=rate)
    dtype = sensor.get("dtype", "")
    if kind == "image":
        return _images(path, rate or IMAGES_A_SECOND, name=name, dtype=dtype)
    table = read_motion_csv(path / "samples.csv", rate, many=True)
    assert table is not None
    units = tuple(sensor.get("units") or [""] * len(table.names))
    table = MotionTable(names=table.names, units=units, rate_hz=rate or table.rate_hz, samples=table.samples)
    if dtype not in DTYPES.values():
        dtype = "float32"
    return _signal(table, name=name, dtype=dtype, low=_number(sensor.get("low")), high=_number(sensor.get("high")))


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
