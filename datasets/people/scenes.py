"""Compose pictures: who or what is where, in which place, seen from where; and say what can be seen."""

from __future__ import annotations

from typing import Any, NamedTuple

import indoors
import numpy as np
import outdoors
from camera import defocus, measure_contrast, take, to_grey
from figures import Bodies, Figure, make_figure, place_mesh
from furniture import Model
from numpy.typing import NDArray
from posing import choose_family, make_pose
from props import add_clutter, add_occluder, choose_subject, mount
from rasteriser import join, rasterise
from shading import Drawn, Light, View, draw, look, to_camera
from stage import Stage

SUPERSAMPLED = 192
LEAST_AREA, LEAST_CONTRAST, LEAST_VISIBLE, TRIES = 0.025, 0.065, 0.05, 32
CROPS = {"whole": 0.44, "upper": 0.2, "face": 0.12, "legs": 0.06, "side": 0.18}
OUTFITS = 6
OUTDOOR_SHARE = 0.5


class Assets(NamedTuple):
    """What pictures are made of: bodies, models and the part of each model, and the models' textures."""

    bodies: Bodies
    models: dict[str, list[Model]]
    textures: NDArray[np.float32]


class Picture(NamedTuple):
    """One picture (96, 96, 3) uint8 RGB, and its row of people.csv without file, part and label."""

    colour: NDArray[np.uint8]
    row: dict[str, Any]


def choose_backdrop(part: str, random: np.random.Generator) -> tuple[str, bool]:
    """Choose a place; validation and test have some that train never shows."""
    inside = random.random() > OUTDOOR_SHARE
    family = indoors if inside else outdoors
    names = list(family.FAMILIES)
    own = {"validation": family.VALIDATION_ONLY, "test": family.TEST_ONLY}.get(part, ())
    if own and random.random() < 0.3:
        names = list(own)
    return str(random.choice(names)), inside


def _frame(stage: Stage, crop: str, tall: float, head_z: float) -> tuple[float, float, float, float]:
    """Choose the focal length in pictures, distance, height of the aim, and height fraction."""
    u = stage.random.uniform
    lens = u(0.95, 2.2)
    fraction = {
        "whole": u(0.42, 0.98),
        "upper": u(1.15, 2.2),
        "face": u(2.8, 6),
        "legs": u(1.1, 2.0),
        "side": u(0.6, 1.7),
    }[crop]
    aim = {"whole": tall * u(0.4, 0.6), "upper": head_z - tall * u(0.1, 0.25), "face": head_z + u(-0.06, 0.1),
           "legs": tall * u(0.2, 0.42), "side": tall * u(0.45, 0.75)}[crop]  # fmt: skip
    distance = max(lens * tall / fraction, 0.38)
    return lens, distance, aim, lens * tall / distance


def _view(stage: Stage, lens: float, distance: float, aim: float, crop: str, middle: Any) -> View:
    u = stage.random.uniform
    angle = u(-0.6, 0.6)
    eye = u(0.9, 1.8) if stage.random.random() < 0.75 else u(0.3, 3.0)
    if crop == "face" or distance < 1.3:
        eye = aim + u(-0.25, 0.3) * distance
    place = np.array([distance * np.sin(angle), -distance * np.cos(angle), max(0.15, eye)])
    place[:2] += np.asarray(middle)[:2]
    shift = {"whole": u(-0.3, 0.3), "side": u(0.25, 0.52) * stage.random.choice([-1, 1])}.get(crop, u(-0.2, 0.2))
    right = np.array([np.cos(angle), np.sin(angle), 0.0])
    target = np.array([middle[0], middle[1], aim]) + right * shift * distance / lens
    return look(place, target, float(stage.random.normal(0, 0.04)), lens * SUPERSAMPLED, SUPERSAMPLED)


def _build(stage: Stage, backdrop: str, inside: bool, view: View, reach: float) -> Light:
    u = stage.random.uniform
    if inside:
        left, right = min(view.place[0], -1.0 - reach) - u(0.2, 2.0), max(view.place[0], 1.0 + reach) + u(0.2, 2.0)
        return indoors.build_room(stage, backdrop, left, right, view.place[1] - 0.7, reach + u(0.3, 3.2))
    return outdoors.build_place(stage, backdrop, reach + u(0.8, 9))


