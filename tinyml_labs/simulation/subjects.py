"""Simulated people: how large and fast they move, how they hold the board, which hand they use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """A simulated person with a board in the hand.

    Attributes
    ----------
    name : str
    seed : int
        All that is random about this person comes from it.
    forearm_m : float
        From the elbow to the board.
    size, speed : float
        How wide and how fast the movements are, 1 for the average.
    irregularity : float
        How much one repetition differs from the next, as a part of it.
    wrist : float
        How far the hand turns as it moves: 0 is like a tray that is carried, 1 like a pointer that turns around
        the elbow.
    tremor_m_s2 : float
        Root mean square of the hand's tremor, at 8 to 12 Hz.
    left_handed : bool
        Movements are mirrored.
    grip_rad : float64 array, (3,)
        How the hand is held at rest: pitch, roll, yaw.
    mount : float64 array, (3, 3)
        A rotation: from the hand's axes to those of the board, for a board can be mounted or held in many ways.
    lever_m : float64 array, (3,)
        Where the sensor is, from the middle of the hand, in the hand's axes.
    """

    name: str
    seed: int
    forearm_m: float
    size: float
    speed: float
    irregularity: float
    wrist: float
    tremor_m_s2: float
    left_handed: bool
    grip_rad: Array
    mount: Array
    lever_m: Array

    def random(self, *parts: int) -> np.random.Generator:
        """Make this person's random numbers for a purpose, the same ones each time."""
        return np.random.default_rng([self.seed, *parts])


def make_subject(seed: int, *, mounting: int = 0, upright: bool = False) -> Subject:
    """Make up a person.

    Parameters
    ----------
    seed : int
    mounting : int
        Another number is the same person with the board mounted another way.
    upright : bool
        Whether the board lies in the hand with its x to the right, y forward and z up, as the sketches' pictures
        show it. Otherwise it is mounted in one of the 24 ways that a box fits into a hand, and a little askew.

    Returns
    -------
    Subject
    """
    random = np.random.default_rng([seed, 0])
    return Subject(
        name=f"s{seed:02d}",
        seed=seed,
        forearm_m=random.uniform(0.24, 0.36),
        size=float(np.exp(random.normal(0, 0.2))),
        speed=float(np.exp(random.normal(0, 0.14))),
        irregularity=random.uniform(0.03, 0.14),
        wrist=random.uniform(0.0, 1.0),
        tremor_m_s2=random.uniform(0.03, 0.2),
        left_handed=bool(random.random() < 0.15),
        grip_rad=random.normal(0, [0.3, 0.3, 0.2]),
        mount=np.eye(3) if upright else _mount(np.random.default_rng([seed, 2, mounting])),
        lever_m=random.normal(0, [0.02, 0.03, 0.01]),
    )


def turn(rotation_vector: Array) -> Array:
    """Make the matrix of a rotation around an axis.

    Parameters
    ----------
    rotation_vector : float64 array, (3,)
        The axis, as long as the angle in rad.

    Returns
    -------
    float64 array, (3, 3)
        Rodrigues' formula.
    """
    angle = float(np.linalg.norm(rotation_vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = rotation_vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _mount(random: np.random.Generator) -> Array:
    """One of the 24 rotations that bring the axes of a box onto each other, and then a little askew."""
    matrix = np.eye(3)[random.permutation(3)] * random.choice((-1.0, 1.0), 3)
    if np.linalg.det(matrix) < 0:
        matrix[0] = -matrix[0]
    return turn(random.normal(0, 0.12, 3)) @ matrix
