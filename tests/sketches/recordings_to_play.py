"""What the boards play: synthetic, seeded, and different everywhere, so that a sample in the wrong place shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.datasets import load_recorded_sweep
from tinyml_labs.features import image_input

BOARD_ID = "0123456789abcdef"
NANO = ("ARDUINO_ARDUINO_NANO33BLE=1", f'BOARD_ID="{BOARD_ID}"')
PICTURE = (144, 176)
_SCALES = np.float32([4 / 32768] * 3 + [2000 / 32768] * 3)  # ±4 g, ±2000 °/s


@dataclass(frozen=True, kw_only=True, eq=False)
class Played:
    """A sketch with what its sensor plays.

    Attributes
    ----------
    sketch, sensor : str
    raw : bytes
        What the stand-in of the sensor gets.
    samples : array, (samples, channels)
        What the host should get, over and over.
    count : int
        How many samples to capture.
    from_start : bool
        Whether the recording begins with the stream; a sensor with a clock of its own plays all the time.
    stand_ins, defines : tuple of str
        How to compile it for QEMU.
    """

    sketch: str
    sensor: str
    raw: bytes = field(repr=False)
    samples: NDArray = field(repr=False)
    count: int
    from_start: bool
    stand_ins: tuple[str, ...] = ()
    defines: tuple[str, ...] = ()


def analog() -> Played:
    counts = np.random.default_rng(1).integers(0, 1024, (400, 1)).astype("<u2")
    return Played(
        sketch="capture_analog",
        sensor="analog",
        raw=counts.tobytes(),
        samples=counts,
        count=600,
        from_start=True,
        stand_ins=("analog.cpp",),
    )


def adxl335() -> Played:
    counts = np.random.default_rng(2).integers(0, 1024, (600, 3)).astype("<u2")
    samples = (counts.astype(np.float32) - np.float32(511.5)) / np.float32(102.4)
    return Played(
        sketch="capture_imu",
        sensor="accelerometer",
        raw=counts.tobytes(),
        samples=samples,
        count=300,
        from_start=True,
        stand_ins=("analog.cpp",),
        defines=("USE_ADXL335",),
    )


def mpu6050() -> Played:
    registers = np.random.default_rng(3).integers(-32768, 32768, (700, 7)).astype(">i2")  # the fourth: temperature
    return Played(
        sketch="capture_imu",
        sensor="imu",
        raw=registers.tobytes(),
        samples=registers[:, [0, 1, 2, 4, 5, 6]].astype(np.float32) * _SCALES,
        count=300,
        from_start=False,
        stand_ins=("Wire.cpp",),
    )


def _nano(seed: int, fitted: str) -> Played:
    raw = np.random.default_rng(seed).integers(-32768, 32768, (700, 6)).astype(np.float32)
    samples = raw * _SCALES
    return Played(
        sketch="capture_imu",
        sensor="imu",
        raw=samples.astype("<f4").tobytes(),
        samples=samples,
        count=300,
        from_start=False,
        stand_ins=("imu.cpp",),
        defines=(*NANO, fitted),
    )


def lsm9ds1() -> Played:
    return _nano(4, "FITTED_LSM9DS1=1")


def bmi270() -> Played:
    return _nano(5, "FITTED_BMI270=1")


def microphone() -> Played:
    sound = np.random.default_rng(6).integers(-32768, 32768, (20_000, 1)).astype("<i2")
    return Played(
        sketch="capture_audio",
        sensor="microphone",
        raw=sound.tobytes(),
        samples=sound,
        count=16_000,
        from_start=False,
        stand_ins=("PDM.cpp",),
    )


def _pictures() -> NDArray:
    return np.random.default_rng(7).integers(0, 256, (5, *PICTURE)).astype(np.uint8)


def camera_raw() -> Played:
    pictures = _pictures()
    return Played(
        sketch="capture_camera",
        sensor="camera_raw",
        raw=pictures.tobytes(),
        samples=pictures.reshape(-1, PICTURE[1]),
        count=3 * PICTURE[0],
        from_start=True,
        stand_ins=("camera.cpp",),
    )


def camera() -> Played:
    pictures = _pictures()
    return Played(
        sketch="capture_camera",
        sensor="camera",
        raw=pictures.tobytes(),
        samples=image_input(pictures).reshape(-1, 96),
        count=3 * 96,
        from_start=True,
        stand_ins=("camera.cpp",),
    )


def sweep() -> Played:
    """What the virtual board's sensor ``analog`` plays, without any sketch."""
    samples = load_recorded_sweep().samples.astype(np.uint16).reshape(-1, 1)
    return Played(sketch="", sensor="analog", raw=b"", samples=samples, count=300, from_start=True)


def find_start(samples: NDArray, played: NDArray, numbers: NDArray | None = None) -> int:
    """Give the place in the recording where the captured samples begin; -1 if nowhere. ``numbers`` as below."""
    first = np.arange(4) if numbers is None else numbers[:4]
    places = range(len(played))
    starts = [k for k in places if np.array_equal(played[(k + first) % len(played)], samples[:4])]
    return starts[0] if len(starts) == 1 else -1


def count_wrong(samples: NDArray, played: NDArray, start: int, numbers: NDArray | None = None) -> int:
    """Count the samples that are not what was played; ``numbers`` are their own, from 0, if some are missing."""
    if numbers is None:
        numbers = np.arange(len(samples))
    expected = played[(start + numbers) % len(played)]
    return int((samples != expected).any(axis=tuple(range(1, samples.ndim))).sum())


ALL: dict[str, Callable[[], Played]] = {
    f.__name__: f for f in (analog, adxl335, mpu6050, lsm9ds1, bmi270, microphone, camera, camera_raw)
}
