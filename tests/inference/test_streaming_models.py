"""Models with variables: what they remember is kept from call to call, and is gone after a reset."""

import threading
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import tiny_streaming

from tinyml_labs import arena, inference, inspection
from tinyml_labs.features import WindowSettings
from tinyml_labs.model_file import read_model
from tinyml_labs.model_state import ModelState, describe_state
from tinyml_labs.streaming import stream_predict

WAKE_WORDS = ("alexa", "hey_jarvis", "okay_nabu")
ENGINES = [
    pytest.param("tflm", marks=pytest.mark.skipif(not inference.tflm_available(), reason="no TFLM wheel here")),
    "litert",
    "litert-default",
]


def frames(count: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.uniform(-1, 1, (count, 1, tiny_streaming.CHANNELS)).astype(np.float32)


@pytest.mark.slow  # TensorFlow makes the model
@pytest.mark.parametrize("engine", ENGINES)
def test_a_stream_in_pieces_is_the_stream_as_a_whole(engine: str) -> None:
    x = frames(200)
    expected = tiny_streaming.ring_by_hand(x)
    with inference.load(tiny_streaming.ring_model(), engine) as model:
        assert model.stateful
        assert "remembers 1 variable of 48 bytes" in repr(model)
        assert "within" not in model.fidelity  # that is for models without a state
        whole = model.predict(x)
        model.reset()
        pieces = np.concatenate([model.predict(piece) for piece in np.split(x, [1, 2, 7, 100, 100, 171])])
    np.testing.assert_allclose(whole, expected, atol=1e-5)
    np.testing.assert_array_equal(pieces, whole)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_a_reset_brings_back_what_the_variables_began_with(engine: str, kind: str) -> None:
    """They begin with 0.5: TFLM's own Reset() would leave 0, LiteRT's reset_all_variables() the last frames."""
    x = frames(20)
    with inference.load(tiny_streaming.ring_model(kind), engine) as model:
        first = model.predict(x)
        on = model.predict(x)
        model.reset()
        again = model.predict(x)
        model.reset()
        model.reset()
        twice = model.predict(x)
        step = model.outputs[0].scale
    np.testing.assert_array_equal(again, first)
    np.testing.assert_array_equal(twice, first)
    np.testing.assert_allclose(first, tiny_streaming.ring_by_hand(x), atol=max(1e-5, 1.5 * step))
    assert (first[: tiny_streaming.KEPT] != on[: tiny_streaming.KEPT]).any()
    np.testing.assert_array_equal(first[tiny_streaming.KEPT :], on[tiny_streaming.KEPT :])  # so far it remembers


@pytest.mark.slow
def test_run_and_predict_by_themselves_begin_from_a_fresh_state() -> None:
    x = frames(10)
    model = tiny_streaming.ring_model()
    expected = tiny_streaming.ring_by_hand(x)
    for _ in range(2):
        np.testing.assert_allclose(inference.predict(model, x), expected, atol=1e-5)
        np.testing.assert_allclose(inference.run(model, x), expected, atol=1e-5)


@pytest.mark.slow
def test_a_run_that_was_broken_off_leaves_no_state_to_go_on_from(tflm: None) -> None:
    x = frames(10)
    with inference.load(tiny_streaming.ring_model(), "tflm") as model:
        first = model.run(x)
        model._engine._child._process.kill()
        with pytest.raises(inference.InferenceError, match="SIGKILL"):
            model.run(x)
        with pytest.raises(inference.InferenceError, match=r"broken off.*1 variable of 48 bytes.*reset\(\)"):
            model.run(x)
        model.reset()
        np.testing.assert_array_equal(model.run(x), first)


@pytest.mark.slow
def test_wrong_inputs_leave_the_state_as_it_was() -> None:
    x = frames(10)
    with inference.load(tiny_streaming.ring_model()) as model:
        first = model.run(x[:5])
        with pytest.raises(ValueError, match="takes"):
            model.run(x[:, 0])
        np.testing.assert_allclose(
            np.concatenate([first, model.run(x[5:])]), tiny_streaming.ring_by_hand(x), atol=1e-5
        )


@pytest.mark.slow
def test_two_threads_do_not_mix_their_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call is one sequence: whichever comes first, the other goes on from its end."""
    monkeypatch.setattr("tinyml_labs.inference.batches._SECONDS_A_BATCH", 1e-9)  # a batch is one inference
    zeros, ones = np.zeros((3000, 1, 4), np.float32), np.ones((3000, 1, 4), np.float32)
    found = {}
    with inference.load(tiny_streaming.ring_model(), "litert") as model:
        threads = [
            threading.Thread(target=lambda name=name, x=x: found.update({name: model.run(x, progress=False)}))
            for name, x in (("zeros", zeros), ("ones", ones))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert set(found) == {"zeros", "ones"}
    for answers in found.values():
        assert len(np.unique(answers[tiny_streaming.KEPT :], axis=0)) == 1


@pytest.mark.slow
def test_stream_predict_gives_a_streaming_model_each_sample_once() -> None:
    x = frames(10)
    one_by_one = WindowSettings(rate_hz=50, window_ms=20, stride_ms=20)
    with inference.load(tiny_streaming.ring_model(), "litert") as model:
        for _ in range(2):  # from a fresh state
            found = stream_predict(x[:, 0], model, window=one_by_one)
            np.testing.assert_allclose(found.outputs, tiny_streaming.ring_by_hand(x), atol=1e-5)
        for window_ms, stride_ms in ((40, 20), (20, 40)):
            other = WindowSettings(rate_hz=50, window_ms=window_ms, stride_ms=stride_ms)
            with pytest.raises(ValueError, match=r"a streaming model: it remembers 1 variable.*WakeWordListener"):
                stream_predict(x[:, 0], model, window=other)


def test_a_plain_model_remembers_nothing() -> None:
    x = np.random.default_rng(0).integers(-128, 128, (20, 4)).astype(np.int8)
    with inference.load(tiny_models.dense_int8(), "litert") as model:
        assert not model.stateful
        assert "remembers" not in repr(model)
        first = model.run(x)
        model.reset()
        np.testing.assert_array_equal(model.run(x), first)
    assert describe_state(read_model(tiny_models.dense_int8())) == ModelState()
    assert str(ModelState()) == "nothing"


def test_ops_that_remember_inside_count_too() -> None:
    state = describe_state(read_model(tiny_models.custom_op("CIRCULAR_BUFFER")))
    assert state.stateful
    assert "what CIRCULAR_BUFFER keeps inside" in str(state)


@pytest.mark.slow
def test_inspection_says_that_a_model_streams() -> None:
    report = inspection.inspect(tiny_streaming.ring_model("int8"), arena=False)
    (variable,) = report.state.variables
    assert (variable.shape, variable.type_name, variable.nbytes) == ((1, 3, 4), "INT8", 12)
    text = " ".join(str(report).split())
    for words in (
        "remembers 1 variable of 12 bytes",
        "A streaming model: it remembers 1 variable of 12 bytes",
        "Interpreter.reset() begins a new one",
        "MicroResourceVariables::Create(allocator, 1)",
    ):
        assert words in text
    assert "A streaming model" in report._repr_html_()
    assert report.to_dict()["state"]["bytes"] == 12
    plain = inspection.inspect(tiny_models.dense_int8(), arena=False)
    assert "streaming" not in str(plain)
    assert plain.to_dict()["state"]["stateful"] is False


@pytest.mark.slow
def test_the_arena_holds_the_variables(tflm: None) -> None:
    model = tiny_streaming.ring_model()
    report = arena.measure_arena(model)
    assert report.breakdown["variables"] == (48, 48)
    assert sum(here for here, _ in report.breakdown.values()) == report.measured_bytes
    assert arena.estimate_arena_bytes(model) >= report.measured_bytes


@pytest.mark.slow
@pytest.mark.parametrize("name", WAKE_WORDS)
def test_public_streaming_models_answer_alike_in_both_engines(tflm: None, real_data: Path, name: str) -> None:
    """They stay together over 300 inferences, though not to the byte: LiteRT rounds another way."""
    path = real_data / "models" / "microwakeword" / f"{name}.tflite"
    x = np.random.default_rng(0).integers(-128, 127, (300, 3, 40)).astype(np.int8)
    x[::2] //= 3
    answers = {}
    for engine in ("tflm", "litert"):
        with inference.load(path, engine) as model:
            answers[engine] = model.run(x).astype(int)
            model.reset()
            np.testing.assert_array_equal(model.run(x), answers[engine])
            assert (len(model.state.variables), model.state.resource_variables) == (6, 6)
    assert np.abs(answers["tflm"] - answers["litert"]).max() <= 16


@pytest.mark.slow
def test_public_streaming_models_in_words(tflm: None, real_data: Path) -> None:
    folder = real_data / "models" / "microwakeword"
    found = {name: inspection.inspect(folder / f"{name}.tflite") for name in WAKE_WORDS}
    assert [found[name].state.nbytes for name in WAKE_WORDS] == [3024, 2840, 3408]
    for report in found.values():
        assert report.arena is not None
        assert report.arena.breakdown["variables"][0] == report.state.nbytes
        assert sum(here for here, _ in report.arena.breakdown.values()) == report.arena.measured_bytes
