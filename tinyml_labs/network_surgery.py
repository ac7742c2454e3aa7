"""Change a trained network without training it: grey in place of colours, fewer bytes with the same scores.

Each function builds a network anew and fills it with weights; the one that it is given stays as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.person_models import MOBILENET_BLOCKS, build_mobilenet

Weights = dict[str, list[NDArray[Any]]]


def take_grey(network: Any) -> Any:
    """Let a network for colours take grey: the kernels of red, green and blue become one, their sum.

    A grey picture has three equal channels, so that the new network gives for it what the old one gives for three
    copies. What the old one knew by colour, it does not see any more.

    Parameters
    ----------
    network : keras.Model
        Of :func:`tinyml_labs.models.build_mobilenet`, with 3 channels.

    Returns
    -------
    keras.Model
        With 1 channel: input (N, size, size, 1).

    Raises
    ------
    ValueError
        The network does not take 3 channels.
    """
    shape = _require_mobilenet(network)
    if shape["channels"] != 3:
        raise ValueError(f"The network takes {shape['channels']} channel(s), expected 3: red, green and blue.")
    weights = _read(network)
    weights["first"][0] = weights["first"][0].sum(axis=2, keepdims=True)
    return _build(weights, **{**shape, "channels": 1})


def fold_biases(network: Any) -> Any:
    """Move the biases of convolutions into the normalization that follows each: the same scores without them.

    A normalization subtracts the mean that it has seen. A bias that is added before shifts the values, and so it may
    be subtracted from that mean instead.

    Parameters
    ----------
    network : keras.Model
        Of :func:`tinyml_labs.models.build_mobilenet`, with biases.

    Returns
    -------
    keras.Model
        Without biases.

    Raises
    ------
    ValueError
        The network has no biases.
    """
    shape = _require_mobilenet(network)
    if not shape["biases"]:
        raise ValueError("The network's convolutions have no biases: there is nothing to fold.")
    weights = _read(network)
    for name in [name for name in weights if f"{name}_norm" in weights]:
        kernel, bias = weights[name]
        gamma, beta, mean, variance = weights[f"{name}_norm"]
        weights[name] = [kernel]
        weights[f"{name}_norm"] = [gamma, beta, mean - bias, variance]
    return _build(weights, **{**shape, "biases": False})


def measure_activity(network: Any, images: NDArray[Any], batch_size: int = 64) -> NDArray[np.float32]:
    """Measure what each filter of the last layer moves: its mean output times its weight in the scores.

    Parameters
    ----------
    network : keras.Model
        Of :func:`tinyml_labs.models.build_mobilenet`.
    images : array, (N, size, size, channels)
        0 to 255.
    batch_size : int
        How many images are computed at a time.

    Returns
    -------
    float32 array, (filters,)
        The spread (standard deviation) of a filter's output over the images, times how much it favours one class:
        0 for one that is the same whatever it sees.
    """
    _require_mobilenet(network)
    from tinyml_labs.quiet import import_quietly

    keras = import_quietly("keras")
    inner = keras.Model(network.inputs, network.get_layer("flatten").output)
    outputs = inner.predict(np.asarray(images, np.float32), batch_size=batch_size, verbose=0)
    kernel = network.get_layer("scores").get_weights()[0]
    return np.asarray(
        outputs.std(axis=0) * np.abs(kernel - kernel.mean(axis=1, keepdims=True)).max(axis=1), np.float32
    )


def drop_filters(network: Any, keep: NDArray[Any], mean_outputs: NDArray[Any] | None = None) -> Any:
    """Leave out filters of the last layer.

    Parameters
    ----------
    network : keras.Model
        Of :func:`tinyml_labs.models.build_mobilenet`.
    keep : int array
        The numbers of the filters that stay.
    mean_outputs : float array, (filters,), optional
        What the filters give on average: the share of those left out goes into the scores' biases. 0 by default.

    Returns
    -------
    keras.Model
        With ``len(keep)`` filters in the last layer.

    Raises
    ------
    ValueError
        A number that is no filter, or none to keep; a mask in place of numbers; or another number of means than of
        filters.
    """
    shape = _require_mobilenet(network)
    weights = _read(network)
    count = shape["last_filters"]
    numbers = np.asarray(keep)
    if numbers.dtype.kind not in "iu" or numbers.ndim != 1:
        raise ValueError(
            f"keep is of dtype {numbers.dtype} and shape {numbers.shape}, expected the numbers of filters, int (n,). "
            "Of a mask: np.flatnonzero(mask)."
        )
    kept = np.unique(numbers)
    if not len(kept) or kept[0] < 0 or kept[-1] >= count:
        wrong = "no filter" if not len(kept) else f"filter {kept[0] if kept[0] < 0 else kept[-1]}"
        raise ValueError(f"keep names {wrong}, expected numbers from 0 to {count - 1}.")
    if mean_outputs is not None and np.shape(mean_outputs) != (count,):
        raise ValueError(
            f"mean_outputs has shape {np.shape(mean_outputs)}, expected ({count},): one for each filter."
        )
    last = f"pointwise_{len(MOBILENET_BLOCKS)}"
    weights[last] = [array[..., kept] for array in weights[last]]
    weights[f"{last}_norm"] = [array[kept] for array in weights[f"{last}_norm"]]
    kernel, bias = weights["scores"]
    dropped = np.setdiff1d(np.arange(count), kept)
    if mean_outputs is not None:
        bias = bias + np.asarray(mean_outputs)[dropped] @ kernel[dropped]
    weights["scores"] = [kernel[kept], bias]
    return _build(weights, **{**shape, "last_filters": len(kept)})


def average_weights(first: Any, second: Any, share: float) -> Any:
    """Build the network between two: each weight is ``share`` of the first's and the rest of the second's.

    A network that went on learning from a pretrained one has moved; on the way back it keeps much of what it has
    learnt, and regains what it has forgotten.

    Parameters
    ----------
    first, second : keras.Model
        Of :func:`tinyml_labs.models.build_mobilenet`, of the same shape. Those that have learnt from the same start:
        between strangers there is nothing of worth.
    share : float
        0 gives the second, 1 the first.

    Returns
    -------
    keras.Model
        With the first's dropout.

    Raises
    ------
    ValueError
        Networks of two shapes, or a share that is not in 0..1.

    Notes
    -----
    M. Wortsman et al., "Robust fine-tuning of zero-shot models" (CVPR, 2022), arXiv:2109.01903.
    """
    shape, another = _require_mobilenet(first), _require_mobilenet(second)
    if shape != {**another, "dropout": shape["dropout"]}:
        raise ValueError(f"The networks differ: {shape} and {another}. Expected two of one shape.")
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share!r}, expected 0 to 1.")
    one, other = _read(first), _read(second)
    mixed = {name: [share * a + (1 - share) * b for a, b in zip(one[name], other[name], strict=True)] for name in one}
    return _build(mixed, **shape)


def _require_mobilenet(network: Any) -> dict[str, Any]:
    """Read off how the network was built."""
    names = {layer.name for layer in network.layers}
    if network.name != "mobilenet" or "first" not in names:
        raise ValueError(f"The network is {network.name!r}, expected one that models.build_mobilenet has built.")
    first = network.get_layer("first")
    _, size, _, channels = network.input_shape
    return {
        "size": size,
        "channels": channels,
        "classes": network.output_shape[-1],
        # not of the first layer, whose few filters are the coarser rounding of the width
        "width": network.get_layer(f"pointwise_{len(MOBILENET_BLOCKS) - 1}").filters / MOBILENET_BLOCKS[-2][0],
        "last_filters": network.get_layer(f"pointwise_{len(MOBILENET_BLOCKS)}").filters,
        "biases": first.use_bias,
        "dropout": network.get_layer("dropout").rate if "dropout" in names else 0.0,
    }


def _read(network: Any) -> Weights:
    return {layer.name: layer.get_weights() for layer in network.layers if layer.get_weights()}


def _build(weights: Weights, **shape: Any) -> Any:
    network = build_mobilenet(**shape)
    for name, arrays in weights.items():
        network.get_layer(name).set_weights(arrays)
    return network
