"""A board that prints its sensor's samples as text, as most sketches do: no frames, no handshake, no numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.virtual.program import BoardClock
from tinyml_labs.virtual.sensors import SampleSource, sample_bytes
from tinyml_labs.virtual.settings import DEFAULT_BOOT_TEXT, VirtualBoardSettings

BURST_ROWS = 119
HEADER = "aX,aY,aZ,gX,gY,gZ"
_MOST_LINES = 2000
_SECONDS_A_BATCH = 0.01


class CsvProgram:
    """A sketch that prints a line a sample: a :class:`tinyml_labs.virtual.program.Program`.

    ``plain`` and ``edge_impulse`` print from the reset on, whether somebody listens or not. ``imu_capture`` is
    Arduino's IMU_Capture: it waits until the port is open for the first time, prints a header, and then, whenever
    the accelerations' sum reaches the threshold, the next 119 samples with three decimals, and an empty line.

    Parameters
    ----------
    settings : VirtualBoardSettings
    sensors : tuple of SampleSource

    Raises
    ------
    ValueError
        If there is no such sensor, or not one that suits the style.
    """

    terminator = b"\n"

    def __init__(self, settings: VirtualBoardSettings, sensors: tuple[SampleSource, ...]) -> None:
        self._settings = settings
        self._source = _choose(sensors, settings.sensor)
        self._sensor = self._source.description
        self._bursts = settings.csv_style == "imu_capture"
        if self._bursts and self._sensor.channels != 6:
            raise ValueError(
                f"The style imu_capture prints six columns, and {self._sensor.name!r} has {self._sensor.channels} "
                "channels. Choose a sensor of six, such as imu, or the style plain."
            )
        self._clock = BoardClock(settings)
        self._rate = self._sensor.rate_hz * (1 + settings.rate_error_percent / 100)
        self._kept = max(1, settings.buffer_kb * 1024 // sample_bytes(self._sensor))
        usual = "tab" if settings.csv_style == "edge_impulse" else "comma"
        separator = usual if settings.csv_separator == "auto" else settings.csv_separator
        self._separator = "\t" if separator == "tab" else ","
        self._faults: list[dict[str, Any]] = []
        self._host = False
        self.running_since: float | None = None
        self.reset(0.0)

    def reset(self, now: float) -> None:
        """Start anew; the first sample is taken when the board is ready."""
        self._clock.reset(now)
        self._start_s = self._clock.seconds(self._clock.ready_at)
        self._begun = not self._bursts
        self._greeting = self._settings.boot_text if self._settings.boot_text != DEFAULT_BOOT_TEXT else ""
        self._next = 0  # the first sample that was not looked at
        self._rows_left = 0
        self._out: list[str] = []
        if self._host:
            self.host_came(now)

    def receive(self, data: bytes, now: float) -> None:
        """Ignore what the host says."""

    def transmit(self, now: float, *, room: bool) -> bytes:
        """Give the lines of the samples that have been taken."""
        if now < self._clock.ready_at:
            return b""
        if self._greeting:
            self._out.append(self._greeting)
            self._greeting = ""
        if not self._begun:
            self._begun = True  # as after `while (!Serial);`
            self._start_s = self._clock.seconds(now)
            self._out.append(HEADER + "\r\n")
        due = self._taken(now)
        if room:
            end = min(due, self._next + _MOST_LINES)
            if end > self._next:
                self._print(self._source.take(self._next, end - self._next))
                self._next = end
        elif due - self._next > self._kept:
            self._lose(due - self._kept)
        text, self._out = "".join(self._out), []
        return text.encode("ascii", errors="replace")

    def next_event(self, now: float) -> float:
        """Give the seconds until the next line."""
        if now < self._clock.ready_at:
            return self._clock.ready_at - now
        batch = max(1, int(self._rate * self._settings.speed * _SECONDS_A_BATCH))
        return self._clock.until(self._start_s + (self._next + batch) / self._rate, now)

    def host_came(self, now: float) -> None:
        """Begin with the sample that is due now: what was printed before is lost."""
        self._host = True
        self.running_since = max(now, self._clock.ready_at)
        if self._begun:
            missed, self._next = self._taken(now) - self._next, self._taken(now)
            self._rows_left = max(0, self._rows_left - missed)
            if now > self._clock.ready_at:
                self._greeting = ""

    def host_left(self) -> None:
        """Go on: this program does not notice."""
        self._host = False
        self.running_since = None

    def position(self, now: float) -> dict[str, Any]:
        """Say how many samples have been taken since the reset."""
        return {"sensor": self._sensor.name, "taken": self._taken(now)}

    def take_faults(self) -> list[dict[str, Any]]:
        """Give the samples that were lost because the line did not take them."""
        faults, self._faults = self._faults, []
        return faults

    def check_model(self) -> None:
        """Do nothing: this program runs no model."""

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""

    def _taken(self, now: float) -> int:
        return max(0, int((self._clock.seconds(now) - self._start_s) * self._rate)) if self._begun else 0

    def _lose(self, until: int) -> None:
        lost = {"fault": "overrun", "sensor": self._sensor.name, "first": self._next, "samples": until - self._next}
        self._faults.append(lost)
        self._next = until

    def _print(self, samples: NDArray) -> None:
        if not self._bursts:
            self._out += [line + "\r\n" for line in self._lines(samples, self._settings.csv_decimals)]
            return
        strength = np.abs(samples[:, :3].astype(np.float64)).sum(axis=1)
        moving = np.nonzero(strength >= self._settings.csv_threshold_g)[0]
        at = 0
        while at < len(samples):
            if not self._rows_left:
                k = int(np.searchsorted(moving, at))
                if k == len(moving):
                    return
                at = int(moving[k]) + 1  # the sample that begins a burst is not printed itself
                self._rows_left = BURST_ROWS
            rows = samples[at : at + self._rows_left]
            self._out += [line + "\r\n" for line in self._lines(rows, 3)]
            at += len(rows)
            self._rows_left -= len(rows)
            if not self._rows_left:
                self._out.append("\r\n")

    def _lines(self, samples: NDArray, decimals: int) -> Iterable[str]:
        if samples.dtype.kind == "f" and decimals >= 0:
            rows = ([f"{value:.{decimals}f}" for value in row] for row in samples.tolist())
        elif samples.dtype.kind == "f":  # str of a float32 is the shortest text that reads back as the same number
            rows = ([str(value) for value in row] for row in samples)
        else:
            rows = ([str(value) for value in row] for row in samples.tolist())
        return (self._separator.join(row) for row in rows)


def _choose(sensors: tuple[SampleSource, ...], name: str) -> SampleSource:
    for source in sensors:
        if source.description.name == name:
            return source
    names = ", ".join(source.description.name for source in sensors)
    raise ValueError(f"This virtual board has no sensor {name!r}. Its sensors: {names}.")
