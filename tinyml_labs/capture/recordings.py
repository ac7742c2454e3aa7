"""Recordings on disk: a folder of samples in a format that every tool reads, and what is known of them."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from tinyml_labs.capture.assembler import Gap
from tinyml_labs.capture.description import check_description
from tinyml_labs.capture.rate import is_off
from tinyml_labs.capture.recording_writer import DESCRIPTION, FORMAT, FORMAT_VERSION, PART
from tinyml_labs.capture.sample_readers import MEND, complete_description, numbers_by_gaps, read_samples


class RecordingWarning(UserWarning):
    """A recording that is not what was asked for: samples are missing, the rate is off, or it cannot be read."""


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
        return read_samples(self.path, self.metadata)

    @cached_property
    def _file_problems(self) -> list[str]:
        try:  # many recordings are listed at once: what is read only for this is not kept
            numbers, _ = vars(self).get("_data") or read_samples(self.path, self.metadata)
        except (OSError, ValueError) as error:
            return [f"Its samples cannot be read: {error}"]
        return list(_differences(self, numbers))

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
        """From the first sample to the last, missing ones counted, by the measured rate where there is one."""
        span = self.span
        return round(span / (self.measured_rate_hz or self.rate_hz), 6) if span else 0.0

    @property
    def span(self) -> int:
        """Samples from the first to the last, missing ones counted, also those after the last that came."""
        numbers = self.sample_numbers
        if not len(numbers):
            return 0
        return int(numbers[-1]) + 1 + sum(gap.missing for gap in self.gaps if gap.at >= len(numbers))

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
        jumps = (np.flatnonzero(np.diff(self.sample_numbers) != 1) + 1).tolist()
        breaks = sorted({*jumps, *(gap.at for gap in self.gaps)})  # a board that was reset may have missed nothing
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
    yield from lasting_problems(recording)
    if recording.missing:
        causes = sorted({gap.cause for gap in recording.gaps})
        where = f"in {len(recording.gaps)} gap" + ("s" if len(recording.gaps) > 1 else "")
        yield f"{recording.missing} samples are missing {where} ({', '.join(causes)})."
    bad = meta.get("bad_lines") or {}
    if bad.get("count"):
        yield f"{bad['count']} lines were no numbers; the first: {bad.get('first', '')!r}."
    if is_off(recording.measured_rate_hz, recording.nominal_rate_hz):
        assert recording.measured_rate_hz is not None
        assert recording.nominal_rate_hz is not None
        part = recording.measured_rate_hz / recording.nominal_rate_hz - 1
        yield (
            f"The board samples at {recording.measured_rate_hz:.5g} Hz, and says {recording.nominal_rate_hz:.5g} Hz: "
            f"{part:+.1%}."
        )


def lasting_problems(recording: Recording) -> Iterator[str]:
    """Give the problems that a piece of the recording has too, and that its own samples do not show."""
    if not recording.finished:
        yield "The recorder was killed: this recording is unfinished; its last second may be missing."
    elif recording.metadata["ended"] not in ("complete", "stopped"):
        yield f"It ended early: {str(recording.metadata['ended']).rstrip('.')}."
    yield from recording.metadata.get("inherited_problems", ())
    yield from recording._file_problems


def _differences(recording: Recording, numbers: NDArray[np.int64]) -> Iterator[str]:
    """Compare the samples that are there with the description."""
    file, count = recording.metadata["samples_file"], recording.metadata["samples"]
    if len(numbers) != count:
        yield (
            f"{file} has {len(numbers)} samples, and {DESCRIPTION} says {count}: "
            + ("some were taken out" if len(numbers) < count else "some were added")
            + " after it was recorded, or the disk was full."
        )
    expected = numbers_by_gaps(len(numbers), recording.metadata["gaps"])
    differing = np.flatnonzero(numbers != expected)
    if len(differing):
        at = int(differing[0])
        yield (
            f"{file} has been altered: its sample {at} (counted from 0) has the number {numbers[at]}, and by the "
            f"gaps in {DESCRIPTION} it is {expected[at]}."
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
        If there is none, or its ``recording.json`` is not one of ours, or was altered.
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
        raise ValueError(f"{file} is no JSON: {error}. {MEND}") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise ValueError(f"{file} is not a recording of this kit: its format is not {FORMAT!r}.")
    if meta.get("version") != FORMAT_VERSION:
        raise ValueError(
            f"{file} has version {meta.get('version')}; this kit reads {FORMAT_VERSION}. Update the kit."
        )
    check_description(file, meta)
    if not meta["finished"]:
        complete_description(folder, meta)
    return Recording(path=folder, metadata=meta)


def load_recordings(folder: str | os.PathLike[str]) -> list[Recording]:
    """Open every recording in a folder, by name.

    One that cannot be opened is left out, with a :class:`RecordingWarning` that says why.

    Raises
    ------
    FileNotFoundError
        If the folder holds none.
    ValueError
        If none of them can be opened.
    """
    folder = Path(folder)
    found: list[Recording] = []
    broken: list[str] = []
    for file in sorted(folder.glob(f"*/{DESCRIPTION}")):
        try:
            found.append(load_recording(file.parent))
        except (OSError, ValueError) as error:
            broken.append(str(error))
    if broken and not found:
        raise ValueError(f"No recording in {folder.absolute()} can be opened: " + " ".join(broken[:3]))
    if not found:
        raise FileNotFoundError(f"There is no recording in {folder.absolute()}. Make one: tinyml-labs record --help")
    for text in broken:
        warnings.warn(f"A recording is left out: {text}", RecordingWarning, stacklevel=2)
    return found


def discard(recording: Recording) -> None:
    """Delete a recording from the disk: its folder, with everything the kit has written there."""
    if not (recording.path / DESCRIPTION).is_file():
        raise FileNotFoundError(f"{recording.path} is no recording (any more).")
    shutil.rmtree(recording.path)
