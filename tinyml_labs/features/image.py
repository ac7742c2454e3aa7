"""What a camera gives to what a model gets: grey, the middle, the model's size; in integers, as on the board."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

Crop = Literal["square", "whole"]
Grey = NDArray[np.uint8]

_LARGEST_SUM = 2**32 - 1  # that the board's uint32 holds
_PIXELS_AT_ONCE = 1 << 20  # four megabytes of sums: rows of several images in one go, and yet near the processor


def require_size(name: str, value: object) -> None:
    """Refuse what is no size of a picture, with its name."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not 1 <= int(value) <= 4096:
        raise ValueError(f"{name} is {value!r}, expected a whole number of pixels, 1 to 4096.")


@dataclass(frozen=True, kw_only=True)
class ImageSettings:
    """The picture that a model gets.

    Parameters
    ----------
    width, height : int
        Of the model's input, in pixels.
    crop : {"square", "whole"}
        What becomes that: the largest square in the middle of the camera's picture, or all of it. A whole picture of
        4:3 in a square input is narrower than the world; the square loses what is at the sides.

    Raises
    ------
    ValueError
        A width or height that is no whole number from 1 to 4096, or another crop.

    Examples
    --------
    >>> ImageSettings()
    ImageSettings(width=96, height=96, crop='square')
    """

    width: int = 96
    height: int = 96
    crop: Crop = "square"

    def __post_init__(self) -> None:
        for name in ("width", "height"):
            require_size(name, getattr(self, name))
        if self.crop not in get_args(Crop):
            raise ValueError(f"crop is {self.crop!r}, expected 'square' (the middle) or 'whole'.")


_DEFAULT = ImageSettings()


def image_input(image: ArrayLike, settings: ImageSettings = _DEFAULT) -> Grey:
    """Make a model's input: `to_grey`, `crop_middle` and `resize`, in that order.

    Parameters
    ----------
    image : uint8 array
        One picture, (H, W) grey or (H, W, 3) RGB; or a batch, (N, H, W), (N, H, W, 1) or (N, H, W, 3). With three
        axes, a last one of 3 is taken for colours.
    settings : ImageSettings

    Returns
    -------
    uint8 array, (N, height, width, 1)
        N is 1 for one picture. A model with an int8 input of scale 1 and zero point -128 takes each value minus 128,
        which `inference` does when it quantizes; on the board, `grey_to_int8`.

    Raises
    ------
    TypeError
        Values that are no uint8.
    ValueError
        Another shape, or a picture too large to be averaged (see `resize`).

    Examples
    --------
    >>> image_input(np.full((240, 320, 3), 200, np.uint8)).shape
    (1, 96, 96, 1)
    """
    found = require_uint8(image)
    if found.ndim in (3, 4) and found.shape[-1] == 3:
        rows, columns = _middle(found.shape[-3], found.shape[-2], settings)
        grey = to_grey(found[..., rows, columns, :])  # a pixel's grey is its own: no need of what is cut off
    else:
        if found.ndim == 4 and found.shape[-1] == 1:
            found = found[..., 0]
        if found.ndim not in (2, 3):
            raise ValueError(
                f"image has shape {found.shape}, expected (H, W) or (N, H, W) of grey, or (H, W, 3) or (N, H, W, 3) "
                "of colours."
            )
        grey = crop_middle(found, settings)
    resized = resize(grey, settings.width, settings.height)[..., np.newaxis]
    return resized if resized.ndim == 4 else resized[np.newaxis]


def to_grey(image: ArrayLike) -> Grey:
    """Weigh red, green and blue as an eye does: (77 R + 150 G + 29 B + 128) >> 8.

    Parameters
    ----------
    image : uint8 array, (..., H, W, 3)
        Red, green, blue.

    Returns
    -------
    uint8 array, (..., H, W)
        Grey stays what it was: the weights are 256 together.

    Raises
    ------
    TypeError
        Values that are no uint8.
    ValueError
        Another shape.

    Notes
    -----
    0.299, 0.587 and 0.114 of ITU-R BT.601, in 256ths: what a camera's own Y of YUV is.

    Examples
    --------
    >>> to_grey(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)).tolist()
    [[77, 149, 29]]
    """
    found = require_uint8(image)
    if found.ndim < 3 or found.shape[-1] != 3:
        raise ValueError(
            f"image has shape {found.shape}, expected (..., H, W, 3): red, green and blue last. A fourth channel, "
            "alpha, is cut off by image[..., :3]; grey images need no to_grey."
        )
    out = np.empty(found.shape[:-1], np.uint8)
    for index in np.ndindex(found.shape[:-3]):  # an image at a time: sums of many would take eight times their memory
        red, green, blue = (found[index][..., channel].astype(np.uint16) for channel in range(3))
        out[index] = (77 * red + 150 * green + 29 * blue + 128) >> 8  # 65,408 at most
    return out


