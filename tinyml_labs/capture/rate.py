"""The true sampling rate, measured over a whole recording."""

from __future__ import annotations

import math
from dataclasses import dataclass

WARN_ABOVE = 0.01
"""A measured rate that differs from the nominal one by a larger part is a warning."""


@dataclass(slots=True)
class _Stretch:
    """One stream's sums for a straight line through (sample number, microseconds); exact in integers."""

    count: int = 0
    x0: int = 0
    y0: int = 0
    x: int = 0
    y: int = 0
    xx: int = 0
    xy: int = 0

    def add(self, number: int, micros: int) -> None:
        if not self.count:
            self.x0, self.y0 = number, micros
        x, y = number - self.x0, micros - self.y0
        self.count += 1
        self.x += x
        self.y += y
        self.xx += x * x
        self.xy += x * y


class BoardClockRate:
    """Fit a straight line through (sample number, the board's microseconds): its slope is the period.

    The whole recording counts, and not its two ends: a frame that was stamped late moves the result little. Lost
    samples do no harm, since the numbers count them. The clock is 32 bits of microseconds and wraps after
    71.6 minutes; each stretch between two restarts is fitted on its own, with one slope for all.
    """

    def __init__(self) -> None:
        self._sums = [0.0, 0.0]  # of the stretches that are over
        self._now: _Stretch = _Stretch()
        self._last_micros = 0
        self._micros = 0

    def restart(self) -> None:
        """Begin a new stretch: the board's clock or its numbers began anew."""
        top, bottom = _moments(self._now)
        self._sums[0] += top
        self._sums[1] += bottom
        self._now = _Stretch()

    def add(self, number: int, micros: int) -> None:
        """Take a frame's first sample: its number, and the board's 32-bit time of it."""
        if not self._now.count:
            self._micros = micros
        else:
            self._micros += (micros - self._last_micros + 2**31) % 2**32 - 2**31  # a little back is no wrap
        self._last_micros = micros
        self._now.add(number, self._micros)

    @property
    def hz(self) -> float | None:
        """The rate in hertz; None before there are two frames."""
        top, bottom = _moments(self._now)
        top, bottom = top + self._sums[0], bottom + self._sums[1]
        if bottom <= 0 or top <= 0:
            return None
        return 1e6 * bottom / top


def _moments(line: _Stretch) -> tuple[float, float]:
    """Covariance of time and number, and variance of the number, each times the count."""
    if line.count < 2:
        return 0.0, 0.0
    n = line.count
    return (n * line.xy - line.x * line.y) / n, (n * line.xx - line.x * line.x) / n


def is_off(measured_hz: float | None, nominal_hz: float | None) -> bool:
    """Say whether a measured rate is more than 1 % off the nominal one."""
    if not measured_hz or not nominal_hz or math.isnan(measured_hz):
        return False
    return abs(measured_hz / nominal_hz - 1) > WARN_ABOVE
