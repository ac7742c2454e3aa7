"""Recordings to and from other tools: Edge Impulse's data acquisition files, and logs of serial monitors."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Literal

import numpy as np

from tinyml_labs.capture.assembler import Block, Gap
from tinyml_labs.capture.csv_log import decode_csv_capture
from tinyml_labs.capture.csv_report import CsvSettings
from tinyml_labs.capture.edge_impulse import (
    edge_impulse_file_name,
    edge_impulse_label,
    from_edge_impulse,
    to_edge_impulse,
)
from tinyml_labs.capture.editing import STAMP
from tinyml_labs.capture.recording_writer import RecordingWriter
from tinyml_labs.capture.recordings import Recording, load_recording
from tinyml_labs.link.descriptions import Sensor, SensorKind


def export_edge_impulse(
    recording: Recording,
    folder: str | os.PathLike[str],
    *,
    hmac_key: str = "",
    format: Literal["json", "cbor"] = "json",  # noqa: A002
    overwrite: bool = False,
) -> list[Path]:
    """Write a recording as files that Edge Impulse's uploader takes: ``label.stamp.json``.

    Their format knows no gaps: each piece without one is a file of its own, ``label.stamp_p0.json`` and so on.

    Parameters
    ----------
    recording : Recording
        A signal or sound, with a label.
    folder : path
    hmac_key : str
        The Edge Impulse project's key, to sign with.
    format : {"json", "cbor"}
    overwrite : bool
        Whether files of that name may be replaced.

    Returns
    -------
    list of Path

    Raises
    ------
    ValueError
        If it has no label or no sample, or is of a camera (upload its PNG files as they are).
    FileExistsError
        If there is such a file already; nothing is written then.
    """
    if recording.kind == "image":
        raise ValueError(f"{recording.path.name} is of a camera: Edge Impulse takes its PNG files as they are.")
    folder = Path(folder)
    audio = recording.kind == "audio"
    names = ["audio"] if audio and len(recording.channel_names) == 1 else recording.channel_names
    stamp = STAMP.search(recording.path.name)
    stem = recording.path.name[stamp.start() if stamp else 0 :].replace(".", "_")
    pieces = recording.segments()
    if not pieces:
        raise ValueError(f"{recording.path.name} holds no sample: there is nothing to export.")
    contents: dict[Path, bytes] = {}
    for number, piece in enumerate(pieces):
        unique = stem + (f"_p{number}" if len(pieces) > 1 else "")
        contents[folder / edge_impulse_file_name(recording.label, unique, format)] = to_edge_impulse(
            piece,
            rate_hz=recording.rate_hz,
            channel_names=names,
            units=["wav"] * len(names) if audio else [unit or "N/A" for unit in recording.units],
            device_name=recording.metadata["board"].get("board_id", ""),
            hmac_key=hmac_key,
            format=format,
        )
    for path in contents:
        if path.exists() and not overwrite:
            raise FileExistsError(
                f"{path} is there already, maybe of another recording. Pass another folder, or overwrite=True."
            )
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in contents.items():
        temporary = path.with_name(path.name + ".part")
        temporary.write_bytes(content)
        temporary.replace(path)
    return list(contents)


def import_edge_impulse(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str] = "recordings",
    *,
    label: str | None = None,
    subject: str = "",
    session: str = "",
    hmac_key: str | None = None,
) -> Recording:
    """Make a recording of an Edge Impulse file, JSON or CBOR.

    Parameters
    ----------
    path : path
    folder : path
        Where recordings are kept.
    label : str, optional
        By default the first part of the file's name, as Edge Impulse reads it.
    subject, session : str
    hmac_key : str, optional
        The project's key, to check the signature with.

    Raises
    ------
    ValueError
        If it is no such file, or its signature is wrong.
    """
    path = Path(path)
    sample = from_edge_impulse(path.read_bytes(), hmac_key=hmac_key)
    if sample.signature == "invalid":
        raise ValueError(f"The signature of {path.name} is wrong: it was altered, or signed with another key.")
    values = sample.samples
    audio = set(sample.units) == {"wav"} and values.shape[1] <= 2
    if audio and (np.abs(values) > 32768).any():
        raise ValueError(f"{path.name} holds sound of more than 16 bits: up to {np.abs(values).max():g}.")
    sensor = Sensor(
        id=0,
        name="microphone" if audio else path.stem.partition(".")[2] or "sensor",
        unit="counts" if audio else ",".join(unit.replace(",", " ") for unit in sample.units),
        channels=values.shape[1],
        dtype="int16" if audio else "float64",
        rate_hz=sample.rate_hz,
        kind=SensorKind.AUDIO if audio else SensorKind.SIGNAL,
        channel_names=",".join(name.replace(",", " ") for name in sample.channel_names),
    )
    writer = RecordingWriter(
        folder,
        sensor,
        rate_hz=sample.rate_hz,
        label=edge_impulse_label(path.name) if label is None else label,
        subject=subject,
        session=session,
        board={"board": sample.device_type, "board_id": sample.device_name},
        notes=[f"imported from {path.name} (signature: {sample.signature})"],
    )
    writer.append(Block(0, np.clip(values, -32768, 32767).astype(np.int16) if audio else values))
    return load_recording(writer.finish("complete"))


def import_csv(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str] = "recordings",
    *,
    label: str,
    subject: str = "",
    session: str = "",
    rate_hz: float | None = None,
) -> Recording:
    """Make a recording of a log that a serial monitor or another program has saved.

    Parameters
    ----------
    path : path
        Rows of numbers; see :class:`tinyml_labs.capture.csv_stream.CsvDecoder` for what may be in it.
    folder : path
        Where recordings are kept.
    label, subject, session : str
    rate_hz : float, optional
        The sampling rate, needed where the log has neither a time column nor times of day.

    Raises
    ------
    ValueError
        If it holds no rows of numbers, or nothing says its rate.
    """
    path = Path(path)
    log = decode_csv_capture(path, settings=CsvSettings(starts_mid_line=False))
    measured = log.rate.rate_hz if log.rate is not None else None
    if not rate_hz and not measured:
        raise ValueError(f"{path.name} has no time column, so nothing says how fast it was recorded. Pass rate_hz=….")
    report = log.report
    sensor = Sensor(
        id=0,
        name="numbers",
        unit=",".join(unit.replace(",", " ") for unit in report.units),
        channels=len(report.channel_names),
        dtype="float64",
        rate_hz=rate_hz or measured or 1.0,
        channel_names=",".join(name.replace(",", " ") for name in report.channel_names),
    )
    writer = RecordingWriter(
        folder,
        sensor,
        rate_hz=rate_hz or measured,
        label=label,
        subject=subject,
        session=session,
        board={"board": f"a log, {path.name}"},
    )
    pauses = {*log.block_ends, *log.restarts}
    cuts = sorted({*log.damaged, *pauses} - {0, len(log.rows)})
    number = 0
    for start, end in itertools.pairwise([0, *cuts, len(log.rows)]):
        gap = None
        if start:
            missing = max(1, log.damaged.count(start))  # how long a pause was, the log does not say
            cause = "pause" if start in pauses else "bad line"
            gap = Gap(at=0, first=number, missing=missing, cause=cause, estimated=cause == "pause")
            number += missing
        writer.append(Block(number, log.rows[start:end], gap))
        number += end - start
    bad = report.first_bad_line
    writer.update(
        measured_rate_hz=measured,
        bad_lines={"count": report.bad_lines, "first": str(bad) if bad is not None else ""},
    )
    return load_recording(writer.finish("complete"))
