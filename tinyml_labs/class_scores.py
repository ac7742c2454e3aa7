"""How well classes are told apart, when some are rarer than others."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def macro_f1(truth: ArrayLike, found: ArrayLike) -> float:
    """Average F1 over the classes that there are, each class weighing the same.

    Parameters
    ----------
    truth, found : int array, (N,)
        The class of each sample, and the one that the model gave. Classes that ``truth`` does not have are no class
        of the average; to say one of them is a miss of the right one.

    Returns
    -------
    float, 0 to 1
        F1 of a class is the harmonic mean of precision and recall: it is high only if most of the class is found and
        most of what is found is the class.

    Raises
    ------
    ValueError
        No samples, or arrays of different lengths.

    Notes
    -----
    C. van Rijsbergen, *Information Retrieval* (1979). Introduced in `notebooks/02_gesture_recognition.ipynb`.

    Examples
    --------
    >>> macro_f1([0, 0, 1, 1], [0, 0, 1, 0])
    0.7333333333333334
    """
    truth, found = np.asarray(truth), np.asarray(found)
    if truth.shape != found.shape or truth.ndim != 1 or not len(truth):
        raise ValueError(f"truth has shape {truth.shape} and found {found.shape}; expected (N,) both, N at least 1.")
    scores = []
    for k in np.unique(truth):
        right = int(((truth == k) & (found == k)).sum())
        scores.append(2 * right / int((truth == k).sum() + (found == k).sum()))
    return float(np.mean(scores))
