"""Recordings that somebody has altered: it is said what is wrong, and the others can be used."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_recordings import CAMERA, MICROPHONE, write

from tinyml_labs import capture


def cut_lines(path: Path) -> None:
    lines = (path / "samples.csv").read_bytes().splitlines(keepends=True)
    (path / "samples.csv").write_bytes(b"".join(lines[:51] + lines[251:]))


def shuffle_lines(path: Path) -> None:
    lines = (path / "samples.csv").read_bytes().splitlines(keepends=True)
    (path / "samples.csv").write_bytes(b"".join([*lines[:100], lines[101], lines[100], *lines[102:]]))


def cut_sound(path: Path) -> None:
    with (path / "audio.wav").open("r+b") as file:
        content = bytearray(file.read())
        content[40:44] = (len(content) - 44 - 200).to_bytes(4, "little")  # 100 samples less, says the header
        file.seek(0)
        file.write(content)


def change_gap(path: Path) -> None:
    meta = json.loads((path / "recording.json").read_text())
    meta["gaps"][0]["missing"] = 5
    (path / "recording.json").write_text(json.dumps(meta))


def delete(name: str) -> Callable[[Path], None]:
    return lambda path: (path / name).unlink()


def fill(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda path: (path / name).write_bytes(content) and None


ALTERED: dict[str, tuple[Any, Callable[[Path], None], str]] = {
    "lines cut out": (
        None,
        cut_lines,
        "samples.csv has 293 samples, and recording.json says 493: some were taken out",
    ),
    "lines moved": (None, shuffle_lines, "sample 99 .counted from 0. has the number 100, .*it is 99"),
    "gap edited": (None, change_gap, "sample 300 .* has the number 307, .* it is 305"),
    "no samples.csv": (None, delete("samples.csv"), "cannot be read: .*samples.csv is not there. Put"),
    "an empty samples.csv": (None, fill("samples.csv", b""), "has the columns .none.; its first is to be sample"),
    "another CSV": (None, fill("samples.csv", b"a;b\n1;2\n"), "has the columns a;b; its first is to be sample"),
    "text in a CSV": (
        None,
        fill("samples.csv", b"sample,time_s,accX,accY,gyrX\n0,0,1,2,x\n"),
        "samples.csv: could not convert string 'x'",
    ),
    "bytes": (None, fill("samples.csv", bytes(range(256)) * 9), "samples.csv has the columns"),
    "sound cut": (MICROPHONE, cut_sound, "audio.wav has 393 samples, and recording.json says 493"),
    "no sound": (MICROPHONE, delete("audio.wav"), "audio.wav is not there"),
    "an empty WAV": (
        MICROPHONE,
        fill("audio.wav", b""),
        "audio.wav is no WAV file that can be read: it is cut short",
    ),
    "an MP3": (MICROPHONE, fill("audio.wav", b"ID3" + bytes(99)), "audio.wav is no WAV .*RIFF"),
    "an image deleted": (CAMERA, delete("image_000003.png"), r"image_\*.png has 492 samples"),
    "an image copied": (CAMERA, fill("image_000003 copy.png", b"x"), "image_000003 copy.png is not named as"),
    "an empty image": (CAMERA, fill("image_000003.png", b""), "image_000003.png is no PNG that can be read"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_samples_that_are_not_as_described_are_a_problem(tmp_path: Path, name: str) -> None:
    sensor, alter, expected = ALTERED[name]
    arguments = [] if sensor is None else [sensor]
    path, _, _ = write(tmp_path, *arguments, count=500, holes=((300, 7),), label="a")
    before = capture.load_recording(path).problems
    assert before == ["7 samples are missing in 1 gap (damaged)."]
    alter(path)
    (recording,) = capture.load_recordings(tmp_path)
    text = " ".join(problem for problem in recording.problems if problem not in before)
    assert re.search(expected, text), recording.problems
    assert str(recording).startswith("a: ")
    if "cannot be read: " in text:
        with pytest.raises(ValueError, match=expected.removeprefix("cannot be read: ")):
            recording.samples  # noqa: B018


def test_an_image_of_another_size_is_said(tmp_path: Path) -> None:
    path, _, _ = write(tmp_path, CAMERA, 3)
    from PIL import Image

    Image.new("L", (5, 5)).save(path / "image_000001.png")
    with pytest.raises(ValueError, match=r"image_000001.png is an image of uint8 \(5, 5\); expected uint8 \(8, 12\)"):
        capture.load_recording(path).samples  # noqa: B018


def edit(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def alter(path: Path) -> None:
        meta = json.loads((path / "recording.json").read_text())
        change(meta)
        (path / "recording.json").write_text(json.dumps(meta))

    return alter


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "bad JSON": (fill("recording.json", b'{"format": '), "is no JSON"),
    "a list": (fill("recording.json", b"[]"), "not a recording of this kit"),
    "no finished": (edit(lambda meta: meta.pop("finished")), "has no 'finished'"),
    "no sensor name": (edit(lambda meta: meta["sensor"].pop("name")), "has no 'sensor.name'"),
    "no seconds": (edit(lambda meta: meta.update(seconds=None)), "seconds is 'None'; expected int or float"),
    "samples a text": (edit(lambda meta: meta.update(samples="300")), "samples is '300'; expected int"),
    "a gap edited": (
        edit(lambda meta: meta["gaps"][0].update(lost=3)),
        r"gaps\[0\] is .*; expected whole numbers at",
    ),
    "half a gap": (edit(lambda meta: meta["gaps"][0].pop("first")), r"gaps\[0\] is"),
    "a gap of text": (edit(lambda meta: meta["gaps"][0].update(missing="7")), r"gaps\[0\] is"),
    "no gap": (edit(lambda meta: meta.update(gaps=[3])), r"gaps\[0\] is '3'"),
    "gaps null": (edit(lambda meta: meta.update(gaps=None)), "gaps is 'None'; expected list"),
    "another kind": (edit(lambda meta: meta["sensor"].update(kind="smell")), "sensor.kind is 'smell'"),
    "another dtype": (edit(lambda meta: meta["sensor"].update(dtype="float31")), "sensor.dtype is 'float31'"),
    "a unit deleted": (edit(lambda meta: meta["sensor"].update(units=["g"])), "a name and a unit for each channel"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_that_is_broken_does_not_hide_the_others(tmp_path: Path, name: str) -> None:
    alter, expected = BROKEN[name]
    good, _, _ = write(tmp_path, label="good")
    bad, _, _ = write(tmp_path, label="bad", holes=((100, 7),))
    alter(bad)
    with pytest.raises(ValueError, match=expected) as caught:
        capture.load_recording(bad)
    assert str(bad / "recording.json") in str(caught.value)
    with pytest.warns(capture.RecordingWarning, match=f"left out: .*{bad.name}"):
        found = capture.load_recordings(tmp_path)
    assert [recording.path for recording in found] == [good]
    shutil.rmtree(good)
    with pytest.raises(ValueError, match=f"No recording in .* can be opened: .*{expected}"):
        capture.load_recordings(tmp_path)


def test_an_unfinished_one_without_its_samples_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, label="good")
    bad, _, _ = write(tmp_path, MICROPHONE, label="bad", finish=False)
    (bad / "audio.wav").write_bytes(b"")
    with pytest.warns(capture.RecordingWarning, match=r"audio\.wav is no WAV file that can be read"):
        assert [recording.label for recording in capture.load_recordings(tmp_path)] == ["good"]


@pytest.mark.parametrize("sensor", [None, MICROPHONE])
def test_one_killed_before_it_wrote_anything_is_empty(tmp_path: Path, sensor: Any) -> None:
    path, _, _ = write(tmp_path, *([sensor] if sensor else []), finish=False)
    edit(lambda meta: meta.update(samples=0))(path)
    (path / ("audio.wav" if sensor else "samples.csv")).write_bytes(b"")
    recording = capture.load_recording(path)
    assert (len(recording.samples), recording.seconds, recording.segments()) == (0, 0.0, [])
    assert recording.problems == [
        "The recorder was killed: this recording is unfinished; its last second may be missing."
    ]
