"""A made-up scene for a camera: a figure walks to and fro before a hill and a sky that grows dark and light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WIDTH = ROWS = 96
IMAGES_A_SECOND = 5.0
LOOP_IMAGES = 60


def watch(seed: int) -> NDArray[np.uint8]:
    """Make 12 s of images in grey.

    Returns
    -------
    uint8 array, (images * 96 rows, 96)
        A sample of a camera is a row: image n is rows 96 n to 96 n + 95.
    """
    random = np.random.default_rng([seed, 3])
    y, x = np.mgrid[0:ROWS, 0:WIDTH].astype(np.float64)
    images = np.empty((LOOP_IMAGES, ROWS, WIDTH))
    hill = 60 + 8 * np.sin(x / 17 + 1)
    for number in range(LOOP_IMAGES):
        turn = 2 * np.pi * number / LOOP_IMAGES
        sky = 150 + 70 * (1 - y / ROWS) + 20 * np.sin(turn)
        image = np.where(y > hill, 95 + 0.4 * x, sky)
        middle = WIDTH / 2 + 30 * np.sin(turn)
        stride = np.sin(6 * turn)
        for shape in (
            ((x - middle) / 5) ** 2 + ((y - 34) / 6) ** 2 <= 1,  # head
            (np.abs(x - middle) <= 6) & (y >= 40) & (y < 62),  # body
            _limb(x, y, middle, 60, 84, 8 * stride),
            _limb(x, y, middle, 60, 84, -8 * stride),
            _limb(x, y, middle, 42, 60, 10 * stride),
            _limb(x, y, middle, 42, 60, -10 * stride),
        ):
            image[shape] = 35
        images[number] = image
    images += random.normal(0, 2, images.shape)
    return np.clip(np.round(images), 0, 255).astype(np.uint8).reshape(-1, WIDTH)


def _limb(x: NDArray, y: NDArray, middle: float, top: float, bottom: float, swing: float) -> NDArray:
    """Where an arm or a leg is that hangs from the body and swings."""
    down = (y - top) / (bottom - top)
    return (down >= 0) & (down <= 1) & (np.abs(x - middle - swing * down) <= 2.5)
