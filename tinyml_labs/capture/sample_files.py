"""The files that samples are written to as they come: CSV, WAV, PNG. Each is readable at any moment."""

from __future__ import annotations

import re
import wave
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import orjson
from numpy.typing import NDArray

from tinyml_labs.capture.images import to_rgb
from tinyml_labs.link.descriptions import Sensor, SensorKind

MAX_WAV_BYTES = 2**32 - 1024
"""The sizes in a WAV file are 32 bits."""


class SamplesFile(Protocol):
    """A file of samples that grows."""

    name: str
    max_samples: int | None

    def append(self, first: int, samples: NDArray[Any]) -> None:
        """Write samples in a row; ``first`` is the number of the first one."""

    def flush(self) -> None:
        """Give what was written to the system: from now on a killed process does not lose it."""

    def close(self) -> None:
        """Flush and close."""


class CsvFile:
    """Motion and other signals: a line a sample, ``sample,time_s,accX,…``.

    ``sample`` is the sample's number: a missing one is a number that is not there. ``time_s`` is that number by the
    nominal rate; the column is left out where no nominal rate is known. Numbers are the shortest text that reads
    back as the same number; of a bool, 0 or 1.
    """

    name = "samples.csv"
    max_samples: int | None = None

    def __init__(self, folder: Path, names: tuple[str, ...], rate_hz: float | None) -> None:
        self._file = (folder / self.name).open("wb")
        self._rate_hz = rate_hz
        columns = ["sample", *(["time_s"] if rate_hz else []), *names]
        self._file.write((",".join(map(_quoted, columns)) + "\n").encode())

    def append(self, first: int, samples: NDArray[Any]) -> None:
        numbers = np.arange(first, first + len(samples))
        columns = [_column_as_text(numbers)]
        if self._rate_hz:
            columns.append(_column_as_text(np.round(numbers / self._rate_hz, 6)))
        lines = list(map(b",".join, zip(*columns, _rows_as_text(samples), strict=True)))
        lines.append(b"")
        self._file.write(b"\n".join(lines))

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _column_as_text(values: NDArray[Any]) -> list[bytes]:
    return orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")


def _rows_as_text(samples: NDArray[Any]) -> list[bytes]:
    if samples.dtype.kind == "b":
        samples = samples.astype(np.uint8)
    elif samples.dtype.kind == "f" and samples.dtype.itemsize == 8 and _are_whole(samples):
        samples = samples.astype(np.int64)  # a sketch that prints 512 shall not read 512.0
    native = np.ascontiguousarray(samples, samples.dtype.newbyteorder("="))
    text = orjson.dumps(native, option=orjson.OPT_SERIALIZE_NUMPY)[2:-2]
    if native.dtype.kind == "f" and not np.isfinite(native).all():
        text = _with_names(text, native[~np.isfinite(native)])
    return text.split(b"],[")


def _are_whole(samples: NDArray[np.float64]) -> bool:
    """Say whether all are whole numbers, and so small that a float64 holds each such number exactly."""
    small = bool(np.all(np.abs(samples) < 2**53))  # False for NaN and infinity, too
    return small and bool(np.all(samples == np.rint(samples)))


def _with_names(text: bytes, values: NDArray[Any]) -> bytes:
    """Put nan, inf and -inf in the places where JSON, which knows none of them, has null."""
    pieces = text.split(b"null")
    named = [piece + (b"%f" % value) for piece, value in zip(pieces, values.tolist(), strict=False)]
    return b"".join([*named, pieces[-1]])


def column_name(name: str) -> str:
    """Give a channel's name as it stands in the header: without line ends and other control characters."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", name)


def _quoted(name: str) -> str:
    name = column_name(name)
    return '"' + name.replace('"', '""') + '"' if set(name) & set(',"') else name


class WavFile:
    """Sound: 16-bit PCM. The header is put right at each flush, so that a file whose writer was killed plays."""

    name = "audio.wav"

    def __init__(self, folder: Path, channels: int, rate_hz: float) -> None:
        self._file = (folder / self.name).open("wb")
        self._wav = wave.open(self._file, "wb")  # noqa: SIM115
        self._wav.setnchannels(channels)
        self._wav.setsampwidth(2)
        self._wav.setframerate(round(rate_hz))
        self._wav.writeframes(b"")
        self.max_samples: int | None = MAX_WAV_BYTES // (2 * channels)

    def append(self, first: int, samples: NDArray[Any]) -> None:
        self._wav.writeframesraw(samples.astype("<i2", copy=False).tobytes())

    def flush(self) -> None:
        self._wav.writeframes(b"")  # nothing more, and a header that counts what is there
        self._file.flush()

    def close(self) -> None:
        self._wav.close()
        self._file.close()


class PngFiles:
    """Images: a file each, ``image_000042.png``, whose number counts missing images too."""

    name = "image_*.png"
    max_samples: int | None = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, first: int, samples: NDArray[Any]) -> None:
        from PIL import Image

        for number, image in enumerate(samples, first):
            path = self._folder / f"image_{number:06d}.png"
            temporary = path.with_suffix(".png.part")
            pixels = image if image.dtype == np.uint8 else to_rgb(image)
            Image.fromarray(pixels).save(temporary, "PNG")
            temporary.replace(path)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def open_samples_file(folder: Path, sensor: Sensor, rate_hz: float | None) -> SamplesFile:
    """Open the file that suits a sensor.

    Raises
    ------
    ValueError
        If the sensor's samples have no such file, such as sound in float32.
    """
    if sensor.kind == SensorKind.AUDIO:
        if sensor.dtype != "int16" or sensor.channels > 2 or not rate_hz:
            raise ValueError(
                f"The microphone {sensor.name!r} sends {sensor.channels} channels of {sensor.dtype} at {rate_hz} Hz; "
                "a recording of sound is 16 bits (int16), mono or stereo."
            )
        return WavFile(folder, sensor.channels, rate_hz)
    if sensor.kind == SensorKind.IMAGE:
        return PngFiles(folder)
    return CsvFile(folder, sensor.names, rate_hz)
