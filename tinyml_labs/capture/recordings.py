"""Recordings on disk: a folder of samples in a format that every tool reads, and what is known of them."""

from __future__ import annotations

import csv
import io
import os
import shutil
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from tinyml_labs.capture.assembler import Gap
from tinyml_labs.capture.images import from_rgb
from tinyml_labs.capture.rate import is_off
from tinyml_labs.capture.recording_writer import DESCRIPTION, FORMAT, FORMAT_VERSION, PART


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """A recording, as :func:`load_recording` gives it. The samples are read when they are first asked for.

    Attributes
    ----------
    path : Path
        Its folder.
    metadata : dict
        ``recording.json``.
    """

    path: Path
    metadata: dict[str, Any] = field(repr=False)

    @property
    def label(self) -> str:
        """What it shows."""
        return str(self.metadata["label"])

    @property
    def subject(self) -> str:
        """Of whom it is."""
        return str(self.metadata["subject"])

    @property
    def session(self) -> str:
        """In which sitting it was made."""
        return str(self.metadata["session"])

    @property
    def finished(self) -> bool:
        """Whether the recorder has finished it; it was killed otherwise."""
        return bool(self.metadata["finished"])

    @property
    def sensor(self) -> dict[str, Any]:
        """Name, kind, channel_names, units, dtype and range of the sensor."""
        return dict(self.metadata["sensor"])

    @property
    def kind(self) -> str:
        """``"signal"``, ``"audio"`` or ``"image"``."""
        return str(self.metadata["sensor"]["kind"])

    @property
    def channel_names(self) -> list[str]:
        """The channels of a signal or sound."""
        return list(self.metadata["sensor"]["channel_names"])

    @property
    def units(self) -> list[str]:
        """The unit of each channel."""
        return list(self.metadata["sensor"]["units"])

    @property
    def nominal_rate_hz(self) -> float | None:
        """The rate the board says it has, in samples (images) a second."""
        rate = self.metadata["sensor"]["nominal_rate_hz"]
        return None if rate is None else float(rate)

    @property
    def measured_rate_hz(self) -> float | None:
        """The rate by the board's clock over the whole recording; by the host's for a board that prints numbers."""
        rate = self.metadata.get("measured_rate_hz")
        return None if rate is None else float(rate)

    @property
    def rate_hz(self) -> float:
        """The nominal rate, or the measured one where no nominal rate is known."""
        rate = self.nominal_rate_hz or self.measured_rate_hz
        if not rate:
            raise ValueError(
                f"{self.path} does not say its rate, and is too short to measure it. Pass rate_hz=… when you record."
            )
        return rate

    @cached_property
    def _data(self) -> tuple[NDArray[np.int64], NDArray[Any]]:
        return _READERS[self.kind](self.path, self.metadata)

    @property
    def samples(self) -> NDArray[Any]:
        """Samples that came, (N, channels); of a camera (N, rows, width), uint8 grey or uint16 RGB565."""
        return self._data[1]

    @property
    def sample_numbers(self) -> NDArray[np.int64]:
        """The number of each sample, (N,): missing ones are left out, and counted."""
        return self._data[0]

    @property
    def time_s(self) -> NDArray[np.float64]:
        """The time of each sample from the beginning, (N,), in seconds."""
        return self.sample_numbers / self.rate_hz

    @property
    def seconds(self) -> float:
        """From the first sample to the last, missing ones counted."""
        numbers = self.sample_numbers
        return float((numbers[-1] + 1) / self.rate_hz) if len(numbers) else 0.0

    @property
    def gaps(self) -> list[Gap]:
        """What is missing, and why; see :class:`tinyml_labs.capture.Gap`."""
        return [Gap(**gap) for gap in self.metadata["gaps"]]

    @property
    def missing(self) -> int:
        """How many samples are missing."""
        return sum(gap.missing for gap in self.gaps)

    def segments(self) -> list[NDArray[Any]]:
        """Cut the samples at every gap: pieces in which each sample follows the one before it."""
        breaks = np.flatnonzero(np.diff(self.sample_numbers) != 1) + 1
        return [piece for piece in np.split(self.samples, breaks) if len(piece)]

    @property
    def problems(self) -> list[str]:
        """What is not as it should be, a sentence each; empty for a clean recording."""
        return list(_problems(self))

    def __str__(self) -> str:
        """Say in a line what it is."""
        name = self.label or "no label"
        who = f" of {self.subject}" if self.subject else ""
        state = "" if self.finished else ", unfinished"
        what = "images" if self.kind == "image" else "samples"
        lost = f", {self.missing} missing" if self.missing else ""
        return (
            f"{name}{who}: {self.metadata['samples']} {what} of {self.sensor['name']}, "
            f"{self.metadata['seconds']:.4g} s{lost}{state}"
        )


