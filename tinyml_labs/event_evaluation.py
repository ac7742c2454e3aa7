"""Compare the events that were found in a stream with what was done when. Part of `evaluation`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tinyml_labs.evaluation_views import Shown
from tinyml_labs.event_counts import EventCounts
from tinyml_labs.event_matching import (
    FALSE_ALARM,
    HIT,
    REPEAT,
    WRONG,
    Event,
    JudgedEvent,
    TruthInterval,
    judge_events,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from tinyml_labs.features import Interval
    from tinyml_labs.stream_prediction import StreamPrediction


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class EventReport(Shown):
    """Events against truth; :func:`evaluate_events` gives it and says by which rules.

    Attributes
    ----------
    seconds : float
        How long the stream was: false alarms are counted against this time.
    seconds_outside : float
        How long no gesture was on, tolerances taken off: the time in which a false alarm could come.
    tolerance_s : float
    labels : tuple of EventCounts
        By label, in alphabetical order.
    overall : EventCounts
        All labels together.
    judged : tuple of JudgedEvent
        Each event with its verdict and its gesture, by time.
    truth, missed : tuple of TruthInterval
        The gestures, and those that were not found, by time.
    ignored : int
        Events of a background label, which are neither right nor wrong.
    """

    seconds: float
    seconds_outside: float
    tolerance_s: float
    labels: tuple[EventCounts, ...]
    overall: EventCounts
    judged: tuple[JudgedEvent, ...] = field(repr=False)
    truth: tuple[TruthInterval, ...] = field(repr=False)
    missed: tuple[TruthInterval, ...] = field(repr=False)
    ignored: int

    def __getitem__(self, label: str) -> EventCounts:
        """Give the counts of a label."""
        for counts in self.labels:
            if counts.label == label:
                return counts
        raise KeyError(f"There is no label {label!r}; there are {', '.join(c.label for c in self.labels) or 'none'}.")

    @property
    def confusions(self) -> dict[tuple[str, str], int]:
        """How often a gesture of one label (first) made an event of another (second)."""
        wrong = Counter((j.gesture.label, j.label) for j in self.judged if j.verdict == WRONG and j.gesture)
        return dict(sorted(wrong.items()))

    @property
    def table(self) -> pd.DataFrame:
        """One row a label, and one for all, as a pandas DataFrame."""
        import pandas as pd

        counts = (*self.labels, self.overall)
        return pd.DataFrame([each.row() for each in counts], index=[each.label for each in counts])

    def headline(self) -> str:
        """Say in one line how many gestures were found, how fast, and how often something else was."""
        total, rate = self.overall, self.overall.false_alarms_per_minute
        found = "No gestures"
        if total.recall is not None:
            share, low, high = total.recall
            found = (
                f"{total.hits} of {total.gestures} gestures found ({share:.0%}, 95 % interval {low:.0%} to {high:.0%}"
            )
            found += f"; median latency {total.median_latency_s:.2f} s)" if total.hits else ")"
        alarms = "1 false alarm" if total.false_alarms == 1 else f"{total.false_alarms} false alarms"
        wrong = f"; {total.wrong} taken for another" if total.wrong else ""
        return (
            f"{found}{wrong}; {alarms} in {self.seconds / 60:.1f} min ({rate.value:.2g} a minute, 95 % interval "
            f"{rate.low:.2g} to {rate.high:.2g})"
        )

    def to_dict(self) -> dict[str, Any]:
        """The figures, for JSON."""
        return {
            "seconds": self.seconds,
            "seconds_outside": self.seconds_outside,
            "tolerance_s": self.tolerance_s,
            "overall": self.overall.to_dict(),
            "labels": {counts.label: counts.to_dict() for counts in self.labels},
            "confusions": [
                {"gesture": gesture, "event": event, "count": count}
                for (gesture, event), count in self.confusions.items()
            ],
            "ignored": self.ignored,
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw gestures as bars and events as marks over time, one row a label; a missed gesture is hatched."""
        from tinyml_labs.event_views import plot_judged_events

        return plot_judged_events(self, ax)


