"""How pictures of people look in figures: the pictures, what a model makes of them, for whom it fails, and when.

matplotlib is imported when a figure is drawn. Colours are those that colour-blind people can tell apart: M. Okabe and
K. Ito, "Color Universal Design" (2008).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.evaluation_views import take_axes
from tinyml_labs.roc import measure_area, trace_roc

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_pictures", "plot_presence", "plot_roc", "plot_slices"]

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
_COLORS = (BLUE, ORANGE, GREEN, RED, "#CC79A7", "#56B4E9", "#000000")


def plot_pictures(
    images: ArrayLike,
    titles: Sequence[object] | None = None,
    *,
    columns: int = 8,
    size: float = 1.3,
    heat: ArrayLike | None = None,
    heat_label: str = "effect on the score",
) -> Figure:
    """Draw grey pictures in a grid, all from the same black (0) to the same white (255).

    Parameters
    ----------
    images : uint8 array, (N, H, W) or (N, H, W, 1)
    titles : sequence, (N,), optional
        A short one above each picture; a line break makes two lines.
    columns : int
        Pictures in a row.
    size : float
        Width of a picture, in inches.
    heat : float array, (N, h, w), optional
        Drawn over the pictures, stretched to their size, on one scale for all: red above 0, blue below, and the more
        transparent the nearer to 0.
    heat_label : str
        What it is, with its unit, beside the colour bar.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        Images that are no uint8.
    ValueError
        Images of another shape or none, or another number of titles or maps.
    """
    import matplotlib.pyplot as plt

    pictures = _check_pictures(images)
    count, (height, width) = len(pictures), pictures.shape[1:]
    if titles is not None and len(titles) != count:
        raise ValueError(f"There are {len(titles)} titles for {count} pictures, expected one for each.")
    if columns < 1:
        raise ValueError(f"columns is {columns}, expected at least 1.")
    maps = None if heat is None else np.asarray(heat, np.float64)
    if maps is not None and (maps.ndim != 3 or len(maps) != count or not np.isfinite(maps).all()):
        raise ValueError(f"heat has shape {maps.shape}, expected ({count}, h, w): finite numbers for each picture.")
    wide = min(columns, count)
    high = -(-count // wide)
    lines = 0 if titles is None else max(str(title).count("\n") + 1 for title in titles)
    figure, axes = plt.subplots(
        high,
        wide,
        figsize=(
            size * wide + (0.9 if maps is not None else 0.0),
            high * (size * height / width + 0.05 + 0.16 * lines),
        ),
        squeeze=False,
        layout="constrained",
    )
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02)
    reach = 1.0 if maps is None else float(np.abs(maps).max()) or 1.0
    drawn = None
    for place, ax in enumerate(axes.flat):
        if place >= count:
            ax.set_axis_off()
            continue
        extent = (0, width, height, 0)
        ax.imshow(pictures[place], cmap="gray", vmin=0, vmax=255, extent=extent)
        if maps is not None:
            drawn = ax.imshow(maps[place], cmap=_make_heat_colors(), vmin=-reach, vmax=reach, extent=extent)
        ax.set(xticks=[], yticks=[])
        if titles is not None:
            ax.set_title(str(titles[place]), fontsize="x-small", pad=2)
    if drawn is not None:
        figure.colorbar(drawn, ax=axes, label=heat_label, pad=0.02, aspect=30)
    return figure


def _make_heat_colors() -> Any:
    """Make a colour map from blue to red that lets through what is behind it, in its middle all."""
    import matplotlib as mpl
    from matplotlib.colors import ListedColormap

    steps = np.linspace(-1, 1, 255)
    colors = mpl.colormaps["RdBu_r"]((steps + 1) / 2)
    colors[:, 3] = 0.75 * np.abs(steps) ** 0.7
    return ListedColormap(colors, name="heat")


def plot_roc(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    chosen: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw for every threshold how many people are found, over how many pictures without one alarm.

    Parameters
    ----------
    curves : mapping of str to (scores, labels)
        Of each model: the score of a person, float (N,), and labels, 1 where a person is, else 0, (N,). The legend
        has the area under each curve with its 95 % interval (:func:`measure_area`).
    chosen : mapping of str to float, optional
        A threshold for some of the curves, drawn as a dot: a score of so much or more is a person.
    ax : Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        No curves, a threshold for none of them, or scores and labels that :func:`measure_area` refuses.
    """
    marks = dict(chosen or {})
    if not curves:
        raise ValueError("There is no curve to draw: the mapping is empty.")
    if unknown := [name for name in marks if name not in curves]:
        raise ValueError(f"chosen names {unknown[0]!r}; the curves are {', '.join(curves)}.")
    ax = take_axes(ax, figsize=(6.4, 4.6))
    ax.plot([0, 100], [0, 100], ":", color="0.6", linewidth=1, label="guessing: 0.5")
    for number, (name, (scores, labels)) in enumerate(curves.items()):
        false, found, levels = trace_roc(scores, labels, name)
        area, low, high = measure_area(scores, labels)
        color = _COLORS[number % len(_COLORS)]
        text = f"{name}: {area:.3f} ({low:.3f} to {high:.3f})"
        ax.plot(100 * false, 100 * found, color=color, linewidth=1.6, label=text)
        if name in marks:
            place = int(np.count_nonzero(levels >= marks[name])) - 1
            ax.plot(
                [100 * false[place]], [100 * found[place]], "o", color=color, markersize=8, clip_on=False,
                markeredgecolor="white", zorder=3, label=f"{name}, threshold {marks[name]:.3g}",
            )  # fmt: skip
    ax.set(
        xlabel="pictures without a person that alarm (%)", ylabel="people found (%)", xlim=(0, 100), ylim=(0, 100.5)
    )
    ax.grid(alpha=0.3)
    ax.legend(
        loc="lower right", fontsize="small", title="area under the curve (95 % interval)", title_fontsize="small"
    )
    return ax


