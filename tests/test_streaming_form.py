"""The streaming form of a network answers what the network answers to whole windows."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_keywords

from tinyml_labs import capture, conversion, inference, inspection, models
from tinyml_labs.capture.assembler import Block, Gap
from tinyml_labs.capture.recording_writer import RecordingWriter
from tinyml_labs.features import AudioFrontEnd, WindowSettings, spectrogram, to_real
from tinyml_labs.keyword_classifier import KeywordClassifier
from tinyml_labs.link.descriptions import Sensor, SensorKind
from tinyml_labs.quiet import import_quietly
from tinyml_labs.streaming import stream_predict
from tinyml_labs.streaming_models import frames_heard, is_streaming, make_streaming, predict_stream, reset_stream

STEP = 2
BY_STEPS = WindowSettings(rate_hz=50, window_ms=40, stride_ms=40)
MICROPHONE = Sensor(
    id=2, name="microphone", unit="counts", channels=1, dtype="int16", rate_hz=16000, kind=SensorKind.AUDIO
)
pytestmark = pytest.mark.slow  # TensorFlow builds and converts


def sounds(frames: int, seed: int = 0) -> np.ndarray:
    """Make something like a spectrogram in real numbers, (frames, 40, 1): bursts of a few channels, and noise."""
    random = np.random.default_rng(seed)
    values = random.uniform(0, 4, (frames, 40))
    for _ in range(frames // 8):
        start, channel = random.integers(frames), random.integers(36)
        values[start : start + random.integers(3, 20), channel : channel + 8] += random.uniform(5, 20)
    return np.minimum(values, 26)[..., np.newaxis].astype(np.float32)


@cache
def network(**settings: Any) -> Any:
    """Build a small network as if it were trained: its norms at work, its scores far apart."""
    keras = import_quietly("keras")
    keras.utils.set_random_seed(1)
    model = models.build_ds_cnn(first_filters=4, filters=4, blocks=2, padding="valid", **settings)
    random, x = np.random.default_rng(1), windows_of(sounds(200))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            given = np.asarray(keras.Model(model.input, layer.input)(x))
            mean, variance = given.mean((0, 1, 2)), given.var((0, 1, 2))
            layer.set_weights([random.uniform(0.5, 1.5, 4), random.normal(0, 0.5, 4), mean, variance])
    averages = np.asarray(keras.Model(model.input, model.layers[-1].input)(x))
    kernel = random.normal(0, 2, (4, 4)) / averages.std(0)[:, np.newaxis]
    model.layers[-1].set_weights([kernel, -averages.mean(0) @ kernel])
    return model


def windows_of(frames: np.ndarray, step: int = STEP, heard: int = 48) -> np.ndarray:
    """Cut the window of 49 that each step of a stream completes: silence is before it, and more may come."""
    padded = np.concatenate([np.zeros((heard, *frames.shape[1:]), np.float32), frames, frames[:49]])
    return np.stack([padded[end : end + 49] for end in range(step, len(frames) + 1, step)])


def steps_of(frames: np.ndarray, step: int = STEP) -> np.ndarray:
    return frames[: len(frames) // step * step].reshape(-1, step, 40, 1)


@cache
def clips() -> np.ndarray:
    """Make what the network was trained on: silence too, with which a stream begins."""
    return np.stack([np.zeros((49, 40, 1), np.float32), *(sounds(49, seed) for seed in range(40))])


@cache
def streaming_model(kind: str) -> bytes:
    return conversion.convert(make_streaming(network()), kind, training_data=clips() if kind == "int8" else None)


@cache
def whole_model() -> bytes:
    return conversion.convert(network(), training_data=clips())


@pytest.mark.parametrize(("halve", "step", "heard"), [(False, 2, 48), (False, 6, 48), (True, 4, 46)])
def test_each_answer_is_the_networks_to_the_whole_window(halve: bool, step: int, heard: int) -> None:
    whole = network(halve=halve)
    assert frames_heard(whole) == heard
    stream = make_streaming(whole, step)
    assert is_streaming(stream)
    assert not is_streaming(whole)
    assert (stream.input_shape, stream.output_shape) == ((1, step, 40, 1), (1, 4))
    x = sounds(150)
    expected = whole.predict(windows_of(x, step, heard), verbose=0)
    assert len(np.unique(expected.argmax(axis=1))) > 2
    for _ in range(2):
        np.testing.assert_allclose(predict_stream(stream, x), expected, atol=1e-5)
    np.testing.assert_allclose(predict_stream(stream, x[..., 0]), expected, atol=1e-5)
    assert predict_stream(stream, x[:1]).shape == (0, 4)


def test_the_weights_are_shared() -> None:
    keras = import_quietly("keras")
    whole = keras.models.clone_model(models.build_ds_cnn(first_filters=2, filters=2, blocks=1, padding="valid"))
    stream = make_streaming(whole)
    whole.set_weights([np.random.default_rng(0).uniform(0.1, 1, weights.shape) for weights in whole.get_weights()])
    x = sounds(70)
    expected = whole.predict(windows_of(x), verbose=0)
    np.testing.assert_allclose(predict_stream(stream, x), expected, atol=1e-5)
    reset_stream(stream)
    np.testing.assert_allclose(np.asarray(stream(x[np.newaxis, :STEP])), expected[:1], atol=1e-5)


@pytest.mark.parametrize("engine", ["tflm", "litert"])
def test_the_float_model_on_a_board(tflm: None, engine: str) -> None:
    x = sounds(150, seed=3)
    expected = network().predict(windows_of(x), verbose=0)
    with inference.load(streaming_model("float32"), engine) as model:
        assert model.stateful
        first = model.predict(steps_of(x)[:30])
        rest = model.predict(steps_of(x)[30:])
        model.reset()
        again = model.predict(steps_of(x))
    np.testing.assert_allclose(np.concatenate([first, rest]), expected, atol=1e-5)
    np.testing.assert_array_equal(again, np.concatenate([first, rest]))


@pytest.mark.parametrize("engine", ["tflm", "litert"])
def test_the_int8_model_decides_as_the_whole_windows_int8_model(tflm: None, engine: str) -> None:
    x = sounds(1000, seed=5)
    whole = inference.predict(whole_model(), windows_of(x), "litert")
    exact = network().predict(windows_of(x), verbose=0)
    with inference.load(streaming_model("int8"), engine) as model:
        found = model.predict(steps_of(x))
        model.reset()
        np.testing.assert_array_equal(model.predict(steps_of(x[:100])), found[:50])
    assert (found.argmax(axis=1) == whole.argmax(axis=1)).mean() >= 0.95
    assert np.abs(found - whole).mean() <= 0.02
    assert np.abs(found - exact).mean() <= 1.2 * np.abs(whole - exact).mean()  # and 1.9 with MEAN of a row's columns


def test_it_computes_a_small_part_and_remembers_a_little() -> None:
    whole = inspection.inspect(whole_model(), arena=False)
    stream = inspection.inspect(streaming_model("int8"), arena=False)
    assert stream.macs * 25 < 0.15 * whole.macs * 10  # a second: an answer each 40 ms, against one each 100 ms
    first, depthwise, average = 8 * 40, 2 * (17 + 15) * 4, 15 * 4
    assert stream.state.nbytes == first + depthwise + average
    assert {variable.type_name for variable in stream.state.variables} == {"INT8"}
    assert "A streaming model: it remembers 4 variables of 636 bytes" in " ".join(str(stream).split())
    rows = sum(int(np.prod(shape)) for shape in ((20, 17, 4), (18, 15, 4), (16, 13, 4)))
    assert stream.state.nbytes < rows / 3


def test_a_stream_of_sound_with_a_gap(tflm: None, tmp_path: Path) -> None:
    sound = tiny_keywords.room(4)
    classifier = KeywordClassifier(
        model=streaming_model("int8"),
        window=BY_STEPS,
        smoothing={"average_windows": 5, "threshold": 0.6, "release": 0.5, "hold_off": 10},
    )
    writer = RecordingWriter(tmp_path, MICROPHONE, rate_hz=16000.0, board={"board": "b", "port": "p"})
    writer.append(Block(0, sound[:30_001, np.newaxis], None))
    writer.append(Block(31_000, sound[31_000:, np.newaxis], Gap(at=0, first=30_001, missing=999, cause="overrun")))
    writer.update(measured_rate_hz=16000.0)
    recording = capture.load_recording(writer.finish("complete"))
    with inference.load(classifier.model) as model:
        found = stream_predict(recording, model, **classifier.stream_settings())
        expected = []
        for part in (sound[:30_001], sound[31_000:]):
            model.reset()
            frames = to_real(spectrogram(part))
            expected.append(model.predict(steps_of(frames)))
    np.testing.assert_array_equal(found.scores, np.concatenate(expected))
    assert found.starts[: len(expected[0])].tolist() == [640 * k for k in range(len(expected[0]))]
    assert found.resets == (len(expected[0]),)
    with pytest.raises(ValueError, match="100 ms|one each 5"):
        stream_predict(
            sound,
            classifier.model,
            window=WindowSettings(rate_hz=50, window_ms=980, stride_ms=100),
            front_end=AudioFrontEnd(),
        )


def test_clips_to_calibrate_with_are_the_whole_windows() -> None:
    stream = make_streaming(network())
    with pytest.raises(ValueError, match="needs data to calibrate with"):
        conversion.convert(stream)
    with pytest.raises(ValueError, match=r"\(49, 40, 2\)|40, 2"):
        conversion.convert(stream, training_data=np.repeat(clips(), 2, axis=-1))
    for wrong in (clips()[:, :1], clips()[0]):
        with pytest.raises(ValueError, match="shape"):
            conversion.convert(stream, training_data=wrong)


def chain(*layers: Any) -> Any:
    keras = import_quietly("keras")
    return keras.Sequential([keras.Input((49, 40, 1)), *layers], name="mine")


def test_what_has_no_streaming_form_is_refused_by_name() -> None:
    keras = import_quietly("keras")
    layers = keras.layers
    average, dense = layers.GlobalAveragePooling2D, layers.Dense
    padded = models.build_ds_cnn(first_filters=2, filters=2, blocks=1)
    image = keras.Input((49, 40, 1))
    left, right = layers.Conv2D(2, 1)(image), layers.Conv2D(2, 1)(image)
    branch = keras.Model(image, dense(2)(average()(layers.Add()([left, right]))), name="mine")
    skip = keras.Model(image, dense(2)(average()(layers.Add()([left, layers.ReLU()(left)]))), name="mine")
    for model, step, words in (
        (padded, 2, r"'first' \(Conv2D\).*pads in time.*padding=\"valid\""),
        (models.build_tiny_conv(), 2, r"'convolution' \(Conv2D\).*pads in time"),
        (chain(layers.Flatten(), dense(2)), 2, r"Flatten.*GlobalAveragePooling2D"),
        (chain(layers.MaxPooling2D(2), average(), dense(2)), 2, r"MaxPooling2D.*known are Conv2D"),
        (chain(layers.Conv2D(2, 1, strides=2), average(), dense(2)), 2, r"skips frames"),
        (chain(layers.BatchNormalization(axis=1), average(), dense(2)), 2, r"axis 1"),
        (chain(average(), layers.LayerNormalization()), 2, r"after the average"),
        (chain(layers.Conv2D(2, 3)), 2, r"no average"),
        (branch, 2, r"no chain"),
        (skip, 2, r"\(Add\) has no streaming form"),
        (network(), 3, r"frames_a_step is 3, expected a multiple of 2"),
        (network(), 0, r"frames_a_step is 0"),
        (network(), 50, r"shorter than the window"),
    ):
        with pytest.raises(ValueError, match=words):
            make_streaming(model, step)
    with pytest.raises(ValueError, match="streaming form already"):
        make_streaming(make_streaming(network()))
    with pytest.raises(ValueError, match="for whole windows"):
        reset_stream(network())
    with pytest.raises(ValueError, match="padding is 'causal', expected 'same' or 'valid'"):
        models.build_ds_cnn(padding="causal")
    with pytest.raises(TypeError, match="bytes"):
        make_streaming(b"TFL3")  # type: ignore[arg-type]
