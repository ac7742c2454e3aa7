"""Open a recording that a student handed in: nothing is read before its sizes and names are known to be harmless."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import orjson

from tinyml_labs.capture import Recording, load_recording
from tinyml_labs.capture.recording_writer import DESCRIPTION
from tinyml_labs.grading.hand_ins.hand_in_file import HandInError, read_plain_file
from tinyml_labs.grading.pages.shown_text import clean_message

_SAMPLES_FILES = {"signal": "samples.csv", "audio": "audio.wav", "image": "image_*.png"}
_DTYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
)  # fmt: skip
_LARGEST_DESCRIPTION = 1_000_000
_MOST_FILES = 5000
_MOST_CHANNELS = 64
_MOST_PIXELS = 2_000_000
_MOST_IMAGE_BYTES = 200_000_000
_LARGEST_COUNT = 2**40


def open_recording(hand_in: Path, name: str, largest_mb: float) -> Recording:
    """Open the recording in a folder of a hand-in, and read its samples.

    Parameters
    ----------
    hand_in : Path
    name : str
        The folder in it. If it holds no ``recording.json``, but one folder that does, that one is taken.
    largest_mb : float
        All its files together.

    Returns
    -------
    Recording
        Its samples have been read.

    Raises
    ------
    HandInError
        If there is none, or it is no recording; a sentence for the student.
    """
    folder = _find(hand_in, name)
    try:
        _check_files(folder, largest_mb)
        meta = _check_description(folder)
        if meta["sensor"]["kind"] == "image":
            _check_images(folder, meta["sensor"])
        recording = load_recording(folder)
        _ = recording.samples
    except HandInError:
        raise
    except Exception as error:  # what a hand-made file can do to a reader, it may
        raise HandInError(_without(folder, f"The recording cannot be read: {error}")) from None
    return recording


def _find(hand_in: Path, name: str) -> Path:
    folder = hand_in
    for part in PurePosixPath(name).parts:
        folder = folder / part
        if folder.is_symlink():
            raise HandInError(f"{part} is a link to another folder. Hand in the folder itself.")
    if not folder.is_dir():
        raise HandInError(f"There is no folder {name} in the hand-in.")
    if (folder / DESCRIPTION).exists():
        return folder
    inside = [entry for entry in _entries(folder) if entry.is_dir(follow_symlinks=False)]
    found = [Path(entry.path) for entry in inside if (Path(entry.path) / DESCRIPTION).is_file()]
    if len(found) == 1:
        return found[0]
    many = f"{len(found)} folders with one; hand in one" if found else "none"
    raise HandInError(f"The folder {name} is to hold a {DESCRIPTION} and the samples; found {many}.")


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                found.append(entry)
                if len(found) > _MOST_FILES:
                    raise HandInError(f"{folder.name} holds more than {_MOST_FILES:,} files.")
    except OSError as error:
        raise HandInError(f"{folder.name} cannot be opened ({error.strerror}).") from None
    return sorted(found, key=lambda entry: entry.name)


def _check_files(folder: Path, largest_mb: float) -> None:
    total = 0
    for entry in _entries(folder):
        found = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode):
            what = "a link" if stat.S_ISLNK(found.st_mode) else "no plain file"
            raise HandInError(f"{entry.name[:100]} in the recording's folder is {what}. Hand in what the kit wrote.")
        total += found.st_size
    if total > 1e6 * largest_mb:
        raise HandInError(
            f"The recording has {total / 1e6:,.1f} MB; {largest_mb:g} MB are read. Record for less long."
        )


def _check_description(folder: Path) -> dict[str, Any]:
    """Look at what decides how much will be read, and from where; the kit checks the rest."""
    try:
        meta = orjson.loads(read_plain_file(folder / DESCRIPTION, _LARGEST_DESCRIPTION))
    except orjson.JSONDecodeError as error:
        raise HandInError(f"{DESCRIPTION} is no JSON: {error}.") from None
    except HandInError:
        raise HandInError(f"{DESCRIPTION} cannot be read, or has more than 1 MB.") from None
    sensor = meta.get("sensor") if isinstance(meta, dict) else None
    if not isinstance(sensor, dict):
        raise HandInError(f"{DESCRIPTION} is not one of this kit: it describes no sensor.")
    for problem in _oddities(meta, sensor):
        raise HandInError(f"{DESCRIPTION}: {problem}. Was it edited by hand?")
    return meta


def _oddities(meta: dict[str, Any], sensor: dict[str, Any]) -> Iterator[str]:
    kind = sensor.get("kind")
    if not isinstance(kind, str) or kind not in _SAMPLES_FILES:
        yield f"the sensor's kind is {str(kind)[:50]!r}"
    elif meta.get("samples_file") != _SAMPLES_FILES[kind]:
        yield f"samples_file is {str(meta.get('samples_file'))[:50]!r}, and the kit writes {_SAMPLES_FILES[kind]}"
    if sensor.get("dtype") not in _DTYPES:
        yield f"the samples are of the type {str(sensor.get('dtype'))[:50]!r}"
    names = sensor.get("channel_names")
    if not isinstance(names, list) or len(names) > _MOST_CHANNELS:
        yield f"channel_names is no list of up to {_MOST_CHANNELS} names"
    sides = sensor.get("width"), sensor.get("rows")
    if not all(type(side) is int and 0 <= side <= 10_000 for side in sides):
        yield "width and rows are no sizes of an image"
    if not _is_rate(meta.get("measured_rate_hz")):
        yield f"measured_rate_hz is {str(meta.get('measured_rate_hz'))[:50]}"
    if not _is_rate(sensor.get("nominal_rate_hz")):
        yield f"nominal_rate_hz is {str(sensor.get('nominal_rate_hz'))[:50]}"
    gaps = meta.get("gaps")
    if not isinstance(gaps, list) or not all(_is_gap(gap) for gap in gaps):
        yield "gaps is no list of gaps"


def _is_rate(value: Any) -> bool:
    return value is None or (type(value) in (int, float) and 0.001 <= value <= 1e7)


def _is_gap(gap: Any) -> bool:
    return isinstance(gap, dict) and all(
        type(gap.get(key)) is int and 0 <= gap[key] <= _LARGEST_COUNT for key in ("at", "first", "missing")
    )


def _check_images(folder: Path, sensor: dict[str, Any]) -> None:
    """Read the sizes in the heads of the PNG files: a small file may hold a huge picture."""
    size = sensor["width"], sensor["rows"]
    files = [entry for entry in _entries(folder) if entry.name.startswith("image_")]
    item = np.dtype(sensor["dtype"]).itemsize
    if size[0] * size[1] > _MOST_PIXELS or len(files) * size[0] * size[1] * item > _MOST_IMAGE_BYTES:
        raise HandInError(f"{len(files)} images of {size[0]}×{size[1]} are more than is read. Record fewer.")
    for entry in files:
        with Path(entry.path).open("rb") as file:
            head = file.read(24)
        if len(head) < 24 or head[:8] != b"\x89PNG\r\n\x1a\n" or struct.unpack(">II", head[16:24]) != size:
            raise HandInError(f"{entry.name[:100]} is no PNG of {size[0]}×{size[1]}, as {DESCRIPTION} says.")


def _without(folder: Path, text: str) -> str:
    """Leave out where it lies on this machine."""
    return clean_message(text.replace(f"{folder}{os.sep}", "").replace(str(folder), folder.name), longest=600)
