"""Run a model over a stream, window by window, as a board does: of a recording, or of a board as it measures.

>>> from tinyml_labs.streaming import stream_predict
>>> found = stream_predict(recording, "gestures.tflite", window=window, smoother=smoother)   # doctest: +SKIP
>>> live = stream_predict(board, board, window=window, smoother=smoother, seconds=30)        # doctest: +SKIP
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from tinyml_labs.capture import Recording
from tinyml_labs.features import AudioFrontEnd, WindowSettings
from tinyml_labs.inference import Interpreter
from tinyml_labs.link import Board
from tinyml_labs.smoothing import SmootherSettings
from tinyml_labs.stream_front_end import SoundWindowStream
from tinyml_labs.stream_model import Features, ModelRunner, open_model
from tinyml_labs.stream_prediction import StreamPrediction
from tinyml_labs.stream_run import StreamRun, WindowResult
from tinyml_labs.stream_source import Channels, LiveSource, WindowStream, open_source

__all__ = ["StreamPrediction", "WindowResult", "stream_predict"]

_MICROPHONE = "microphone"


def stream_predict(
    source: Recording | Board | ArrayLike,
    model: bytes | str | os.PathLike[str] | Interpreter | Board,
    *,
    window: WindowSettings,
    front_end: AudioFrontEnd | None = None,
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
    samples resets front end, windower and smoother: no window and no average goes across it. A streaming model, which
    remembers, is given windows one after the other, as long as its input; a gap resets it too.

    Parameters
    ----------
    source : Recording, array (N, channels), or link.Board
        A board's sensor is streamed as it measures, until ``seconds`` are over or the cell is interrupted. Samples
        that come while the model runs wait.
    model : bytes or path of a .tflite, an open Interpreter, or link.Board
        Where it runs: on the host, or on a board that has it already (``board.load``), one inference a
        window over the link. That may be the board that is the source. The board's kernels take milliseconds a
        window here; for a long stream ``inference.load(model, "litert")`` is faster, and within one of them.
    window : WindowSettings
        In samples; in frames, with a front end.
    front_end : AudioFrontEnd, optional
        For a keyword model: the source is sound, int16 (or float in -1..1) at 16 kHz, and a window is of
        ``features.to_real`` of its frames, (1, length, 40).
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
        Which of a board's sensors; by default ``"imu"`` or the first, with a front end ``"microphone"``.
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
        A rate more than 2 % off ``window.rate_hz`` (with a front end, 16,000 Hz), inputs of another size than the
        model's, labels or a smoother that do not fit its output, sound of several channels.
    BoardError
        A board without a model, or one that falls silent or goes away before the first window.
    InferenceError
        A model that does not run.
    """
    with contextlib.ExitStack() as stack:
        runner = stack.enter_context(open_model(model, window))
        names = _check_output(runner, labels, smoother)
        if front_end is not None and isinstance(source, Board):
            sensor = sensor or _MICROPHONE
        rate_hz = window.rate_hz if front_end is None else front_end.settings.rate_hz
        windows = WindowStream(window) if front_end is None else SoundWindowStream(front_end, window)
        opened = open_source(source, rate_hz, channels=channels, sensor=sensor, seconds=seconds)
        if isinstance(opened, LiveSource):
            stack.callback(opened.close)
        run = StreamRun(
            opened,
            windows,
            runner,
            lambda given: runner.predict(given, features),
            window=window,
            spectrogram=None if front_end is None else front_end.settings,
            smoother=smoother,
            labels=names,
            on_window=on_window,
        )
        return run.to_the_end(progress=progress)


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
