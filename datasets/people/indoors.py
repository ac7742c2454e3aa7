"""Rooms: walls, floors, windows, pictures and furniture around a subject at the origin."""

from __future__ import annotations

from typing import Any

import numpy as np
from materials import BOOKS, BRICKS, MOTTLED, PICTURE, PLANKS, STRIPES, TILES, UPRIGHT_STRIPES
from shading import Light
from shapes import box, floor, tube, wall
from stage import Stage, longest, size_of

FAMILIES = ("office", "kitchen", "living_room", "bedroom", "bathroom", "hall", "plain_wall", "shop")
VALIDATION_ONLY = ("waiting_room",)
TEST_ONLY = ("workshop", "library")
CATEGORIES = {
    "office": ("Office",), "kitchen": ("Kitchen",), "living_room": ("Living room",), "bedroom": ("Bedroom",),
    "bathroom": ("Bathroom",), "hall": ("Living room", "Office"), "plain_wall": (),
    "shop": ("Kitchen", "Miscellaneous"),
    "waiting_room": ("Living room", "Office"), "workshop": ("Miscellaneous",), "library": ("Office", "Living room"),
}  # fmt: skip
NO_SHADOW = -1.0  # walls and ceilings would hide the lamp


def _wall_surface(stage: Stage, family: str) -> int:
    kinds = {"kitchen": [TILES, 0, MOTTLED], "bathroom": [TILES], "workshop": [BRICKS, MOTTLED]}
    kind = int(stage.random.choice(kinds.get(family, [0, 0, 0, MOTTLED, UPRIGHT_STRIPES, STRIPES, BRICKS, PLANKS])))
    scale = {TILES: (0.1, 0.35), BRICKS: (0.07, 0.1), PLANKS: (0.12, 0.3), MOTTLED: (0.3, 2.0)}.get(kind, (0.1, 0.5))
    calm = (
        stage.random.uniform(0.1, 0.5)
        if kind in (MOTTLED, UPRIGHT_STRIPES, STRIPES)
        else stage.random.uniform(0.4, 1)
    )
    return stage.surface(
        kind=kind, scale_m=stage.random.uniform(*scale), colour=stage.tone(0.1, 0.85), strength=calm, light=NO_SHADOW
    )


def _floor_surface(stage: Stage, family: str) -> int:
    wet = family in ("kitchen", "bathroom", "hall", "workshop", "shop")
    kind = int(stage.random.choice([TILES, TILES, MOTTLED] if wet else [PLANKS, PLANKS, MOTTLED, TILES, 0]))
    scale = {TILES: (0.2, 0.6), PLANKS: (0.1, 0.22)}.get(kind, (0.05, 0.4))
    return stage.surface(
        kind=kind, scale_m=stage.random.uniform(*scale), colour=stage.tone(0.04, 0.7), gloss=0.05,
        strength=stage.random.uniform(0.3, 0.9),
    )  # fmt: skip


def _decorate(stage: Stage, left: float, right: float, back: float, ceiling: float, family: str) -> None:
    """Hang windows, pictures, doors and shelves on the back wall, at most one each in a stretch of it."""
    u = stage.random.uniform
    x = left + u(0.1, 0.6)
    while x < right - 0.5:
        wide = u(0.5, 1.6)
        end = min(x + wide, right - 0.05)
        kind = stage.random.choice(
            ["window", "picture", "door", "shelf", "cupboard", "curtain", "nothing"],
            p=[0.16, 0.2, 0.12, 0.13, 0.12, 0.05, 0.22] if family not in ("library", "shop") else
            [0.05, 0.1, 0.05, 0.65, 0.1, 0.0, 0.05],
        )  # fmt: skip
        y = back - 0.03
        frame = stage.surface()
        if kind == "window":
            low, high = u(0.7, 1.1), u(1.8, min(ceiling - 0.1, 2.4))
            pane = stage.surface(light=u(0.5, 2.5), kind=MOTTLED, scale_m=u(0.1, 0.5), colour=stage.tone(0.1, 0.9))
            stage.add(wall((x, y), (end, y), low, high, stage.tone(0.4, 0.9), pane))
            colour = stage.tone(0.1, 0.8)
            for fx in np.linspace(x, end, int(stage.random.integers(2, 4))):
                stage.add(box((fx - 0.03, y - 0.04, low), (fx + 0.03, y, high), colour, frame))
            for fz in (low, high, (low + high) / 2):
                stage.add(box((x, y - 0.04, fz - 0.03), (end, y, fz + 0.03), colour, frame))
        elif kind == "picture":
            low, tall = u(1.0, 1.5), u(0.3, 0.8)
            stage.add(box((x, y - 0.03, low), (end, y, low + tall), stage.tone(0.02, 0.6), frame))
            art = stage.surface(kind=PICTURE, scale_m=u(0.2, 0.7), colour=stage.tone(0.05, 0.9))
            stage.add(
                wall(
                    (x + 0.05, y - 0.04),
                    (end - 0.05, y - 0.04),
                    low + 0.05,
                    low + tall - 0.05,
                    stage.tone(0.05, 0.9),
                    art,
                )
            )
        elif kind == "door":
            end = x + 0.9
            stage.add(box((x, y - 0.05, 0), (end, y, 2.05), stage.tone(0.05, 0.8), frame))
            panel = stage.tone(0.05, 0.8)
            stage.add(box((x + 0.07, y - 0.07, 0), (end - 0.07, y, 1.98), panel, frame))
            for low in (0.2, 1.1):
                stage.add(box((x + 0.2, y - 0.08, low), (end - 0.2, y, low + 0.7), panel * 0.8, frame))
        elif kind == "shelf":
            books = stage.surface(
                kind=BOOKS,
                scale_m=u(0.25, 0.38),
                colour=stage.tone(0.3, 0.8) if u(0, 1) < 0.3 else stage.tone(0.02, 0.3),
                strength=u(0.6, 1),
            )
            low = 0.0 if u(0, 1) < 0.6 else 1.1
            stage.add(box((x, back - u(0.2, 0.4), low), (end, back, u(1.6, 2.3)), stage.tone(0.1, 0.7), books))
        elif kind == "cupboard":
            deep, top = u(0.3, 0.6), u(0.8, 2.2)
            stage.add(box((x, back - deep, 0), (end, back, top), stage.tone(0.05, 0.8), frame))
            stage.add(
                box(
                    ((x + end) / 2 - 0.008, back - deep - 0.01, 0.05),
                    ((x + end) / 2 + 0.008, back, top - 0.05),
                    stage.tone(0.02, 0.2),
                    frame,
                )
            )
        elif kind == "curtain":
            folds = stage.surface(
                kind=UPRIGHT_STRIPES,
                scale_m=u(0.08, 0.2),
                colour=stage.tone(0.1, 0.7),
                strength=0.4,
                bump=0.6,
                bump_m=0.08,
            )
            stage.add(wall((x, back - 0.1), (end, back - 0.1), 0.05, 2.3, stage.tone(0.1, 0.8), folds))
        x = end + u(0.1, 0.9)


