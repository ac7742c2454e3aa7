"""What is in a file in Edge Impulse's data acquisition format, checked piece by piece."""

from __future__ import annotations

import io
import json
import re
import sys
from typing import Any, Literal

import cbor2
import numpy as np
from numpy.typing import NDArray

_BINARY = re.compile(r"ref-binary-(u8|u16|u32|i8|i16|i32|f32) *", re.IGNORECASE)
_ATTACHMENT = re.compile(r"ref-binary-(\w+/[\w.+-]+)", re.IGNORECASE)
_LARGEST = sys.float_info.max
_OTHER_FILES = {
    b"RIFF": "a WAV file: Edge Impulse exports audio so, and it needs no import",
    b"\x89PNG": "an image (PNG)",
    b"\xff\xd8\xff": "an image (JPEG)",
    b"PK\x03\x04": "a ZIP archive: unpack it, and take the files in it",
}


def parse(data: bytes) -> tuple[Literal["json", "cbor"], dict[str, Any], bytes]:
    """Decode a file: its format, its document, and what follows it (samples of audio may, in CBOR)."""
    text = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    binary = b""
    kind: Literal["json", "cbor"] = "json" if text[:1] == b"{" else "cbor"
    try:
        if kind == "json":
            document = json.loads(text)
        elif data[:3] == b"\xd9\xd9\xf7" or 0xA0 <= (data or b"\0")[0] <= 0xBF:
            stream = io.BytesIO(data)
            document = cbor2.load(stream)
            binary = stream.read()
        else:
            raise ValueError(_what_else(data))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError, cbor2.CBORError) as error:
        raise ValueError(
            f"The file begins as {kind.upper()} and cannot be read as such: {error}. Is it whole? It has "
            f"{len(data):,} bytes."
        ) from None
    if not isinstance(document, dict) or ("files" in document and "payload" not in document):
        raise ValueError(
            "This is the list of an Edge Impulse export (info.labels), and no recording: see edge_impulse_labels()."
            if isinstance(document, dict)
            else f"The file holds {_named(document)}; expected Edge Impulse's data acquisition format."
        )
    return kind, document, binary


def _what_else(data: bytes) -> str:
    if not data.strip():
        return "The file is empty."
    found = next((what for magic, what in _OTHER_FILES.items() if data.startswith(magic)), None)
    if found is None and data[:200].isascii():
        found = f"text that begins with {data[:40]!r}; if its rows are numbers, decode_csv_capture() reads it"
    found = found or f"bytes that begin with {data[:8].hex(' ')}"
    return f"Expected a JSON or CBOR file in Edge Impulse's data acquisition format. This is {found}."


def get(mapping: Any, key: str, kind: type | tuple[type, ...], where: str) -> Any:
    """Get a field, of the right type; ``where`` names what it is a field of."""
    if not isinstance(mapping, dict):
        raise ValueError(
            f"Edge Impulse's format: {where} is {_named(mapping)}; expected fields, one of them {key!r}."
        )
    if key not in mapping:
        raise ValueError(
            f"Edge Impulse's format: {where} has no {key!r}. It has {', '.join(map(repr, mapping)) or 'no fields'}."
        )
    value = mapping[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        kinds = " or ".join(each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,)))
        raise ValueError(f"Edge Impulse's format: {key!r} of {where} is {_named(value)}; expected {kinds}.")
    return value


def _named(value: Any) -> str:
    shown = repr(value)
    return f"{shown if len(shown) <= 60 else shown[:57] + '...'} ({type(value).__name__})"


def read_values(values: list[Any], channels: int, binary: bytes) -> NDArray[np.float64]:
    """Read ``payload.values``, or what follows the document if they say so: float64, (samples, channels)."""
    if len(values) == 1 and isinstance(values[0], str):
        return _binary_samples(values[0], channels, binary)
    if binary:
        raise ValueError(
            f"{len(binary):,} bytes follow the document, and its values do not refer to them: two files?"
        )
    if not values:
        raise ValueError("payload.values is empty: the file holds no samples.")
    rows = [[row] if channels == 1 and not isinstance(row, list) else row for row in values]
    for k, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != channels:
            raise ValueError(
                f"values[{k}] is {_named(row)}; expected {channels} number{'s' * (channels != 1)}: one a sensor."
            )
        for value in row:
            if type(value) not in (float, int) or not -_LARGEST <= value <= _LARGEST:
                raise ValueError(f"values[{k}] holds {_named(value)}; expected a finite number.")
    return np.array(rows, np.float64)


def _binary_samples(reference: str, channels: int, binary: bytes) -> NDArray[np.float64]:
    """Samples that follow the document, little endian."""
    match = _BINARY.fullmatch(reference)
    if match is None:
        attachment = _ATTACHMENT.match(reference)
        what = f"an attachment ({attachment[1]}) that is not in it" if attachment else _named(reference)
        raise ValueError(f"The file's value is {what}; expected numbers. An image comes as a file of its own.")
    dtype = np.dtype(f"<{match[1][0].lower()}{int(match[1][1:]) // 8}")
    if channels != 1 or not binary or len(binary) % dtype.itemsize:
        raise ValueError(
            f"{len(binary):,} bytes of {dtype.name} follow the document for {channels} sensors; expected one sensor, "
            f"and a multiple of {dtype.itemsize} bytes. Was the file cut?"
        )
    samples = np.frombuffer(binary, dtype).astype(np.float64)
    if not np.isfinite(samples).all():
        raise ValueError(f"Sample {int(np.argmin(np.isfinite(samples)))} is not a finite number.")
    return samples[:, None]
