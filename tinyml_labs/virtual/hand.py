"""A made-up hand that holds a motion sensor: it rests, tilts slowly, draws circles and shakes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 119.0
ACCELERATION_LSB_G = 4.0 / 32768
ROTATION_LSB_DEG_S = 2000.0 / 32768
LOOP_S = 60.0
_MOST_SAMPLES = 1_000_000
_BURSTS = 15


def move(rate_hz: float, seed: int) -> NDArray[np.float32]:
    """Make a minute of motion, which ends as it begins, so that it can be played over and over.

    Every four seconds the hand draws circles or shakes for about a second and a half; the sum of the three
    accelerations then passes the 2.5 g from which Arduino's IMU_Capture records.

    Parameters
    ----------
    rate_hz : float, samples a second
        The LSM9DS1 of a Nano 33 BLE gives 119. Above 16,667 Hz the minute is cut short.
    seed : int

    Returns
    -------
    float32 array, (samples, 6)
        Acceleration in g along x, y, z, in steps of 4/32768 g, and rotation in degrees a second around x, y, z,
        in steps of 2000/32768: what Arduino_LSM9DS1 gives, exact in float32.
    """
    random = np.random.default_rng([seed, 1])
    count = min(_MOST_SAMPLES, round(rate_hz * LOOP_S))
    time_s = np.arange(count) / rate_hz
    turn = 2 * np.pi * time_s / LOOP_S
    roll = np.radians(25) * np.sin(2 * turn) + np.radians(5) * np.sin(7 * turn)
    pitch = np.radians(15) * np.sin(3 * turn)
    gravity = np.stack((-np.sin(pitch), np.sin(roll) * np.cos(pitch), np.cos(roll) * np.cos(pitch)), axis=1)
    rotation = np.zeros((count, 3))
    rotation[:, 0] = np.degrees(np.gradient(roll, 1 / rate_hz))
    rotation[:, 1] = np.degrees(np.gradient(pitch, 1 / rate_hz))
    acceleration = gravity
    for burst in range(_BURSTS):
        begin = 4.0 * burst + 1.0 + random.uniform(0, 0.8)
        length = random.uniform(1.3, 1.8)
        inside = (time_s >= begin) & (time_s < begin + length)
        since = time_s[inside] - begin
        swell = np.sin(np.pi * since / length) ** 0.5
        strength, frequency = random.uniform(1.6, 2.0), random.uniform(1.7, 2.3)
        if burst % 2 == 0:  # a circle in the plane of x and z, the wrist following
            phase = 2 * np.pi * frequency * since
            acceleration[inside, 0] += swell * strength * np.cos(phase)
            acceleration[inside, 2] += swell * strength * np.sin(phase)
            rotation[inside, 1] += swell * 120 * np.cos(phase + 0.6)
            rotation[inside, 2] += swell * 60 * np.sin(phase)
        else:  # a shake along x, three times as fast
            phase = 2 * np.pi * 3 * frequency * since
            acceleration[inside, 0] += swell * strength * 1.2 * np.sin(phase)
            acceleration[inside, 1] += swell * 0.4 * np.sin(phase + 0.4)
            rotation[inside, 2] += swell * 250 * np.sin(phase + 1.0)
    acceleration += random.normal(0, 0.006, acceleration.shape)
    rotation += random.normal(0, 0.4, rotation.shape) + np.array([0.6, -1.1, 0.3])
    steps = np.concatenate((acceleration / ACCELERATION_LSB_G, rotation / ROTATION_LSB_DEG_S), axis=1)
    whole = np.clip(np.round(steps), -32768, 32767)
    return (whole * np.array([ACCELERATION_LSB_G] * 3 + [ROTATION_LSB_DEG_S] * 3)).astype(np.float32)
