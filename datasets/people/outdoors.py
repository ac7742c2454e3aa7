"""Places under the sky: ground, houses, trees, hedges, fences and vehicles around a subject at the origin."""

from __future__ import annotations

from typing import Any

import numpy as np
from materials import BRICKS, LEAVES, MOTTLED, PLANKS, STRIPES, TILES, WINDOWS
from shading import Light
from shapes import blob, box, floor, tube, wall
from stage import Stage, longest, size_of

FAMILIES = ("street", "garden", "park", "field", "facade", "shore", "car_park", "forest")
VALIDATION_ONLY = ("yard",)
TEST_ONLY = ("snow", "court")
GREEN, EARTH, STONE, SAND = (
    np.array([0.55, 1.0, 0.35]), np.array([1.15, 0.95, 0.7]), np.array([1.0, 1.0, 1.0]), np.array([1.1, 1.0, 0.8]),
)  # fmt: skip


def _ground(stage: Stage, tint: Any, low: float, high: float, scale: tuple[float, float]) -> None:
    tone = stage.random.uniform(low, high)
    surface = stage.surface(
        kind=MOTTLED, scale_m=stage.random.uniform(*scale), strength=stage.random.uniform(0.2, 0.8),
        colour=np.clip(tone * tint * stage.random.uniform(0.6, 1.4), 0, 0.9), bump=0.2, bump_m=0.1,
    )  # fmt: skip
    stage.add(floor((-60, -30), (60, 90), 0.0, np.clip(tone * tint, 0.01, 0.9), surface))


def add_tree(stage: Stage, x: float, y: float) -> None:
    """Grow a tree: a trunk, and lumps of leaves that one sees through in places."""
    u = stage.random.uniform
    tall, thick = u(3.5, 10), u(0.08, 0.3)
    bark = stage.surface(kind=MOTTLED, scale_m=0.08, colour=stage.tone(0.02, 0.2), bump=0.5, bump_m=0.05)
    stage.add(
        tube(
            (x, y, -0.1), (x + u(-0.4, 0.4), y, tall * 0.7), thick, thick * 0.5, stage.tone(0.03, 0.25) * EARTH, bark
        )
    )
    colour = stage.tone(0.03, 0.2) * GREEN
    leaves = stage.surface(
        kind=LEAVES, scale_m=u(0.12, 0.4), colour=colour * 0.25, gaps=stage.bump() + 1, softness=0.3
    )
    for _ in range(int(stage.random.integers(2, 5))):
        wide = u(0.2, 0.36) * tall
        middle = (x + u(-0.22, 0.22) * tall, y + u(-0.2, 0.2) * tall, tall * u(0.6, 0.95))
        stage.add(blob(middle, (wide, wide, wide * u(0.6, 1)), colour, leaves, 0.5, stage.random))


def add_hedge(stage: Stage, y: float, bare: bool = False) -> None:
    """Plant a hedge or a row of bushes across."""
    u = stage.random.uniform
    colour = stage.tone(0.02, 0.16) * (EARTH if bare else GREEN)
    leaves = stage.surface(kind=LEAVES, scale_m=u(0.08, 0.35), colour=colour * u(0.2, 0.5), gaps=stage.bump() + 1)
    solid = stage.surface(kind=LEAVES, scale_m=u(0.08, 0.35), colour=colour * 0.2)
    tall = u(0.7, 3.0)
    stage.add(wall((-25, y + 0.5), (25, y + 0.5), -0.1, tall * 0.9, colour, solid))
    for x in np.arange(-14, 14, u(1.0, 2.4)):
        stage.add(
            blob(
                (x + u(-0.3, 0.3), y, tall * 0.45),
                (u(0.8, 1.5), 0.6, tall * u(0.45, 0.7)),
                colour,
                leaves,
                0.4,
                stage.random,
                7,
            )
        )


