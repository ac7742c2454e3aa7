"""How gestures look in figures: examples, a stream with its labels, features, confusions, scores over time, and live.

matplotlib is imported when a figure is drawn. Colours are those that colour-blind people can tell apart: M. Okabe and
K. Ito, "Color Universal Design" (2008).
"""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.features import Interval
from tinyml_labs.features.recordings import LabelledRecording

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tinyml_labs.stream_prediction import StreamPrediction
    from tinyml_labs.streaming import WindowResult

__all__ = ["plot_confusion", "plot_examples", "plot_features", "plot_recording", "plot_scores", "watch"]

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
_AXES = (("x", BLUE), ("y", ORANGE), ("z", GREEN))


def plot_examples(
    recordings: Iterable[LabelledRecording], labels: Sequence[str], *, rate_hz: float = 119.0, seconds: float = 2.0
) -> Figure:
    """Draw one example of each label: acceleration along x, y and z, in small figures of the same scale.

    Parameters
    ----------
    recordings : iterable of LabelledRecording
        Searched in order; the first interval of a label is drawn, from its middle to both sides.
    labels : sequence of str
    rate_hz, seconds : float
        Of the samples; and how much is drawn.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If nobody does what a label says.
    """
    import matplotlib.pyplot as plt

    found: dict[str, NDArray[np.float32]] = {}
    half = round(seconds * rate_hz / 2)
    for recording in recordings:
        for part in recording.intervals:
            middle = (part.start + part.end) // 2
            if part.label not in found and half <= middle <= len(recording.samples) - half:
                found[part.label] = recording.samples[middle - half : middle + half, :3]
    missing = [label for label in labels if label not in found]
    if missing:
        raise ValueError(f"No recording has {missing[0]!r} with {seconds / 2:g} s around its middle.")
    rows = -(-(len(labels) + 1) // 4)  # one place more, for the legend
    figure, axes = plt.subplots(
        rows, 4, figsize=(9.0, 1.65 * rows + 0.4), sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    for place, ax in enumerate(axes.flat):
        if place >= len(labels):
            ax.set_axis_off()
            continue
        samples = found[labels[place]]
        for column, (name, color) in enumerate(_AXES):
            ax.plot(np.arange(len(samples)) / rate_hz, samples[:, column], color=color, linewidth=1.1, label=name)
        ax.set_title(labels[place], fontsize="medium")
        ax.tick_params(labelbottom=place + 4 >= len(labels))
        ax.grid(alpha=0.3)
    axes.flat[-1].legend(
        *axes[0, 0].get_legend_handles_labels(), title="axis of the board", loc="center", frameon=False
    )
    figure.supxlabel("time (s)", fontsize="medium")
    figure.supylabel("acceleration (g)", fontsize="medium")
    return figure


def plot_recording(
    recording: LabelledRecording, *, rate_hz: float = 119.0, start_s: float = 0.0, seconds: float = 20.0
) -> Axes:
    """Draw acceleration over time, and above it what the person did: a bar for each interval.

    Parameters
    ----------
    recording : LabelledRecording
    rate_hz : float
    start_s, seconds : float
        Which part of it.

    Returns
    -------
    matplotlib.axes.Axes
    """
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=(9.0, 3.2), layout="constrained")
    first, last = round(start_s * rate_hz), round((start_s + seconds) * rate_hz)
    samples = recording.samples[first:last, :3]
    for column, (name, color) in enumerate(_AXES):
        time_s = (first + np.arange(len(samples))) / rate_hz
        ax.plot(time_s, samples[:, column], color=color, linewidth=0.9, label=name)
    top = float(samples.max()) + 0.35
    for part in recording.intervals:
        begin, end = max(part.start, first), min(part.end, first + len(samples))
        if end > begin:
            ax.axvspan(begin / rate_hz, end / rate_hz, color="0.5", alpha=0.16, linewidth=0)
            ax.text((begin + end) / 2 / rate_hz, top, part.label, ha="center", va="bottom", fontsize="small")
    ax.set(xlabel="time (s)", ylabel="acceleration (g)", xlim=(start_s, start_s + seconds))
    ax.set_ylim(float(samples.min()) - 0.2, top + 0.7)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
    return ax


def plot_features(values: ArrayLike, y: ArrayLike, labels: Sequence[str], names: Sequence[str]) -> Figure:
    """Draw how features are spread in each class: a box for the middle half, whiskers from 5 to 95 %.

    Parameters
    ----------
    values : array, (N, features)
    y : int array, (N,)
        Index into `labels`.
    labels : sequence of str
    names : sequence of str, (features,)
        A label for the axis of each feature, with its unit.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    columns, truth = np.asarray(values), np.asarray(y)
    figure, axes = plt.subplots(
        1,
        len(names),
        figsize=(9.0, 1.2 + 0.27 * len(labels)),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    rows = np.arange(len(labels))
    for ax, column, name in zip(axes[0], columns.T, names, strict=True):
        spread = np.array([np.quantile(column[truth == k], (0.05, 0.25, 0.5, 0.75, 0.95)) for k in rows]).T
        ax.hlines(rows, spread[0], spread[4], color=BLUE, linewidth=1.2)
        ax.barh(rows, spread[3] - spread[1], left=spread[1], height=0.6, color="#9fc9e5", edgecolor=BLUE)
        ax.vlines(spread[2], rows - 0.3, rows + 0.3, color="black", linewidth=1.5)
        ax.set_xlabel(name)
        ax.grid(axis="x", alpha=0.3)
    axes[0, 0].set_yticks(rows, labels)
    axes[0, 0].invert_yaxis()
    return figure


def plot_confusion(confusion: ArrayLike, labels: Sequence[str]) -> Axes:
    """Draw a confusion matrix with its counts; colour is the share of the row.

    Parameters
    ----------
    confusion : int array, (classes, classes)
        Rows: what was done; columns: what the model says.
    labels : sequence of str

    Returns
    -------
    matplotlib.axes.Axes
    """
    import matplotlib.pyplot as plt

    counts = np.asarray(confusion)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    side = 1.6 + 0.46 * len(labels)
    _, ax = plt.subplots(figsize=(side + 0.6, side - 0.4), layout="constrained")
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.argwhere(counts > 0):
        color = "white" if shares[row, column] > 0.6 else "black"
        ax.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=color, fontsize="small")
    ax.set_xticks(range(len(labels)), labels, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(labels)), labels)
    ax.set(xlabel="what the model says (windows)", ylabel="what was done (windows)")
    return ax


def plot_scores(
    prediction: StreamPrediction,
    intervals: Iterable[Interval],
    *,
    start_s: float = 0.0,
    seconds: float = 30.0,
) -> Figure:
    """Draw a stream's scores over time as a map, a row a class, with what was done and what became an event.

    Below: the best gesture's score of each window, and its average, with the smoother's threshold.

    Parameters
    ----------
    prediction : StreamPrediction
        With a smoother.
    intervals : iterable of Interval
        The truth, in samples: outlined.
    start_s, seconds : float
        Which part of it.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        No smoother, or no window.
    """
    import matplotlib.pyplot as plt

    settings, labels = prediction.smoother, prediction.labels
    if settings is None:
        raise ValueError("The prediction has no smoother: stream_predict(..., smoother=...).")
    if not len(prediction.starts):
        raise ValueError(f"The prediction has no window: its stream is only {prediction.seconds:.3g} s long.")
    end_s, rate = start_s + seconds, prediction.rate_hz
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(9.0, 5.4), sharex=True, height_ratios=[2.4, 1], layout="constrained"
    )
    times, step = prediction.times_s, prediction.stride_samples / rate
    drawn = above.pcolormesh(
        np.append(times, times[-1] + step) - step / 2,
        np.arange(len(labels) + 1) - 0.5,
        prediction.scores.T,
        cmap="Blues",
        vmin=0,
        vmax=1,
    )
    figure.colorbar(drawn, ax=above, label="score", pad=0.01)
    for part in intervals:
        row = labels.index(part.label)
        box = plt.Rectangle(
            (part.start / rate, row - 0.45), (part.end - part.start) / rate, 0.9, fill=False, edgecolor="black"
        )
        above.add_patch(box)
    for event in prediction.events:
        above.plot(event.time_s, labels.index(event.label), "v", color=RED, markeredgecolor="white", markersize=9)
    above.set_yticks(range(len(labels)), labels)
    above.set_ylim(len(labels) - 0.5, -0.5)
    above.set_title("box: what was done    ▼ event    each score at the end of its window", fontsize="medium")
    gestures = [k for k in range(len(labels)) if k not in settings.background]
    averages = _moving_average(prediction.scores, settings.average_windows)
    below.plot(times, prediction.scores[:, gestures].max(axis=1), color="0.6", linewidth=1, label="each window")
    below.plot(times, averages[:, gestures].max(axis=1), color=BLUE, label=f"average of {settings.average_windows}")
    below.axhline(_probability(prediction, settings.threshold), color=RED, linestyle="--", label="threshold")
    below.set(xlabel="time (s)", ylabel="score of the\nbest gesture", ylim=(-0.03, 1.05), xlim=(start_s, end_s))
    below.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
    return figure


def _moving_average(scores: NDArray[np.float32], windows: int) -> NDArray[np.float64]:
    """The mean of the last so many rows; NaN until there are enough."""
    sums = np.cumsum(np.insert(scores.astype(np.float64), 0, 0, axis=0), axis=0)
    out = np.full(scores.shape, np.nan)
    out[windows - 1 :] = (sums[windows:] - sums[:-windows]) / windows
    return out


def _probability(prediction: StreamPrediction, level: int) -> float:
    """A level of the smoother, which is in the unit of the raw scores, as a score; NaN if all scores are equal.

    Raw and real scores lie on a line; two different ones tell which.
    """
    raw, real = prediction.outputs.astype(np.float64), prediction.scores.astype(np.float64)
    low, high = np.unravel_index(raw.argmin(), raw.shape), np.unravel_index(raw.argmax(), raw.shape)
    if raw[high] == raw[low]:
        return float("nan")
    slope = (real[high] - real[low]) / (raw[high] - raw[low])
    return float(real[low] + slope * (level - raw[low]))


def watch(
    labels: Sequence[str], *, updates_a_second: float = 10.0, events: int = 8
) -> Callable[[WindowResult], None]:
    """Show in a notebook what a board sees, as it sees it: a bar for each score, and the last events.

    Parameters
    ----------
    labels : sequence of str
        The classes, in the order of the scores.
    updates_a_second : float
        How often the bars are drawn at most; an event is shown at once.
    events : int
        How many events stay on the screen.

    Returns
    -------
    callable
        For ``on_window`` of :func:`tinyml_labs.streaming.stream_predict`. Without a notebook it prints the events.
    """
    from IPython.display import HTML, display

    handle = display(HTML("waiting for the first window"), display_id=True)
    found: list[str] = []
    shown_at = -np.inf

    def show(result: WindowResult) -> None:
        nonlocal shown_at
        if result.event is not None:
            found.append(f"{result.event.time_s:.1f} s: {result.event.label}")
            if handle is None:
                print(found[-1])
        now = time.monotonic()
        if handle is None or (result.event is None and now - shown_at < 1 / updates_a_second):
            return
        shown_at = now
        handle.update(HTML(_bars(labels, result.scores, result.time_s, found[-events:])))

    return show


def _bars(labels: Sequence[str], scores: NDArray[np.float32], time_s: float, found: Sequence[str]) -> str:
    best = int(np.argmax(scores))
    rows = ""
    for k, (label, score) in enumerate(zip(labels, scores, strict=True)):
        name, color = html.escape(label), ORANGE if k == best else BLUE
        width = f"{100 * float(np.clip(score, 0, 1)):.0f}%"
        rows += (
            f"<tr><td style='text-align:right'>{f'<b>{name}</b>' if k == best else name}</td>"
            f"<td style='width:20em'><div style='background:{color};height:0.8em;width:{width}'></div></td></tr>"
        )
    listed = "".join(f"<li>{html.escape(text)}</li>" for text in found)
    return f"<p>{time_s:.1f} s</p><table>{rows}</table><ul>{listed}</ul>"
