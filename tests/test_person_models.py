"""The networks that see a person: of the published size, made of what every board runs, and fit to learn."""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinyml_labs.batch_normalization import fused_batch_normalization
from tinyml_labs.person_models import build_mobilenet, build_person_cnn, load_pretrained
from tinyml_labs.quiet import import_quietly

pytestmark = pytest.mark.slow


def pictures(count: int, size: int = 96, channels: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 255, (count, size, size, channels)).astype(np.float32)


def count_mobilenet(width: float, channels: int, biases: bool, classes: int = 2) -> int:
    """Parameters by the table of the publication, layer by layer."""
    filters = [int(width * each) for each in (32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024)]
    total = 9 * channels * filters[0] + (4 + biases) * filters[0]
    for before, after in pairwise(filters):
        total += 9 * before + (4 + biases) * before + before * after + (4 + biases) * after
    return total + (filters[-1] + 1) * classes


def test_mobilenet_has_the_published_number_of_parameters() -> None:
    assert build_mobilenet(channels=3, biases=True).count_params() == count_mobilenet(0.25, 3, True) == 221_794


@pytest.mark.parametrize(
    ("width", "channels", "biases", "classes"), [(0.25, 1, False, 2), (0.5, 3, False, 5), (0.3, 1, True, 2)]
)
def test_mobilenet_in_other_sizes(width: float, channels: int, biases: bool, classes: int) -> None:
    network = build_mobilenet(64, channels, classes, width=width, biases=biases)
    assert network.count_params() == count_mobilenet(width, channels, biases, classes)
    assert (network.input_shape, network.output_shape) == ((None, 64, 64, channels), (None, classes))


def test_mobilenet_halves_five_times() -> None:
    network = build_mobilenet(last_filters=40, dropout=0.3)
    sides = [network.get_layer(f"depthwise_{block}").output.shape[1] for block in range(1, 14)]
    assert sides == [48, 24, 24, 12, 12, 6, 6, 6, 6, 6, 6, 3, 3]
    assert network.get_layer("flatten").output.shape == (None, 40)
    assert network.get_layer("dropout").rate == 0.3


def test_the_plain_network_halves_where_it_is_told() -> None:
    network = build_person_cnn(80, 3, filters=(8, 16, 24), strides=(2, 1, 2))
    assert [network.get_layer(f"convolution_{k}").output.shape[1:] for k in (1, 2, 3)] == [
        (40, 40, 8),
        (40, 40, 16),
        (20, 20, 24),
    ]
    weights = 9 * (1 * 8 + 8 * 16 + 16 * 24) + 4 * (8 + 16 + 24)
    assert network.count_params() == weights + (24 + 1) * 3
    assert (network.input_shape, network.output_shape) == ((None, 80, 80, 1), (None, 3))


def test_what_they_say_is_a_probability() -> None:
    for network in (build_person_cnn(), build_mobilenet()):
        scores = network.predict(pictures(3), verbose=0)
        assert scores.shape == (3, 2)
        np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)


def test_boards_run_the_plain_network() -> None:
    from tinyml_labs import inference
    from tinyml_labs.conversion import convert
    from tinyml_labs.model_file import read_model

    x = pictures(24)
    network = build_person_cnn()
    converted = convert(network, training_data=x)
    names = {operator.name for operator in read_model(converted).operators}
    boards_have = {"CONV_2D", "DEPTHWISE_CONV_2D", "MUL", "ADD", "MEAN", "FULLY_CONNECTED", "SOFTMAX", "RESHAPE"}
    assert names <= boards_have
    np.testing.assert_allclose(
        inference.predict(converted, x[:8]), network.predict(x[:8], verbose=0), atol=0.1, err_msg="int8 is far off"
    )


def test_the_plain_network_learns_to_see_a_bright_patch() -> None:
    keras = import_quietly("keras")
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(3)
    x = random.normal(90, 20, (300, 32, 32, 1)).astype(np.float32)
    y = random.integers(0, 2, 300)
    for number in np.flatnonzero(y):
        row, column = random.integers(0, 22, 2)
        x[number, row : row + 10, column : column + 10] += 100
    network = build_person_cnn(32, filters=(8, 16, 24), strides=(2, 2, 2))
    network.compile(optimizer=keras.optimizers.Adam(5e-3), loss="sparse_categorical_crossentropy")
    network.fit(x[:200], y[:200], epochs=10, batch_size=20, verbose=0)
    assert (network.predict(x[200:], verbose=0).argmax(axis=1) == y[200:]).mean() > 0.9


def test_the_pretrained_network_knows_faces_from_landscapes() -> None:
    """Its order of labels and its range of pixels: with either wrong, this is chance or worse."""
    from tinyml_labs.datasets import bundled_path, load_people
    from tinyml_labs.roc import measure_area

    network = load_pretrained()
    assert (network.input_shape, network.output_shape) == ((None, 96, 96, 3), (None, 2))
    assert all(np.isfinite(array).all() for array in network.get_weights())
    data = load_people(bundled_path("people", "photographs.zip"))
    scores = network.predict(np.repeat(data.images, 3, axis=-1).astype(np.float32), verbose=0)
    assert measure_area(scores[:, 1], data.labels)[0] > 0.75
    assert (scores.argmax(axis=1) == data.labels).mean() > 0.65


