"""The runtimes behind one interface: right answers, equal answers, and errors that say what is wrong."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import tiny_models

from tinyml_labs import inference
from tinyml_labs.inference.tflm import measure_arena

ENGINES = [
    pytest.param("tflm", marks=pytest.mark.skipif(not inference.tflm_available(), reason="no TFLM wheel here")),
    "litert",
    "litert-default",
]


def dense_by_hand(model: inference.Interpreter, x: np.ndarray, weights: np.ndarray, scale: float) -> np.ndarray:
    real = (x.astype(np.float64) - model.inputs[0].zero_point) * model.inputs[0].scale
    return real @ (weights.astype(np.float64) * scale).T


@pytest.mark.parametrize("engine", ENGINES)
def test_runs_a_dense_layer(engine: str) -> None:
    from tinyml_labs.model_file import read_model

    data = tiny_models.dense_int8(inputs=6, units=5, seed=3)
    parsed = read_model(data)
    weights = next(t for t in parsed.tensors if t.is_constant and t.shape == (5, 6))
    bias = next(t for t in parsed.tensors if t.is_constant and t.shape == (5,))
    matrix = np.frombuffer(weights.data, np.int8).reshape(5, 6) * np.reshape(weights.scales, (-1, 1))
    offsets = np.frombuffer(bias.data, np.int32) * np.asarray(bias.scales)
    x = np.random.default_rng(0).integers(-128, 128, (200, 6)).astype(np.int8)
    with inference.load(data, engine) as model:
        out = model.run(x)
        real = (x.astype(float) - model.inputs[0].zero_point) * model.inputs[0].scale
        info = model.outputs[0]
    by_hand = np.clip((real @ matrix.T + offsets) / info.scale + info.zero_point, -128, 127)
    assert out.shape == (200, 5)
    assert out.dtype == np.int8
    assert np.abs(out - by_hand).max() <= 1.0
    assert len(np.unique(out)) > 50  # it does not just saturate


@pytest.mark.parametrize("engine", ENGINES)
def test_predict_is_quantize_run_dequantize(engine: str) -> None:
    x = np.random.default_rng(1).normal(0, 2, (50, 4)).astype(np.float32)
    with inference.load(tiny_models.dense_int8(), engine) as model:
        i, o = model.inputs[0], model.outputs[0]
        expected = inference.dequantize(
            model.run(inference.quantize(x, i.scale, i.zero_point)), o.scale, o.zero_point
        )
        np.testing.assert_array_equal(model.predict(x), expected)


def test_a_long_run_equals_many_short_ones(tflm: None) -> None:
    x = np.random.default_rng(2).integers(-128, 128, (5000, 4)).astype(np.int8)
    with inference.load(tiny_models.dense_int8(), "tflm") as model:
        whole = model.run(x, progress=False)
        parts = np.concatenate([model.run(x[at : at + 777]) for at in range(0, len(x), 777)])
        timed, microseconds = model.run_timed(x[:100])
        assert model.run(x[:0]).shape == (0, 3)
    np.testing.assert_array_equal(whole, parts)
    np.testing.assert_array_equal(timed, whole[:100])
    assert microseconds.shape == (100,)
    assert (microseconds > 0).all()


def test_wrong_shapes_and_dtypes_say_what_is_right() -> None:
    with inference.load(tiny_models.dense_int8()) as model:
        with pytest.raises(ValueError, match=r"takes \(samples, 4\).*\(4,\).*x\[None\]"):
            model.run(np.zeros(4, np.int8))
        with pytest.raises(ValueError, match=r"takes \(samples, 4\)"):
            model.run(np.zeros((1, 5), np.int8))
        with pytest.raises(TypeError, match="is int8, and this array is float64.*predict"):
            model.run(np.zeros((1, 4)))
        with pytest.raises(TypeError, match="is int8, and this array is uint8"):
            model.run(np.zeros((1, 4), np.uint8))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_closed_model_says_so(engine: str) -> None:
    with inference.load(tiny_models.dense_int8(), engine) as model:
        model.run(np.zeros((1, 4), np.int8))
    with pytest.raises(inference.InferenceError, match="is closed. Load it again"):
        model.run(np.zeros((1, 4), np.int8))


def test_unknown_engines_and_files_that_are_no_models() -> None:
    with pytest.raises(ValueError, match="no engine 'tpu'.*tflm"):
        inference.load(tiny_models.dense_int8(), "tpu")
    with pytest.raises(ValueError, match="from 1 to"):
        inference.load(tiny_models.dense_int8(), arena_bytes=-5)
    for junk in (b"", b"not a model", b"\0" * 100, tiny_models.dense_int8()[:100]):
        with pytest.raises(ValueError):
            inference.load(junk)


@pytest.mark.slow
@pytest.mark.parametrize("arena_bytes", [1, 16, 100, 500, 900])
def test_an_arena_that_is_too_small(tflm: None, arena_bytes: int) -> None:
    with pytest.raises(inference.InferenceError, match=f"arena of {arena_bytes} bytes is too small") as caught:
        inference.load(tiny_models.dense_int8(), "tflm", arena_bytes=arena_bytes)
    assert caught.value.kind == "arena"
    assert "Failed to" in caught.value.log  # TFLM's own words


@pytest.mark.parametrize("scale", [1e-30, 1e-9])
def test_a_degenerate_scale_is_named(tflm: None, scale: float) -> None:
    with pytest.raises(inference.InferenceError, match="'logits' has a degenerate scale") as caught:
        inference.load(tiny_models.degenerate_softmax(scale), "tflm")
    assert caught.value.kind == "scale"
    assert "SIG" in str(caught.value)  # TFLM ended its process; ours lives


@pytest.mark.slow
def test_ops_that_are_missing_are_named(tflm: None) -> None:
    with pytest.raises(inference.InferenceError, match="NobodyHasThis .op 0.* is a custom op") as caught:
        inference.load(tiny_models.custom_op("NobodyHasThis"), "tflm")
    assert caught.value.kind == "op"
    with pytest.raises(inference.InferenceError, match="Coral Edge TPU"):
        inference.load(tiny_models.custom_op("edgetpu-custom-op"), "tflm")
    with pytest.raises(inference.InferenceError, match="Ethos-U"):
        inference.load(tiny_models.custom_op("ethos-u"), "tflm")
    with pytest.raises(inference.InferenceError, match="COMPLEX_ABS .op 0.* has no kernel"):
        inference.load(tiny_models.builtin_op("COMPLEX_ABS"), "tflm")
    with pytest.raises(inference.InferenceError, match="Coral Edge TPU"):
        inference.load(tiny_models.custom_op("edgetpu-custom-op"), "litert")


def test_a_child_that_is_killed_is_an_error_and_the_next_run_works(tflm: None) -> None:
    x = np.ones((3, 4), np.int8)
    with inference.load(tiny_models.dense_int8(), "tflm") as model:
        before = model.run(x)
        os.kill(model._engine._child._process.pid, signal.SIGKILL)
        with pytest.raises(inference.InferenceError, match="SIGKILL"):
            model.run(x)
        np.testing.assert_array_equal(model.run(x), before)


@pytest.mark.slow
def test_an_interrupt_leaves_a_model_that_still_works(tflm: None) -> None:
    """Ctrl-C in the middle of a long run, as in a notebook."""
    script = """
