"""The models of MLPerf Tiny: which benchmark a model is of, what its input is, and what is reported of its output.

After the public reference submissions (mlcommons/tiny, ``benchmark/reference_submissions``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml_labs import inference
from tinyml_labs.virtual.loaded_model import LoadedModel

_INFERENCES_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class _Task:
    """A benchmark of MLPerf Tiny.

    ``"int8"`` input is the model's own; ``"uint8"`` has 128 subtracted; ``"float32"`` is quantized on the board,
    and the result is the mean squared error between input and output, of an autoencoder.
    """

    model: str
    elements: int
    input: str


_TASKS = (
    _Task("kws01", 490, "int8"),
    _Task("vww01", 96 * 96 * 3, "uint8"),
    _Task("ic01", 32 * 32 * 3, "uint8"),
    _Task("ad01", 640, "float32"),
)


class MlperfModel:
    """A model with the input that was loaded for it.

    Parameters
    ----------
    loaded : LoadedModel

    Attributes
    ----------
    name : str
        Of the benchmark; ``"custom"`` for a model that is of none, which takes its own input's bytes.
    wanted_bytes : int
        The size of the input that the host has to load.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._task = _task_of(loaded)
        self.name = self._task.model
        self.wanted_bytes = self._task.elements * np.dtype(self._task.input).itemsize
        self._raw_input = bytes(loaded.input_bytes)
        self._raw_output = bytes(sum(tensor.nbytes for tensor in loaded.info.outputs))
        self._real_input: NDArray[np.float32] = np.zeros(self._task.elements, np.float32)

    def take_input(self, data: bytes) -> str:
        """Make the model's input of what the host has loaded.

        Returns
        -------
        str
            What is wrong, if it is too little; the input then stays the one before.
        """
        if len(data) < self.wanted_bytes:
            return f"Input db has {len(data)} bytes, expected {self.wanted_bytes}"
        given = np.frombuffer(data[: self.wanted_bytes], np.dtype(self._task.input).newbyteorder("<"))
        if self._task.input == "uint8":
            self._raw_input = (given.astype(np.int16) - 128).astype(np.int8).tobytes()
        elif self._task.input == "float32":
            tensor = self._loaded.interpreter.inputs[0]
            self._real_input = np.nan_to_num(given.astype(np.float32))
            raw = inference.quantize(self._real_input, tensor.scale, tensor.zero_point, tensor.dtype)
            self._raw_input = raw.tobytes()
        else:
            self._raw_input = given.tobytes()
        return ""

    def run(self, count: int) -> int:
        """Run the model so often; give the microseconds that it took.

        Raises
        ------
        InferenceError
        """
        took = 0
        while count > 0:
            outputs, times = self._loaded.run([self._raw_input] * min(count, _INFERENCES_AT_ONCE))
            self._raw_output = outputs[-1]
            took += sum(times)
            count -= len(outputs)
        return took

    def results(self) -> list[float]:
        """Give the real values of the last output; of an autoencoder, its mean squared error."""
        output = self._loaded.interpreter.outputs[0]
        count = int(np.prod(output.shape, dtype=np.int64))
        raw = np.frombuffer(self._raw_output, output.dtype.newbyteorder("<"), count)
        real = inference.dequantize(raw, output.scale, output.zero_point) if output.scale else raw.astype(np.float32)
        if self._task.input == "float32":
            return [float(np.mean(np.square(real - self._real_input), dtype=np.float32))]
        return [float(value) for value in real]

    def close(self) -> None:
        """Let go of the model."""
        self._loaded.close()


def _task_of(loaded: LoadedModel) -> _Task:
    tensors, output = loaded.interpreter.inputs, loaded.interpreter.outputs[0]
    elements = int(np.prod(tensors[0].shape, dtype=np.int64))
    for task in _TASKS:
        same = task.input != "float32" or int(np.prod(output.shape, dtype=np.int64)) == elements
        if task.elements == elements and tensors[0].dtype == np.int8 and len(tensors) == 1 and same:
            return task
    return _Task("custom", loaded.input_bytes, "int8")
