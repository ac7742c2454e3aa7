"""From the pieces of a stream to scores and events, as long as it lasts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from tinyml_labs.event_matching import Event
from tinyml_labs.features import SpectrogramSettings, WindowSettings
from tinyml_labs.link import BoardError
from tinyml_labs.smoothing import ScoreSmoother, SmootherSettings
from tinyml_labs.stream_model import ModelRunner
from tinyml_labs.stream_prediction import StreamPrediction
from tinyml_labs.stream_source import Piece, StreamSource


class WindowResult(NamedTuple):
    """What ``on_window`` is given: first sample, end in seconds, scores (classes,), and the event if it is one."""

    start: int
    time_s: float
    scores: NDArray[np.float32]
    event: Event | None


OnWindow = Callable[[WindowResult], object]


class Windows(Protocol):
    """What makes windows of pieces.

    Attributes
    ----------
    span : int
        How many samples of the source a window is made of.
    """

    span: int

    def feed(self, piece: Piece) -> Iterator[tuple[NDArray[Any], NDArray[np.int64]]]:
        """Give the windows that a piece completes, and the numbers of their first samples."""


class StreamRun:
    """The state between two windows, and the results so far.

    Parameters
    ----------
    source : StreamSource
    windows : Windows
    runner : ModelRunner
        Of the model that says something about the windows.
    answer : callable
        Windows to raw outputs, (W, classes).
    window, spectrogram, smoother, labels
        As in :class:`tinyml_labs.stream_prediction.StreamPrediction`.
    on_window : callable, optional
        Is given a :class:`WindowResult` after each window.
    """

    def __init__(
        self,
        source: StreamSource,
        windows: Windows,
        runner: ModelRunner,
        answer: Callable[[NDArray[Any]], NDArray[Any]],
        *,
        window: WindowSettings,
        spectrogram: SpectrogramSettings | None,
        smoother: SmootherSettings | None,
        labels: tuple[str, ...],
        on_window: OnWindow | None,
    ) -> None:
        self._source, self._windows, self._runner, self._answer = source, windows, runner, answer
        self._window, self._spectrogram, self._settings = window, spectrogram, smoother
        self._labels, self._on_window = labels, on_window
        self._smoother = None if smoother is None else ScoreSmoother(smoother)
        self._results: list[tuple[NDArray[np.int64], NDArray[Any], NDArray[np.int64]]] = []
        self._resets: list[int] = []
        self._count = self._reached = 0

    def to_the_end(self, *, progress: bool) -> StreamPrediction:
        """Take all of the source; a board's stream may be interrupted, or break off once there is a window.

        Raises
        ------
        KeyboardInterrupt, BoardError
            If it is not, or there is none.
        """
        source, ended = self._source, "complete"
        with tqdm(
            total=source.total, desc="stream", unit=" samples", leave=False, delay=2, disable=not progress
        ) as bar:
            try:
                for piece in source.pieces():
                    for _ in self._feed(piece):
                        bar.update(min(self._reached, source.end) - bar.n)
            except KeyboardInterrupt:
                if not source.live:
                    raise
                ended = "stopped"
            except BoardError as error:
                if not source.live or not self._count:  # a recording is still there, to be asked again
                    raise
                ended = "broken off"
                warnings.warn(f"{error} What was found before is kept.", RuntimeWarning, stacklevel=3)
        return self._result(ended)

    def _feed(self, piece: Piece) -> Iterator[None]:
        """Take a piece of the stream; yields after each batch of windows."""
        if piece.anew:
            self._resets.append(self._count)
            self._runner.reset()
            if self._smoother is not None:
                self._smoother.reset()
        for windows, starts in self._windows.feed(piece):
            outputs = self._answer(windows)
            decisions = np.full(len(starts), -1, np.int64)
            if self._smoother is not None:
                decisions[:] = [self._smoother.update(row) for row in outputs]
            self._results.append((starts, outputs, decisions))
            self._count += len(starts)
            self._reached = int(starts[-1]) + self._windows.span
            self._tell(starts, outputs, decisions)
            yield

    def _tell(self, starts: NDArray[np.int64], outputs: NDArray[Any], decisions: NDArray[np.int64]) -> None:
        if self._on_window is None:
            return
        times = (starts + self._windows.span) / self._source.rate_hz
        for k, scores in enumerate(self._runner.real(outputs)):
            found, time_s = int(decisions[k]), float(times[k])
            event = Event(self._labels[found], time_s) if found >= 0 else None
            self._on_window(WindowResult(int(starts[k]), time_s, scores, event))

    def _result(self, ended: str) -> StreamPrediction:
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
            spectrogram=self._spectrogram,
            smoother=self._settings,
            rate_hz=self._source.rate_hz,
            seconds=self._source.end / self._source.rate_hz,
            gaps=tuple(self._source.gaps),
            model_sha256=self._runner.sha256,
            scale=self._runner.output.scale,
            zero_point=self._runner.output.zero_point,
            ended=ended,
        )
