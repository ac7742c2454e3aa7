"""A kernel of one's own, and a number that is off: what the report says of them."""

from __future__ import annotations

import os

import numpy as np
import pytest

from tinyml_labs.compiler import compile_model, host_program
from tinyml_labs.compiler.host_program import find_compiler
from tinyml_labs.compiler.kernel_files import KERNELS
from tinyml_labs.compiler.trials import change_number, swap_kernel, try_model
from tinyml_labs.datasets import load_reference_model


@pytest.fixture(scope="module", autouse=True)
def _need_compiler():
    try:
        find_compiler()
    except ValueError as error:
        pytest.fail(str(error)) if os.environ.get("CI") == "true" else pytest.skip(str(error))


@pytest.fixture(scope="module")
def sine():
    return load_reference_model("sine")


@pytest.fixture(scope="module")
def compiled(sine):
    return compile_model(sine, name="sine")


CUT_OFF = """
void tinyml_fully_connected_s8(const tinyml_fully_connected *layer, const int8_t *input, int8_t *output) {
  for (int to = 0; to < layer->outputs; ++to) {
    int32_t sum = layer->biases[to];
    for (int from = 0; from < layer->inputs; ++from) sum += input[from] * layer->weights[to * layer->inputs + from];
    const int scale = layer->scales > 1 ? to : 0;
    const int32_t product = (int32_t)((int64_t)sum * layer->multipliers[scale] >> (31 - layer->shifts[scale]));
    const int32_t value = product + layer->output_zero_point;
    output[to] = (int8_t)(value < layer->low ? layer->low : value > layer->high ? layer->high : value);
  }
}
"""


def test_an_unchanged_model_differs_nowhere(sine, compiled):
    report = try_model(compiled, sine)
    assert (report.bytes_differ, report.first) == (0, None)
    assert report.bytes_compared == 16
    assert [layer.values for layer in report.layers] == [16, 16, 1]
    assert "0 of 16 bytes differ" in str(report)


def test_the_kits_own_kernel_as_a_swapped_one_differs_nowhere(sine, compiled):
    own = swap_kernel(compiled, "fully_connected.c", "#include <kernels/requantize.h>\n" + _kernel_text())
    assert try_model(own, sine).bytes_differ == 0


def _kernel_text() -> str:
    text = (KERNELS / "fully_connected.c").read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if not line.startswith('#include "'))


def test_a_kernel_that_cuts_off_is_found_in_the_first_layer(sine, compiled):
    report = try_model(swap_kernel(compiled, "fully_connected.c", CUT_OFF), sine, samples=64)
    assert report.bytes_differ > 0
    assert report.first is not None
    assert report.first.op == "FULLY_CONNECTED"
    assert 1 <= report.largest <= 20, "steps: each layer is one off at most, and the next multiplies that"


def test_what_the_compiler_says_of_a_kernel_reaches_the_student(sine, compiled):
    with pytest.raises(RuntimeError, match="your fully_connected.c"):
        try_model(swap_kernel(compiled, "fully_connected.c", "int broken("), sine)


@pytest.mark.parametrize("reference", ["auto", "kit"])
def test_a_wrong_multiplier_is_found_in_its_own_layer(sine, compiled, reference):
    report = try_model(change_number(compiled, "layer1_multipliers", 0, 1.2), sine, samples=64, reference=reference)
    assert report.bytes_differ > 0
    assert report.first is not None
    assert (report.first.layer, report.first.op) == (1, "FULLY_CONNECTED")
    assert "layer 1 (FULLY_CONNECTED, 'hidden_2') first" in str(report)


def test_only_the_one_number_changes(compiled):
    changed = change_number(compiled, "layer2_multipliers", 0, 0.5)
    before, after = (each.sources["sine.c"].splitlines() for each in (compiled, changed))
    differing = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert len(differing) == 1
    old, new = (int(line.strip().rstrip(",").split("{")[-1].split("}")[0]) for line in differing[0])
    assert new == round(old * 0.5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("layer9_multipliers", 0, 2), "has no array 'layer9_multipliers'. It has: .*layer0_weights"),
        (("layer1_multipliers", 1, 2), "has 1 numbers, from 0; there is no number 1"),
        (("layer1_multipliers", 0, 1 + 1e-12), "still is"),
    ],
)
def test_a_change_that_cannot_be_is_refused(compiled, arguments, words):
    with pytest.raises(ValueError, match=words):
        change_number(compiled, *arguments)


def test_a_kernel_that_the_model_does_not_use_is_refused(compiled):
    with pytest.raises(ValueError, match=r"does not use .* 'convolution.c'; it uses fully_connected.c"):
        swap_kernel(compiled, "convolution.c", "")


def test_another_file_is_refused(compiled):
    from tinyml_labs.gesture_classifier import load_reference_classifier

    with pytest.raises(ValueError, match="another file"):
        try_model(compiled, load_reference_classifier().model)


def test_a_loop_without_an_end_is_ended(sine, compiled, monkeypatch):
    monkeypatch.setattr(host_program, "_TIMEOUT_S", 1.0)
    endless = """
void tinyml_fully_connected_s8(const tinyml_fully_connected *layer, const int8_t *input, int8_t *output) {
  for (volatile int turns = 0;; ++turns) output[0] = (int8_t)(layer->low + input[0]);
}
"""
    stuck = swap_kernel(compiled, "fully_connected.c", endless)
    with pytest.raises(RuntimeError, match="a loop that never ends"):
        try_model(stuck, sine, inputs=np.zeros((1, 1), np.int8), reference="kit")