def plot_slices(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the share of right answers on each kind of picture with its 95 % interval, and the count at the right.

    Parameters
    ----------
    table : pandas.DataFrame
        Of :func:`tinyml_labs.slices.slice_table`: a row a slice, those of one column together. The dashed line is the
        share of all pictures, from the table's ``attrs["share"]``; where that is lost, of the column that has most.
    ax : Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        A table without rows, or without the columns that are drawn.
    """
    missing = [name for name in ("slice", "value", "count", "right", "share", "low", "high") if name not in table]
    if missing or not len(table):
        lacks = f"has no column {missing[0]!r}" if missing else "has no rows"
        raise ValueError(f"The table {lacks}, expected one of slices.slice_table with a row at least.")
    groups = list(dict.fromkeys(table["slice"]))
    ax = take_axes(ax, figsize=(7.2, 0.8 + 0.27 * len(table) + 0.32 * len(groups)))
    sums = table.groupby("slice", sort=False)[["right", "count"]].sum()
    most = sums.loc[sums["count"].idxmax()]
    overall = table.attrs.get("share", most["right"] / most["count"])
    ax.axvline(100 * overall, color="0.4", linestyle="--", linewidth=1, label=f"all: {overall:.1%}")
    places: list[float] = []
    names: list[str] = []
    place = 0.0
    for number, group in enumerate(groups):
        rows = table[table["slice"] == group]
        ax.text(
            -0.01, place, str(group), transform=ax.get_yaxis_transform(), ha="right", va="center", weight="bold",
            fontsize="small",
        )  # fmt: skip
        at = place + 1 + np.arange(len(rows))
        share, low, high = (100 * rows[name].to_numpy(np.float64) for name in ("share", "low", "high"))
        beside = np.maximum([share - low, high - share], 0)
        color = _COLORS[number % len(_COLORS)]
        ax.errorbar(share, at, xerr=beside, fmt="o", color=color, markersize=5, capsize=3, clip_on=False)
        for y, count in zip(at, rows["count"], strict=True):
            ax.text(
                1.02, y, f"{count:,}", transform=ax.get_yaxis_transform(), ha="left", va="center", fontsize="small"
            )
        places.extend(at.tolist())
        names.extend(str(value) for value in rows["value"])
        place += len(rows) + 1.4
    ax.text(1.02, -0.1, "count", transform=ax.get_yaxis_transform(), ha="left", va="center", fontsize="small")
    ax.set_yticks(places, names, fontsize="small")
    ax.set_ylim(place - 0.7, -0.7)
    ax.set_xlim(max(0.0, 10 * math.floor(10 * float(table["low"].min()))), 100)
    ax.set_xlabel("right answers (%, with 95 % interval)")
    ax.grid(alpha=0.3, axis="x")
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, fontsize="small", borderaxespad=0.2)
    return ax


def plot_presence(
    times_s: ArrayLike,
    scores: ArrayLike,
    present: ArrayLike,
    truth: ArrayLike,
    *,
    threshold: float,
    release: float,
) -> Figure:
    """Draw what a detector made of a stream: its averaged score above, its state below, and bands where a person was.

    Parameters
    ----------
    times_s : float array, (N,)
        When each picture was taken, rising.
    scores : float array, (N,)
        The averaged score of a person; NaN (before there are enough pictures) is not drawn.
    present, truth : bool array, (N,)
        What the detector says after each picture, and whether a person is there.
    threshold, release : float
        The averages at which the state turns on and off, in the unit of the scores.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        Arrays of other lengths or shapes, fewer than two pictures, or times that do not rise.
    """
    import matplotlib.pyplot as plt

    times, averages = np.asarray(times_s, np.float64), np.asarray(scores, np.float64)
    states, real = np.asarray(present, np.bool_), np.asarray(truth, np.bool_)
    for name, array in (("times_s", times), ("scores", averages), ("present", states), ("truth", real)):
        if array.shape != times.shape or array.ndim != 1:
            raise ValueError(f"{name} has shape {array.shape}, expected (N,), of all four the same: {times.shape}.")
    if len(times) < 2 or not np.all(np.diff(times) > 0):
        raise ValueError("times_s must rise, and there must be two at least. Expected such as PictureStream.times_s.")
    edges = np.append(times, times[-1] + np.median(np.diff(times)))  # what a picture shows lasts until the next
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(10, 3.8), sharex=True, height_ratios=[3, 1], layout="constrained"
    )
    runs = np.flatnonzero(np.diff(real, prepend=False, append=False))
    for number, (start, end) in enumerate(zip(runs[::2], runs[1::2], strict=True)):
        for ax in (above, below):
            label = "a person is there" if not number else None
            ax.axvspan(edges[start], edges[end], color=GREEN, alpha=0.2, linewidth=0, label=label)
    above.plot(times, averages, color=BLUE, linewidth=1.2, label="score, average")
    above.axhline(threshold, color=RED, linestyle="--", linewidth=1, label=f"threshold: {threshold:.3g}")
    above.axhline(release, color=ORANGE, linestyle="--", linewidth=1, label=f"release: {release:.3g}")
    above.set_ylabel("score of a person\n(average)")
    below.stairs(states.astype(int), edges, fill=True, color=BLUE, alpha=0.7, label="present")
    below.set(xlabel="time (s)", ylabel="detector", ylim=(-0.1, 1.2), xlim=(edges[0], edges[-1]))
    below.set_yticks([0, 1], ["nobody", "present"])
    above.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return figure


def _check_pictures(images: ArrayLike) -> NDArray[np.uint8]:
    """Give pictures without the axis of their one channel."""
    pictures = np.asarray(images)
    if pictures.dtype != np.uint8:
        raise TypeError(f"images are of dtype {pictures.dtype}, expected uint8, 0 to 255.")
    if pictures.ndim == 4 and pictures.shape[-1] == 1:
        pictures = pictures[..., 0]
    if pictures.ndim != 3 or 0 in pictures.shape:
        raise ValueError(f"images have shape {np.shape(images)}, expected (N, H, W) or (N, H, W, 1), not empty.")
    return pictures
