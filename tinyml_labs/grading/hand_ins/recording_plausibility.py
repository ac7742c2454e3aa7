"""Whether a recording can be what it says: its clock, its gaps, its values. Each finding is a sentence.

A recorder writes what arrived and nothing else, so that much in a recording has to fit together: sample numbers and
gaps, times and rate, rate and length. Sensors have limits, and noise. What is made up by hand seldom has all of it.
"""

from __future__ import annotations

import csv
import datetime
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.capture import Recording
from tinyml_labs.capture.rate import is_off

_FAR_OFF = 0.05
"""A rate that is off by a larger part is no board's."""
_LARGEST = {"g": 17.0, "m/s²": 170.0, "m/s2": 170.0, "deg/s": 4100.0, "°/s": 4100.0, "rad/s": 72.0, "µT": 5000.0}
_REST_G = (0.25, 4.0)
_STUCK = 0.5
_SIMULATOR = "tinyml-labs-virtual"
_MOST_TIMES = 1_000_000


def is_simulated(recording: Recording) -> bool:
    """Say whether a recording says of itself that a virtual board made it."""
    board = recording.metadata["board"]
    return _SIMULATOR in str(board.get("firmware")) or str(board.get("port")).startswith("virtual:")


def find_alterations(recording: Recording) -> Iterator[str]:
    """Yield where the files and the description contradict each other."""
    numbers, meta = recording.sample_numbers, recording.metadata
    if not recording.finished:
        yield "It is not finished: the recorder was ended before it could close it. Record it again."
    if len(numbers) != meta["samples"]:
        yield f"There are {len(numbers)} samples, and recording.json says {meta['samples']}."
    if len(numbers) and (numbers[0] < 0 or (np.diff(numbers) <= 0).any()):
        yield "The numbers of the samples do not rise from each to the next."
    else:
        yield from _contradicting_gaps(recording)
    try:
        begin = datetime.datetime.fromisoformat(str(meta["start_utc"]).replace("Z", "+00:00"))
    except ValueError:
        yield "The time of its beginning, start_utc, is no date."
    else:
        if begin.year < 2015:
            yield f"It was begun in {begin.year}, by its start_utc."


def _contradicting_gaps(recording: Recording) -> Iterator[str]:
    numbers = recording.sample_numbers
    steps = np.ones(len(numbers), np.int64)
    for gap in recording.gaps:
        if gap.at < len(numbers):
            steps[gap.at] += gap.missing
    if len(numbers) and not np.array_equal(np.cumsum(steps) - 1, numbers):
        yield "The numbers of the samples and the gaps in recording.json do not fit together."


def find_clock_faults(recording: Recording, most_missing: float) -> Iterator[str]:
    """Yield what is wrong with rate, time and gaps.

    Parameters
    ----------
    recording : Recording
    most_missing : float
        The part of the samples that may be missing.
    """
    meta = recording.metadata
    nominal, measured = recording.nominal_rate_hz, recording.measured_rate_hz
    if not nominal and not measured:
        yield "It says no rate, so that its length is unknown."
        return
    if nominal and measured and abs(measured / nominal - 1) > _FAR_OFF:
        yield f"The board says {nominal:.5g} Hz, and was measured at {measured:.5g} Hz."
    if recording.span and recording.missing > most_missing * recording.span:
        part = recording.missing / recording.span
        yield f"{part:.0%} of its samples are missing; at most {most_missing:.0%} may be. Try a shorter cable."
    expected = recording.span / float(measured or nominal or 1)
    if abs(float(meta["seconds"]) - expected) > 0.02 * expected + 0.05:
        yield f"recording.json says {meta['seconds']:.5g} s; its samples and rate give {expected:.5g} s."
    yield from _time_faults(recording)


def find_clock_notes(recording: Recording) -> Iterator[str]:
    """Yield what is odd about the clock or the link, and no fault."""
    if is_off(recording.measured_rate_hz, recording.nominal_rate_hz):
        yield f"The board samples at {recording.measured_rate_hz:.5g} Hz, not {recording.nominal_rate_hz:.5g} Hz."
    if recording.metadata.get("crc_errors"):
        yield f"{recording.metadata['crc_errors']} frames were damaged on the way (their CRC was wrong)."
    if recording.missing:
        yield f"{recording.missing:,} samples are missing."


