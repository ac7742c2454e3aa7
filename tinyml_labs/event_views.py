"""How events and streams of scores look in figures. matplotlib is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from tinyml_labs.evaluation_views import take_axes
from tinyml_labs.event_matching import FALSE_ALARM, HIT, REPEAT, WRONG, TruthInterval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tinyml_labs.event_evaluation import EventReport
    from tinyml_labs.stream_prediction import StreamPrediction
    from tinyml_labs.threshold_sweep import OperatingPoint, ThresholdSweep

_MARKS = {
    HIT: ("tab:green", "v"),
    REPEAT: ("tab:blue", "v"),
    WRONG: ("tab:orange", "X"),
    FALSE_ALARM: ("tab:red", "X"),
}
_MOST_POINTS = 5000


def plot_judged_events(report: EventReport, ax: Axes | None = None) -> Axes:
    """Draw gestures as bars and events as marks over time, one row a label; a missed gesture is hatched."""
    labels = [counts.label for counts in report.labels]
    ax = take_axes(ax, figsize=(9.0, 1.4 + 0.4 * len(labels)))
    rows = {label: row for row, label in enumerate(labels)}
    missed = set(report.missed)
    for gesture in report.truth:
        ax.barh(
            rows[gesture.label],
            gesture.end_s - gesture.start_s,
            left=gesture.start_s,
            height=0.6,
            color="0.95" if gesture in missed else "0.85",
            edgecolor="0.5",
            hatch="////" if gesture in missed else None,
        )
    for verdict, (color, marker) in _MARKS.items():
        mine = [each for each in report.judged if each.verdict == verdict]
        if mine:
            x, y = [each.time_s for each in mine], [rows[each.label] for each in mine]
            ax.plot(x, y, marker, color=color, markersize=8, linestyle="none", label=f"{verdict} ({len(mine)})")
    if report.missed:
        ax.fill(
            [np.nan],
            [np.nan],
            facecolor="0.95",
            edgecolor="0.5",
            hatch="////",
            label=f"missed ({len(report.missed)})",
        )
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(max(1, len(labels)) - 0.5, -0.5)
    ax.set_xlim(0, report.seconds)
    ax.set_xlabel("time (s)")
    if report.judged or report.missed:
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return ax


def plot_stream(
    prediction: StreamPrediction,
    ax: Axes | None = None,
    truth: Iterable[TruthInterval | tuple[str, float, float]] = (),
) -> Axes:
    """Draw scores over time, a mark for each event, and truth as coloured bands below."""
    ax = take_axes(ax, figsize=(9.0, 3.6))
    times, scores = prediction.times_s, np.array(prediction.scores, np.float64)
    # A line does not cross a gap: what is not there is not drawn.
    anew = sorted(k for k in set(prediction.resets) if 0 < k < len(times))
    times, scores = np.insert(times, anew, np.nan), np.insert(scores, anew, np.nan, axis=0)
    step = max(1, len(times) // _MOST_POINTS)
    lines = {}
    for k, label in enumerate(prediction.labels):
        (lines[label],) = ax.plot(
            times[::step], scores[::step, k], "-" if k < 10 else "--", linewidth=1.2, label=label
        )
    top = float(np.nanmax(scores)) if scores.size else 1.0
    bottom = min(0.0, float(np.nanmin(scores))) if scores.size else 0.0
    reach = (top - bottom) or 1.0
    for event in prediction.events:
        ax.plot([event.time_s], [top + 0.07 * reach], "v", color=lines[event.label].get_color(), markersize=8)
    bands = [TruthInterval(*interval) for interval in truth]
    for band in bands:
        color = lines[band.label].get_color() if band.label in lines else "0.6"
        ax.axvspan(band.start_s, band.end_s, color=color, alpha=0.15, linewidth=0)
    ax.set_ylim(bottom - 0.03 * reach, top + 0.14 * reach)
    ax.set_xlim(0, max(prediction.seconds, 1e-3))
    ax.set_xlabel("time (s)")
    ax.set_ylabel("score")
    title = "▼ event" + (", bands: what was done" if bands else "")
    ax.set_title(title, loc="left", fontsize="medium")
    if lines:
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return ax


def plot_threshold_sweep(sweep: ThresholdSweep, ax: Axes | None = None, chosen: OperatingPoint | None = None) -> Axes:
    """Draw misses over false alarms an hour, on a logarithmic scale, with the 95 % intervals of both.

    Where there was no false alarm, the mark is an arrow at the upper end of the interval: less than that.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    ax = take_axes(ax, figsize=(6.4, 4.0))
    alarms = [point.false_alarms_per_hour for point in sweep.points]
    misses = [point.miss_rate for point in sweep.points]
    x = np.array([rate.value or rate.high for rate in alarms])
    y = 100 * np.array([share.value for share in misses])
    x_low = np.array([rate.low or rate.value or rate.high for rate in alarms])
    ax.plot(x, y, "-", color="tab:blue", linewidth=1)
    ax.errorbar(
        x,
        y,
        xerr=np.abs([x - x_low, [rate.high for rate in alarms] - x]),
        yerr=np.abs([y - 100 * np.array([s.low for s in misses]), 100 * np.array([s.high for s in misses]) - y]),
        fmt="none",
        ecolor="0.8",
        elinewidth=1,
    )
    none = np.array([rate.value == 0 for rate in alarms])
    ax.plot(x[~none], y[~none], "o", markersize=4, color="tab:blue", label="one threshold, 95 % intervals")
    if none.any():
        ax.plot(x[none], y[none], "<", markersize=5, color="tab:blue", label="no false alarm: less than this")
    if chosen is not None:
        rate = chosen.false_alarms_per_hour
        ax.plot(
            [rate.value or rate.high],
            [100 * chosen.miss_rate.value],
            "o",
            markersize=12,
            fillstyle="none",
            color="tab:red",
            label=f"threshold {chosen.threshold:g}",
        )
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_ylim(0, max(5.0, 1.05 * 100 * max(share.high for share in misses)))
    ax.set_xlabel("false alarms per hour")
    ax.set_ylabel("misses, %")
    ax.grid(True, which="major", color="0.92")
    ax.legend(frameon=False)
    return ax
