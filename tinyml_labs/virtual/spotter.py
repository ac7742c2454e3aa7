"""The virtual board as keyword spotter: it listens to its microphone, as the sketch ``keyword_spotter`` does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.features import SPECTROGRAM_CHANNELS, AudioFrontEnd, SpectrogramSettings, to_real
from tinyml_labs.keyword_classifier import KeywordClassifier, load_keyword_classifier
from tinyml_labs.link.descriptions import Sensor
from tinyml_labs.smoothing import ScoreSmoother
from tinyml_labs.virtual.score_source import ScoreSource
from tinyml_labs.virtual.sensors import SampleSource
from tinyml_labs.virtual.settings import VirtualBoardSettings

_WINDOWS_A_TURN = 32  # then the board looks whether somebody asks for something
_SECONDS_A_PIECE = 10


def make_spotter(settings: VirtualBoardSettings, microphone: SampleSource) -> tuple[SampleSource, ...]:
    """Make the sensors of a keyword spotter: ``scores``, ``microphone`` and ``spectrogram``.

    Raises
    ------
    FileNotFoundError, ValueError
        If the classifier is not there or is none, or the microphone is no microphone of 16 kHz.
    """
    classifier = load_keyword_classifier(Path(settings.spotter))
    sound = microphone.description
    if sound.rate_hz != classifier.spectrogram.rate_hz or sound.channels != 1 or sound.dtype != "int16":
        raise ValueError(
            f"play={settings.play} is a sensor {sound.name!r} of {sound.channels} channels of {sound.dtype} at "
            f"{sound.rate_hz:g} Hz, and spotter={settings.spotter} listens to int16 in one channel at "
            f"{classifier.spectrogram.rate_hz:g} Hz: a WAV file of that rate, or nothing for a made-up room."
        )
    microphone.description = replace(sound, id=2)
    pace = 1 + settings.rate_error_percent / 100
    return (
        KeywordSpotter(classifier, microphone, number=1, pace=pace),
        microphone,
        SpectrogramSource(classifier.spectrogram, microphone, number=3),
    )


class SpectrogramSource:
    """The sensor ``spectrogram``: the frames of a sound, raw.

    They are computed one after the other. To go back means to begin anew, which a new stream does anyway.

    Parameters
    ----------
    settings : SpectrogramSettings
    sound : SampleSource
    number : int
        Of the sensor.
    """

    def __init__(self, settings: SpectrogramSettings, sound: SampleSource, *, number: int) -> None:
        rate = settings.rate_of_frames_hz
        self.description = Sensor(
            id=number,
            name="spectrogram",
            unit="counts",
            channels=SPECTROGRAM_CHANNELS,
            dtype="uint16",
            rate_hz=rate,
            low=0,
        )
        self.delay_s = settings.samples(1) / settings.rate_hz - 1 / rate
        self._settings, self._sound = settings, sound
        self._front_end = AudioFrontEnd(settings)
        self.restart()

    def restart(self) -> None:
        """Begin at the first frame again, with a fresh front end."""
        self._front_end.reset()
        self._heard = self._first = 0  # samples that the front end had, and the first frame that is kept
        self._kept = np.empty((0, SPECTROGRAM_CHANNELS), np.uint16)

    def take(self, first: int, count: int) -> NDArray[np.uint16]:
        """Give frames from number ``first`` on."""
        if first < self._first:
            self.restart()
        wanted = self._settings.samples(first + count)
        most = round(_SECONDS_A_PIECE * self._settings.rate_hz)
        while self._heard < wanted:
            piece = self._sound.take(self._heard, min(most, wanted - self._heard))
            self._heard += len(piece)
            self._kept = np.concatenate([self._kept, self._front_end.feed(piece[:, 0])])
            gone = min(max(0, first - self._first), len(self._kept))
            self._kept, self._first = self._kept[gone:], self._first + gone
        return self._kept[first - self._first :][:count].astype("<u2", copy=False)


class KeywordSpotter(ScoreSource):
    """The sensor ``scores``: what the model says of each window, and the events.

    Parameters
    ----------
    classifier : KeywordClassifier
    sound : SampleSource
    number : int
        Of the sensor.
    pace : float
        How much faster than it says the microphone is.
    """

    def __init__(
        self, classifier: KeywordClassifier, sound: SampleSource, *, number: int = 1, pace: float = 1.0
    ) -> None:
        self._window = classifier.window
        self._frames = SpectrogramSource(classifier.spectrogram, sound, number=0)
        self._smoother = ScoreSmoother(classifier.smoother)
        rate = self._window.rate_hz / self._window.stride
        super().__init__(
            model=classifier.model,
            labels=classifier.labels,
            rate_hz=rate,
            delay_s=classifier.spectrogram.samples(self._window.length) / classifier.spectrogram.rate_hz - 1 / rate,
            number=number,
            pace=pace,
            windows_a_turn=_WINDOWS_A_TURN,
        )

    def _restart(self) -> None:
        self._smoother.reset()
        self._frames.restart()

    def _inputs(self, first: int, count: int) -> NDArray[np.float32]:
        length, stride = self._window.length, self._window.stride
        frames = self._frames.take(first * stride, (count - 1) * stride + length)
        return to_real(np.stack([frames[k * stride : k * stride + length] for k in range(count)]))

    def _decide(self, scores: NDArray[np.int8]) -> str:
        event = self._smoother.update(scores)
        return f"{self.labels[event]} {self._probability(self._smoother.average(event))}" if event >= 0 else ""
