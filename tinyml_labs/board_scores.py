"""What a board that classifies by itself says about its own stream: the sensor ``scores`` of the kit's sketches.

>>> from tinyml_labs.board_scores import read_board_scores
>>> found = read_board_scores(board, classifier, seconds=60)     # doctest: +SKIP
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.capture import Gap
from tinyml_labs.gesture_classifier import GestureClassifier
from tinyml_labs.inference import TensorInfo, dequantize, quantize
from tinyml_labs.keyword_classifier import KeywordClassifier
from tinyml_labs.link import Board
from tinyml_labs.stream_model import open_model
from tinyml_labs.stream_prediction import StreamPrediction
from tinyml_labs.stream_run import OnWindow, StreamRun
from tinyml_labs.stream_source import LiveSource, Piece, check_seconds

SCORES = "scores"


def read_board_scores(
    board: Board,
    classifier: KeywordClassifier | GestureClassifier,
    *,
    seconds: float | None = None,
    sensor: str = SCORES,
    on_window: OnWindow | None = None,
    progress: bool = True,
) -> StreamPrediction:
    """Listen to a board that runs front end, model and smoother by itself: its scores, and the events they make.

    Samples are not sent, only scores: some hundred bytes a second. The virtual board (``virtual://?spotter=…&play=…``)
    plays its sound from the beginning when a stream begins, so that the first window is the host's first, and
    :func:`tinyml_labs.evaluation.compare_streams` can hold one against the other. A real board is somewhere in the
    middle of its sound; then ``starts`` count from its first window.

    Parameters
    ----------
    board : link.Board
        With the sketch ``keyword_spotter`` or ``gesture_classifier``, or a virtual one with ``spotter=``.
    classifier : KeywordClassifier or GestureClassifier
        The one that is on the board: its settings say how a window's number becomes a time, and which scores are an
        event.
    seconds : float, optional
        As many windows as are complete in so long a stream; without it until the cell is interrupted.
    sensor : str
        The name of the board's scores.
    on_window : callable, optional
        Is given a :class:`tinyml_labs.streaming.WindowResult` after each window.
    progress : bool
        Show a progress bar if it takes over two seconds.

    Returns
    -------
    StreamPrediction
        Its ``outputs`` are the model's raw outputs again. A gap (scores that were lost on the way) resets the
        smoother here, and not on the board.

    Raises
    ------
    ModelMismatch
        Another model is on the board.
    ValueError
        The board's scores are of other labels or another rate, or not those of its model's output.
    BoardError
        The board has no such sensor, or falls silent before the first window.
    """
    board.require_model(classifier.model)
    spectrogram = classifier.spectrogram if isinstance(classifier, KeywordClassifier) else None
    window = classifier.window
    rate_hz = window.rate_hz if spectrogram is None else spectrogram.rate_hz
    span = window.length if spectrogram is None else spectrogram.samples(window.length)
    stride = window.stride * (1 if spectrogram is None else spectrogram.samples_a_stride)
    with contextlib.ExitStack() as stack:
        runner = stack.enter_context(open_model(board, window))
        source = _ScoreSource(
            board, list(classifier.labels), sensor, rate_hz=rate_hz, span=span, stride=stride, seconds=seconds
        )
        stack.callback(source.close)
        run = StreamRun(
            source,
            source,
            runner,
            lambda scores: _to_raw(scores, runner.output),
            window=window,
            spectrogram=spectrogram,
            smoother=classifier.smoother,
            labels=classifier.labels,
            on_window=on_window,
        )
        return run.to_the_end(progress=progress)


class _ScoreSource:
    """Scores in place of windows: source and windower in one. It counts in samples of the sound or motion."""

    live = True

    def __init__(
        self,
        board: Board,
        labels: list[str],
        sensor: str,
        *,
        rate_hz: float,
        span: int,
        stride: int,
        seconds: float | None,
    ) -> None:
        check_seconds(seconds)
        self.rate_hz, self.span, self._stride = rate_hz, span, stride
        self.total = None if seconds is None else round(seconds * rate_hz)
        windows = None if self.total is None else max(0, (self.total - span) // stride + 1)
        scores_hz = rate_hz / stride
        self._scores = LiveSource(board, scores_hz, labels, None if windows is None else windows / scores_hz, sensor)
        self._windows = windows

    @property
    def end(self) -> int:
        """How many samples have become scores."""
        if self.total is not None and self._scores.end == self._windows:
            return self.total
        return self.span + (self._scores.end - 1) * self._stride if self._scores.end else 0

    @property
    def gaps(self) -> list[Gap]:
        """Where scores are missing."""
        return [
            replace(gap, at=gap.at * self._stride, first=gap.first * self._stride, missing=gap.missing * self._stride)
            for gap in self._scores.gaps
        ]

    def pieces(self) -> Iterator[Piece]:
        """Give the scores as they come."""
        return self._scores.pieces()

    def feed(self, piece: Piece) -> Iterator[tuple[NDArray[Any], NDArray[np.int64]]]:
        """Give the scores of a piece, and where their windows begin."""
        yield piece.samples, (piece.first + np.arange(len(piece.samples), dtype=np.int64)) * self._stride

    def close(self) -> None:
        """End the stream; the board stays open."""
        self._scores.close()


def _to_raw(scores: NDArray[Any], output: TensorInfo) -> NDArray[Any]:
    raw = quantize(scores, output.scale, output.zero_point, output.dtype)
    if not np.array_equal(dequantize(raw, output.scale, output.zero_point), scores):
        raise ValueError(
            f"The board's scores are not what its model can give, {output.dtype} in steps of {output.scale:g}: "
            f"{scores[0].tolist()}. Is this sensor the one with the scores?"
        )
    return raw
