"""A column that holds the board's own time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.capture.csv_lines import name_and_unit

TIME_UNITS_S = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
_UNIT_NAMES = {
    "s": "s", "sec": "s", "second": "s", "seconds": "s",
    "ms": "ms", "msec": "ms", "millis": "ms", "milliseconds": "ms",
    "us": "us", "usec": "us", "µs": "us", "μs": "us", "micros": "us", "microseconds": "us",
}  # fmt: skip
_NAMES = ("t", "time", "timestamp", *(name for name in _UNIT_NAMES if name not in ("s", "sec", "second")))
_CLOCK = 2.0**32  # millis() and micros() count so far, and begin again at 0
_GUESS_AFTER_S = 0.5


def time_unit(name: str) -> str | None:
    """Read a column's name.

    Returns
    -------
    str or None
        ``"s"``, ``"ms"`` or ``"us"``; ``""`` for a time without unit; None if it is no time.

    Examples
    --------
    >>> [time_unit(name) for name in ("time_ms", "timestamp (us)", "t", "temperature")]
    ['ms', 'us', '', None]
    """
    bare, unit = name_and_unit(name.strip().lower())
    words = bare.replace(" ", "_").split("_")
    if words[0] not in _NAMES or any(word not in _UNIT_NAMES for word in words[1:]):
        return None
    return _UNIT_NAMES.get(unit or words[-1], "")


def unwrapped(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Undo the wrap of a 32-bit clock: after 71.6 minutes of microseconds, or 49.7 days of milliseconds."""
    wraps = np.cumsum(np.diff(values, prepend=values[:1]) < -_CLOCK / 2)
    return values + _CLOCK * wraps


@dataclass
class TimeColumn:
    """What is known of a time column while its rows come.

    Attributes
    ----------
    column : int
        Which of the line's columns it is.
    name : str
    said_unit : str or None
        The unit that its name, or the user, gives.
    """

    column: int
    name: str
    said_unit: str | None
    _last: float = -math.inf
    _start: tuple[float, float] = (0.0, 0.0)  # the board's and the host's time when it began
    _ratio: float | None = None

    def ran_back(self, value: float, host_seconds: float) -> bool:
        """Take a row's time; say whether the board began anew before it."""
        first, back = self._last == -math.inf, value < self._last
        if back and self._last - value > _CLOCK / 2:
            self._start, back = (self._start[0] - _CLOCK, self._start[1]), False
        if first or back:
            self._start = (value, host_seconds)
        elif host_seconds - self._start[1] > _GUESS_AFTER_S:
            self._ratio = (value - self._start[0]) / (host_seconds - self._start[1])
        self._last = value
        return back

    @property
    def unit(self) -> str | None:
        """The unit: as the name or the user says it, or as it runs beside the host's clock; None while open."""
        if self.said_unit or not self._ratio or self._ratio < 0:
            return self.said_unit
        return next((unit for unit, s in TIME_UNITS_S.items() if 1 / 3 < self._ratio * s < 3), None)
