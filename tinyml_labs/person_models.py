"""Networks that see a person in 96 by 96 grey pixels: a plain one, and MobileNet, which somebody else has trained."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from tinyml_labs.batch_normalization import fused_batch_normalization
from tinyml_labs.datasets.bundled import read_checked
from tinyml_labs.quiet import import_quietly

MOBILENET_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
"""Of MobileNetV1: filters at full width, and stride, of each depthwise separable block."""


def build_person_cnn(
    size: int = 96,
    classes: int = 2,
    *,
    filters: tuple[int, ...] = (16, 32, 32, 64, 64, 64, 96),
    strides: tuple[int, ...] = (2, 2, 1, 2, 1, 2, 1),
    dropout: float = 0.2,
) -> Any:
    """Build a plain network: 3 by 3 convolutions, ever more filters on ever fewer pixels.

    Parameters
    ----------
    size
        Height and width of a picture, in pixels.
    classes
        How many scores it gives.
    filters, strides
        Of each convolution; one with a stride of 2 halves height and width.
    dropout
        The share of the averaged values that is left out at random in training.

    Returns
    -------
    keras.Model
        Not compiled: input (N, size, size, 1), grey of 0 to 255; output (N, classes), scores that sum to 1.

    Raises
    ------
    ValueError
        Sizes below 1, no filters, other strides than 1 and 2 or another number of them, or a picture that is used up
        before the last convolution.

    Notes
    -----
    Introduced in `notebooks/04_person_detection.ipynb`.
    """
    _check_sizes(size=size, classes=classes, **{f"filters[{number}]": count for number, count in enumerate(filters)})
    if not filters or len(strides) != len(filters) or not set(strides) <= {1, 2}:
        raise ValueError(
            f"There are {len(filters)} filters and the strides {strides}, expected one at least, and a stride of 1 "
            "or 2 for each."
        )
    halvings = strides.count(2)
    if size >> halvings < 1:
        raise ValueError(
            f"{halvings} strides of 2 halve {size} pixels to less than one. Expected {size.bit_length() - 1} at most."
        )
    keras = import_quietly("keras")
    layers, normalise = keras.layers, fused_batch_normalization()
    inputs = keras.Input((size, size, 1), name="picture")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(inputs)
    for number, (count, stride) in enumerate(zip(filters, strides, strict=True), start=1):
        x = layers.Conv2D(count, 3, stride, padding="same", use_bias=False, name=f"convolution_{number}")(x)
        x = layers.ReLU(name=f"relu_{number}")(normalise(momentum=0.9, name=f"norm_{number}")(x))
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax", name="scores")(x), name="person_cnn")


def build_mobilenet(
    size: int = 96,
    channels: int = 1,
    classes: int = 2,
    *,
    width: float = 0.25,
    last_filters: int | None = None,
    biases: bool = False,
    dropout: float = 0.0,
) -> Any:
    """Build MobileNetV1: thirteen blocks that filter each channel by itself, then mix the channels.

    Parameters
    ----------
    size
        Height and width of a picture, in pixels: 32 at least.
    channels
        1 for grey, 3 for red, green and blue.
    classes
        How many scores it gives.
    width
        The share of MobileNet's filters that is kept: 0.25 gives 8 to 256.
    last_filters
        Of the last layer, if others than 1024 * width.
    biases
        Whether convolutions have biases. The normalization after each has one too, so they change nothing, and
        published weights have them none the less.
    dropout
        The share of the averaged values that is left out at random in training.

    Returns
    -------
    keras.Model
        Not compiled: input (N, size, size, channels), of 0 to 255; output (N, classes), scores that sum to 1.

    Raises
    ------
    ValueError
        Sizes below 1, a size below 32, or a width that leaves a layer without filters.

    Notes
    -----
    A. Howard et al., "MobileNets" (2017), arXiv:1704.04861; in this size the visual wake words network of MLPerf
    Tiny. Introduced in `notebooks/04_person_detection.ipynb`.
    """
    last = int(1024 * width) if last_filters is None else last_filters
    _check_sizes(size=size, channels=channels, classes=classes, last_filters=last)
    if size < 32 or int(32 * width) < 1:
        raise ValueError(f"size is {size} and width {width:g}, expected 32 pixels and 1/32 at least.")
    keras = import_quietly("keras")
    layers, normalise = keras.layers, fused_batch_normalization()

    def finish(x: Any, name: str) -> Any:
        return layers.ReLU(name=f"{name}_relu")(normalise(momentum=0.99, name=f"{name}_norm")(x))

    inputs = keras.Input((size, size, channels), name="picture")
    first = layers.Conv2D(int(32 * width), 3, strides=2, padding="same", use_bias=biases, name="first")
    x = finish(first(inputs), "first")
    for block, (full, stride) in enumerate(MOBILENET_BLOCKS, start=1):
        filters = last if block == len(MOBILENET_BLOCKS) else int(full * width)
        depthwise = layers.DepthwiseConv2D(
            3, strides=stride, padding="same", use_bias=biases, name=f"depthwise_{block}"
        )
        x = finish(depthwise(x), f"depthwise_{block}")
        x = finish(layers.Conv2D(filters, 1, use_bias=biases, name=f"pointwise_{block}")(x), f"pointwise_{block}")
    x = layers.AveragePooling2D(x.shape[1], name="average")(x)
    x = layers.Flatten(name="flatten")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax", name="scores")(x), name="mobilenet")


def load_pretrained() -> Any:
    """Load a MobileNetV1-0.25 that was trained on 82,000 photographs with and without people, as it was published.

    Returns
    -------
    keras.Model
        Not compiled: input (N, 96, 96, 3), red, green and blue of 0 to 255; output (N, 2): no_person, person. Its
        convolutions have biases.

    Raises
    ------
    FileNotFoundError, ValueError
        The weights are missing, or were changed.

    Notes
    -----
    The visual wake words network of the Silicon Labs Machine Learning Toolkit (Zlib licence), trained on COCO 2014;
    `datasets/people/README.md` says where it is from. :func:`~tinyml_labs.network_surgery.take_grey`,
    :func:`~tinyml_labs.network_surgery.fold_biases` and :func:`~tinyml_labs.network_surgery.drop_filters` make it fit
    for a small grey camera. Introduced in `notebooks/04_person_detection.ipynb`.
    """
    with np.load(io.BytesIO(read_checked("people", "visual_wake_words_weights.npz"))) as stored:
        weights = [stored[f"arr_{number}"] for number in range(len(stored.files))]
    network = build_mobilenet(channels=3, biases=True)
    network.set_weights(weights)
    return network


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} is {size}, expected at least 1.")
