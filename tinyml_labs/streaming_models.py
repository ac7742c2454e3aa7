"""A trained keyword network in its streaming form: it computes what is new with a few frames and remembers the rest.

>>> network = models.build_ds_cnn(padding="valid")                # doctest: +SKIP
>>> stream = streaming_models.make_streaming(network)             # doctest: +SKIP
>>> model = conversion.convert(stream, training_data=x_train)     # doctest: +SKIP

The network is trained on whole windows as ever; its streaming form takes (1, 2, 40, 1), two frames, every 40 ms.

The windows of an always-on network overlap: a second, ten times a second, is computed ten times. A row of a
convolution that does not pad in time depends on a few frames alone, wherever the window begins; so each layer keeps
the rows that its next row needs too, and the average keeps the rows that it is of. What comes out is what the
network answers to the whole window.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.quiet import import_quietly

__all__ = ["frames_heard", "is_streaming", "make_streaming", "predict_stream", "reset_stream", "split_steps"]

_BY_ITSELF = ("BatchNormalization", "ReLU", "Dropout")  # a row's output depends on no other row
_AFTER_THE_AVERAGE = ("Dense", "Dropout")
_KNOWN = "Conv2D, DepthwiseConv2D, BatchNormalization, ReLU, Dropout, then GlobalAveragePooling2D, then Dense"


def make_streaming(model: Any, frames_a_step: int = 2) -> Any:
    """Make the streaming form of a network that was built, and trained, for whole windows.

    Parameters
    ----------
    model : keras.Model
        (N, frames, channels, 1) to (N, classes): a chain of Conv2D, DepthwiseConv2D, BatchNormalization, ReLU and
        Dropout, then GlobalAveragePooling2D, then Dense. Convolutions must not pad in time:
        ``models.build_ds_cnn(padding="valid")``. It is not changed, and its layers are shared: what it learns
        later, both know (then call :func:`reset_stream`).
    frames_a_step : int
        New frames for each answer; a multiple of the product of the layers' strides.

    Returns
    -------
    keras.Model
        (1, frames_a_step, channels, 1) to (1, classes). It remembers from call to call, and begins with silence
        (frames of zeros) before the first frame. From then on its answer is that of ``model`` to a window whose first
        :func:`frames_heard` frames are the newest ones.

    Raises
    ------
    TypeError
        Not a Keras model.
    ValueError
        A layer that has no streaming form, a branch, or a step that does not fit the strides or the window.

    Notes
    -----
    O. Rybakov et al., "Streaming Keyword Spotting on Mobile Devices" (Interspeech 2020), arXiv:2005.06720.
    """
    keras = import_quietly("keras")
    layers, (frames, *row) = _chain(model), model.inputs[0].shape[1:]
    if frames_a_step < 1 or frames_a_step % _stride(layers):
        raise ValueError(
            f"frames_a_step is {frames_a_step}, expected a multiple of {_stride(layers)}: so many frames make one "
            "new row after the layers' strides in time."
        )
    inputs = x = keras.Input(batch_shape=(1, frames_a_step, *row), name="frames")
    rows = frames
    for layer in layers:
        if _is_convolution(layer):
            size, stride = _reach(layer)
            rows = (rows - size) // stride + 1
            x = _remember(x, size - stride, layer)
        elif type(layer).__name__ == "GlobalAveragePooling2D":
            if rows < x.shape[1]:
                raise ValueError(
                    f"A step of {frames_a_step} frames makes {x.shape[1]} rows, and the window has {rows}. Expected "
                    "a step that is shorter than the window."
                )
            x = _remember(_average_columns(x, layer), rows - x.shape[1], layer)
        elif type(layer).__name__ == "Dropout":
            continue
        x = layer(x)
    streaming = keras.Model(inputs, x, name=f"{model.name}_streaming")
    reset_stream(streaming)
    return streaming


def frames_heard(model: Any) -> int:
    """Say how many of a window's frames, from its first on, a network's answer depends on.

    Parameters
    ----------
    model : keras.Model
        For whole windows, as :func:`make_streaming` takes it.

    Returns
    -------
    int
        48 of 49 frames if the first convolution is 10 frames long and keeps every second: the last is left over.
    """
    layers, rows = _chain(model), model.inputs[0].shape[1]
    reach = 1
    step = 1
    for size, stride in (_reach(layer) for layer in layers if _is_convolution(layer)):
        rows = (rows - size) // stride + 1
        reach += (size - 1) * step
        step *= stride
    return int(reach + (rows - 1) * step)


def is_streaming(model: Any) -> bool:
    """Whether a Keras model is one that :func:`make_streaming` made."""
    return bool(_memories(model))


def reset_stream(streaming: Any) -> None:
    """Begin a new stream: forget all, and hear silence (frames of zeros) for the length of a window.

    Raises
    ------
    ValueError
        A model that :func:`make_streaming` did not make.
    """
    memories = _memories(streaming)
    if not memories:
        raise ValueError(f"Model '{streaming.name}' is for whole windows. Expected one that make_streaming gave.")
    for memory in memories:
        memory.kept.assign(np.zeros(memory.kept.shape, np.float32))
    steps = 1 + sum(math.ceil(memory.kept.shape[1] / memory.fresh) for memory in memories)
    _run(streaming, np.zeros((steps, *streaming.inputs[0].shape[1:]), np.float32))


def predict_stream(streaming: Any, frames: ArrayLike) -> NDArray[np.float32]:
    """Give a streaming Keras model's answers to a whole stream, from a fresh state.

    Parameters
    ----------
    streaming : keras.Model
        Of :func:`make_streaming`.
    frames : array, (n, channels) or (n, channels, 1)
        A spectrogram in real numbers, ``features.to_real``. A rest that is no whole step is left out.

    Returns
    -------
    float32 array, (steps, classes)
    """
    reset_stream(streaming)
    _, size, *row = streaming.inputs[0].shape
    values = np.asarray(frames, np.float32)
    return _run(streaming, split_steps(values.reshape(1, len(values), *row), size))


def split_steps(clips: NDArray[np.float32], frames_a_step: int) -> NDArray[np.float32]:
    """Cut clips (N, frames, channels, 1) into the steps of a stream, one clip after the other: (steps, ...)."""
    count = clips.shape[1] // frames_a_step
    return clips[:, : count * frames_a_step].reshape(-1, frames_a_step, *clips.shape[2:])


def _run(streaming: Any, steps: NDArray[np.float32]) -> NDArray[np.float32]:
    if not len(steps):
        return np.empty((0, streaming.outputs[0].shape[-1]), np.float32)
    return np.asarray(streaming.predict(steps, batch_size=1, verbose=0), np.float32)


@cache
def _memory() -> Any:
    """Keras's layer class for what is remembered."""
    keras = import_quietly("keras")

    class Memory(keras.layers.Layer):  # type: ignore[name-defined]
        """Put the last rows of before in front of the new ones: (1, fresh, ...) to (1, rows + fresh, ...)."""

        def __init__(self, rows: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.rows = rows

        def build(self, shape: tuple[int, ...]) -> None:
            self.fresh = shape[1]
            self.kept = self.add_weight(
                shape=(1, self.rows, *shape[2:]), initializer="zeros", trainable=False, name="kept"
            )

        def call(self, rows: Any) -> Any:
            joined = keras.ops.concatenate([self.kept, rows], axis=1)
            self.kept.assign(joined[:, self.fresh :])
            return joined

    return Memory


def _remember(x: Any, rows: int, layer: Any) -> Any:
    return _memory()(rows, name=f"before_{layer.name}")(x) if rows else x


def _average_columns(x: Any, layer: Any) -> Any:
    """Make a row one value a channel: so much less to remember.

    A convolution rounds; the int8 op for an average is off by a quarter of a step, always to the same side.
    """
    keras = import_quietly("keras")
    same = keras.initializers.Constant(1 / x.shape[2])
    name = f"columns_of_{layer.name}"
    columns = keras.layers.DepthwiseConv2D((1, x.shape[2]), use_bias=False, depthwise_initializer=same, name=name)
    columns.trainable = False
    return columns(x)


def _memories(model: Any) -> list[Any]:
    return [layer for layer in getattr(model, "layers", ()) if isinstance(layer, _memory())]


def _chain(model: Any) -> list[Any]:
    """Give the layers of a network that streams, in order; say which one does not."""
    keras = import_quietly("keras")
    if not isinstance(model, keras.Model):
        raise TypeError(f"model is {type(model).__name__}, expected a keras.Model that takes whole windows.")
    nodes = (getattr(model, "_functional", None) or model).__dict__.get("_nodes_by_depth", {})
    shape = tuple(model.inputs[0].shape) if nodes else ()
    if len(shape) != 4 or None in shape[1:] or any(len(found) != 1 for found in nodes.values()):
        raise ValueError(
            f"Model '{model.name}' is no chain of layers from one window (frames, channels, 1) to its scores. "
            f"Expected {_KNOWN}."
        )
    layers = [nodes[depth][0].operation for depth in sorted(nodes, reverse=True)][1:]
    if is_streaming(model):
        raise ValueError(f"Model '{model.name}' is a streaming form already.")
    averaged = False
    for layer in layers:
        reason = _reason_against(layer, averaged)
        if reason:
            raise ValueError(f"Layer '{layer.name}' ({type(layer).__name__}) has no streaming form here: {reason}")
        averaged = averaged or type(layer).__name__ == "GlobalAveragePooling2D"
    if not averaged:
        raise ValueError(f"Model '{model.name}' has no average over its window. Expected {_KNOWN}.")
    return layers


def _reason_against(layer: Any, averaged: bool) -> str:
    """Say why a layer cannot stream; nothing if it can."""
    keras = import_quietly("keras")
    kind = type(layer).__name__
    if averaged:
        return (
            ""
            if kind in _AFTER_THE_AVERAGE
            else f"after the average there may be {' and '.join(_AFTER_THE_AVERAGE)}."
        )
    if kind == "Flatten":
        return "each score would have its own weights for each moment. Use GlobalAveragePooling2D in its place."
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return "its data_format is channels_first; expected channels_last."
    if _is_convolution(layer):
        size, stride = _reach(layer)
        if layer.padding != "valid" and (size > 1 or stride > 1):
            return (
                "it pads in time, so that its rows depend on where the window begins. Build and train the network "
                'with padding="valid".'
            )
        return f"it skips frames (stride {stride}, size {size})." if stride > size else ""
    if isinstance(layer, keras.layers.BatchNormalization):
        return "" if layer.axis in (-1, 3) else f"it normalises axis {layer.axis}; expected the last."
    return "" if kind in (*_BY_ITSELF, "GlobalAveragePooling2D") else f"known are {_KNOWN}."


def _is_convolution(layer: Any) -> bool:
    return type(layer).__name__ in ("Conv2D", "DepthwiseConv2D")


def _reach(layer: Any) -> tuple[int, int]:
    """Give how many rows a row of a convolution is made of, and how many rows lie between two of them."""
    return (layer.kernel_size[0] - 1) * layer.dilation_rate[0] + 1, layer.strides[0]


def _stride(layers: list[Any]) -> int:
    return math.prod(_reach(layer)[1] for layer in layers if _is_convolution(layer))
