"""A recording as it grows on disk: a folder ending in ``.part``, which loses that ending when it is finished."""

from __future__ import annotations

import contextlib
import datetime
import math
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from tinyml_labs import __version__
from tinyml_labs.capture.assembler import Block, Gap
from tinyml_labs.capture.sample_files import open_samples_file
from tinyml_labs.link.descriptions import Sensor, SensorKind

FORMAT, FORMAT_VERSION = "tinyml-labs-recording", 1
DESCRIPTION = "recording.json"
PART = ".part"
FLUSH_S = 0.5


class RecordingWriter:
    """Writes one recording. What :meth:`append` was given is safe after half a second, or after :meth:`flush`.

    Parameters
    ----------
    folder : path
        Where recordings are kept; made if it is not there.
    sensor : Sensor
    rate_hz : float or None
        The nominal rate; of a camera, in images a second.
    label, subject, session : str
    board : mapping
        What is known of the board: name, firmware, hash of its model, port.

    Attributes
    ----------
    path : Path
        The recording's folder, with its ``.part`` until it is finished.
    stored : int
        Samples (of a camera: images) written so far.

    Raises
    ------
    OSError
        If the folder cannot be written: it says which.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        sensor: Sensor,
        *,
        rate_hz: float | None,
        label: str = "",
        subject: str = "",
        session: str = "",
        board: Mapping[str, Any] | None = None,
        notes: list[str] | None = None,
    ) -> None:
        self.stored = 0
        self._sensor = sensor
        self._start = datetime.datetime.now(datetime.timezone.utc)
        self._first: int | None = None  # the stream's number of our first sample
        self._last = 0
        self._gaps: list[Gap] = []
        self._meta: dict[str, Any] = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "finished": False,
            "ended": "",
            "label": label,
            "subject": subject,
            "session": session,
            "start_utc": self._start.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "samples_file": "",
            "samples": 0,
            "first_sample": None,
            "seconds": 0.0,
            "measured_rate_hz": None,
            "sensor": describe_sensor(sensor, rate_hz),
            "board": dict(board or {}),
            "missing": 0,
            "overruns": 0,
            "gaps": [],
            "crc_errors": 0,
            "software": f"tinyml-labs {__version__}",
            "notes": list(notes or []),
        }
        self._rate_hz = rate_hz
        self.path = _new_folder(Path(folder), label or sensor.name, self._start)
        try:
            self._file = open_samples_file(self.path, sensor, rate_hz)
        except BaseException:
            with contextlib.suppress(OSError):
                self.path.rmdir()
            raise
        self._meta["samples_file"] = self._file.name
        self._write_description()
        self._flush_at = time.monotonic() + FLUSH_S

    @property
    def room(self) -> int | None:
        """How many samples the file still takes; None for no limit."""
        most = self._file.max_samples
        return None if most is None else most - self.stored

    def append(self, block: Block) -> None:
        """Write a block; flush if half a second has passed."""
        if self._first is None:
            self._first = block.first  # a gap before our first sample is not ours
            self._meta["first_sample"] = block.first
            self._flush_at = 0.0
        elif block.gap is not None:
            gap = block.gap
            self._gaps.append(
                Gap(
                    at=self.stored,
                    first=gap.first - self._first,
                    missing=gap.missing,
                    cause=gap.cause,
                    overruns=gap.overruns,
                    estimated=gap.estimated,
                )
            )
        first = block.first - self._first
        self._file.append(first, block.samples)
        self.stored += len(block.samples)
        self._last = first + len(block.samples)
        if time.monotonic() >= self._flush_at:
            self.flush()

    def end_with(self, gap: Gap, *, missing: int) -> None:
        """Note that the last ``missing`` samples did not come, for the reason that a gap gives."""
        overruns = min(gap.overruns, missing)
        self._gaps.append(
            Gap(
                at=self.stored,
                first=self._last,
                missing=missing,
                cause=gap.cause,
                overruns=overruns,
                estimated=gap.estimated,
            )
        )
        self._last += missing

    @property
    def span(self) -> int:
        """Samples from the first to the last, missing ones counted."""
        return self._last

    @property
    def missing(self) -> int:
        """Samples that did not come, by the gaps."""
        return sum(gap.missing for gap in self._gaps)

    def update(self, **facts: Any) -> None:
        """Set fields of ``recording.json``, such as ``measured_rate_hz`` or ``crc_errors``."""
        self._meta.update(facts)

    @property
    def measured_rate_hz(self) -> float | None:
        """The rate that was measured, as :meth:`update` was told."""
        rate = self._meta["measured_rate_hz"]
        return None if rate is None else float(rate)

    def note(self, text: str) -> None:
        """Add a line to the recording's notes: what happened on the way."""
        if text not in self._meta["notes"]:
            self._meta["notes"].append(text)

    def flush(self) -> None:
        """Give everything so far to the system, samples first."""
        start = time.monotonic()
        self._file.flush()
        with contextlib.suppress(PermissionError):  # Windows: somebody reads the description right now
            self._write_description()
        now = time.monotonic()
        self._flush_at = now + max(FLUSH_S, 10 * (now - start))  # a description of many gaps is written less often

    def finish(self, ended: str) -> Path:
        """Close the recording, and give the folder its name without ``.part``.

        Parameters
        ----------
        ended : str
            Why: ``"complete"``, ``"stopped"``, or what went wrong.
        """
        self._file.close()
        self._meta.update(finished=True, ended=ended)
        _insist(self._write_description)
        final = self.path.with_name(self.path.name.removesuffix(PART))
        _insist(lambda: self.path.rename(final))
        self.path = final
        return final

    def _write_description(self) -> None:
        rate = self._meta["measured_rate_hz"] or self._rate_hz
        self._meta.update(
            samples=self.stored,
            seconds=round(self._last / rate, 6) if rate else 0.0,
            missing=self.missing,
            overruns=sum(gap.overruns for gap in self._gaps),
            gaps=[gap.to_dict() for gap in self._gaps],
        )
        write_description(self.path, self._meta)


