"""What became of the gestures and events of one label, in figures with their intervals. Part of `evaluation`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tinyml_labs.intervals import poisson_interval, wilson_interval

_LATE_PART = 0.9


class Estimate(NamedTuple):
    """A measured share or rate, and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class EventCounts:
    """What became of the gestures and the events of one label, or of all.

    Attributes
    ----------
    label : str
    seconds : float
        How long the stream was.
    gestures, hits : int
        Gestures of this label, and those that were found.
    repeats : int
        Events of this label in one of its gestures that had been found already.
    wrong : int
        Events of this label in a gesture of another.
    false_alarms : int
        Events of this label outside every gesture.
    latencies_s : tuple of float
        Of each hit, from the beginning of the gesture to the event.
    """

    label: str
    seconds: float
    gestures: int
    hits: int
    repeats: int
    wrong: int
    false_alarms: int
    latencies_s: tuple[float, ...] = field(repr=False)

    @property
    def misses(self) -> int:
        """Gestures that were not found."""
        return self.gestures - self.hits

    @property
    def recall(self) -> Estimate | None:
        """The share of gestures that were found, with its Wilson interval; None without gestures."""
        if not self.gestures:
            return None
        return Estimate(self.hits / self.gestures, *wilson_interval(self.hits, self.gestures))

    @property
    def false_alarms_per_minute(self) -> Estimate:
        """False alarms a minute of the whole stream, with their Poisson interval."""
        return self._rate(60.0)

    @property
    def false_alarms_per_hour(self) -> Estimate:
        """False alarms an hour of the whole stream, with their Poisson interval."""
        return self._rate(3600.0)

    def _rate(self, unit_s: float) -> Estimate:
        return Estimate(
            *(unit_s * n / self.seconds for n in (self.false_alarms, *poisson_interval(self.false_alarms)))
        )

    @property
    def median_latency_s(self) -> float | None:
        """The median of the latencies; None without a hit."""
        return float(np.median(self.latencies_s)) if self.latencies_s else None

    @property
    def late_latency_s(self) -> float | None:
        """So long at most it took for 90 % of the hits; None without a hit."""
        return float(np.quantile(self.latencies_s, _LATE_PART)) if self.latencies_s else None

    def to_dict(self) -> dict[str, Any]:
        """The figures, for JSON; null where there is nothing to measure them on."""
        recall = self.recall
        return {
            "gestures": self.gestures,
            "hits": self.hits,
            "misses": self.misses,
            "recall": None if recall is None else recall._asdict(),
            "wrong": self.wrong,
            "repeats": self.repeats,
            "false_alarms": self.false_alarms,
            "false_alarms_per_minute": self.false_alarms_per_minute._asdict(),
            "false_alarms_per_hour": self.false_alarms_per_hour._asdict(),
            "median_latency_s": self.median_latency_s,
            "latency_90_percent_s": self.late_latency_s,
        }

    def row(self) -> dict[str, float]:
        """The figures as a row of the table; NaN where there is nothing to measure them on."""
        recall = self.recall or Estimate(math.nan, math.nan, math.nan)
        minute, hour = self.false_alarms_per_minute, self.false_alarms_per_hour
        figures: dict[str, float] = {
            "gestures": self.gestures, "hits": self.hits, "misses": self.misses,
            "recall": recall.value, "recall from": recall.low, "recall to": recall.high,
            "wrong": self.wrong, "repeats": self.repeats, "false alarms": self.false_alarms,
            "a minute": minute.value, "a minute from": minute.low, "a minute to": minute.high,
            "an hour": hour.value, "an hour from": hour.low, "an hour to": hour.high,
            "median latency (s)": _or_nan(self.median_latency_s), "90 % latency (s)": _or_nan(self.late_latency_s),
        }  # fmt: skip
        return figures


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
