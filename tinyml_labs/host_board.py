"""Compare the raw answers of a board with those of the host, value by value. Part of `evaluation`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml_labs.evaluation_views import Shown, plot_differences

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_FLOAT_BINS = 21


@dataclass(frozen=True, kw_only=True)
class FirstDifference:
    """The first value that differs: its place in the answers, the input, and both values."""

    index: tuple[int, ...]
    host: float
    board: float
    input: Any = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class HostBoardComparison(Shown):
    """Raw answers of the host against the board's.

    `inputs_compared` answers hold `values_compared` values, of which `values_differing` differ in their bytes,
    in `inputs_differing` answers. `histogram` says how many values differ by how much, board minus host: in
    LSB, steps of the integer, for integers; in the output's unit for float32, in bins where there are many.
    """

    inputs_compared: int
    inputs_differing: int
    values_compared: int
    values_differing: int
    largest_difference: float
    unit: str
    histogram: dict[float, int] = field(repr=False)
    first_difference: FirstDifference | None

    @property
    def equal(self) -> bool:
        """True if every byte is the same."""
        return self.values_differing == 0

    @property
    def table(self) -> pd.DataFrame:
        """The counts, and the first difference if there is one, as a pandas DataFrame."""
        import pandas as pd

        rows: dict[str, Any] = {
            "inputs compared": f"{self.inputs_compared:,}",
            "inputs that differ": f"{self.inputs_differing:,}",
            "values compared": f"{self.values_compared:,}",
            "values that differ": f"{self.values_differing:,}",
            f"largest difference ({self.unit})": f"{self.largest_difference:g}",
        }
        first = self.first_difference
        if first is not None:
            rows["first difference at"] = str(first.index)
            if first.input is not None:
                rows["  its input"] = _short(first.input)
            rows["  host, board"] = f"{first.host:g}, {first.board:g}"
        return pd.DataFrame({"host against board": rows})

    def headline(self) -> str:
        """Say in one line whether board and host agree."""
        if self.equal:
            return f"The board answers as the host does: all {self.values_compared:,} values are equal to the byte."
        return (
            f"The board differs from the host in {self.values_differing:,} of {self.values_compared:,} values, by "
            f"at most {self.largest_difference:g} {self.unit}."
        )

    def to_dict(self) -> dict[str, Any]:
        """The figures, for JSON."""
        first = self.first_difference
        return {
            "inputs_compared": self.inputs_compared,
            "inputs_differing": self.inputs_differing,
            "values_compared": self.values_compared,
            "values_differing": self.values_differing,
            "largest_difference": self.largest_difference,
            "unit": self.unit,
            "histogram": {f"{difference:g}": count for difference, count in self.histogram.items()},
            "first_difference": None
            if first is None
            else {
                "index": list(first.index),
                "host": first.host,
                "board": first.board,
                "input": None if first.input is None else np.asarray(first.input).tolist(),
            },
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the histogram of differences, with the number of values on a logarithmic axis."""
        ax = plot_differences(self.histogram, self.unit, ax)
        ax.set_title(f"{self.values_differing:,} of {self.values_compared:,} values differ")
        return ax


def compare_host_board(host: Any, board: Any, inputs: Any = None) -> HostBoardComparison:
    """Compare raw answers of host and board to the byte.

    Parameters
    ----------
    host, board
        int8, uint8, int16, int32 or float32 of the same shape (N, ...): raw answers, not dequantized.
    inputs
        The N inputs they answer, to show the one where they first differ. Optional.

    Returns
    -------
    HostBoardComparison
        Floats are equal if their bytes are: NaN equals the same NaN, and -0.0 differs from 0.0.

    Raises
    ------
    ValueError
        Shapes, dtypes or numbers that do not fit, or nothing to compare.

    Notes
    -----
    Introduced in `notebooks/01_hello_world.ipynb`.
    """
    ours, theirs = np.asarray(host), np.asarray(board)
    if ours.dtype != theirs.dtype:
        raise ValueError(
            f"The host's answers are {ours.dtype} and the board's {theirs.dtype}, expected the same: raw answers in "
            "the model's own dtype on both sides (Interpreter.run, not predict)."
        )
    if ours.dtype.kind not in "iuf":
        raise ValueError(f"The answers are of dtype {ours.dtype}, expected int8, uint8, int16, int32 or float32.")
    if ours.shape != theirs.shape:
        raise ValueError(
            f"The host's answers have shape {ours.shape} and the board's {theirs.shape}, expected the same: "
            "each side's answers to the same inputs. Were inputs lost on the way, or is another model on the board?"
        )
    if ours.size == 0 or ours.ndim == 0:
        raise ValueError(f"The answers have shape {ours.shape}, expected at least one answer, (N, outputs).")
    asked = None if inputs is None else np.asarray(inputs)
    if asked is not None and len(asked) != len(ours):
        raise ValueError(f"There are {len(asked)} inputs for {len(ours)} answers, expected one for each.")
    bits = np.dtype(f"u{ours.dtype.itemsize}")
    differs = np.ascontiguousarray(ours).view(bits) != np.ascontiguousarray(theirs).view(bits)
    differs = differs.reshape(ours.shape)
    # Subtracted in a wider type: 100 - (-100) is 200, which int8 would wrap to -56.
    wide = np.int64 if ours.dtype.kind in "iu" else np.float64
    with np.errstate(invalid="ignore"):
        difference = np.where(differs, theirs.astype(wide) - ours.astype(wide), wide(0))
    first = None
    if differs.any():
        index = tuple(int(k) for k in np.argwhere(differs)[0])
        first = FirstDifference(
            index=index,
            host=ours[index].item(),
            board=theirs[index].item(),
            input=None if asked is None else asked[index[0]],
        )
    return HostBoardComparison(
        inputs_compared=len(ours),
        inputs_differing=int(differs.reshape(len(ours), -1).any(axis=1).sum()),
        values_compared=ours.size,
        values_differing=int(differs.sum()),
        largest_difference=_largest(difference),
        unit="LSB" if ours.dtype.kind in "iu" else "unit of the output",
        histogram=_histogram(difference),
        first_difference=first,
    )


def _largest(difference: np.ndarray) -> float:
    largest = np.abs(difference).max()
    return int(largest) if difference.dtype.kind == "i" else float(largest)


def _histogram(difference: np.ndarray) -> dict[float, int]:
    finite = difference[np.isfinite(difference)]
    values, counts = np.unique(finite, return_counts=True)
    if difference.dtype.kind == "f" and len(values) > _FLOAT_BINS:
        reach = float(np.abs(values).max())
        counts, edges = np.histogram(finite, bins=_FLOAT_BINS, range=(-reach, reach))
        values = (edges[:-1] + edges[1:]) / 2
    return {value.item(): int(count) for value, count in zip(values, counts, strict=True)}


def _short(value: Any) -> str:
    array = np.asarray(value)
    if array.size == 1:
        return f"{array.reshape(-1)[0]:g}"
    return np.array2string(array.reshape(-1), threshold=6, edgeitems=3, precision=4)
