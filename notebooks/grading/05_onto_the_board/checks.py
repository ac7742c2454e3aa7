"""What the checks of this lab use: the models, and a `try_model` that builds and runs a student's C in a sandbox."""

# ruff: noqa: F401 - solutions and checks use what is imported here

from functools import lru_cache

import numpy as np

from tinyml_labs import compiler, datasets, model_file
from tinyml_labs.compiler.trials import swap_kernel
from tinyml_labs.gesture_classifier import load_reference_classifier
from tinyml_labs.grading.c_trials import try_c
from tinyml_labs.keyword_classifier import load_reference_keyword_classifier
from tinyml_labs.person_classifier import load_reference_person_classifier

KERNEL = """
void tinyml_fully_connected_s8(const tinyml_fully_connected *layer, const int8_t *input, int8_t *output) {
  for (int j = 0; j < layer->outputs; ++j) {
    int k = layer->scales > 1 ? j : 0;
    int value = one_output(input, layer->weights + j * layer->inputs, layer->inputs, layer->biases[j],
                           layer->multipliers[k], layer->shifts[k]) + layer->output_zero_point;
    output[j] = (int8_t)(value < layer->low ? layer->low : value > layer->high ? layer->high : value);
  }
}
"""
compile_model = lru_cache(compiler.compile_model)  # the same few for everybody
sine = datasets.load_reference_model("sine")
models = {
    "sine": sine,
    "gestures": load_reference_classifier().model,
    "keywords": load_reference_keyword_classifier().model,
    "people": load_reference_person_classifier().model,
}
every_input = np.arange(-128, 128)[:, None]
GRADING = globals().get("GRADING")  # the grader's limits, and whether it may go without a sandbox


def try_model(compiled, model, *, inputs=None, reference="kit"):
    """Run a compiled model with a student's C in it, and hold it against the unchanged one."""
    how = {} if GRADING is None else {"limits": GRADING.limits, "unsafe": GRADING.unsafe}
    return try_c(compiled, model, inputs=inputs, **how)
