"""Dress bodies: clothes as coloured and thickened skin, skirts, shoes, hair, hats and the marks of a face."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from materials import BLOBS, PLAID, PLAIN, STRIPES, UPRIGHT_STRIPES, material
from noise import fractal3
from numba import njit
from numpy.typing import NDArray

GREY = np.array([0.30, 0.59, 0.11])
BODY, LEFT_EYE, RIGHT_EYE, SKIRT, HAIR = range(5)


class Regions(NamedTuple):
    """Where each vertex of a body is: along an arm (0 shoulder, 1 elbow, 2 wrist; -1 elsewhere), along a leg, …"""

    arm: NDArray[np.float32]
    leg: NDArray[np.float32]
    height: NDArray[np.float32]  # of the trunk: 0 at the hips, 1 at the neck; -1 elsewhere
    head: NDArray[np.bool_]
    face: NDArray[np.float32]  # (n, 3): across, back and up from between the eyes, in distances of the eyes


class Outfit(NamedTuple):
    """A dressed body at rest: moved points, reflectance, which material each triangle has, and two means."""

    points: NDArray[np.float32]
    colours: NDArray[np.float32]
    faces: NDArray[np.int32]
    materials: NDArray[np.int32]  # 0 skin, 1 upper, 2 lower, 3 shoes, 4 hair, 5 hat
    table: NDArray[np.float32]
    skin: float
    clothes: float


def _along(points: NDArray[Any], start: NDArray[Any], end: NDArray[Any]) -> NDArray[np.float32]:
    line = end - start
    return ((points - start) @ line / (line @ line)).astype(np.float32)


def find_regions(points: NDArray[Any], heads: NDArray[Any], names: list[str], strongest: NDArray[Any]) -> Regions:
    """Find where each vertex of a body at rest is, from the bone that moves it most."""
    at = {name: index for index, name in enumerate(names)}
    arm, leg = np.full(len(points), -1, np.float32), np.full(len(points), -1, np.float32)
    for side in "LR":
        upper_arm, elbow, wrist = (heads[at[f"{b}.{side}"]] for b in ("upperarm01", "lowerarm01", "wrist"))
        hip, knee, ankle = (heads[at[f"{b}.{side}"]] for b in ("upperleg01", "lowerleg01", "foot"))
        for bone, index in at.items():
            if not bone.endswith(side):
                continue
            here = strongest == index
            if bone.startswith(("upperarm", "shoulder")):
                arm[here] = np.clip(_along(points[here], upper_arm, elbow), 0, 1)
            elif bone.startswith("lowerarm"):
                arm[here] = 1 + np.clip(_along(points[here], elbow, wrist), 0, 1)
            elif bone.startswith(("wrist", "finger", "metacarpal")):
                arm[here] = 2.2
            elif bone.startswith("upperleg"):
                leg[here] = np.clip(_along(points[here], hip, knee), 0, 1)
            elif bone.startswith("lowerleg"):
                leg[here] = 1 + np.clip(_along(points[here], knee, ankle), 0, 1)
            elif bone.startswith(("foot", "toe")):
                leg[here] = 2.2
    head = np.isin(strongest, [at[name] for name in ("head", "neck03", "eye.L", "eye.R")])
    low, high = heads[at["upperleg01.L"]][2], heads[at["neck01"]][2]
    height = np.where((arm < 0) & (leg < 0) & ~head, (points[:, 2] - low) / (high - low), -1).astype(np.float32)
    left, right = heads[at["eye.L"]], heads[at["eye.R"]]
    face = (points - (left + right) / 2) / np.linalg.norm(left - right)
    return Regions(arm, leg, height, head, face.astype(np.float32))


def choose_colour(random: np.random.Generator) -> NDArray[np.float64]:
    """Draw a cloth's reflectance: from black to white, often with little colour."""
    tone = float(np.exp(random.uniform(np.log(0.02), np.log(0.85))))
    tint = random.dirichlet([2.0, 2.0, 2.0]) * 3
    colour = tone * (1 + random.choice([0.08, 0.25, 0.7], p=[0.5, 0.35, 0.15]) * (tint - 1))
    return np.clip(colour, 0.012, 0.9)


