"""A process of its own for a share of many clips: int16 samples come in on stdin, uint16 spectrograms go out."""

from __future__ import annotations

import sys

import numpy as np

from tinyml_labs.features.audio import SpectrogramSettings, spectrograms


def main() -> int:
    """Arguments: samples in a clip, milliseconds of stride."""
    length, stride_ms = map(int, sys.argv[1:])
    clips = np.frombuffer(sys.stdin.buffer.read(), np.int16).reshape(-1, length)
    sys.stdout.buffer.write(spectrograms(clips, SpectrogramSettings(stride_ms=stride_ms)).tobytes())
    return 0