def add_house(stage: Stage, x0: float, x1: float, y: float, deep: float = 8.0) -> None:
    """Put up a house whose front is at `y`, with windows, and a door or a shop window."""
    u = stage.random.uniform
    tall = u(3.5, 14)
    storey = u(2.6, 3.4)
    kind = int(stage.random.choice([WINDOWS, WINDOWS, WINDOWS, BRICKS]))
    colour = stage.tone(0.08, 0.75)
    scale = storey if kind == WINDOWS else 0.09
    front = stage.surface(kind=kind, scale_m=scale, colour=stage.tone(0.02, 0.2), strength=u(0.7, 1))
    stage.add(box((x0, y, 0), (x1, y + deep, tall), colour, front))
    plain = stage.surface()
    for _ in range(int(stage.random.integers(1, 4))):
        x, wide = u(x0, x1), u(0.9, 3)
        stage.add(box((x, y - 0.06, 0), (x + wide, y, u(2.1, 2.8)), stage.tone(0.02, 0.6), plain))
        stage.add(
            box(
                (x + 0.1, y - 0.09, u(0.05, 0.8)),
                (x + wide - 0.1, y, 2.0),
                stage.tone(0.02, 0.4),
                stage.surface(gloss=0.3, kind=MOTTLED, scale_m=u(0.2, 1), colour=stage.tone(0.05, 0.6)),
            )
        )
    if u(0, 1) < 0.6:
        stage.add(box((x0, y - 0.1, storey * 0.95), (x1, y, storey), colour * 0.7, plain))


def add_fence(stage: Stage, y: float) -> None:
    """Put up a fence of rails or boards."""
    u = stage.random.uniform
    tall, gap, colour = u(0.8, 1.9), u(0.12, 0.5), stage.tone(0.03, 0.7)
    plain = stage.surface()
    for x in np.arange(-8, 8, gap):
        stage.add(box((x, y, 0), (x + gap * u(0.15, 0.6), y + 0.04, tall), colour, plain))
    for z in (0.15, tall * 0.9):
        stage.add(box((-8, y - 0.02, z), (8, y + 0.06, z + 0.06), colour, plain))


def add_vehicles(stage: Stage, y: float, count: int) -> None:
    """Park vehicles in a row across."""
    x = stage.random.uniform(-5, -2)
    for _ in range(count):
        model = stage.pick(lambda m: m.category == "Vehicles")
        if model is None:
            return
        size = size_of(model)
        turn = np.pi / 2 * stage.random.choice([-1, 1]) if size[1] > size[0] else np.pi * stage.random.choice([0, 1])
        stage.add_model(model, (x, y + stage.random.uniform(0, 1), 0), turn + stage.random.normal(0, 0.1), dye=0.8)
        x += size[:2].max() + stage.random.uniform(0.4, 2.5)


def add_things(stage: Stage, count: int, near: float, far: float) -> None:
    """Put things of gardens and streets about."""
    for _ in range(count):
        model = stage.pick(lambda m: m.category == "Exterior" and longest(m) > 0.4)
        if model is not None:
            x, y = stage.random.uniform(-4, 4), stage.random.uniform(near, far)
            stage.add_model(model, (x, y, 0), stage.random.uniform(0, 6.28))


