"""How the results of `evaluation` look, in text, HTML and figures. matplotlib is imported when one is drawn."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_MOST_POINTS = 5000


class Shown:
    """The views that every result has."""

    @property
    def table(self) -> pd.DataFrame:
        """The figures as a pandas DataFrame."""
        raise NotImplementedError

    def __str__(self) -> str:
        """Show the headline and the table in plain text."""
        return f"{self.headline()}\n{self.table.to_string(float_format='{:.4g}'.format)}"

    def __repr__(self) -> str:
        """Show the headline."""
        return f"<{type(self).__name__}: {self.headline()}>"

    def _repr_html_(self) -> str:
        headline = f"<p>{html.escape(self.headline())}</p>"
        return headline + str(self.table.to_html(float_format="{:.4g}".format, border=0))

    def headline(self) -> str:
        """Say in one line what was compared."""
        raise NotImplementedError


def take_axes(ax: Axes | None, **size: Any) -> Axes:
    """Give the axes that are there, or new ones of a size."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained", **size)[1]


def plot_outputs(ours: np.ndarray, theirs: np.ndarray, ax: Axes | None = None) -> Axes:
    """Draw how far int8 answers are from float answers, over the float answers; (N, outputs) each."""
    ax = take_axes(ax, figsize=(6.0, 3.4))
    step = max(1, ours.size // _MOST_POINTS)
    x, y = ours.ravel()[::step], (theirs - ours).ravel()[::step]
    ax.axhline(0.0, color="0.6", linewidth=1)
    ax.plot(x, y, ".", markersize=3, color="tab:blue")
    ax.set_xlabel("float answer (unit of the output)")
    ax.set_ylabel("int8 answer − float answer\n(unit of the output)")
    ax.set_title(f"int8 against float: off by {np.abs(theirs - ours).mean():.3g} on average")
    return ax


def plot_accuracies(rows: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Draw each share with its 95 % interval; values have `share`, `low` and `high`, 0 to 1."""
    ax = take_axes(ax, figsize=(6.0, 0.9 + 0.6 * len(rows)))
    for place, row in enumerate(rows.values()):
        beside = [[100 * (row.share - row.low)], [100 * (row.high - row.share)]]
        ax.errorbar([100 * row.share], [place], xerr=beside, fmt="o", color="tab:blue", capsize=4)
        ax.annotate(f"{row.share:.1%}", (100 * row.share, place), (0, 8), textcoords="offset points", ha="center")
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlabel("same answer (% of inputs, with 95 % interval)")
    return ax


def plot_differences(histogram: Mapping[float, int], unit: str, ax: Axes | None = None) -> Axes:
    """Draw how many values differ by how much; keys are differences, values are counts."""
    ax = take_axes(ax, figsize=(6.0, 3.2))
    differences, counts = list(histogram), list(histogram.values())
    gaps = np.diff(differences)
    reach = max(abs(difference) for difference in differences)
    # Wide enough to see, where a single value is far off.
    width = max(0.8 * float(gaps.min()) if len(gaps) else 0.8, 0.01 * reach)
    colors = ["tab:green" if difference == 0 else "tab:orange" for difference in differences]
    bars = ax.bar(differences, counts, width=width, color=colors)
    if len(bars) <= 15:
        ax.bar_label(bars, labels=[f"{count:,}" for count in counts], padding=2)
    ax.set_yscale("symlog", linthresh=1)
    ax.set_ylim(0, 5 * max(counts))
    if unit == "LSB":
        ax.set_xlim(-1.08 * max(reach, 2.5), 1.08 * max(reach, 2.5))
        ax.locator_params(axis="x", integer=True)
    ax.set_xlabel(f"board − host ({unit})")
    ax.set_ylabel("number of values (log)")
    return ax