def _shoot(
    stage: Stage, assets: Assets, view: View, light: Light, middle: Any, blur: bool
) -> tuple[Drawn, NDArray[np.uint8]]:
    centre = np.array([middle[0], middle[1], 0.9])
    drawn = draw(join(stage.meshes), np.array(stage.table, np.float32), assets.textures, view, light, centre, 2.6)
    light_taken = drawn.picture
    if blur:
        focus = 1 / max(0.4, float(np.linalg.norm(view.place[:2] - np.asarray(middle)[:2])))
        light_taken = defocus(light_taken, drawn.nearness, focus, float(stage.random.uniform(1.0, 3.5)))
    return drawn, take(light_taken, stage.random)


def _silhouette(mesh: Any, table: Any, view: View) -> float:
    """Give the area that a mesh would cover, unhidden and uncropped, in pixels of the supersampled picture."""
    points = to_camera(mesh.points, view)
    ahead = points[points[:, 2] > 0.1]
    flat = ahead[:, :2] / ahead[:, 2:]
    middle, half = (flat.max(0) + flat.min(0)) / 2, max(float(np.ptp(flat, axis=0).max()) / 2, 1e-3)
    focal = 48 / half
    _, face_at = rasterise(
        points,
        mesh.faces,
        mesh.materials,
        mesh.places,
        table,
        focal,
        48 - focal * middle[0],
        48 - focal * middle[1],
        96,
        96,
    )
    return float((face_at >= 0).sum()) * (view.focal / focal) ** 2


def _cast(assets: Assets, stage: Stage) -> Figure:
    chosen = [index for index, part in enumerate(assets.bodies.parts) if part == stage.part]
    index = int(stage.random.choice(chosen))
    pose = make_pose(choose_family(stage.part, stage.random), stage.random)
    return make_figure(assets.bodies, index, int(stage.random.integers(OUTFITS)), pose, 1)


def picture_people(assets: Assets, part: str, random: np.random.Generator) -> Picture | None:
    """Make a picture with a person; None if too little of them is to be seen."""
    stage = Stage(random, part, assets.models[part])
    u = random.uniform
    figure = _cast(assets, stage)
    view_name, yaw = (
        ("front", u(-0.6, 0.6)) if random.random() < 0.55 else ("side", u(0.7, 2.3) * random.choice([-1, 1]))
    )
    if random.random() < 0.2:
        view_name, yaw = "back", np.pi + u(-0.6, 0.6)
    crop = str(random.choice(list(CROPS), p=list(CROPS.values())))
    if crop == "face" and view_name == "back" and random.random() < 0.6:
        crop = "upper"
    mesh, lift = mount(stage, figure, yaw)
    head_z = float(figure.places["head"][2] + lift)
    tall = float(np.ptp(figure.mesh.points[:, 2]))
    lens, distance, aim, fraction = _frame(stage, crop, tall, head_z)
    middle = figure.places["head"][:2] if crop in ("face", "upper") else figure.places["root"][:2]
    c, s = np.cos(yaw), np.sin(yaw)
    middle = np.array([c * middle[0] - s * middle[1], s * middle[0] + c * middle[1]])
    view = _view(stage, lens, distance, aim + (lift if crop not in ("face", "upper") else 0), crop, middle)
    turned = np.arctan2(view.place[0] - middle[0], middle[1] - view.place[1])
    backdrop, inside = choose_backdrop(part, random)
    stage.add_figure(mesh, figure.table, 1)
    people = 1
    group = random.random() < 0.3
    for _ in range(int(random.integers(1, 5)) if group else 0):
        other = _cast(assets, stage)
        people += 1
        beside = random.random() < 0.5
        where = (u(0.55, 1.1) * random.choice([-1, 1]), u(-0.3, 0.6)) if beside else (u(-2.5, 2.5), u(0.8, 4.5))
        if np.hypot(where[0] - view.place[0], where[1] - view.place[1]) < 0.8 * distance or (
            crop == "face" and beside
        ):
            where = (where[0] * 1.3, u(1.0, 3.5))
        stage.add_figure(place_mesh(other.mesh, (*where, 0.0), u(-np.pi, np.pi)), other.table, people)
    light = _build(stage, backdrop, inside, view, 4.6 if group else 0.6)
    add_clutter(stage, view, inside)
    if random.random() < 0.22 and crop != "face":
        add_occluder(stage, view, middle)
    drawn, colour = _shoot(
        stage, assets, view, light, middle, random.random() < (0.4 if crop in ("face", "upper") else 0.08)
    )
    areas = np.bincount(drawn.things.ravel(), minlength=people + 1)[1:]
    covered = (drawn.things == 1).reshape(96, 2, 96, 2).mean(axis=(1, 3))
    contrast = measure_contrast(to_grey(colour), covered)
    seen = float(np.clip(areas[0] / max(1.0, _silhouette(mesh, np.array(figure.table), view)), 0, 1))
    if (
        areas[0] < LEAST_AREA * SUPERSAMPLED**2
        or contrast < LEAST_CONTRAST
        or seen < (0.015 if crop == "face" else LEAST_VISIBLE)
    ):
        return None
    if areas[0] > 0.93 * SUPERSAMPLED**2 or areas[0] < areas.max():
        return None
    facing = abs((yaw - turned + np.pi) % (2 * np.pi) - np.pi)
    view_name = "front" if facing < 0.79 else "back" if facing > 2.36 else "side"
    return Picture(colour, {
        "backdrop": backdrop, "indoors": int(inside), "subject": "",
        "people": int((areas > 0.003 * SUPERSAMPLED**2).sum()),
        "body": figure.body, "age": figure.age, "build": figure.build, "skin": f"{figure.skin:.2f}",
        "clothes": f"{figure.clothes:.2f}", "pose": figure.pose, "view": view_name, "distance_m": f"{distance:.2f}",
        "height_fraction": f"{fraction:.2f}", "visible_fraction": f"{seen:.2f}", "crop": crop,
        "light": f"{to_grey(colour).mean() / 255:.2f}", "contrast": f"{contrast:.2f}",
    })  # fmt: skip


