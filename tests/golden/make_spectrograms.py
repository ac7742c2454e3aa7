"""Make the golden spectrograms that Python and boards are held against: python tests/golden/make_spectrograms.py

They are what the package pymicro-features gives, called as its documentation says, without any code of the kit: so
they show if a wheel of another system, or a compiler of a board, computes other bits. Each sound is int16 at 16 kHz,
each frame, one every 10 ms, 40 raw values as uint16; both little endian, zlib and base64.
"""

import base64
import json
import zlib
from pathlib import Path

import numpy as np
from pymicro_features import MicroFrontend

FILE = Path(__file__).parent / "spectrograms.json"
RATE_HZ = 16000


def sounds():
    """Name and samples."""
    chance = np.random.default_rng(11)
    t = np.arange(RATE_HZ // 2) / RATE_HZ
    hum = np.cumsum(110 + 40 * np.sin(7 * t)) / RATE_HZ  # a voice: harmonics that swell and fall
    swell = np.clip(np.sin(2 * np.pi * (t - 0.05) / 0.4), 0, 1)
    voice = sum(np.sin(2 * np.pi * k * hum) / k * (1 + np.sin(k + 9 * t)) for k in range(1, 40))
    made = {
        "silence": 0 * t[:4000],
        "a voice in a room": 4000 * swell * voice + 30 * chance.normal(size=len(t)),
        "a faint voice": 60 * swell * voice + 2 * chance.normal(size=len(t)),
        "from low to high": 9000 * np.sin(2 * np.pi * (100 * t + 7800 * t**2)),
        "loud noise": 2e4 * chance.normal(size=len(t)),
        "as loud as can be": 4e4 * np.sign(np.sin(2 * np.pi * 700 * t[:4000])),
        "a click in silence": np.where(np.arange(4000) == 2500, 4e4, 0),
        "the lowest value": np.full(4000, -32768.0),
        "one count of noise": chance.integers(-1, 2, 4000),
    }
    for name, samples in made.items():
        yield name, np.clip(np.round(samples), -32768, 32767).astype("<i2")


def frames_of(samples):
    """The frames, each of 40 values."""
    front_end, data, frames = MicroFrontend(), samples.tobytes(), []
    while len(data) >= 320:
        output = front_end.process_samples(data[:320])
        data = data[2 * output.samples_read :]
        if output.features:
            frames.append([round(value * 256 / 10) for value in output.features])
    return np.array(frames, "<u2")


def packed(array):
    """Bytes as text."""
    return base64.b64encode(zlib.compress(array.tobytes(), 9)).decode()


def main():
    """Write the file."""
    rows = [
        {"name": name, "samples": packed(samples), "frames": packed(frames_of(samples))} for name, samples in sounds()
    ]
    FILE.write_text(json.dumps({"rate_hz": RATE_HZ, "sounds": rows}, indent=0) + "\n")


if __name__ == "__main__":
    main()
