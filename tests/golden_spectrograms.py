"""The golden spectrograms of tests/golden/make_spectrograms.py."""

import base64
import json
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).parent / "golden" / "spectrograms.json"


class Golden(NamedTuple):
    """A sound (int16, 16 kHz), and its frames (uint16), one every 10 ms."""

    name: str
    samples: NDArray[np.int16]
    frames: NDArray[np.uint16]


def load() -> list[Golden]:
    def array(text: str, dtype: str) -> NDArray:
        return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype)

    rows = json.loads(FILE.read_text())["sounds"]
    return [
        Golden(row["name"], array(row["samples"], "<i2"), array(row["frames"], "<u2").reshape(-1, 40)) for row in rows
    ]
