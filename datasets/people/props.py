"""Things near the subject: what one sits on, rides, holds or stands behind; the subjects of pictures of nobody."""

from __future__ import annotations

from typing import Any

import numpy as np
from figures import Figure, place_mesh
from materials import MOTTLED, PLANKS
from rasteriser import Mesh
from shading import View
from shapes import blob, box, tube
from stage import Stage, longest, size_of

SEATS = ("chair", "sofa", "armchair", "bench", "stool", "couch", "bank", "puff", "seat")
RIDDEN = ("bike", "bicycle", "motorbike", "scooter", "horse", "yamaha")
TABLES = ("table", "desk", "worktop", "island")
PLANT_WORDS = (
    "plant",
    "tree",
    "bush",
    "hedge",
    "ficus",
    "bamboo",
    "palm",
    "flower",
    "orchid",
    "cactus",
    "pine",
    "yucca",
)


def _named(words: tuple[str, ...]) -> Any:
    return lambda model: any(word in model.name.lower() for word in words)


def _turned(point: Any, yaw: float) -> Any:
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([c * point[0] - s * point[1], s * point[0] + c * point[1], point[2]])


def mount(stage: Stage, figure: Figure, yaw: float) -> tuple[Mesh, float]:
    """Put a person at the origin, on a seat or a vehicle if they sit or ride; give the mesh and its lift."""
    u = stage.random.uniform
    hips = figure.places["root"]
    lift = 0.0
    if figure.pose == "sitting":
        height = max(0.2, float(hips[2]) - 0.1)
        model = stage.pick(_named(SEATS)) if u(0, 1) < 0.85 else None
        at = _turned(hips + np.array([0, 0.08, 0]), yaw)
        if model is not None:
            tall = float(size_of(model)[2])
            scale = float(np.clip(height / min(0.46, tall), 0.6, 1.5))
            stage.add_model(model, (at[0], at[1], 0), yaw, scale)
        else:
            stage.add(
                box(
                    (at[0] - 0.3, at[1] - 0.25, 0),
                    (at[0] + 0.3, at[1] + 0.25, height),
                    stage.tone(0.05, 0.7),
                    stage.surface(),
                )
            )
    elif figure.pose == "riding":
        model = stage.pick(_named(RIDDEN))
        if model is not None:
            size = size_of(model)
            saddle = float(size[2]) * (0.72 if size[2] < 1.4 else 0.85)
            lift = saddle - float(hips[2]) + 0.08
            turn = yaw + (np.pi / 2 if size[0] > size[1] else 0) + np.pi * int(stage.random.integers(2))
            at = _turned(hips, yaw)
            stage.add_model(model, (at[0], at[1], max(0.0, -lift) * 0.5), turn)
    elif figure.pose == "holding":
        left, right = (np.asarray(figure.places[f"metacarpal3.{side}"]) for side in "LR")
        at = _turned((left + right) / 2 + [0, -0.06, 0.02], yaw)
        model = stage.pick(lambda m: 0.12 < longest(m) < 0.55)
        if model is not None and u(0, 1) < 0.7:
            stage.add_model(model, at - [0, 0, size_of(model)[2] / 2], yaw + u(-0.5, 0.5))
        else:
            half = u(0.08, 0.2)
            stage.add(box(at - half, at + half, stage.tone(0.03, 0.8), stage.surface()))
    elif figure.pose in ("arms_up", "reaching", "standing", "walking") and u(0, 1) < 0.2:
        hand = _turned(figure.places[f"metacarpal3.{stage.random.choice(['L', 'R'])}"] + [0, -0.03, -0.04], yaw)
        kind = stage.random.choice(["stick", "bag", "ball"])
        if kind == "stick":
            lean = np.array([u(-0.5, 0.5), u(-0.5, 0.5), u(-1, 1)])
            stage.add(
                tube(
                    hand - lean * 0.2,
                    hand + lean * u(0.3, 1),
                    0.015,
                    u(0.01, 0.05),
                    stage.tone(0.03, 0.7),
                    stage.surface(),
                )
            )
        elif kind == "bag":
            stage.add(
                box(
                    hand - [u(0.1, 0.2), 0.06, u(0.25, 0.45)],
                    hand + np.array([u(0.1, 0.2), 0.06, -0.03]),
                    stage.tone(0.02, 0.7),
                    stage.surface(),
                )
            )
        else:
            stage.add(blob(hand, (0.11, 0.11, 0.11), stage.tone(0.05, 0.8), stage.surface(), 0.0, stage.random))
    return place_mesh(figure.mesh, (0, 0, lift), yaw), lift


