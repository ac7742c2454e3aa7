"""Smooth random fields, the same at the same place: for clouds, leaves, bark, cloth and plaster."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, fastmath=True)
def hash3(x: int, y: int, z: int) -> float:
    """Give a number in 0 to 1 that looks random, for three whole numbers."""
    n = (x * 73856093) ^ (y * 19349663) ^ (z * 83492791)
    n = (n ^ (n >> 13)) * 1274126177
    n = n & 0x7FFFFFFF
    n = (n ^ (n >> 15)) & 0xFFFF
    return n / 65535.0


@njit(cache=True, fastmath=True)
def noise3(x: float, y: float, z: float) -> float:
    """Give smooth noise in 0 to 1, with features about one unit apart."""
    fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
    ix, iy, iz = int(fx), int(fy), int(fz)
    tx, ty, tz = x - fx, y - fy, z - fz
    tx, ty, tz = tx * tx * (3 - 2 * tx), ty * ty * (3 - 2 * ty), tz * tz * (3 - 2 * tz)
    total = 0.0
    for dz in range(2):
        wz = tz if dz else 1 - tz
        for dy in range(2):
            wy = ty if dy else 1 - ty
            a = hash3(ix, iy + dy, iz + dz)
            b = hash3(ix + 1, iy + dy, iz + dz)
            total += wz * wy * (a + tx * (b - a))
    return total


@njit(cache=True, fastmath=True)
def fractal3(x: float, y: float, z: float, octaves: int) -> float:
    """Give noise in 0 to 1 with details in details."""
    total, weight, height = 0.0, 0.0, 1.0
    for _ in range(octaves):
        total += height * noise3(x, y, z)
        weight += height
        height *= 0.5
        x, y, z = 2.03 * x + 17.1, 2.03 * y + 5.7, 2.03 * z + 9.2
    return total / weight


@njit(cache=True, fastmath=True)
def foliage_gap(x: float, y: float, z: float, size: float, seed: float) -> bool:
    """Say whether one sees through leaves of a size in metres at a place."""
    s = 1 / size
    return (
        noise3(x * s + seed, y * s, z * s) * 0.6 + noise3(x * 2.7 * s, y * 2.7 * s + seed, z * 2.7 * s) * 0.4 < 0.42
    )