def _insist(act: Callable[[], Any]) -> None:
    """Try for two seconds: on Windows a file that somebody reads, such as an indexer, cannot be replaced."""
    for _ in range(20):
        try:
            act()
        except PermissionError:
            time.sleep(0.1)
        else:
            return
    act()


def write_description(folder: Path, meta: Mapping[str, Any]) -> None:
    """Write ``recording.json`` under a temporary name, and rename it."""
    temporary = folder / (DESCRIPTION + PART)
    temporary.write_bytes(orjson.dumps(meta, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    temporary.replace(folder / DESCRIPTION)


def describe_sensor(sensor: Sensor, rate_hz: float | None) -> dict[str, Any]:
    """Give what ``recording.json`` says of a sensor."""
    image = sensor.kind == SensorKind.IMAGE
    return {
        "name": sensor.name,
        "kind": sensor.kind.name.lower(),
        "channel_names": [] if image else list(sensor.names),
        "units": [] if image else list(sensor.units),
        "width": sensor.channels if image else 0,
        "rows": sensor.rows,
        "dtype": np.dtype(sensor.dtype).name,
        "nominal_rate_hz": rate_hz,
        "low": None if math.isnan(sensor.low) else sensor.low,
        "high": None if math.isnan(sensor.high) else sensor.high,
    }


def free_name(parent: Path, label: str, stamp: str) -> str:
    """Give a name for a recording's folder that no finished or unfinished one has."""
    safe = re.sub(r"[^\w-]+", "_", label).strip("_")[:60]
    safe = safe.encode()[:180].decode(errors="ignore") or "recording"  # a file system counts bytes, up to 255
    if safe.startswith("-") or re.fullmatch(r"(?i:con|prn|aux|nul|(com|lpt)[0-9¹²³])", safe):
        safe = "_" + safe  # an option of a command; a device of Windows, whatever follows the dot
    for number in range(1, 100_000):
        name = f"{safe}.{stamp}" + (f".{number}" if number > 1 else "")
        if not (parent / name).exists() and not (parent / (name + PART)).exists():
            return name
    raise FileExistsError(f"{parent} has too many recordings named {safe}.{stamp}.")


def _new_folder(parent: Path, label: str, start: datetime.datetime) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    while True:
        folder = parent / (free_name(parent, label, start.strftime("%Y%m%dT%H%M%SZ")) + PART)
        try:
            folder.mkdir()
        except FileExistsError:  # another recorder was faster
            continue
        return folder
