"""Recordings as labelled samples: by their label, or by what a board's log says was done."""

import json
from pathlib import Path

import numpy as np
import pytest

from tinyml_labs import capture
from tinyml_labs.capture.assembler import Block, Gap
from tinyml_labs.capture.recording_writer import RecordingWriter
from tinyml_labs.features import Interval, WindowSettings, cut_labelled_windows
from tinyml_labs.link.descriptions import Sensor

SENSOR = Sensor(id=1, name="imu", unit="g", channels=3, dtype="float32", rate_hz=100.0)


def record(folder: Path, label: str = "wave", first: int = 0, hole: bool = False) -> capture.Recording:
    """Six seconds whose samples say which they are; with a hole, the samples 250 to 299 are missing."""
    samples = np.repeat(np.arange(600, dtype=np.float32)[:, None], 3, axis=1)
    about = {"label": label, "subject": "ana", "board": {"board": "b", "port": "p"}}
    writer = RecordingWriter(folder, SENSOR, rate_hz=100.0, **about)
    writer.append(Block(0, samples[:250], None))
    if hole:
        writer.append(Block(300, samples[300:], Gap(at=0, first=250, missing=50, cause="overrun")))
    else:
        writer.append(Block(250, samples[250:], None))
    writer.update(first_sample=first)
    return capture.load_recording(writer.finish("complete"))


def write_log(path: Path, *lines: tuple[str, int, int]) -> Path:
    path.write_text("".join(json.dumps({"label": a, "start": b, "end": c}) + "\n" for a, b, c in lines), "utf-8")
    return path


def test_a_recording_shows_its_label_in_every_piece(tmp_path: Path) -> None:
    whole, cut = record(tmp_path / "a"), record(tmp_path / "b", "circle", hole=True)
    found = capture.labelled_samples([whole, cut])
    assert [len(piece.samples) for piece in found] == [600, 250, 300]
    assert [list(piece.intervals) for piece in found] == [
        [Interval(0, 600, "wave")],
        [Interval(0, 250, "circle")],
        [Interval(0, 300, "circle")],
    ]
    assert {piece.subject for piece in found} == {"ana"}
    windows = cut_labelled_windows(
        found, WindowSettings(rate_hz=100, window_ms=1000, stride_ms=500), ["circle", "wave"]
    )
    jumps = np.abs(np.diff(windows.x[:, :, 0], axis=1) - 1).max()
    assert jumps == 0, "no window goes across a gap"


def test_a_log_counts_from_the_beginning_of_the_stream(tmp_path: Path) -> None:
    log = write_log(
        tmp_path / "log", ("idle", 0, 900), ("wave", 1000, 1180), ("circle", 1240, 1400), ("idle", 5000, 5100)
    )
    before, after = capture.labelled_samples(record(tmp_path / "a", "", first=1000, hole=True), log)
    assert list(before.intervals) == [Interval(0, 180, "wave"), Interval(240, 400, "circle")]
    assert list(after.intervals) == [Interval(-60, 100, "circle")]  # sample 0 of this piece is number 1300
    assert after.samples[0, 0] == 300


def test_what_cannot_be_labelled_is_refused(tmp_path: Path) -> None:
    take = record(tmp_path / "a", "")
    with pytest.raises(ValueError, match="has no label. Give it one"):
        capture.labelled_samples(take)
    log = write_log(tmp_path / "log", ("idle", 0, 900))
    with pytest.raises(ValueError, match="one log, and there are 2 recordings"):
        capture.labelled_samples([take, take], log)
    (tmp_path / "empty").write_text("")
    with pytest.raises(ValueError, match="is empty"):
        capture.labelled_samples(take, tmp_path / "empty")
    for line in ("no json", "[1, 2]", '{"label": "a", "start": 5, "end": 5}', '{"label": "a", "start": 5}'):
        (tmp_path / "bad").write_text('{"label": "a", "start": 0, "end": 5}\n' + line)
        with pytest.raises(ValueError, match="bad, line 2: .* does not say what was done when"):
            capture.labelled_samples(take, tmp_path / "bad")
