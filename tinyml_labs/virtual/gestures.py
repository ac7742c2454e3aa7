"""A simulated person at the virtual board's motion sensor: one gesture after the other, in the order asked for."""

from __future__ import annotations

import json
from bisect import bisect_right
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.features.windows import Interval
from tinyml_labs.link.descriptions import Sensor
from tinyml_labs.simulation.imu import LSM9DS1, make_part
from tinyml_labs.simulation.sessions import simulate_session
from tinyml_labs.simulation.signals import minimum_jerk
from tinyml_labs.simulation.subjects import make_subject
from tinyml_labs.virtual.settings import VirtualBoardSettings

STRETCH_S = 12.0
SEAM_S = 0.4  # shorter than any pause between gestures
_SESSIONS_A_SEED = 10**6  # stretches of one seed are not those of another
_BOARD = 3  # what a person's random numbers are for: the sensor, the same in every stretch


class GestureSource:
    """Gestures without end: a :class:`tinyml_labs.virtual.sensors.SampleSource`.

    They are simulated in stretches of about twelve seconds (or of one gesture, if that is longer), each when its
    first sample is asked for. Between two stretches the hand rests, and one is faded into the other.

    Parameters
    ----------
    description : Sensor
        Six channels: acceleration in g, rotation in deg/s.
    settings : VirtualBoardSettings
        Its ``gestures``, ``gesture_s``, ``person``, ``gesture_log`` and ``seed`` count here.
    """

    delay_s = 0.0

    def __init__(self, description: Sensor, settings: VirtualBoardSettings) -> None:
        self.description = description
        self._order = settings.gesture_order
        self._seconds = settings.gesture_s
        self._turns = max(1, int(STRETCH_S // self._seconds))
        self._first_session = (settings.seed + 1) * _SESSIONS_A_SEED
        self._subject = make_subject(settings.person)
        self._part = make_part(LSM9DS1, self._subject.random(_BOARD))
        self._seam = max(1, round(SEAM_S * description.rate_hz))
        self._starts = [0]  # of the stretches whose lengths are known, and of the next one
        self._kept: dict[int, tuple[NDArray[np.float32], list[Interval]]] = {}
        self._log = Path(settings.gesture_log) if settings.gesture_log else None
        if self._log is not None:
            self._log.write_text("", "utf-8")

    def take(self, first: int, count: int) -> NDArray[np.float32]:
        """Give samples from number ``first`` on."""
        pieces = []
        for number in self._stretches(first, first + count):
            start, end = self._starts[number], self._starts[number + 1]
            begin = max(first, start)
            pieces.append(self._stretch(number)[0][begin - start : min(first + count, end) - start])
        return np.concatenate(pieces or [np.zeros((0, 6), np.float32)]).astype("<f4", copy=False)

    def intervals(self, first: int, count: int) -> list[Interval]:
        """Give the truth: the gestures of which a sample lies among these, by the numbers of the samples.

        What lies between them has no label: the hand comes back, or rests.
        """
        found = []
        for number in self._stretches(first, first + count):
            found += self._intervals_of(number)
        return [interval for interval in found if interval.start < first + count and interval.end > first]

    def _stretches(self, begin: int, end: int) -> range:
        """Give the numbers of the stretches in which samples lie, all made at least once."""
        while self._starts[-1] < end:
            number = len(self._starts) - 1
            samples, _ = self._stretch(number)
            self._starts.append(self._starts[number] + len(samples) - self._seam)
            self._note(number)
        last = bisect_right(self._starts, end - 1)
        return range(bisect_right(self._starts, begin) - 1, last) if end > begin else range(0)

    def _stretch(self, number: int) -> tuple[NDArray[np.float32], list[Interval]]:
        """Give a stretch's samples, of which the last few belong to the seam with the next, and its gestures."""
        if number not in self._kept:
            samples, intervals = self._simulate(number)
            if number > 0:
                before, _ = self._kept.get(number - 1) or self._simulate(number - 1)
                samples[: self._seam] = self._fade(before[-self._seam :], samples[: self._seam])
            self._kept = {n: stretch for n, stretch in self._kept.items() if n == number - 1}
            self._kept[number] = samples, intervals
        return self._kept[number]

    def _simulate(self, number: int) -> tuple[NDArray[np.float32], list[Interval]]:
        turns = range(number * self._turns, (number + 1) * self._turns)
        plan = [(self._order[turn % len(self._order)], self._seconds) for turn in turns]
        if number > 0:
            plan.insert(0, ("idle", SEAM_S))  # a hand at rest, to fade into
        session = simulate_session(
            self._subject,
            plan,
            session=self._first_session + number,
            rate_hz=self.description.rate_hz,
            part=self._part,
        )
        return session.samples, session.intervals[1:] if number > 0 else session.intervals

    def _fade(self, before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.float32]:
        """Go from one hand at rest to another, in whole steps of the sensor."""
        share = minimum_jerk(np.linspace(0, 1, len(before)))[:, None]
        lsb = self._part.lsb()
        return (np.round((before * (1 - share) + after * share) / lsb) * lsb).astype(np.float32)

    def _intervals_of(self, number: int) -> list[Interval]:
        start = self._starts[number]
        return [interval.later(start) for interval in self._stretch(number)[1]]

    def _note(self, number: int) -> None:
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(vars(interval)) + "\n" for interval in self._intervals_of(number))
