"""Features of one scale: around 0, about 1 wide, and never far from it. The board does the same, bit by bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_SMALLEST = float(np.finfo(np.float32).tiny)  # the reciprocal of what is smaller may be no float32
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, kw_only=True, eq=False)
class Normalisation:
    """Subtract a mean from each feature, divide by a scale, and clip.

    `apply` is three float32 operations for each value, none of which a compiler may fuse or reorder, so that C++ with
    `float` gets the same bits: `x - mean`, times `inverse_scale`, then clipped. Dividing happens here, once.

    Parameters
    ----------
    mean : array, (F,)
        Of the training data. Stored as float32.
    scale : array, (F,)
        Their standard deviation, in the unit of the feature, stored as float32. 0 for a feature that is constant.
    limit : float
        What comes out is within ±limit. A lone value far from the training data would else widen the range that int8
        calibration has to spread its 256 steps over.

    Attributes
    ----------
    inverse_scale : float32 array, (F,)
        1 / scale; 0 where the scale is 0 (or below 1.2e-38, where 1 / scale may be no float32), so that a constant
        feature becomes 0.

    Raises
    ------
    ValueError
        Arrays of another shape, NaN or infinite values, a negative scale, or a limit that is not above 0.

    Examples
    --------
    >>> normalisation = Normalisation.fit([[1.0, 5.0], [3.0, 5.0]])
    >>> normalisation.apply([[4.0, 6.0], [100.0, 5.0]]).tolist()
    [[2.0, 0.0], [8.0, 0.0]]
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    limit: float = 8.0
    inverse_scale: NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        mean, scale = _vector(self.mean, "mean"), _vector(self.scale, "scale")
        if mean.shape != scale.shape:
            raise ValueError(f"mean has {len(mean)} values and scale {len(scale)}, expected one each for a feature.")
        if (scale < 0).any():
            raise ValueError(f"scale of feature {int(np.argmax(scale < 0))} is {scale.min():g}, expected 0 or more.")
        if not _SMALLEST <= self.limit <= _LARGEST:
            raise ValueError(f"limit is {self.limit}, expected a number above 0, such as 8.0.")
        inverse = np.zeros_like(scale)
        np.divide(np.float32(1), scale, out=inverse, where=scale >= _SMALLEST)
        for name, values in (("mean", mean), ("scale", scale), ("inverse_scale", inverse)):
            values.setflags(write=False)
            object.__setattr__(self, name, values)
        object.__setattr__(self, "limit", float(np.float32(self.limit)))

    @classmethod
    def fit(cls, values: ArrayLike, *, limit: float = 8.0) -> Normalisation:
        """Take mean and standard deviation of the training data, and of nothing else: test data are to be unknown.

        Parameters
        ----------
        values : array, (N, F)
            Features of the training windows, N at least 2.
        limit : float
            See the class.

        Returns
        -------
        Normalisation

        Raises
        ------
        ValueError
            Another shape, fewer than two rows, NaN or infinite values.
        """
        found = _real(values, "values")
        if found.ndim != 2 or len(found) < 2 or found.shape[1] < 1:
            raise ValueError(
                f"values has shape {found.shape}, expected (N, F): a row of features for each training window, two "
                "rows at least. Raw windows (W, length, channels) are windows.reshape(-1, channels)."
            )
        _check_finite(found, "values")
        exact = found.astype(np.float64)  # sums of equal float32 values are exact in it: a constant has deviation 0
        return cls(mean=exact.mean(axis=0), scale=exact.std(axis=0), limit=limit)

    def apply(self, x: ArrayLike) -> NDArray[np.float32]:
        """Normalise features.

        Parameters
        ----------
        x : array, (..., F)
            Features, or raw windows (W, length, channels) if there is a mean for each channel.

        Returns
        -------
        float32 array, (..., F)
            Within ±limit.

        Raises
        ------
        ValueError
            Another number of features, NaN or infinite values, or values too large for float32.
        """
        found = _real(x, "x")
        if found.ndim < 1 or found.shape[-1] != len(self.mean):
            raise ValueError(f"x has shape {found.shape}, expected (..., {len(self.mean)}): one value for each mean.")
        with np.errstate(over="ignore", invalid="ignore"):
            centred = found - self.mean
        _check_finite(centred, "x")
        limit = np.float32(self.limit)
        with np.errstate(over="ignore", under="ignore"):
            return np.clip(centred * self.inverse_scale, -limit, limit)

    def to_dict(self) -> dict[str, Any]:
        """Numbers and lists of numbers, each exactly the float32 value: for JSON and for C."""
        return {
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
            "inverse_scale": self.inverse_scale.tolist(),
            "limit": self.limit,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Normalisation:
        """Make it again from `to_dict`, to the last bit.

        Raises
        ------
        ValueError
            A missing entry, values that are none, or an `inverse_scale` that is not 1 / scale.
        """
        missing = [name for name in ("mean", "scale", "limit") if name not in stored]
        if missing:
            raise ValueError(
                f"The stored normalisation has no {missing[0]!r}; found {', '.join(stored) or 'nothing'}. Store what "
                "Normalisation.to_dict() gives."
            )
        made = cls(mean=stored["mean"], scale=stored["scale"], limit=stored["limit"])
        inverse = stored.get("inverse_scale", made.inverse_scale)
        if not np.array_equal(_vector(inverse, "inverse_scale"), made.inverse_scale):
            raise ValueError(
                "The stored inverse_scale is not 1 / scale: one of them was edited. Fit again, and store that."
            )
        return made


def _real(values: ArrayLike, name: str) -> NDArray[np.float32]:
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} is of dtype {array.dtype}, expected real numbers.")
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused as such
        return array.astype(np.float32)


def _vector(values: ArrayLike, name: str) -> NDArray[np.float32]:
    array = _real(values, name)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"{name} has shape {array.shape}, expected (F,): one value for each feature.")
    _check_finite(array, name)
    return array


def _check_finite(values: NDArray[np.float32], name: str) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        columns = np.flatnonzero(bad.reshape(-1, values.shape[-1]).any(axis=0)).tolist()
        raise ValueError(
            f"{name} holds {int(bad.sum())} values that are NaN, infinite or too large for float32, the first in "
            f"feature {columns[0]}, expected none. Was there a gap in the samples, or a division by 0?"
        )
