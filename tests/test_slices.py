"""On which pictures a model is right: each counted in its row, and nothing else."""

import numpy as np
import pytest

from tinyml_labs.intervals import wilson_interval
from tinyml_labs.slices import slice_table


def counted(table) -> dict:
    return {(r["slice"], r["value"]): (r["count"], r["right"]) for r in table.to_dict("records")}


RIGHT = np.array([True, True, False, True, False, True])


def test_texts_are_counted_and_empty_ones_left_out() -> None:
    table = slice_table(RIGHT, {"pose": ["sitting", "", "walking", "sitting", "sitting", "  "]})
    assert list(table.columns) == ["slice", "value", "count", "right", "share", "low", "high"]
    assert counted(table) == {("pose", "sitting"): (3, 2), ("pose", "walking"): (1, 0)}
    assert table["share"].tolist() == [2 / 3, 0.0]
    assert [tuple(each) for each in table[["low", "high"]].to_numpy()] == [
        wilson_interval(2, 3),
        wilson_interval(0, 1),
    ]
    assert table.attrs["share"] == 4 / 6


def test_texts_of_other_kinds() -> None:
    columns = {"mixed": np.array(["a", None, "b", np.nan, "a", 3], dtype=object), "glasses": RIGHT}
    assert counted(slice_table(RIGHT, columns)) == {
        ("mixed", "3"): (1, 1),
        ("mixed", "a"): (2, 1),
        ("mixed", "b"): (1, 0),
        ("glasses", "no"): (2, 0),
        ("glasses", "yes"): (4, 4),
    }


def test_numbers_are_cut_at_their_terciles() -> None:
    random = np.random.default_rng(5)
    skin, right = random.random(301), random.random(301) < 0.7
    skin[7] = np.nan
    table = slice_table(right, {"skin": skin})
    order = np.argsort(skin)[:300]
    assert table["count"].tolist() == [100, 100, 100]
    assert table["right"].tolist() == [int(right[order[at : at + 100]].sum()) for at in (0, 100, 200)]
    first, second, third = table["value"]
    low, high = first.removeprefix("below "), third.removesuffix(" and more")
    assert second == f"{low} to {high}"
    assert float(low) == pytest.approx(skin[order[100]], abs=0.01)
    assert float(high) == pytest.approx(skin[order[200]], abs=0.01)


def test_numbers_are_cut_where_one_says_and_an_edge_belongs_above() -> None:
    distance = [0.5, 2.0, 1.999, 5.0, 100.0, np.nan]
    table = slice_table(RIGHT, {"distance_m": distance}, bins={"distance_m": (2, 5)})
    assert counted(table) == {
        ("distance_m", "below 2"): (2, 1),
        ("distance_m", "2 to 5"): (1, 1),
        ("distance_m", "5 and more"): (2, 1),
    }
    table = slice_table(RIGHT, {"distance_m": distance}, bins={"distance_m": [0.1, 1000]})
    assert table["value"].tolist() == ["0.1 to 1,000"]


def test_a_few_different_numbers_are_rows_themselves() -> None:
    columns = {"indoors": np.array([0, 1, 1, 0, 1, np.nan]), "people": np.array([1, 1, 2, 12, 1, 1])}
    assert counted(slice_table(RIGHT, columns)) == {
        ("indoors", "0"): (2, 2),
        ("indoors", "1"): (3, 1),
        ("people", "1"): (4, 3),
        ("people", "2"): (1, 0),
        ("people", "12"): (1, 1),
    }


def test_near_edges_can_be_told_from_each_other() -> None:
    values = slice_table(np.ones(300, bool), {"near": 1000 + np.arange(300) / 1000})["value"].tolist()
    assert values == ["below 1,000.1", "1,000.1 to 1,000.2", "1,000.2 and more"]


def test_a_column_of_which_nothing_is_known_has_no_row() -> None:
    table = slice_table(RIGHT, {"skin": np.full(6, np.nan), "pose": [""] * 6})
    assert len(table) == 0 and "share" in table
    assert table.attrs["share"] == pytest.approx(4 / 6)


@pytest.mark.parametrize(
    ("right", "columns", "bins", "error", "message"),
    [
        (RIGHT, {"pose": ["a"] * 5}, None, ValueError, r"pose has shape \(5,\), expected \(6,\)"),
        (RIGHT, {"skin": np.zeros((6, 1))}, None, ValueError, r"skin has shape \(6, 1\)"),
        (RIGHT.astype(int), {}, None, TypeError, "dtype int64, expected bool: such as `predicted == labels`"),
        (RIGHT[:0], {}, None, ValueError, "of one picture at least"),
        (RIGHT, {"pose": ["a"] * 6}, {"skin": (1,)}, ValueError, "bins names 'skin'; the columns are pose"),
        (RIGHT, {"pose": ["a"] * 6}, {"pose": (1,)}, TypeError, "pose, which is of dtype <U1: texts cannot be cut"),
        (RIGHT, {"skin": np.arange(6)}, {"skin": (2, 1)}, ValueError, r"bins of skin are \[2, 1\], expected rising"),
        (RIGHT, {"skin": np.arange(6)}, {"skin": ()}, ValueError, "expected rising numbers"),
    ],
)
def test_what_cannot_be_counted_is_refused(right, columns, bins, error, message) -> None:
    with pytest.raises(error, match=message):
        slice_table(right, columns, bins=bins)
