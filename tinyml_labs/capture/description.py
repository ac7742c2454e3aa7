"""Check ``recording.json``: people edit it by hand, and then the error has to say what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tinyml_labs.capture.assembler import Gap

_NUMBER = (int, float)
_NUMBER_OR_NULL = (int, float, type(None))
_FIELDS: dict[str, Any] = {
    "finished": bool,
    "ended": str,
    "label": str,
    "subject": str,
    "session": str,
    "start_utc": str,
    "samples_file": str,
    "samples": int,
    "seconds": _NUMBER,
    "measured_rate_hz": _NUMBER_OR_NULL,
    "sensor": dict,
    "board": dict,
    "gaps": list,
    "notes": list,
}
_SENSOR_FIELDS: dict[str, Any] = {
    "name": str,
    "kind": str,
    "channel_names": list,
    "units": list,
    "width": int,
    "rows": int,
    "dtype": str,
    "nominal_rate_hz": _NUMBER_OR_NULL,
    "low": _NUMBER_OR_NULL,
    "high": _NUMBER_OR_NULL,
}
_OPTIONAL: dict[str, Any] = {"bad_lines": dict, "crc_errors": int, "inherited_problems": list}


def check_description(file: Path, meta: dict[str, Any]) -> None:
    """Check that everything is there that the kit reads, and of the right kind.

    Raises
    ------
    ValueError
        With the file, what was found and what was expected.
    """
    _check_fields(file, meta, _FIELDS, "")
    _check_fields(file, meta, {key: kind for key, kind in _OPTIONAL.items() if meta.get(key) is not None}, "")
    sensor = meta["sensor"]
    _check_fields(file, sensor, _SENSOR_FIELDS, "sensor.")
    if sensor["kind"] not in ("signal", "audio", "image"):
        raise _wrong(file, "sensor.kind", sensor["kind"], "'signal', 'audio' or 'image'")
    try:
        np.dtype(sensor["dtype"])
    except TypeError:
        raise _wrong(file, "sensor.dtype", sensor["dtype"], "a type such as 'float32'") from None
    for key in ("channel_names", "units"):
        if not all(isinstance(name, str) for name in sensor[key]):
            raise _wrong(file, f"sensor.{key}", sensor[key], "a list of texts")
    if sensor["kind"] != "image" and (
        not sensor["channel_names"] or len(sensor["units"]) != len(sensor["channel_names"])
    ):
        what = f"{sensor['channel_names']} and {sensor['units']}"
        raise _wrong(file, "sensor.channel_names and sensor.units", what, "a name and a unit for each channel")
    for number, gap in enumerate(meta["gaps"]):
        if not _is_gap(gap):
            fields = "whole numbers at, first, missing and overruns (none below 0), a text cause and a bool estimated"
            raise _wrong(file, f"gaps[{number}]", gap, fields)


def _is_gap(gap: Any) -> bool:
    try:
        made = Gap(**gap)
    except TypeError:
        return False
    counts = (made.at, made.first, made.missing, made.overruns)
    whole = all(type(count) is int and count >= 0 for count in counts)
    return whole and isinstance(made.cause, str) and isinstance(made.estimated, bool)


def _check_fields(file: Path, found: dict[str, Any], fields: dict[str, Any], prefix: str) -> None:
    for key, kind in fields.items():
        if key not in found:
            raise ValueError(f"{file} has no {prefix + key!r}. Was it edited by hand? Put it back as it was.")
        value = found[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            kinds = kind if isinstance(kind, tuple) else (kind,)
            names = " or ".join("null" if one is type(None) else one.__name__ for one in kinds)
            raise _wrong(file, prefix + key, value, names)


def _wrong(file: Path, key: str, found: Any, expected: str) -> ValueError:
    return ValueError(
        f"{file}: {key} is {str(found)[:200]!r}; expected {expected}. Was it edited by hand? Put it back as it was."
    )
