"""Simple meshes that scenes are built of: slabs, boxes, tubes and blobs."""

from __future__ import annotations

from typing import Any

import numpy as np
from noise import fractal3
from numba import njit
from rasteriser import Mesh

Colour = Any


def _mesh(points: Any, places: Any, colour: Colour, faces: Any, material: int) -> Mesh:
    points, faces = np.asarray(points, np.float32), np.asarray(faces, np.int32)
    colours = np.broadcast_to(np.asarray(colour, np.float32), points.shape).copy()
    return Mesh(
        points, np.asarray(places, np.float32), colours, faces,
        np.full(len(faces), material, np.int32), np.zeros(len(faces), np.int32),
    )  # fmt: skip


def floor(low: Any, high: Any, z: float, colour: Colour, material: int) -> Mesh:
    """Make a level rectangle from (x, y) `low` to `high`, cut up so that near parts stay sharp."""
    xs, ys = np.linspace(low[0], high[0], 5), np.linspace(low[1], high[1], 5)
    points = [(x, y, z) for y in ys for x in xs]
    faces = []
    for row in range(4):
        for column in range(4):
            a = row * 5 + column
            faces += [(a, a + 1, a + 6), (a, a + 6, a + 5)]
    return _mesh(points, [(x, 0, y) for x, y, _ in points], colour, faces, material)


def wall(start: Any, end: Any, bottom: float, top: float, colour: Colour, material: int) -> Mesh:
    """Make an upright rectangle between two points (x, y) of the ground."""
    (ax, ay), (bx, by) = start, end
    length = float(np.hypot(bx - ax, by - ay))
    points = [(ax, ay, bottom), (bx, by, bottom), (bx, by, top), (ax, ay, top)]
    places = [(0, 0, bottom), (length, 0, bottom), (length, 0, top), (0, 0, top)]
    return _mesh(points, places, colour, [(0, 1, 2), (0, 2, 3)], material)


def box(low: Any, high: Any, colour: Colour, material: int) -> Mesh:
    """Make a box between two corners (x, y, z)."""
    (ax, ay, az), (bx, by, bz) = low, high
    points: list[Any] = []
    places: list[Any] = []
    faces: list[Any] = []
    sides = (
        [(ax, ay), (bx, ay)], [(bx, ay), (bx, by)], [(bx, by), (ax, by)], [(ax, by), (ax, ay)],
    )  # fmt: skip
    for (sx, sy), (ex, ey) in sides:
        n, length = len(points), float(np.hypot(ex - sx, ey - sy))
        points += [(sx, sy, az), (ex, ey, az), (ex, ey, bz), (sx, sy, bz)]
        places += [(0, 0, az), (length, 0, az), (length, 0, bz), (0, 0, bz)]
        faces += [(n, n + 1, n + 2), (n, n + 2, n + 3)]
    for z in (az, bz):
        n = len(points)
        points += [(ax, ay, z), (bx, ay, z), (bx, by, z), (ax, by, z)]
        places += [(ax, z, ay), (bx, z, ay), (bx, z, by), (ax, z, by)]
        faces += [(n, n + 1, n + 2), (n, n + 2, n + 3)]
    return _mesh(points, places, colour, faces, material)


def tube(
    start: Any, end: Any, radius: float, end_radius: float, colour: Colour, material: int, sides: int = 9
) -> Mesh:
    """Make a tube or a cone between two points."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    axis = (b - a) / (np.linalg.norm(b - a) + 1e-9)
    across = np.cross(axis, [0.31, 0.95, 0.05] if abs(axis[1]) < 0.9 else [1.0, 0, 0])
    across /= np.linalg.norm(across)
    other = np.cross(axis, across)
    points = []
    for middle, r in ((a, radius), (b, end_radius)):
        for k in range(sides):
            angle = 2 * np.pi * k / sides
            points.append(middle + r * (np.cos(angle) * across + np.sin(angle) * other))
    faces = []
    for k in range(sides):
        n = (k + 1) % sides
        faces += [(k, n, sides + n), (k, sides + n, sides + k)]
    return _mesh(points, points, colour, faces, material)


@njit(cache=True)
def _lumps(around: Any, rough: float, seed: float) -> Any:
    lumps = np.empty(len(around))
    for i in range(len(around)):
        x, y, z = 2.2 * around[i, 0] + seed, 2.2 * around[i, 1], 2.2 * around[i, 2]
        lumps[i] = 1 + rough * 2 * (fractal3(x, y, z, 2) - 0.5)
    return lumps


def blob(
    middle: Any, radii: Any, colour: Colour, material: int, rough: float, random: np.random.Generator, rings: int = 9
) -> Mesh:
    """Make a lumpy ball: a crown of leaves, a bush, a stone, a fruit."""
    seed = random.uniform(0, 50)
    polar, angle = np.meshgrid(
        np.pi * np.arange(rings + 1) / rings, np.pi * np.arange(2 * rings) / rings, indexing="ij"
    )
    around = np.stack([np.sin(polar) * np.cos(angle), np.sin(polar) * np.sin(angle), np.cos(polar)], axis=-1).reshape(
        -1, 3
    )
    points = np.asarray(middle) + around * np.asarray(radii) * _lumps(around, rough, seed)[:, None]
    faces = []
    for row in range(rings):
        for column in range(2 * rings):
            a, b = row * 2 * rings + column, row * 2 * rings + (column + 1) % (2 * rings)
            faces += [(a, b, b + 2 * rings), (a, b + 2 * rings, a + 2 * rings)]
    return _mesh(points, points, colour, faces, material)
