"""Calibration data for int8: which samples the converter sees, and whether they are what it should see.

The converter runs them through the float model and notes the smallest and the largest value of each tensor:
that range is what 256 int8 steps are spread over. Data of another range give a model that is wrong, silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

FEWEST_SAMPLES = 10
"""Fewer samples than this say too little about the ranges inside the network."""

RANGE_TOLERANCE = 0.1
"""How far, as a part of the training data's range, an end of the calibration's range may be off.

Inwards it is counted from the 0.1 % and 99.9 % quantiles of the training data, so that a lone outlier need
not be in the calibration; outwards from their smallest and largest value.
"""

_ROWS_FOR_QUANTILES = 2000


def choose_calibration(
    names: Sequence[str],
    shapes: Sequence[tuple[int, ...]],
    *,
    training_data: Any = None,
    calibration: Any = None,
    samples: int = 200,
    seed: int = 0,
) -> list[np.ndarray]:
    """Check calibration data and choose the samples that the converter sees.

    Parameters
    ----------
    names, shapes
        The model's inputs, shapes without the batch axis.
    training_data
        What the model was trained on: an array of shape (N, *shape), or a tuple or list of one such array
        for each input. Without `calibration`, a seeded subset is drawn from it that holds, for each input,
        the samples with its smallest and its largest value.
    calibration
        Data to calibrate with, in the same form. With `training_data`, the ranges are compared.
    samples
        At most so many are used.
    seed
        Seed of the draw.

    Returns
    -------
    list of np.ndarray
        float32, one for each input, all of the same length.

    Raises
    ------
    ValueError
        No data; a shape, number or range that does not fit; NaN or infinite values; all values equal.
    TypeError
        Complex numbers, text or objects.
    """
    if training_data is None and calibration is None:
        raise ValueError(
            "int8 needs data to calibrate with: the converter runs samples through the model to learn the "
            "range of each tensor. Pass training_data=x_train, the array the model was trained on, prepared "
            "in the same way."
        )
    if samples < FEWEST_SAMPLES:
        raise ValueError(f"samples is {samples}, expected at least {FEWEST_SAMPLES}; 100 to 500 are usual.")
    trained = None if training_data is None else _arrays(training_data, names, shapes, "training_data")
    given = None if calibration is None else _arrays(calibration, names, shapes, "calibration")
    if given is not None and trained is not None:
        for name, ours, theirs in zip(names, given, trained, strict=True):
            _compare_ranges(name, ours, theirs)
    arrays = given if given is not None else trained
    assert arrays is not None
    chosen = _choose(arrays, samples, seed)
    return [array[chosen].astype(np.float32) for array in arrays]


def _arrays(data: Any, names: Sequence[str], shapes: Sequence[tuple[int, ...]], what: str) -> list[np.ndarray]:
    """One checked array for each input of the model."""
    many = isinstance(data, (tuple, list)) and (len(names) > 1 or (len(data) == 1 and np.ndim(data[0]) > 0))
    parts = list(data) if many else [data]
    if len(parts) != len(names):
        raise ValueError(
            f"{what} has {len(parts)} array{'s' * (len(parts) != 1)}, but the model has {len(names)} inputs: "
            f"{', '.join(names)}. Pass a tuple with one array for each, in this order."
        )
    arrays = [
        _checked(np.asarray(part), name, shape, what) for part, name, shape in zip(parts, names, shapes, strict=True)
    ]
    lengths = {len(array) for array in arrays}
    if len(lengths) > 1:
        found = ", ".join(f"{name}: {len(array)}" for name, array in zip(names, arrays, strict=True))
        raise ValueError(f"The arrays of {what} differ in length ({found}); expected sample k in each.")
    return arrays


def _checked(array: np.ndarray, name: str, shape: tuple[int, ...], what: str) -> np.ndarray:
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{what} for input '{name}' is of dtype {array.dtype}, expected real numbers (float32, or integers "
            "as a sensor gives them). Convert or decode it first."
        )
    if array.shape[1:] != shape or array.ndim == 0:
        raise ValueError(
            f"{what} for input '{name}' has shape {array.shape}, expected (N, {', '.join(map(str, shape))}). "
            + _shape_advice(array.shape, shape)
        )
    if len(array) < FEWEST_SAMPLES:
        raise ValueError(
            f"{what} for input '{name}' holds {len(array)} samples, expected at least {FEWEST_SAMPLES}; a few "
            "hundred of all kinds (classes, loud and quiet, dark and bright) are good."
        )
    low, high = array.min(), array.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        bad = ~np.isfinite(array)
        first = tuple(int(k) for k in np.argwhere(bad)[0])
        raise ValueError(
            f"{what} for input '{name}' holds {int(bad.sum())} values that are NaN or infinite, the first at "
            f"index {first}. Remove these samples, or mend what made them (a division by zero?)."
        )
    if low == high:
        raise ValueError(
            f"Every value of {what} for input '{name}' is {low:g}: there is no range to spread int8's 256 "
            "steps over. Pass real samples, not zeros or ones of the right shape."
        )
    return array


def _shape_advice(found: tuple[int, ...], expected: tuple[int, ...]) -> str:
    if found == expected:
        return "That is one sample: pass many, with the samples along the first axis."
    if (*found[1:], 1) == expected:
        return "The last axis of length 1 is missing: array[..., np.newaxis]."
    if found[1:] == (*expected, 1):
        return "There is one axis of length 1 too many: array[..., 0]."
    if len(found) == len(expected) + 2 and found[2:] == expected:
        return "It seems to hold batches: array.reshape(-1, *array.shape[2:])."
    if int(np.prod(found[1:])) == int(np.prod(expected)) and len(found) > 1:
        return "The number of values fits: reshape it as the training data were."
    return "Prepare it as the training data were."


def _compare_ranges(name: str, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Raise if the calibration's range is too narrow or too wide for the training data's."""
    low, high = float(ours.min()), float(ours.max())
    bottom, top = float(theirs.min()), float(theirs.max())
    rows = theirs[:: max(1, len(theirs) // _ROWS_FOR_QUANTILES)]
    inner_bottom, inner_top = (float(q) for q in np.quantile(rows, (0.001, 0.999)))
    slack = RANGE_TOLERANCE * (top - bottom)
    both = (
        f"calibration for input '{name}' goes from {low:g} to {high:g}, expected about {bottom:g} to {top:g}, "
        "the range of training_data."
    )
    if low < bottom - slack or high > top + slack:
        raise ValueError(
            f"The {both} It is too wide: the steps of int8 would be spent on values that do not occur. "
            f"{_scaling_advice(max(abs(low), abs(high)), max(abs(bottom), abs(top)))}"
        )
    if low > inner_bottom + slack or high < inner_top - slack:
        raise ValueError(
            f"The {both} It is too narrow: values beyond it would be cut off. "
            f"{_scaling_advice(max(abs(low), abs(high)), max(abs(bottom), abs(top)))}"
        )


def _scaling_advice(ours: float, theirs: float) -> str:
    ratio = ours / theirs if theirs else np.inf
    for factor in (255.0, 256.0, 127.5, 128.0, 1023.0, 4095.0, 32767.0, 32768.0):
        if 0.97 < ratio / factor < 1.03:
            return f"It is {factor:g} times as large: divide it as the training data were divided."
        if 0.97 < ratio * factor < 1.03:
            return f"It is {factor:g} times too small: it was divided, and the training data were not."
    return (
        "Prepare both in the same way and draw the calibration from all of the training data, or leave out "
        "calibration: convert then draws it from training_data."
    )


def _choose(arrays: list[np.ndarray], samples: int, seed: int) -> np.ndarray:
    """Indices of a seeded subset, rising, with the samples that hold each input's smallest and largest value."""
    count = len(arrays[0])
    if count <= samples:
        return np.arange(count)
    extremes = [
        int(find(array)) // int(np.prod(array.shape[1:])) for array in arrays for find in (np.argmin, np.argmax)
    ]
    kept = np.unique(extremes)[:samples]
    others = np.setdiff1d(np.arange(count), kept)
    drawn = np.random.default_rng(seed).choice(others, size=samples - len(kept), replace=False)
    return np.sort(np.concatenate([kept, drawn]))