def _problems(recording: Recording) -> Iterator[str]:
    meta = recording.metadata
    if not recording.finished:
        yield "The recorder was killed: this recording is unfinished; its last second may be missing."
    elif meta["ended"] not in ("complete", "stopped"):
        yield f"It ended early: {meta['ended']}."
    if meta["missing"]:
        causes = sorted({gap["cause"] for gap in meta["gaps"]})
        where = f"in {len(meta['gaps'])} gap" + ("s" if len(meta["gaps"]) > 1 else "")
        yield f"{meta['missing']} samples are missing {where} ({', '.join(causes)})."
    bad = meta.get("bad_lines") or {}
    if bad.get("count"):
        yield f"{bad['count']} lines were no numbers; the first: {bad['first']!r}."
    if is_off(recording.measured_rate_hz, recording.nominal_rate_hz):
        assert recording.measured_rate_hz is not None
        assert recording.nominal_rate_hz is not None
        part = recording.measured_rate_hz / recording.nominal_rate_hz - 1
        yield (
            f"The board samples at {recording.measured_rate_hz:.5g} Hz, and says {recording.nominal_rate_hz:.5g} Hz: "
            f"{part:+.1%}."
        )


def load_recording(path: str | os.PathLike[str]) -> Recording:
    """Open a recording, finished or not.

    Parameters
    ----------
    path : path
        Its folder. The name without ``.part`` finds an unfinished one too.

    Returns
    -------
    Recording

    Raises
    ------
    FileNotFoundError, ValueError
        If there is none, or its ``recording.json`` is not one of ours.
    """
    folder = Path(path)
    if folder.name == DESCRIPTION:
        folder = folder.parent
    if not folder.exists() and folder.with_name(folder.name + PART).is_dir():
        folder = folder.with_name(folder.name + PART)
    file = folder / DESCRIPTION
    if not file.is_file():
        raise FileNotFoundError(
            f"{folder} holds no {DESCRIPTION}. A recording is a folder with that file and its samples; "
            "load_recordings(folder) finds those inside a folder."
        )
    try:
        meta = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise ValueError(f"{file} is no JSON: {error}") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise ValueError(f"{file} is not a recording of this kit: its format is not {FORMAT!r}.")
    if meta.get("version") != FORMAT_VERSION:
        raise ValueError(
            f"{file} has version {meta.get('version')}; this kit reads {FORMAT_VERSION}. Update the kit."
        )
    if not meta["finished"]:
        _complete(folder, meta)
    return Recording(path=folder, metadata=meta)


def load_recordings(folder: str | os.PathLike[str]) -> list[Recording]:
    """Open every recording in a folder, by name.

    Raises
    ------
    FileNotFoundError
        If the folder holds none.
    """
    folder = Path(folder)
    found = [load_recording(file.parent) for file in sorted(folder.glob(f"*/{DESCRIPTION}"))]
    if not found:
        raise FileNotFoundError(f"There is no recording in {folder.absolute()}. Make one: tinyml-labs record --help")
    return found


def discard(recording: Recording) -> None:
    """Delete a recording from the disk: its folder, with everything the kit has written there."""
    if not (recording.path / DESCRIPTION).is_file():
        raise FileNotFoundError(f"{recording.path} is no recording (any more).")
    shutil.rmtree(recording.path)


