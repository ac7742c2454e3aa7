"""Cut, relabel and join recordings. Whatever is made is a new folder, whole before it gets its name."""

from __future__ import annotations

import datetime
import itertools
import math
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tinyml_labs.capture.assembler import Block, Gap
from tinyml_labs.capture.rate import WARN_ABOVE
from tinyml_labs.capture.recording_writer import PART, RecordingWriter, free_name, write_description
from tinyml_labs.capture.recordings import Recording, lasting_problems, load_recording
from tinyml_labs.link.descriptions import Sensor, SensorKind

STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
"""The time in a recording's folder name."""


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
            f"{recording.span / recording.rate_hz:.3f} s."
        )
    end = recording.span if stop_s is None else min(recording.span, math.ceil(stop_s * recording.rate_hz - 1e-6))
    note = f"{start_s:g} s to {end / recording.rate_hz if stop_s is None else stop_s:g} s of {recording.path.name}"
    return _write([(recording, slice(int(chosen[0]), int(chosen[-1]) + 1), end)], note, folder)


def merge(recordings: Sequence[Recording], *, folder: str | os.PathLike[str] | None = None) -> Recording:
    """Join recordings of one sensor, label and subject into a new one; the old ones stay.

    Between two of them there is a gap of a second, of the cause ``"merged"``: no window goes across.

    Raises
    ------
    ValueError
        If they are not of one kind, with what differs, or one holds no sample.
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
        if abs(other.rate_hz / first.rate_hz - 1) > WARN_ABOVE:
            raise ValueError(
                f"{other.path.name} has {other.rate_hz:g} Hz, and {first.path.name} {first.rate_hz:g} Hz. "
                "Merge recordings of one rate."
            )
    for recording in recordings:
        if not len(recording.samples):
            raise ValueError(f"{recording.path.name} holds no sample. Leave it out: capture.discard(recording).")
    note = "merged of " + ", ".join(recording.path.name for recording in recordings)
    return _write([(r, slice(0, len(r.samples)), r.span) for r in recordings], note, folder)


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
    stamp = STAMP.search(recording.path.name)
    part = PART if recording.path.name.endswith(PART) else ""
    start = _start(recording) or datetime.datetime.now(datetime.timezone.utc)
    when = stamp[0] if stamp else start.strftime("%Y%m%dT%H%M%SZ")
    name = free_name(recording.path.parent, label or recording.sensor["name"], when) + part
    return load_recording(recording.path.rename(recording.path.with_name(name)))


def sensor_of(recording: Recording) -> Sensor:
    """Give the sensor as a board describes it, from what ``recording.json`` says."""
    about = recording.sensor
    image = about["kind"] == "image"
    return Sensor(
        id=0,
        name=about["name"],
        unit=",".join(unit.replace(",", " ") for unit in about["units"]),
        channels=about["width"] if image else len(about["channel_names"]),
        dtype=about["dtype"],
        rate_hz=recording.rate_hz * (about["rows"] if image else 1),
        low=np.nan if about["low"] is None else about["low"],
        high=np.nan if about["high"] is None else about["high"],
        kind=SensorKind[about["kind"].upper()],
        rows=about["rows"],
        channel_names=",".join(name.replace(",", " ") for name in about["channel_names"]),
    )


def _start(recording: Recording) -> datetime.datetime | None:
    """Give when it began; None if its description says that in a way that nobody understands."""
    try:
        start = datetime.datetime.fromisoformat(recording.metadata["start_utc"].replace("Z", "+00:00"))
    except ValueError:
        return None
    return start.astimezone(datetime.timezone.utc) if start.tzinfo else start.replace(tzinfo=datetime.timezone.utc)


def _write(pieces: list[tuple[Recording, slice, int]], note: str, folder: str | os.PathLike[str] | None) -> Recording:
    """Write pieces: of each the stored samples that are chosen, and the number of the sample before which it ends."""
    first = pieces[0][0]
    writer = RecordingWriter(
        Path(folder) if folder is not None else first.path.parent,
        sensor_of(first),
        rate_hz=first.nominal_rate_hz,
        label=first.label,
        subject=first.subject,
        session=first.session,
        board=first.metadata["board"],
        notes=[*dict.fromkeys(line for recording, _, _ in pieces for line in recording.metadata["notes"]), note],
    )
    writer.update(**_facts(pieces))
    offset = 0
    for index, (recording, chosen, end) in enumerate(pieces):
        if index:
            writer.end_with(Gap(at=0, first=0, missing=0, cause="merged"), missing=offset - writer.span)
        _append(writer, recording, chosen, end, offset)
        offset = writer.span + max(1, round(first.rate_hz))
    return load_recording(writer.finish("complete"))


def _append(writer: RecordingWriter, recording: Recording, chosen: slice, end: int, offset: int) -> None:
    """Append stored samples with the gaps between them, and with what is missing from the last one to ``end``."""
    numbers, samples = recording.sample_numbers[chosen], recording.samples[chosen]
    gaps = [replace(gap, at=gap.at - chosen.start) for gap in recording.gaps]
    jumps = (np.flatnonzero(np.diff(numbers) != 1) + 1).tolist()
    breaks = sorted({0, *jumps, *(gap.at for gap in gaps if 0 < gap.at < len(numbers)), len(numbers)})
    base = offset - int(numbers[0])
    for start, stop in itertools.pairwise(breaks):
        if start:
            before = [gap for gap in gaps if gap.at == start]
            missing = int(numbers[start] - numbers[start - 1]) - 1
            if sum(gap.missing for gap in before) != missing:  # somebody has altered the file
                before = [Gap(at=0, first=0, missing=missing, cause="not noted")]
            for gap in before:
                writer.end_with(gap, missing=gap.missing)
        writer.append(Block(int(numbers[start]) + base, samples[start:stop]))
    left = end - int(numbers[-1]) - 1
    for gap in gaps:
        if gap.at == len(numbers) and left > 0:
            writer.end_with(gap, missing=min(gap.missing, left))
            left -= gap.missing


def _facts(pieces: list[tuple[Recording, slice, int]]) -> dict[str, Any]:
    """Give what is known of the recordings that the pieces are of."""
    recordings = [recording for recording, _, _ in pieces]
    first, chosen, _ = pieces[0]
    facts: dict[str, Any] = {
        "measured_rate_hz": first.measured_rate_hz,
        "crc_errors": sum(recording.metadata.get("crc_errors") or 0 for recording in recordings),
    }
    if len(recordings) > 1 and all(recording.measured_rate_hz for recording in recordings):
        duration = sum(recording.span / (recording.measured_rate_hz or 1.0) for recording in recordings)
        facts["measured_rate_hz"] = sum(recording.span for recording in recordings) / duration
    bad = [recording.metadata.get("bad_lines") or {} for recording in recordings]
    if any(bad):
        texts = [lines["first"] for lines in bad if lines.get("first")]
        facts["bad_lines"] = {"count": sum(lines.get("count", 0) for lines in bad), "first": [*texts, ""][0]}
    start = _start(first)
    if start is not None:
        rate = first.measured_rate_hz or first.rate_hz
        start += datetime.timedelta(seconds=int(first.sample_numbers[chosen.start]) / rate)
        facts["start_utc"] = start.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    facts["sensor"] = first.sensor  # with its units as they are
    if first.kind != "image":
        facts["sensor"]["channel_names"] = list(sensor_of(first).names)
    inherited = [
        text if text in recording.metadata.get("inherited_problems", ()) else f"{recording.path.name}: {text}"
        for recording in recordings
        for text in lasting_problems(recording)
    ]
    if inherited:
        facts["inherited_problems"] = list(dict.fromkeys(inherited))
    return facts
