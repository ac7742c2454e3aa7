"""How a wake word's scores look over time. matplotlib is imported when a figure is drawn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from tinyml_labs.evaluation_views import take_axes
from tinyml_labs.event_matching import TruthInterval
from tinyml_labs.wake_words import WakeWord, detect_wake_words, score_times_s

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_wake_word"]

_BLUE, _ORANGE = "#0072B2", "#E69F00"


def plot_wake_word(
    scores: ArrayLike,
    wake_word: WakeWord,
    ax: Axes | None = None,
    truth: Iterable[TruthInterval | tuple[str, float, float]] = (),
) -> Axes:
    """Draw the probability after each inference, its average, the level of a detection, and the detections.

    Parameters
    ----------
    scores : float32 array, (inferences,)
        Of :func:`tinyml_labs.wake_words.wake_word_scores`.
    wake_word : WakeWord
    ax : matplotlib Axes, optional
    truth : iterable of (label, start_s, end_s)
        When the phrase was said, drawn as bands.
    """
    values = np.asarray(scores, np.float64)
    ax = take_axes(ax, figsize=(9.0, 3.0))
    times, level = score_times_s(len(values), wake_word), wake_word.level * wake_word.scale
    for _, start_s, end_s in truth:
        ax.axvspan(start_s, end_s, color="0.88", linewidth=0)
    ax.plot(times, values, color=_BLUE, linewidth=0.8, alpha=0.5, label="each inference")
    # As on the board, what was before the start counts as 0.
    sums = np.cumsum(np.concatenate([np.zeros(wake_word.window), values]))
    average = (sums[wake_word.window :] - sums[: -wake_word.window]) / wake_word.window
    ax.plot(times, average, color=_BLUE, label=f"average of {wake_word.window}")
    ax.axhline(level, color="0.4", linestyle="--", linewidth=1, label=f"level, {level:.2f}")
    events = detect_wake_words(values, wake_word)
    if events:
        ax.plot([event.time_s for event in events], [1.06] * len(events), "v", color=_ORANGE, label="detection")
    ax.set_ylim(-0.03, 1.12)
    ax.set_xlim(0, max(1e-3, float(times[-1])) if len(times) else 1.0)
    ax.set_xlabel("time (s)")
    ax.set_ylabel(f"probability of “{wake_word.phrase}”")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return ax
