"""Read a folder of other people's motion recordings: its labels.csv says what each file is."""

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyml_labs.features import resample

_STROKE = re.compile(r"(?P<file>.*)#strokes\[(?P<number>\d+)\]")


@dataclass(frozen=True, kw_only=True, eq=False)
class RealRecording:
    """One recording: ``group`` is the first folder of its path, ``samples`` are as the file has them."""

    group: str
    path: str
    label: str
    person: str
    rate_hz: float
    samples: np.ndarray

    def at(self, rate_hz: float) -> np.ndarray:
        """Give the samples at another rate."""
        if self.rate_hz == rate_hz:
            return self.samples.astype(np.float32)
        return resample(self.samples, self.rate_hz, rate_hz)


def read_folder(folder: Path) -> dict[str, list[RealRecording]]:
    """Read all recordings, by group.

    Parameters
    ----------
    folder : Path
        With a ``labels.csv`` (columns path, label, person, rate_hz), or one that has such a folder ``imu``.

    Raises
    ------
    SystemExit
        Without a labels.csv.
    """
    if not (folder / "labels.csv").exists() and (folder / "imu" / "labels.csv").exists():
        folder = folder / "imu"
    if not (folder / "labels.csv").exists():
        raise SystemExit(f"{folder} has no labels.csv; expected a folder laid out as the benchmarks' README says.")
    groups: dict[str, list[RealRecording]] = {}
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        for row in sorted(csv.DictReader(file), key=lambda row: _in_order(row["path"])):
            recording = RealRecording(
                group=row["path"].split("/")[0],
                path=row["path"],
                label=row["label"],
                person=row["person"],
                rate_hz=float(row["rate_hz"] or "nan"),
                samples=_read(folder, row["path"]),
            )
            groups.setdefault(recording.group, []).append(recording)
    return groups


def _in_order(path: str) -> tuple[str, int]:
    stroke = _STROKE.fullmatch(path)
    return (stroke["file"], int(stroke["number"])) if stroke else (path, 0)


def _read(folder: Path, path: str) -> np.ndarray:
    stroke = _STROKE.fullmatch(path)
    if stroke:
        points = json.loads((folder / stroke["file"]).read_text())["strokes"][int(stroke["number"])]["strokePoints"]
        return np.array([[point["x"], point["y"]] for point in points])
    return np.loadtxt(folder / path, delimiter=",", skiprows=1, ndmin=2)
