"""Gestures as movements of a hand in space: where it is and how it is turned, at each moment.

Axes of the hand and of the room, with the hand at rest: x to the right, y forward, along the forearm, z up. Turning
around x is pitch (the hand goes up), around y roll (it turns over), around z yaw (it points to the left).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.simulation.signals import fade, minimum_jerk, smooth_noise, through
from tinyml_labs.simulation.subjects import Subject

Array = NDArray[np.float64]

FINE_RATE_HZ = 476.0
"""Movements are computed four times as finely as the LSM9DS1 of a Nano 33 BLE measures them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Movement:
    """What a hand does, beside how it is held at rest.

    Attributes
    ----------
    place_m : float64 array, (samples, 3)
        Of the hand's middle.
    angles_rad : float64 array, (samples, 3)
        Pitch, roll, yaw.
    shocks_m_s2 : float64 array, (samples, 3)
        Accelerations too short for a path in space, such as from a table that is hit.
    """

    place_m: Array
    angles_rad: Array
    shocks_m_s2: Array


def no_movement(count: int) -> Movement:
    """Stay where one is, for so many samples: a movement to be filled in."""
    return Movement(place_m=np.zeros((count, 3)), angles_rad=np.zeros((count, 3)), shocks_m_s2=np.zeros((count, 3)))


def times_of(seconds: float) -> Array:
    """The times of a movement's samples, in seconds from its beginning."""
    return np.arange(round(seconds * FINE_RATE_HZ)) / FINE_RATE_HZ


def around_elbow(subject: Subject, movement: Movement, share: float = 1.0) -> Movement:
    """Turn the hand as it moves: the forearm pivots at the elbow."""
    angles = movement.angles_rad
    amount = share * subject.wrist / subject.forearm_m
    angles[:, 0] += 0.8 * amount * movement.place_m[:, 2]
    angles[:, 2] -= 0.8 * amount * movement.place_m[:, 0]
    return movement


# -- movements that are repeated ------------------------------------------------------------------------------------


def phase_of(subject: Subject, time_s: Array, frequency_hz: float, random: np.random.Generator) -> Array:
    """The phase of a movement that is repeated, not quite evenly."""
    wobble = 1 + subject.irregularity * smooth_noise(time_s, 0.7, random)
    return random.uniform(0, 2 * np.pi) + 2 * np.pi * frequency_hz * np.cumsum(wobble) / FINE_RATE_HZ


def _amplitude(subject: Subject, time_s: Array, random: np.random.Generator) -> Array:
    swell = 1 + 1.5 * subject.irregularity * smooth_noise(time_s, 0.8, random)
    return swell * fade(time_s, time_s[-1], random.uniform(0.2, 0.5))


def circle(subject: Subject, seconds: float, random: np.random.Generator) -> Movement:
    """Draw circles in the air, one after the other, upright and more or less before oneself."""
    time_s = times_of(seconds)
    made = no_movement(len(time_s))
    phase = phase_of(subject, time_s, subject.speed * random.uniform(0.75, 1.45), random)
    phase *= random.choice((-1, 1))
    radius = subject.size * random.uniform(0.10, 0.24) * _amplitude(subject, time_s, random)
    across = radius * random.uniform(0.6, 1.1)
    facing = random.normal(0, 0.7)  # the circle's plane, 0: before oneself
    lean = random.normal(0, 0.35)
    sideways = across * (np.cos(phase) + random.uniform(0, 0.12) * np.cos(2 * phase))
    upward = radius * (np.sin(phase) + random.uniform(0, 0.12) * np.sin(2 * phase + 1.0))
    made.place_m[:, 0] = np.cos(facing) * sideways - np.sin(facing) * np.sin(lean) * upward
    made.place_m[:, 1] = np.sin(facing) * sideways + np.cos(facing) * np.sin(lean) * upward
    made.place_m[:, 2] = np.cos(lean) * upward
    made.angles_rad[:, 1] = random.normal(0, 0.25) * sideways / (across + 1e-9) * fade(time_s, seconds, 0.4)
    return around_elbow(subject, made)


def updown(subject: Subject, seconds: float, random: np.random.Generator) -> Movement:
    """Move the hand up and down."""
    time_s = times_of(seconds)
    made = no_movement(len(time_s))
    phase = phase_of(subject, time_s, subject.speed * random.uniform(0.75, 1.5), random)
    height = subject.size * random.uniform(0.09, 0.24) * _amplitude(subject, time_s, random)
    sharp = random.uniform(0, 0.15)  # a turn at the bottom that is sharper than the one at the top
    stroke = np.sin(phase) + sharp * np.sin(2 * phase + random.uniform(-0.6, 0.6))
    direction = random.normal(0, 0.13, 2)
    made.place_m[:, 2] = height * stroke
    made.place_m[:, :2] = (height * stroke)[:, None] * direction
    made.place_m[:, 0] += 0.12 * height * np.sin(phase + random.uniform(0, 2 * np.pi))
    return around_elbow(subject, made)