def evaluate_events(
    events: Iterable[Event | tuple[str, float]],
    truth: Iterable[TruthInterval | tuple[str, float, float]],
    *,
    seconds: float,
    tolerance_s: float = 1.0,
    background: Collection[str] = ("idle", "other"),
) -> EventReport:
    """Hold the events that were found in a stream against the gestures (or words) that were in it.

    An event belongs to a gesture if ``start <= time <= end + tolerance_s``: it comes when the window is complete and
    the scores are smooth, and so often after the end. Then, of each label for itself:

    1. **Hit**: an event of the gesture's label that belongs to it. A gesture is hit once, and an event hits one
       gesture. Where the tail of a gesture reaches into the next of the same label, events and gestures are paired so
       that as many gestures as possible are hit and, among those ways, the sum of the latencies is the smallest: of
       several events in one gesture the earliest is the hit. A gesture without a hit is a **miss**.
    2. **Repeat**: another event that belongs to a gesture of its own label. It is no false alarm.
    3. **Wrong**: any other event that belongs to a gesture of another label. It does not hit that gesture.
    4. **False alarm**: an event that belongs to no gesture.

    So each gesture is a hit or a miss, and each event is one of hit, repeat, wrong and false alarm. The result does
    not depend on the order of events and truth.

    Parameters
    ----------
    events : iterable of Event or (label, time_s)
        Times in seconds since the beginning, such as ``StreamPrediction.events``.
    truth : iterable of TruthInterval or (label, start_s, end_s)
        What was done when. Two gestures must not overlap; they may touch.
    seconds : float
        How long the stream was. False alarms are counted against all of it.
    tolerance_s : float
        How late after the end of a gesture an event may come.
    background : collection of str
        Labels that are no gestures: an event in such an interval is a false alarm, and an event of such a label is
        ignored (and counted).

    Returns
    -------
    EventReport

    Raises
    ------
    ValueError
        Times that are no numbers, an interval that ends before it begins or lies outside the stream, gestures that
        overlap.

    Examples
    --------
    >>> report = evaluate_events([("wave", 1.4), ("wave", 7.0)], [("wave", 1.0, 2.0), ("wave", 4.0, 5.0)], seconds=60)
    >>> report["wave"].hits, report["wave"].misses, report["wave"].false_alarms
    (1, 1, 1)
    """
    if isinstance(background, str):
        background = (background,)
    for name, value, least in (("seconds", seconds, 1e-9), ("tolerance_s", tolerance_s, 0.0)):
        if not (math.isfinite(value) and value >= least):
            raise ValueError(f"{name} is {value}, expected a time in seconds{', more than 0' if least else ''}.")
    found = [Event(str(label), float(time_s)) for label, time_s in events]
    gestures = sorted(
        (
            TruthInterval(str(label), float(start), float(end))
            for label, start, end in truth
            if label not in background
        ),
        key=lambda gesture: gesture.start_s,
    )
    _check(found, gestures, seconds)
    counted = [event for event in found if event.label not in background]
    judged = judge_events(counted, gestures, tolerance_s)
    return _report(
        judged,
        gestures,
        seconds=float(seconds),
        seconds_outside=_time_outside(gestures, seconds, tolerance_s),
        tolerance_s=float(tolerance_s),
        ignored=len(found) - len(counted),
    )


def evaluate_stream(
    prediction: StreamPrediction,
    intervals: Iterable[Interval],
    *,
    tolerance_s: float = 1.0,
    background: Collection[str] = ("idle", "other"),
) -> EventReport:
    """Hold the events of a stream against what a recording says was done: :func:`evaluate_events`, in samples.

    Parameters
    ----------
    prediction : StreamPrediction
        From :func:`tinyml_labs.streaming.stream_predict`.
    intervals : iterable of Interval
        In samples of the same stream, such as those of `tinyml_labs.datasets.load_gestures`.
    tolerance_s, background
        As in :func:`evaluate_events`.

    Raises
    ------
    ValueError
    """
    rate = prediction.rate_hz
    truth = [TruthInterval(done.label, done.start / rate, done.end / rate) for done in intervals]
    return evaluate_events(
        prediction.events, truth, seconds=prediction.seconds, tolerance_s=tolerance_s, background=background
    )


