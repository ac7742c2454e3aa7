import numpy as np
import pytest

from tinyml_labs.datasets import load_reference_model, load_sine
from tinyml_labs.models import (
    build_gesture_conv,
    build_gesture_dense,
    build_sine_model,
    rebuild_dense,
    train_classifier,
)

GRID = np.linspace(0, 2 * np.pi, 1000, dtype=np.float32).reshape(-1, 1)


@pytest.mark.slow
def test_the_sine_model_is_small_and_seeded():
    model, again, other = (build_sine_model(seed=seed) for seed in (1, 1, 2))
    assert model.count_params() == 321
    assert (model.input_shape, model.output_shape) == ((None, 1), (None, 1))
    assert [layer.name for layer in model.layers] == ["hidden_1", "hidden_2", "y"]
    assert all(map(np.array_equal, model.get_weights(), again.get_weights()))
    assert not np.array_equal(model.get_weights()[0], other.get_weights()[0])
    assert build_sine_model(units=4).count_params() == 33
    with pytest.raises(ValueError, match="units is 0"):
        build_sine_model(units=0)


def mean_absolute_error(model):
    from tinyml_labs import inference

    return float(np.abs(inference.predict(model, GRID) - np.sin(GRID)).mean())


def test_the_reference_model_is_a_good_sine():
    assert mean_absolute_error(load_reference_model("sine")) <= 0.03


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_the_labs_training_reaches_its_goal(seed):
    from tinyml_labs.conversion import convert
    from tinyml_labs.quiet import import_quietly

    keras = import_quietly("keras")
    keras.utils.set_random_seed(seed)
    data = load_sine(samples=5000, seed=seed)
    model = build_sine_model(seed=seed)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, decay_steps=20 * 188)),
        loss="mse",
        steps_per_execution=50,
    )
    model.fit(data.x_train, data.y_train, epochs=20, batch_size=16, verbose=0)
    converted = convert(model, training_data=data.x_train, dense_per_tensor=True)
    assert len(converted) <= 3.5 * 1024
    assert mean_absolute_error(converted) <= 0.05


@pytest.mark.slow
def test_the_reference_model_fits_its_arena():
    from tinyml_labs import inference

    if not inference.tflm_available():
        pytest.skip("tflite-micro has no wheel for this platform, so that the arena cannot be measured")
    from tinyml_labs.inference.tflm import measure_arena

    assert measure_arena(load_reference_model("sine")).smallest_bytes <= 2048


@pytest.mark.slow
def test_the_convolution_turns_windows_in_training_alone():
    """Lengths stay, directions do not; both vectors of six channels turn alike."""
    model = build_gesture_conv(128, 6, 4)
    layer = model.get_layer("random_rotation")
    windows = np.random.default_rng(0).normal(size=(50, 128, 6, 1)).astype(np.float32)
    np.testing.assert_array_equal(layer(windows, training=False), windows)
    found = np.asarray(layer(windows, training=True))
    vectors, before = found.reshape(50, 256, 3), windows.reshape(50, 256, 3)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=2), np.linalg.norm(before, axis=2), rtol=1e-4)
    np.testing.assert_allclose(  # angles between vectors stay, too: it is one rotation a window
        np.einsum("nik,njk->nij", vectors, vectors), np.einsum("nik,njk->nij", before, before), atol=1e-3
    )
    assert np.abs(vectors - before).max(axis=(1, 2)).min() > 0.1
    assert not np.allclose(found[0], np.asarray(layer(windows, training=True))[0], atol=1e-3)
    directions = np.asarray(layer(np.tile(np.float32([[[1], [0], [0]]]), (4000, 128, 1, 1)), training=True))[
        :, 0, :, 0
    ]
    assert np.abs(directions.mean(axis=0)).max() < 0.05, "no direction is preferred"


@pytest.mark.slow
@pytest.mark.parametrize("channels", [3, 6])
def test_the_convolution_is_made_of_what_every_board_runs(channels):
    from tinyml_labs.conversion import convert
    from tinyml_labs.model_file import read_model

    model = build_gesture_conv(238, channels, 11)
    windows = np.random.default_rng(1).normal(size=(64, 238, channels, 1)).astype(np.float32)
    train_classifier(model, windows, np.arange(64) % 11, epochs=1)
    converted = convert(model, training_data=windows)
    names = [operator.name for operator in read_model(converted).operators]
    assert set(names) <= {"CONV_2D", "MEAN", "FULLY_CONNECTED", "SOFTMAX", "RESHAPE"}
    assert names.count("CONV_2D") == 3
    assert len(converted) <= 20 * 1024


@pytest.mark.slow
def test_a_dense_network_learns_and_can_be_made_again_from_its_file():
    from tinyml_labs import inference
    from tinyml_labs.conversion import convert
    from tinyml_labs.quiet import import_quietly

    import_quietly("keras").utils.set_random_seed(0)
    chance = np.random.default_rng(0)
    y = chance.integers(0, 3, 600)
    x = (np.eye(3, 8)[y] * 3 + chance.normal(size=(600, 8))).astype(np.float32)
    model = build_gesture_dense(8, 3, units=(16, 8))
    train_classifier(model, x[:500], y[:500], epochs=15)
    converted = convert(model, training_data=x[:500])
    int8 = inference.predict(converted, x[500:])
    assert (int8.argmax(axis=1) == y[500:]).mean() > 0.85
    again = rebuild_dense(converted, noise=0.1)
    np.testing.assert_allclose(again.predict(x[500:], verbose=0), int8, atol=0.08)
    assert again.layers[0].name == "noise"
    with pytest.raises(ValueError, match="expected FULLY_CONNECTED layers and a SOFTMAX"):
        rebuild_dense(load_reference_model("sine"))


@pytest.mark.slow
def test_a_heavier_class_is_said_more_often():
    from tinyml_labs.quiet import import_quietly

    keras = import_quietly("keras")
    chance = np.random.default_rng(0)
    y = chance.integers(0, 2, 1000)
    x = (y[:, None] + chance.normal(size=(1000, 4)) * 2).astype(np.float32)
    said = []
    for weights in (None, {1: 8.0}):
        keras.utils.set_random_seed(0)
        model = build_gesture_dense(4, 2, units=(8, 4))
        train_classifier(model, x, y, epochs=5, class_weight=weights)
        said.append(float((model.predict(x, verbose=0).argmax(axis=1) == 1).mean()))
    assert said[1] > said[0] + 0.2


def test_sizes_that_are_none_are_refused():
    with pytest.raises(ValueError, match="features is 0"):
        build_gesture_dense(0, 3)
    with pytest.raises(ValueError, match="length is 63 samples"):
        build_gesture_conv(63, 3, 4)
    with pytest.raises(ValueError, match="channels is 4; only vectors of 3 can be turned"):
        build_gesture_conv(128, 4, 4)
    with pytest.raises(ValueError, match="x has 2 samples and y 1"):
        train_classifier(None, [1, 2], [1])
    with pytest.raises(ValueError, match="last_learning_rate 0.01; expected a rate that falls"):
        train_classifier(None, [1], [1], learning_rate=1e-3, last_learning_rate=0.01)


@pytest.mark.parametrize("last", [0, 5e-4, 2e-3])
def test_the_learning_rate_falls_to_the_last_one(last):
    x, y = np.random.default_rng(1).normal(size=(32, 6)).astype(np.float32), np.arange(32) % 3
    model = build_gesture_dense(6, 3)
    train_classifier(model, x, y, epochs=2, batch_size=8, learning_rate=2e-3, last_learning_rate=last)
    assert float(model.optimizer.learning_rate) == pytest.approx(last, abs=1e-9)
