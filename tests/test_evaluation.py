import json
from statistics import NormalDist

import numpy as np
import pytest

from tinyml_labs.evaluation import compare_float_int8, compare_host_board, wilson_interval


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_agrees_with_the_published_values(successes, trials, low, high):
    np.testing.assert_allclose(wilson_interval(successes, trials), (low, high), atol=5e-5)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize(("successes", "trials"), [(3, 10), (0, 7), (7, 7), (950, 1000)])
def test_wilson_ends_are_where_the_score_test_just_rejects(successes, trials, confidence):
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / trials
    for end in wilson_interval(successes, trials, confidence):
        if 0 < end < 1:
            assert abs(share - end) / np.sqrt(end * (1 - end) / trials) == pytest.approx(z)


@pytest.mark.parametrize("settings", [(1, 0), (3, 2), (-1, 2), (1, 2, 95)])
def test_wilson_refuses_what_is_no_proportion(settings):
    with pytest.raises(ValueError, match="expected"):
        wilson_interval(*settings)


def test_regression_against_truth():
    result = compare_float_int8([[1.0], [2.0], [3.0]], [[1.0], [2.5], [2.0]], [1.0, 2.0, 5.0])
    assert result.task == "regression"
    assert result.count == 3
    assert result.difference.mean_absolute == pytest.approx(0.5)
    assert result.difference.root_mean_square == pytest.approx(np.sqrt(1.25 / 3))
    assert result.difference.largest == pytest.approx(1.0)
    assert result.float_error.mean_absolute == pytest.approx(2 / 3)
    assert result.int8_error.largest == pytest.approx(3.0)
    assert list(result.table.index) == ["float against truth", "int8 against truth", "int8 against float"]
    assert json.loads(json.dumps(result.to_dict()))["int8_against_truth"]["largest"] == pytest.approx(3.0)
    assert "mean absolute error" in str(result)
    assert "<table" in result._repr_html_()


def test_regression_without_truth():
    result = compare_float_int8(np.zeros((4, 2)), np.full((4, 2), 0.25))
    assert result.float_error is None
    assert result.difference.mean_absolute == 0.25
    assert len(result.table) == 1


def test_classification():
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    other = np.array([[0.8, 0.2], [0.1, 0.9], [0.4, 0.6], [0.4, 0.6]])
    for truth in ([0, 1, 0, 0], np.eye(2)[[0, 1, 0, 0]], [[0], [1], [0], [0]]):
        result = compare_float_int8(scores, other, truth)
        assert result.task == "classification"
        assert (result.float_accuracy.right, result.int8_accuracy.right, result.agreement.right) == (3, 2, 3)
        assert result.agreement.share == 0.75
        assert (result.agreement.low, result.agreement.high) == wilson_interval(3, 4)
    assert compare_float_int8(scores, other).task == "classification"
    assert compare_float_int8(scores, other, scores).task == "regression"
    assert compare_float_int8([[0.9], [0.2]], [[0.4], [0.1]], [1, 0], "classification").int8_accuracy.right == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((3, 1)), np.zeros((4, 1))), "has shape .3, 1. and int8_outputs .4, 1."),
        ((np.zeros((3, 1)), np.zeros((3, 1), np.int8)), "int8_outputs is of dtype int8.*dequantize"),
        ((np.zeros((3, 1)), np.zeros((3, 1)), [1, 2]), "truth has 2 entries for 3 answers"),
        ((np.zeros((0, 1)), np.zeros((0, 1))), "at least one answer"),
        ((np.array([[np.nan]]), np.array([[1.0]])), "1 NaN or infinite"),
        ((np.zeros((3, 2)), np.zeros((3, 2)), [0, 1, 2], "classification"), "class indices from 0 to 1"),
        ((np.zeros((3, 1)), np.zeros((3, 1)), None, "ranking"), "task is 'ranking'"),
    ],
)
def test_answers_that_cannot_be_compared(arguments, message):
    with pytest.raises(ValueError, match=message):
        compare_float_int8(*arguments)


