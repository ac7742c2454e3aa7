"""Networks that hear a keyword in a spectrogram: the classic small one, and a depthwise separable one."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from tinyml_labs.batch_normalization import fused_batch_normalization
from tinyml_labs.datasets.bundled import read_checked
from tinyml_labs.quiet import import_quietly


def build_tiny_conv(
    frames: int = 49, channels: int = 40, classes: int = 4, *, filters: int = 8, dropout: float = 0.5
) -> Any:
    """Build the network of TensorFlow's micro_speech example: one convolution and one dense layer.

    Parameters
    ----------
    frames, channels
        Of a spectrogram: 49 frames of 40 channels are a second.
    classes
        How many scores it gives.
    filters
        Of the convolution, each 10 frames by 8 channels.
    dropout
        The share of the convolution's outputs that is left out at random in training.

    Returns
    -------
    keras.Model
        Sequential, not compiled: input (N, frames, channels, 1), output (N, classes), scores that sum to 1.

    Raises
    ------
    ValueError
        Sizes below 1.

    Notes
    -----
    T. Sainath and C. Parada, "Convolutional neural networks for small-footprint keyword spotting" (Interspeech,
    2015), made smaller. Introduced in `notebooks/03_keyword_spotting.ipynb`.
    """
    _check_sizes(frames=frames, channels=channels, classes=classes, filters=filters)
    keras = import_quietly("keras")
    return keras.Sequential(
        [
            keras.Input((frames, channels, 1), name="spectrogram"),
            keras.layers.Conv2D(filters, (10, 8), strides=2, padding="same", activation="relu", name="convolution"),
            keras.layers.Dropout(dropout, name="dropout"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(classes, activation="softmax", name="scores"),
        ],
        name="tiny_conv",
    )


def build_ds_cnn(
    frames: int = 49,
    channels: int = 40,
    classes: int = 4,
    *,
    first_filters: int = 32,
    filters: int = 32,
    blocks: int = 3,
    halve: bool = False,
    padding: str = "same",
    dropout: float = 0.1,
) -> Any:
    """Build a depthwise separable network: a tenth of the multiplications of plain convolutions.

    Each block filters every channel by itself (3 by 3), then mixes the channels (1 by 1).

    Parameters
    ----------
    frames, channels
        Of a spectrogram.
    classes
        How many scores it gives.
    first_filters
        Of the first convolution, 10 frames by 8 channels, which keeps every second frame and channel.
    filters, blocks
        Channels and number of the depthwise separable blocks.
    halve
        Let the first block keep every second frame and channel again: a quarter of the arena and of the work.
    padding
        Of the convolutions: "same", or "valid" for a network that can stream, in half of the work
        (`tinyml_labs.streaming_models`).
    dropout
        The share that is left out at random after each block in training.

    Returns
    -------
    keras.Model
        Not compiled: input (N, frames, channels, 1), output (N, classes), scores that sum to 1.

    Raises
    ------
    ValueError
        Sizes below 1, another padding, or too few frames or channels for "valid".

    Notes
    -----
    Y. Zhang et al., "Hello Edge: Keyword spotting on microcontrollers" (2017), arXiv:1711.07128. Introduced in
    `notebooks/03_keyword_spotting.ipynb`.
    """
    _check_sizes(
        frames=frames, channels=channels, classes=classes, first_filters=first_filters, filters=filters, blocks=blocks
    )
    if padding not in ("same", "valid"):
        raise ValueError(f"padding is {padding!r}, expected 'same' or 'valid'.")
    keras = import_quietly("keras")
    layers, weaken = keras.layers, keras.regularizers.L2(1e-4)
    normalise = fused_batch_normalization()

    def finish(x: Any, name: str) -> Any:
        return layers.ReLU(name=f"{name}_relu")(normalise(momentum=0.95, name=f"{name}_norm")(x))

    inputs = keras.Input((frames, channels, 1), name="spectrogram")
    first = layers.Conv2D(
        first_filters, (10, 8), strides=2, padding=padding, use_bias=False, kernel_regularizer=weaken, name="first"
    )
    x = layers.Dropout(dropout, name="first_dropout")(finish(first(inputs), "first"))
    for block in range(1, blocks + 1):
        depthwise = layers.DepthwiseConv2D(
            3, strides=2 if halve and block == 1 else 1, padding=padding, use_bias=False, name=f"depthwise_{block}"
        )
        x = finish(depthwise(x), f"depthwise_{block}")
        pointwise = layers.Conv2D(filters, 1, use_bias=False, kernel_regularizer=weaken, name=f"pointwise_{block}")
        x = layers.Dropout(dropout, name=f"dropout_{block}")(finish(pointwise(x), f"pointwise_{block}"))
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(2 * dropout, name="dropout")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax", name="scores")(x), name="ds_cnn")


def load_reference_ds_cnn() -> Any:
    """Load the network of the reference keyword classifier before it was quantized: to go on learning from.

    Returns
    -------
    keras.Model
        Not compiled: input (N, 49, 40, 1), real numbers as `features.to_real` gives; output (N, 4): silence, unknown,
        yes, no.

    Raises
    ------
    FileNotFoundError, ValueError
        The weights are missing, or were changed.

    Notes
    -----
    `load_reference_keyword_classifier` loads the same as int8. Introduced in `notebooks/03_keyword_spotting.ipynb`.
    """
    with np.load(io.BytesIO(read_checked("keywords", "keywords_weights.npz"))) as stored:
        weights = [stored[f"arr_{number}"] for number in range(len(stored.files))]
    first_filters, filters, classes = weights[0].shape[-1], weights[-2].shape[0], len(weights[-1])
    blocks = sum(array.shape[:2] == (3, 3) for array in weights if array.ndim == 4)
    network = build_ds_cnn(classes=classes, first_filters=first_filters, filters=filters, blocks=blocks, halve=True)
    network.set_weights(weights)
    return network


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} is {size}, expected at least 1.")
