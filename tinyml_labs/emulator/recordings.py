"""What the sensors of an emulated board measure: a file, as the bytes that its stand-in plays over and over."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.features import to_grey
from tinyml_labs.virtual.picture_files import holds_files, read_pictures
from tinyml_labs.virtual.playback import open_played

_CAMERA = (176, 144)  # width and height of QCIF, what the sketches ask the camera for
_MICROPHONE_HZ = 16_000
_IMU_HZ = 119.0  # what the stand-in plays it at, whatever the recording's rate was


def recording_bytes(path: str | os.PathLike[str]) -> bytes:
    """Read a file or folder as the stand-ins for sensors play it.

    Parameters
    ----------
    path : str or PathLike
        A WAV file of 16,000 Hz (the microphone); a CSV of one column (``analogRead``), or of acceleration in g and
        perhaps rotation in °/s (the IMU); a folder or zip archive of pictures, which are cut and turned grey (the
        camera); the folder of a recording of one of these; or a ``.bin`` file, which is taken as it is.

    Returns
    -------
    bytes
        int16 of sound; uint16 of ``analogRead``; 6 float32 a sample of motion; 176 × 144 uint8 a picture.

    Raises
    ------
    FileNotFoundError, ValueError
        With what was found and what would do.
    """
    place = Path(path).expanduser()
    if place.suffix == ".bin" and place.is_file():
        return place.read_bytes()
    if holds_files(place) and not (place / "recording.json").exists():
        return b"".join(read_pictures(place, _camera_picture).values())
    source = open_played(place, _IMU_HZ)
    sensor = source.description
    samples = source.samples
    if sensor.dtype == "int16" and sensor.channels == 1:
        if round(sensor.rate_hz) != _MICROPHONE_HZ:
            raise ValueError(
                f"{place} has {sensor.rate_hz:g} samples a second; the microphone has {_MICROPHONE_HZ:,}. Convert "
                f"it: ffmpeg -i {place.name} -ar {_MICROPHONE_HZ} 16k.wav"
            )
        return samples.astype("<i2").tobytes()
    if sensor.rows:
        pictures = samples.reshape(-1, sensor.rows, sensor.channels)
        if sensor.dtype != "uint8":
            raise ValueError(f"{place} holds pictures in colours (RGB565); expected grey ones, or the picture files.")
        return b"".join(_camera_picture(picture) for picture in pictures)
    if sensor.channels == 1:
        return samples.astype("<u2").tobytes()
    if sensor.channels not in (3, 6):
        raise ValueError(f"{place} has {sensor.channels} columns; expected 1 (analogRead), 3 or 6 (an IMU).")
    motion = np.zeros((len(samples), 6), "<f4")
    motion[:, : sensor.channels] = samples
    return motion.tobytes()


def _camera_picture(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image, ImageOps

    grey = image if image.ndim == 2 else to_grey(image)
    return ImageOps.fit(Image.fromarray(grey), _CAMERA, Image.Resampling.BILINEAR).tobytes()
