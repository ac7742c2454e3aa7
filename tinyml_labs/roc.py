"""The receiver operating characteristic (ROC): what each threshold finds, and what it costs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["measure_area", "trace_roc"]


def measure_area(scores: ArrayLike, labels: ArrayLike) -> tuple[float, float, float]:
    """Measure the area under the receiver operating characteristic, with its 95 % interval.

    It is the probability that a picture with a person has a higher score than one without (equal ones count half): 1
    for a model that ranks without error, 0.5 for one that guesses.

    Parameters
    ----------
    scores : float array, (N,)
        Of a person; only their order matters.
    labels : int or bool array, (N,)
        1 where a person is, else 0.

    Returns
    -------
    area, low, high : float
        The interval is too narrow for an area near 1, and has no width at 1 itself.

    Raises
    ------
    ValueError
        Other shapes or labels, scores that are no numbers, or pictures of one kind only.

    Notes
    -----
    J. A. Hanley and B. J. McNeil, "The meaning and use of the area under a receiver operating characteristic (ROC)
    curve" (Radiology, 1982). Pictures count as independent of each other.
    """
    false, found, _ = trace_roc(scores, labels, "the model")
    area = float(np.sum(np.diff(false) * (found[1:] + found[:-1]) / 2))
    people = int(np.count_nonzero(labels))
    others = np.size(labels) - people
    both, twice = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (people - 1) * (both - area**2) + (others - 1) * (twice - area**2)
    half = 1.959964 * math.sqrt(max(variance, 0.0) / (people * others))
    return area, max(0.0, area - half), min(1.0, area + half)


def trace_roc(
    scores: ArrayLike, labels: ArrayLike, name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Give the shares of others that alarm and of people found, and the thresholds, from above all scores downwards.

    Equal scores are one threshold, since no threshold can part them.
    """
    values, truth = np.asarray(scores, np.float64), np.asarray(labels)
    if values.ndim != 1 or truth.shape != values.shape:
        raise ValueError(f"{name}: scores have shape {values.shape} and labels {truth.shape}, expected (N,) of both.")
    if np.isnan(values).any() or not np.isin(truth, (0, 1)).all():
        raise ValueError(f"{name}: expected scores that are numbers, and labels 1 where a person is, else 0.")
    people = int(np.count_nonzero(truth))
    if not 0 < people < len(truth):
        raise ValueError(
            f"{name}: {people} of {len(truth)} pictures are with a person; expected some with and without."
        )
    order = np.argsort(-values, kind="stable")
    levels, is_person = values[order], truth[order] == 1
    last = np.append(np.flatnonzero(np.diff(levels)), len(levels) - 1)
    found = np.cumsum(is_person)[last]
    false = last + 1 - found
    start = (0.0,)
    return (
        np.concatenate([start, false / (len(truth) - people)]),
        np.concatenate([start, found / people]),
        np.concatenate([(np.inf,), levels[last]]),
    )
