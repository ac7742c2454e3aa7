"""A trained network is changed and says the same: each change is held against the network before."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinyml_labs.network_surgery import average_weights, drop_filters, fold_biases, measure_activity, take_grey
from tinyml_labs.person_models import build_mobilenet, build_person_cnn

pytestmark = pytest.mark.slow
SIZE, LAST = 32, 20
FILTERS = (8, 8, 16, 16, 32, 32, 32, 32, 64, 64, 64, 64, 128, *[128] * 10, 128, 256, 256)  # but of the last


def make_network(seed: int = 0, **settings: Any) -> Any:
    """Of random weights, and with normalizations as if it had been trained: nothing at its start, no layer dead."""
    network = build_mobilenet(**{"size": SIZE, "last_filters": LAST, **settings})
    random = np.random.default_rng(seed)
    norms = [layer for layer in network.layers if layer.name.endswith("_norm")]
    for layer in network.layers:
        arrays = layer.get_weights()
        if layer in norms:
            gamma, beta, mean, variance = arrays
            arrays = [random.uniform(0.5, 1.5, gamma.shape), random.normal(0.3, 0.3, beta.shape), mean, variance]
        else:
            arrays = [random.normal(0, 0.3, array.shape) for array in arrays]
        layer.set_weights(arrays)
    for norm in norms:
        norm.momentum = 0.0
    network(pictures(settings.get("channels", 1), 24), training=True)  # the averages are now those of these pictures
    return network


def pictures(channels: int, count: int = 6) -> np.ndarray:
    """Noise of many contrasts."""
    random = np.random.default_rng(7)
    contrast = np.geomspace(0.05, 1, count)[:, np.newaxis, np.newaxis, np.newaxis]
    return (127 + contrast * random.uniform(-127, 127, (count, SIZE, SIZE, channels))).astype(np.float32)


def predict(network: Any, images: np.ndarray) -> np.ndarray:
    scores = network.predict(images, verbose=0)
    assert scores.std(axis=0).max() > 1e-3, "the scores are the same for all pictures: the test shows nothing"
    return scores


def test_grey_is_what_three_equal_channels_were() -> None:
    network = make_network(channels=3, biases=True, width=0.3, dropout=0.25)
    before, grey = network.get_weights(), pictures(1)
    changed = take_grey(network)
    assert changed.input_shape == (None, SIZE, SIZE, 1)
    assert network.count_params() - changed.count_params() == 2 * 9 * 9  # of nine filters
    assert changed.get_layer("dropout").rate == 0.25
    np.testing.assert_allclose(
        predict(changed, grey), predict(network, np.repeat(grey, 3, axis=-1)), rtol=1e-4, atol=1e-5
    )
    for one, other in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_biases_the_scores_are_the_same() -> None:
    network = make_network(channels=3, biases=True)
    folded = fold_biases(network)
    assert network.count_params() - folded.count_params() == sum(FILTERS) + LAST  # a bias each
    np.testing.assert_allclose(predict(folded, pictures(3)), predict(network, pictures(3)), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="nothing to fold"):
        fold_biases(folded)


def with_idle_filters(level: float) -> tuple[Any, np.ndarray]:
    """A network four of whose last filters give the same number whatever they see."""
    network, idle = make_network(), np.array([0, 3, 4, 19])
    gamma, beta, mean, variance = network.get_layer("pointwise_13_norm").get_weights()
    gamma[idle], beta[idle] = 0, level
    network.get_layer("pointwise_13_norm").set_weights([gamma, beta, mean, variance])
    return network, idle


@pytest.mark.parametrize("level", [-1.0, 0.0, 0.7])
def test_idle_filters_are_found_and_not_missed(level: float) -> None:
    network, idle = with_idle_filters(level)
    activity = measure_activity(network, pictures(1, 20))
    assert activity.shape == (LAST,) and activity.dtype == np.float32
    np.testing.assert_allclose(activity[idle], 0, atol=1e-6)
    keep = np.flatnonzero(activity > 1e-6)
    assert len(keep) >= 8 and not set(keep) & set(idle)
    means = np.zeros(LAST)
    means[idle] = max(level, 0)
    smaller = drop_filters(network, np.setdiff1d(np.arange(LAST), idle), means)
    assert smaller.get_layer("pointwise_13").filters == LAST - 4
    scores = predict(network, pictures(1))
    np.testing.assert_allclose(predict(smaller, pictures(1)), scores, rtol=1e-4, atol=1e-5)
    if level > 0:
        forgotten = drop_filters(network, np.setdiff1d(np.arange(LAST), idle))
        assert np.abs(predict(forgotten, pictures(1)) - scores).max() > 1e-3


def test_activity_is_the_spread_times_what_it_does() -> None:
    network = make_network()
    images = pictures(1, 12)
    first = measure_activity(network, images)
    kernel, bias = network.get_layer("scores").get_weights()
    kernel[5] = 2.5  # of both classes alike: it moves no score
    kernel[6] *= 3
    network.get_layer("scores").set_weights([kernel, bias])
    second = measure_activity(network, images)
    assert second[5] == pytest.approx(0, abs=1e-6)
    assert second[6] == pytest.approx(3 * first[6], rel=1e-4)
    np.testing.assert_allclose(np.delete(second, [5, 6]), np.delete(first, [5, 6]), rtol=1e-4, atol=1e-7)


def test_between_two_networks() -> None:
    first, second = make_network(1, dropout=0.1), make_network(2)
    for share, expected in ((1.0, first), (0.0, second)):
        mixed = average_weights(first, second, share)
        for one, other in zip(mixed.get_weights(), expected.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    mixed = average_weights(first, second, 0.25)
    for a, b, found in zip(first.get_weights(), second.get_weights(), mixed.get_weights(), strict=True):
        np.testing.assert_allclose(found, b + 0.25 * (a - b), rtol=1e-5, atol=1e-4)
    assert mixed.get_layer("dropout").rate == 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: take_grey(make_network()), "takes 1 channel(s), expected 3"),
        (lambda: fold_biases(build_person_cnn()), "is 'person_cnn', expected one that"),
        (
            lambda: drop_filters(make_network(), np.array([3, LAST])),
            "keep names filter 20, expected numbers from 0 to 19",
        ),
        (lambda: drop_filters(make_network(), np.array([-1, 2])), "keep names filter -1"),
        (lambda: drop_filters(make_network(), np.zeros(0, int)), "keep names no filter"),
        (lambda: drop_filters(make_network(), np.ones(LAST, bool)), "Of a mask: np.flatnonzero(mask)"),
        (
            lambda: drop_filters(make_network(), np.arange(3), np.zeros(2)),
            "mean_outputs has shape (2,), expected (20,)",
        ),
        (lambda: average_weights(make_network(), make_network(last_filters=8), 0.5), "The networks differ"),
        (lambda: average_weights(make_network(), make_network(), 1.5), "share is 1.5, expected 0 to 1"),
    ],
)
def test_what_cannot_be_is_refused(change: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        change()