def wave(subject: Subject, seconds: float, random: np.random.Generator) -> Movement:
    """Wave: the forearm points up and tilts from side to side."""
    time_s = times_of(seconds)
    made = no_movement(len(time_s))
    phase = phase_of(subject, time_s, subject.speed * random.uniform(1.5, 2.4), random)
    lift = fade(time_s, seconds, random.uniform(0.35, 0.6))
    swing = np.radians(random.uniform(18, 42)) * subject.size**0.5 * _amplitude(subject, time_s, random)
    angle = swing * np.sin(phase) + 0.15 * swing * np.sin(2 * phase + random.uniform(0, 6))
    arm = subject.forearm_m * random.uniform(0.7, 1.1)
    made.place_m[:, 0] = arm * np.sin(angle)
    made.place_m[:, 2] = 0.15 * lift - arm * (1 - np.cos(angle))
    made.angles_rad[:, 0] = np.radians(random.uniform(45, 95)) * lift  # the fingers point up
    made.angles_rad[:, 2] = -angle  # and go from side to side: with the hand raised, that is around y of the room
    return made


def flick(subject: Subject, seconds: float, random: np.random.Generator) -> Movement:
    """Flick the wrist, hard: again and again, or one flick at a time with a moment between."""
    time_s = times_of(seconds)
    made = no_movement(len(time_s))
    turn = np.radians(random.uniform(25, 65)) * subject.size**0.5
    reach = random.uniform(0.07, 0.14)  # from the wrist to the board
    heading = random.choice((0, 1, 2), p=(0.45, 0.3, 0.25))  # of pitch, roll, yaw
    frequency = np.clip(subject.speed * random.uniform(2.9, 4.3), 2.4, 5.2)
    if random.random() < 0.6:
        phase = phase_of(subject, time_s, frequency, random)
        angle = (
            turn
            * 0.8
            * _amplitude(subject, time_s, random)
            * (np.sin(phase) + random.uniform(0, 0.25) * np.sin(2 * phase + random.uniform(0, 6)))
        )
    else:
        angle = np.zeros(len(time_s))
        begin = random.uniform(0.02, 0.15)
        while begin < seconds - 0.45:
            out, back = random.uniform(0.09, 0.15) / subject.speed, random.uniform(0.14, 0.28) / subject.speed
            there = minimum_jerk((time_s - begin) / out) - minimum_jerk((time_s - begin - 0.8 * out) / back)
            angle += turn * random.uniform(0.9, 1.5) * there
            begin += out + back + random.uniform(0.1, 0.45)
    made.angles_rad[:, heading] = angle
    made.angles_rad[:, (heading + 1) % 3] = random.normal(0, 0.15) * angle
    directions = {0: (0.0, 0.1, 1.0), 1: (0.5, 0.0, 0.7), 2: (-1.0, 0.1, 0.0)}
    made.place_m[:] = reach * angle[:, None] * np.array(directions[int(heading)])
    made.place_m[:] += 0.3 * reach * angle[:, None] * random.normal(0, 0.5, 3)  # the arm follows
    return made


# -- movements that are done once ------------------------------------------------------------------------------------


def time_strokes(
    count: int, seconds: float, overlap: float, irregularity: float, random: np.random.Generator
) -> Array:
    """Beginnings and ends of strokes that fill the time and overlap by a part of their length."""
    lengths = np.exp(random.normal(0, irregularity, count))
    ends = np.cumsum(lengths)
    begins = ends - lengths
    stretch = seconds / ends[-1]
    times = np.stack((begins, ends), axis=1) * stretch
    times[1:, 0] -= overlap * np.diff(times, axis=1)[1:, 0]
    return times


def punch(subject: Subject, seconds: float, random: np.random.Generator) -> Movement:
    """Thrust the fist forward and take it back; the fist turns, more or less."""
    time_s = times_of(seconds)
    made = no_movement(len(time_s))
    out = np.clip(seconds * random.uniform(0.22, 0.34), 0.14, 0.4)
    hold = random.uniform(-0.04, 0.1) * seconds
    back = seconds - out - max(0.0, hold)
    there = minimum_jerk(time_s / out) - minimum_jerk((time_s - out - hold) / back)
    reach = subject.size * random.uniform(0.28, 0.5)
    direction = np.array([random.normal(0, 0.12), 1.0, random.normal(0.05, 0.15)])
    made.place_m[:] = reach * there[:, None] * direction
    made.place_m[:, 2] += random.normal(0, 0.03) * np.sin(np.pi * np.clip(time_s / seconds, 0, 1)) ** 2
    made.angles_rad[:, 1] = np.radians(random.uniform(-100, 20)) * there
    made.angles_rad[:, 0] = np.radians(random.normal(0, 12)) * there
    shake = np.exp(-np.clip(time_s - out, 0, None) / 0.03) * (time_s >= out)  # the arm is stopped
    strength = random.uniform(2, 12)
    made.shocks_m_s2[:, 1] = -strength * shake * np.cos(2 * np.pi * random.uniform(14, 24) * (time_s - out))
    return made


