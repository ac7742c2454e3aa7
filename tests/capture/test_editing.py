"""Cut, joined and relabelled recordings: the samples stay what they were, and so do their problems."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_recordings import CAMERA, IMU, MICROPHONE, write

from tinyml_labs import capture
from tinyml_labs.capture.assembler import Block, Gap
from tinyml_labs.capture.recording_writer import RecordingWriter


def test_trim(tmp_path: Path) -> None:
    path, numbers, values = write(tmp_path, holes=((100, 7),), label="a")
    whole = capture.load_recording(path)
    piece = capture.trim(whole, 0.5, 1.5)
    chosen = (numbers / 119 >= 0.5) & (numbers / 119 < 1.5)
    np.testing.assert_array_equal(piece.samples, values[chosen])
    np.testing.assert_array_equal(piece.sample_numbers, numbers[chosen] - 60)
    assert [(g.at, g.first, g.missing, g.cause) for g in piece.gaps] == [(40, 40, 7, "damaged")]
    assert (piece.label, piece.finished) == ("a", True)
    assert "0.5 s to 1.5 s of a." in piece.metadata["notes"][0]
    assert path.exists()
    with pytest.raises(ValueError, match="no sample between 9 s and 10 s.*from 0 to 2.521 s"):
        capture.trim(whole, 9, 10)


def test_merge(tmp_path: Path) -> None:
    recordings = [
        capture.load_recording(write(tmp_path, label="a", holes=((50, 3),), seed=seed)[0]) for seed in range(3)
    ]
    merged = capture.merge(recordings)
    np.testing.assert_array_equal(merged.samples, np.concatenate([r.samples for r in recordings]))
    assert [gap.cause for gap in merged.gaps] == ["damaged", "merged"] * 2 + ["damaged"]
    assert [gap.missing for gap in merged.gaps] == [3, 119] * 2 + [3]
    assert [len(piece) for piece in merged.segments()] == [50, 247] * 3
    with pytest.raises(ValueError, match="has the label 'b', and .* 'a'"):
        capture.merge([recordings[0], capture.load_recording(write(tmp_path, label="b")[0])])
    with pytest.raises(ValueError, match="two sensors: name is 'mic'"):
        capture.merge([recordings[0], capture.load_recording(write(tmp_path, MICROPHONE, label="a")[0])])


def test_relabel_moves_the_folder_and_keeps_the_rest(tmp_path: Path) -> None:
    path, _, values = write(tmp_path, label="a", subject="ana")
    changed = capture.relabel(capture.load_recording(path), "punch", subject="ben")
    assert (changed.label, changed.subject) == ("punch", "ben")
    assert changed.path.name == path.name.replace("a.", "punch.", 1) and not path.exists()
    np.testing.assert_array_equal(changed.samples, values)
    unfinished = capture.relabel(capture.load_recording(write(tmp_path, label="a", finish=False)[0]), "b")
    assert unfinished.path.name.endswith(".part") and not unfinished.finished


def test_discard_deletes_a_recording_and_nothing_else(tmp_path: Path) -> None:
    recording = capture.load_recording(write(tmp_path)[0])
    capture.discard(recording)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError, match="is no recording"):
        capture.discard(recording)


def ended_early(folder: Path, *, trailing: int = 30) -> capture.Recording:
    """Make a recording of 100 samples whose board vanished, and then never sent the last ones."""
    writer = RecordingWriter(folder, IMU, rate_hz=119.0, label="a", board={})
    writer.append(Block(0, np.ones((100, 3), np.float32)))
    writer.end_with(Gap(at=0, first=0, missing=trailing, cause="vanished", overruns=4), missing=trailing)
    writer.update(bad_lines={"count": 2, "first": "x"}, crc_errors=3)
    return capture.load_recording(writer.finish("BoardVanished: gone"))


def test_what_was_wrong_with_a_recording_is_wrong_with_its_pieces(tmp_path: Path) -> None:
    early = ended_early(tmp_path)
    sentence = f"{early.path.name}: It ended early: BoardVanished: gone."
    piece = capture.trim(early, 0, 0.5)
    assert piece.problems == [sentence, "2 lines were no numbers; the first: 'x'."]
    assert sentence in capture.trim(piece, 0, 0.2).problems  # once, under the first one's name
    killed = capture.load_recording(write(tmp_path, label="a", finish=False)[0])
    merged = capture.merge([capture.load_recording(write(tmp_path, label="a")[0]), early, killed])
    assert sentence in merged.problems
    assert any(text.startswith(f"{killed.path.name}: The recorder was killed") for text in merged.problems)
    assert merged.problems == capture.load_recording(merged.path).problems


def test_a_file_that_was_altered_is_no_clean_piece(tmp_path: Path) -> None:
    path, _, _ = write(tmp_path, label="a")
    lines = (path / "samples.csv").read_bytes().splitlines(keepends=True)
    (path / "samples.csv").write_bytes(b"".join(lines[:100] + lines[150:]))
    piece = capture.trim(capture.load_recording(path), 0, 2)
    assert any("has 250 samples" in text for text in piece.problems)
    assert [(gap.at, gap.missing, gap.cause) for gap in piece.gaps] == [(99, 50, "not noted")]
    assert not any(text.startswith("samples.csv") for text in piece.problems)  # the new one's own file is whole


def test_a_gap_at_the_end_stays(tmp_path: Path) -> None:
    early = ended_early(tmp_path)
    merged = capture.merge([early, early])
    gaps = [(gap.at, gap.first, gap.missing, gap.cause) for gap in merged.gaps]
    assert gaps == [(100, 100, 30, "vanished"), (100, 130, 119, "merged"), (200, 349, 30, "vanished")]
    assert merged.seconds == pytest.approx(379 / 119) and merged.metadata["overruns"] == 8
    again = capture.merge([merged, early])
    assert [gap.missing for gap in again.gaps] == [30, 119, 30, 119, 30]
    assert [gap.missing for gap in capture.trim(early).gaps] == [30]
    cut = capture.trim(merged, 0.5, 110 / 119)
    assert [(gap.at, gap.missing) for gap in cut.gaps] == [(40, 10)]
    assert [gap.missing for gap in capture.trim(merged, 0.5, 3).gaps] == [30, 119, 8]
    for made in (merged, again, cut):
        assert not [text for text in made.problems if "samples.csv" in text]


def test_bad_lines_and_crc_errors_are_summed(tmp_path: Path) -> None:
    clean = capture.load_recording(write(tmp_path, label="a")[0])
    merged = capture.merge([clean, ended_early(tmp_path), ended_early(tmp_path)])
    assert merged.metadata["bad_lines"] == {"count": 4, "first": "x"}
    assert merged.metadata["crc_errors"] == 6
    assert "bad_lines" not in capture.merge([clean, clean]).metadata


def test_a_piece_began_later(tmp_path: Path) -> None:
    whole = capture.load_recording(write(tmp_path, replace(IMU, rate_hz=100.0), 500)[0])
    meta = {**whole.metadata, "start_utc": "2026-11-22T10:15:58.250Z"}
    (whole.path / "recording.json").write_text(json.dumps(meta))
    piece = capture.trim(capture.load_recording(whole.path), 3)
    assert piece.metadata["start_utc"] == "2026-11-22T10:16:01.250Z"
    assert capture.trim(piece, 1).metadata["start_utc"] == "2026-11-22T10:16:02.250Z"
    assert piece.metadata["measured_rate_hz"] == 100.0


def test_a_unit_with_a_comma_stays_one_unit(tmp_path: Path) -> None:
    recording = capture.load_recording(write(tmp_path, replace(IMU, unit="m,s"), label="a")[0])
    assert recording.units == ["m,s"] * 3
    once = capture.trim(recording, 0, 1)
    assert capture.trim(once, 0, 0.5).units == once.units == ["m,s"] * 3
    assert capture.merge([recording, once]).units == ["m,s"] * 3


def test_an_empty_recording_is_not_merged(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path, IMU, rate_hz=119.0, label="a", board={"board": "b", "port": "p"})
    empty = capture.load_recording(writer.finish("stopped"))
    with pytest.raises(ValueError, match="holds no sample.*discard"):
        capture.merge([capture.load_recording(write(tmp_path, label="a")[0]), empty])


def test_two_rates_are_not_merged(tmp_path: Path) -> None:
    made = []
    for rate in (50.0, 100.0):
        writer = RecordingWriter(tmp_path, IMU, rate_hz=None, label="a")
        writer.append(Block(0, np.zeros((10, 3), np.float32)))
        writer.update(measured_rate_hz=rate)
        made.append(capture.load_recording(writer.finish("complete")))
    with pytest.raises(ValueError, match="has 100 Hz, and .* 50 Hz"):
        capture.merge(made)


@pytest.mark.parametrize("name", ["mine", "my.take", "mine.part"])
def test_a_folder_that_was_renamed_gets_a_stamp_again(tmp_path: Path, name: str) -> None:
    path, _, _ = write(tmp_path, label="a")
    meta = json.loads((path / "recording.json").read_text())
    (path / "recording.json").write_text(json.dumps({**meta, "start_utc": "2026-11-22T10:15:58.250Z"}))
    path = path.rename(tmp_path / name)
    changed = capture.relabel(capture.load_recording(path), "b")
    assert changed.path.name == "b.20261122T101558Z" + (".part" if name.endswith(".part") else "")


@pytest.mark.parametrize("sensor", [IMU, MICROPHONE, CAMERA, replace(CAMERA, dtype="uint16")])
def test_a_piece_of_a_merged_one_is_what_was_there(tmp_path: Path, sensor: object) -> None:
    made = [
        capture.load_recording(write(tmp_path, sensor, 40, label="a", holes=((20, 3),), seed=seed)[0])
        for seed in range(3)
    ]
    merged = capture.merge(made)
    assert merged.problems == [merged.problems[0]] and "samples are missing in 5 gaps" in merged.problems[0]
    whole = capture.trim(merged)
    np.testing.assert_array_equal(whole.samples, np.concatenate([recording.samples for recording in made]))
    np.testing.assert_array_equal(whole.sample_numbers, merged.sample_numbers)
    assert (whole.gaps, whole.seconds, whole.units) == (merged.gaps, merged.seconds, merged.units)
