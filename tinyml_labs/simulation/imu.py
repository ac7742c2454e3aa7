"""What an inertial sensor on a moving hand measures, with the faults that its data sheet admits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STANDARD_GRAVITY = 9.80665  # m/s²


@dataclass(frozen=True, kw_only=True)
class ImuModel:
    """A kind of sensor: a range, a step, and how far one part differs from the next.

    Attributes
    ----------
    name : str
    acceleration_range_g, rotation_range_deg_s : float
        What is more is clipped.
    acceleration_lsb_g, rotation_lsb_deg_s : float
        The step of a count.
    acceleration_noise_g, rotation_noise_deg_s : float
        Root mean square at 119 samples a second.
    acceleration_offset_g, rotation_offset_deg_s : float
        Standard deviation, from part to part, of what it shows at rest.
    sensitivity_error : float
        Standard deviation of the scale's error, from part to part.
    source : str
    """

    name: str
    acceleration_range_g: float
    rotation_range_deg_s: float
    acceleration_lsb_g: float
    rotation_lsb_deg_s: float
    acceleration_noise_g: float
    rotation_noise_deg_s: float
    acceleration_offset_g: float
    rotation_offset_deg_s: float
    sensitivity_error: float
    source: str

    def clipped_at(self, acceleration_range_g: float) -> ImuModel:
        """Give the same sensor, set to another range: its step changes with it."""
        ratio = acceleration_range_g / self.acceleration_range_g
        return ImuModel(
            **{
                **vars(self),
                "acceleration_range_g": acceleration_range_g,
                "acceleration_lsb_g": self.acceleration_lsb_g * ratio,
            }
        )


LSM9DS1 = ImuModel(
    name="LSM9DS1",
    acceleration_range_g=4.0,
    rotation_range_deg_s=2000.0,
    acceleration_lsb_g=4.0 / 32768,  # as Arduino_LSM9DS1 computes it
    rotation_lsb_deg_s=2000.0 / 32768,
    acceleration_noise_g=0.0018,
    rotation_noise_deg_s=0.12,
    acceleration_offset_g=0.03,
    rotation_offset_deg_s=3.0,
    sensitivity_error=0.01,
    source=(
        "ST DocID025715 Rev 3, sensor characteristics: zero-g level ±90 mg, zero-rate level ±30 deg/s, 0.122 mg/LSB "
        "at ±4 g; steps as Arduino_LSM9DS1 computes them; a third (a tenth) of those limits as standard deviation, "
        "noise and scale error, which the sheet does not give, are our choice"
    ),
)
BMI270 = ImuModel(
    name="BMI270",
    acceleration_range_g=4.0,
    rotation_range_deg_s=2000.0,
    acceleration_lsb_g=4.0 / 32768,
    rotation_lsb_deg_s=2000.0 / 32768,
    acceleration_noise_g=0.0012,
    rotation_noise_deg_s=0.06,
    acceleration_offset_g=0.02,
    rotation_offset_deg_s=0.5,
    sensitivity_error=0.004,
    source=(
        "Bosch BST-BMI270-DS000-07: 160 µg/√Hz and 0.007 deg/s/√Hz over 60 Hz, offsets ±20 mg and ±0.5 deg/s, "
        "scale 0.4 %"
    ),
)


def rotation_matrices(angles_rad: Array) -> Array:
    """Turn pitch, roll and yaw into rotations from the hand's axes to those of the room.

    Parameters
    ----------
    angles_rad : float64 array, (samples, 3)
        Pitch around x, roll around y, yaw around z: first the forearm is turned over, then pointed to the side,
        then raised. A raised forearm that points to the side tilts, as one that waves does.

    Returns
    -------
    float64 array, (samples, 3, 3)
    """
    (cp, cr, cy), (sp, sr, sy) = np.cos(angles_rad).T, np.sin(angles_rad).T
    one, nil = np.ones_like(cp), np.zeros_like(cp)
    pitch = np.array([[one, nil, nil], [nil, cp, -sp], [nil, sp, cp]])
    roll = np.array([[cr, nil, sr], [nil, one, nil], [-sr, nil, cr]])
    yaw = np.array([[cy, -sy, nil], [sy, cy, nil], [nil, nil, one]])
    return np.einsum("ijt,jkt,klt->til", pitch, yaw, roll)


def measure(
    place_m: Array,
    rotations: Array,
    shocks_m_s2: Array,
    fine_rate_hz: float,
    *,
    mount: Array,
    lever_m: Array,
) -> Array:
    """Compute what a perfect sensor would measure: acceleration with gravity, and rotation, in its own axes.

    Parameters
    ----------
    place_m : float64 array, (samples, 3)
        Of the hand, in the room.
    rotations : float64 array, (samples, 3, 3)
        From the hand's axes to the room's.
    shocks_m_s2 : float64 array, (samples, 3)
        More acceleration, in the room.
    fine_rate_hz : float
        Samples a second.
    mount : float64 array, (3, 3)
        From the hand's axes to the sensor's.
    lever_m : float64 array, (3,)
        Where the sensor is on the hand: a turning hand accelerates it.

    Returns
    -------
    float64 array, (samples, 6)
        g and deg/s. A sensor at rest shows 1 g upwards: it feels what holds it up.
    """
    place = place_m + rotations @ lever_m
    acceleration = np.gradient(np.gradient(place, axis=0), axis=0) * fine_rate_hz**2 + shocks_m_s2
    acceleration[:, 2] += STANDARD_GRAVITY
    to_sensor = np.einsum("ij,tkj->tik", mount, rotations)  # room to hand is the transpose
    felt = np.einsum("tij,tj->ti", to_sensor, acceleration) / STANDARD_GRAVITY
    # The rotation from one sample to the next, in the hand's axes, as an antisymmetric matrix.
    change = np.gradient(rotations, axis=0) * fine_rate_hz
    spin = np.einsum("tji,tjk->tik", rotations, change)
    around = np.stack(
        (spin[:, 2, 1] - spin[:, 1, 2], spin[:, 0, 2] - spin[:, 2, 0], spin[:, 1, 0] - spin[:, 0, 1]), 1
    )
    return np.concatenate((felt, np.degrees(around / 2) @ mount.T), axis=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class ImuPart:
    """One sensor out of the box: a model with offsets and scales of its own.

    Attributes
    ----------
    model : ImuModel
    offset : float64 array, (6,)
        g and deg/s.
    scale : float64 array, (6,)
        About 1.
    """

    model: ImuModel
    offset: Array
    scale: Array

    def digitize(self, perfect: Array, random: np.random.Generator) -> NDArray[np.int16]:
        """Add noise, offset and scale error, clip at the range and round to whole counts.

        Parameters
        ----------
        perfect : float64 array, (samples, 6)
            From :func:`measure`, at the sensor's rate.
        random : numpy.random.Generator

        Returns
        -------
        int16 array, (samples, 6)
            Counts; times :meth:`lsb` they are g and deg/s.
        """
        model = self.model
        noise = np.repeat([model.acceleration_noise_g, model.rotation_noise_deg_s], 3)
        limit = np.repeat([model.acceleration_range_g, model.rotation_range_deg_s], 3)
        seen = perfect * self.scale + self.offset + random.normal(0, 1, perfect.shape) * noise
        lsb = self.lsb()
        counts = np.round(np.clip(seen, -limit, limit - lsb) / lsb)
        return counts.astype(np.int16)

    def lsb(self) -> Array:
        """Give the step of each channel, (6,): g and deg/s."""
        return np.repeat([self.model.acceleration_lsb_g, self.model.rotation_lsb_deg_s], 3)


def make_part(model: ImuModel, random: np.random.Generator) -> ImuPart:
    """Take a sensor out of the box."""
    offset = random.normal(0, np.repeat([model.acceleration_offset_g, model.rotation_offset_deg_s], 3))
    return ImuPart(model=model, offset=offset, scale=1 + random.normal(0, model.sensitivity_error, 6))
