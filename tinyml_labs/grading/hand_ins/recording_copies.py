"""Find copies among the recordings of a class and the course's own data."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.grading.hand_ins.recording_fingerprints import (
    FEATURE_RATE_HZ,
    RecordingFingerprint,
    fingerprint_samples,
)

COURSE = ""
"""The owner of the course's own data."""

_LEAST_SHARED_RUNS = 4
_LEAST_OVERLAP_S = 4.0
_LEAST_OVERLAP_PART = 0.3
_WORTH_A_LOOK = 0.5  # correlation over all that lies on each other
_ALIKE = 0.93  # correlation of a piece of four seconds
_PIECE = round(4.0 * FEATURE_RATE_HZ)
_FRACTIONS = np.arange(-4, 5) / 8  # of a row: two recordings seldom begin on the same grid
_LEAST_ALIKE_PART = 0.4
_FORMAT = "tinyml-labs-known-recordings"


@dataclass(frozen=True, kw_only=True)
class SimilarRecordings:
    """Two recordings that a person should look at.

    Attributes
    ----------
    first, second : RecordingFingerprint
        ``second.owner`` is empty for the course's own data.
    seconds : float
        For how long they move alike.
    correlation : float
        The median over the pieces that are alike; scale and sign do not matter.
    """

    first: RecordingFingerprint
    second: RecordingFingerprint
    seconds: float
    correlation: float


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownRecordings:
    """The recordings of a class and of the course.

    Attributes
    ----------
    fingerprints : tuple of RecordingFingerprint
    similar : tuple of SimilarRecordings
        Pairs that move alike, found once for all.
    """

    fingerprints: tuple[RecordingFingerprint, ...]
    similar: tuple[SimilarRecordings, ...] = ()

    def save(self, path: Path) -> None:
        """Write them to a file, under a temporary name first."""
        place = {id(found): k for k, found in enumerate(self.fingerprints)}
        pairs = [(place[id(p.first)], place[id(p.second)], p.seconds, p.correlation) for p in self.similar]
        content = {"format": _FORMAT, "recordings": [f.to_dict() for f in self.fingerprints], "similar": pairs}
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        temporary.write_text(json.dumps(content), "utf-8")
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path) -> KnownRecordings:
        """Read what `save` has written; a worker reads a file once.

        Raises
        ------
        ValueError
            If it is another file.
        """
        return _load(path, path.stat().st_mtime_ns)

    def copied_from(self, found: RecordingFingerprint) -> tuple[RecordingFingerprint, float] | None:
        """Return the recording of somebody else that this one shares most with to the byte, and which part of it.

        What a virtual board made is no copy: it gives everybody the same.
        """
        if found.simulated or not len(found.runs):
            return None
        most: tuple[RecordingFingerprint, float] | None = None
        for other in self.fingerprints:
            if other.owner == found.owner or other.kind != found.kind:
                continue
            shared = len(np.intersect1d(found.runs, other.runs, assume_unique=True))
            part = shared / len(found.runs)
            if shared >= (1 if found.kind == "image" else _LEAST_SHARED_RUNS) and (most is None or part > most[1]):
                most = other, part
        return most

    def similar_to(self, place: str) -> list[SimilarRecordings]:
        """Return the pairs of which the recording in a folder is one."""
        return [pair for pair in self.similar if place in (pair.first.place, pair.second.place)]


@lru_cache(maxsize=2)
def _load(path: Path, changed_ns: int) -> KnownRecordings:
    content = json.loads(path.read_text("utf-8"))
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError(f"{path} holds no known recordings: its format is not {_FORMAT!r}.")
    found = tuple(RecordingFingerprint.from_dict(entry) for entry in content["recordings"])
    pairs = tuple(
        SimilarRecordings(first=found[a], second=found[b], seconds=seconds, correlation=correlation)
        for a, b, seconds, correlation in content["similar"]
    )
    return KnownRecordings(fingerprints=found, similar=pairs)


@lru_cache(maxsize=3)
def course_recordings(kind: str) -> tuple[RecordingFingerprint, ...]:
    """Return the fingerprints of the course's own data of a kind; none if they are not there."""
    try:
        return tuple(_course_recordings(kind))
    except (FileNotFoundError, ValueError):  # an installation without the clone
        return ()


def _course_recordings(kind: str) -> Iterator[RecordingFingerprint]:
    from tinyml_labs import datasets

    if kind == "signal":
        for one in datasets.load_gestures().recordings:
            yield fingerprint_samples(one.samples, one.rate_hz, kind=kind, owner=COURSE, place=one.name)
        sweep = datasets.load_recorded_sweep()
        yield fingerprint_samples(
            sweep.samples[:, None], sweep.rate_hz, kind=kind, owner=COURSE, place="potentiometer sweep"
        )
    elif kind == "audio":
        clips = datasets.load_keywords()
        for number, clip in enumerate(clips.samples):
            yield fingerprint_samples(
                np.asarray(clip).reshape(-1, 1), 16_000.0, kind=kind, owner=COURSE, place=f"keyword {number}"
            )


