"""The labs' small Keras networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinyml_labs.gesture_models import build_gesture_conv, build_gesture_dense, rebuild_dense
from tinyml_labs.keyword_models import build_ds_cnn, build_tiny_conv, load_reference_ds_cnn
from tinyml_labs.network_surgery import average_weights, drop_filters, fold_biases, measure_activity, take_grey
from tinyml_labs.person_models import build_mobilenet, build_person_cnn, load_pretrained
from tinyml_labs.quiet import import_quietly

__all__ = [
    "average_weights",
    "build_ds_cnn",
    "build_gesture_conv",
    "build_gesture_dense",
    "build_mobilenet",
    "build_person_cnn",
    "build_sine_model",
    "build_tiny_conv",
    "drop_filters",
    "fold_biases",
    "load_pretrained",
    "load_reference_ds_cnn",
    "measure_activity",
    "rebuild_dense",
    "show_progress",
    "take_grey",
    "train_classifier",
    "train_sine_model",
]


def build_sine_model(units: int = 16, seed: int | None = None) -> Any:
    """Build the network of hello world: two hidden layers that learn y = sin(x).

    Parameters
    ----------
    units
        Width of both hidden layers. With 16 there are 321 weights and biases.
    seed
        Seed of the initial weights; None draws new ones each time.

    Returns
    -------
    keras.Model
        Sequential, not compiled: input (N, 1), x in radians in [0, 2π]; output (N, 1), about sin(x).

    Raises
    ------
    ValueError
        Fewer than one unit.

    Notes
    -----
    The network of Pete Warden and Daniel Situnayake, *TinyML* (O'Reilly, 2019), chapter 4. Introduced in
    `notebooks/01_hello_world.ipynb`.
    """
    if units < 1:
        raise ValueError(f"units is {units}, expected at least 1.")
    keras = import_quietly("keras")

    def weights(layer: int) -> Any:
        # Keras's own default, with a seed for each layer that does not touch the global one.
        return keras.initializers.GlorotUniform(seed=None if seed is None else 1000 * seed + layer)

    return keras.Sequential(
        [
            keras.Input((1,), name="x"),
            keras.layers.Dense(units, activation="relu", kernel_initializer=weights(1), name="hidden_1"),
            keras.layers.Dense(units, activation="relu", kernel_initializer=weights(2), name="hidden_2"),
            keras.layers.Dense(1, kernel_initializer=weights(3), name="y"),
        ],
        name="sine",
    )


def show_progress(epochs: int) -> Any:
    """Make a Keras callback that shows a progress bar, an epoch a step, if training takes over two seconds.

    Parameters
    ----------
    epochs
        How many there will be.

    Returns
    -------
    keras.callbacks.Callback
        For the list ``callbacks`` of ``fit``; Keras's own bar (``verbose=1``) writes a line an epoch.
    """
    from tqdm.auto import tqdm

    keras = import_quietly("keras")
    bar = tqdm(total=epochs, desc="training", unit=" epochs", leave=False, delay=2)
    return keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: bar.update(1), on_train_end=lambda logs: bar.close()
    )


def train_sine_model(model: Any, data: Any, *, epochs: int = 25, batch_size: int = 32) -> Any:
    """Train the network of hello world, as its lab does in the open.

    Parameters
    ----------
    model
        From `build_sine_model`. Compiled and trained in place.
    data
        From `tinyml_labs.datasets.load_sine`; 5,000 samples reach a mean absolute error of about 0.02.
    epochs, batch_size
        How often the network sees the data, and in what portions.

    Returns
    -------
    keras.callbacks.History
        The losses: mean squared errors, by epoch.
    """
    keras = import_quietly("keras")
    steps = epochs * -(-len(data.x_train) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(0.02, steps)
    model.compile(optimizer=keras.optimizers.Adam(rate), loss="mse")
    return model.fit(
        data.x_train,
        data.y_train,
        batch_size,
        epochs,
        verbose=0,
        validation_data=(data.x_validation, data.y_validation),
        validation_batch_size=1000,
        callbacks=[show_progress(epochs)],
    )


def train_classifier(
    model: Any,
    x: Any,
    y: Any,
    *,
    epochs: int = 30,
    batch_size: int = 64,
    learning_rate: float = 3e-3,
    last_learning_rate: float = 0.0,
    class_weight: Mapping[int, float] | None = None,
    validation_data: tuple[Any, Any] | None = None,
) -> Any:
    """Train a classifier: Adam with a falling learning rate, each class weighing the same.

    Parameters
    ----------
    model
        A Keras model that ends in a softmax. Compiled and trained in place.
    x, y
        Inputs (N, ...), and the index of each one's class, (N,).
    epochs, batch_size, learning_rate
        How often the network sees the data, in what portions, and the rate to begin with.
    last_learning_rate
        The rate to end with: above 0 where the network will go on learning, from other data, at that rate.
    class_weight
        How much more (or less) a class weighs: ``{10: 6.0}`` makes a network say class 10 when in doubt, which
        costs some hits and saves many false alarms.
    validation_data
        Inputs and classes to measure with after each epoch.

    Returns
    -------
    keras.callbacks.History

    Raises
    ------
    ValueError
        No samples, x and y of different lengths, or rates that do not fall.

    Notes
    -----
    Introduced in `notebooks/02_gesture_recognition.ipynb`.
    """
    if len(x) != len(y) or not len(y):
        raise ValueError(f"x has {len(x)} samples and y {len(y)}; expected the same number, at least 1.")
    if not 0 <= last_learning_rate <= learning_rate:
        raise ValueError(
            f"learning_rate is {learning_rate:g} and last_learning_rate {last_learning_rate:g}; expected a rate that "
            "falls: 0 <= last_learning_rate <= learning_rate."
        )
    keras = import_quietly("keras")
    classes = int(model.output_shape[-1])
    counts = np.bincount(np.asarray(y), minlength=classes)
    weights = {k: len(y) / (classes * max(1, int(count))) for k, count in enumerate(counts)}
    for k, factor in (class_weight or {}).items():
        weights[k] *= factor
    steps = epochs * -(-len(y) // batch_size)
    left = last_learning_rate / learning_rate if learning_rate else 0.0
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps, alpha=left)
    model.compile(optimizer=keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model.fit(
        x,
        y,
        batch_size,
        epochs,
        verbose=0,
        class_weight=weights,
        validation_data=validation_data,
        validation_batch_size=1000,
        callbacks=[show_progress(epochs)],
    )
