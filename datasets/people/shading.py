"""Light: give each pixel of a drawn scene its colour. The other half of the renderer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from materials import TEXTURE, TEXTURE_SIZE, pattern
from noise import fractal3, noise3
from numba import njit
from numpy.typing import NDArray
from rasteriser import Mesh, rasterise, rasterise_shadow, vertex_normals

SHADOW_TEXELS = 256


class Light(NamedTuple):
    """How a scene is lit: one sun or lamp, a sky, what the floor throws back, and a lamp at the camera."""

    to_sun: NDArray[np.float64]  # (3,), of length one
    sun: NDArray[np.float64]  # (3,) red, green, blue
    sky: NDArray[np.float64]  # from above
    ground: NDArray[np.float64]  # from below
    flash: float  # at the camera, falls off with distance
    shadow_texels: float  # how soft shadows are
    fog_per_m: float
    clouds: float  # 0 to 1; below 0 the background is plain `sky`
    seed: float


class View(NamedTuple):
    """A camera: where it is, its axes (3, 3) as rows right, down, forward, and its focal length in pixels."""

    place: NDArray[np.float64]
    axes: NDArray[np.float64]
    focal: float
    cx: float
    cy: float
    pixels: int


def look(place: NDArray[Any], target: NDArray[Any], roll: float, focal: float, pixels: int) -> View:
    """Make a view from a place towards a target, rolled by an angle in radians."""
    forward = np.asarray(target, float) - place
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right) + 1e-9
    down = np.cross(forward, right)
    right, down = np.cos(roll) * right + np.sin(roll) * down, np.cos(roll) * down - np.sin(roll) * right
    return View(np.asarray(place, float), np.array([right, down, forward]), focal, pixels / 2, pixels / 2, pixels)


def shadow_axes(to_sun: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the light's axes as rows: two across, one towards it."""
    across = np.cross(to_sun, [0.3, 1.0, 0.1])
    across /= np.linalg.norm(across)
    return np.array([across, np.cross(to_sun, across), to_sun])


@njit(cache=True, fastmath=True)
def _sky(dx: float, dy: float, dz: float, sky: Any, clouds: float, seed: float, out: Any) -> None:
    if clouds < 0:
        for k in range(3):
            out[k] = sky[k]
        return
    up = max(dz, 0.0)
    cover = 0.0
    if dz > 0.01:
        thick = fractal3(dx / (dz + 0.15) * 1.1 + seed, dy / (dz + 0.15) * 1.1, seed, 4)
        cover = min(1.0, max(0.0, (thick - 0.62 + 0.35 * clouds) * 6))
    haze = np.exp(-5 * up)
    for k in range(3):
        blue = 1.35 * sky[k] * (1 - 0.45 * up) * (1 - haze) + haze * (0.55 * sky[k] + 0.45 * sky.mean() * 2.2)
        out[k] = blue * (1 - cover) + cover * sky.mean() * (2.0 - 0.5 * clouds)


@njit(cache=True, fastmath=True)
def _occlusion(nearness: Any, row: int, column: int, focal: float, reach_m: float) -> float:
    """Guess from depths around a pixel how much of the sky its surroundings hide: 0 to 1."""
    rows, columns = nearness.shape
    here = nearness[row, column]
    total = 0.0
    for ring in range(2):
        reach = min(26.0, max(2.0, focal * reach_m * here * (0.4 + 0.6 * ring)))
        for k in range(4):
            angle = 0.785 * k + 0.4 * ring
            dc, dr = round(reach * np.cos(angle)), round(reach * np.sin(angle))
            r1, c1 = min(rows - 1, max(0, row + dr)), min(columns - 1, max(0, column + dc))
            r2, c2 = min(rows - 1, max(0, row - dr)), min(columns - 1, max(0, column - dc))
            bulge = 0.5 * (nearness[r1, c1] + nearness[r2, c2]) - here
            if bulge > 0:
                metres = bulge / (here * here)
                total += min(1.0, metres / (0.25 * reach_m)) * min(1.0, max(0.0, 2.0 - metres / (1.5 * reach_m)))
    return total / 8