def picture_nobody(assets: Assets, part: str, random: np.random.Generator) -> Picture | None:
    """Make a picture without people; four of five have a thing of about a person's size in the picture."""
    stage = Stage(random, part, assets.models[part])
    u = random.uniform
    backdrop, inside = choose_backdrop(part, random)
    name, tall, base = choose_subject(stage, inside)
    crop = str(random.choice(["whole", "upper", "side"], p=[0.62, 0.16, 0.22]))
    lens, distance, aim, _ = _frame(stage, crop, tall, tall * 0.9)
    view = _view(stage, lens, distance, base + aim, crop, (0.0, 0.0))
    if not name and random.random() < 0.25:  # look up, or away
        target = view.place + view.axes[2] * 3 + np.array([0, 0, u(-0.6, 1.6)])
        view = look(view.place, target, float(random.normal(0, 0.04)), view.focal, SUPERSAMPLED)
    light = _build(stage, backdrop, inside, view, u(0.4, 1.2) + (0.8 if tall > 1 else 0))
    add_clutter(stage, view, inside)
    if random.random() < 0.22 and name:
        add_occluder(stage, view, (0.0, 0.0))
    _, colour = _shoot(stage, assets, view, light, (0.0, 0.0), random.random() < (0.35 if distance < 1.5 else 0.08))
    grey = to_grey(colour)
    if grey.std() < 12:
        return None
    blank = ("body", "age", "build", "skin", "clothes", "pose", "view", "distance_m", "height_fraction",
             "visible_fraction", "crop")  # fmt: skip
    return Picture(colour, {
        "backdrop": backdrop, "indoors": int(inside), "subject": name, "people": 0, **dict.fromkeys(blank, ""),
        "light": f"{grey.mean() / 255:.2f}", "contrast": "",
    })  # fmt: skip


def make_picture(assets: Assets, part: str, number: int, seed: int) -> Picture:
    """Make one picture; odd numbers have people. The same numbers give the same picture."""
    make = picture_people if number % 2 else picture_nobody
    for attempt in range(TRIES):
        random = np.random.default_rng([seed, ("train", "validation", "test").index(part), number, attempt])
        picture = make(assets, part, random)
        if picture is not None:
            return picture
    raise RuntimeError(f"picture {number} of {part} failed {TRIES} times, a few were expected; use another --seed.")
