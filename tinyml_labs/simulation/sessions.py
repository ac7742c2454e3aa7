"""A sitting: a person does one gesture after the other, and a board streams it without a pause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.features.windows import Interval
from tinyml_labs.simulation import background, movements
from tinyml_labs.simulation.imu import BMI270, LSM9DS1, ImuPart, make_part, measure, rotation_matrices
from tinyml_labs.simulation.movements import FINE_RATE_HZ, Movement
from tinyml_labs.simulation.signals import minimum_jerk, smooth_noise
from tinyml_labs.simulation.subjects import Array, Subject

RATE_HZ = 119.0
"""What the LSM9DS1 of a Nano 33 BLE Sense gives."""

REPEATED = ("circle", "updown", "wave", "flick")
SINGLE = ("punch", "flex", "wing", "ring", "slope")
BACKGROUND = ("idle", "other")
GESTURES = ("idle", *REPEATED, *SINGLE, "other")
"""The classes, in the order of the models' scores."""

_SINGLE_S = {"punch": (0.5, 1.0), "flex": (0.8, 1.6), "wing": (0.9, 1.5), "ring": (0.6, 1.2), "slope": (0.6, 1.2)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Session:
    """What a board streamed, and what really happened.

    Attributes
    ----------
    counts : int16 array, (samples, 6)
        As the sensor gives them: times ``lsb`` they are g and deg/s.
    lsb : float64 array, (6,)
    rate_hz : float
    intervals : list of Interval
        Everything with a label, in samples; what lies between has none: the hand goes from one pose to the next.
    person : Subject
    sensor : str
    """

    counts: NDArray[np.int16]
    lsb: Array
    rate_hz: float
    intervals: list[Interval]
    person: Subject
    sensor: str

    @property
    def subject(self) -> str:
        """The person's name."""
        return self.person.name

    @property
    def samples(self) -> NDArray[np.float32]:
        """Acceleration in g and rotation in deg/s, float32, (samples, 6)."""
        return (self.counts * self.lsb).astype(np.float32)


def simulate_session(
    subject: Subject,
    plan: Sequence[tuple[str, float]],
    *,
    session: int = 0,
    rate_hz: float = RATE_HZ,
    part: ImuPart | None = None,
) -> Session:
    """Let a person do what a plan says, and measure it.

    Parameters
    ----------
    subject : Subject
    plan : sequence of (label, seconds)
        A single gesture is repeated, with pauses, for so many seconds; each one is a part of its own.
    session : int
        Its number: another one is another performance of the same person.
    rate_hz : float
        Samples a second.
    part : ImuPart or None
        The sensor; None takes one out of the box, an LSM9DS1 or a BMI270.

    Returns
    -------
    Session

    Raises
    ------
    ValueError
        For a label that nobody can do, or a plan without any.
    """
    unknown = [label for label, _ in plan if label not in GESTURES]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no gesture; there are {', '.join(GESTURES)}.")
    if not any(seconds > 0 for _, seconds in plan):
        raise ValueError(f"The plan is {list(plan)}; expected a label and seconds at least once.")
    random = subject.random(1, session)
    part = part or _take_sensor(random)
    pieces, performed = _perform(subject, plan, random)
    made = _join(pieces, subject, random)
    rotations = rotation_matrices(made.angles_rad)
    perfect = measure(
        made.place_m,
        rotations,
        made.shocks_m_s2 + _tremor(subject, len(made.place_m), random) + _unevenness(subject, made.place_m, random),
        FINE_RATE_HZ,
        mount=subject.mount,
        lever_m=subject.lever_m,
    )
    perfect = _sample(perfect, rate_hz)
    ratio = rate_hz / FINE_RATE_HZ
    intervals = [
        Interval(round(done.start * ratio), min(len(perfect), round(done.end * ratio)), done.label)
        for done in performed
    ]
    return Session(
        counts=part.digitize(perfect, random),
        lsb=part.lsb(),
        rate_hz=rate_hz,
        intervals=intervals,
        person=subject,
        sensor=f"{part.model.name} ±{part.model.acceleration_range_g:g} g",
    )


def _take_sensor(random: np.random.Generator) -> ImuPart:
    model = LSM9DS1 if random.random() < 0.6 else BMI270
    if random.random() < 0.4:  # many sketches leave a sensor at the narrow range it wakes up with
        model = model.clipped_at(2.0)
    return make_part(model, random)


def _perform(
    subject: Subject, plan: Sequence[tuple[str, float]], random: np.random.Generator
) -> tuple[list[tuple[Movement, float]], list[Interval]]:
    """Make the movements of a plan, each with the pause behind it in seconds, and where they come to lie."""
    pieces: list[tuple[Movement, float]] = []
    performed: list[Interval] = []
    at = 0
    for label, seconds in plan:
        left = seconds
        while left > 0:
            if label in SINGLE:
                low, high = _SINGLE_S[label]
                length = random.uniform(low, high) / subject.speed
                pause = random.uniform(0.7, 1.6)
            else:
                length, pause = left, random.uniform(0.5, 0.9)
            movement = _movement(label, subject, length, random)
            count = len(movement.place_m)
            performed.append(Interval(at, at + count, label))
            pieces.append((movement, pause))
            at += count + round(pause * FINE_RATE_HZ)
            left -= length + pause
    return pieces, performed


def _movement(label: str, subject: Subject, seconds: float, random: np.random.Generator) -> Movement:
    made: Movement
    if label == "other":
        made = background.OTHERS[random.integers(len(background.OTHERS))](subject, seconds, random)
    elif label == "idle":
        made = background.idle(subject, seconds, random)
    else:
        made = getattr(movements, label)(subject, seconds, random)
    return made


def _join(pieces: list[tuple[Movement, float]], subject: Subject, random: np.random.Generator) -> Movement:
    """Put movements behind each other: in each pause the hand comes back, and takes a slightly different pose."""
    places, angles, shocks = [], [], []
    pose = subject.grip_rad + random.normal(0, 0.08, 3)
    side = -1.0 if subject.left_handed else 1.0
    for movement, pause in pieces:
        place, turned, shock = (
            movement.place_m * (side, 1, 1),
            movement.angles_rad * (1, side, side),
            movement.shocks_m_s2 * (side, 1, 1),
        )
        next_pose = subject.grip_rad + random.normal(0, 0.08, 3)
        count = round(pause * FINE_RATE_HZ)
        back = minimum_jerk(np.arange(count) / max(1, 0.8 * count))[:, None]
        places += [place, place[-1] * (1 - back)]
        angles += [pose + turned, (pose + turned[-1]) * (1 - back) + next_pose * back]
        shocks += [shock, np.zeros((count, 3))]
        pose = next_pose
    return Movement(
        place_m=np.concatenate(places), angles_rad=np.concatenate(angles), shocks_m_s2=np.concatenate(shocks)
    )


def _tremor(subject: Subject, count: int, random: np.random.Generator) -> Array:
    """The shaking of a hand that is held up: 8 to 12 Hz, now more, now less."""
    time_s = np.arange(count) / FINE_RATE_HZ
    swell = 1 + 0.4 * smooth_noise(time_s, 0.5, random)
    waves = [swell * np.sin(2 * np.pi * 10 * time_s + 2.5 * smooth_noise(time_s, 1.5, random)) for _ in range(3)]
    return subject.tremor_m_s2 * np.sqrt(2 / 1.16) * np.stack(waves, axis=1)  # a sine, and the swell's square


def _unevenness(subject: Subject, place_m: Array, random: np.random.Generator) -> Array:
    """What a hand does beside what it means to: the harder it moves, the more.

    C. Harris and D. Wolpert, "Signal-dependent noise determines motor planning" (Nature, 1998).
    """
    time_s = np.arange(len(place_m)) / FINE_RATE_HZ
    meant = np.gradient(np.gradient(place_m, axis=0), axis=0) * FINE_RATE_HZ**2
    width = round(0.3 * FINE_RATE_HZ)
    effort = np.convolve(np.linalg.norm(meant, axis=1), np.hanning(width) / np.hanning(width).sum(), "same")
    share = 0.6 * subject.irregularity + 0.04
    waves = [np.sin(2 * np.pi * 6 * time_s + 4 * smooth_noise(time_s, 2.0, random)) for _ in range(3)]
    swell = [1 + 0.5 * smooth_noise(time_s, 2.0, random) for _ in range(3)]
    return (share * effort)[:, None] * np.stack(waves, axis=1) * np.stack(swell, axis=1)


def _sample(perfect: Array, rate_hz: float) -> Array:
    """Average over a sample's time, as the sensor's filter does, and take the values at its rate."""
    width = max(1, round(FINE_RATE_HZ / rate_hz))
    kernel = np.hanning(width + 3)[1:-1]
    kernel /= kernel.sum()
    smooth = np.stack([np.convolve(column, kernel, "same") for column in perfect.T], axis=1)
    edge = len(kernel)  # where the kernel hangs over, the nearest value stands
    smooth[:edge], smooth[-edge:] = perfect[:edge], perfect[-edge:]
    count = int(len(perfect) * rate_hz / FINE_RATE_HZ)
    at = np.arange(count) * FINE_RATE_HZ / rate_hz
    whole = np.minimum(at.astype(np.int64), len(perfect) - 2)
    rest = (at - whole)[:, None]
    return smooth[whole] * (1 - rest) + smooth[whole + 1] * rest
