"""Compare what two runs of a model answer, float with int8, host with board, and what is found in a stream."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml_labs.class_scores import macro_f1
from tinyml_labs.evaluation_views import Shown, plot_accuracies, plot_outputs
from tinyml_labs.event_evaluation import (
    Event,
    EventReport,
    TruthInterval,
    evaluate_events,
    evaluate_stream,
    pool_event_reports,
)
from tinyml_labs.host_board import HostBoardComparison, compare_host_board
from tinyml_labs.intervals import poisson_interval, wilson_interval
from tinyml_labs.stream_comparison import StreamComparison, compare_streams
from tinyml_labs.threshold_sweep import OperatingPoint, ThresholdSweep, sweep_thresholds

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = [
    "Accuracy",
    "ErrorSummary",
    "Event",
    "EventReport",
    "FloatInt8Comparison",
    "HostBoardComparison",
    "OperatingPoint",
    "StreamComparison",
    "ThresholdSweep",
    "TruthInterval",
    "compare_float_int8",
    "compare_host_board",
    "compare_streams",
    "evaluate_events",
    "evaluate_stream",
    "macro_f1",
    "poisson_interval",
    "pool_event_reports",
    "sweep_thresholds",
    "wilson_interval",
]


@dataclass(frozen=True, kw_only=True)
class ErrorSummary:
    """Errors of one set of answers, in the unit of the output."""

    mean_absolute: float
    root_mean_square: float
    largest: float


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Right answers, their share, and the ends of the share's 95 % Wilson interval."""

    right: int
    count: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FloatInt8Comparison(Shown):
    """Float answers against int8 answers of the same model to the same inputs.

    `task` is "regression" or "classification". For regression `difference`, `float_error` and `int8_error`
    are set, the last two only if the truth is known; for classification `agreement`, `float_accuracy` and
    `int8_accuracy`. `float_outputs` and `int8_outputs` are the compared arrays, float32 of shape (N, ...).
    """

    task: str
    count: int
    difference: ErrorSummary | None = None
    float_error: ErrorSummary | None = None
    int8_error: ErrorSummary | None = None
    agreement: Accuracy | None = None
    float_accuracy: Accuracy | None = None
    int8_accuracy: Accuracy | None = None
    float_outputs: np.ndarray = field(repr=False)
    int8_outputs: np.ndarray = field(repr=False)
    truth: np.ndarray | None = field(default=None, repr=False)

    def _rows(self) -> dict[str, ErrorSummary | Accuracy]:
        rows = {
            "float against truth": self.float_error or self.float_accuracy,
            "int8 against truth": self.int8_error or self.int8_accuracy,
            "int8 against float": self.difference or self.agreement,
        }
        return {name: row for name, row in rows.items() if row is not None}

    @property
    def table(self) -> pd.DataFrame:
        """One row for each comparison, as a pandas DataFrame."""
        import pandas as pd

        names = {
            "mean_absolute": "mean absolute error", "root_mean_square": "root mean square error",
            "largest": "largest error", "share": "same answer", "low": "95 % interval from", "high": "to",
        }  # fmt: skip
        rows = self._rows()
        return pd.DataFrame([asdict(row) for row in rows.values()], index=list(rows)).rename(columns=names)

    def headline(self) -> str:
        """Say in one line what was compared."""
        return f"float against int8, {self.task}, {self.count:,} inputs"

    def to_dict(self) -> dict[str, Any]:
        """The figures without the arrays, for JSON."""
        figures = {name.replace(" ", "_"): asdict(row) for name, row in self._rows().items()}
        return {"task": self.task, "count": self.count, **figures}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw float and int8 answers against each other (regression), or accuracies with their intervals."""
        if self.task == "regression":
            return plot_outputs(self.float_outputs, self.int8_outputs, ax)
        rows = {name: row for name, row in self._rows().items() if isinstance(row, Accuracy)}
        return plot_accuracies(rows, ax)


def compare_float_int8(
    float_outputs: Any, int8_outputs: Any, truth: Any = None, task: str = "auto"
) -> FloatInt8Comparison:
    """Compare the answers of a float model with those of its int8 version.

    Parameters
    ----------
    float_outputs, int8_outputs
        Dequantized answers, real numbers of the same shape (N, outputs), as `inference.predict` gives them.
    truth
        What would have been right: (N, outputs) for regression, class indices (N,) or one-hot vectors for
        classification. Optional.
    task
        `"regression"`, `"classification"`, or `"auto"`: classification if there are two outputs or more and
        the truth is integers or one-hot or, without truth, each float answer sums to 1.

    Returns
    -------
    FloatInt8Comparison

    Raises
    ------
    ValueError
        Shapes or task that do not fit, no answers, NaN, or raw int8 values instead of dequantized ones.

    Notes
    -----
    Introduced in `notebooks/01_hello_world.ipynb`.
    """
    if task not in ("auto", "regression", "classification"):
        raise ValueError(f"task is {task!r}, expected 'auto', 'regression' or 'classification'.")
    ours = _answers(float_outputs, "float_outputs")
    theirs = _answers(int8_outputs, "int8_outputs")
    if ours.shape != theirs.shape:
        raise ValueError(
            f"float_outputs has shape {ours.shape} and int8_outputs {theirs.shape}, expected the same: the "
            "answers of both models to the same inputs, in the same order."
        )
    true = None if truth is None else np.asarray(truth)
    if true is not None and len(true) != len(ours):
        raise ValueError(f"truth has {len(true)} entries for {len(ours)} answers, expected one for each.")
    if task == "auto":
        task = _guess_task(ours, true)
    if task == "regression":
        return _compare_regression(ours, theirs, true)
    return _compare_classification(ours, theirs, true)


def _answers(values: Any, name: str) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind != "f":
        raise ValueError(
            f"{name} is of dtype {array.dtype}, expected real numbers: dequantize raw answers first, "
            "inference.dequantize(q, scale, zero_point), or use inference.predict. To compare raw bytes of host "
            "and board there is compare_host_board."
        )
    if array.size == 0 or array.ndim == 0:
        raise ValueError(f"{name} has shape {array.shape}, expected at least one answer, (N, outputs).")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds {int((~np.isfinite(array)).sum())} NaN or infinite values, expected none.")
    return array.reshape(len(array), -1).astype(np.float32)


def _guess_task(ours: np.ndarray, truth: np.ndarray | None) -> str:
    if ours.shape[1] < 2:
        return "regression"
    if truth is not None:
        one_hot = truth.shape == ours.shape and bool(np.isin(truth, (0, 1)).all() and (truth.sum(1) == 1).all())
        labels = truth.dtype.kind in "iub" and truth.size == len(ours)
        return "classification" if one_hot or labels else "regression"
    sums_to_one = bool((ours >= 0).all() and np.allclose(ours.sum(axis=1), 1.0, atol=1e-3))
    return "classification" if sums_to_one else "regression"


def _errors(found: np.ndarray, expected: np.ndarray) -> ErrorSummary:
    error = found.astype(np.float64) - expected
    return ErrorSummary(
        mean_absolute=float(np.abs(error).mean()),
        root_mean_square=float(np.sqrt((error**2).mean())),
        largest=float(np.abs(error).max()),
    )


def _compare_regression(ours: np.ndarray, theirs: np.ndarray, truth: np.ndarray | None) -> FloatInt8Comparison:
    if truth is not None:
        if truth.size != ours.size:
            raise ValueError(f"truth has shape {truth.shape}, expected {ours.shape} like the answers.")
        truth = truth.reshape(ours.shape).astype(np.float64)
    return FloatInt8Comparison(
        task="regression",
        count=len(ours),
        difference=_errors(theirs, ours),
        float_error=None if truth is None else _errors(ours, truth),
        int8_error=None if truth is None else _errors(theirs, truth),
        float_outputs=ours,
        int8_outputs=theirs,
        truth=truth,
    )


def _accuracy(same: np.ndarray) -> Accuracy:
    right, count = int(same.sum()), len(same)
    low, high = wilson_interval(right, count)
    return Accuracy(right=right, count=count, share=right / count, low=low, high=high)


def _classes(scores: np.ndarray) -> np.ndarray:
    """The class of each answer; a single score is the chance of class 1."""
    return (scores[:, 0] > 0.5).astype(int) if scores.shape[1] == 1 else scores.argmax(axis=1)


def _compare_classification(ours: np.ndarray, theirs: np.ndarray, truth: np.ndarray | None) -> FloatInt8Comparison:
    mine, other = _classes(ours), _classes(theirs)
    if truth is not None:
        truth = truth.argmax(axis=1) if truth.shape == ours.shape and ours.shape[1] > 1 else truth.reshape(-1)
        classes = max(2, ours.shape[1])
        if len(truth) != len(ours) or not np.isin(truth, np.arange(classes)).all():
            raise ValueError(
                f"truth for classification has to be {len(ours)} class indices from 0 to {classes - 1}, or "
                "one-hot vectors."
            )
    return FloatInt8Comparison(
        task="classification",
        count=len(ours),
        agreement=_accuracy(mine == other),
        float_accuracy=None if truth is None else _accuracy(mine == truth),
        int8_accuracy=None if truth is None else _accuracy(other == truth),
        float_outputs=ours,
        int8_outputs=theirs,
        truth=truth,
    )
