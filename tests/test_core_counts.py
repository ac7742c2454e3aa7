import os
import sys
from pathlib import Path

import numpy as np
import pytest

if os.environ.get("CI") != "true":  # there they have to be
    for package in ("unicorn", "capstone", "ziglang", "elftools"):
        pytest.importorskip(package, reason="the packages of [emulator] are not installed")

from tinyml_labs.board_figures import estimate
from tinyml_labs.compiler import compile_model
from tinyml_labs.core_counts import cortex_m0plus_cycles, count_model
from tinyml_labs.cycle_estimates import estimate_cycles
from tinyml_labs.datasets import load_reference_model
from tinyml_labs.emulator import measure_model
from tinyml_labs.inference import load, tflm_available
from tinyml_labs.layer_profiles import profile

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from random_networks import random_network

CORES = {"nano33ble": "Cortex-M4F", "pico": "Cortex-M0+"}


@pytest.fixture(scope="module")
def small() -> bytes:
    return random_network(301, layers=4)


@pytest.mark.slow
@pytest.mark.parametrize("board", CORES)
@pytest.mark.skipif(not tflm_available(), reason="tflite-micro has a wheel for Linux on x86-64 alone")
def test_what_is_counted_computes_the_same_bytes_as_the_interpreter(small, board):
    count = count_model(small, core=CORES[board])
    with load(small, "tflm") as interpreter:
        shape = (1, *interpreter.inputs[0].window_shape)
        expected = interpreter.run(np.frombuffer(count.inputs[0], np.int8).reshape(shape))
    assert count.outputs[0] == np.asarray(expected).tobytes()


@pytest.mark.slow
def test_counts_agree_with_the_emulated_sketch(small):
    count = count_model(small)
    other = measure_model(small)
    assert count.outputs[0] == other.outputs[0].tobytes()
    assert count.cycles == pytest.approx(other.cycles, rel=0.03)
    for ours, theirs in zip(count.layers, other.layers, strict=True):
        assert (ours.index, ours.op, ours.macs) == (theirs.index, theirs.op, theirs.macs)
        # Not nearer: each has its own memcpy, and copying costs where a layer gathers its patches.
        assert ours.cycles == pytest.approx(theirs.cycles, rel=0.1, abs=100)


@pytest.mark.slow
def test_layers_add_up_and_the_stack_is_measured(small):
    count = count_model(small)
    layers = sum(layer.cycles for layer in count.layers)
    assert layers <= count.cycles <= layers + 40 * len(count.layers)
    assert 32 < count.stack_bytes < 4096 and count.stack_bytes % 4 == 0
    assert 1000 < count.code_bytes < 40_000
    assert count.constant_bytes == compile_model(small).weights_bytes


@pytest.mark.slow
def test_a_cortex_m0plus_takes_longer_and_the_portable_kernels_too(small):
    fast, portable = count_model(small), count_model(small, portable=True)
    assert fast.cycles < portable.cycles < count_model(small, core="Cortex-M0+").cycles
    assert fast.outputs == portable.outputs


@pytest.mark.slow
@pytest.mark.parametrize("board", CORES)
def test_the_interval_of_an_estimate_holds_the_count(small, board):
    count = count_model(small, core=CORES[board])
    for method in ("count", "formula"):
        figure = estimate(small, [board], method=method).find(board)
        at_zero_wait = count.cycles / (figure.clock_mhz * 1000)
        assert figure.milliseconds_low <= at_zero_wait <= figure.milliseconds_high, method
    assert "counted on an emulated" in estimate(small, [board]).find(board).how


@pytest.mark.slow
@pytest.mark.parametrize(("path", "core"), [("fast", "Cortex-M4F"), ("m0plus", "Cortex-M0+")])
@pytest.mark.parametrize("name", ["gestures", "keywords"])
def test_a_formula_holds_for_a_trained_model_that_it_was_not_fitted_to(name, path, core):
    model = load_reference_model(name)
    found = estimate_cycles(compile_model(model), path)
    count = count_model(model, core=core).cycles
    assert found.low * 0.9 <= count <= found.high * 1.1


@pytest.mark.slow
def test_a_formula_holds_for_a_public_model_that_it_was_not_fitted_to():
    folder = os.environ.get("TINYML_LABS_REAL_DATA")
    if not folder:
        pytest.skip("TINYML_LABS_REAL_DATA is unset: it names the folder with the public models")
    (model,) = Path(folder, "models").rglob("pretrainedResnet_quant.tflite")
    found = estimate_cycles(compile_model(model), "fast")
    assert found.low <= count_model(model).cycles <= found.high


@pytest.mark.slow
def test_a_profile_shows_where_the_cycles_go(small):
    found = profile(small, "nano33ble")
    table = found.table
    assert table["share"].sum() == pytest.approx(1.0)
    assert table["ms"].sum() == pytest.approx(found.count.cycles / 64_000, rel=0.02)
    heaviest = table["macs"].idxmax()
    assert table.loc[heaviest, "instructions_per_mac"] < 8
    axes = found.plot().axes[0]
    assert len(axes.patches) == (table["cycles"] > 0).sum()
    assert axes.get_xlabel() == "milliseconds"
    assert "CONV_2D" in str(found) and "CONV_2D" in found._repr_html_()
    assert found.to_dict()["cycles"] == found.count.cycles


def test_a_board_whose_core_is_not_emulated_is_refused_with_the_reason():
    with pytest.raises(ValueError, match="AVR are not counted. Take a board with a Cortex-M4F or Cortex-M0"):
        profile(load_reference_model("sine"), "uno_r3")
    with pytest.raises(ValueError, match="only compared with a Cortex-M4F"):
        profile(load_reference_model("sine"), "portenta_h7")
    with pytest.raises(ValueError, match="expected one of Cortex-M4F, Cortex-M0"):
        count_model(load_reference_model("sine"), core="Cortex-M3")


@pytest.mark.parametrize(
    ("name", "operands", "cycles"),
    [("ldrsb", "r0, [r1, r2]", 2), ("str", "r0, [r1]", 2), ("muls", "r0, r1", 1), ("push", "{r4, r5, r6, lr}", 5),
     ("ldm", "r0!, {r1, r2}", 3), ("bl", "0x100", 2), ("adds", "r0, #1", 1)],
)  # fmt: skip
def test_a_cortex_m0plus_takes_what_its_manual_says(name, operands, cycles):
    assert cortex_m0plus_cycles(name, operands) == cycles
