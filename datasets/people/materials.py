"""Surfaces: a table of numbers for each material, and the patterns that they name."""

from __future__ import annotations

from typing import Any

import numpy as np
from noise import fractal3, hash3, noise3
from numba import njit
from numpy.typing import NDArray

PLAIN, STRIPES, UPRIGHT_STRIPES, PLAID, BLOBS, BRICKS, TILES = range(7)
PLANKS, MOTTLED, WINDOWS, TEXTURE, BOOKS, PICTURE, LEAVES = range(7, 14)
COLUMNS = 16
TEXTURE_SIZE = 64


def material(
    kind: int = PLAIN,
    *,
    scale_m: float = 1.0,
    colour: tuple[float, float, float] | NDArray[Any] = (0.5, 0.5, 0.5),
    strength: float = 1.0,
    gaps: float = 0.0,
    gloss: float = 0.0,
    bump: float = 0.0,
    bump_m: float = 0.05,
    texture: int = 0,
    seed: float = 0.0,
    light: float = 0.0,
    softness: float = 0.0,
) -> NDArray[np.float32]:
    """Describe a surface: its pattern and the pattern's second colour; the first is the vertices' own.

    `strength` in 0 to 1 is how much of the second colour shows; `gaps` > 0 lets one see through as through leaves;
    `bump` tilts normals by noise of `bump_m`; `light` is what it gives off; `softness` lets light creep round.
    """
    red, green, blue = (float(value) for value in colour)
    return np.array(
        [kind, scale_m, 0, red, green, blue, strength, gaps, gloss, bump, bump_m, texture, seed, 0, light, softness],
        np.float32,
    )


@njit(cache=True, fastmath=True)
def _square(x: float, share: float) -> float:
    return 1.0 if x - np.floor(x) < share else 0.0


@njit(cache=True, fastmath=True)
def pattern(row: Any, x: float, y: float, z: float) -> float:
    """Say how much of the second colour is at a place, 0 to 1; outside textures."""
    kind, s, seed = int(row[0]), 1 / row[1], row[12]
    u, v = x * s, z * s
    if kind == STRIPES:
        return _square(v + 0.15 * noise3(u, v, seed), 0.45)
    if kind == UPRIGHT_STRIPES:
        return _square(u, 0.4)
    if kind == PLAID:
        return 0.5 * _square(u, 0.35) + 0.5 * _square(v, 0.35)
    if kind == BLOBS:
        return 1.0 if fractal3(u + seed, y * s, v, 2) > 0.57 else 0.0
    if kind == BRICKS:
        row_number = np.floor(v)
        across = u / 2.6 + 0.5 * (row_number - 2 * np.floor(row_number / 2))
        if v - row_number < 0.12 or across - np.floor(across) < 0.05:
            return 1.0
        return 0.5 * hash3(int(np.floor(across)), int(row_number), int(seed)) ** 2
    if kind == TILES:
        if u - np.floor(u) < 0.05 or v - np.floor(v) < 0.05:
            return 1.0
        return 0.25 * hash3(int(np.floor(u)), int(np.floor(v)), int(seed))
    if kind == PLANKS:
        number = np.floor(u)
        along = v / 8 + hash3(int(number), int(seed), 3)
        if u - number < 0.06 or along - np.floor(along) < 0.01:
            return 1.0
        tone = 0.5 * hash3(int(number), int(np.floor(along)), int(seed))
        return tone + 0.35 * fractal3(u * 3, v * 0.25, seed, 2)
    if kind == MOTTLED:
        return min(1.0, max(0.0, 2.2 * (fractal3(u + seed, y * s, v, 4) - 0.5) + 0.5))
    if kind == WINDOWS:
        fu, fv = u - np.floor(u), v - np.floor(v)
        if not (0.25 < fu < 0.75 and 0.2 < fv < 0.75):
            return 0.0
        if 0.48 < fu < 0.52 or fu < 0.29 or fu > 0.71 or fv < 0.24:
            return 0.15
        return 0.65 + 0.35 * hash3(int(np.floor(u)), int(np.floor(v)), int(seed))
    if kind == BOOKS:
        shelf = np.floor(v)
        fv = v - shelf
        if fv < 0.08:
            return 0.0
        book = np.floor(u * 7 + hash3(int(shelf), 1, int(seed)))
        h = hash3(int(book), int(shelf), int(seed))
        if fv > 0.6 + 0.3 * h:
            return 1.0
        return 0.9 * hash3(int(book), int(shelf), int(seed) + 7)
    if kind == PICTURE:
        blocks = hash3(int(np.floor(u * 3)), int(np.floor(v * 3)), int(seed))
        return min(1.0, 0.5 * blocks + 0.8 * (1.0 if fractal3(u * 2 + seed, v * 2, seed, 2) > 0.5 else 0.0))
    if kind == LEAVES:
        a = noise3(u + seed, y * s, v)
        b = noise3(u * 2.9, y * 2.9 * s + seed, v * 2.9)
        return min(1.0, max(0.0, 2.4 * (0.55 * a + 0.45 * b - 0.5) + 0.45))
    return 0.0
