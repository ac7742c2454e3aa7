"""To other tools and back: nothing changes on the way, and no gap is glued over."""

from pathlib import Path

import numpy as np
import pytest
from test_recordings import CAMERA, IMU, MICROPHONE, write

from tinyml_labs import capture


@pytest.mark.parametrize("kind", ["json", "cbor"])
@pytest.mark.parametrize("sensor", [IMU, MICROPHONE])
def test_edge_impulse_and_back(tmp_path: Path, kind: str, sensor: object) -> None:
    recording = capture.load_recording(write(tmp_path / "r", sensor, holes=((100, 20),), label="circle")[0])
    files = capture.export_edge_impulse(recording, tmp_path / "ei", hmac_key="secret", format=kind)
    assert [file.name.split(".")[0] for file in files] == ["circle", "circle"]
    for file, piece in zip(files, recording.segments(), strict=True):
        back = capture.import_edge_impulse(file, tmp_path / "back", subject="ana", hmac_key="secret")
        np.testing.assert_array_equal(back.samples, piece)
        assert back.samples.dtype == (np.int16 if sensor is MICROPHONE else np.float64)
        assert (back.label, back.subject, back.rate_hz) == ("circle", "ana", recording.rate_hz)
        assert "signature: valid" in back.metadata["notes"][0]
        if sensor is IMU:
            assert (back.channel_names, back.units) == (recording.channel_names, recording.units)


def test_an_altered_file_is_refused(tmp_path: Path) -> None:
    recording = capture.load_recording(write(tmp_path / "r", label="a")[0])
    (file,) = capture.export_edge_impulse(recording, tmp_path, hmac_key="secret")
    file.write_bytes(file.read_bytes().replace(b'"accX"', b'"accZ"'))
    with pytest.raises(ValueError, match="signature of a\\..* is wrong"):
        capture.import_edge_impulse(file, tmp_path / "r", hmac_key="secret")
    assert len(capture.load_recordings(tmp_path / "r")) == 1


def test_what_cannot_be_exported_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="PNG files as they are"):
        capture.export_edge_impulse(capture.load_recording(write(tmp_path, CAMERA, 3, label="a")[0]), tmp_path)
    with pytest.raises(ValueError, match="label '' cannot"):
        capture.export_edge_impulse(capture.load_recording(write(tmp_path)[0]), tmp_path)


def test_a_saved_log_becomes_a_recording_with_its_gaps(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    lines = [f"{n},{n * n}" for n in range(40)]
    lines[10] = "1x,2"
    lines.insert(25, "")
    log.write_text("aX,aY\n" + "\n".join(lines) + "\n")
    recording = capture.import_csv(log, tmp_path / "r", label="punch", rate_hz=100)
    kept = [n for n in range(40) if n != 10]
    np.testing.assert_array_equal(recording.samples[:, 0], kept)
    assert [(gap.at, gap.missing, gap.cause) for gap in recording.gaps] == [(10, 1, "bad line"), (24, 1, "pause")]
    assert [len(piece) for piece in recording.segments()] == [10, 14, 15]
    assert (recording.channel_names, recording.label, recording.rate_hz) == (["aX", "aY"], "punch", 100)
    assert recording.metadata["bad_lines"]["count"] == 1
    with pytest.raises(ValueError, match="no time column.*rate_hz"):
        capture.import_csv(log, tmp_path / "r", label="punch")


def test_logs_of_real_boards_become_recordings(real_data: Path, tmp_path: Path) -> None:
    """Arduino's IMU_Capture, as people have saved it: blocks of 119 rows with blank lines between them."""
    files = sorted((real_data / "imu" / "punch_flex").rglob("*.csv"))
    assert files
    for file in files[:6]:
        recording = capture.import_csv(file, tmp_path, label=file.stem, rate_hz=119)
        lines = [line for line in file.read_text().splitlines() if line.strip() and not line.lower().startswith("ax")]
        assert len(recording.samples) + recording.metadata["bad_lines"]["count"] == len(lines)
        assert recording.samples.shape[1] == 6


def test_no_exported_file_is_replaced_unasked(tmp_path: Path) -> None:
    recordings = [
        capture.load_recording(write(tmp_path / who, label="a", holes=((100, 20),), seed=seed)[0])
        for seed, who in enumerate(("ana", "ben"))
    ]
    for recording in recordings:
        recording.path.rename(recording.path.with_name("a.20261122T101530Z"))
    ana, ben = (capture.load_recordings(tmp_path / who)[0] for who in ("ana", "ben"))
    files = capture.export_edge_impulse(ana, tmp_path / "ei")
    assert [file.name for file in files] == ["a.20261122T101530Z_p0.json", "a.20261122T101530Z_p1.json"]
    before = [file.read_bytes() for file in files]
    files[0].unlink()
    with pytest.raises(FileExistsError, match="_p1.json is there already.*overwrite=True"):
        capture.export_edge_impulse(ben, tmp_path / "ei")
    assert not files[0].exists() and files[1].read_bytes() == before[1]
    assert capture.export_edge_impulse(ben, tmp_path / "ei", overwrite=True) == files
    assert files[1].read_bytes() != before[1]


def test_two_recordings_of_a_second_are_two_files(tmp_path: Path) -> None:
    """The second one's folder ends in .2, which is not its piece number 2."""
    written: list[Path] = []
    for name, holes in (("a.20261122T101530Z", ((50, 1), (100, 1))), ("a.20261122T101530Z.2", ()), ("mine", ())):
        path = write(tmp_path / "r", label="a", holes=holes)[0].rename(tmp_path / "r" / name)
        written += capture.export_edge_impulse(capture.load_recording(path), tmp_path / "ei")
    names = [path.name for path in written]
    assert names[3:] == ["a.20261122T101530Z_2.json", "a.mine.json"]
    assert len(set(names)) == 5


def test_units_and_names_with_commas_come_back_as_one(tmp_path: Path) -> None:
    from tinyml_labs.capture.edge_impulse import to_edge_impulse

    content = to_edge_impulse(np.ones((9, 2)), rate_hz=100, channel_names=["a,b", "c"], units=["m,s", "g"])
    (tmp_path / "x.1.json").write_bytes(content)
    back = capture.import_edge_impulse(tmp_path / "x.1.json", tmp_path / "r")
    assert (back.channel_names, back.units) == (["a b", "c"], ["m s", "g"])
