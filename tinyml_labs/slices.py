"""How often a model is right on one kind of picture and another, each with its count and interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.intervals import wilson_interval

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["slice_table"]

_COLUMNS = ("slice", "value", "count", "right", "share", "low", "high")
_FEW_VALUES = 5


def slice_table(
    right: ArrayLike, columns: Mapping[str, ArrayLike], *, bins: Mapping[str, Sequence[float]] | None = None
) -> pd.DataFrame:
    """Count for each kind of picture how many answers are right: by pose, by skin, by distance.

    One share for all hides on whom a model fails. A share of a few pictures says little, though: 9 of 10 right may be
    60 % or 98 % in truth, and of twenty slices one is far off by chance alone. So each row has its count and its 95 %
    interval; where the intervals of two slices overlap widely, a difference between them is not shown yet.

    Parameters
    ----------
    right : bool array, (N,)
        Whether the answer to each picture was right.
    columns : mapping of str to array, (N,)
        What is known of each picture: texts, bools or numbers, such as ``LabelledImages.table``. Pictures without a
        value (an empty text, NaN) are left out of the rows of that column.
    bins : mapping of str to sequence of float, optional
        The edges at which a column of numbers is cut, rising: of (2, 5) the rows are below 2, from 2 to below 5, and
        5 and more. By default a column is cut at its terciles, so that three rows have about as many pictures each;
        one of five different numbers or fewer is not cut: each number is a row.

    Returns
    -------
    pandas.DataFrame
        A row for each value that a picture has: slice (the column's name), value (a text), count, right, share (0 to
        1), low and high (Wilson's 95 % interval). Texts are in alphabetical order, numbers rise. ``attrs["share"]``
        is the share of all N pictures.

    Raises
    ------
    TypeError
        ``right`` is not of bools, or ``bins`` are given for texts.
    ValueError
        No pictures, another length or shape, edges that do not rise, or bins for a column that there is not.

    Examples
    --------
    >>> table = slice_table([True, True, False, True], {"pose": ["sitting", "walking", "sitting", ""]})
    >>> table[["slice", "value", "count", "right"]].values.tolist()
    [['pose', 'sitting', 2, 1], ['pose', 'walking', 1, 1]]

    Notes
    -----
    Introduced in `notebooks/04_person_detection.ipynb`.
    """
    import pandas as pd

    answers, edges = np.asarray(right), dict(bins or {})
    if answers.dtype != np.bool_:
        raise TypeError(f"right is of dtype {answers.dtype}, expected bool: such as `predicted == labels`.")
    if answers.ndim != 1 or not len(answers):
        raise ValueError(f"right has shape {answers.shape}, expected (N,), of one picture at least.")
    if unknown := [name for name in edges if name not in columns]:
        raise ValueError(f"bins names {unknown[0]!r}; the columns are {', '.join(columns) or 'none'}.")
    rows = []
    for name, column in columns.items():
        values = np.asarray(column)
        if values.shape != answers.shape:
            raise ValueError(
                f"{name} has shape {values.shape}, expected {answers.shape}: one value for each picture."
            )
        for value, members in _split(name, values, edges.get(name)):
            count, hits = int(members.sum()), int(answers[members].sum())
            rows.append((name, value, count, hits, hits / count, *wilson_interval(hits, count)))
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    table.attrs["share"] = float(answers.mean())
    return table


def _split(name: str, values: NDArray[Any], edges: Sequence[float] | None) -> list[tuple[str, NDArray[np.bool_]]]:
    """Give the values of a column in their order, each with the pictures that have it: one at least."""
    if values.dtype.kind in "fiu":
        parts = _split_numbers(name, values.astype(np.float64), edges)
    else:
        if edges is not None:
            raise TypeError(f"bins are given for {name}, which is of dtype {values.dtype}: texts cannot be cut.")
        if values.dtype.kind == "b":
            values = np.where(values, "yes", "no")
        texts = np.array(["" if each is None or each != each else str(each) for each in values.tolist()], dtype=str)
        parts = [(text, texts == text) for text in np.unique(texts).tolist() if text.strip()]
    return [(value, members) for value, members in parts if members.any()]


def _split_numbers(
    name: str, values: NDArray[np.float64], edges: Sequence[float] | None
) -> list[tuple[str, NDArray[np.bool_]]]:
    known = values[~np.isnan(values)]
    different = np.unique(known)
    if edges is None:
        if len(different) <= _FEW_VALUES:
            return [(text, values == number) for text, number in zip(_write(different, 6), different, strict=True)]
        cuts = np.unique(np.quantile(known, [1 / 3, 2 / 3]))
        texts = _write(cuts, 3)
    else:
        cuts = np.asarray(edges, np.float64)
        if cuts.ndim != 1 or not cuts.size or not np.all(np.diff(cuts) > 0) or not np.isfinite(cuts).all():
            raise ValueError(f"bins of {name} are {list(edges)}, expected rising numbers, such as (2.0, 5.0).")
        texts = _write(cuts, 6)
    names = [f"below {texts[0]}", *(f"{low} to {high}" for low, high in pairwise(texts)), f"{texts[-1]} and more"]
    places = np.where(np.isnan(values), -1, np.searchsorted(cuts, values, side="right"))
    return [(text, places == place) for place, text in enumerate(names)]


def _write(numbers: NDArray[np.float64], digits: int) -> list[str]:
    """Write numbers with so many digits, or as many more as it takes to tell one from the other."""
    while True:
        texts = [f"{float(f'{number:.{digits}g}'):,.15g}" for number in numbers.tolist()]
        if len(set(texts)) == len(texts) or digits >= 15:
            return texts
        digits += 1
