"""The takes in a folder: how many of which label, and what is to be said of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tinyml_labs.capture import Recording, load_recording
from tinyml_labs.link.ports import list_ports

_PART = ".part"


def count_takes(folder: Path) -> list[dict[str, Any]]:
    """Count the finished recordings in a folder, label by label.

    Returns
    -------
    list of dict
        ``label``, ``takes`` and ``seconds``, by label. What is no recording, or cannot be read, does not count.
    """
    table: dict[str, dict[str, Any]] = {}
    paths = sorted(folder.glob("*/recording.json")) if folder.is_dir() else []
    for path in paths:
        if path.parent.name.endswith(_PART):  # under way, maybe in another notebook
            continue
        try:
            recording = load_recording(path)
            label, seconds = recording.label, float(recording.metadata["seconds"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        row = table.setdefault(label, {"label": label, "takes": 0, "seconds": 0.0})
        row["takes"] += 1
        row["seconds"] = round(row["seconds"] + seconds, 3)
    return [table[label] for label in sorted(table)]


def describe_take(recording: Recording) -> dict[str, Any]:
    """Give what the widget says of a take."""
    meta = recording.metadata
    return {
        "path": str(recording.path),
        "name": recording.path.name,
        "label": recording.label,
        "subject": recording.subject,
        "sensor": recording.sensor,
        "samples": meta["samples"],
        "seconds": meta["seconds"],
        "rate_hz": recording.measured_rate_hz,
        "missing": recording.missing,
        "problems": recording.problems,
    }


def look_around(folder: Path, labels: tuple[str, ...]) -> dict[str, Any]:
    """Give what there is: ``table`` of the takes in the folder, ``labels`` (those given first), ``ports``."""
    table = count_takes(folder)
    ports = [{"port": port.device, "text": port.board or port.description} for port in list_ports()]
    return {
        "table": table,
        "labels": list(dict.fromkeys([*labels, *(row["label"] for row in table if row["label"])])),
        "ports": [{"port": "virtual://", "text": "virtual board"}, *ports],
    }
