"""A virtual board that classifies by itself, as the kit's sketches do: its sensor ``scores``, and what it says."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.inference import dequantize, quantize
from tinyml_labs.link.descriptions import Sensor
from tinyml_labs.virtual.loaded_model import LoadedModel


class ScoreSource:
    """The sensor ``scores``: what the model says of each window (a picture, a second of sound), and the events.

    A subclass says what the model's inputs are, and what an event is.

    Parameters
    ----------
    model : bytes
        The classifier's .tflite.
    labels : tuple of str
    rate_hz : float
        Windows a second.
    delay_s : float
        How much later than a window's time the first is complete.
    number : int
        Of the sensor.
    pace : float
        How much faster than it says the sensor is that the model looks at.
    windows_a_turn : int
        So many at most before the board looks whether somebody asks for something.
    """

    def __init__(
        self,
        *,
        model: bytes,
        labels: tuple[str, ...],
        rate_hz: float,
        delay_s: float,
        number: int,
        pace: float,
        windows_a_turn: int,
    ) -> None:
        self.model = model
        self.labels = labels
        self.description = Sensor(
            id=number,
            name="scores",
            unit="probability",
            channels=len(labels),
            dtype="float32",
            rate_hz=rate_hz,
            low=0,
            high=1,
            channel_names=",".join(labels),
        )
        self.delay_s = delay_s
        self._every_s, self._pace, self._most = 1 / rate_hz, pace, windows_a_turn
        self._loaded: LoadedModel | None = None
        self.stop()

    def use(self, model: LoadedModel) -> None:
        """Take :attr:`model`, ready to run."""
        self._loaded = model

    def begin(self, now_s: float) -> None:
        """Begin with the sensor's first sample, which is now, by the board's clock."""
        self._begun_s = now_s
        self._outputs = bytearray()  # of every window so far
        self._windows = 0
        self._events: deque[tuple[int, str]] = deque()
        self._restart()

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
        """Look at what has come up to now, but not at too much at once.

        Returns
        -------
        events : list of (time, text)
            Such as ``"yes 0.93"``, with the average probability, and when its window was complete.
        float
            How far it has come: ``now_s``, or less.
        """
        due = 0
        while due < self._most and self._complete_s(self._windows + due) <= now_s:
            due += 1
        self._go_on(self._windows + due)
        events = []
        while self._events and self._complete_s(self._events[0][0]) <= now_s:
            number, text = self._events.popleft()
            events.append((self._complete_s(number), text))
        return events, min(now_s, self.next_s)

    def take(self, first: int, count: int) -> NDArray[np.float32]:
        """Give the scores of windows from number ``first`` on, as probabilities."""
        self._go_on(first + count)
        row = self.description.channels
        raw = np.frombuffer(self._outputs[row * first : row * (first + count)], np.int8).reshape(-1, row)
        output = self._require_model().interpreter.outputs[0]
        return dequantize(raw, output.scale, output.zero_point).astype("<f4", copy=False)

    def _restart(self) -> None:
        """Forget what has come: the next window is the first."""
        raise NotImplementedError

    def _inputs(self, first: int, count: int) -> NDArray:
        """Give the model's inputs for windows from number ``first`` on, (count, ...), as real numbers."""
        raise NotImplementedError

    def _decide(self, scores: NDArray[np.int8]) -> str:
        """Take the raw scores of the next window; give what there is to say, or an empty text."""
        raise NotImplementedError

    def _probability(self, score: float) -> str:
        """Write an average score as the sketches do."""
        output = self._require_model().interpreter.outputs[0]
        percent = int((score - output.zero_point) * output.scale * 100 + 0.5)
        return f"{percent // 100}.{percent % 100:02d}"

    def _complete_s(self, number: int) -> float:
        return self._begun_s + (self.delay_s + (number + 1) * self._every_s) / self._pace

    def _go_on(self, windows: int) -> None:
        """Let the model run on the windows that are missing up to this number."""
        while (count := min(self._most, windows - self._windows)) > 0:
            for scores in self._run(self._inputs(self._windows, count)):
                if text := self._decide(scores):
                    self._events.append((self._windows, text))
                self._windows += 1

    def _run(self, inputs: NDArray) -> NDArray[np.int8]:
        interpreter = self._require_model().interpreter
        tensor = interpreter.inputs[0]
        raw = quantize(inputs, tensor.scale, tensor.zero_point, tensor.dtype)
        outputs = interpreter.run(raw.reshape(len(raw), *tensor.window_shape), progress=False)
        assert isinstance(outputs, np.ndarray)
        self._outputs += outputs.tobytes()
        return outputs.reshape(len(raw), -1)

    def _require_model(self) -> LoadedModel:
        assert self._loaded is not None, "use() comes first"
        return self._loaded