def _time_faults(recording: Recording) -> Iterator[str]:
    """Compare the column of times in a CSV file with the numbers of the samples."""
    if recording.kind != "signal" or not recording.nominal_rate_hz:
        return
    path = recording.path / "samples.csv"
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        columns = next(csv.reader(file), [])
        if columns[1:2] != ["time_s"] or len(columns) != 2 + len(recording.channel_names):
            return
        try:
            times = np.loadtxt(file, delimiter=",", usecols=1, ndmin=1, comments=None, max_rows=_MOST_TIMES)
        except ValueError:
            yield "The column time_s holds more than numbers."
            return
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        yield "The times in samples.csv do not rise from each sample to the next."
        return
    expected = recording.sample_numbers[: len(times)] / recording.nominal_rate_hz
    off = np.abs(times - expected)
    if len(times) and off.max() > 0.5 / recording.nominal_rate_hz + 1e-6:
        at = int(off.argmax())
        yield f"By its number sample {at} was taken after {expected[at]:.6g} s; samples.csv says {times[at]:.6g} s."


def find_impossible_values(recording: Recording) -> Iterator[str]:
    """Yield what no sensor gives: no numbers, the same always, beyond its range."""
    samples = recording.samples
    if not len(samples):
        yield "There is no sample in it."
        return
    if recording.kind == "image":
        if len(samples) > 1 and (samples == samples[:1]).all():
            yield "All its images are the same to the last pixel."
        return
    values = samples.astype(np.float64)
    if not np.isfinite(values).all():
        yield f"{int((~np.isfinite(values)).sum())} of its values are no numbers (nan or infinite)."
        return
    names = recording.channel_names
    constant = [name for name, span in zip(names, np.ptp(values, axis=0), strict=True) if span == 0]
    if constant and len(values) > 1:
        yield f"The same value in all {len(values):,} samples: {', '.join(constant[:6])}. Is the sensor connected?"
    elif len(names) >= 3 and len(values) > 1 and (stuck := _part_stuck(values)) > _STUCK:
        yield f"In {stuck:.0%} of the samples nothing differs from the sample before: a sensor's noise always does."
    yield from _out_of_range(recording.sensor, recording.units, names, values)
    yield from _wrong_gravity(recording.units, names, values)


def _part_stuck(values: NDArray[np.float64]) -> float:
    return float((np.diff(values, axis=0) == 0).all(axis=1).mean())


def _out_of_range(
    sensor: dict[str, Any], units: list[str], names: list[str], values: NDArray[np.float64]
) -> Iterator[str]:
    low, high = sensor["low"], sensor["high"]
    for index, (name, unit) in enumerate(zip(names, units, strict=True)):
        least, most = float(values[:, index].min()), float(values[:, index].max())
        largest = _LARGEST.get(unit)
        if largest is not None and max(-least, most) > largest:
            yield f"{name} reaches {max(-least, most):.4g} {unit}; no such sensor goes beyond {largest:g}."
        elif (low is not None and least < low) or (high is not None and most > high):
            yield f"{name} goes from {least:.4g} to {most:.4g}; the sensor's range is {low} to {high}."


def _wrong_gravity(units: list[str], names: list[str], values: NDArray[np.float64]) -> Iterator[str]:
    """Look for gravity: held in a hand, a sensor measures about 1 g on average, whatever it does."""
    chosen = [k for k, (unit, name) in enumerate(zip(units, names, strict=True)) if _is_acceleration(unit, name)]
    if len(chosen) != 3:
        return
    unit = units[chosen[0]]
    size = float(np.median(np.linalg.norm(values[:, chosen], axis=1))) / (1.0 if unit == "g" else 9.80665)
    if not _REST_G[0] <= size <= _REST_G[1]:
        yield f"The acceleration is {size:.3g} g in the middle of its values: on the earth it is about 1 g."


def _is_acceleration(unit: str, name: str) -> bool:
    return unit in ("g", "m/s²", "m/s2") and name.lower().startswith("acc")