def add_clutter(stage: Stage, view: View, inside: bool) -> None:
    """Put a few things beside and behind the subject, out of the line from the camera."""
    categories = (
        ("Living room", "Office", "Kitchen", "Miscellaneous", "Bedroom")
        if inside
        else ("Exterior", "Vehicles", "Characters")
    )
    for _ in range(int(stage.random.integers(0, 5))):
        model = stage.pick(lambda m: m.category in categories and longest(m) > 0.4)
        if model is None:
            return
        reach = float(size_of(model)[:2].max()) / 2
        side = stage.random.choice([-1, 1])
        x, y = side * (0.55 + reach + stage.random.uniform(0, 1.2)), stage.random.uniform(-0.4, 1.2) + reach * 0.5
        if np.hypot(x - view.place[0], y - view.place[1]) > reach + 0.8:
            stage.add_model(model, (x, y, 0), stage.random.uniform(0, 6.28))


def add_occluder(stage: Stage, view: View, middle: Any) -> None:
    """Put something low or narrow between the camera and the subject."""
    u = stage.random.uniform
    share = u(0.3, 0.7)
    away = view.place[:2] - np.asarray(middle)
    distance = float(np.linalg.norm(away))
    if distance < 1.2:
        return
    x, y = np.asarray(middle) + away * share
    along = np.array([-away[1], away[0]]) / distance
    x, y = np.array([x, y]) + along * u(-0.5, 0.5) * distance / (view.focal / view.pixels) * (1 - share)
    kind = stage.random.choice(["model", "counter", "post", "leaves"])
    if kind == "model":
        model = stage.pick(
            lambda m: 0.3 < size_of(m)[2] < 1.2 and size_of(m)[:2].max() < 1.8 and m.category != "Lights"
        )
        if model is not None and distance * (1 - share) > 0.6 + size_of(model)[:2].max():
            stage.add_model(model, (x, y, 0), u(0, 6.28))
    elif kind == "counter":
        wood = stage.surface(kind=PLANKS, scale_m=u(0.1, 0.3), colour=stage.tone(0.03, 0.5), strength=0.5)
        half = u(0.3, 0.9)
        stage.add(box((x - half, y - 0.2, 0), (x + half, y + 0.2, u(0.6, 1.0)), stage.tone(0.05, 0.7), wood))
    elif kind == "post":
        stage.add(tube((x, y, 0), (x, y, u(0.9, 3)), 0.05, 0.05, stage.tone(0.03, 0.6), stage.surface()))
    else:
        colour = stage.tone(0.03, 0.2) * [0.6, 1, 0.4]
        leaves = stage.surface(kind=MOTTLED, scale_m=0.1, colour=colour * 0.3, gaps=stage.bump() + 1)
        stage.table[-1][1] = u(0.05, 0.12)
        stage.add(blob((x, y, u(0.1, 0.5)), (u(0.2, 0.5), 0.3, u(0.3, 0.6)), colour, leaves, 0.4, stage.random))


def choose_subject(stage: Stage, inside: bool) -> tuple[str, float, float]:
    """Put the main thing of a picture of nobody at the origin: its name, height to frame, and what it stands on."""
    u = stage.random.uniform
    kind = stage.random.choice(["big", "plant", "moving", "small", "nothing"], p=[0.34, 0.1, 0.2, 0.16, 0.2])
    if kind == "nothing":
        return "", u(1.0, 1.9), 0.0
    if kind == "small":
        return _lay_table(stage)
    test: Any = lambda m: longest(m) > 0.45  # noqa: E731 - the same shape as the others
    if kind == "plant":
        test = _named(PLANT_WORDS)
    elif kind == "moving":
        animals = u(0, 1) < 0.5
        most = 2.6 if inside else 20.0
        test = lambda m: m.category == ("Characters" if animals else "Vehicles") and longest(m) < most  # noqa: E731
    model = stage.pick(test)
    if model is None:
        return "", 1.6, 0.0
    size = size_of(model)
    stage.add_model(model, (0, 0, 0), u(0, 6.28), dye=0.6)
    return model.name.lower(), float(max(size[2], 0.75 * size[:2].max())), 0.0


def _lay_table(stage: Stage) -> tuple[str, float, float]:
    u = stage.random.uniform
    top = u(0.4, 0.9)
    wood = stage.surface(
        kind=int(stage.random.choice([PLANKS, MOTTLED, 0])),
        scale_m=u(0.05, 0.2),
        colour=stage.tone(0.05, 0.6),
        strength=0.5,
    )
    stage.add(
        box((-u(0.4, 0.9), -u(0.3, 0.5), top - 0.05), (u(0.4, 0.9), u(0.3, 0.6), top), stage.tone(0.05, 0.8), wood)
    )
    name, tall = "", 0.2
    for index in range(int(stage.random.integers(1, 6))):
        model = stage.pick(lambda m: 0.06 < longest(m) < 0.5 and m.category not in ("Lights", "Bathroom"))
        if model is None:
            break
        where = (0.0, 0.0) if index == 0 else (u(-0.35, 0.35), u(-0.25, 0.3))
        stage.add_model(model, (*where, top), u(0, 6.28), dye=0.6)
        if index == 0:
            name, tall = model.name.lower(), float(max(size_of(model)[2], 0.7 * size_of(model)[:2].max()))
    return name, max(tall, 0.12), top
