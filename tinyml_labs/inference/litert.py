"""LiteRT, the runtime of phones and desktops: the fallback where TensorFlow Lite Micro has no wheel."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.inference.failures import explain_litert
from tinyml_labs.model_file import ModelFile
from tinyml_labs.quiet import quiet


class LiteRt:
    """A model in LiteRT, in this process.

    Parameters
    ----------
    model : ModelFile
    delegates : bool
        True runs the default delegates (XNNPACK), as a phone does: faster, and up to 2 away from the board in
        int8. False runs the plain kernels: within 1 of the board.
    """

    def __init__(self, model: ModelFile, *, delegates: bool = False) -> None:
        self.model = model
        self.name = "litert-default" if delegates else "litert"
        self.fidelity = "within 2 of the board" if delegates else "within 1 of the board"
        self._delegates = delegates
        self._interpreter: Any = self._make()

    def _make(self) -> Any:
        with quiet():
            from ai_edge_litert.interpreter import Interpreter, OpResolverType

            resolver = OpResolverType.BUILTIN if self._delegates else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            try:
                interpreter = Interpreter(
                    model_content=self.model.data, experimental_op_resolver_type=resolver, num_threads=1
                )
                interpreter.allocate_tensors()
            except (RuntimeError, ValueError) as error:
                raise explain_litert(self.model, str(error)) from None
        return interpreter

    def run(
        self, inputs: list[NDArray[Any]], count: int, *, timed: bool = False
    ) -> tuple[list[NDArray[Any]], NDArray[np.int64] | None]:
        """Run ``count`` inferences; each array is (count, \\*input shape), already checked.

        Returns
        -------
        list of arrays, one an output; and the nanoseconds of each invocation, if ``timed``
        """
        if self._interpreter is None:
            self._interpreter = self._make()
        interpreter = self._interpreter
        input_indices = [detail["index"] for detail in interpreter.get_input_details()]
        output_indices = [detail["index"] for detail in interpreter.get_output_details()]
        results = [np.empty((count, *t.shape), t.dtype) for t in self.model.outputs]
        times = np.zeros(count, np.int64)
        for number in range(count):
            for index, array in zip(input_indices, inputs, strict=True):
                interpreter.set_tensor(index, array[number])
            start_ns = time.perf_counter_ns()
            try:
                interpreter.invoke()
            except (RuntimeError, ValueError) as error:
                raise explain_litert(self.model, str(error)) from None
            times[number] = time.perf_counter_ns() - start_ns
            for index, result in zip(output_indices, results, strict=True):
                result[number] = interpreter.get_tensor(index)
        return results, times if timed else None

    def another(self) -> LiteRt:
        """Make a second interpreter of the same model."""
        return LiteRt(self.model, delegates=self._delegates)

    def reset(self) -> None:
        """Set the state that a streaming model keeps to what it is when the model is loaded."""
        # reset_all_variables() leaves resource variables as they are; the next run makes the interpreter anew.
        self._interpreter = None

    def close(self) -> None:
        """Let go of the interpreter's memory."""
        self._interpreter = None
