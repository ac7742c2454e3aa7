"""The model in a virtual board's memory: it runs with the kernels of a real board."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence

import numpy as np

from tinyml_labs import inference
from tinyml_labs.layer_outputs import count_layers, layer_outputs
from tinyml_labs.link.descriptions import ModelInfo, TensorLayout
from tinyml_labs.link.messages import ErrorCode, LoadBegin, Piece


class RequestRefused(Exception):
    """The board cannot do what it is asked for; ``code`` says of what kind the reason is."""

    def __init__(self, code: ErrorCode, text: str) -> None:
        super().__init__(text)
        self.code = code


class LoadedModel:
    """A model that has been loaded.

    Parameters
    ----------
    data : bytes
        A ``.tflite`` file.
    ram_kb : int
        Memory for model and arena together.

    Attributes
    ----------
    info : ModelInfo
    interpreter : inference.Interpreter

    Raises
    ------
    RequestRefused
    """

    def __init__(self, data: bytes, ram_kb: int) -> None:
        arena_limit = ram_kb * 1024 - len(data)
        if arena_limit < 1:
            raise RequestRefused(ErrorCode.OUT_OF_MEMORY, "the model fills the RAM, and leaves none for its arena.")
        try:
            if inference.tflm_available():
                self.interpreter = inference.load(data, "tflm", arena_bytes=arena_limit)
            else:
                self.interpreter = inference.load(data, "litert")
        except (inference.InferenceError, ValueError) as error:
            small = isinstance(error, inference.InferenceError) and error.kind == "arena"
            raise RequestRefused(ErrorCode.OUT_OF_MEMORY if small else ErrorCode.MODEL_FAILED, str(error)) from None
        self._data = data
        self.info = ModelInfo(
            sha256=hashlib.sha256(data).digest(),
            arena_bytes=arena_limit,
            inputs=_describe(self.interpreter.inputs),
            outputs=_describe(self.interpreter.outputs),
        )

    @property
    def input_bytes(self) -> int:
        """The bytes of all inputs together."""
        return sum(tensor.nbytes for tensor in self.info.inputs)

    def run(self, raw_inputs: Sequence[bytes]) -> tuple[list[bytes], list[int]]:
        """Run the model on raw inputs, little endian, all inputs of the model in a row.

        Returns
        -------
        outputs : list of bytes
        microseconds : list of int

        Raises
        ------
        InferenceError
        """
        table = np.frombuffer(b"".join(raw_inputs), np.uint8).reshape(len(raw_inputs), -1)
        inputs, start = [], 0
        for tensor in self.interpreter.inputs:
            size = int(np.prod(tensor.shape, dtype=np.int64)) * tensor.dtype.itemsize
            part = np.ascontiguousarray(table[:, start : start + size]).view(tensor.dtype.newbyteorder("<"))
            inputs.append(part.astype(tensor.dtype).reshape(len(raw_inputs), *tensor.window_shape))
            start += size
        outputs, microseconds = self.interpreter.run_timed(inputs if len(inputs) > 1 else inputs[0], progress=False)
        every = outputs if isinstance(outputs, tuple) else (outputs,)
        little = [output.astype(output.dtype.newbyteorder("<")) for output in every]
        raw = [b"".join(output[k].tobytes() for output in little) for k in range(len(raw_inputs))]
        return raw, [int(time) for time in microseconds]

    def layers(self) -> int:
        """Say how many layers it has, as the compiled model counts them.

        Raises
        ------
        RequestRefused
            If it cannot be compiled, or TensorFlow Lite Micro is not installed here.
        """
        try:
            return count_layers(self._data)
        except (ValueError, inference.InferenceError) as error:
            raise RequestRefused(ErrorCode.UNKNOWN_REQUEST, f"this model does not show its layers: {error}") from None

    def layer_outputs(self, raw_input: bytes, layers: range) -> list[tuple[int, bytes]]:
        """Give the numbers and the bytes of what some of its layers make of an input."""
        given = self.interpreter.inputs[0]
        sample = np.frombuffer(raw_input, given.dtype.newbyteorder("<")).astype(given.dtype)
        found = layer_outputs(self._data, sample)
        return [(each.index, each.raw) for each in found if each.index in layers]

    def close(self) -> None:
        """Let go of the model."""
        self.interpreter.close()


class ModelTransfer:
    """A model on its way into the board's memory, piece by piece.

    Parameters
    ----------
    begin : LoadBegin
    ram_kb : int

    Raises
    ------
    RequestRefused
        If the memory is too small for it.
    """

    def __init__(self, begin: LoadBegin, ram_kb: int) -> None:
        room = ram_kb * 1024
        if begin.size > room:
            raise RequestRefused(
                ErrorCode.OUT_OF_MEMORY,
                f"the model has {begin.size:,} bytes, and this board {room:,} bytes of RAM for model and arena.",
            )
        self._begin, self._ram_kb = begin, ram_kb
        self._data = bytearray()

    @property
    def complete(self) -> bool:
        """Whether every byte is there."""
        return len(self._data) >= self._begin.size

    def add(self, piece: Piece) -> None:
        """Take the next piece; one that came before may come again.

        Raises
        ------
        RequestRefused
            If it is neither.
        """
        end = piece.offset + len(piece.data)
        if piece.data and self._data[piece.offset : end] == piece.data:
            return
        if piece.offset != len(self._data) or piece.offset + len(piece.data) > self._begin.size:
            raise RequestRefused(
                ErrorCode.BAD_REQUEST,
                f"this piece begins at {piece.offset}, and I have {len(self._data)} of {self._begin.size} bytes.",
            )
        self._data += piece.data

    def load(self) -> LoadedModel:
        """Start the model.

        Raises
        ------
        RequestRefused
            If it arrived damaged, or cannot run.
        """
        if zlib.crc32(self._data) != self._begin.crc32:
            raise RequestRefused(ErrorCode.MODEL_DAMAGED, "the model's CRC-32 is wrong: it arrived damaged.")
        if hashlib.sha256(self._data).digest() != self._begin.sha256:
            text = "the model's SHA-256 is not the one that was announced: another model arrived."
            raise RequestRefused(ErrorCode.MODEL_DAMAGED, text)
        return LoadedModel(bytes(self._data), self._ram_kb)


def _describe(tensors: tuple[inference.TensorInfo, ...]) -> tuple[TensorLayout, ...]:
    return tuple(
        TensorLayout(dtype=t.dtype.name, shape=t.shape, scale=t.scale, zero_point=t.zero_point) for t in tensors
    )
