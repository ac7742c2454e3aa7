"""Edge Impulse's data acquisition format, JSON and CBOR: samples out, samples in, signed as its tools sign."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

import cbor2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.capture.edge_impulse_content import get, parse, read_values

_NO_SIGNATURE = "0" * 64  # takes the signature's place while the file is signed, as the specification says


@dataclass(frozen=True, kw_only=True, eq=False)
class EdgeImpulseSample:
    """One file of Edge Impulse's: it calls a recording a sample.

    Attributes
    ----------
    samples : array of float64, (samples, channels)
    rate_hz : float
    channel_names, units : tuple of str
        As the file says. Units are often wrong in practice: look at the numbers.
    device_name, device_type : str
        Empty where the file does not say.
    issued_at : float or None
        When the file was made, in seconds since 1970 (UTC).
    signature : {"valid", "invalid", "not checked", "none"}
        ``"not checked"``: it is signed, and no key was given. ``"none"``: the file says that it is not signed.
    format : {"json", "cbor"}
    """

    samples: NDArray[np.float64]
    rate_hz: float
    channel_names: tuple[str, ...]
    units: tuple[str, ...]
    device_name: str
    device_type: str
    issued_at: float | None
    signature: Literal["valid", "invalid", "not checked", "none"]
    format: Literal["json", "cbor"]


def to_edge_impulse(
    samples: ArrayLike,
    *,
    rate_hz: float,
    channel_names: Sequence[str],
    units: Sequence[str],
    device_name: str = "",
    device_type: str = "TINYML_LABS",
    hmac_key: str = "",
    issued_at: int | None = None,
    format: Literal["json", "cbor"] = "json",  # noqa: A002
) -> bytes:
    """Write samples as Edge Impulse's uploader takes them.

    Parameters
    ----------
    samples : array, (samples, channels) or (samples,)
        Finite numbers. Whole numbers (an integer dtype) stay whole; floats are written exactly.
    rate_hz : float
    channel_names, units : sequence of str
        One for each channel. The units are SenML's where there is one: ``m/s2``, ``rad/s``, ``Cel``; audio's is
        ``wav``.
    device_name : str
        What identifies this one board, such as its chip's number; left out if empty.
    device_type : str
        What all boards of this kind are called.
    hmac_key : str
        The project's HMAC key, to sign with; without one the file says that it is not signed.
    issued_at : int, optional
        When it was recorded, in seconds since 1970 (UTC); left out if not given.
    format : {"json", "cbor"}

    Returns
    -------
    bytes
        Name the file with :func:`edge_impulse_file_name`: the label is in the name, and not in the file.

    Raises
    ------
    ValueError
        If a sample is not finite, or names and units do not fit the channels.

    Notes
    -----
    The format: docs.edgeimpulse.com, "Data acquisition format", JSON | CBOR. The signature is the HMAC-SHA256,
    in hex, of the whole file with 64 zeros in the signature's place.
    """
    table = np.asarray(samples)
    table = table[:, None] if table.ndim == 1 else table
    _check(table, rate_hz, channel_names, units, device_type)
    if format not in ("json", "cbor"):
        raise ValueError(f"format is {format!r}; expected 'json' or 'cbor'.")
    values = table[:, 0].tolist() if table.shape[1] == 1 else table.tolist()
    protected = {"ver": "v1", "alg": "HS256" if hmac_key else "none"}
    payload = {
        **({"device_name": device_name} if device_name else {}),
        "device_type": device_type,
        "interval_ms": _whole_if_it_is(1000.0 / rate_hz),
        "sensors": [{"name": name, "units": unit} for name, unit in zip(channel_names, units, strict=True)],
        "values": [] if format == "cbor" else values,
    }
    document = {
        "protected": protected if issued_at is None else {**protected, "iat": issued_at},
        "signature": _NO_SIGNATURE,
        "payload": payload,
    }
    if format == "json":
        data = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    else:  # the empty list is the last byte: put the values there, each in its shortest exact form
        data = cbor2.dumps(document)[:-1] + cbor2.dumps(values, canonical=True)
    if not hmac_key:
        return data
    return data.replace(_NO_SIGNATURE.encode(), _sign(data, hmac_key).encode(), 1)


def from_edge_impulse(data: bytes, *, hmac_key: str | None = None) -> EdgeImpulseSample:
    """Read a file in Edge Impulse's data acquisition format, JSON or CBOR, as its content tells.

    Parameters
    ----------
    data : bytes
    hmac_key : str, optional
        The project's HMAC key, to check the signature with.

    Returns
    -------
    EdgeImpulseSample
        Also where the signature is invalid: look at ``signature``.

    Raises
    ------
    ValueError
        If it is another file, or its content does not fit together: a row with too few numbers, a value that
        is no number, a rate that is none.
    """
    kind, document, binary = parse(data)
    payload = get(document, "payload", dict, "the file")
    protected = document.get("protected")
    protected = protected if isinstance(protected, dict) else {}
    version = protected.get("ver", "v1")
    if version != "v1":
        raise ValueError(f"The file's version is {version!r}; expected 'v1'.")
    sensors = get(payload, "sensors", list, "payload")
    names = [get(sensor, "name", str, f"sensor {k}") for k, sensor in enumerate(sensors, start=1)]
    if not names:
        raise ValueError("payload.sensors is empty; expected one entry for each channel, such as {'name': 'accX'}.")
    interval_ms = get(payload, "interval_ms", (int, float), "payload")
    if not (math.isfinite(interval_ms) and interval_ms > 0):
        raise ValueError(f"payload.interval_ms is {interval_ms}; expected the milliseconds between samples, above 0.")
    issued_at = protected.get("iat")
    return EdgeImpulseSample(
        samples=read_values(get(payload, "values", list, "payload"), len(names), binary),
        rate_hz=_rate_hz(interval_ms),
        channel_names=tuple(names),
        units=tuple(str(sensor.get("units") or "") for sensor in sensors),
        device_name=str(payload.get("device_name") or ""),
        device_type=str(payload.get("device_type") or ""),
        issued_at=float(issued_at) if isinstance(issued_at, (int, float)) else None,
        signature=_check_signature(data, protected.get("alg"), document.get("signature"), hmac_key),
        format=kind,
    )


def edge_impulse_file_name(label: str, unique: str, format: Literal["json", "cbor"] = "json") -> str:  # noqa: A002
    """Name a file so that the uploader finds the label: ``circle.20261122T101530Z.json``.

    Raises
    ------
    ValueError
        If the label is empty, holds a dot (the label ends at the first), or a character that file names do not take.
    """
    if not label or re.search(r'[.\x00-\x1f/\\:*?"<>|]', label):
        raise ValueError(
            f"The label {label!r} cannot be the first part of a file name, up to a dot, as Edge Impulse reads it. "
            'Give the recording a label without any of . / \\ : * ? " < > |'
        )
    return f"{label}.{unique}.{format}"


def edge_impulse_label(file_name: str) -> str:
    """Read the label off a file's name, as the uploader does: all before the first dot.

    Examples
    --------
    >>> edge_impulse_label("circle.3r7ulpn9.ingestion-5c4bbc78bc-wpszz.json")
    'circle'
    """
    return PurePath(file_name).name.partition(".")[0]


def edge_impulse_labels(info_labels: bytes) -> dict[str, str]:
    """Read the labels of an export from its ``info.labels``, which holds also those that no file name can.

    Returns
    -------
    dict
        The label of each file, by its path in the export. Files without one label are left out.

    Raises
    ------
    ValueError
        If it is no ``info.labels``.
    """
    try:
        files = json.loads(info_labels)["files"]
        labels = {entry["path"]: entry.get("label") for entry in files}
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"This is no info.labels of an Edge Impulse export ({error!r}).") from None
    named = {path: label.get("label") if isinstance(label, dict) else label for path, label in labels.items()}
    return {path: label for path, label in named.items() if isinstance(label, str)}


def _check(
    table: NDArray[Any], rate_hz: float, channel_names: Sequence[str], units: Sequence[str], device_type: str
) -> None:
    if table.ndim != 2 or not table.size or table.dtype.kind not in "iuf":
        raise ValueError(
            f"samples has shape {table.shape} and dtype {table.dtype}; expected numbers, (samples, channels), and at "
            "least one."
        )
    if not np.isfinite(table).all():
        row, channel = np.argwhere(~np.isfinite(table))[0]
        raise ValueError(
            f"Sample {row} holds {table[row, channel]} in channel {channel}; Edge Impulse takes finite numbers only. "
            "Cut it out, or record again."
        )
    for what, given in (("channel_names", channel_names), ("units", units)):
        if isinstance(given, str) or len(given) != table.shape[1] or not all(isinstance(text, str) for text in given):
            raise ValueError(f"{what} is {given!r}; expected {table.shape[1]} texts, one for each channel.")
    if not all(channel_names) or not device_type:
        raise ValueError(
            f"Edge Impulse needs names; found channels {list(channel_names)}, device_type {device_type!r}."
        )
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        raise ValueError(f"rate_hz is {rate_hz}; expected the samples per second, above 0.")


def _whole_if_it_is(number: float) -> int | float:
    return int(number) if number.is_integer() else number


def _rate_hz(interval_ms: float) -> float:
    """The rate whose interval this is; a round number where one has this interval."""
    rate = 1000.0 / interval_ms
    short = float(f"{rate:.12g}")
    return short if 1000.0 / short == interval_ms else rate


def _sign(data: bytes, key: str) -> str:
    return hmac.new(key.encode(), data, hashlib.sha256).hexdigest()


def _check_signature(
    data: bytes, algorithm: Any, signature: Any, key: str | None
) -> Literal["valid", "invalid", "not checked", "none"]:
    if algorithm == "none" or (algorithm is None and signature is None):
        return "none"
    if not key:
        return "not checked"
    if not isinstance(signature, str) or not re.fullmatch("[0-9a-f]{64}", signature):
        return "invalid"
    unsigned = data.replace(signature.encode(), _NO_SIGNATURE.encode(), 1)
    return "valid" if hmac.compare_digest(_sign(unsigned, key), signature) else "invalid"
