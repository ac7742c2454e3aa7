import numpy as np
import pytest

from tinyml_labs.datasets import load_reference_model, load_sine
from tinyml_labs.models import build_sine_model

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
