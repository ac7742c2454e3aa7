"""Recordings to training data: split by who was recorded, and nothing mixed up."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_recordings import CAMERA, IMU, write

from tinyml_labs import capture


def make_class(folder: Path) -> list[capture.Recording]:
    made = []
    for seed, (label, subject) in enumerate((label, who) for label in ("a", "b") for who in ("x", "y", "z", "u")):
        holes = ((150, 10),) if seed == 3 else ()
        path, _, _ = write(folder, label=label, subject=subject, session=f"{subject}1", holes=holes, seed=seed)
        made.append(capture.load_recording(path))
    return made


@pytest.mark.parametrize("split_by", ["subject", "session"])
def test_a_dataset_is_split_by_group(tmp_path: Path, split_by: str) -> None:
    recordings = make_class(tmp_path)
    data = capture.recordings_to_dataset(recordings, window_s=0.5, split_by=split_by)
    assert not set(data.groups_train) & set(data.groups_test)
    assert len(set(data.groups_test)) == 1
    assert data.x_train.shape[1:] == (60, 3) and data.x_train.dtype == np.float32
    assert (data.labels, data.rate_hz) == (["a", "b"], 119.0)
    assert len(data.x_train) + len(data.x_test) == sum(
        (len(piece) - 60) // 30 + 1 for recording in recordings for piece in recording.segments()
    )
    everything = {recording.samples[:60].tobytes() for recording in recordings}
    assert {window.tobytes() for window in (*data.x_train, *data.x_test)} >= everything
    assert "test: " in str(data) and "train: " in str(data)


def test_windows_do_not_cross_gaps(tmp_path: Path) -> None:
    recordings = make_class(tmp_path)
    data = capture.recordings_to_dataset(recordings, window_s=2, stride_s=1 / 119, test=["u"])
    assert list(data.left_out) == [str(recordings[3].path)]  # its pieces are 150 and 140 samples long
    assert "150 of 238 samples" in data.left_out[str(recordings[3].path)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split_by": "window"}, "never split by window"),
        ({"test": 1.5}, "test is 1.5"),
        ({"test": ["nobody"]}, "no subject 'nobody'; there are u, x, y, z"),
        ({"test": ["x", "y", "z", "u"]}, "none is left"),
        ({"window_s": 0}, "0 samples"),
    ],
)
def test_a_split_that_cannot_be_is_refused(tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        capture.recordings_to_dataset(make_class(tmp_path), **{"window_s": 0.5, **change})


def test_a_dataset_needs_labels_subjects_and_two_of_them(tmp_path: Path) -> None:
    one = capture.load_recording(write(tmp_path, label="a", subject="x")[0])
    with pytest.raises(ValueError, match="all recordings are of one subject, 'x'.*Record another|All recordings"):
        capture.recordings_to_dataset([one], window_s=0.5)
    with pytest.raises(ValueError, match="has no label"):
        capture.recordings_to_dataset([capture.load_recording(write(tmp_path)[0])], window_s=0.5)
    with pytest.raises(ValueError, match="has no subject.*relabel"):
        capture.recordings_to_dataset([capture.load_recording(write(tmp_path, label="a")[0])], window_s=0.5)
    with pytest.raises(ValueError, match="of a camera"):
        capture.recordings_to_dataset([capture.load_recording(write(tmp_path, CAMERA, 3, label="a")[0])], window_s=1)


def test_one_name_is_a_group_and_not_letters(tmp_path: Path) -> None:
    made = []
    for label in ("a", "b"):
        for subject in ("ana", "a", "n"):
            made.append(capture.load_recording(write(tmp_path, label=label, subject=subject)[0]))
    data = capture.recordings_to_dataset(made, window_s=0.5, test="ana")
    assert set(data.groups_test) == {"ana"}
    assert set(data.groups_train) == {"a", "n"}


def test_units_are_not_mixed(tmp_path: Path) -> None:
    made = [
        capture.load_recording(write(tmp_path, replace(IMU, unit=unit), label="a", subject=unit)[0])
        for unit in ("g", "m/s2")
    ]
    with pytest.raises(ValueError, match=r"is in \['m/s2'.* in \['g'"):
        capture.recordings_to_dataset(made, window_s=0.5)


@pytest.mark.parametrize("change", [{"window_s": np.inf}, {"window_s": np.nan}, {"stride_s": np.inf}])
def test_a_time_is_a_number(tmp_path: Path, change: dict) -> None:
    with pytest.raises(ValueError, match="(window|stride)_s is (inf|nan); it is a time in seconds"):
        capture.recordings_to_dataset(make_class(tmp_path), **{"window_s": 0.5, **change})


@pytest.mark.parametrize(
    ("takes", "message"),
    [
        ({"a x": 300, "a y": 20}, "no window to test with"),
        ({"a x": 20, "a y": 300}, "no window to train with"),
        ({"a x": 20, "a y": 20}, "no window to train with"),
        ({"a x": 300, "a y": 300, "b x": 20, "b y": 20}, "label 'b' has no window at all"),
    ],
)
def test_a_part_or_label_without_windows_is_refused(tmp_path: Path, takes: dict[str, int], message: str) -> None:
    made = []
    for take, count in takes.items():
        label, subject = take.split()
        made.append(capture.load_recording(write(tmp_path, count=count, label=label, subject=subject)[0]))
    with pytest.raises(ValueError, match=message) as caught:
        capture.recordings_to_dataset(made, window_s=0.5, test=["y"])
    short = [recording for recording in made if len(recording.samples) == 20]
    assert all(f"{r.path} (its longest piece without a gap has 20 of 60 samples)" in str(caught.value) for r in short)
