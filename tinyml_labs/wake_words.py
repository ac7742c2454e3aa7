"""Listen for a wake word with a microWakeWord model: a streaming network that hears 30 ms at a time, and remembers.

>>> from tinyml_labs import wake_words
>>> alexa = wake_words.load_wake_word("alexa.json")                      # doctest: +SKIP
>>> scores = wake_words.wake_word_scores(samples, alexa)                 # doctest: +SKIP
>>> wake_words.detect_wake_words(scores, alexa)                          # doctest: +SKIP
[Event(label='Alexa', time_s=2.46)]

microWakeWord is by Kevin Ahrendt (Apache-2.0); its models run on ESP32 boards with ESPHome. Features, levels and the
rule for a detection are those of ESPHome's component ``micro_wake_word``.
"""

from __future__ import annotations

import operator
from collections import deque
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs import inference
from tinyml_labs.event_matching import Event
from tinyml_labs.features import SPECTROGRAM_CHANNELS, AudioFrontEnd, SpectrogramSettings
from tinyml_labs.wake_word_model import FRAME_MS, WakeWord, load_wake_word

__all__ = [
    "Heard",
    "WakeWord",
    "WakeWordListener",
    "detect_wake_words",
    "load_wake_word",
    "quantize_spectrogram",
    "score_times_s",
    "wake_word_scores",
]

WARM_UP_FRAMES = 100
"""So many frames, 10 ms each, pass after a start or a detection before there can be one (again)."""

_SETTINGS = SpectrogramSettings(stride_ms=FRAME_MS)
_FIRST_FRAME, _NEXT_FRAME = 480, 160  # samples
_RATE_HZ = 16000


