"""Scores to events, sentence by sentence. tests/sketches/library/test_streams.py holds the C++ twin against it."""

import math

import numpy as np
import pytest
import tiny_models

from tinyml_labs import export, inference
from tinyml_labs.smoothing import ScoreSmoother, SmootherSettings, smooth_scores

HIGH, MIDDLE, LOW = [100, -100, -100], [40, -100, -100], [-100, 100, -100]
OTHER = [-100, -100, 100]


def settings(**changed: int) -> SmootherSettings:
    given = {"average_windows": 2, "threshold": 80, "release": 0, "hold_off": 0, "background": 1}
    return SmootherSettings(**{**given, **changed})


def events(scores: list[list[int]], **changed: int) -> list[int]:
    smoother = ScoreSmoother(settings(**changed))
    return [smoother.update(row) for row in scores]


def test_the_first_windows_are_no_events() -> None:
    assert events([HIGH] * 4, average_windows=3) == [-1, -1, 0, -1]
    assert events([HIGH], average_windows=1) == [0]


def test_a_gesture_is_one_event_until_it_was_released() -> None:
    assert events([HIGH, HIGH, HIGH, MIDDLE, MIDDLE, HIGH, HIGH]) == [-1, 0, -1, -1, -1, -1, -1]
    assert events([HIGH, HIGH, LOW, LOW, HIGH, HIGH]) == [-1, 0, -1, -1, -1, 0]
    assert events([HIGH, HIGH, LOW, HIGH, HIGH]) == [-1, 0, -1, -1, -1]  # an average of 0 is not below 0


def test_the_background_is_never_an_event() -> None:
    assert events([LOW] * 5) == [-1] * 5
    assert events([LOW] * 5, background=()) == [-1, 1, -1, -1, -1]
    several = [LOW] * 3 + [OTHER] * 3 + [HIGH] * 3
    assert events(several, background=(2, 1)) == [-1] * 7 + [0, -1]
    assert events(several, background=(1,)) == [-1] * 4 + [2, -1, -1, 0, -1]


def test_of_equals_the_first_is_the_best() -> None:
    assert events([[90, -5, 90]] * 2) == [-1, 0]
    smoother = ScoreSmoother(settings())
    assert smoother.best == -1
    smoother.update([5, 9, 9])
    assert smoother.best == 1


def test_after_an_event_there_is_quiet() -> None:
    scores = [HIGH, HIGH, OTHER, OTHER, OTHER, OTHER]
    assert events(scores) == [-1, 0, -1, 2, -1, -1]
    assert events(scores, hold_off=2) == [-1, 0, -1, -1, 2, -1]
    assert events(scores, hold_off=9) == [-1, 0, -1, -1, -1, -1]


def test_the_threshold_itself_is_enough() -> None:
    assert events([[79, 0, 0], [81, 0, 0]]) == [-1, 0]
    assert events([[79, 0, 0], [80, 0, 0]]) == [-1, -1]


def test_a_reset_forgets_all() -> None:
    scores = np.array([HIGH] * 6)
    assert smooth_scores(scores, settings(hold_off=50)).tolist() == [-1, 0, -1, -1, -1, -1]
    assert smooth_scores(scores, settings(hold_off=50), resets=[3]).tolist() == [-1, 0, -1, -1, 0, -1]
    assert smooth_scores(np.empty((0, 3), np.int8), settings()).tolist() == []


def test_averages_and_sums() -> None:
    smoother = ScoreSmoother(settings())
    smoother.update(np.array([10, -20, 127], np.int8))
    assert smoother.sum(2) == 127
    assert math.isnan(smoother.average(2))
    smoother.update(np.array([10, -21, 127], np.int8))
    assert [smoother.average(k) for k in range(3)] == [10.0, -20.5, 127.0]
    smoother.reset()
    assert smoother.sum(2) == 0


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_probabilities_become_what_quantize_makes_of_them(dtype: str) -> None:
    chance = np.random.default_rng(3)
    for _ in range(300):
        threshold, release = sorted(chance.choice([chance.random(2), chance.integers(0, 257, 2) / 256]))[::-1]
        scale = float(np.float32(chance.choice([1 / 256, 1 / 255, 1 / 32768, chance.uniform(0.001, 0.1)])))
        zero_point = int(chance.choice([-128, 0, 3, 127])) if dtype != "uint8" else 0
        made = SmootherSettings.from_probabilities(
            average_windows=3, hold_off=0, scale=scale, zero_point=zero_point, threshold=threshold, release=release,
            dtype=dtype,
        )  # fmt: skip
        expected = inference.quantize([threshold, release], scale, zero_point, dtype).tolist()
        assert [made.threshold, made.release] == expected


