"""Run a model over a stream, window by window, as a board does: of a recording, or of a board as it measures.

>>> from tinyml_labs.streaming import stream_predict
>>> found = stream_predict(recording, "gestures.tflite", window=window, smoother=smoother)   # doctest: +SKIP
>>> live = stream_predict(board, board, window=window, smoother=smoother, seconds=30)        # doctest: +SKIP
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from tinyml_labs.capture import Recording
from tinyml_labs.event_matching import Event
from tinyml_labs.features import WindowSettings
from tinyml_labs.inference import Interpreter
from tinyml_labs.link import Board, BoardError
from tinyml_labs.smoothing import ScoreSmoother, SmootherSettings
from tinyml_labs.stream_model import Features, ModelRunner, open_model
from tinyml_labs.stream_prediction import StreamPrediction
from tinyml_labs.stream_source import Channels, LiveSource, Piece, StreamSource, WindowStream, open_source

__all__ = ["StreamPrediction", "WindowResult", "stream_predict"]


class WindowResult(NamedTuple):
    """What ``on_window`` is given: first sample, end in seconds, scores (classes,), and the event if it is one."""

    start: int
    time_s: float
    scores: NDArray[np.float32]
    event: Event | None


def stream_predict(
    source: Recording | Board | ArrayLike,
    model: bytes | str | os.PathLike[str] | Interpreter | Board,
    *,
    window: WindowSettings,
    smoother: SmootherSettings | None = None,
    features: Features | None = None,
    labels: Sequence[str] = (),
    channels: Channels = None,
    sensor: str | None = None,
    seconds: float | None = None,
    on_window: Callable[[WindowResult], object] | None = None,
    progress: bool = True,
) -> StreamPrediction:
    """Cut a stream into windows, run the model on each, and turn the scores into events.

    The same samples and model give the same bytes, wherever the samples come from and the model runs: windows are cut
    as ``tinyml/windower.h`` does, each is made features by itself, and scores become events in integers. A gap in the
    samples resets windower and smoother: no window and no average goes across it.

    Parameters
    ----------
    source : Recording, array (N, channels), or link.Board
        A board's sensor is streamed as it measures, until ``seconds`` are over or the cell is interrupted. Samples
        that come while the model runs wait.
    model : bytes or path of a .tflite, an open Interpreter, or link.Board
        Where it runs: on the host, or on a board that has it already (``board.load``), one inference a
        window over the link. That may be the board that is the source.
    window : WindowSettings
    smoother : SmootherSettings, optional
        Without one there are scores and no events.
    features : callable, optional
        Windows (1, length, channels) float32 to model inputs (1, ...), real numbers. Without it the window itself is
        the input. It is given one window at a time, so that its rounding cannot depend on how many there are.
    labels : sequence of str
        A name for each class; "0", "1", … by default.
    channels : list of str or of int, optional
        Which channels, and in which order, by name or number; all by default.
    sensor : str, optional
        Which of a board's sensors; ``"imu"`` or the first by default.
    seconds : float, optional
        How much of the source.
    on_window : callable, optional
        Is given a :class:`WindowResult` after each window.
    progress : bool
        Show a progress bar if it takes over two seconds.

    Returns
    -------
    StreamPrediction
        After an interruption of a board's stream: of what there was (``ended`` is "stopped"); so also if the board
        went away in the middle ("broken off", with a warning that says why).

    Raises
    ------
    ValueError, TypeError
        A rate more than 2 % off ``window.rate_hz``, inputs of another size than the model's, labels or a smoother
        that do not fit its output.
    BoardError
        A board without a model, or one that falls silent or goes away before the first window.
    InferenceError
        A model that does not run.
    """
    with contextlib.ExitStack() as stack:
        runner = stack.enter_context(open_model(model))
        names = _check_output(runner, labels, smoother)
        opened = open_source(source, window, channels=channels, sensor=sensor, seconds=seconds)
        if isinstance(opened, LiveSource):
            stack.callback(opened.close)
        stream = _Stream(opened, runner, window, smoother, features, names, on_window)
        ended = "complete"
        with tqdm(
            total=opened.total, desc="stream", unit=" samples", leave=False, delay=2, disable=not progress
        ) as bar:
            try:
                for piece in opened.pieces():
                    for _ in stream.feed(piece):
                        bar.update(min(stream.reached, opened.end) - bar.n)
            except KeyboardInterrupt:
                if not opened.live:
                    raise
                ended = "stopped"
            except BoardError as error:
                if not opened.live or not stream.windows:  # a recording is still there, to be asked again
                    raise
                ended = "broken off"
                warnings.warn(f"{error} What was found before is kept.", RuntimeWarning, stacklevel=2)
        return stream.result(ended)


class _Stream:
    """The state between two windows, and the results so far."""

    def __init__(
        self,
        source: StreamSource,
        runner: ModelRunner,
        window: WindowSettings,
        smoother: SmootherSettings | None,
        features: Features | None,
        labels: tuple[str, ...],
        on_window: Callable[[WindowResult], object] | None,
    ) -> None:
        self.reached = 0
        self._source, self._runner, self._window = source, runner, window
        self._settings, self._features, self._labels, self._on_window = smoother, features, labels, on_window
        self._windows = WindowStream(window)
        self._smoother = None if smoother is None else ScoreSmoother(smoother)
        self._results: list[tuple[NDArray[np.int64], NDArray[Any], NDArray[np.int64]]] = []
        self.windows = 0
        self._resets: list[int] = []

    def feed(self, piece: Piece) -> Iterator[None]:
        """Take a piece of the stream; yields after each batch of windows."""
        if piece.anew:
            self._resets.append(self.windows)
            if self._smoother is not None:
                self._smoother.reset()
        for windows, starts in self._windows.feed(piece):
            outputs = self._runner.predict(windows, self._features)
            decisions = np.full(len(starts), -1, np.int64)
            if self._smoother is not None:
                decisions[:] = [self._smoother.update(row) for row in outputs]
            self._results.append((starts, outputs, decisions))
            self.windows += len(starts)
            self.reached = int(starts[-1]) + self._window.length
            self._tell(starts, outputs, decisions)
            yield

    def _tell(self, starts: NDArray[np.int64], outputs: NDArray[Any], decisions: NDArray[np.int64]) -> None:
        if self._on_window is None:
            return
        times = (starts + self._window.length) / self._source.rate_hz
        for k, scores in enumerate(self._runner.real(outputs)):
            found, time_s = int(decisions[k]), float(times[k])
            event = Event(self._labels[found], time_s) if found >= 0 else None
            self._on_window(WindowResult(int(starts[k]), time_s, scores, event))

    def result(self, ended: str) -> StreamPrediction:
        """Give what there is."""
        starts, outputs, decisions = (
            np.concatenate([result[k] for result in self._results]) if self._results else nothing
            for k, nothing in enumerate((np.empty(0, np.int64), self._runner.no_outputs, np.empty(0, np.int64)))
        )
        return StreamPrediction(
            starts=starts,
            outputs=outputs,
            scores=self._runner.real(outputs),
            decisions=decisions,
            resets=tuple(self._resets),
            labels=self._labels,
            window=self._window,
            smoother=self._settings,
            rate_hz=self._source.rate_hz,
            seconds=self._source.end / self._source.rate_hz,
            gaps=tuple(self._source.gaps),
            model_sha256=self._runner.sha256,
            ended=ended,
        )


def _check_output(runner: ModelRunner, labels: Sequence[str], smoother: SmootherSettings | None) -> tuple[str, ...]:
    """Check that labels and smoother fit the model's output; give a name for each class."""
    classes = int(np.prod(runner.output.window_shape))
    if isinstance(labels, str) or (len(labels) and (len(labels) != classes or len(set(labels)) != classes)):
        raise ValueError(
            f"labels is {labels!r}; the model has {classes} classes: give each its own name, in their order."
        )
    if smoother is not None:
        if runner.output.dtype.kind not in "iu":
            raise ValueError(
                f"The model's output is {runner.output.dtype}, and the smoother works on integers, as on the board. "
                "Convert the model to int8, or leave the smoother out."
            )
        smoother.require_classes(classes)
    return tuple(labels) or tuple(str(k) for k in range(classes))
