"""Poses: directions of limbs by family, and the skeleton that bends a body into them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

# A limb's direction: degrees away from straight down, and degrees from forward (0) to outward (90).
Limb = tuple[float, float]

FAMILIES = {
    "standing": 0.24, "walking": 0.16, "sitting": 0.15, "bending": 0.07, "arms_up": 0.07, "reaching": 0.08,
    "holding": 0.09, "riding": 0.06, "running": 0.08,
}  # fmt: skip
TEST_ONLY = {"kneeling": 0.5, "kicking": 0.5}
TEST_ONLY_SHARE = 0.15


class Pose(NamedTuple):
    """Angles in degrees: limbs of the left and of the right side, trunk, head; `family` names where they are from."""

    family: str
    upper_arms: tuple[Limb, Limb]
    lower_arms: tuple[Limb, Limb]
    upper_legs: tuple[Limb, Limb]
    lower_legs: tuple[Limb, Limb]
    lean: float  # of the pelvis, forward
    bend: float  # of the spine, forward
    twist: float
    sideways: float
    head_turn: float
    head_nod: float
    flat_feet: bool


def choose_family(part: str, random: np.random.Generator) -> str:
    """Choose a pose family; some are in the test part alone."""
    families = TEST_ONLY if part == "test" and random.random() < TEST_ONLY_SHARE else FAMILIES
    chances = np.array(list(families.values()))
    return str(random.choice(list(families), p=chances / chances.sum()))


def _calm_arm(random: np.random.Generator) -> tuple[Limb, Limb]:
    kind = random.random()
    if kind < 0.5:  # hanging
        return (random.uniform(5, 20), random.uniform(50, 130)), (random.uniform(5, 40), random.uniform(-20, 40))
    if kind < 0.62:  # on the hip
        return (random.uniform(35, 50), random.uniform(95, 120)), (random.uniform(45, 70), random.uniform(-100, -70))
    if kind < 0.76:  # folded
        return (random.uniform(15, 30), random.uniform(30, 60)), (random.uniform(75, 100), random.uniform(-75, -45))
    if kind < 0.88:  # at the face, with a telephone
        return (random.uniform(20, 50), random.uniform(20, 70)), (random.uniform(140, 165), random.uniform(-60, 0))
    return (random.uniform(10, 40), random.uniform(0, 60)), (random.uniform(50, 110), random.uniform(-50, 30))


def make_pose(family: str, random: np.random.Generator) -> Pose:
    """Draw a pose of a family."""
    u = random.uniform
    arms = [_calm_arm(random), _calm_arm(random)]
    legs: list[tuple[Limb, Limb]] = [((u(0, 8), u(60, 120)), (u(0, 6), u(60, 180))) for _ in range(2)]
    lean, bend, flat = u(-3, 5), u(-4, 10), True
    if family == "walking":
        front, back = u(12, 32), u(8, 28)
        legs = [((front, 5.0), (u(-8, front * 0.6), 0.0)), ((-back, 5.0), (-back - u(5, 35), 0.0))]
        if random.random() < 0.6:
            arms = [((-u(10, 30), 15.0), (-u(-15, 10), 0.0)), ((u(10, 35), 15.0), (u(25, 60), 0.0))]
    elif family == "running":
        front, back = u(40, 75), u(15, 35)
        legs = [((front, 5.0), (u(-40, 10), 0.0)), ((-back, 5.0), (-back - u(30, 80), 0.0))]
        arms = [((-u(25, 55), 20.0), (u(30, 60), 0.0)), ((u(20, 50), 20.0), (u(95, 130), -15.0))]
        lean, bend, flat = u(5, 20), u(0, 12), False
    elif family == "sitting":
        legs = [((u(76, 98), u(-5, 25)), (u(-15, 25), u(-20, 20))) for _ in range(2)]
        arms = [((u(10, 45), u(0, 50)), (u(50, 105), u(-55, 10))) if random.random() < 0.7 else arm for arm in arms]
        lean, bend = u(-18, 12), u(0, 25)
    elif family == "bending":
        lean, bend = u(15, 50), u(20, 55)
        legs = [((u(5, 40), 10.0), (u(-25, 5), 0.0)) for _ in range(2)]
        arms = [((u(20, 90), u(0, 40)), (u(20, 100), u(-40, 10))) for _ in range(2)]
    elif family == "arms_up":
        arms = [((u(100, 172), u(20, 100)), (u(125, 178), u(-30, 60))) for _ in range(2)]
        if random.random() < 0.4:
            arms[int(random.integers(2))] = _calm_arm(random)
    elif family == "reaching":
        arms = [((u(55, 115), u(-10, 60)), (u(65, 120), u(-25, 40))), _calm_arm(random)]
        if random.random() < 0.5:
            arms[1] = ((u(55, 110), u(-10, 50)), (u(65, 115), u(-25, 30)))
        lean = u(-3, 20)
    elif family == "holding":
        up, inward = u(75, 115), u(-35, -5)
        arms = [((u(10, 35), u(10, 60)), (up + u(-8, 8), inward)) for _ in range(2)]
    elif family == "riding":
        lean, bend, flat = u(10, 40), u(5, 25), False
        legs = [((u(50, 90), u(5, 25)), (u(-20, 15), 0.0)), ((u(25, 70), u(5, 25)), (u(-35, 5), 0.0))]
        arms = [((u(45, 75), u(5, 30)), (u(60, 90), u(-20, 5))) for _ in range(2)]
    elif family == "kneeling":
        legs = [((u(60, 100), 15.0), (u(-20, 10), 0.0)), ((u(-10, 30), 10.0), (-u(80, 100), 0.0))]
        bend, flat = u(5, 30), False
    elif family == "kicking":
        legs = [((u(40, 80), 5.0), (u(30, 80), 0.0)), ((-u(0, 20), 10.0), (-u(5, 30), 0.0))]
        arms = [((u(30, 70), u(60, 130)), (u(30, 90), u(20, 80))) for _ in range(2)]
        lean, flat = u(-20, 5), False
    sides = [arms[0], arms[1]], [legs[0], legs[1]]
    if random.random() < 0.5:
        sides = [arms[1], arms[0]], [legs[1], legs[0]]
    (a, b), (c, d) = sides
    return Pose(
        family, (a[0], b[0]), (a[1], b[1]), (c[0], d[0]), (c[1], d[1]), lean, bend, u(-18, 18), u(-6, 6),
        float(np.clip(random.normal(0, 25), -65, 65)), u(-12, 22) - 0.3 * (lean + bend), flat,
    )  # fmt: skip


def _turn(axis: str, degrees: float) -> NDArray[np.float64]:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array(
        {
            "x": [[1, 0, 0], [0, c, -s], [0, s, c]],
            "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
            "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
        }[axis]
    )


def _direction(limb: Limb, side: int) -> NDArray[np.float64]:
    away, outward = np.radians(limb)
    return np.array([np.sin(away) * np.sin(outward) * side, -np.sin(away) * np.cos(outward), -np.cos(away)])


def _aim(start: NDArray[np.float64], goal: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b = start / np.linalg.norm(start), goal / np.linalg.norm(goal)
    axis, cosine = np.cross(a, b), float(a @ b)
    if cosine < -0.9999:
        return _turn("x", 180)
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + k + k @ k / (1 + cosine)


def bone_rotations(pose: Pose, names: list[str], parents: NDArray[Any], heads: NDArray[Any]) -> NDArray[np.float64]:
    """Give each bone's rotation from the rest pose to this one (bones, 3, 3), in the body's axes."""
    at = {name: index for index, name in enumerate(names)}
    pelvis = _turn("x", pose.lean) @ _turn("y", pose.sideways)
    chest = pelvis @ _turn("x", pose.bend) @ _turn("z", pose.twist)
    steps = {f"spine0{k}": (5 - k + 1) / 5 for k in range(1, 6)}
    rotations = np.zeros((len(names), 3, 3))
    goals: dict[str, NDArray[np.float64]] = {"root": pelvis}
    for name, share in steps.items():
        goals[name] = pelvis @ _turn("x", pose.bend * share) @ _turn("z", pose.twist * share)
    for name, share in (("neck01", 0.2), ("neck02", 0.4), ("neck03", 0.6), ("head", 1.0)):
        goals[name] = chest @ _turn("z", pose.head_turn * share) @ _turn("x", pose.head_nod * share)
    upright = _turn("z", pose.twist * 0.5)
    for k, (side, sign) in enumerate((("L", 1), ("R", -1))):
        elbow, wrist, shoulder = (heads[at[f"{b}.{side}"]] for b in ("lowerarm01", "wrist", "upperarm01"))
        knee, ankle, hip = (heads[at[f"{b}.{side}"]] for b in ("lowerleg01", "foot", "upperleg01"))
        frame = chest if pose.lean + pose.bend < 45 else upright  # arms hang, however far one bends
        goals[f"upperarm01.{side}"] = frame @ _aim(elbow - shoulder, _direction(pose.upper_arms[k], sign))
        goals[f"lowerarm01.{side}"] = frame @ _aim(wrist - elbow, _direction(pose.lower_arms[k], sign))
        raised = max(0.0, pose.upper_arms[k][0] - 70) * 0.3
        goals[f"shoulder01.{side}"] = chest @ _turn("y", -raised * sign)
        goals[f"upperleg01.{side}"] = _aim(knee - hip, _direction(pose.upper_legs[k], sign))
        goals[f"lowerleg01.{side}"] = _aim(ankle - knee, _direction(pose.lower_legs[k], sign))
        if pose.flat_feet and pose.lower_legs[k][0] > -25:
            goals[f"foot.{side}"] = _turn("z", sign * 8.0)
    for index, name in enumerate(names):
        rotations[index] = goals.get(name, rotations[parents[index]] if parents[index] >= 0 else np.eye(3))
    return rotations


def bone_places(rotations: NDArray[Any], parents: NDArray[Any], heads: NDArray[Any]) -> NDArray[np.float64]:
    """Give where each bone's head goes (bones, 3)."""
    places = np.array(heads, np.float64)
    for index, parent in enumerate(parents):
        if parent >= 0:
            places[index] = places[parent] + rotations[parent] @ (heads[index] - heads[parent])
    return places


@njit(cache=True, fastmath=True)
def bend_body(points: Any, bones: Any, shares: Any, rotations: Any, places: Any, heads: Any) -> Any:
    """Move rest points (n, 3) with the bones that hold them: linear blend skinning."""
    moved = np.zeros(points.shape, np.float32)
    for i in range(len(points)):
        for k in range(bones.shape[1]):
            share = shares[i, k]
            if share < 1e-4:
                continue
            b = bones[i, k]
            x, y, z = points[i, 0] - heads[b, 0], points[i, 1] - heads[b, 1], points[i, 2] - heads[b, 2]
            for axis in range(3):
                turned = rotations[b, axis, 0] * x + rotations[b, axis, 1] * y + rotations[b, axis, 2] * z
                moved[i, axis] += share * (turned + places[b, axis])
    return moved