def crop_middle(image: ArrayLike, settings: ImageSettings = _DEFAULT) -> Grey:
    """Cut the largest square out of the middle; or nothing, if the settings say "whole".

    Parameters
    ----------
    image : uint8 array, (..., H, W)
        Grey. Where the margins cannot be alike, the left or upper one is a pixel smaller.
    settings : ImageSettings

    Returns
    -------
    uint8 array, (..., side, side) or (..., H, W)
        A view of the image.

    Raises
    ------
    TypeError
        Values that are no uint8.
    ValueError
        Less than two axes, or no pixel.

    Examples
    --------
    >>> crop_middle(np.zeros((144, 176), np.uint8)).shape
    (144, 144)
    """
    found = _require_image(image)
    rows, columns = _middle(found.shape[-2], found.shape[-1], settings)
    return found[..., rows, columns]


def resize(image: ArrayLike, width: int, height: int) -> Grey:
    """Average areas: each pixel that comes out is the mean over its rectangle of the image, rounded half up.

    The rectangle has edges within pixels; what is partly in it counts with the part. Made smaller, every pixel of the
    image counts alike, and fine patterns become grey, not coarse ones; made larger, pixels become blocks with soft
    edges. At its own size an image stays as it is.

    Parameters
    ----------
    image : uint8 array, (..., H, W)
        Grey; one image or a batch.
    width, height : int
        What comes out.

    Returns
    -------
    uint8 array, (..., height, width)
        A copy.

    Raises
    ------
    TypeError
        Values that are no uint8.
    ValueError
        Less than two axes, no pixel, a size that is no whole number from 1 to 4096, or an image so large (beyond
        16.8 million pixels) that a sum is more than the board's uint32 holds.

    Notes
    -----
    All in whole numbers: along a row, pixel i of the image covers i * width to (i + 1) * width, and pixel j of the
    result j * W to (j + 1) * W. Weights are what both share, W * H together, and a sum is 255 * W * H at most: 78
    million for 640 x 480. The board's `ImageResizer` (`image.h`) computes the same, row by row.

    Examples
    --------
    >>> resize(np.array([[0, 30, 90]], np.uint8), 2, 1).tolist()  # (2 * 0 + 30) / 3, (30 + 2 * 90) / 3
    [[10, 70]]
    """
    found = _require_image(image)
    for name, value in (("width", width), ("height", height)):
        require_size(name, value)
    rows, columns = found.shape[-2:]
    total = rows * columns
    if 255 * total + total // 2 > _LARGEST_SUM:
        raise ValueError(
            f"image is of {columns} x {rows} pixels: a sum over them may be more than 2**32 - 1, all that the "
            "board's integers hold. Expected 16.8 million pixels at most: cut or halve it first."
        )
    if (width, height) == (columns, rows):
        return found.copy()
    batch = found.reshape(math.prod(found.shape[:-2]), rows, columns)
    out = np.empty((len(batch), height, width), np.uint8)
    step = max(1, _PIXELS_AT_ONCE // total)
    for begin in range(0, len(batch), step):
        of_rows = _sum_spans(batch[begin : begin + step].transpose(1, 0, 2), height)  # (height, N, W)
        sums = _sum_spans(of_rows.transpose(2, 0, 1), width)  # (width, height, N)
        out[begin : begin + step] = ((sums + np.uint32(total // 2)) // np.uint32(total)).transpose(2, 1, 0)
    return out.reshape(*found.shape[:-2], height, width)


def _sum_spans(values: NDArray[Any], count: int) -> NDArray[np.uint32]:
    """Cut the first axis into as many equal spans, and add up what is in each; a whole value counts `count`.

    What is up to an edge is all values before it and a part of the one that it lies in; a span is a difference of two
    such. They may wrap around 2**32, the difference does not.
    """
    size = len(values)
    before = np.zeros((size + 1, *values.shape[1:]), np.uint32)
    before[1:] = values
    for row in range(1, size):  # several times faster than np.cumsum along another axis than the last
        before[row + 1] += before[row]
    whole, part = np.divmod(np.arange(count + 1) * size, count)
    parts = values[np.minimum(whole, size - 1)].astype(np.uint32)
    parts *= part.astype(np.uint32).reshape(-1, *[1] * (values.ndim - 1))
    parts += before[whole] * np.uint32(count)
    return np.diff(parts, axis=0)


def _middle(rows: int, columns: int, settings: ImageSettings) -> tuple[slice, slice]:
    if settings.crop == "whole":
        return slice(None), slice(None)
    side = min(rows, columns)
    top, left = (rows - side) // 2, (columns - side) // 2
    return slice(top, top + side), slice(left, left + side)


def require_uint8(image: ArrayLike, name: str = "image") -> Grey:
    """Give the values as they are; refuse all but uint8."""
    found = np.asarray(image)
    if found.dtype != np.uint8:
        raise TypeError(
            f"{name} is of dtype {found.dtype}, expected uint8, 0 to 255. Values from 0 to 1 are "
            f"({name} * 255).round().astype(np.uint8)."
        )
    return found


def _require_image(image: ArrayLike) -> Grey:
    found = require_uint8(image)
    if found.ndim < 2 or not all(found.shape[-2:]):
        raise ValueError(f"image has shape {found.shape}, expected (..., H, W): grey, with at least one pixel.")
    return found
