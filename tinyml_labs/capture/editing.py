"""Cut, relabel and join recordings. Whatever is made is a new folder, whole before it gets its name."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinyml_labs.capture.assembler import Block, Gap
from tinyml_labs.capture.recording_writer import PART, RecordingWriter, free_name, write_description
from tinyml_labs.capture.recordings import Recording, load_recording
from tinyml_labs.link.descriptions import Sensor, SensorKind

_COPIED = ("measured_rate_hz", "start_utc", "crc_errors", "bad_lines")


def trim(
    recording: Recording,
    start_s: float = 0.0,
    stop_s: float | None = None,
    *,
    folder: str | os.PathLike[str] | None = None,
) -> Recording:
    """Cut a piece out of a recording into a new one; the old one stays.

    Parameters
    ----------
    recording : Recording
    start_s, stop_s : float
        In seconds from its first sample; to the end by default.
    folder : path, optional
        Where to put the new one; beside the old one by default.

    Raises
    ------
    ValueError
        If there is no sample between the two.
    """
    time_s = recording.time_s
    stop = np.inf if stop_s is None else stop_s
    chosen = np.flatnonzero((time_s >= start_s) & (time_s < stop))
    if not len(chosen):
        raise ValueError(
            f"There is no sample between {start_s:g} s and {stop:g} s: {recording.path.name} goes from 0 to "
            f"{recording.seconds:.3f} s."
        )
    until = recording.seconds if stop_s is None else stop_s
    note = f"{start_s:g} s to {until:g} s of {recording.path.name}"
    return _write([(recording, slice(int(chosen[0]), int(chosen[-1]) + 1))], note, folder)


def merge(recordings: Sequence[Recording], *, folder: str | os.PathLike[str] | None = None) -> Recording:
    """Join recordings of one sensor, label and subject into a new one; the old ones stay.

    Between two of them there is a gap of a second, of the cause ``"merged"``: no window goes across.

    Raises
    ------
    ValueError
        If they are not of one kind, with what differs.
    """
    if len(recordings) < 2:
        raise ValueError(f"{len(recordings)} recordings; it takes two to merge.")
    first = recordings[0]
    for other in recordings[1:]:
        for what in ("label", "subject"):
            if getattr(other, what) != getattr(first, what):
                raise ValueError(
                    f"{other.path.name} has the {what} {getattr(other, what)!r}, and {first.path.name} "
                    f"{getattr(first, what)!r}. Merge recordings of one {what}, or relabel first."
                )
        differing = [key for key, value in first.sensor.items() if other.sensor[key] != value]
        if differing:
            key = differing[0]
            raise ValueError(
                f"{other.path.name} and {first.path.name} are of two sensors: {key} is {other.sensor[key]!r} and "
                f"{first.sensor[key]!r}."
            )
    note = "merged of " + ", ".join(recording.path.name for recording in recordings)
    return _write([(r, slice(0, len(r.samples))) for r in recordings], note, folder)


def relabel(recording: Recording, label: str | None = None, *, subject: str | None = None) -> Recording:
    """Change a recording's label or subject in place; its folder gets a name to match.

    Returns
    -------
    Recording
        At its new path.
    """
    meta = dict(recording.metadata)
    meta["label"] = recording.label if label is None else label
    meta["subject"] = recording.subject if subject is None else subject
    write_description(recording.path, meta)
    if label is None or label == recording.label:
        return load_recording(recording.path)
    stamp = [*recording.path.name.split("."), ""][1]
    part = PART if recording.path.name.endswith(PART) else ""
    name = free_name(recording.path.parent, label or recording.sensor["name"], stamp) + part
    return load_recording(recording.path.rename(recording.path.with_name(name)))


def sensor_of(recording: Recording) -> Sensor:
    """Give the sensor as a board describes it, from what ``recording.json`` says."""
    about = recording.sensor
    image = about["kind"] == "image"
    return Sensor(
        id=0,
        name=about["name"],
        unit=",".join(about["units"]),
        channels=about["width"] if image else len(about["channel_names"]),
        dtype=about["dtype"],
        rate_hz=recording.rate_hz * (about["rows"] if image else 1),
        low=np.nan if about["low"] is None else about["low"],
        high=np.nan if about["high"] is None else about["high"],
        kind=SensorKind[about["kind"].upper()],
        rows=about["rows"],
        channel_names=",".join(about["channel_names"]),
    )


def _write(pieces: list[tuple[Recording, slice]], note: str, folder: str | os.PathLike[str] | None) -> Recording:
    first = pieces[0][0]
    meta = first.metadata
    writer = RecordingWriter(
        Path(folder) if folder is not None else first.path.parent,
        sensor_of(first),
        rate_hz=first.nominal_rate_hz,
        label=first.label,
        subject=first.subject,
        session=first.session,
        board=meta["board"],
        notes=[*meta["notes"], note],
    )
    facts: dict[str, Any] = {key: meta[key] for key in _COPIED if key in meta}
    facts["crc_errors"] = sum(recording.metadata.get("crc_errors", 0) for recording, _ in pieces)
    writer.update(**facts)
    offset = 0
    for index, (recording, chosen) in enumerate(pieces):
        numbers, samples = recording.sample_numbers[chosen], recording.samples[chosen]
        gaps = {gap.at: gap for gap in recording.gaps}
        breaks = [0, *(np.flatnonzero(np.diff(numbers) != 1) + 1).tolist(), len(numbers)]
        base = offset - int(numbers[0])
        for start, end in itertools.pairwise(breaks):
            gap = gaps.get(start + chosen.start) if start else None
            if gap is None and start:
                missing = int(numbers[start] - numbers[start - 1]) - 1
                gap = Gap(at=0, first=int(numbers[start - 1]) + 1, missing=missing, cause="not noted")
            if gap is not None:
                gap = Gap(**{**gap.to_dict(), "first": gap.first + base})
            elif index and not start:
                gap = Gap(at=0, first=writer.span, missing=offset - writer.span, cause="merged")
            writer.append(Block(int(numbers[start]) + base, samples[start:end], gap))
        offset = writer.span + max(1, round(first.rate_hz))
    return load_recording(writer.finish("complete"))