@njit(cache=True, fastmath=True)
def _shade(
    points: Any, normals: Any, places: Any, colours: Any, faces: Any, materials: Any, table: Any, textures: Any,
    nearness: Any, face_at: Any, camera: Any, axes: Any, focal: float, cx: float, cy: float,
    to_sun: Any, sun: Any, sky: Any, ground: Any, flash: float, softness: float, fog: float, clouds: float,
    seed: float,
    shadow: Any, light_axes: Any, light_place: Any, texels_per_m: float,
) -> Any:  # fmt: skip
    rows, columns = nearness.shape
    picture = np.zeros((rows, columns, 3), np.float32)
    n, base, p, place, out, wide = np.empty(3), np.empty(3), np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    size = shadow.shape[0]
    for r in range(rows):
        for c in range(columns):
            across, down = (c + 0.5 - cx) / focal, (r + 0.5 - cy) / focal
            length = np.sqrt(across * across + down * down + 1)
            for k in range(3):
                wide[k] = (axes[0, k] * across + axes[1, k] * down + axes[2, k]) / length
            f = face_at[r, c]
            if f < 0:
                _sky(wide[0], wide[1], wide[2], sky, clouds, seed, out)
                for k in range(3):
                    picture[r, c, k] = out[k]
                continue
            distance = length / nearness[r, c]
            ia, ib, ic = faces[f, 0], faces[f, 1], faces[f, 2]
            for k in range(3):
                p[k] = camera[k] + wide[k] * distance
            e1x, e1y, e1z = (
                points[ib, 0] - points[ia, 0],
                points[ib, 1] - points[ia, 1],
                points[ib, 2] - points[ia, 2],
            )
            e2x, e2y, e2z = (
                points[ic, 0] - points[ia, 0],
                points[ic, 1] - points[ia, 1],
                points[ic, 2] - points[ia, 2],
            )
            gx, gy, gz = e1y * e2z - e1z * e2y, e1z * e2x - e1x * e2z, e1x * e2y - e1y * e2x
            square = gx * gx + gy * gy + gz * gz + 1e-20
            qx, qy, qz = p[0] - points[ia, 0], p[1] - points[ia, 1], p[2] - points[ia, 2]
            b1 = ((qy * e2z - qz * e2y) * gx + (qz * e2x - qx * e2z) * gy + (qx * e2y - qy * e2x) * gz) / square
            b2 = ((e1y * qz - e1z * qy) * gx + (e1z * qx - e1x * qz) * gy + (e1x * qy - e1y * qx) * gz) / square
            b0 = 1 - b1 - b2
            row = table[materials[f]]
            for k in range(3):
                place[k] = b0 * places[ia, k] + b1 * places[ib, k] + b2 * places[ic, k]
                base[k] = b0 * colours[ia, k] + b1 * colours[ib, k] + b2 * colours[ic, k]
                n[k] = b0 * normals[ia, k] + b1 * normals[ib, k] + b2 * normals[ic, k]
            root = np.sqrt(square)
            gx, gy, gz = gx / root, gy / root, gz / root
            straight = n[0] * gx + n[1] * gy + n[2] * gz
            if abs(straight) < 0.6:  # an edge that is meant to be sharp
                n[0], n[1], n[2] = gx, gy, gz
            if int(row[0]) == TEXTURE:
                u, v = place[0] - np.floor(place[0]), place[1] - np.floor(place[1])
                tr = min(TEXTURE_SIZE - 1, int((1 - v) * TEXTURE_SIZE))
                tc = min(TEXTURE_SIZE - 1, int(u * TEXTURE_SIZE))
                for k in range(3):
                    base[k] = textures[int(row[11]), tr, tc, k]
            elif row[0] > 0:
                share = row[6] * pattern(row, place[0], place[1], place[2])
                for k in range(3):
                    base[k] += share * (row[3 + k] - base[k])
            if row[9] > 0:  # folds and roughness
                s = 1 / row[10]
                for k in range(3):
                    q = noise3(place[0] * s + 31 * k + row[12], place[1] * s, place[2] * s * 0.45)
                    n[k] += row[9] * 2 * (q - 0.5)
            toward = -(n[0] * wide[0] + n[1] * wide[1] + n[2] * wide[2])
            sign = -1.0 if gx * wide[0] + gy * wide[1] + gz * wide[2] > 0 and toward < 0 else 1.0
            if toward < 0 and sign > 0:
                sign = -1.0
            size_n = sign / (np.sqrt(n[0] ** 2 + n[1] ** 2 + n[2] ** 2) + 1e-9)
            for k in range(3):
                n[k] *= size_n
            facing = n[0] * to_sun[0] + n[1] * to_sun[1] + n[2] * to_sun[2]
            direct = max(0.0, (facing + row[15]) / (1 + row[15]))
            if direct > 0:
                lit, taken = 0.0, 0
                tx, ty, tz = 0.0, 0.0, 0.0
                for k in range(3):
                    q = p[k] + 0.015 * n[k] - light_place[k]
                    tx += light_axes[0, k] * q
                    ty += light_axes[1, k] * q
                    tz += light_axes[2, k] * q
                for i in range(-1, 2):
                    for j in range(-1, 2):
                        tr = int(ty * texels_per_m + size / 2 + i * softness)
                        tc = int(tx * texels_per_m + size / 2 + j * softness)
                        taken += 1
                        if (
                            tr < 0
                            or tc < 0
                            or tr >= size
                            or tc >= size
                            or shadow[tr, tc] < tz + 0.02 + 0.4 * softness / texels_per_m
                        ):
                            lit += 1
                direct *= lit / taken
            hidden = 1 - 0.75 * _occlusion(nearness, r, c, focal, 0.35)
            up = 0.5 + 0.5 * n[2]
            near_light = flash * max(0.0, toward * sign) / (0.4 + distance * distance)
            gloss = 0.0
            if row[8] > 0:
                hx, hy, hz = to_sun[0] - wide[0], to_sun[1] - wide[1], to_sun[2] - wide[2]
                along = (n[0] * hx + n[1] * hy + n[2] * hz) / (np.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9)
                gloss = row[8] * max(0.0, along) ** 24 * (1.0 if direct > 0.02 else 0.15)
            veil = 1 - np.exp(-fog * distance)
            for k in range(3):
                light = direct * sun[k] + hidden * (up * sky[k] + (1 - up) * ground[k]) + near_light
                value = base[k] * light + gloss * (sun[k] + 0.3 * sky[k]) + row[14] * base[k]
                picture[r, c, k] = value + veil * (1.3 * sky[k] - value)
    return picture


