"""One small interface over every runtime: load a model, run raw integers, or predict real values."""

from __future__ import annotations

import operator
import os
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from tinyml_labs.inference.batches import FIRST_BATCH, Engine, run_batches
from tinyml_labs.inference.failures import InferenceError
from tinyml_labs.inference.litert import LiteRt
from tinyml_labs.inference.quantization import dequantize, quantize
from tinyml_labs.inference.tensor_info import TensorInfo, check_inputs, describe_tensor, split_inputs
from tinyml_labs.inference.tflm import LARGEST_ARENA, TflmProcess, tflm_available
from tinyml_labs.model_file import ModelFile, read_model
from tinyml_labs.model_state import describe_state

__all__ = ["ENGINES", "InferenceError", "Interpreter", "TensorInfo", "load", "predict", "run"]

ENGINES = {
    "tflm": "the real TensorFlow Lite Micro kernels, in a child process: what a board computes",
    "litert": "LiteRT without delegates: within 1 of the board, on every desktop",
    "litert-default": "LiteRT with its default delegates, as on a phone",
}

_BYTES_A_BATCH = 16 * 1024 * 1024  # what goes to the engine at once at most: bounds the memory of a long run


class Interpreter:
    """A loaded model. Use :func:`load` to get one; ``with`` or :meth:`close` to let go of it.

    Attributes
    ----------
    engine : str
        One of :data:`ENGINES`.
    fidelity : str
        How near to the board's its answers are.
    inputs, outputs : tuple of TensorInfo
    sha256 : str
        Hash of the model file, in hexadecimal.
    state : ModelState
        What the model remembers from one inference to the next: its variables and their bytes.

    Notes
    -----
    A model with variables is a *streaming* model (:attr:`stateful`), such as a wake word's: each answer depends on
    all inputs since it was loaded or :meth:`reset`. For it, the samples of an array are a sequence in order, and the
    next call goes on where the last one ended, so that a stream may come in pieces of any size. A shuffled batch, or
    windows that overlap, give answers without meaning.
    """

    def __init__(self, model: ModelFile, engine: Engine) -> None:
        self._engine = engine
        self._closed = False
        self._lock = threading.Lock()  # a runtime takes one request at a time, from whatever thread
        self._sequence = threading.Lock()  # and a streaming model one sequence
        self.engine = engine.name
        self.sha256 = model.sha256
        self.state = describe_state(model)
        # What is 1 off goes into the state: 12 of 256 was seen with public wake word models.
        exact = engine.name == "tflm" or not self.stateful
        self.fidelity = engine.fidelity if exact else "near the board: small differences stay in the state"
        self._state_lost = False
        self.inputs = tuple(describe_tensor(tensor) for tensor in model.inputs)
        self.outputs = tuple(describe_tensor(tensor) for tensor in model.outputs)

    @property
    def stateful(self) -> bool:
        """Whether an answer depends on the inputs before: True for a streaming model."""
        return self.state.stateful

    def run(self, inputs: ArrayLike | Sequence[ArrayLike], *, progress: bool = True) -> Any:
        """Run the model on raw values, in its own dtype: integers for an int8 model.

        A streaming model (:attr:`stateful`) takes the samples as a sequence in order, and goes on where the last call
        ended; :meth:`reset` starts anew.

        Parameters
        ----------
        inputs : array, (samples, \\*window) with ``window`` the input's shape without its batch of 1
            A model of several inputs takes a list or tuple of such arrays.
        progress : bool
            Show a progress bar if it takes over two seconds.

        Returns
        -------
        array, (samples, \\*output shape without its batch of 1), in the output's dtype
            A tuple of arrays if the model has several outputs.

        Raises
        ------
        ValueError, TypeError
            If the shape or dtype is not the model's.
        InferenceError
            If the runtime fails, with its own reason; or if the last run of a streaming model was broken off, and
            its state is unknown until :meth:`reset`.
        """
        return self._run(inputs, progress=progress, timed=False)[0]

    def run_timed(
        self, inputs: ArrayLike | Sequence[ArrayLike], *, progress: bool = True
    ) -> tuple[Any, NDArray[np.float64]]:
        """Run like :meth:`run`, and time each inference.

        Returns
        -------
        outputs : as :meth:`run` gives them
        microseconds : float64 array, (samples,)
            The time of each invocation on this computer, without copying in and out.
        """
        outputs, times = self._run(inputs, progress=progress, timed=True)
        return outputs, times / 1000

    def _run(self, inputs: Any, *, progress: bool, timed: bool) -> tuple[Any, Any]:
        if self._closed:
            raise InferenceError("This model is closed. Load it again: inference.load(model).")
        arrays = check_inputs(inputs, self.inputs)
        if not self.stateful:
            return self._run_batches(arrays, progress, timed)
        with self._sequence:  # two threads would mix two streams into one state
            if self._state_lost:
                raise InferenceError(
                    "The last run of this streaming model was broken off, so that what it remembers "
                    f"({self.state}) is unknown. Start anew: reset()."
                )
            self._state_lost = True
            results = self._run_batches(arrays, progress, timed)
            self._state_lost = False
            return results

    def _run_batches(self, arrays: list[NDArray[Any]], progress: bool, timed: bool) -> tuple[Any, Any]:
        count = len(arrays[0])
        sample_bytes = sum(a[:1].nbytes for a in arrays) + sum(
            int(np.prod(t.shape)) * t.dtype.itemsize for t in self.outputs
        )
        with tqdm(
            total=count,
            desc=f"{self.engine}",
            unit=" inferences",
            leave=False,
            delay=2,
            disable=not progress or count <= FIRST_BATCH,
        ) as bar:
            batches = run_batches(
                self._engine,
                [a.reshape(count, *t.shape) for a, t in zip(arrays, self.inputs, strict=True)],
                largest=max(1, _BYTES_A_BATCH // max(1, sample_bytes)),
                lock=self._lock,
                alone=timed or self.stateful,
                timed=timed,
                show=bar.update,
            )
        results = tuple(
            np.concatenate([batch[0][i] for batch in batches]).reshape(count, *tensor.window_shape)
            if batches
            else np.empty((0, *tensor.window_shape), tensor.dtype)
            for i, tensor in enumerate(self.outputs)
        )
        times = np.concatenate([batch[1] for batch in batches]) if timed and batches else np.zeros(0)
        return results[0] if len(results) == 1 else results, times

    def predict(self, inputs: ArrayLike | Sequence[ArrayLike], *, progress: bool = True) -> Any:
        """Run the model on real values: quantize, :meth:`run`, dequantize, each where the model is quantized.

        Parameters
        ----------
        inputs : float array, (samples, \\*window); a list or tuple of them for several inputs
        progress : bool

        Returns
        -------
        float32 array, (samples, \\*output shape without its batch of 1); a tuple for several outputs
        """
        arrays = split_inputs(inputs, self.inputs)
        raw_inputs = [
            quantize(a, t.scale, t.zero_point, t.dtype) if t.scale else np.asarray(a).astype(t.dtype)
            for a, t in zip(arrays, self.inputs, strict=True)
        ]
        raw = self.run(raw_inputs if len(raw_inputs) > 1 else raw_inputs[0], progress=progress)
        results = tuple(
            dequantize(r, t.scale, t.zero_point) if t.scale else r.astype(np.float32)
            for r, t in zip(raw if isinstance(raw, tuple) else (raw,), self.outputs, strict=True)
        )
        return results[0] if len(results) == 1 else results

    def reset(self) -> None:
        """Start anew: a streaming model forgets what it was given, as if it had just been loaded.

        Other models have nothing to forget. At the beginning of each recording, and after a gap in a stream.
        """
        if not self._closed:
            with self._sequence, self._lock:
                self._engine.reset()
                self._state_lost = False

    def close(self) -> None:
        """Let go of the model; a child process ends."""
        self._closed = True
        self._engine.close()

    def __enter__(self) -> Interpreter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        def show(tensors: tuple[TensorInfo, ...]) -> str:
            return ", ".join(f"{t.dtype.name}{list(t.shape)}" for t in tensors)

        memory = f"; remembers {self.state}" if self.stateful else ""
        return f"<Interpreter {self.engine} ({self.fidelity}): {show(self.inputs)} -> {show(self.outputs)}{memory}>"


def load(
    model: bytes | str | os.PathLike[str], engine: str = "auto", *, arena_bytes: int | None = None
) -> Interpreter:
    """Load a ``.tflite`` model.

    Parameters
    ----------
    model : bytes or path
    engine : str
        One of :data:`ENGINES`, or ``"auto"``: TensorFlow Lite Micro where it is installed, else LiteRT
        without delegates.
    arena_bytes : int, optional
        TFLM's tensor arena, to try what a board's memory allows. By default as much as the model needs.

    Returns
    -------
    Interpreter

    Raises
    ------
    InferenceError
        If the model does not run in this engine: the message names the op, tensor or size that is wrong.
    ValueError
        If this is not a ``.tflite`` model, or the engine's name is unknown.
    """
    if engine == "auto":
        engine = "tflm" if tflm_available() else "litert"
    if engine not in ENGINES:
        raise ValueError(f"There is no engine {engine!r}. Choose one of: auto, {', '.join(ENGINES)}.")
    if arena_bytes is not None:
        arena_bytes = operator.index(arena_bytes)  # a whole number, of NumPy's kinds too
        if not 1 <= arena_bytes <= LARGEST_ARENA:
            raise ValueError(f"arena_bytes is {arena_bytes}; an arena has from 1 to {LARGEST_ARENA:,} bytes.")
    parsed = read_model(model)
    chosen: Engine
    if engine == "tflm":
        chosen = TflmProcess(parsed, arena_bytes)
    else:
        chosen = LiteRt(parsed, delegates=engine == "litert-default")
    return Interpreter(parsed, chosen)


def run(model: bytes | str | os.PathLike[str], inputs: Any, engine: str = "auto") -> Any:
    """Load a model, run it once on raw values (:meth:`Interpreter.run`), and close it.

    A streaming model takes the inputs as one sequence in order, from a fresh state: the first is the first it ever
    sees. To go on with the next piece of a stream, keep the model: ``inference.load``.
    """
    with load(model, engine) as interpreter:
        return interpreter.run(inputs)


def predict(model: bytes | str | os.PathLike[str], inputs: Any, engine: str = "auto") -> Any:
    """Load a model, run it once on real values (:meth:`Interpreter.predict`), and close it.

    A streaming model takes the inputs as one sequence in order, from a fresh state, as in :func:`run`.
    """
    with load(model, engine) as interpreter:
        return interpreter.predict(inputs)
