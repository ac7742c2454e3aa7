"""Read the samples of a recording: CSV, WAV, PNG. What cannot be read is a ValueError that names the file."""

from __future__ import annotations

import csv
import io
import re
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.capture.assembler import Gap
from tinyml_labs.capture.images import from_rgb
from tinyml_labs.capture.sample_files import column_name

Samples = tuple[NDArray[np.int64], NDArray[Any]]
MEND = "Put the file back from a copy, or move the recording's folder elsewhere."


def read_samples(folder: Path, meta: dict[str, Any]) -> Samples:
    """Read sample numbers, (N,), and samples, (N, channels) or (N, rows, width).

    Parameters
    ----------
    folder : Path
    meta : dict
        ``recording.json``.

    Raises
    ------
    ValueError
        If a file is missing, or is not what the recorder has written; it says which.
    """
    reader = {"signal": _read_csv, "audio": _read_wav, "image": _read_png}[meta["sensor"]["kind"]]
    try:
        return reader(folder, meta)
    except FileNotFoundError as error:
        raise ValueError(f"{error.filename} is not there. {MEND}") from None


def numbers_by_gaps(count: int, gaps: list[dict[str, Any]]) -> NDArray[np.int64]:
    """Number samples as the gaps between them say."""
    steps = np.ones(count, np.int64)
    for gap in gaps:
        if gap["at"] < count:
            steps[gap["at"]] += gap["missing"]
    return np.cumsum(steps) - 1


def complete_description(folder: Path, meta: dict[str, Any]) -> None:
    """Bring the description of an unfinished recording up to what its files hold."""
    numbers, _ = read_samples(folder, meta)
    rate = meta["measured_rate_hz"] or meta["sensor"]["nominal_rate_hz"]
    known = {gap["first"] for gap in meta["gaps"]}
    for at in np.flatnonzero(np.diff(numbers) > 1):
        first = int(numbers[at]) + 1
        if first not in known:
            missing = int(numbers[at + 1]) - first
            meta["gaps"].append(Gap(at=int(at) + 1, first=first, missing=missing, cause="not noted").to_dict())
    last = int(numbers[-1]) + 1 if len(numbers) else 0
    meta["gaps"] = sorted((gap for gap in meta["gaps"] if gap["first"] < last), key=lambda gap: gap["first"])
    meta["missing"] = sum(gap["missing"] for gap in meta["gaps"])
    meta["samples"] = len(numbers)
    meta["seconds"] = round(last / rate, 6) if rate else 0.0


def _is_still_empty(path: Path, meta: dict[str, Any]) -> bool:
    """Say whether the recorder was killed before it wrote anything."""
    return not meta["finished"] and not meta["samples"] and path.stat().st_size == 0


def _read_csv(folder: Path, meta: dict[str, Any]) -> Samples:
    path = folder / meta["samples_file"]
    names = meta["sensor"]["channel_names"]
    dtype = np.dtype(meta["sensor"]["dtype"])
    nothing = np.empty(0, np.int64), np.empty((0, len(names)), dtype)
    if _is_still_empty(path, meta):
        return nothing
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")  # a spreadsheet has saved it
    if not meta["finished"]:
        content = content[: content.rfind(b"\n") + 1]  # the last line may be cut
    stream = io.BytesIO(content)
    try:
        columns = next(csv.reader(_decoded(stream)), [])
    except csv.Error:
        columns = []
    # By position: a channel may be called "sample" or "time_s" too.
    found = [column_name(name).strip() for name in (*columns[:1], *columns[-len(names) :])]
    expected = ["sample", *(column_name(name).strip() for name in names)]
    if len(columns) <= len(names) or found != expected:
        raise ValueError(
            f"{path} has the columns {', '.join(columns)[:200] or '(none)'}; its first is to be sample, and its last "
            f"{', '.join(expected[1:])}, with commas between them. {MEND}"
        )
    if not content[stream.tell() :].strip():
        return nothing
    stored = np.dtype(np.uint8) if dtype.kind == "b" else dtype
    row = np.dtype([("sample", np.int64), ("values", stored, (len(names),))])
    chosen = [0, *range(len(columns) - len(names), len(columns))]
    try:
        table = np.loadtxt(stream, row, delimiter=",", ndmin=1, usecols=chosen, comments=None)
    except ValueError as error:
        raise ValueError(f"{path}: {error} (its rows are counted without the header). {MEND}") from None
    return table["sample"].copy(), table["values"].astype(dtype)


def _decoded(stream: io.BytesIO) -> Iterator[str]:
    for line in stream:
        yield line.decode("utf-8", errors="replace")


def _read_wav(folder: Path, meta: dict[str, Any]) -> Samples:
    path = folder / meta["samples_file"]
    channels = len(meta["sensor"]["channel_names"])
    if _is_still_empty(path, meta):
        return np.empty(0, np.int64), np.empty((0, channels), np.int16)
    try:
        with wave.open(str(path), "rb") as file:
            found, width = file.getnchannels(), file.getsampwidth()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(
            f"{path} is no WAV file that can be read: {str(error) or 'it is cut short'}. {MEND}"
        ) from None
    if (width, found) != (2, channels):
        raise ValueError(
            f"{path} has {found} channels of {8 * width} bits a sample; expected {channels} of 16. {MEND}"
        )
    samples = np.frombuffer(data[: len(data) // (2 * channels) * 2 * channels], "<i2").reshape(-1, channels)
    samples = samples.astype(np.int16)
    if not meta["finished"]:  # after the last description that was written, nobody knows of gaps: that is left out
        samples = samples[: meta["samples"]]
    return numbers_by_gaps(len(samples), meta["gaps"]), samples


def _read_png(folder: Path, meta: dict[str, Any]) -> Samples:
    sensor = meta["sensor"]
    dtype = np.dtype(sensor["dtype"])
    found: dict[int, Path] = {}
    for path in folder.glob("image_*.png"):
        if not re.fullmatch(r"image_[0-9]+\.png", path.name):
            raise ValueError(
                f"{path} is not named as the recorder names images (image_000042.png): a copy? Move it elsewhere."
            )
        found[int(path.stem.removeprefix("image_"))] = path
    images = np.empty((len(found), sensor["rows"], sensor["width"]), dtype)
    for index, number in enumerate(sorted(found)):
        pixels = _pixels(found[number])
        shape = images.shape[1:] if dtype == np.uint8 else (*images.shape[1:], 3)
        if pixels.shape != shape or pixels.dtype != np.uint8:
            raise ValueError(
                f"{found[number]} is an image of {pixels.dtype} {pixels.shape}; expected uint8 {shape}. {MEND}"
            )
        images[index] = pixels if dtype == np.uint8 else from_rgb(pixels)
    return np.array(sorted(found), np.int64), images


def _pixels(path: Path) -> NDArray[Any]:
    from PIL import Image

    try:
        with Image.open(path) as file:
            return np.asarray(file)
    except FileNotFoundError:
        raise
    except Exception as error:  # Pillow has many, such as SyntaxError for a damaged PNG
        raise ValueError(f"{path} is no PNG that can be read: {error}. {MEND}") from None