def choose_skin(random: np.random.Generator) -> NDArray[np.float64]:
    """Draw skin, evenly from very dark to very light, whatever else the body is."""
    tone = random.uniform(0.04, 0.56)
    share = (tone - 0.04) / 0.52
    hue = (1 - share) * np.array([1.45, 0.9, 0.62]) + share * np.array([1.25, 0.95, 0.8])
    return np.clip(hue / (hue @ GREY) * tone, 0.01, 0.95)


def cloth(
    random: np.random.Generator, folds: float, skin: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Draw a cloth that nobody takes for skin: its colour and its material."""
    first, second = choose_colour(random), choose_colour(random)
    while abs(np.log((first @ GREY) / (skin @ GREY))) < 0.4:
        first = choose_colour(random)
    kind = int(random.choice([PLAIN, STRIPES, UPRIGHT_STRIPES, PLAID, BLOBS], p=[0.62, 0.09, 0.06, 0.13, 0.10]))
    scale = {STRIPES: (0.03, 0.12), UPRIGHT_STRIPES: (0.02, 0.08), PLAID: (0.04, 0.14)}.get(kind, (0.05, 0.25))
    return first, material(
        kind, scale_m=float(random.uniform(*scale)), colour=second, strength=float(random.uniform(0.5, 1)),
        bump=folds * float(random.uniform(0.5, 1.2)), bump_m=float(random.uniform(0.05, 0.11)), softness=0.15,
        seed=float(random.uniform(0, 90)),
    )  # fmt: skip


@njit(cache=True)
def _rough(points: Any, size_m: float, seed: float) -> Any:
    values = np.empty(len(points), np.float32)
    for i in range(len(points)):
        values[i] = fractal3(points[i, 0] / size_m + seed, points[i, 1] / size_m, points[i, 2] / size_m, 2) - 0.5
    return values


@njit(cache=True)
def _drape(points: Any, faces: Any, share: Any, rounds: int) -> Any:
    """Even points out by a share (n,) of what their neighbours say: cloth bridges what skin follows."""
    draped = points.copy()
    for _ in range(rounds):
        total, count = np.zeros(points.shape, np.float32), np.zeros(len(points), np.float32)
        for f in range(len(faces)):
            for k in range(3):
                i, j = faces[f, k], faces[f, (k + 1) % 3]
                count[i] += 1
                count[j] += 1
                for axis in range(3):
                    total[i, axis] += draped[j, axis]
                    total[j, axis] += draped[i, axis]
        for i in range(len(points)):
            if share[i] > 0 and count[i] > 0:
                for axis in range(3):
                    draped[i, axis] += share[i] * (total[i, axis] / count[i] - draped[i, axis])
    return draped


def _paint_face(
    colours: NDArray[Any], regions: Regions, skin: NDArray[Any], hair: NDArray[Any], man: bool,
    random: np.random.Generator,
) -> None:  # fmt: skip
    across, back, up = regions.face.T
    front = regions.head & (back < 0.75)
    x = np.abs(across)

    def blend(where: NDArray[Any], colour: NDArray[Any], share: float) -> None:
        colours[where] += share * (colour - colours[where])

    blend(front & (((x - 0.5) / 0.42) ** 2 + ((up - 0.02) / 0.3) ** 2 < 1), 0.5 * skin, 0.55)  # sockets
    brow = front & (x > 0.18) & (x < 0.88) & (np.abs(up - 0.38 + 0.12 * (x - 0.5) ** 2) < 0.11)
    blend(brow, hair, float(random.uniform(0.4, 0.9)))
    lips = front & ((across / 0.42) ** 2 + ((up + 1.17) / 0.15) ** 2 < 1)
    blend(lips, skin * np.array([0.75, 0.4, 0.42]), float(random.uniform(0.3, 0.9)))
    blend(front & ((x - 0.1) ** 2 + (up + 0.78) ** 2 < 0.012), 0.2 * skin, 0.7)  # nostrils
    if man and random.random() < 0.35:
        jaw = regions.head & (up < -0.72 - 0.25 * (x < 0.55)) & (up > -2.1) & (back < 1.25) & ~lips
        jaw |= front & (np.abs(up + 0.93) < 0.1) & (x < 0.4)
        blend(jaw, hair, float(random.uniform(0.35, 0.95)))
    if random.random() < 0.07:
        blend(front & (((x - 0.5) / 0.42) ** 2 + ((up - 0.02) / 0.34) ** 2 < 1), np.array([0.02, 0.02, 0.02]), 0.95)


def dress(
    points: NDArray[Any], normals: NDArray[Any], regions: Regions, faces: NDArray[Any], groups: NDArray[Any],
    parameters: dict[str, float], random: np.random.Generator,
) -> Outfit:  # fmt: skip
    """Dress a body at rest; `points` (n, 3) in metres. Everybody wears something on trunk and hips."""
    man, elder, child = parameters["gender"] < 0.5, parameters["age"] > 0.84, parameters["age"] < 0.52
    skin = choose_skin(random)
    old_tone = random.uniform(0.3, 0.75) if elder and random.random() < 0.8 else None
    hair_tone = old_tone or float(np.exp(random.uniform(np.log(0.012), np.log(0.4))))
    hair = np.clip(hair_tone * np.array([1.15, 0.98, 0.85] if hair_tone < 0.3 else [1.03, 1, 0.95]), 0.01, 0.8)
    colours = np.tile(skin, (len(points), 1)).astype(np.float32)
    kinds = np.zeros(len(points), np.int32)
    thick = np.zeros(len(points), np.float32)
    arm, leg, height = regions.arm, regions.leg, regions.height
    heavy = random.random() < 0.35  # a jacket or coat
    sleeve = float(random.uniform(1.7, 2.0) if heavy or random.random() < 0.45 else random.uniform(0.35, 0.95))
    if not heavy and random.random() < 0.12:
        sleeve = -0.01
    skirted = not man and random.random() < 0.4
    robe = random.random() < 0.04
    trousers = float(random.uniform(0.55, 1.05) if random.random() < (0.35 if child else 0.22) else 1.95)
    if skirted and not robe:
        trousers = 0.35 if random.random() < 0.7 else 1.95
    waist, neckline = float(random.uniform(0.05, 0.4)), float(random.uniform(0.93, 1.06))
    upper_colour, upper_cloth = cloth(random, 0.55, skin)
    lower_colour, lower_cloth = cloth(random, 0.35, skin)
    if random.random() < 0.75:
        lower_cloth[0] = PLAIN
    if robe or (skirted and random.random() < 0.5) or random.random() < 0.05:  # a dress, or one suit
        lower_colour, lower_cloth = upper_colour, upper_cloth
    trunk = height > -1
    near = np.clip(1 - np.abs(regions.face[:, 0]) / random.uniform(1.0, 2.2), 0, 1)
    low_neck = neckline - (0.3 * random.random() if not heavy else 0) * near * (normals[:, 1] < 0.1)
    upper = (trunk & (height >= waist) & (height < low_neck)) | ((arm >= 0) & (arm < sleeve))
    if sleeve > 0:
        upper |= trunk & (height >= waist) & (np.abs(regions.face[:, 0]) > 1.3)
    lower = (trunk & (height < waist)) | ((leg >= 0) & (leg < trousers))
    kinds[upper], kinds[lower] = 1, 2
    thick[upper] = float(random.uniform(0.022, 0.038) if heavy else random.uniform(0.01, 0.024))
    thick[lower] = float(random.uniform(0.008, 0.022))
    thick[upper & (height < waist + 0.15)] *= 1.5
    colours[upper], colours[lower] = upper_colour, lower_colour
    if heavy and random.random() < 0.6:  # open in front
        inner = choose_colour(random)
        if random.random() < 0.4:
            inner = np.full(3, random.uniform(0.6, 0.85))  # a white shirt
        wide = 0.35 + 0.9 * np.clip(height - 0.3, 0, 1)
        front = upper & trunk & (np.abs(regions.face[:, 0]) < wide) & (normals[:, 1] < -0.3)
        colours[front] = inner
        thick[front] *= 0.3
    shoes = leg >= (2.0 if random.random() < 0.85 else 1.4)
    kinds[shoes], thick[shoes] = 3, 0.012
    colours[shoes] = choose_colour(random)
    _, back, up = regions.face.T
    style = random.random()
    long_hair = style < (0.1 if man else 0.55)
    bald = man and not child and style > (0.6 if elder else 0.9)
    line = 1.05 + random.uniform(-0.12, 0.25) - 0.78 * np.maximum(0, back - 0.35)
    scalp = regions.head & (up > np.maximum(line, -1.25)) & (up > -1.3) & ((back > 1.45) | (up > 0.1))
    if bald:
        scalp &= (up < 0.9) & (back > 1.2)
    full = 0.002 if bald else random.uniform(0.006, 0.022) + (random.random() < 0.08) * random.uniform(0.02, 0.06)
    kinds[scalp], colours[scalp] = 4, hair
    thick[scalp] = full * (1 + 1.2 * _rough(points, 0.03, style * 50))[scalp]
    _paint_face(colours, regions, skin, hair, man and not child, random)
    hat = random.random() < 0.16
    if hat:
        cover = regions.head & (up > 0.95 - 0.12 * np.maximum(0, back - 0.5))
        kinds[cover], thick[cover], colours[cover] = 5, float(random.uniform(0.015, 0.03)), choose_colour(random)
        if random.random() < 0.7:  # a peak
            peak = cover & (back < 0.35) & (up < 1.3)
            thick[peak] += 0.05
    covered = np.where((kinds == 1) | (kinds == 2), 0.8, 0).astype(np.float32)
    moved = _drape(points, faces, covered, int(random.integers(8, 22)))
    moved = moved + thick[:, None] * (normals + 0.6 * (_rough(points, 0.09, style * 90) * (kinds > 0))[:, None])
    kept = groups == BODY
    for eye in (LEFT_EYE, RIGHT_EYE):
        kept |= groups == eye
        mine = np.unique(faces[groups == eye])
        out = np.linalg.norm((points[mine] - points[mine].mean(0))[:, [0, 2]], axis=1)
        ahead = points[mine, 1] < points[mine, 1].mean()
        colours[mine] = np.where(((out < 0.0065) & ahead)[:, None], [0.02, 0.015, 0.01], [0.55, 0.53, 0.5])
        kinds[mine] = 0
    robed = np.unique(faces[groups == SKIRT])
    if (skirted and trousers < 1) or robe:
        length = 1.0 if robe else float(random.uniform(0.35, 1.0))
        top, bottom = points[robed, 2].max(), points[robed, 2].min()
        hem = faces[:, 0][(groups == SKIRT) & (points[faces[:, 0], 2] > top - length * (top - bottom) - 1e-3)]
        kept |= (groups == SKIRT) & np.isin(faces[:, 0], hem)
    kinds[robed], colours[robed] = 2, lower_colour
    locks = np.unique(faces[groups == HAIR])
    kinds[locks], colours[locks] = 4, hair
    if long_hair and not bald:
        longest = float(random.uniform(-4.5, -0.8))
        middle = regions.face[faces].mean(axis=1)
        fringe = (middle[:, 1] < 0.55) & (middle[:, 2] < 1.0) & (np.abs(middle[:, 0]) < 1.15)
        kept |= (groups == HAIR) & (middle[:, 2] > longest) & ~fringe
    table = np.stack(
        [
            material(softness=0.25, gloss=0.05, bump=0.05, bump_m=0.02),
            upper_cloth,
            lower_cloth,
            material(gloss=float(random.choice([0.0, 0.1, 0.3]))),
            material(gloss=0.06, bump=0.5, bump_m=0.012, softness=0.1),
            material(bump=0.1, bump_m=0.05),
        ]
    )
    worn = (kinds == 1) | (kinds == 2)
    return Outfit(
        moved.astype(np.float32), np.clip(colours, 0, 0.95).astype(np.float32), faces[kept],
        np.max(kinds[faces[kept]], axis=1).astype(np.int32), table,
        float(skin @ GREY), float((colours[worn] @ GREY).mean()),
    )  # fmt: skip
