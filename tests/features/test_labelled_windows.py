"""Windows of whole recordings: each with one label, and with whom it is of."""

from dataclasses import dataclass

import numpy as np
import pytest

from tinyml_labs.features import Interval, WindowSettings, cut_labelled_windows

SETTINGS = WindowSettings(rate_hz=100, window_ms=1000, stride_ms=100)


@dataclass
class Made:
    samples: np.ndarray
    intervals: list
    subject: str


def recording(subject: str, *intervals: Interval, seconds: int = 10) -> Made:
    samples = np.arange(seconds * 100 * 4, dtype=np.float32).reshape(-1, 4)
    return Made(samples, list(intervals), subject)


def test_windows_know_their_recording_and_person() -> None:
    people = [recording("ana", Interval(0, 400, "wave")), recording("bo", Interval(500, 1000, "idle"))]
    found = cut_labelled_windows(people, SETTINGS, ["idle", "wave"])
    assert len(found) == len(found.x) == len(found.y)
    assert found.x.shape[1:] == (100, 4)
    for window, y, subject, number, start in zip(
        found.x, found.y, found.subjects, found.recordings, found.starts, strict=True
    ):
        assert subject == people[number].subject
        assert found.labels[y] == people[number].intervals[0].label
        np.testing.assert_array_equal(window, people[number].samples[start : start + 100])
    assert found.ambiguous + len(found) == 2 * 91
    assert "2 subjects (idle" in str(found)


def test_channels_are_chosen() -> None:
    found = cut_labelled_windows([recording("ana", Interval(0, 400, "wave"))], SETTINGS, ["wave"], channels=slice(2))
    assert found.x.shape[2] == 2
    swapped = cut_labelled_windows([recording("ana", Interval(0, 400, "wave"))], SETTINGS, ["wave"], channels=[1, 0])
    np.testing.assert_array_equal(swapped.x, found.x[:, :, ::-1])


def test_nothing_to_cut_is_an_error() -> None:
    with pytest.raises(ValueError, match="There are no recordings"):
        cut_labelled_windows([], SETTINGS, ["wave"])
    with pytest.raises(ValueError, match="None of 1 recordings has a window of 100 samples that shows one thing"):
        cut_labelled_windows([recording("ana")], SETTINGS, ["wave"])