# -- readers: sample numbers and samples


def _complete(folder: Path, meta: dict[str, Any]) -> None:
    """Bring the description of an unfinished recording up to what its files hold."""
    numbers, _ = _READERS[meta["sensor"]["kind"]](folder, meta)
    rate = meta["measured_rate_hz"] or meta["sensor"]["nominal_rate_hz"]
    known = {gap["first"] for gap in meta["gaps"]}
    for at in np.flatnonzero(np.diff(numbers) != 1):
        first = int(numbers[at]) + 1
        if first not in known:
            missing = int(numbers[at + 1]) - first
            meta["gaps"].append(Gap(at=int(at) + 1, first=first, missing=missing, cause="not noted").to_dict())
    last = int(numbers[-1]) + 1 if len(numbers) else 0
    meta["gaps"] = [gap for gap in meta["gaps"] if gap["first"] < last]
    meta["missing"] = sum(gap["missing"] for gap in meta["gaps"])
    meta["samples"] = len(numbers)
    meta["seconds"] = last / rate if rate else 0.0


def _read_csv(folder: Path, meta: dict[str, Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    path = folder / meta["samples_file"]
    content = path.read_bytes()
    if not meta["finished"]:
        content = content[: content.rfind(b"\n") + 1]  # the last line may be cut
    names = meta["sensor"]["channel_names"]
    dtype = np.dtype(meta["sensor"]["dtype"])
    header, _, lines = content.partition(b"\n")
    columns = next(csv.reader([header.decode()]), [])
    missing = [name for name in ["sample", *names] if name not in columns]
    if missing:
        raise ValueError(f"{path} has no column {missing[0]!r}; it has {', '.join(columns)}.")
    if not lines.strip():
        return np.empty(0, np.int64), np.empty((0, len(names)), dtype)
    chosen = [columns.index(name) for name in ["sample", *names]]
    try:
        table = np.loadtxt(io.BytesIO(lines), delimiter=",", ndmin=2, usecols=chosen, comments=None)
    except ValueError as error:
        raise ValueError(f"{path}: {error} (its rows are counted without the header).") from None
    return table[:, 0].astype(np.int64), table[:, 1:].astype(dtype)


def _read_wav(folder: Path, meta: dict[str, Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    path = folder / meta["samples_file"]
    with wave.open(str(path), "rb") as file:
        channels, width = file.getnchannels(), file.getsampwidth()
        if width != 2:
            raise ValueError(f"{path} has {8 * width} bits a sample; expected 16.")
        data = file.readframes(file.getnframes())
    samples = np.frombuffer(data[: len(data) // (2 * channels) * 2 * channels], "<i2").reshape(-1, channels)
    # After the last description that was written, nobody knows of gaps: of an unfinished recording that is left out.
    samples = samples.astype(np.int16)[: meta["samples"]]
    return _numbers(len(samples), meta["gaps"]), samples


def _numbers(count: int, gaps: list[dict[str, Any]]) -> NDArray[np.int64]:
    steps = np.ones(count, np.int64)
    for gap in gaps:
        if gap["at"] < count:
            steps[gap["at"]] += gap["missing"]
    return np.cumsum(steps) - 1 if count else steps


def _read_png(folder: Path, meta: dict[str, Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    from PIL import Image

    sensor = meta["sensor"]
    dtype = np.dtype(sensor["dtype"])
    paths = sorted(folder.glob("image_*.png"))
    images = np.empty((len(paths), sensor["rows"], sensor["width"]), dtype)
    for index, path in enumerate(paths):
        with Image.open(path) as file:
            pixels = np.asarray(file)
        images[index] = pixels if dtype == np.uint8 else from_rgb(pixels)
    numbers = np.array([int(path.stem.removeprefix("image_")) for path in paths], np.int64)
    return numbers, images


_READERS = {"signal": _read_csv, "audio": _read_wav, "image": _read_png}