def quantize_spectrogram(frames: ArrayLike) -> NDArray[np.int8]:
    """Turn raw frames into a wake word model's input, in the integers that a board computes.

    Parameters
    ----------
    frames : uint16 array, (..., 40)
        Of :class:`tinyml_labs.features.AudioFrontEnd`.

    Returns
    -------
    int8 array, of the same shape
        ``(256 * value + 333) // 666 - 128``, at most 127: a step is 26 / 256 of the real unit. The file says
        26 / 255, and so ``inference.quantize`` would give values up to 1 off.
    """
    raw = np.asarray(frames)
    if raw.dtype.kind != "u":
        raise TypeError(f"The frames are {raw.dtype}, expected the front end's raw values, uint16.")
    return np.minimum((raw.astype(np.int32) * 256 + 333) // 666 - 128, 127).astype(np.int8)


def wake_word_scores(samples: ArrayLike, wake_word: WakeWord, *, engine: str = "auto") -> NDArray[np.float32]:
    """Give the probability of the wake word after each inference, from a fresh front end and a fresh state.

    Parameters
    ----------
    samples : int16 array, (n,)
        Mono, 16 kHz; or float in -1..1.
    wake_word : WakeWord
    engine : str
        One of ``inference.ENGINES``, or ``"auto"``.

    Returns
    -------
    float32 array, (inferences,)
        One each ``wake_word.step_s``; :func:`score_times_s` says when.
    """
    with WakeWordListener(wake_word, engine=engine) as listener:
        return listener.feed(samples).scores


def score_times_s(count: int, wake_word: WakeWord) -> NDArray[np.float64]:
    """Give the times at which the first ``count`` inferences have all they need, in seconds from the first sample."""
    return _times_s(np.arange(1, count + 1), wake_word, 0)


def detect_wake_words(scores: ArrayLike, wake_word: WakeWord) -> list[Event]:
    """Find detections in the scores of a whole stream, as the board does: to try a cutoff without the model.

    The last ``window`` raw outputs are averaged; an average above ``level`` is a detection, and the outputs so far
    count as 0 from there on. After the start and after each detection, `WARM_UP_FRAMES` frames have to pass with
    the newest output below the level: so a stream needs a second before the phrase, and a phrase is found once.

    Parameters
    ----------
    scores : float32 array, (inferences,)
        Of :func:`wake_word_scores`.
    wake_word : WakeWord

    Returns
    -------
    list of Event
        Labelled with the phrase, at the end of the inference.
    """
    values = np.asarray(scores, np.float64)
    if values.ndim != 1:
        raise ValueError(f"scores has shape {values.shape}, expected (inferences,).")
    decision = _Decision(wake_word)
    raw = np.rint(values / wake_word.scale).astype(int).tolist()
    times = score_times_s(len(raw), wake_word)
    return [Event(wake_word.phrase, float(t)) for t, value in zip(times, raw, strict=True) if decision.update(value)]


class Heard(NamedTuple):
    """What came of a piece of a stream: scores (k,), their times in seconds (k,), and detections."""

    scores: NDArray[np.float32]
    times_s: NDArray[np.float64]
    events: list[Event]


class WakeWordListener:
    """A wake word over a stream of sound: in whatever pieces it comes, the scores are those of the whole.

    Three things remember: the front end, the model, and the average. All three begin anew at a gap (:meth:`skip`).

    Parameters
    ----------
    wake_word : WakeWord
    engine : str
        One of ``inference.ENGINES``, or ``"auto"``.

    Examples
    --------
    >>> with WakeWordListener(alexa) as listener:  # doctest: +SKIP
    ...     for piece in microphone:
    ...         for event in listener.feed(piece).events:
    ...             print(event)
    """

    def __init__(self, wake_word: WakeWord, *, engine: str = "auto") -> None:
        self.wake_word = wake_word
        self._front_end = AudioFrontEnd(_SETTINGS)
        self._model = inference.load(wake_word.model, engine)
        self._start()

    def _start(self, at: int = 0) -> None:
        self._decision = _Decision(self.wake_word)
        self._frames = np.empty((0, SPECTROGRAM_CHANNELS), np.int8)
        self._inferences = 0
        self._began = self._heard = at  # samples since the stream's first

    def feed(self, samples: ArrayLike) -> Heard:
        """Take the next samples, int16 (n,) at 16 kHz; give the scores and detections that they complete."""
        stride = self.wake_word.stride_frames
        fresh = self._front_end.feed(samples)
        self._heard += len(np.asarray(samples))
        frames = np.concatenate([self._frames, quantize_spectrogram(fresh)])
        count = len(frames) // stride
        self._frames = frames[count * stride :]
        inputs = frames[: count * stride].reshape(count, stride, SPECTROGRAM_CHANNELS)
        raw = self._model.run(inputs, progress=False).reshape(count)
        numbers = np.arange(self._inferences + 1, self._inferences + count + 1)
        self._inferences += count
        times = _times_s(numbers, self.wake_word, self._began)
        events = [
            Event(self.wake_word.phrase, float(time_s))
            for time_s, value in zip(times, raw.tolist(), strict=True)
            if self._decision.update(value)
        ]
        return Heard(inference.dequantize(raw, self.wake_word.scale, 0), times, events)

    def skip(self, samples: int) -> None:
        """So many samples are missing: forget all, since nothing goes across a gap. Only the clock goes on."""
        self._forget(self._heard + operator.index(samples))

    def reset(self) -> None:
        """Begin a new stream, whose first sample is at 0 s."""
        self._forget(0)

    def _forget(self, at: int) -> None:
        self._front_end.reset()
        self._model.reset()
        self._start(at)

    def close(self) -> None:
        """Let go of the model."""
        self._model.close()

    def __enter__(self) -> WakeWordListener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Decision:
    """ESPHome's rule: ``StreamingModel::perform_streaming_inference`` and ``WakeWordModel::determine_detected``."""

    def __init__(self, wake_word: WakeWord) -> None:
        self._level, self._stride = wake_word.level, wake_word.stride_frames
        self._recent = deque([0] * wake_word.window, maxlen=wake_word.window)
        self._wait = WARM_UP_FRAMES

    def update(self, raw: int) -> bool:
        """Take the next raw output; say if it is a detection."""
        # Of the frames of an inference, all but the last come while the output before is still the newest.
        quiet = (self._stride - 1) * (self._recent[-1] < self._level) + (raw < self._level)
        self._wait = max(0, self._wait - quiet)
        self._recent.append(raw)
        if self._wait or sum(self._recent) <= self._level * len(self._recent):
            return False
        self._recent.extend([0] * len(self._recent))
        self._wait = WARM_UP_FRAMES
        return True


def _times_s(numbers: NDArray[Any], wake_word: WakeWord, began: int) -> NDArray[np.float64]:
    """Give when the inferences of these numbers, from 1 on, are complete; the stream began at a sample."""
    last_frames = numbers * wake_word.stride_frames - 1
    samples = began + _FIRST_FRAME + last_frames * _NEXT_FRAME
    return np.asarray(samples / _RATE_HZ, np.float64)
