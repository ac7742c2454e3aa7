"""A child process that runs TensorFlow Lite Micro for one sample and keeps every tensor.

TFLM aborts its process on what it does not like, so it is never imported by the kit itself.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def main() -> int:
    """Run a model; its files are the arguments: model, inputs, what is wanted, where to.

    The inputs are arrays ``input0``, ``input1``, ...; wanted is the arena's size, then tensors' indices; they are
    written as ``tensor<index>``.
    """
    from tflite_micro.python.tflite_micro import runtime

    model_file, inputs_file, wanted_file, outputs_file = sys.argv[1:]
    model = Path(model_file).read_bytes()
    wanted = np.load(wanted_file)
    interpreter = runtime.Interpreter.from_bytes(
        model,
        arena_size=int(wanted[0]),
        intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
    )
    with np.load(inputs_file) as inputs:
        for index in range(len(inputs)):
            interpreter.set_input(inputs[f"input{index}"], index)
    interpreter.invoke()
    kept: dict[str, Any] = {f"tensor{index}": _tensor(interpreter, int(index)) for index in wanted[1:]}
    np.savez(outputs_file, **kept)
    return 0


def _tensor(interpreter: Any, index: int) -> npt.NDArray[Any]:
    found = interpreter.GetTensor(index, 0)
    return np.asarray(found["tensor_data"] if isinstance(found, dict) else found)


if __name__ == "__main__":
    sys.exit(main())
