"""The keyword networks: small enough, made of what every board runs, and as Keras computes them."""

from typing import Any

import numpy as np
import pytest

from tinyml_labs import inference
from tinyml_labs.models import build_ds_cnn, build_tiny_conv, train_classifier
from tinyml_labs.quiet import import_quietly

pytestmark = pytest.mark.slow


def spectrograms(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 26, (count, 49, 40, 1)).astype(np.float32)


@pytest.mark.parametrize(
    ("build", "settings", "most_bytes", "most_arena"),
    [
        (build_tiny_conv, {}, 24 * 1024, 12 * 1024),
        (build_ds_cnn, {}, 27 * 1024, 38 * 1024),
        (build_ds_cnn, {"first_filters": 24, "filters": 56, "halve": True}, 40 * 1024, 30 * 1024),
    ],
)
def test_boards_run_them(build: Any, settings: dict[str, Any], most_bytes: int, most_arena: int) -> None:
    from tinyml_labs.arena import measure_arena
    from tinyml_labs.conversion import convert
    from tinyml_labs.model_file import read_model

    x = spectrograms(80)
    model = build(**settings)
    train_classifier(model, x, np.arange(80) % 4, epochs=1)
    converted = convert(model, training_data=x)
    names = {operator.name for operator in read_model(converted).operators}
    boards_have = {"CONV_2D", "DEPTHWISE_CONV_2D", "MEAN", "FULLY_CONNECTED", "SOFTMAX", "RESHAPE"}
    assert names <= boards_have
    assert len(converted) <= most_bytes
    assert measure_arena(converted).measured_bytes <= most_arena
    np.testing.assert_allclose(
        inference.predict(converted, x[:10]), model.predict(x[:10], verbose=0), atol=0.1, err_msg="int8 is far off"
    )


def test_what_it_says_is_a_probability() -> None:
    for model in (build_tiny_conv(classes=3), build_ds_cnn(classes=3)):
        scores = model.predict(spectrograms(5), verbose=0)
        assert scores.shape == (5, 3)
        np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)


def test_the_fused_normalisation_learns_what_keras_s_own_does() -> None:
    """Same outputs, gradients and averages in training; and without training Keras's own code runs."""
    keras, tensorflow = import_quietly("keras"), import_quietly("tensorflow")
    fused = type(build_ds_cnn().get_layer("first_norm"))
    layers = [kind(momentum=0.9, name="norm") for kind in (fused, keras.layers.BatchNormalization)]
    x = tensorflow.constant(np.random.default_rng(1).normal(3, 2, (16, 5, 4, 6)).astype(np.float32))
    weights = np.random.default_rng(2).normal(size=(16, 5, 4, 6)).astype(np.float32)
    found = []
    for layer in layers:
        layer.build(x.shape)
        layer.gamma.assign([0.5, 1, 2, 1, 1, 1])
        with tensorflow.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, training=True)
            loss = tensorflow.reduce_sum(outputs * weights)
        gradients = tape.gradient(loss, [x, layer.gamma, layer.beta])
        found.append([outputs, *gradients, layer.moving_mean, layer(x, training=False)])
    for ours, kerass in zip(*found, strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(kerass), rtol=1e-3, atol=2e-3)


def test_a_frozen_normalisation_stays_as_it_is() -> None:
    layer = build_ds_cnn().get_layer("first_norm")
    layer.trainable = False
    x = np.random.default_rng(1).normal(3, 2, (16, 5, 4, 32)).astype(np.float32)
    np.testing.assert_allclose(layer(x, training=True), layer(x, training=False))
    assert not np.any(layer.moving_mean)


def test_it_learns_to_hear_a_glide() -> None:
    """A tone that rises, falls or stays, somewhere in noise: a few epochs are enough."""
    import_quietly("keras").utils.set_random_seed(0)
    random = np.random.default_rng(3)
    y = random.integers(0, 3, 600)
    x = spectrograms(600, seed=4) / 4
    for k, slope in enumerate((y - 1).tolist()):
        start, middle = random.integers(0, 24), random.integers(14, 26)
        for frame in range(24):
            channel = middle + slope * (frame - 12)
            x[k, start + frame, channel : channel + 3] += 15
    model = build_ds_cnn(classes=3, first_filters=8, filters=16, blocks=1, halve=True)
    train_classifier(model, x[:500], y[:500], epochs=12)
    assert (model.predict(x[500:], verbose=0).argmax(axis=1) == y[500:]).mean() > 0.9


@pytest.mark.parametrize("size", ["frames", "channels", "classes", "filters"])
def test_sizes_below_one_are_refused(size: str) -> None:
    for build in (build_tiny_conv, build_ds_cnn):
        with pytest.raises(ValueError, match=f"{size} is 0, expected at least 1"):
            build(**{size: 0})
