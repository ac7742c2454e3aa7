"""The virtual board as keyword spotter: it listens to its microphone, as the sketch ``keyword_spotter`` does."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.features import SPECTROGRAM_CHANNELS, AudioFrontEnd, SpectrogramSettings, to_real
from tinyml_labs.inference import dequantize, quantize
from tinyml_labs.keyword_classifier import KeywordClassifier, load_keyword_classifier
from tinyml_labs.link.descriptions import Sensor
from tinyml_labs.smoothing import ScoreSmoother
from tinyml_labs.virtual.loaded_model import LoadedModel
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


class KeywordSpotter:
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
        window = classifier.window
        rate = window.rate_hz / window.stride
        self.classifier = classifier
        self.description = Sensor(
            id=number,
            name="scores",
            unit="probability",
            channels=len(classifier.labels),
            dtype="float32",
            rate_hz=rate,
            low=0,
            high=1,
            channel_names=",".join(classifier.labels),
        )
        self.delay_s = classifier.spectrogram.samples(window.length) / classifier.spectrogram.rate_hz - 1 / rate
        self._every_s, self._pace = 1 / rate, pace
        self._frames = SpectrogramSource(classifier.spectrogram, sound, number=0)
        self._smoother = ScoreSmoother(classifier.smoother)
        self._model: LoadedModel | None = None
        self.stop()

    def use(self, model: LoadedModel) -> None:
        """Take the model of :attr:`classifier`, ready to run."""
        self._model = model

    def begin(self, now_s: float) -> None:
        """Listen to the sound from its beginning, which is now, by the board's clock."""
        self._begun_s = now_s
        self._outputs = bytearray()  # of every window so far
        self._windows = 0
        self._events: deque[tuple[int, str]] = deque()
        self._smoother.reset()
        self._frames.restart()

    def stop(self) -> None:
        """Listen no more."""
        self.begin(math.inf)

    @property
    def listening(self) -> bool:
        """Whether it has begun."""
        return self._begun_s < math.inf

    @property
    def next_s(self) -> float:
        """When the next window is complete, by the board's clock; infinity if nobody listens."""
        return self._complete_s(self._windows)

    def listen(self, now_s: float) -> tuple[list[tuple[float, str]], float]:
        """Hear what has come up to now, but not too much at once.

        Returns
        -------
        events : list of (time, text)
            Such as ``"yes 0.93"``, with the average probability, and when its window was complete.
        float
            How far it has come: ``now_s``, or less.
        """
        due = 0
        while due < _WINDOWS_A_TURN and self._complete_s(self._windows + due) <= now_s:
            due += 1
        self._hear(self._windows + due)
        events = []
        while self._events and self._complete_s(self._events[0][0]) <= now_s:
            number, text = self._events.popleft()
            events.append((self._complete_s(number), text))
        return events, min(now_s, self.next_s)

    def take(self, first: int, count: int) -> NDArray[np.float32]:
        """Give the scores of windows from number ``first`` on, as probabilities."""
        self._hear(first + count)
        output = self._require_model().interpreter.outputs[0]
        row = self.description.channels
        raw = np.frombuffer(self._outputs[row * first : row * (first + count)], np.int8).reshape(-1, row)
        return dequantize(raw, output.scale, output.zero_point).astype("<f4", copy=False)

    def _complete_s(self, number: int) -> float:
        return self._begun_s + (self.delay_s + (number + 1) * self._every_s) / self._pace

    def _hear(self, windows: int) -> None:
        """Let the model run on the windows that are missing up to this number."""
        length, stride = self.classifier.window.length, self.classifier.window.stride
        while (count := min(_WINDOWS_A_TURN, windows - self._windows)) > 0:
            frames = self._frames.take(self._windows * stride, (count - 1) * stride + length)
            spectrograms = np.stack([frames[k * stride : k * stride + length] for k in range(count)])
            for scores in self._run(spectrograms):
                self._decide(scores)
                self._windows += 1

    def _run(self, spectrograms: NDArray[np.uint16]) -> NDArray[np.int8]:
        interpreter = self._require_model().interpreter
        tensor = interpreter.inputs[0]
        raw = quantize(to_real(spectrograms), tensor.scale, tensor.zero_point, tensor.dtype)
        outputs = interpreter.run(raw.reshape(len(raw), *tensor.window_shape), progress=False)
        assert isinstance(outputs, np.ndarray)
        self._outputs += outputs.tobytes()
        return outputs.reshape(len(raw), -1)

    def _decide(self, scores: NDArray[np.int8]) -> None:
        event = self._smoother.update(scores)
        if event < 0:
            return
        output = self._require_model().interpreter.outputs[0]
        average = (self._smoother.average(event) - output.zero_point) * output.scale
        percent = int(average * 100 + 0.5)
        self._events.append((self._windows, f"{self.classifier.labels[event]} {percent // 100}.{percent % 100:02d}"))

    def _require_model(self) -> LoadedModel:
        assert self._model is not None, "use() comes first"
        return self._model
