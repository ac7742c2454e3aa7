"""People as meshes: a body from bodies.npz, dressed and posed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from bodies import STEP_M
from numpy.typing import NDArray
from posing import Pose, bend_body, bone_places, bone_rotations
from rasteriser import Mesh, vertex_normals
from wardrobe import Outfit, dress, find_regions


class Bodies(NamedTuple):
    """All bodies at rest, with the skeleton and triangles that they share."""

    shapes: NDArray[np.int16]
    heads: NDArray[np.float32]
    parents: NDArray[np.int16]
    bone_names: list[str]
    bones: NDArray[np.uint8]
    shares: NDArray[np.float32]
    faces: NDArray[np.int32]
    groups: NDArray[np.uint8]
    parameters: NDArray[np.float32]
    parameter_names: list[str]
    parts: list[str]


class Figure(NamedTuple):
    """A dressed and posed person: standing around the origin, facing -y, and what is known of them."""

    mesh: Mesh
    table: NDArray[np.float32]
    body: str
    age: str
    build: str
    skin: float
    clothes: float
    pose: str
    places: dict[str, NDArray[np.float64]]  # of bones
    height_m: float


def load_bodies(path: Path) -> Bodies:
    """Read bodies.npz."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there. Make it with `python datasets/people/bodies.py --out {path}`.")
    with np.load(path) as file:
        return Bodies(
            file["shapes"], file["heads"], file["parents"], file["bone_names"].tolist(), file["bones"],
            file["shares"], file["faces"], file["groups"], file["parameters"], file["parameter_names"].tolist(),
            file["parts"].tolist(),
        )  # fmt: skip


def name_build(weight: float) -> str:
    """Say in a word how heavy a body is."""
    return "slim" if weight < 0.35 else "medium" if weight < 0.68 else "heavy"


def name_age(age: float) -> str:
    """Say in a word how old a body is."""
    return "child" if age < 0.55 else "adult" if age < 0.84 else "elder"


def wear(bodies: Bodies, index: int, outfit: int, seed: int) -> Outfit:
    """Give a body one of its outfits; the same body has the same skin, hair and clothes in each picture of it."""
    points = bodies.shapes[index].astype(np.float32) * STEP_M
    parameters = dict(zip(bodies.parameter_names, map(float, bodies.parameters[index]), strict=True))
    strongest = bodies.bones[np.arange(len(points)), bodies.shares.argmax(axis=1)]
    regions = find_regions(points, bodies.heads[index].astype(float), bodies.bone_names, strongest)
    normals = vertex_normals(points, bodies.faces)
    random = np.random.default_rng([seed, 77, index, outfit])
    return dress(points, normals, regions, bodies.faces, bodies.groups, parameters, random)


def make_figure(bodies: Bodies, index: int, outfit: int, pose: Pose, seed: int) -> Figure:
    """Dress and pose a body; its lowest point stands on z = 0."""
    worn = wear(bodies, index, outfit, seed)
    heads = bodies.heads[index].astype(float)
    rotations = bone_rotations(pose, bodies.bone_names, bodies.parents, heads)
    places = bone_places(rotations, bodies.parents, heads)
    moved = bend_body(worn.points, bodies.bones, bodies.shares, rotations, places, heads)
    used = np.unique(worn.faces)
    number = np.zeros(len(moved), np.int32)
    number[used] = np.arange(len(used))
    moved, places = moved[used], places - [0, 0, moved[used][:, 2].min()]
    moved[:, 2] -= moved[:, 2].min()
    parameters = dict(zip(bodies.parameter_names, map(float, bodies.parameters[index]), strict=True))
    part = bodies.parts[index]
    mesh = Mesh(
        moved, worn.points[used], worn.colours[used], number[worn.faces], worn.materials,
        np.ones(len(worn.faces), np.int32),
    )  # fmt: skip
    return Figure(
        mesh, worn.table, f"{part}_{index - bodies.parts.index(part):04d}", name_age(parameters["age"]),
        name_build(parameters["weight"]), worn.skin, worn.clothes, pose.family,
        dict(zip(bodies.bone_names, places, strict=True)), float(worn.points[used][:, 2].max()),
    )  # fmt: skip


def place_mesh(mesh: Mesh, at: NDArray[Any] | tuple[float, float, float], yaw: float, size: float = 1.0) -> Mesh:
    """Turn a mesh about the vertical, scale it, and put it somewhere."""
    c, s = np.cos(yaw) * size, np.sin(yaw) * size
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, size]])
    return mesh._replace(points=(mesh.points @ turn.T + np.asarray(at)).astype(np.float32))
