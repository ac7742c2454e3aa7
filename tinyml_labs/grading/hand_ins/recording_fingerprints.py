"""What is kept of a recording to find its copies: hashes of short runs of samples, and its slow movements.

The runs find what was copied to the byte, also when it was cut, moved or put among other samples. A run is kept if
its hash is divisible by a number (A. Broder, "On the resemblance and containment of documents", 1997), so that the
same runs are kept wherever they stand. The movements find what was scaled, shifted in value or covered with noise.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.capture import Recording

FEATURE_RATE_HZ = 20.0
"""Rows a second of what is kept of the movements."""

RUN = 32
"""Samples of a run; of a camera it is one image."""

_KEPT = {"signal": 8, "audio": 256, "image": 1}  # of so many runs one is kept
_LEAST_CHANGES = 8
_SMOOTH_S = 0.1
_SLOW_S = 1.5
_MOST_SECONDS = 300.0
_BANDS = 8
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_BASE = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordingFingerprint:
    """What is kept of a recording.

    Attributes
    ----------
    owner : str
        Whose it is; empty for the course's own data.
    place : str
        The folder it lies in, or what it is called.
    kind : str
        ``"signal"``, ``"audio"`` or ``"image"``.
    simulated : bool
        Whether a virtual board made it.
    runs : uint64 array, (R,)
        Hashes of some of its runs, sorted, each once.
    movements : float32 array, (T, channels)
        Its slow movements at 20 Hz, each channel with a standard deviation of 1; empty for images.
    """

    owner: str
    place: str
    kind: str
    simulated: bool
    runs: NDArray[np.uint64]
    movements: NDArray[np.float32]

    def to_dict(self) -> dict[str, Any]:
        """Return it as data for JSON."""
        return {
            "owner": self.owner,
            "place": self.place,
            "kind": self.kind,
            "simulated": self.simulated,
            "runs": base64.b64encode(self.runs.astype("<u8").tobytes()).decode(),
            "movements": base64.b64encode(self.movements.astype("<f2").tobytes()).decode(),
            "channels": max(1, self.movements.shape[1]),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RecordingFingerprint:
        """Return what `to_dict` has written."""
        movements = np.frombuffer(base64.b64decode(data["movements"]), "<f2").astype(np.float32)
        return cls(
            owner=data["owner"],
            place=data["place"],
            kind=data["kind"],
            simulated=data["simulated"],
            runs=np.frombuffer(base64.b64decode(data["runs"]), "<u8").astype(np.uint64),
            movements=movements.reshape(-1, data["channels"]),
        )


def make_fingerprint(recording: Recording, *, owner: str, simulated: bool) -> RecordingFingerprint:
    """Make the fingerprint of a recording."""
    return fingerprint_samples(
        recording.samples,
        recording.rate_hz,
        kind=recording.kind,
        owner=owner,
        place=str(recording.path),
        simulated=simulated,
    )


def fingerprint_samples(
    samples: NDArray[Any], rate_hz: float, *, kind: str, owner: str, place: str, simulated: bool = False
) -> RecordingFingerprint:
    """Make the fingerprint of samples, (N, channels) or (N, rows, width)."""
    return RecordingFingerprint(
        owner=owner,
        place=place,
        kind=kind,
        simulated=simulated,
        runs=hash_runs(samples, kind),
        movements=find_movements(samples, rate_hz, kind),
    )


def hash_runs(samples: NDArray[Any], kind: str) -> NDArray[np.uint64]:
    """Return the kept hashes of runs, sorted, each once.

    Runs in which hardly anything changes are left out: two sensors at rest may well give the same.
    """
    rows = _hash_rows(samples, kind)
    if kind == "image":
        return np.unique(rows)
    count = len(rows) - RUN + 1
    if count < 1:
        return np.empty(0, np.uint64)
    runs = np.zeros(count, np.uint64)
    for offset in range(RUN):  # a polynomial in the rows' hashes, modulo 2**64
        runs *= _BASE
        runs += rows[offset : offset + count]
    changes = np.concatenate([[0], np.cumsum(rows[1:] != rows[:-1])])
    lively = changes[RUN - 1 :] - changes[:count] >= _LEAST_CHANGES
    mixed = _mix(runs)
    return np.unique(mixed[lively & (mixed % np.uint64(_KEPT[kind]) == 0)])


def _hash_rows(samples: NDArray[Any], kind: str) -> NDArray[np.uint64]:
    if kind == "image":
        contents = [np.ascontiguousarray(image).tobytes() for image in samples]
        digests = [hashlib.blake2b(content, digest_size=8).digest() for content in contents]
        return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)
    values = np.nan_to_num(samples.astype(np.float32)) + np.float32(0)  # one zero, and not two
    bits = np.ascontiguousarray(values).view(np.uint32).astype(np.uint64)
    total = np.zeros(len(bits), np.uint64)
    for channel in range(bits.shape[1]):
        total = _mix(total * _BASE + bits[:, channel] + np.uint64(channel + 1))
    return total


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread the bits (the last steps of SplitMix64: G. Steele, D. Lea and C. Flood, OOPSLA 2014)."""
    values = (values ^ (values >> np.uint64(30))) * _MIX
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def find_movements(samples: NDArray[Any], rate_hz: float, kind: str) -> NDArray[np.float32]:
    """Return the slow movements of a signal, or of the loudness in bands of a sound: 20 rows a second.

    Movements slower than a second or so are taken out, with all that is constant: drift and gravity are alike in
    everybody's recordings.
    """
    if kind == "image" or len(samples) < 2:
        return np.empty((0, 0), np.float32)
    values = np.nan_to_num(samples[: max(2, int(_MOST_SECONDS * rate_hz))].astype(np.float64), posinf=0, neginf=0)
    if kind == "audio":
        values, rate_hz = _band_levels(values[:, 0], rate_hz)
    fast = _averaged(values, max(1, round(_SMOOTH_S * rate_hz)))
    slow = _averaged(values, max(1, round(_SLOW_S * rate_hz)))
    at = np.arange(0, len(values), rate_hz / FEATURE_RATE_HZ).astype(np.int64) if rate_hz > FEATURE_RATE_HZ else None
    found = (fast - slow) if at is None else (fast - slow)[at]
    deviation = found.std(axis=0)
    scaled = np.divide(found, deviation, out=np.zeros_like(found), where=deviation > 1e-9)
    return np.clip(scaled, -100, 100).astype(np.float32)


def _band_levels(sound: NDArray[np.float64], rate_hz: float) -> tuple[NDArray[np.float64], float]:
    """Return the loudness in eight bands, in powers of ten, 40 rows a second."""
    length = max(16, round(rate_hz / 40))
    frames = sound[: len(sound) // length * length].reshape(-1, length)
    if not len(frames):
        return np.zeros((1, _BANDS)), 40.0
    power = np.abs(np.fft.rfft(frames * np.hanning(length), axis=1)) ** 2
    edges = np.unique(np.geomspace(1, power.shape[1], _BANDS + 1).astype(int))
    bands = np.stack([power[:, a:b].sum(axis=1) for a, b in pairwise(edges)], axis=1)
    return np.log10(bands + 1e3), rate_hz / length


def _averaged(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Return the moving average over ``length`` rows, in the middle; at the ends over fewer."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    middle = np.arange(len(values))
    begin = np.maximum(middle - length // 2, 0)
    end = np.minimum(middle - length // 2 + length, len(values))
    return (sums[end] - sums[begin]) / (end - begin)[:, None]
