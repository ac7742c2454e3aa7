"""Networks that tell gestures apart: one takes the features of a window, one the window itself."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from tinyml_labs.model_file import Tensor, read_model
from tinyml_labs.quiet import import_quietly


def build_gesture_dense(
    features: int, classes: int, *, units: tuple[int, int] = (128, 48), noise: float = 0.4
) -> Any:
    """Build a network that takes the features of a window: two hidden layers and a softmax.

    Parameters
    ----------
    features
        How many, as `tinyml_labs.features.motion_features` gives them, normalised.
    classes
        How many scores it gives.
    units
        Width of the hidden layers.
    noise
        Standard deviation of the noise that is added to each feature in training, in units of the features'
        standard deviation. It keeps the network from relying on any one of them being exact, which is what makes
        it work on people and boards that the training data has not seen.

    Returns
    -------
    keras.Model
        Sequential, not compiled: input (N, features), output (N, classes), scores from 0 to 1 that sum to 1.

    Raises
    ------
    ValueError
        Sizes below 1.

    Notes
    -----
    Noise on the inputs is a kind of regularisation: C. Bishop, "Training with noise is equivalent to Tikhonov
    regularization" (Neural Computation, 1995). Introduced in `notebooks/02_gesture_recognition.ipynb`.
    """
    _check_sizes(features=features, classes=classes, **{f"units[{k}]": size for k, size in enumerate(units)})
    keras = import_quietly("keras")
    weaken = keras.regularizers.L2(1e-4)
    return keras.Sequential(
        [
            keras.Input((features,), name="features"),
            keras.layers.GaussianNoise(noise, name="noise"),
            keras.layers.Dense(units[0], activation="relu", kernel_regularizer=weaken, name="hidden_1"),
            keras.layers.Dropout(0.3, name="dropout"),
            keras.layers.Dense(units[1], activation="relu", kernel_regularizer=weaken, name="hidden_2"),
            keras.layers.Dense(classes, activation="softmax", name="scores"),
        ],
        name="gestures_dense",
    )


def rebuild_dense(model: bytes | str | os.PathLike[str], *, noise: float = 0.0) -> Any:
    """Make a Keras model of a .tflite model of dense layers again, so that it can go on learning.

    The weights are the int8 ones made real numbers: what quantization rounded away stays away.

    Parameters
    ----------
    model
        A .tflite model of FULLY_CONNECTED layers, one after the other, and a SOFTMAX at the end.
    noise
        As in `build_gesture_dense`.

    Returns
    -------
    keras.Model
        Sequential, not compiled.

    Raises
    ------
    ValueError
        The model has another operator, or an activation that is neither none nor ReLU.

    Notes
    -----
    Introduced in `benchmarks/gestures.py`: fine-tuning of the reference model.
    """
    parsed = read_model(model)
    names = [operator.name for operator in parsed.operators]
    if len(names) < 2 or names[-1] != "SOFTMAX" or set(names[:-1]) != {"FULLY_CONNECTED"}:
        raise ValueError(f"The model has {', '.join(names)}; expected FULLY_CONNECTED layers and a SOFTMAX.")
    keras = import_quietly("keras")
    made = keras.Sequential([keras.Input((parsed.inputs[0].size,), name="features")])
    if noise:
        made.add(keras.layers.GaussianNoise(noise, name="noise"))
    for operator in parsed.operators[:-1]:
        weights, bias = (_real_values(parsed.tensors[index]) for index in operator.inputs[1:3])
        activation = {"NONE": None, "RELU": "relu"}.get(str(operator.options["fused_activation_function"]), "unknown")
        if operator.index == len(names) - 2:
            activation = "softmax"
        if activation == "unknown":
            raise ValueError(f"Layer {operator.index} has the activation {operator.options}; expected none or RELU.")
        layer = keras.layers.Dense(len(bias), activation=activation)
        made.add(layer)
        layer.set_weights([weights.T, bias])
    return made


def _real_values(tensor: Tensor) -> np.ndarray:
    """The real numbers of a constant: with one scale, or one for each output."""
    values = tensor.values().astype(np.float32)
    if not tensor.scales:
        return values
    scales = np.asarray(tensor.scales, np.float32)
    return values * (scales.reshape(-1, *[1] * (values.ndim - 1)) if len(scales) > 1 else scales)


def build_gesture_conv(
    length: int, channels: int, classes: int, *, filters: tuple[int, int, int] = (8, 16, 24), rotate: bool = True
) -> Any:
    """Build a network that takes the window itself: convolutions over time, written as CONV_2D.

    Parameters
    ----------
    length, channels
        Of a window: samples, and values a sample (3 for acceleration alone).
    classes
        How many scores it gives.
    filters
        Of the three convolutions.
    rotate
        Whether training turns each window by a random rotation in space, since nobody knows how a board will be
        held. Channels are then 3, or 6: two vectors that are turned alike.

    Returns
    -------
    keras.Model
        Functional, not compiled: input (N, length, channels, 1), output (N, classes). A Conv1D would become a
        CONV_2D between two RESHAPEs; a kernel of (k, 1) or (k, channels) is the same, and every runtime has it.

    Raises
    ------
    ValueError
        Sizes below 1, too short a window, or channels that are no vectors although ``rotate`` is set.

    Notes
    -----
    Introduced in `notebooks/02_gesture_recognition.ipynb`.
    """
    _check_sizes(channels=channels, classes=classes, **{f"filters[{k}]": size for k, size in enumerate(filters)})
    if length < 64:
        raise ValueError(f"length is {length} samples; three convolutions with strides need 64 or more.")
    if rotate and channels % 3:
        raise ValueError(f"channels is {channels}; only vectors of 3 can be turned. Pass rotate=False.")
    keras = import_quietly("keras")
    layers = keras.layers
    inputs = keras.Input((length, channels, 1), name="window")
    x = inputs
    if rotate:
        x = _random_rotation_layer()(x)
    sizes = ((9, channels, 4), (9, 1, 4), (5, 1, 2))
    for count, (height, width, stride) in zip(filters, sizes, strict=True):
        x = layers.Conv2D(count, (height, width), (stride, 1), padding="valid", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(classes, activation="softmax", name="scores")(x)
    return keras.Model(inputs, outputs, name="gestures_conv")


def _random_rotation_layer() -> Any:
    """Make a layer that turns each window in space, in training only: random unit quaternions (Shoemake, 1992)."""
    keras = import_quietly("keras")
    ops = keras.ops

    class RandomRotation(keras.layers.Layer):  # type: ignore[name-defined]
        """Turn every vector of a window by one random rotation a window."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.seeds = keras.random.SeedGenerator()

        def call(self, windows: Any, training: bool = False) -> Any:
            if not training:
                return windows
            count = ops.shape(windows)[0]
            w, x, y, z = ops.unstack(_unit(keras.random.normal((count, 4), seed=self.seeds)), axis=1)
            rows = [
                (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
                (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
                (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
            ]
            matrix = ops.stack([ops.stack(row, axis=1) for row in rows], axis=1)
            _, length, channels, _ = windows.shape
            vectors = ops.reshape(windows, (-1, length * (channels // 3), 3))
            return ops.reshape(ops.matmul(vectors, matrix), (-1, length, channels, 1))

    def _unit(quaternions: Any) -> Any:
        return quaternions / ops.norm(quaternions, axis=1, keepdims=True)

    return RandomRotation(name="random_rotation")


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} is {size}, expected at least 1.")