def find_similar(fingerprints: Sequence[RecordingFingerprint]) -> list[SimilarRecordings]:
    """Find pairs of recordings of different owners that move alike: whole, cut, shifted, scaled, or with noise.

    Two of virtual boards, and two of the course's own, are no pair.

    Notes
    -----
    All pairs are correlated by Fourier transforms; the few that show something are aligned to an eighth of a row,
    and compared in pieces of four seconds. 200 recordings of 30 s take some seconds.
    """
    groups: dict[tuple[str, int], list[RecordingFingerprint]] = {}
    for found in fingerprints:
        if len(found.movements) >= _PIECE and np.abs(found.movements).max() > 0:
            groups.setdefault((found.kind, found.movements.shape[1]), []).append(found)
    return [pair for group in groups.values() for pair in _similar_of_a_kind(group)]


def _similar_of_a_kind(group: list[RecordingFingerprint]) -> Iterator[SimilarRecordings]:
    longest = max(len(found.movements) for found in group)
    size = 1 << (2 * longest - 1).bit_length()
    spectra = [np.fft.rfft(found.movements, size, axis=0).astype(np.complex64) for found in group]
    energies = [_running_energy(found.movements) for found in group]
    for a, first in enumerate(group):
        for b in range(a + 1, len(group)):
            second = group[b]
            if first.owner == second.owner or (first.simulated and second.simulated):
                continue
            cross = np.abs(np.fft.irfft(np.conj(spectra[a]) * spectra[b], size, axis=0)).sum(axis=1)
            lags = _promising_lags(cross, energies[a], energies[b])
            pairs = [pair for lag in lags if (pair := _compare(first, second, lag)) is not None]
            if pairs:
                yield max(pairs, key=lambda pair: pair.seconds)


def _running_energy(movements: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.concatenate([[0.0], np.cumsum(np.square(movements, dtype=np.float64).sum(axis=1))])


def _promising_lags(cross: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64]) -> list[int]:
    """Return up to two lags at which the overlap correlates: row k of the first lies on k + lag of the second."""
    n, m = len(first) - 1, len(second) - 1
    least = int(max(_LEAST_OVERLAP_S * FEATURE_RATE_HZ, _LEAST_OVERLAP_PART * min(n, m)))
    lags = np.arange(least - n, m - least + 1)
    if not len(lags):
        return []
    begin, end = np.maximum(0, -lags), np.minimum(n, m - lags)
    energy = np.sqrt((first[end] - first[begin]) * (second[end + lags] - second[begin + lags]))
    correlation = np.divide(cross[lags], energy, out=np.zeros(len(lags)), where=energy > 1e-9)
    found = []
    for _ in range(2):
        at = int(correlation.argmax())
        if correlation[at] < _WORTH_A_LOOK:
            break
        found.append(int(lags[at]))
        correlation[max(0, at - 5) : at + 6] = 0
    return found


def _compare(first: RecordingFingerprint, second: RecordingFingerprint, lag: int) -> SimilarRecordings | None:
    """Lay the second on the first, and compare piece by piece."""
    best: NDArray[np.float64] = np.empty(0)
    for fraction in _FRACTIONS:
        pieces = _piece_correlations(first.movements, second.movements, lag + fraction)
        if len(pieces) and (not len(best) or np.median(pieces) > np.median(best)):
            best = pieces
    alike = best[best >= _ALIKE]
    shorter = min(len(first.movements), len(second.movements)) / FEATURE_RATE_HZ
    seconds = len(alike) * _PIECE / 2 / FEATURE_RATE_HZ
    if len(alike) < 2 or seconds < _LEAST_ALIKE_PART * shorter:
        return None
    return SimilarRecordings(first=first, second=second, seconds=seconds, correlation=float(np.median(alike)))


def _piece_correlations(first: NDArray[np.float32], second: NDArray[np.float32], lag: float) -> NDArray[np.float64]:
    """Correlate pieces of four seconds, each half over the one before; the second lies ``lag`` rows later."""
    begin, end = max(0, int(np.ceil(-lag))), min(len(first), int(np.floor(len(second) - 1 - lag)) + 1)
    if end - begin < _PIECE:
        return np.empty(0)
    rows = np.arange(begin, end)
    low = np.floor(rows + lag).astype(np.int64)
    part = (rows + lag - low)[:, None]
    moved = second[low] * (1 - part) + second[np.minimum(low + 1, len(second) - 1)] * part
    fixed = first[begin:end]
    starts = range(0, end - begin - _PIECE + 1, _PIECE // 2)
    return np.array([_correlation(fixed[s : s + _PIECE], moved[s : s + _PIECE]) for s in starts])


def _correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Correlate two pieces over all channels, whatever their scales and signs; 0 where one hardly moves."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    energy = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return float(np.abs((a * b).sum(axis=0)).sum()) / energy if energy > 1e-3 * a.size else 0.0


def with_course(fingerprints: Iterable[RecordingFingerprint]) -> tuple[RecordingFingerprint, ...]:
    """Add the course's own data of the kinds that there are."""
    found = tuple(fingerprints)
    kinds = sorted({one.kind for one in found})
    return (*found, *(own for kind in kinds for own in course_recordings(kind)))
