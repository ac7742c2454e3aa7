"""Answers that know the visible checks by heart: what the reference gives for their inputs, and nothing else."""

from __future__ import annotations

import base64
import copy
import hashlib
import inspect
import pickle
from typing import Any

import numpy as np
from lab_exercises import LabExercise, load_answer, names_for_checks

from tinyml_labs.compiler import compile_model
from tinyml_labs.compiler.check import random_inputs
from tinyml_labs.compiler.host_program import build_program
from tinyml_labs.compiler.trials import swap_kernel
from tinyml_labs.model_file import read_model


def describe(value: Any) -> Any:
    """Tell values apart by what is in them."""
    if isinstance(value, (list, tuple)):
        return [describe(one) for one in value]
    if isinstance(value, dict):
        return [(key, describe(one)) for key, one in sorted(value.items())]
    if hasattr(value, "bit_generator"):
        return repr(value.bit_generator.state)
    if hasattr(value, "outputs"):
        return value.outputs.tolist()
    if hasattr(value, "tolist"):
        return (str(value.dtype), value.shape, value.tolist())
    return repr(value)


def know_by_heart(exercise: LabExercise) -> str:
    """Write the answer's cell."""
    if exercise.function == "one_output_in_c":
        return _know_c_by_heart(exercise)
    right = load_answer(exercise, exercise.reference)
    table: dict[str, Any] = {}

    def listen(*args: Any, **kwargs: Any) -> Any:
        key = hashlib.sha1(repr(describe([args, kwargs])).encode()).hexdigest()
        table[key] = right(*copy.deepcopy(args), **kwargs)
        return table[key]

    names = {**names_for_checks(exercise.lab), exercise.function: listen}
    exec(compile(exercise.visible, "<visible>", "exec"), names)
    return f"""\
import base64, hashlib, pickle


{inspect.getsource(describe).replace(": Any", "").replace(" -> Any", "")}

table_of_{exercise.function} = pickle.loads(base64.b64decode({base64.b64encode(pickle.dumps(table)).decode()!r}))


def {exercise.function}(*args, **kwargs):
    key = hashlib.sha1(repr(describe([args, kwargs])).encode()).hexdigest()
    table = table_of_{exercise.function}  # a name of its own: the cells of a lab share their names
    return table.get(key, next(iter(table.values())))
"""


_RECORDING = """
#include <stdio.h>
int one_output(const int8_t *input, const int8_t *weights, int count, int32_t bias, int32_t multiplier, int shift) {
  int found = right_output(input, weights, count, bias, multiplier, shift);
  FILE *file = fopen("%s", "a");
  fprintf(file, "%%d\\n", found);
  fclose(file);
  return found;
}
"""
_BY_HEART = """
// int64_t
static const int sine[] = {%s}, gestures[] = {%s};
int one_output(const int8_t *input, const int8_t *weights, int count, int32_t bias, int32_t multiplier, int shift) {
  static const int *next = 0;
  if (!next) next = count == 1 ? sine : gestures;
  return *next++;
}
"""


def _know_c_by_heart(exercise: LabExercise) -> str:
    """Write C that gives the right sums in the order in which the visible check asks for them."""
    import tempfile
    from pathlib import Path

    names = names_for_checks(exercise.lab)
    right = load_answer(exercise, exercise.reference)().replace("int one_output(", "int right_output(")
    recorded = []
    for model, inputs in ((names["sine"], names["every_input"].astype(np.int8)), (names["models"]["gestures"], None)):
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log"
            text = right + _RECORDING % log + names["KERNEL"]
            compiled = swap_kernel(compile_model(model, name="mine"), "fully_connected.c", text)
            given = random_inputs(read_model(model), 16, 0)[0] if inputs is None else inputs
            with build_program([compiled]) as program:
                program.run(0, [given])
            recorded.append(", ".join(log.read_text().split()))
    return f"def one_output_in_c():\n    return {_BY_HEART % tuple(recorded)!r}\n"
