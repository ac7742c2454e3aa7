"""Smooth functions of time from which movements are put together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def minimum_jerk(phase: Array) -> Array:
    """Go from 0 to 1 as a hand goes from one place to another: with the least jerk, at rest at both ends.

    Parameters
    ----------
    phase : float64 array
        Time, as a part of the movement's duration; outside of 0 to 1 the hand is at rest.

    Returns
    -------
    float64 array, 0 to 1

    Notes
    -----
    T. Flash and N. Hogan, "The coordination of arm movements: an experimentally confirmed mathematical model"
    (Journal of Neuroscience, 1985).
    """
    s = np.clip(phase, 0.0, 1.0)
    return s**3 * (10.0 - 15.0 * s + 6.0 * s**2)


def smooth_noise(time_s: Array, cutoff_hz: float, random: np.random.Generator) -> Array:
    """Make a random function that has nothing above a frequency: a sum of sines with random phases.

    Parameters
    ----------
    time_s : float64 array, (samples,)
    cutoff_hz : float
    random : numpy.random.Generator

    Returns
    -------
    float64 array, (samples,)
        Mean about 0, root mean square about 1.
    """
    frequencies = cutoff_hz * np.sqrt(random.uniform(0.01, 1.0, 14))
    phases = random.uniform(0, 2 * np.pi, 14)
    total = np.zeros(len(time_s))
    for frequency, phase in zip(frequencies, phases, strict=True):
        total += np.sin(2 * np.pi * frequency * time_s + phase)
    return total * np.sqrt(2.0 / 14)


def fade(time_s: Array, seconds: float, ramp_s: float) -> Array:
    """Rise from 0 to 1 at the beginning of a movement and fall to 0 at its end.

    Parameters
    ----------
    time_s : float64 array, from the movement's beginning
    seconds : float
        How long it lasts.
    ramp_s : float
        How long rising and falling last.

    Returns
    -------
    float64 array, 0 to 1
    """
    return minimum_jerk(time_s / ramp_s) * minimum_jerk((seconds - time_s) / ramp_s)


def through(time_s: Array, times: Array, places: Array) -> Array:
    """Move from place to place, each stroke of minimum jerk, one blending into the next.

    Parameters
    ----------
    time_s : float64 array, (samples,)
    times : float64 array, (strokes, 2)
        When each stroke begins and ends; strokes may overlap, which rounds the corner between them.
    places : float64 array, (strokes + 1, dimensions)
        Where they begin and end.

    Returns
    -------
    float64 array, (samples, dimensions)
    """
    path = np.tile(places[0], (len(time_s), 1))
    for (begin, end), step in zip(times, np.diff(places, axis=0), strict=True):
        path += minimum_jerk((time_s - begin) / (end - begin))[:, None] * step
    return path
