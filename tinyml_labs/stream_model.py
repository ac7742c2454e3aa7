"""A model that is asked window by window, on the host or on a board."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs import inference
from tinyml_labs.features import WindowSettings
from tinyml_labs.inference import Interpreter, TensorInfo, dequantize, quantize
from tinyml_labs.link import Board, BoardError

Features = Callable[[NDArray[np.float32]], ArrayLike]


def _nothing_to_forget() -> None:
    """Reset a model that does not remember."""


@dataclass(frozen=True, kw_only=True)
class ModelRunner:
    """A model of one input and one output, wherever it runs.

    Attributes
    ----------
    input, output : TensorInfo
    sha256 : str
        Hash of the model, in hexadecimal.
    run : callable
        Raw inputs (W, \\*window) to raw outputs.
    reset : callable
        Forget what was heard, after a gap: for a model that remembers.
    """

    input: TensorInfo
    output: TensorInfo
    sha256: str
    run: Callable[[NDArray[Any]], NDArray[Any]]
    reset: Callable[[], object] = _nothing_to_forget

    @property
    def no_outputs(self) -> NDArray[Any]:
        """The raw outputs of no windows, (0, classes)."""
        return np.empty((0, int(np.prod(self.output.window_shape))), self.output.dtype)

    def predict(self, windows: NDArray[np.float32], features: Features | None) -> NDArray[Any]:
        """Give the raw outputs, (W, classes), of windows (W, length, channels).

        Raises
        ------
        ValueError
            If a window, or its features, are not as many values as the model takes.
        """
        if features is None:
            values: NDArray[Any] = windows
            what = f"A window has {windows.shape[1]} samples of {windows.shape[2]} channels"
        else:
            values = np.concatenate([_one_row(features(windows[k : k + 1])) for k in range(len(windows))])
            what = f"The features of a window have shape {values.shape[1:]}"
        shape = self.input.window_shape
        if values[0].size != int(np.prod(shape)):
            raise ValueError(
                f"{what}, {values[0].size} values, and the model takes {shape}, {int(np.prod(shape))} values. Give "
                "the window, channels and features that it was trained with."
            )
        values = values.reshape(len(values), *shape)
        tensor = self.input
        raw = quantize(values, tensor.scale, tensor.zero_point, tensor.dtype) if tensor.scale else values
        return self.run(raw.astype(tensor.dtype, copy=False)).reshape(len(values), -1)

    def real(self, outputs: NDArray[Any]) -> NDArray[np.float32]:
        """Give raw outputs in real units."""
        tensor = self.output
        return dequantize(outputs, tensor.scale, tensor.zero_point) if tensor.scale else outputs.astype(np.float32)


def _one_row(values: ArrayLike) -> NDArray[np.float32]:
    row = np.asarray(values, np.float32)
    if row.ndim < 2 or len(row) != 1:
        raise ValueError(
            f"features gave shape {row.shape} for one window (1, length, channels), expected (1, ...): a row "
            "a window."
        )
    return row


@contextlib.contextmanager
def open_model(
    model: bytes | str | os.PathLike[str] | Interpreter | Board, window: WindowSettings
) -> Iterator[ModelRunner]:
    """Make a model ready to be asked; one that is loaded here is let go of at the end.

    A model that remembers begins from a fresh state.

    Raises
    ------
    ValueError
        If it is no model, or one of several inputs or outputs, or one that remembers and windows that overlap or
        leave samples out.
    InferenceError, BoardError
        If it does not run, or the board has none.
    """
    with contextlib.ExitStack() as stack:
        if isinstance(model, Board):
            yield _on_board(model)
            return
        interpreter = model if isinstance(model, Interpreter) else stack.enter_context(inference.load(model))
        if interpreter.stateful and window.length != window.stride:
            raise ValueError(
                f"This is a streaming model: it remembers {interpreter.state} from one inference to the next, and "
                f"takes each sample once. The windows are {window.length} long, one each {window.stride}; expected "
                "one after the other, as long as the model's input (for a wake word there is "
                "wake_words.WakeWordListener)."
            )
        reset = interpreter.reset if interpreter.stateful else _nothing_to_forget
        reset()
        yield _runner(
            interpreter.inputs,
            interpreter.outputs,
            interpreter.sha256,
            lambda raw: interpreter.run(raw, progress=False),
            reset,
        )


def _on_board(board: Board) -> ModelRunner:
    found = board.model_info()
    if found is None:
        raise BoardError(f"{board.info.board} has no model. Load one first: board.load(model).")
    inputs, outputs = (
        tuple(
            TensorInfo(
                index=k, name="", shape=t.shape, dtype=np.dtype(t.dtype), scale=t.scale, zero_point=t.zero_point
            )
            for k, t in enumerate(tensors)
        )
        for tensors in (found.inputs, found.outputs)
    )
    return _runner(inputs, outputs, found.sha256.hex(), lambda raw: board.infer(raw, progress=False).outputs)


def _runner(
    inputs: tuple[TensorInfo, ...],
    outputs: tuple[TensorInfo, ...],
    sha256: str,
    run: Callable[[NDArray[Any]], NDArray[Any]],
    reset: Callable[[], object] = _nothing_to_forget,
) -> ModelRunner:
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(
            f"The model has {len(inputs)} inputs and {len(outputs)} outputs; expected one of each: a "
            "window in, scores out."
        )
    return ModelRunner(input=inputs[0], output=outputs[0], sha256=sha256, run=run, reset=reset)
