"""Windows against a loop; labels of windows against sets of samples and the rule's own words."""

from dataclasses import FrozenInstanceError
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyml_labs.features import Interval, WindowSettings, cut_windows, label_windows


def in_samples(length: int, stride: int) -> WindowSettings:
    return WindowSettings(rate_hz=1000, window_ms=length, stride_ms=stride)


@pytest.mark.parametrize(
    ("rate_hz", "window_ms", "stride_ms", "length", "stride"),
    [(119, 1000, 200, 119, 24), (104, 1000, 250, 104, 26), (16000, 30, 20, 480, 320), (62.5, 100, 16, 6, 1)],
)
def test_times_become_samples(rate_hz: float, window_ms: float, stride_ms: float, length: int, stride: int) -> None:
    found = WindowSettings(rate_hz=rate_hz, window_ms=window_ms, stride_ms=stride_ms)
    assert (found.length, found.stride) == (length, stride)
    assert type(found.length) is int and type(found.stride) is int


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate_hz": 0}, "rate_hz is 0, expected a number of Hz above 0"),
        ({"rate_hz": np.nan}, "rate_hz is nan"),
        ({"window_ms": -5}, "window_ms is -5, expected a number of milliseconds"),
        ({"stride_ms": np.inf}, "stride_ms is inf"),
        ({"stride_ms": 0.4}, "stride_ms is 0.4, which is 0 samples at 100 Hz, expected one at least: 10 ms or more"),
        ({"window_ms": 1}, "window_ms is 1, which is 0 samples"),
    ],
)
def test_settings_that_cannot_be_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WindowSettings(**{"rate_hz": 100, "window_ms": 1000, "stride_ms": 100, **change})


@settings(deadline=None)
@given(
    count=st.integers(0, 60),
    channels=st.integers(1, 4),
    length=st.integers(1, 20),
    stride=st.integers(1, 25),
    dtype=st.sampled_from([np.float32, np.float64, np.int16, np.uint8]),
)
def test_windows_are_what_a_loop_cuts(count: int, channels: int, length: int, stride: int, dtype: type) -> None:
    samples = (np.arange(count * channels).reshape(count, channels) * 7 % 251).astype(dtype)
    windows, starts = cut_windows(samples, in_samples(length, stride))
    expected = [(start, samples[start : start + length]) for start in range(0, count - length + 1, stride)]
    assert starts.dtype == np.int64 and starts.tolist() == [start for start, _ in expected]
    assert windows.dtype == np.float32 and windows.shape == (len(expected), length, channels)
    for window, (_, part) in zip(windows, expected, strict=True):
        np.testing.assert_array_equal(window, part)