def test_the_usual_levels() -> None:
    made = SmootherSettings.from_probabilities(average_windows=3, hold_off=5, scale=1 / 256, zero_point=-128)
    assert made == SmootherSettings(average_windows=3, threshold=51, release=0, hold_off=5)  # 0.7 and 0.5
    ends = SmootherSettings.from_probabilities(
        average_windows=1, hold_off=0, scale=1 / 256, zero_point=-128, threshold=1.0, release=0.0
    )
    assert (ends.threshold, ends.release) == (127, -128)  # 128 does not exist: a sure class has to be an event


def test_the_settings_go_into_the_sketch(tmp_path) -> None:
    made = SmootherSettings(average_windows=np.int64(3), threshold=51, release=-5, hold_off=5, background=2)
    assert made.background == (2,)
    assert {type(value) for value in made.to_dict().values()} == {int}
    export.export_c(tiny_models.dense_int8(), tmp_path, name="wave", settings=made.to_dict(), arena_bytes=2048)
    header = (tmp_path / "wave_settings.h").read_text()
    for line in ("AVERAGE_WINDOWS 3", "THRESHOLD 51", "RELEASE (-5)", "HOLD_OFF 5", "BACKGROUND_MASK 4"):
        assert f"#define WAVE_{line}\n" in header


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"average_windows": 0}, "average_windows is 0; it goes from 1 to 255"),
        ({"average_windows": 256}, "average_windows is 256"),
        ({"hold_off": -1}, "hold_off is -1"),
        ({"background": -2}, "background is -2; it is class numbers from 0 to 31"),
        ({"background": (0, 32)}, "class numbers from 0 to 31"),
        ({"release": 81}, "release is 81 and threshold 80"),
        ({"threshold": 2**30}, "does not fit 32 bits"),
    ],
)
def test_settings_that_no_board_could_have(changed: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings(**changed)


def test_a_probability_is_no_setting() -> None:
    with pytest.raises(TypeError, match="threshold is 0.7.*from_probabilities"):
        settings(threshold=0.7)
    levels = {"average_windows": 3, "hold_off": 0, "scale": 1 / 256, "zero_point": -128}
    with pytest.raises(ValueError, match="threshold is 51, expected a probability"):
        SmootherSettings.from_probabilities(**levels, threshold=51)
    with pytest.raises(ValueError, match="scale is 0.0.*convert the model to int8"):
        SmootherSettings.from_probabilities(**{**levels, "scale": 0.0})


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([[0.1, 0.9, 0.0]], TypeError, "float64, expected integers"),
        ([[[1, 2, 3]]], ValueError, r"shape \(1, 3\), expected \(classes,\)"),
        ([[]], TypeError, "float64"),
        ([[1]], ValueError, "background is class 1, and there are 1 classes"),
        ([[1, 2, 3], [1, 2]], ValueError, "2 scores, and there were 3"),
        ([[2**31, 0]], ValueError, "do not fit 32 bits"),
    ],
)
def test_scores_that_are_none(rows: list, error: type, message: str) -> None:
    smoother = ScoreSmoother(settings())
    for row in rows[:-1]:
        smoother.update(np.array(row))
    with pytest.raises(error, match=message):
        smoother.update(np.array(rows[-1]))


def test_a_whole_stream_at_once_is_one_window_after_the_other() -> None:
    """The two ways of the smoother: sums of all at once, and the board's rule."""
    random, events = np.random.default_rng(0), 0
    for _ in range(300):
        classes, windows = int(random.integers(1, 5)), int(random.integers(0, 60))
        rows = np.repeat(random.integers(-128, 128, (windows, classes)), int(random.integers(1, 4)), axis=0)
        threshold = int(random.integers(-100, 100))
        given = SmootherSettings(
            average_windows=int(random.integers(1, 5)),
            threshold=threshold,
            release=int(random.integers(-128, threshold + 1)),
            hold_off=int(random.integers(0, 6)),
            background=tuple(random.choice(classes, random.integers(0, classes + 1), replace=False).tolist()),
        )
        resets = random.integers(0, 70, random.integers(0, 4)).tolist()
        smoother, expected = ScoreSmoother(given), []
        for index, row in enumerate(rows):
            if index in resets:
                smoother.reset()
            expected.append(smoother.update(row))
        assert smooth_scores(rows.astype(np.int8), given, resets=resets).tolist() == expected
        events += sum(event >= 0 for event in expected)
    assert events > 500
