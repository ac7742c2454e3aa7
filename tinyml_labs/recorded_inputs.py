"""A recording as a model gets it: window by window, features and all, as the model's raw integers."""

from __future__ import annotations

from typing import Any, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.capture import Recording
from tinyml_labs.gesture_classifier import GestureClassifier
from tinyml_labs.inference import quantize
from tinyml_labs.inference.tensor_info import TensorInfo
from tinyml_labs.keyword_classifier import KeywordClassifier
from tinyml_labs.model_file import Tensor, read_model
from tinyml_labs.person_classifier import PersonClassifier
from tinyml_labs.stream_front_end import SoundWindowStream
from tinyml_labs.stream_model import ModelRunner
from tinyml_labs.stream_source import WindowStream, open_source

Classifier = Union[GestureClassifier, KeywordClassifier, PersonClassifier]  # noqa: UP007 - Python 3.10 at run time
Source = Union[Recording, ArrayLike]  # noqa: UP007


def recorded_inputs(
    recording: Source, *, classifier: Classifier | None = None, model: bytes | None = None
) -> NDArray[Any]:
    """Give what a model takes of a recording.

    Parameters
    ----------
    recording : Recording, or array
        Motion for a :class:`GestureClassifier`, sound for a :class:`KeywordClassifier`, pictures for a
        :class:`PersonClassifier`. For a model alone: samples that are cut into windows as long as its input, one
        behind the other; or an array (N, \\*window), of its own integers or of real numbers.
    classifier : GestureClassifier, KeywordClassifier or PersonClassifier, optional
    model : bytes, optional
        A .tflite model of one input. One of the two is given.

    Returns
    -------
    array, (N, \\*window), in the model's input dtype

    Raises
    ------
    ValueError, TypeError
        If both or none is given, or the recording is not what the model takes, with what it is.
    """
    if (classifier is None) == (model is None):
        raise ValueError(
            "Give a classifier, which knows how its model's inputs are made, or a model: one of the two."
        )
    if isinstance(classifier, PersonClassifier):
        inputs = _pictures(recording, classifier)
    elif classifier is not None:
        inputs = _windows(recording, classifier)
    else:
        assert model is not None
        inputs = _plain(recording, _one_input(model))
    if not len(inputs):
        raise ValueError("The recording is too short: not one whole window is in it.")
    return inputs


def _one_input(model: bytes) -> Tensor:
    inputs = read_model(model).inputs
    if len(inputs) != 1:
        raise ValueError(f"The model has {len(inputs)} inputs; the link sends models of one.")
    return inputs[0]


def _pictures(recording: Source, classifier: PersonClassifier) -> NDArray[Any]:
    if isinstance(recording, Recording) and recording.kind != "image":
        raise ValueError(
            f"{recording.path} is of {recording.sensor['name']}, and a person classifier takes pictures."
        )
    samples = recording.samples if isinstance(recording, Recording) else np.asarray(recording)
    tensor = read_model(classifier.model).inputs[0]
    return quantize(classifier.inputs(samples), float(tensor.scale), tensor.zero_point, tensor.dtype)


def _windows(recording: Source, classifier: GestureClassifier | KeywordClassifier) -> NDArray[Any]:
    """By the very steps of `stream_predict`, with a model that keeps what it is given."""
    settings = classifier.stream_settings()
    window, front_end = settings["window"], settings.get("front_end")
    parsed = read_model(classifier.model)
    kept: list[NDArray[Any]] = []

    def keep(raw: NDArray[Any]) -> NDArray[Any]:
        kept.append(raw)
        return np.zeros((len(raw), parsed.outputs[0].size), parsed.outputs[0].dtype)

    runner = ModelRunner(
        input=_info(parsed.inputs[0]),
        output=_info(parsed.outputs[0]),
        sha256=parsed.sha256,
        run=keep,
        reset=lambda: None,
    )
    rate_hz = window.rate_hz if front_end is None else front_end.settings.rate_hz
    channels = list(range(classifier.channels)) if isinstance(classifier, GestureClassifier) else None
    source = open_source(recording, rate_hz, channels=channels, sensor=None, seconds=None)
    stream = WindowStream(window) if front_end is None else SoundWindowStream(front_end, window)
    for piece in source.pieces():
        for windows, _ in stream.feed(piece):
            runner.predict(windows, settings.get("features"))
    shape = runner.input.window_shape
    return np.concatenate(kept) if kept else np.empty((0, *shape), parsed.inputs[0].dtype)


def _info(tensor: Tensor) -> TensorInfo:
    return TensorInfo(
        index=tensor.index,
        name=tensor.name,
        shape=tensor.shape,
        dtype=tensor.dtype,
        scale=float(tensor.scale),
        zero_point=int(tensor.zero_point),
    )


def _plain(recording: Source, tensor: Tensor) -> NDArray[Any]:
    window = tensor.shape[1:] if tensor.shape[:1] == (1,) else tensor.shape
    if isinstance(recording, Recording):
        given = np.concatenate([_cut(part, tensor.size) for part in recording.segments()])
    else:
        given = np.asarray(recording)
    if given.dtype.kind not in "iuf" or given.ndim == 0 or (given.size and given[0].size != tensor.size):
        raise ValueError(
            f"The recording has rows of {list(given.shape[1:])} values in {given.dtype}, and the model takes "
            f"{tensor.shape_text}. Give the classifier that knows how its inputs are made."
        )
    rows = given.reshape(len(given), *window)
    if rows.dtype == tensor.dtype:
        return rows
    if rows.dtype.kind in "iu" and not isinstance(recording, Recording):
        raise TypeError(f"The rows are {rows.dtype}, and the model takes {tensor.dtype} (or real numbers).")
    if not tensor.scale:
        return rows.astype(tensor.dtype)
    return quantize(rows, float(tensor.scale), tensor.zero_point, tensor.dtype)


def _cut(samples: NDArray[Any], size: int) -> NDArray[Any]:
    """Cut a segment, (N, channels), into rows of ``size`` values, one behind the other; a rest is left out."""
    values = samples.reshape(len(samples), -1)
    if size % values.shape[1]:
        raise ValueError(
            f"A sample of the recording has {values.shape[1]} values, and {size} of the model's input are no whole "
            "number of them. Give the classifier that knows how its inputs are made."
        )
    length = size // values.shape[1]
    count = len(values) // length
    return values[: count * length].reshape(count, size)
