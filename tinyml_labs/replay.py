"""Replay a recording through a board's model, and compare with the host: hardware in the loop.

>>> from tinyml_labs import capture
>>> from tinyml_labs.replay import replay
>>> print(replay(capture.load_recording("recordings/circle_001"), "/dev/ttyACM0", classifier=mine))  # doctest: +SKIP

The windows are cut and their features computed here, so that both sides get the same bytes: what differs then is the
model's arithmetic, and nothing else. With firmware that was deployed with taps, the first layer that goes wrong is
named.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from tinyml_labs.link import Board
from tinyml_labs.parity import LayerDivergence, ParityReport, check_parity
from tinyml_labs.recorded_inputs import Classifier, Source, recorded_inputs

__all__ = ["LayerDivergence", "ParityReport", "replay"]


def replay(
    recording: Source | str | os.PathLike[str],
    board: Board | str,
    *,
    model: bytes | str | os.PathLike[str] | None = None,
    classifier: Classifier | None = None,
    windows: int | None = None,
    same_model: bool = True,
    progress: bool = True,
) -> ParityReport:
    """Send a recording, window by window, to the model on a board, and compare its answers with the host's.

    Parameters
    ----------
    recording : Recording, path of one, or array
        See :func:`tinyml_labs.recorded_inputs.recorded_inputs`.
    board : Board or str
        An open board, or its port.
    model : bytes or path, optional
        A .tflite model, for recordings that are its inputs as they are.
    classifier : GestureClassifier, KeywordClassifier or PersonClassifier, optional
        Its features and its model. One of the two is given.
    windows : int, optional
        How many, from the first; all by default.
    same_model : bool
        Insist that the board runs this very file.
    progress : bool
        Show progress bars if it takes over two seconds.

    Returns
    -------
    ParityReport

    Raises
    ------
    ModelMismatch
        If the board runs another model, or none.
    ValueError, TypeError
        A recording that the model cannot take.
    BoardError
        A board that falls silent or goes away.
    """
    if windows is not None and windows < 1:
        raise ValueError(f"windows is {windows}; one at least, or None for all.")
    if isinstance(recording, (str, os.PathLike)):
        from tinyml_labs.capture import load_recording

        recording = load_recording(recording)
    data = model if model is None or isinstance(model, bytes) else Path(model).read_bytes()
    inputs = recorded_inputs(recording, classifier=classifier, model=data)[:windows]
    if data is None:
        assert classifier is not None
        data = classifier.model
    with ExitStack() as stack:
        opened = stack.enter_context(Board(board)) if isinstance(board, str) else board
        return check_parity(opened, data, inputs, same_model=same_model, progress=progress)