def test_windows_are_a_copy() -> None:
    samples = np.zeros((10, 2), np.float32)
    windows, _ = cut_windows(samples, in_samples(4, 2))
    windows[0] = 5  # what overlaps it stays as it is
    assert windows.flags.c_contiguous and not windows[1:].any() and not samples.any()
    assert not np.shares_memory(cut_windows(samples, in_samples(10, 1))[0], samples)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(10), r"shape \(10,\), expected \(N, channels\).*reshape\(-1, 1\)"),
        (np.zeros((10, 2, 2)), r"shape \(10, 2, 2\)"),
        (np.zeros((10, 0)), r"shape \(10, 0\)"),
        (np.zeros((10, 2), complex), "complex128, expected real numbers"),
        (np.full((10, 2), "1"), "expected real numbers"),
    ],
)
def test_samples_of_another_kind_are_refused(samples: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cut_windows(samples, in_samples(4, 2))


def test_an_interval_is_half_open_and_has_a_sample() -> None:
    assert Interval(np.int64(3), 4, "a") == Interval(3, 4, "a")
    with pytest.raises(ValueError, match="'a' goes from sample 5 to 5, expected an end after the start"):
        Interval(5, 5, "a")
    with pytest.raises(ValueError, match=r"end of the interval 'a' is 9.5, expected a whole number.*rate_hz"):
        Interval(5, 9.5, "a")
    with pytest.raises(FrozenInstanceError):
        Interval(3, 4, "a").start = 2


LABELS = ["wave", "flick", "circle", "idle", "other"]


@pytest.mark.parametrize(
    ("intervals", "label"),
    [
        # nothing, or not enough
        ([], None),
        ([(0, 100, "idle"), (200, 300, "wave")], None),  # they touch the window's edges, and that is all
        # a repeated gesture: 75 % of the window
        ([(125, 226, "wave")], "wave"),
        ([(0, 175, "wave")], "wave"),
        ([(0, 174, "wave")], None),
        ([(0, 140, "wave"), (165, 400, "wave")], "wave"),  # 40 % and 35 %
        ([(0, 140, "wave"), (166, 400, "wave")], None),
        ([(0, 170, "wave"), (20, 130, "wave"), (40, 174, "wave")], None),  # 74 %, counted once
        ([(0, 170, "wave"), (20, 130, "wave"), (40, 175, "wave")], "wave"),
        ([(0, 145, "wave"), (150, 235, "wave")], "wave"),
        ([(60, 145, "wave"), (150, 235, "wave")], None),  # two single ones, none of them whole
        ([(60, 145, "wave"), (150, 235, "wave"), (300, 900, "wave")], None),
        # 10 % of another gesture, 25 % of what is none
        ([(0, 175, "wave"), (190, 400, "circle")], "wave"),
        ([(0, 175, "wave"), (189, 400, "circle")], None),
        ([(0, 175, "wave"), (175, 400, "idle")], "wave"),
        ([(0, 175, "idle"), (175, 400, "wave")], None),
        ([(0, 175, "idle"), (190, 400, "wave")], "idle"),
        ([(0, 175, "idle"), (175, 400, "other")], "idle"),
        ([(0, 190, "wave"), (90, 240, "idle")], "wave"),  # background under a gesture
        ([(0, 190, "other"), (90, 240, "idle")], None),  # both fit
        ([(110, 190, "idle")], "idle"),  # background may be short
        # a single gesture: 80 % of it
        ([(120, 170, "flick")], "flick"),
        ([(90, 140, "flick")], "flick"),
        ([(89, 139, "flick")], None),
        ([(160, 210, "flick")], "flick"),
        ([(161, 211, "flick")], None),
        ([(100, 200, "flick")], "flick"),  # as long as the window: single
        ([(120, 220, "flick")], "flick"),
        ([(121, 221, "flick")], None),
        ([(0, 110, "idle"), (120, 170, "flick"), (175, 300, "idle")], "flick"),
        # 20 % of a second one; of the same label any number
        ([(120, 170, "flick"), (190, 240, "circle")], "flick"),
        ([(120, 170, "flick"), (189, 239, "circle")], None),
        ([(110, 140, "flick"), (150, 180, "circle")], None),
        ([(110, 140, "flick"), (150, 190, "flick"), (195, 240, "flick")], "flick"),
        ([(60, 105, "circle"), (110, 140, "flick"), (195, 240, "circle")], "flick"),  # twice 11 %
        # two fit: ambiguous between gestures, the gesture in front of the background
        ([(0, 120, "wave"), (120, 130, "flick"), (130, 500, "wave")], None),
        ([(0, 120, "idle"), (120, 130, "flick"), (130, 400, "idle")], "flick"),
    ],
)
def test_the_rule_case_by_case(intervals: list[tuple[int, int, str]], label: str | None) -> None:
    """The window is [100, 200)."""
    made = [Interval(*interval) for interval in intervals]
    expected = -1 if label is None else LABELS.index(label)
    assert label_windows([100], 100, made, LABELS).tolist() == [expected]


def naive_label(start: int, length: int, intervals: list[Interval], labels: list[str], background: set[str]) -> int:
    """The rule once more, with sets of samples and fractions."""
    window = set(range(start, start + length))
    inside = {interval: window & set(range(interval.start, interval.end)) for interval in intervals}

    def of_window(interval: Interval) -> Fraction:
        return Fraction(len(inside[interval]), length)

    def of_itself(interval: Interval) -> Fraction:
        return Fraction(len(inside[interval]), interval.end - interval.start)

    fitting = []
    for label in labels:
        mine = [interval for interval in intervals if interval.label == label]
        gestures = [i for i in intervals if i.label != label and i.label not in background]
        covered = Fraction(len(set().union(*(inside[interval] for interval in mine))), length)
        goes_on = any(inside[i] and i.end - i.start > length for i in mine) or label in background
        if goes_on and covered >= Fraction(3, 4) and not any(of_window(i) > Fraction(1, 10) for i in gestures):
            fitting.append(label)
            continue
        singles = [i for i in mine if i.end - i.start <= length and label not in background]
        whole = any(of_itself(i) >= Fraction(4, 5) for i in singles)
        if whole and not any(of_itself(i) > Fraction(1, 5) for i in gestures):
            fitting.append(label)
    in_front = [label for label in fitting if label not in background]
    fitting = in_front or fitting
    return labels.index(fitting[0]) if len(fitting) == 1 else -1


some_intervals = st.lists(
    st.builds(
        lambda start, size, label: Interval(start, start + size, label),
        st.integers(-20, 60),
        st.integers(1, 50),
        st.sampled_from(LABELS),
    ),
    max_size=6,
    unique=True,
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    intervals=some_intervals,
    length=st.sampled_from([1, 3, 10, 20, 25, 40]),
    background=st.sets(st.sampled_from([*LABELS, "unknown"])),
)
def test_labels_are_what_sets_of_samples_give(intervals: list[Interval], length: int, background: set[str]) -> None:
    starts = np.arange(-10, 70, 3)
    found = label_windows(starts, length, intervals, LABELS, background=background)
    assert found.dtype == np.int64
    assert found.tolist() == [naive_label(start, length, intervals, LABELS, background) for start in starts]


@settings(deadline=None)
@given(intervals=some_intervals, shift=st.integers(-100, 10**12), data=st.data())
def test_neither_the_order_nor_the_zero_of_time_matters(
    intervals: list[Interval], shift: int, data: st.DataObject
) -> None:
    starts = np.arange(0, 50, 7)
    expected = label_windows(starts, 20, intervals, LABELS)
    mixed = data.draw(st.permutations(intervals))
    moved = [Interval(i.start + shift, i.end + shift, i.label) for i in mixed]
    np.testing.assert_array_equal(label_windows(starts + shift, 20, moved, LABELS), expected)


def test_five_minutes_with_two_hundred_intervals() -> None:
    rng = np.random.default_rng(0)
    edges = np.sort(rng.choice(300 * 119, 400, replace=False))
    names = rng.choice(LABELS, 200).tolist()
    intervals = [Interval(int(a), int(b), n) for a, b, n in zip(edges[::2], edges[1::2], names, strict=True)]
    starts = np.arange(0, 300 * 119 - 119, 2)
    found = label_windows(starts, 119, intervals, LABELS)
    assert set(found.tolist()) == {-1, 0, 1, 2, 3, 4}
    for at in rng.choice(len(starts), 300, replace=False):
        start = int(starts[at])
        near = [i for i in intervals if i.end > start and i.start < start + 119]
        assert found[at] == naive_label(start, 119, near, LABELS, {"idle", "other"})


def test_thresholds_and_background_are_arguments() -> None:
    wave = [Interval(0, 160, "wave"), Interval(180, 400, "circle")]
    assert label_windows([100], 100, wave, LABELS).tolist() == [-1]
    assert label_windows([100], 100, wave, LABELS, covered=0.6).tolist() == [-1]
    assert label_windows([100], 100, wave, LABELS, covered=0.6, touch=0.2).tolist() == [0]
    assert label_windows([100], 100, wave, LABELS, covered=0.6, background=["circle"]).tolist() == [0]
    assert label_windows([100], 100, wave, LABELS, covered=0.6, background="circle").tolist() == [0]
    flick = [Interval(90, 120, "flick"), Interval(185, 235, "circle")]
    assert label_windows([100], 100, flick, LABELS).tolist() == [-1]
    assert label_windows([100], 100, flick, LABELS, inside=0.6, second=0.3).tolist() == [1]
    assert label_windows([100], 100, [Interval(193, 293, "flick")], LABELS, inside=0.07).tolist() == [1]  # exactly
    idle = [Interval(100, 180, "idle"), Interval(180, 400, "wave")]
    assert label_windows([100], 100, idle, LABELS).tolist() == [-1]
    assert label_windows([100], 100, idle[:1], ["idle"], background=()).tolist() == [0]


def test_no_windows_have_no_labels() -> None:
    _, starts = cut_windows(np.zeros((3, 2)), in_samples(4, 2))
    assert label_windows(starts, 4, [Interval(0, 3, "a")], ["a"]).shape == (0,)
    assert label_windows([], 4, [], ["a"]).dtype == np.int64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["a", "idle"]}, "intervals of 'b', which is not among the labels a, idle. Add it"),
        ({"labels": ["a", "b", "a"]}, "expected a list of different names"),
        ({"labels": "ab"}, "labels is 'ab', expected a list"),
        ({"labels": []}, "one at least"),
        ({"length": 0}, "length is 0"),
        ({"covered": 75}, "covered is 75, expected a share between 0 and 1"),
        ({"inside": np.nan}, "inside is nan"),
        ({"touch": -0.1}, "touch is -0.1"),
        ({"second": 1.1}, "second is 1.1"),
        ({"starts": [0.5]}, "dtype float64, expected whole numbers"),
        ({"starts": [[0]]}, r"shape \(1, 1\)"),
    ],
)
def test_nonsense_is_refused(change: dict, message: str) -> None:
    given = {"starts": [0], "length": 5, "labels": ["a", "b"], "intervals": [Interval(0, 3, "b")], **change}
    with pytest.raises(ValueError, match=message):
        label_windows(**given)
