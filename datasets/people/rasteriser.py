"""Draw triangles into a depth buffer, and say which triangle each pixel shows: the geometry half of the renderer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from noise import foliage_gap
from numba import njit
from numpy.typing import NDArray

NEAR_M = 0.08


class Mesh(NamedTuple):
    """Triangles with what shading needs.

    `points` (n, 3) in metres in the world, z up; `places` (n, 3) where patterns are read, in metres on the thing
    itself (for textures: u, v and nothing); `colours` (n, 3) reflectance in 0 to 1; `faces` (m, 3) int32;
    `materials` (m,) int32, rows of the material table; `things` (m,) int32, 0 but for people, who count from 1.
    """

    points: NDArray[np.float32]
    places: NDArray[np.float32]
    colours: NDArray[np.float32]
    faces: NDArray[np.int32]
    materials: NDArray[np.int32]
    things: NDArray[np.int32]


def join(meshes: list[Mesh]) -> Mesh:
    """Make one mesh of several."""
    starts = np.cumsum([0, *(len(mesh.points) for mesh in meshes[:-1])])
    faces = [mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]
    return Mesh(
        np.concatenate([mesh.points for mesh in meshes]).astype(np.float32),
        np.concatenate([mesh.places for mesh in meshes]).astype(np.float32),
        np.concatenate([mesh.colours for mesh in meshes]).astype(np.float32),
        np.concatenate(faces).astype(np.int32),
        np.concatenate([mesh.materials for mesh in meshes]).astype(np.int32),
        np.concatenate([mesh.things for mesh in meshes]).astype(np.int32),
    )


@njit(cache=True, fastmath=True)
def vertex_normals(points: Any, faces: Any) -> Any:
    """Average the normals of the triangles around each vertex, by area; (n, 3) float32 of length one."""
    normals = np.zeros(points.shape, np.float32)
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for k in (a, b, c):
            normals[k, 0] += nx
            normals[k, 1] += ny
            normals[k, 2] += nz
    for k in range(len(normals)):
        length = np.sqrt(normals[k, 0] ** 2 + normals[k, 1] ** 2 + normals[k, 2] ** 2) + 1e-20
        normals[k] /= length
    return normals


@njit(cache=True, fastmath=True)
def _fill(f: int, p: Any, nearness: Any, face_at: Any, cut: bool, places: Any, size: float, seed: float) -> None:
    """Draw one triangle with corners p[k] = (column, row, nearness); the greater nearness wins."""
    rows, columns = nearness.shape
    area = (p[1, 0] - p[0, 0]) * (p[2, 1] - p[0, 1]) - (p[2, 0] - p[0, 0]) * (p[1, 1] - p[0, 1])
    if abs(area) < 1e-9:
        return
    top = max(0, int(np.ceil(min(p[0, 1], p[1, 1], p[2, 1]) - 0.5)))
    bottom = min(rows - 1, int(np.floor(max(p[0, 1], p[1, 1], p[2, 1]) - 0.5)))
    left = max(0, int(np.ceil(min(p[0, 0], p[1, 0], p[2, 0]) - 0.5)))
    right = min(columns - 1, int(np.floor(max(p[0, 0], p[1, 0], p[2, 0]) - 0.5)))
    for row in range(top, bottom + 1):
        y = row + 0.5
        for column in range(left, right + 1):
            x = column + 0.5
            b1 = ((x - p[0, 0]) * (p[2, 1] - p[0, 1]) - (p[2, 0] - p[0, 0]) * (y - p[0, 1])) / area
            b2 = ((p[1, 0] - p[0, 0]) * (y - p[0, 1]) - (x - p[0, 0]) * (p[1, 1] - p[0, 1])) / area
            b0 = 1 - b1 - b2
            if b0 < 0 or b1 < 0 or b2 < 0:
                continue
            near = b0 * p[0, 2] + b1 * p[1, 2] + b2 * p[2, 2]
            if near <= nearness[row, column]:
                continue
            if cut:
                w0, w1, w2 = b0 * p[0, 2] / near, b1 * p[1, 2] / near, b2 * p[2, 2] / near
                px = w0 * places[0, 0] + w1 * places[1, 0] + w2 * places[2, 0]
                py = w0 * places[0, 1] + w1 * places[1, 1] + w2 * places[2, 1]
                pz = w0 * places[0, 2] + w1 * places[1, 2] + w2 * places[2, 2]
                if foliage_gap(px, py, pz, size, seed):
                    continue
            nearness[row, column] = near
            face_at[row, column] = f


@njit(cache=True, fastmath=True)
def rasterise(
    points: Any, faces: Any, materials: Any, places: Any, table: Any, focal: float, cx: float, cy: float,
    rows: int, columns: int,
) -> Any:  # fmt: skip
    """Draw what a camera sees.

    `points` (n, 3) in the camera's axes: right, down, forward; `focal`, `cx`, `cy` in pixels. Gives nearness
    (1 / forward distance, 0 where nothing is) and the triangle of each pixel, -1 where there is none. Materials
    whose column 7 is positive have gaps, as leaves do.
    """
    nearness = np.zeros((rows, columns), np.float32)
    face_at = np.full((rows, columns), -1, np.int32)
    p = np.empty((3, 3))
    corner = np.empty((4, 3))
    at = np.empty((3, 3))
    for f in range(faces.shape[0]):
        kept = 0
        for k in range(3):
            i, j = faces[f, k], faces[f, (k + 1) % 3]
            zi, zj = points[i, 2], points[j, 2]
            if zi >= NEAR_M:
                corner[kept, 0], corner[kept, 1], corner[kept, 2] = points[i, 0], points[i, 1], zi
                kept += 1
            if (zi >= NEAR_M) != (zj >= NEAR_M):
                t = (NEAR_M - zi) / (zj - zi)
                corner[kept, 0] = points[i, 0] + t * (points[j, 0] - points[i, 0])
                corner[kept, 1] = points[i, 1] + t * (points[j, 1] - points[i, 1])
                corner[kept, 2] = NEAR_M
                kept += 1
        if kept < 3:
            continue
        row = table[materials[f]]
        cut = row[7] > 0 and kept == 3
        if cut:
            whole = points[faces[f, 0], 2] >= NEAR_M
            cut = cut and whole
            for k in range(3):
                for axis in range(3):
                    at[k, axis] = places[faces[f, k], axis]
        for second in range(kept - 2):
            for k in range(3):
                c = 0 if k == 0 else second + k
                p[k, 0] = cx + focal * corner[c, 0] / corner[c, 2]
                p[k, 1] = cy + focal * corner[c, 1] / corner[c, 2]
                p[k, 2] = 1 / corner[c, 2]
            _fill(f, p, nearness, face_at, cut, at, row[1], row[7])
    return nearness, face_at


@njit(cache=True, fastmath=True)
def rasterise_shadow(points: Any, faces: Any, size: int) -> Any:
    """Draw how near the light each ray of light is stopped; points in the light's axes, in texels, third: height."""
    nearness = np.full((size, size), -1e9, np.float32)
    face_at = np.full((size, size), -1, np.int32)
    p = np.empty((3, 3))
    at = np.zeros((3, 3))
    for f in range(faces.shape[0]):
        for k in range(3):
            for axis in range(3):
                p[k, axis] = points[faces[f, k], axis]
        _fill(f, p, nearness, face_at, False, at, 1.0, 0.0)
    return nearness
