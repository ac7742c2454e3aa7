"""Windows of a spectrogram out of sound that comes piece by piece."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.features import AudioFrontEnd, WindowSettings, to_real
from tinyml_labs.stream_source import Piece, WindowStream

_SAMPLES_A_TIME = 160_000  # ten seconds: so that a progress bar moves


class SoundWindowStream:
    """:class:`tinyml_labs.stream_source.WindowStream` for sound: its samples become frames, and windows count those.

    A gap resets the front end too: what it knew of the background may be long ago.

    Parameters
    ----------
    front_end : AudioFrontEnd
        Is reset at the beginning.
    settings : WindowSettings
        In frames.

    Attributes
    ----------
    span : int
        How many samples of the source a window is made of.

    Raises
    ------
    ValueError
        A window whose rate is not that of the frames.
    """

    def __init__(self, front_end: AudioFrontEnd, settings: WindowSettings) -> None:
        frames_hz = front_end.settings.rate_of_frames_hz
        if settings.rate_hz != frames_hz:
            raise ValueError(
                f"window counts {settings.rate_hz:g} frames a second, and the front end makes {frames_hz:g}. With a "
                f"front end a window is of frames: WindowSettings(rate_hz={frames_hz:g}, window_ms=…, stride_ms=…)."
            )
        self.span = front_end.settings.samples(settings.length)
        self._front_end, self._settings = front_end, settings
        self._cutter: WindowStream | None = None
        self._first = 0  # the sample at which the front end began

    def feed(self, piece: Piece) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Give the windows that a piece of sound completes.

        Yields
        ------
        windows : float32 array, (W, length, 40)
            Spectrograms, in real numbers.
        starts : int64 array, (W,)
            The number of each window's first sample.

        Raises
        ------
        ValueError, TypeError
            Sound of several channels, or of another dtype than int16 and float.
        """
        if piece.samples.shape[1] != 1:
            raise ValueError(
                f"The sound has {piece.samples.shape[1]} channels, and the front end takes one: choose it with "
                "channels=[0]."
            )
        if self._cutter is None or piece.anew:
            self._front_end.reset()
            self._cutter, self._first = WindowStream(self._settings), piece.first
        sound = piece.samples[:, 0]
        hop = self._front_end.settings.samples_a_stride
        for at in range(0, len(sound), _SAMPLES_A_TIME):
            frames = to_real(self._front_end.feed(sound[at : at + _SAMPLES_A_TIME]))
            for windows, starts in self._cutter.feed(Piece(0, frames, False)):
                yield windows, self._first + starts * hop
