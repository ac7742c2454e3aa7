"""The sensors of a virtual board: what each announces, and its samples by their numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.datasets import Signal, load_recorded_sweep
from tinyml_labs.link.descriptions import Sensor, SensorKind
from tinyml_labs.virtual import camera, hand, microphone
from tinyml_labs.virtual.pattern import test_pattern
from tinyml_labs.virtual.settings import VirtualBoardSettings

IMU_NAMES = "accX,accY,accZ,gyrX,gyrY,gyrZ"
IMU_UNITS = "g,g,g,deg/s,deg/s,deg/s"
TEST_RATE_HZ = 1000.0


class SampleSource(Protocol):
    """A sensor: every sample is known by its number, so that nothing has to be kept for it.

    Attributes
    ----------
    description : Sensor
    delay_s : float
        How much later than at one sample's time after the beginning of a stream the first is there.
    """

    description: Sensor
    delay_s: float

    def take(self, first: int, count: int) -> NDArray:
        """Give samples, (count, channels), little endian, in the sensor's dtype."""


class LoopSource:
    """Samples that are played over and over.

    Parameters
    ----------
    description : Sensor
    make : callable
        Gives the samples, (samples, channels); called when the first of them is asked for.
    """

    delay_s = 0.0

    def __init__(self, description: Sensor, make: Callable[[], NDArray]) -> None:
        self.description = description
        self._make = make
        self._samples: NDArray | None = None

    @property
    def samples(self) -> NDArray:
        """All of them, (samples, channels)."""
        if self._samples is None:
            dtype = np.dtype(self.description.dtype).newbyteorder("<")
            self._samples = np.ascontiguousarray(self._make(), dtype).reshape(-1, self.description.channels)
        return self._samples

    def take(self, first: int, count: int) -> NDArray:
        """Give samples from number ``first`` on."""
        samples = self.samples
        start = first % len(samples)
        if start + count <= len(samples):
            return samples[start : start + count]
        return samples[np.arange(first, first + count) % len(samples)]


class PatternSource:
    """The sensor ``test_pattern``: a known function of number and channel."""

    delay_s = 0.0

    def __init__(self, description: Sensor) -> None:
        self.description = description

    def take(self, first: int, count: int) -> NDArray:
        """Give samples from number ``first`` on."""
        values = test_pattern(first, count, self.description.channels, self.description.dtype)
        return values.astype(values.dtype.newbyteorder("<"), copy=False)


def make_sensors(settings: VirtualBoardSettings) -> tuple[SampleSource, ...]:
    """Make the board's sensors: ``analog``, ``imu``, ``microphone``, ``camera`` and ``test_pattern``.

    What ``settings.play`` names takes the place of one of them. A keyword spotter has ``scores``, ``microphone`` and
    ``spectrogram`` instead; a person detector ``scores`` and ``camera``.

    Raises
    ------
    FileNotFoundError, ValueError
        If what is to be played is not there or cannot be played or takes the place of the gestures, or a sample is
        too large for a frame.
    """
    if settings.detector:
        from tinyml_labs.virtual.detector import make_detector

        return _check_sizes(make_detector(settings), settings)
    sensors: list[SampleSource] = [
        analog_source(load_recorded_sweep()),
        _imu(settings),
        _microphone(settings),
        _camera(settings),
        _pattern(settings),
    ]
    sound = sensors[2]
    if settings.play:
        from tinyml_labs.virtual.playback import open_played

        played = open_played(Path(settings.play), settings.sensor_rate_hz)
        place = next((k for k, s in enumerate(sensors) if s.description.name == played.description.name), None)
        if place is None:
            place = {SensorKind.AUDIO: 2, SensorKind.IMAGE: 3}.get(played.description.kind, 1)
        if settings.gestures and sensors[place].description.name == "imu":
            raise ValueError(
                f"play={settings.play} and gestures={settings.gestures} both want to be the motion sensor. "
                "Leave one out."
            )
        played.description = replace(played.description, id=place + 1)
        sensors[place] = sound = played
    if settings.spotter:
        from tinyml_labs.virtual.spotter import make_spotter

        sensors = list(make_spotter(settings, sound))
    return _check_sizes(tuple(sensors), settings)


def analog_source(signal: Signal) -> LoopSource:
    """Make the sensor ``analog`` of a scalar signal."""
    whole = bool(np.all(signal.samples == np.round(signal.samples)))
    small = bool(signal.samples.min() >= 0 and signal.samples.max() <= 65535)
    low, high = signal.full_scale or (math.nan, math.nan)
    description = Sensor(
        id=1,
        name="analog",
        unit=signal.unit,
        channels=1,
        dtype="uint16" if whole and small else "float32",
        rate_hz=signal.rate_hz,
        low=low,
        high=high,
    )
    return LoopSource(description, lambda: signal.samples)


def sample_bytes(sensor: Sensor) -> int:
    """Give the bytes of one sample on the wire."""
    return sensor.channels * np.dtype(sensor.dtype).itemsize


def _imu(settings: VirtualBoardSettings) -> SampleSource:
    rate = settings.sensor_rate_hz or hand.RATE_HZ
    description = Sensor(
        id=2,
        name="imu",
        unit=IMU_UNITS,
        channels=6,
        dtype="float32",
        rate_hz=rate,
        channel_names=IMU_NAMES,
    )
    if settings.gestures:
        from tinyml_labs.virtual.gestures import GestureSource

        return GestureSource(description, settings)
    return LoopSource(description, lambda: hand.move(rate, settings.seed))


def _microphone(settings: VirtualBoardSettings) -> LoopSource:
    description = Sensor(
        id=3,
        name="microphone",
        unit="counts",
        channels=1,
        dtype="int16",
        rate_hz=microphone.RATE_HZ,
        low=-32768,
        high=32767,
        kind=SensorKind.AUDIO,
    )
    return LoopSource(description, lambda: microphone.hear(settings.seed))


def _camera(settings: VirtualBoardSettings) -> LoopSource:
    description = Sensor(
        id=4,
        name="camera",
        unit="counts",
        channels=camera.WIDTH,
        dtype="uint8",
        rate_hz=camera.IMAGES_A_SECOND * camera.ROWS,
        low=0,
        high=255,
        kind=SensorKind.IMAGE,
        rows=camera.ROWS,
    )
    return LoopSource(description, lambda: camera.watch(settings.seed))


def _pattern(settings: VirtualBoardSettings) -> PatternSource:
    dtype = np.dtype(settings.test_dtype)
    limits = (0, 65535) if dtype.itemsize > 2 else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    description = Sensor(
        id=5,
        name="test_pattern",
        unit="counts",
        channels=settings.test_channels,
        dtype=settings.test_dtype,
        rate_hz=settings.sensor_rate_hz or TEST_RATE_HZ,
        low=limits[0],
        high=limits[1],
    )
    return PatternSource(description)


def _check_sizes(sensors: tuple[SampleSource, ...], settings: VirtualBoardSettings) -> tuple[SampleSource, ...]:
    from tinyml_labs.link.messages import SAMPLES_OVERHEAD

    room = settings.frame_payload - SAMPLES_OVERHEAD
    for sensor in (source.description for source in sensors):
        if sample_bytes(sensor) > room:
            raise ValueError(
                f"A sample of {sensor.name!r} has {sample_bytes(sensor)} bytes, and a frame of frame_payload="
                f"{settings.frame_payload} has room for {room}. Choose a larger frame_payload, or fewer channels."
            )
    return sensors
