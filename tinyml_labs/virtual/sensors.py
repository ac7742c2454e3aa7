"""A virtual board's sensor: a recording played at its rate, by the board's own sample clock."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tinyml_labs.datasets import load_recorded_sweep, load_signal_csv
from tinyml_labs.link.descriptions import Sensor
from tinyml_labs.link.messages import Samples, StreamEnd, Type

SECONDS_A_FRAME = 0.04
BUFFERED_SAMPLES = 4096


class PlayedSensor:
    """A sensor that plays a recorded signal, over and over.

    Parameters
    ----------
    path : str
        A CSV file as :func:`tinyml_labs.datasets.load_signal_csv` takes it; empty for the bundled sweep.
    """

    def __init__(self, path: str = "") -> None:
        signal = load_signal_csv(path) if path else load_recorded_sweep()
        whole = bool(np.all(signal.samples == np.round(signal.samples)))
        small = bool(signal.samples.min() >= 0 and signal.samples.max() <= 65535)
        self.samples = signal.samples.astype("<u2" if whole and small else "<f4")
        low, high = signal.full_scale or (math.nan, math.nan)
        self.description = Sensor(
            id=1,
            name="analog",
            unit=signal.unit,
            channels=1,
            dtype="uint16" if self.samples.dtype.kind == "u" else "float32",
            rate_hz=signal.rate_hz,
            low=low,
            high=high,
        )


class SensorStream:
    """One stream of a sensor: which samples are due, and the frames that carry them.

    Parameters
    ----------
    sensor : PlayedSensor
    start : float, seconds
    samples : int
        How many to send; 0 for no end.
    speed : float
        How many times faster than real time.
    """

    def __init__(self, sensor: PlayedSensor, *, start: float, samples: int, speed: float) -> None:
        self._sensor = sensor
        self._start = start
        self._rate = sensor.description.rate_hz * speed
        self._wanted = samples
        self._next = 0  # the first sample that was neither sent nor dropped
        self._overruns = 0
        self._chunk = max(1, min(1024, round(self._rate * SECONDS_A_FRAME)))
        self.ended = False

    def advance(self, now: float, *, room: bool) -> Iterator[tuple[Type, bytes]]:
        """Give the messages that are due at ``now``, in seconds; without room, samples wait or are dropped."""
        due = int((now - self._start) * self._rate)
        if self._wanted:
            due = min(due, self._wanted)
        if not room:
            excess = due - self._next - BUFFERED_SAMPLES
            if excess > 0:  # the board's buffer is full: the oldest samples are lost, and counted
                self._next += excess
                self._overruns += excess
            return
        while due - self._next >= self._chunk or (self._next < due == self._wanted):
            count = min(self._chunk, due - self._next)
            indices = np.arange(self._next, self._next + count) % len(self._sensor.samples)
            message = Samples(
                sensor=self._sensor.description.id,
                first=self._next,
                overruns=self._overruns,
                data=self._sensor.samples[indices].tobytes(),
            )
            self._next += count
            yield Type.SAMPLES, message.pack()
        if self._wanted and self._next >= self._wanted:
            self.ended = True
            number = self._sensor.description.id
            yield Type.STREAM_END, StreamEnd(sensor=number, samples=self._next, overruns=self._overruns).pack()

    def next_event(self, now: float) -> float:
        """Give the seconds until the next message is due."""
        target = self._next + self._chunk
        if self._wanted:
            target = min(target, self._wanted)
        return max(0.0, self._start + target / self._rate - now)
