"""What hands do that is no gesture: rest, walk, put things down, turn over, reach about."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyml_labs.simulation.movements import (
    Movement,
    around_elbow,
    draw_ring,
    no_movement,
    phase_of,
    time_strokes,
    times_of,
)
from tinyml_labs.simulation.signals import fade, minimum_jerk, smooth_noise, through
from tinyml_labs.simulation.subjects import Subject


def idle(subject: Subject, seconds: float, random: np.random.Generator) -> Movement:
    """Hold the hand still; it sways a little."""
    time_s = times_of(seconds)
    made = no_movement(len(time_s))
    sway = random.uniform(0.0, 0.02)
    for axis in range(3):
        made.angles_rad[:, axis] = sway * fade(time_s, seconds, 0.5) * smooth_noise(time_s, 0.6, random)
        made.place_m[:, axis] = 0.05 * sway * fade(time_s, seconds, 0.5) * smooth_noise(time_s, 0.8, random)
    return made


def walk(subject: Subject, seconds: float, random: np.random.Generator) -> Movement:
    """Walk, or run, with the board in the hand: each step shakes it, and the arm swings."""
    time_s = times_of(seconds)
    made = no_movement(len(time_s))
    runs = random.random() < 0.3
    steps = phase_of(subject, time_s, random.uniform(2.4, 3.1) if runs else random.uniform(1.6, 2.2), random)
    bob = (random.uniform(0.03, 0.05) if runs else random.uniform(0.008, 0.028)) * fade(time_s, seconds, 0.4)
    made.place_m[:, 2] = bob * np.sin(steps)
    made.place_m[:, 0] = 0.6 * bob * np.sin(steps / 2 + random.uniform(0, 6))
    swing = np.radians(random.uniform(2, 28)) * fade(time_s, seconds, 0.4) * np.sin(steps / 2)
    made.angles_rad[:, 0] = swing
    made.place_m[:, 1] += 0.5 * np.sin(swing)
    made.angles_rad[:, 1] = 0.3 * swing * random.normal(0, 1)
    heel = random.uniform(0.3, 2.5) * (2.0 if runs else 1.0) * fade(time_s, seconds, 0.4)
    since = (steps % (2 * np.pi)) / (2 * np.pi * (2.7 if runs else 1.9))
    made.shocks_m_s2[:, 2] = heel * np.exp(-since / 0.05) * np.sin(2 * np.pi * random.uniform(8, 16) * since)
    return made


def put_down(subject: Subject, seconds: float, random: np.random.Generator) -> Movement:
    """Put the board on a table with a knock, and take it up again, and again."""
    time_s = times_of(seconds)
    made = no_movement(len(time_s))
    there = np.zeros(len(time_s))
    knocks = []
    at = 0.0
    while at == 0.0 or at < seconds - 0.9:  # never long enough on the table to be at rest for a whole window
        move, rest = random.uniform(0.35, 0.6), random.uniform(0.1, 0.7)
        down, up = at + move, at + move + rest
        there += minimum_jerk((time_s - at) / move) - minimum_jerk((time_s - up) / move)
        knocks += [down, *random.uniform(down, up, random.integers(0, 2))]
        at = up + move + random.uniform(0.0, 0.3)
    there *= fade(time_s, seconds, 0.3)
    made.place_m[:] = there[:, None] * np.array([random.normal(0, 0.15), random.uniform(0, 0.25), -0.2])
    made.angles_rad[:] = -there[:, None] * subject.grip_rad * random.uniform(0.7, 1.0)  # it lies flat
    for when in knocks:
        since = np.clip(time_s - when, 0, None)
        ring_hz, strength = random.uniform(20, 45), random.uniform(3, 18)
        wobble = strength * np.exp(-since / 0.04) * np.sin(2 * np.pi * ring_hz * since) * (time_s >= when)
        made.shocks_m_s2[:] += wobble[:, None] * np.array([0.2, 0.2, 1.0])
    return made


def turn_over(subject: Subject, seconds: float, random: np.random.Generator) -> Movement:
    """Turn the hand over, look at the board, turn it back: slow, large changes of where down is."""
    time_s = times_of(seconds)
    made = no_movement(len(time_s))
    count = max(2, round(seconds / random.uniform(0.7, 1.6)))
    places = random.normal(0, np.radians([28, 60, 20]), (count + 1, 3))
    places[0] = places[-1] = 0
    times = time_strokes(count, seconds, random.uniform(0.0, 0.4), 0.3, random)
    made.angles_rad[:] = through(time_s, times, places)
    made.place_m[:] = 0.09 * made.angles_rad[:, [2, 0, 1]] * random.normal(0, 1, 3)
    return made


def fidget(subject: Subject, seconds: float, random: np.random.Generator) -> Movement:
    """Move without a purpose: the hand goes here and there and turns."""
    time_s = times_of(seconds)
    made = no_movement(len(time_s))
    cutoff = random.uniform(0.8, 2.8)
    # The same strength at every cutoff: acceleration grows with the square of the frequency.
    reach = random.uniform(0.4, 5.0) / (2 * np.pi * 0.75 * cutoff) ** 2
    turning = np.radians(random.uniform(5, 40)) / max(1.0, cutoff / 1.5)
    gain = fade(time_s, seconds, 0.4)
    for axis in range(3):
        made.place_m[:, axis] = reach * random.uniform(0.3, 1) * gain * smooth_noise(time_s, cutoff, random)
        made.angles_rad[:, axis] = (
            turning * random.uniform(0.2, 1) * gain * smooth_noise(time_s, 0.8 * cutoff, random)
        )
    return made


def reach_about(subject: Subject, seconds: float, random: np.random.Generator) -> Movement:
    """Reach for one thing after the other, as at a table that is being laid: strokes without a shape."""
    time_s = times_of(seconds)
    made = no_movement(len(time_s))
    strokes, at = [], 0.0
    while at < seconds - 0.3:
        length = random.uniform(0.3, 0.9) / subject.speed
        strokes.append((at, min(seconds, at + length)))
        at += length * random.uniform(0.75, 1.0) + random.choice((0.0, random.uniform(0.1, 0.6)))
    places = np.cumsum(random.normal(0, subject.size * np.array([0.16, 0.14, 0.12]), (len(strokes) + 1, 3)), axis=0)
    places -= places.mean(axis=0)
    angles = random.normal(0, np.radians([25, 30, 20]), (len(strokes) + 1, 3))
    made.place_m[:] = through(time_s, np.array(strokes), places - places[0])
    made.angles_rad[:] = through(time_s, np.array(strokes), angles - angles[0])
    return around_elbow(subject, made, 0.5)


def wrong_way_round(subject: Subject, seconds: float, random: np.random.Generator) -> Movement:
    """Draw circles from the wrist, each the wrong way round and slowly, the hand turning over with it."""
    time_s = times_of(seconds)
    made = no_movement(len(time_s))
    circles = max(1, round(seconds / random.uniform(1.4, 2.3)))
    tilt, shrink = np.radians(random.uniform(25, 60)), random.uniform(0.3, 0.8)
    sides = random.choice((-1, 1), 2)
    for k in range(circles):
        since = time_s - k * seconds / circles
        drawn = random.uniform(0.75, 1.0) * seconds / circles
        inside = (since >= 0) & (since < seconds / circles)
        one = no_movement(int(inside.sum()))
        draw_ring(one, subject, since[inside], drawn, -1.0, random)
        ends = fade(since[inside], seconds / circles, 0.25 * drawn)[:, None]  # it need not close
        made.place_m[inside] = shrink * one.place_m * ends
        phase = 2 * np.pi * minimum_jerk(since[inside] / drawn)
        made.angles_rad[inside, 1] = sides[0] * tilt * (1 - np.cos(phase))
        made.angles_rad[inside, 0] = sides[1] * 0.5 * tilt * np.sin(phase)
    return made


OTHERS: tuple[Callable[[Subject, float, np.random.Generator], Movement], ...] = (
    walk,
    put_down,
    turn_over,
    fidget,
    reach_about,
    wrong_way_round,
)
