"""What always listening costs: false alarms an hour against missed words. Part of `evaluation`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tinyml_labs.evaluation_views import Shown
from tinyml_labs.event_counts import Estimate
from tinyml_labs.event_evaluation import EventReport, evaluate_stream, pool_event_reports
from tinyml_labs.intervals import wilson_interval

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from tinyml_labs.features import Interval
    from tinyml_labs.stream_prediction import StreamPrediction

THRESHOLDS = (*(k / 50 for k in range(15, 50)), 0.99)
"""From 0.3 to 0.98 in steps of 0.02, and 0.99."""


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """What a threshold gives.

    Attributes
    ----------
    threshold : float
        As a probability.
    report : EventReport
        All about it.
    """

    threshold: float
    report: EventReport = field(repr=False)

    @property
    def misses(self) -> int:
        """Words that were not found, or taken for another."""
        return self.report.overall.misses

    @property
    def false_alarms(self) -> int:
        """Events where there was no word."""
        return self.report.overall.false_alarms

    @property
    def miss_rate(self) -> Estimate:
        """The share of words that were missed, with its Wilson interval."""
        words = self.report.overall.gestures
        return Estimate(self.misses / words, *wilson_interval(self.misses, words))

    @property
    def false_alarms_per_hour(self) -> Estimate:
        """False alarms an hour of the whole stream, with their Garwood interval."""
        return self.report.overall.false_alarms_per_hour

    def row(self) -> dict[str, float]:
        """The figures as a row of the table."""
        total, miss, alarms = self.report.overall, self.miss_rate, self.false_alarms_per_hour
        latency = total.median_latency_s
        return {
            "threshold": self.threshold,
            "words": total.gestures, "misses": self.misses,
            "miss rate": miss.value, "miss rate from": miss.low, "miss rate to": miss.high,
            "wrong": total.wrong, "repeats": total.repeats, "false alarms": self.false_alarms,
            "an hour": alarms.value, "an hour from": alarms.low, "an hour to": alarms.high,
            "median latency (s)": float("nan") if latency is None else latency,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ThresholdSweep(Shown):
    """False alarms and misses over the threshold; :func:`sweep_thresholds` gives it.

    Attributes
    ----------
    points : tuple of OperatingPoint
        By threshold, the lowest first.
    seconds : float
        How long the stream was.
    words : int
        How many were in it.
    """

    points: tuple[OperatingPoint, ...]
    seconds: float
    words: int

    def choose(
        self, *, max_false_alarms_per_hour: float | None = None, recall: float | None = None
    ) -> OperatingPoint:
        """Give the best point that keeps one demand: the fewest misses, or the fewest false alarms.

        Of equals, the one with less of the other; then the highest threshold.

        Parameters
        ----------
        max_false_alarms_per_hour : float, optional
            So many at most, as measured.
        recall : float, 0 to 1, optional
            At least such a share of the words is found, as measured. One of the two is given.

        Raises
        ------
        ValueError
            Both or none is given, or no threshold keeps it.
        """
        if (max_false_alarms_per_hour is None) == (recall is None):
            raise ValueError("Expected one demand: max_false_alarms_per_hour=… or recall=….")
        if max_false_alarms_per_hour is not None:
            fit = [p for p in self.points if p.false_alarms_per_hour.value <= max_false_alarms_per_hour]
            if fit:
                return min(fit, key=lambda p: (p.misses, p.false_alarms, -p.threshold))
            least = min(p.false_alarms_per_hour.value for p in self.points)
            raise ValueError(
                f"No threshold has {max_false_alarms_per_hour:g} false alarms an hour or less; the least is "
                f"{least:.3g}. Ask for less, try higher thresholds, or train with more that is no keyword."
            )
        assert recall is not None
        fit = [p for p in self.points if 1 - p.miss_rate.value >= recall - 1e-12]
        if fit:
            return min(fit, key=lambda p: (p.false_alarms, p.misses, -p.threshold))
        most = max(1 - p.miss_rate.value for p in self.points)
        raise ValueError(
            f"No threshold finds {recall:.1%} of the words; the most is {most:.1%}. Ask for less, try lower "
            "thresholds, or average over fewer windows."
        )

    @property
    def table(self) -> pd.DataFrame:
        """One row a threshold, as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame([point.row() for point in self.points]).set_index("threshold")

    def headline(self) -> str:
        """Say in one line how far apart the ends are."""
        low, high = self.points[0], self.points[-1]
        return (
            f"{self.words} words in {self.seconds / 60:.1f} min, thresholds from {low.threshold:g} to "
            f"{high.threshold:g}: misses {low.miss_rate.value:.1%} to {high.miss_rate.value:.1%}, false alarms "
            f"{low.false_alarms_per_hour.value:.3g} to {high.false_alarms_per_hour.value:.3g} an hour"
        )

    def to_dict(self) -> dict[str, Any]:
        """The figures, for JSON."""
        points = [{"threshold": p.threshold, **p.report.overall.to_dict()} for p in self.points]
        return {"seconds": self.seconds, "words": self.words, "points": points}

    def plot(self, ax: Axes | None = None, *, chosen: OperatingPoint | None = None) -> Axes:
        """Draw misses over false alarms an hour, each with its 95 % interval; a chosen point is marked."""
        from tinyml_labs.event_views import plot_threshold_sweep

        return plot_threshold_sweep(self, ax, chosen)