def pool_event_reports(reports: Sequence[EventReport]) -> EventReport:
    """Put the reports of several streams together, as if they were one after the other.

    Raises
    ------
    ValueError
        For no reports, or reports of different tolerance.
    """
    if len({report.tolerance_s for report in reports}) != 1:
        raise ValueError(
            f"There are {len(reports)} reports, of the tolerances {sorted({r.tolerance_s for r in reports})}; "
            "expected one or more reports, of one tolerance."
        )
    judged: list[JudgedEvent] = []
    gestures: list[TruthInterval] = []
    before_s = 0.0
    for report in reports:
        judged += [each.later(before_s) for each in report.judged]
        gestures += [each.later(before_s) for each in report.truth]
        before_s += report.seconds
    return _report(
        judged,
        gestures,
        seconds=before_s,
        seconds_outside=sum(report.seconds_outside for report in reports),
        tolerance_s=reports[0].tolerance_s,
        ignored=sum(report.ignored for report in reports),
    )


def _report(
    judged: Sequence[JudgedEvent],
    gestures: Sequence[TruthInterval],
    *,
    seconds: float,
    seconds_outside: float,
    tolerance_s: float,
    ignored: int,
) -> EventReport:
    def count(label: str, mine: Sequence[JudgedEvent], truth: Sequence[TruthInterval]) -> EventCounts:
        verdicts = Counter(each.verdict for each in mine)
        hits = [(each, each.gesture) for each in mine if each.verdict == HIT and each.gesture is not None]
        return EventCounts(
            label=label,
            seconds=seconds,
            gestures=len(truth),
            hits=verdicts[HIT],
            repeats=verdicts[REPEAT],
            wrong=verdicts[WRONG],
            false_alarms=verdicts[FALSE_ALARM],
            latencies_s=tuple(each.time_s - gesture.start_s for each, gesture in hits),
        )

    names = sorted({each.label for each in judged} | {gesture.label for gesture in gestures})
    hit = {each.gesture for each in judged if each.verdict == HIT}
    return EventReport(
        seconds=seconds,
        seconds_outside=seconds_outside,
        tolerance_s=tolerance_s,
        labels=tuple(
            count(name, [e for e in judged if e.label == name], [g for g in gestures if g.label == name])
            for name in names
        ),
        overall=count("all", judged, gestures),
        judged=tuple(judged),
        truth=tuple(gestures),
        missed=tuple(gesture for gesture in gestures if gesture not in hit),
        ignored=ignored,
    )


def _check(events: Sequence[Event], gestures: Sequence[TruthInterval], seconds: float) -> None:
    for event in events:
        if not 0 <= event.time_s <= 1.05 * seconds + 1:  # a rate that is a little off may put the last one outside
            raise ValueError(
                f"The event {event.label!r} is at {event.time_s} s, and the stream has {seconds:g} s. Are time and "
                "seconds of the same stream, in seconds since its beginning?"
            )
    for gesture in gestures:
        if not 0 <= gesture.start_s < gesture.end_s < math.inf or gesture.start_s >= seconds:
            raise ValueError(
                f"The gesture {gesture.label!r} goes from {gesture.start_s} to {gesture.end_s} s, and the stream has "
                f"{seconds:g} s; expected start < end, in seconds since its beginning."
            )
    for before, after in pairwise(gestures):
        if after.start_s < before.end_s:
            raise ValueError(
                f"The gestures {before.label!r} ({before.start_s:g} to {before.end_s:g} s) and {after.label!r} "
                f"({after.start_s:g} to {after.end_s:g} s) overlap. Name in background=… which labels are no "
                "gestures, or correct the intervals."
            )


def _time_outside(gestures: Sequence[TruthInterval], seconds: float, tolerance_s: float) -> float:
    outside, busy_until = 0.0, 0.0
    for gesture in gestures:
        outside += max(0.0, gesture.start_s - busy_until)
        busy_until = max(busy_until, gesture.end_s + tolerance_s)
    return outside + max(0.0, seconds - busy_until)