def flex(subject: Subject, seconds: float, random: np.random.Generator) -> Movement:
    """Bend the elbow, the fist to the shoulder, and stretch it again."""
    time_s = times_of(seconds)
    made = no_movement(len(time_s))
    up = seconds * random.uniform(0.34, 0.5)
    hold = random.uniform(-0.06, 0.12) * seconds
    down = seconds - up - max(0.0, hold)
    there = minimum_jerk(time_s / up) - minimum_jerk((time_s - up - hold) / down)
    angle = np.radians(random.uniform(75, 135)) * min(1.15, subject.size**0.5) * there
    start = np.radians(random.uniform(-45, 5))  # how far the arm hangs down before
    arm = subject.forearm_m
    made.place_m[:, 1] = arm * (np.cos(start + angle) - np.cos(start))
    made.place_m[:, 2] = arm * (np.sin(start + angle) - np.sin(start))
    made.angles_rad[:, 0] = angle
    made.angles_rad[:, 1] = np.radians(random.normal(0, 25)) * there
    return made


def wing(subject: Subject, seconds: float, random: np.random.Generator) -> Movement:
    """Draw a W, from left to right: down, up, down, up."""
    time_s = times_of(seconds)
    made = no_movement(len(time_s))
    width, height = subject.size * random.uniform(0.26, 0.5), subject.size * random.uniform(0.14, 0.28)
    corners = np.array([[0, 0], [0.25, -1], [0.5, random.uniform(-0.25, 0.1)], [0.75, -1], [1, 0]])
    _draw(made, subject, time_s, seconds, corners * (width, height), random)
    return around_elbow(subject, made)


def ring(subject: Subject, seconds: float, random: np.random.Generator) -> Movement:
    """Draw an O: one circle, clockwise, from the top."""
    time_s = times_of(seconds)
    made = no_movement(len(time_s))
    draw_ring(made, subject, time_s, seconds, 1.0, random)
    return around_elbow(subject, made)


def slope(subject: Subject, seconds: float, random: np.random.Generator) -> Movement:
    """Draw an L with a slope: down to the left, then to the right."""
    time_s = times_of(seconds)
    made = no_movement(len(time_s))
    width, height = subject.size * random.uniform(0.18, 0.36), subject.size * random.uniform(0.2, 0.38)
    corners = np.array(
        [[0, 0], [random.uniform(-0.6, -0.1), -1], [random.uniform(0.6, 1.0), random.normal(-1, 0.06)]]
    )
    _draw(made, subject, time_s, seconds, corners * (width, height), random)
    return around_elbow(subject, made)


def _draw(
    made: Movement, subject: Subject, time_s: Array, seconds: float, corners: Array, random: np.random.Generator
) -> None:
    """Move the hand through the corners, upright before oneself, and leave it where the last one is."""
    corners = corners + random.normal(0, 0.5 * subject.irregularity, corners.shape) * np.abs(corners).max()
    corners[0] = 0
    times = time_strokes(len(corners) - 1, seconds, random.uniform(0.05, 0.3), 1.2 * subject.irregularity, random)
    made.place_m[:, [0, 2]] = through(time_s, times, corners)
    made.place_m[:, 1] = random.normal(0, 0.06) * np.abs(corners).max() * np.sin(np.pi * time_s / seconds) ** 2


def draw_ring(
    made: Movement, subject: Subject, time_s: Array, seconds: float, turns: float, random: np.random.Generator
) -> None:
    """Move the hand once around, clockwise if ``turns`` is positive, and leave it where it then is."""
    start = np.pi / 2 + random.normal(0, 0.3)
    spread = random.uniform(0.15, 0.85)  # 0: evenly fast; 1: from rest to rest
    phase = np.clip(time_s / seconds, 0, 1)
    eased = spread * minimum_jerk(phase) + (1 - spread) * (3 * phase**2 - 2 * phase**3)
    angle = start - 2 * np.pi * eased * (turns + np.sign(turns) * random.uniform(-0.05, 0.12))
    radius = subject.size * random.uniform(0.10, 0.22)
    growth = 1 + subject.irregularity * smooth_noise(time_s, 1.0, random) * fade(time_s, seconds, 0.4 * seconds)
    x, z = radius * random.uniform(0.7, 1.1) * growth * np.cos(angle), radius * growth * np.sin(angle)
    made.place_m[:, 0], made.place_m[:, 2] = x - x[0], z - z[0]