def sweep_thresholds(
    predictions: StreamPrediction | Sequence[StreamPrediction],
    truth: Sequence[Interval] | Sequence[Sequence[Interval]],
    *,
    thresholds: Iterable[float] = THRESHOLDS,
    tolerance_s: float = 1.0,
    background: Collection[str] = ("silence", "unknown"),
) -> ThresholdSweep:
    """Count misses and false alarms of a long stream for one threshold after the other, without running the model.

    Averaging, hold-off and release stay those of the prediction's smoother (a release above the threshold is
    lowered to it). The rules are those of :func:`tinyml_labs.evaluation.evaluate_events`: an event in a word of the
    background is a false alarm; one in another keyword is "wrong", and that word is missed.

    Parameters
    ----------
    predictions : StreamPrediction, or a list of them
        Made with a smoother. Several streams count as one.
    truth : list of Interval, or a list of such lists
        The words, in samples of the stream, such as those of :func:`tinyml_labs.sound_streams.make_stream`.
    thresholds : iterable of float
        Probabilities.
    tolerance_s, background
        As in :func:`tinyml_labs.evaluation.evaluate_events`.

    Returns
    -------
    ThresholdSweep

    Raises
    ------
    ValueError
        Without words, thresholds or a smoother.

    Notes
    -----
    The intervals are of single points: neighbours on the curve are of the same words, and not independent. A point
    that was chosen on a stream looks better there than it is; measure it on another. Introduced in
    `notebooks/03_keyword_spotting.ipynb`.
    """
    several = isinstance(predictions, Sequence)
    streams: list[StreamPrediction] = list(predictions) if several else [predictions]  # type: ignore
    truths: list[Sequence[Interval]] = list(truth) if several else [truth]  # type: ignore
    levels = sorted({float(threshold) for threshold in thresholds})
    if not streams or len(streams) != len(truths) or not levels:
        raise ValueError(
            f"There are {len(streams)} predictions, {len(truths)} lists of intervals and {len(levels)} thresholds; "
            "expected one list for each prediction, and one threshold at least."
        )
    points = []
    for level in levels:
        reports = [
            evaluate_stream(found.with_threshold(level), words, tolerance_s=tolerance_s, background=background)
            for found, words in zip(streams, truths, strict=True)
        ]
        points.append(OperatingPoint(threshold=level, report=pool_event_reports(reports)))
    report = points[0].report
    if not report.overall.gestures:
        raise ValueError(
            f"There is no word in the stream: every interval is of {', '.join(background)}, or there is none. "
            "Without words nothing is missed."
        )
    return ThresholdSweep(points=tuple(points), seconds=report.seconds, words=report.overall.gestures)