def build_room(stage: Stage, family: str, left: float, right: float, front: float, back: float) -> Light:
    """Build a room from x `left` to `right` and y `front` (behind the camera) to `back`; give its light."""
    u = stage.random.uniform
    ceiling = u(2.35, 3.2)
    stage.add(floor((left, front), (right, back), 0.0, stage.tone(0.06, 0.6), _floor_surface(stage, family)))
    surface, colour = _wall_surface(stage, family), stage.tone(0.12, 0.85)
    for start, end in (((left, back), (right, back)), ((left, front), (left, back)), ((right, front), (right, back)),
                       ((left, front), (right, front))):  # fmt: skip
        stage.add(wall(start, end, 0, ceiling, colour, surface))
    above = stage.surface(light=NO_SHADOW)
    stage.add(floor((left, front), (right, back), ceiling, stage.tone(0.5, 0.9, 0.05), above))
    skirting = stage.surface()
    stage.add(box((left, back - 0.02, 0), (right, back, 0.1), stage.tone(0.1, 0.9), skirting))
    if family == "plain_wall":
        if u(0, 1) < 0.3:
            stage.add(
                tube(
                    (u(left, right), back - 0.3, 0),
                    (u(left, right), back - 0.3, ceiling),
                    0.05,
                    0.05,
                    colour * 0.6,
                    skirting,
                )
            )
    else:
        _decorate(stage, left, right, back, ceiling, family)
        categories = CATEGORIES[family]
        for _ in range(int(stage.random.integers(2, 7))):
            model = stage.pick(lambda m: (m.category in categories or m.category == "Lights") and longest(m) > 0.35)
            if model is not None:
                size = size_of(model)
                x = u(left + 0.3, right - 0.3)
                where = (x, back - size[1] / 2 - 0.05, 0.0)
                if u(0, 1) < 0.3:
                    x = left + size[0] / 2 if u(0, 1) < 0.5 else right - size[0] / 2
                    where = (x, u(back * 0.2, back - 0.5), 0.0)
                if np.hypot(where[0], where[1]) > 0.5 + 0.5 * size[:2].max():
                    stage.add_model(model, where, u(-0.3, 0.3) + np.pi * stage.random.choice([0, 0, 0, 0.5, 1]))
    return choose_room_light(stage.random)


def choose_room_light(random: np.random.Generator) -> Light:
    """Draw how a room is lit: by a window at the side, lamps above, or a flash."""
    u = random.uniform
    kind = random.choice(["window", "lamps", "dim", "flash"], p=[0.38, 0.42, 0.1, 0.1])
    side = random.choice([-1.0, 1.0])
    direction: Any = np.array([side * u(0.4, 1.2), u(-1.0, 0.5), u(0.4, 1.0)])
    if kind == "lamps":
        direction = np.array([u(-0.5, 0.5), u(-0.7, 0.3), 1.0])
    warm = np.array([1.0, u(0.8, 1.0), u(0.6, 1.0)])
    strong = {"window": u(0.7, 1.8), "lamps": u(0.4, 1.0), "dim": u(0.2, 0.5), "flash": u(0.05, 0.3)}[kind]
    sky = {"window": u(0.3, 0.6), "lamps": u(0.45, 0.8), "dim": u(0.1, 0.3), "flash": u(0.08, 0.3)}[kind]
    flash = u(1.5, 5) if kind == "flash" else 0.0
    return Light(
        direction / np.linalg.norm(direction), strong * warm, sky * warm[::-1], sky * u(0.5, 0.9) * warm, flash,
        u(1.0, 4.0), 0.0, -1.0, u(0, 50),
    )  # fmt: skip