import signal, threading, _thread, numpy as np, tiny_models
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
from tinyml_labs import inference
model = inference.load(tiny_models.dense_int8(), "tflm")
x = np.ones((3_000_000, 4), np.int8)
threading.Timer(0.3, _thread.interrupt_main).start()
try:
    model.run(x, progress=False)
    print("not interrupted")
except KeyboardInterrupt:
    print("interrupted", model.run(x[:2]).shape)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=60, check=True
    )
    assert done.stdout.strip() == "interrupted (2, 3)"


def test_models_end_their_children(tflm: None) -> None:
    model = inference.load(tiny_models.dense_int8(), "tflm")
    pid = model._engine._child._process.pid
    os.kill(pid, 0)
    del model  # forgotten, not closed
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.slow
def test_two_models_at_once_from_two_threads(tflm: None) -> None:
    x = np.random.default_rng(0).integers(-128, 128, (2000, 4)).astype(np.int8)
    expected = [inference.run(tiny_models.dense_int8(seed=seed), x) for seed in (0, 1)]
    found: dict[int, np.ndarray] = {}

    def work(seed: int) -> None:
        found[seed] = inference.run(tiny_models.dense_int8(seed=seed), x)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in (0, 1):
        np.testing.assert_array_equal(found[seed], expected[seed])


@pytest.mark.slow
def test_the_smallest_arena_works_and_one_step_less_does_not(tflm: None) -> None:
    model = tiny_models.dense_int8()
    found = measure_arena(model)
    inference.load(model, "tflm", arena_bytes=found.smallest_bytes).close()
    with pytest.raises(inference.InferenceError):
        inference.load(model, "tflm", arena_bytes=found.smallest_bytes - 16)
    assert found.allocations["total"] <= found.smallest_bytes
    assert found.allocations["total"] == found.allocations["head"] + found.allocations["tail"]


PUBLIC = [
    "tflm/hello_world_int8.tflite",
    "tflm/micro_speech_quantized.tflite",
    "tflm/person_detect.tflite",
    "mlperf_tiny/keyword_spotting/kws_ref_model.tflite",
    "mlperf_tiny/visual_wake_words/vww_96_int8.tflite",
    "mlperf_tiny/image_classification/pretrainedResnet_quant.tflite",
    "mlperf_tiny/anomaly_detection/ad01_int8.tflite",
]


def test_every_public_model_runs_or_says_why_not(tflm: None, real_data: Path) -> None:
    reasons = {}
    ran = []
    for path in sorted((real_data / "models").rglob("*.tflite")):
        name = str(path.relative_to(real_data / "models"))
        try:
            with inference.load(path, "tflm") as model:
                zeros = [np.zeros((2, *t.window_shape), t.dtype) for t in model.inputs]
                model.run(zeros if len(zeros) > 1 else zeros[0])
        except inference.InferenceError as error:
            reasons[name] = str(error)
        else:
            ran.append(name)
    assert set(PUBLIC) <= set(ran)
    for name, reason in reasons.items():
        assert any(word in reason for word in ("Edge TPU", "Ethos-U", "custom op", "dynamic range")), (name, reason)


def test_streaming_models_remember_and_forget(tflm: None, real_data: Path) -> None:
    path = real_data / "models" / "microwakeword" / "okay_nabu.tflite"
    x = np.random.default_rng(0).integers(-128, -100, (60, 3, 40)).astype(np.int8)
    with inference.load(path, "tflm") as model:
        first = model.run(x)
        second = model.run(x)
        model.reset()
        again = model.run(x)
    np.testing.assert_array_equal(first, again)
    assert (first != second).any()