@pytest.mark.parametrize(
    ("build", "settings", "message"),
    [
        (build_person_cnn, {"size": 0}, "size is 0, expected at least 1"),
        (build_person_cnn, {"filters": (8, 0)}, "filters[1] is 0, expected at least 1"),
        (build_person_cnn, {"filters": (), "strides": ()}, "There are 0 filters"),
        (build_person_cnn, {"filters": (8, 8), "strides": (2,)}, "There are 2 filters and the strides (2,)"),
        (build_person_cnn, {"filters": (8,), "strides": (3,)}, "a stride of 1 or 2 for each"),
        (build_person_cnn, {"size": 8}, "4 strides of 2 halve 8 pixels to less than one. Expected 3 at most"),
        (build_mobilenet, {"classes": 0}, "classes is 0"),
        (build_mobilenet, {"channels": 0}, "channels is 0"),
        (build_mobilenet, {"last_filters": 0}, "last_filters is 0"),
        (build_mobilenet, {"size": 31}, "size is 31 and width 0.25, expected 32 pixels"),
        (build_mobilenet, {"width": 0.03}, "width 0.03, expected 32 pixels and 1/32"),
    ],
)
def test_networks_that_cannot_be_are_refused(build: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        build(**settings)


def normalise_both(x: np.ndarray, **settings: Any) -> list[list[np.ndarray]]:
    """Outputs, gradients, moving mean and variance, and outputs afterwards, of our layer and of Keras's."""
    keras, tensorflow = import_quietly("keras"), import_quietly("tensorflow")
    weights = np.random.default_rng(2).normal(size=x.shape).astype(np.float32)
    found = []
    for kind in (fused_batch_normalization(), keras.layers.BatchNormalization):
        layer = kind(momentum=0.8, **settings)
        layer.build(x.shape)
        start = np.linspace(0.5, 2, x.shape[-1]).astype(np.float32)
        if layer.gamma is not None:
            layer.gamma.assign(np.resize(start, layer.gamma.shape))
        inputs = tensorflow.constant(x)
        with tensorflow.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=True)
            loss = tensorflow.reduce_sum(outputs * weights)
        gradients = tape.gradient(loss, [inputs, *layer.trainable_weights])
        after = [layer.moving_mean, layer.moving_variance, layer(inputs, training=False)]
        found.append([np.asarray(each) for each in (outputs, *gradients, *after)])
    return found


@pytest.mark.parametrize("shape", [(2, 3, 3, 5), (16, 6, 4, 5)])
def test_the_fused_normalisation_is_keras_s_but_for_bessel_s_correction(shape: tuple[int, ...]) -> None:
    ours, kerass = normalise_both(np.random.default_rng(1).normal(3, 2, shape).astype(np.float32))
    for mine, their in zip(ours[:-2], kerass[:-2], strict=True):
        np.testing.assert_allclose(mine, their, rtol=1e-3, atol=1e-3)
    count = np.prod(shape[:3])
    batch = [(variance - 0.8) / 0.2 for variance in (ours[-2], kerass[-2])]  # it began at 1
    np.testing.assert_allclose(batch[0], batch[1] * count / (count - 1), rtol=1e-4)
    assert not np.allclose(batch[0], batch[1], rtol=0.2 / count)


@pytest.mark.parametrize(
    ("shape", "settings"),
    [
        ((4, 3, 3, 3), {"axis": 1}),
        ((4, 3, 3, 3), {"scale": False}),
        ((4, 3, 3, 3), {"center": False}),
        ((40, 5), {}),
    ],
)
def test_what_the_kernel_does_not_do_keras_does(shape: tuple[int, ...], settings: dict[str, Any]) -> None:
    ours, kerass = normalise_both(np.random.default_rng(1).normal(3, 2, shape).astype(np.float32), **settings)
    for mine, their in zip(ours, kerass, strict=True):
        np.testing.assert_allclose(mine, their, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_a_saved_network_loads_with_keras_alone(tmp_path: Path) -> None:
    network = build_person_cnn(32)
    network.save(tmp_path / "network.keras")
    pictures = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 1)).astype(np.float32)
    np.save(tmp_path / "pictures.npy", pictures)
    program = f"""
import keras, numpy, sys
network = keras.models.load_model(r"{tmp_path / "network.keras"}")
numpy.save(r"{tmp_path / "scores.npy"}", network.predict(numpy.load(r"{tmp_path / "pictures.npy"}"), verbose=0))
assert not any(name.startswith("tinyml_labs") for name in sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "scores.npy"), network.predict(pictures, verbose=0), atol=1e-6)