def build_place(stage: Stage, family: str, behind: float) -> Light:
    """Build a place whose nearest big things are `behind` metres behind the subject; give its light."""
    u, integers = stage.random.uniform, stage.random.integers
    light = choose_day(stage.random)
    green = {"garden", "park", "field", "forest", "court"}
    if family in green:
        _ground(stage, GREEN if family != "forest" else EARTH, 0.06, 0.26, (0.1, 0.9))
    elif family == "shore":
        _ground(stage, SAND, 0.2, 0.55, (0.2, 1.5))
        sea = stage.surface(
            kind=STRIPES,
            scale_m=u(0.4, 1.5),
            colour=stage.tone(0.1, 0.5),
            strength=0.35,
            bump=0.5,
            bump_m=0.3,
            gloss=0.2,
        )
        stage.add(floor((-90, behind + 2), (90, 200), 0.04, stage.tone(0.06, 0.4), sea))
    elif family == "snow":
        _ground(stage, STONE, 0.65, 0.9, (0.5, 3))
    else:
        _ground(stage, STONE, 0.08, 0.35, (0.05, 0.4))
    if family == "street":
        kerb = stage.surface(kind=TILES, scale_m=u(0.3, 0.8), colour=stage.tone(0.05, 0.3), strength=0.6)
        stage.add(box((-60, behind * 0.7, -0.1), (60, behind * 0.7 + 3, 0.12), stage.tone(0.15, 0.5), kerb))
        x = -22.0
        while x < 22:
            wide = u(5, 14)
            add_house(stage, x, x + wide, behind + u(2, 3))
            x += wide + (u(0, 3) if u(0, 1) < 0.4 else 0)
        if u(0, 1) < 0.75:
            add_vehicles(stage, max(1.6, behind * u(0.4, 0.9)), int(integers(1, 4)))
        add_things(stage, int(integers(0, 3)), 0.8, behind)
    elif family in ("garden", "yard"):
        if u(0, 1) < 0.5:
            add_fence(stage, behind)
        else:
            add_hedge(stage, behind)
        if u(0, 1) < 0.5:
            add_house(stage, u(-14, -2), u(2, 14), behind + u(2, 8))
        add_things(stage, int(integers(1, 5)), 0.6, behind)
    elif family == "facade":
        surface = stage.surface(
            kind=int(stage.random.choice([BRICKS, PLANKS, MOTTLED, TILES])),
            scale_m=u(0.08, 0.4),
            colour=stage.tone(0.1, 0.6),
            strength=u(0.3, 0.9),
        )
        stage.add(wall((-25, behind), (25, behind), 0, u(3, 9), stage.tone(0.08, 0.7), surface))
        add_house(stage, u(-6, 0), u(1, 7), behind - 0.05)
        add_things(stage, int(integers(0, 3)), 0.6, behind)
    elif family == "car_park":
        add_vehicles(stage, behind * u(0.5, 1), int(integers(2, 5)))
        if u(0, 1) < 0.6:
            add_house(stage, -20, 20, behind + u(4, 15))
    elif family == "court":
        line = stage.surface()
        for k in range(3):
            stage.add(floor((-12, k * 2.5 - 1), (12, k * 2.5 - 0.92), 0.01, (0.8, 0.8, 0.8), line))
        add_fence(stage, behind + 1)
    trees = {
        "park": (1, 6),
        "forest": (6, 14),
        "garden": (0, 3),
        "field": (0, 3),
        "street": (0, 2),
        "snow": (1, 6),
        "court": (1, 4),
    }
    if family in trees:
        for _ in range(int(integers(*trees[family]))):
            add_tree(stage, u(-9, 9), behind + u(0, 10 if family == "forest" else 16))
    if family in ("park", "field", "snow", "court", "forest", "shore") and u(0, 1) < 0.6:
        _skyline(stage, behind + u(18, 60))
    return light


def _skyline(stage: Stage, y: float) -> None:
    u = stage.random.uniform
    colour = stage.tone(0.04, 0.14) * GREEN
    leaves = stage.surface(kind=LEAVES, scale_m=u(0.5, 1.5), colour=colour * 0.4)
    for x in np.arange(-60, 60, u(5, 11)):
        tall = u(2, 8)
        stage.add(blob((x, y, tall * 0.3), (u(5, 9), 3, tall), colour, leaves, 0.4, stage.random, 6))


def choose_day(random: np.random.Generator) -> Light:
    """Draw sun or cloud, where the sun stands, haze, and now and then night with a flash."""
    u = random.uniform
    angle, height = u(0, 2 * np.pi), np.radians(u(15, 70))
    to_sun = np.array([np.cos(angle) * np.cos(height), np.sin(angle) * np.cos(height) * 0.9 - 0.2, np.sin(height)])
    kind = random.choice(["sun", "veil", "overcast", "night"], p=[0.45, 0.2, 0.29, 0.06])
    blue = np.array([u(0.6, 1.0), u(0.85, 1.0), 1.15])
    sun = {"sun": u(1.5, 3.0), "veil": u(0.7, 1.4), "overcast": u(0.05, 0.3), "night": 0.05}[kind]
    sky = {"sun": u(0.4, 0.8), "veil": u(0.6, 0.9), "overcast": u(0.7, 1.1), "night": u(0.02, 0.08)}[kind]
    clouds = {"sun": u(0, 0.7), "veil": u(0.3, 1), "overcast": u(0.7, 1), "night": 0.0}[kind]
    return Light(
        to_sun / np.linalg.norm(to_sun), sun * np.array([1.05, 1.0, u(0.8, 0.95)]), sky * blue,
        (0.25 * sky + 0.12 * sun) * np.ones(3), u(2, 6) if kind == "night" else 0.0, u(0.7, 2.5),
        u(0, 0.01) if random.random() < 0.7 else u(0.01, 0.05), clouds, u(0, 50),
    )  # fmt: skip