class Drawn(NamedTuple):
    """A drawn scene: light (pixels, pixels, 3), the thing at each pixel (0: no person), and nearness in 1/m."""

    picture: NDArray[np.float32]
    things: NDArray[np.int32]
    nearness: NDArray[np.float32]


def to_camera(points: NDArray[Any], view: View) -> NDArray[np.float32]:
    """Turn points of the world (n, 3) into the camera's axes."""
    return ((points - view.place) @ view.axes.T).astype(np.float32)


def draw(
    mesh: Mesh, table: NDArray[np.float32], textures: NDArray[np.float32], view: View, light: Light,
    centre: NDArray[Any], reach_m: float,
) -> Drawn:  # fmt: skip
    """Draw a scene; shadows are cast within `reach_m` around `centre`."""
    nearness, face_at = rasterise(
        to_camera(mesh.points, view), mesh.faces, mesh.materials, mesh.places, table,
        view.focal, view.cx, view.cy, view.pixels, view.pixels,
    )  # fmt: skip
    axes = shadow_axes(light.to_sun)
    texels_per_m = SHADOW_TEXELS / (2 * reach_m)
    in_light = (mesh.points - centre) @ axes.T
    in_light[:, :2] = in_light[:, :2] * texels_per_m + SHADOW_TEXELS / 2
    casts = table[mesh.materials, 14] >= 0  # what gives off less than nothing is walls, which cast none
    shadow = rasterise_shadow(in_light.astype(np.float32), mesh.faces[casts], SHADOW_TEXELS)
    table = np.where(np.arange(table.shape[1]) == 14, np.maximum(table, 0), table).astype(np.float32)
    picture = _shade(
        mesh.points, vertex_normals(mesh.points, mesh.faces), mesh.places, mesh.colours, mesh.faces, mesh.materials,
        table, textures, nearness, face_at, view.place, view.axes, view.focal, view.cx, view.cy,
        light.to_sun, light.sun, light.sky, light.ground, light.flash, light.shadow_texels, light.fog_per_m,
        light.clouds, light.seed, shadow, axes, np.asarray(centre, float), texels_per_m,
    )  # fmt: skip
    return Drawn(picture, np.where(face_at >= 0, mesh.things[face_at], 0), nearness)