def test_equal_answers():
    answers = np.arange(-128, 128).astype(np.int8).reshape(-1, 2)
    result = compare_host_board(answers, answers.copy())
    assert result.equal
    assert result.histogram == {0: 256}
    assert result.first_difference is None
    assert "all 256 values are equal to the byte" in str(result)


def test_differences_are_counted_without_wrapping():
    host = np.array([[100, 0], [5, 5], [-128, 7], [1, 1]], np.int8)
    board = np.array([[100, 0], [5, 6], [127, 7], [0, 0]], np.int8)
    inputs = np.array([[0.5], [1.5], [2.5], [3.5]], np.float32)
    result = compare_host_board(host, board, inputs)
    assert (result.inputs_compared, result.inputs_differing) == (4, 3)
    assert (result.values_compared, result.values_differing) == (8, 4)
    assert result.histogram == {-1: 2, 0: 4, 1: 1, 255: 1}
    assert sum(result.histogram.values()) == 8
    assert result.largest_difference == 255
    first = result.first_difference
    assert (first.index, first.host, first.board, first.input.tolist()) == ((1, 1), 5, 6, [1.5])
    assert json.loads(json.dumps(result.to_dict()))["first_difference"]["input"] == [1.5]
    assert "differs from the host in 4 of 8 values, by at most 255 LSB" in str(result)
    assert compare_host_board(host.view(np.uint8), board.view(np.uint8)).largest_difference == 1


def test_floats_are_compared_by_their_bytes():
    host = np.array([0.0, np.nan, 1.0], np.float32)
    assert compare_host_board(host, host.copy()).equal
    result = compare_host_board(host, np.array([-0.0, np.nan, np.nextafter(np.float32(1), 2)], np.float32))
    assert result.values_differing == 2
    assert result.largest_difference == pytest.approx(1.19e-7, rel=0.01)
    noisy = np.linspace(0, 1, 1000, dtype=np.float32)
    many = compare_host_board(noisy, noisy + np.random.default_rng(0).normal(size=1000).astype(np.float32))
    assert len(many.histogram) == 21
    assert sum(many.histogram.values()) == 1000


def test_answers_that_are_not_contiguous():
    wide = np.arange(20, dtype=np.int8).reshape(5, 4)
    assert compare_host_board(wide[:, ::2], wide[:, ::2].copy()).equal


@pytest.mark.parametrize(
    ("host", "board", "inputs", "message"),
    [
        (np.zeros((3, 1), np.int8), np.zeros((2, 1), np.int8), None, "shape .3, 1. and the board's .2, 1."),
        (np.zeros((3, 1), np.int8), np.zeros((3, 1), np.float32), None, "int8 and the board's float32.*not predict"),
        (np.zeros((3, 1), np.int8), np.zeros((3, 1), np.int8), [1, 2], "2 inputs for 3 answers"),
        (np.zeros((0, 1), np.int8), np.zeros((0, 1), np.int8), None, "at least one answer"),
        (np.zeros((2, 1), complex), np.zeros((2, 1), complex), None, "of dtype complex128"),
    ],
)
def test_a_board_that_cannot_be_compared(host, board, inputs, message):
    with pytest.raises(ValueError, match=message):
        compare_host_board(host, board, inputs)


@pytest.mark.slow
def test_figures_have_labelled_axes():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    scores = np.eye(3)[[0, 1, 2, 1]] * 1.0
    host = np.array([[1], [2], [3]], np.int8)
    results = [
        compare_float_int8([[1.0], [2.0]], [[1.1], [1.9]], [1, 2], "regression"),
        compare_float_int8(scores, scores, [0, 1, 2, 2]),
        compare_host_board(host, host),
        compare_host_board(host, host + np.array([[0], [1], [-60]], np.int8)),
    ]
    for result in results:
        ax = result.plot()
        assert ax.get_xlabel()
        assert "(" in ax.get_xlabel()
        ax.figure.canvas.draw()
        given = plt.figure().subplots()
        assert result.plot(given) is given
    plt.close("all")
