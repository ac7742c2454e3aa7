"""What the simulated sensor measures, against mechanics on paper."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tinyml_labs.simulation.imu import BMI270, LSM9DS1, ImuPart, make_part, measure, rotation_matrices

RATE = 476.0
G = 9.80665
TIME = np.arange(round(4 * RATE)) / RATE
STILL = np.zeros((len(TIME), 3))
UNTURNED = np.tile(np.eye(3), (len(TIME), 1, 1))
INSIDE = slice(4, -4)  # differences at the ends are one-sided
BOXES = [
    np.eye(3)[list(order)] * signs
    for order in itertools.permutations(range(3))
    for signs in itertools.product((-1, 1), repeat=3)
    if np.linalg.det(np.eye(3)[list(order)] * signs) > 0
]


def seen(place=STILL, rotations=UNTURNED, shocks=STILL, *, mount=None, lever=(0.0, 0.0, 0.0)) -> np.ndarray:
    return measure(
        place, rotations, shocks, RATE, mount=np.eye(3) if mount is None else mount, lever_m=np.array(lever)
    )


def about_z(angle: np.ndarray) -> np.ndarray:
    """A hand on a turntable."""
    made = np.tile(np.eye(3), (len(angle), 1, 1))
    made[:, 0, 0] = made[:, 1, 1] = np.cos(angle)
    made[:, 1, 0], made[:, 0, 1] = np.sin(angle), -np.sin(angle)
    return made


def random_rotation(random: np.random.Generator) -> np.ndarray:
    """Any rotation at all, by orthogonalization."""
    q, _ = np.linalg.qr(random.normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def product_of_turns(rotation_vectors: np.ndarray) -> np.ndarray:
    """Do small rotations one after the other, each around axes that have turned with the last: with quaternions."""
    w, v = 1.0, np.zeros(3)
    for vector in rotation_vectors:
        angle = np.linalg.norm(vector)
        c, s = np.cos(angle / 2), np.sin(angle / 2) * vector / max(angle, 1e-12)
        w, v = w * c - v @ s, w * s + c * v + np.cross(v, s)
    return np.array(
        [
            [1 - 2 * (v[1] ** 2 + v[2] ** 2), 2 * (v[0] * v[1] - w * v[2]), 2 * (v[0] * v[2] + w * v[1])],
            [2 * (v[0] * v[1] + w * v[2]), 1 - 2 * (v[0] ** 2 + v[2] ** 2), 2 * (v[1] * v[2] - w * v[0])],
            [2 * (v[0] * v[2] - w * v[1]), 2 * (v[1] * v[2] + w * v[0]), 1 - 2 * (v[0] ** 2 + v[1] ** 2)],
        ]
    )


@pytest.mark.parametrize(
    ("angles_deg", "up"),
    [
        ((0, 0, 0), (0, 0, 1)),
        ((90, 0, 0), (0, 1, 0)),  # the hand points up: so does its y
        ((0, 90, 0), (-1, 0, 0)),  # it rolls to the right: its x points down
        ((0, 180, 0), (0, 0, -1)),  # it lies on its back
        ((0, 0, 77), (0, 0, 1)),  # which way it points, gravity does not tell
        ((30, 0, 0), (0, 0.5, 0.75**0.5)),
    ],
)
def test_a_hand_at_rest_feels_1_g_upwards(angles_deg: tuple[float, ...], up: tuple[float, ...]) -> None:
    rotations = rotation_matrices(np.radians(np.tile(np.array(angles_deg, float), (len(TIME), 1))))
    felt = seen(rotations=rotations)
    np.testing.assert_allclose(felt, np.tile((*up, 0, 0, 0), (len(TIME), 1)), atol=1e-9)


def test_at_rest_it_is_1_g_whatever_the_grip_the_mount_and_the_lever() -> None:
    random = np.random.default_rng(0)
    for box in BOXES:
        grip, askew = random_rotation(random), random_rotation(random)
        felt = seen(rotations=np.tile(grip, (len(TIME), 1, 1)), mount=askew @ box, lever=random.normal(0, 0.1, 3))
        np.testing.assert_allclose(np.linalg.norm(felt[:, :3], axis=1), 1, atol=1e-9)
        np.testing.assert_allclose((askew @ box).T @ felt[0, :3], grip[2], atol=1e-9)  # the room's up, in the hand
        np.testing.assert_allclose(felt[:, 3:], 0, atol=1e-9)


def test_a_mount_only_names_the_axes_anew() -> None:
    """x of the hand is y of the sensor, y is z, z is x: acceleration and rotation alike."""
    mount = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    place = 0.1 * np.stack((np.sin(5 * TIME), np.sin(7 * TIME), np.sin(9 * TIME)), axis=1)
    rotations = rotation_matrices(0.5 * np.stack((np.sin(3 * TIME), np.sin(4 * TIME), np.sin(2 * TIME)), axis=1))
    hand, sensor = seen(place, rotations), seen(place, rotations, mount=mount)
    np.testing.assert_allclose(sensor[:, [1, 2, 0, 4, 5, 3]], hand, atol=1e-9)


@pytest.mark.parametrize(("radius_m", "frequency_hz"), [(0.1, 1.0), (0.25, 1.5), (0.05, 4.0)])
def test_a_circle_is_felt_as_its_centripetal_acceleration(radius_m: float, frequency_hz: float) -> None:
    phase = 2 * np.pi * frequency_hz * TIME
    place = radius_m * np.stack((np.cos(phase), 0 * phase, np.sin(phase)), axis=1)
    moving = seen(place)[INSIDE, :3] * G - (0, 0, G)
    expected = radius_m * (2 * np.pi * frequency_hz) ** 2
    np.testing.assert_allclose(np.linalg.norm(moving, axis=1), expected, rtol=2e-3)
    towards_the_middle = -(moving * place[INSIDE]).sum(axis=1) / radius_m
    np.testing.assert_allclose(towards_the_middle, expected, rtol=2e-3)


def test_free_fall_is_felt_as_nothing_and_a_shock_as_itself() -> None:
    falling = np.stack((0 * TIME, 0 * TIME, -G / 2 * TIME**2), axis=1)
    np.testing.assert_allclose(seen(falling)[INSIDE, :3], 0, atol=1e-6)
    shocks = np.tile((0.0, G, G), (len(TIME), 1))
    upright = rotation_matrices(np.tile((np.pi / 2, 0, 0), (len(TIME), 1)))  # its y is up, its z backwards
    np.testing.assert_allclose(seen(rotations=upright, shocks=shocks)[:, :3] - (0, 2, -1), 0, atol=1e-9)


def test_a_turning_hand_throws_the_sensor_outwards() -> None:
    """At constant speed: inwards ω² l, nothing else; while it gathers speed, α l along the way besides."""
    lever, speed = 0.05, 12.0
    felt = seen(rotations=about_z(speed * TIME), lever=(lever, 0, 0))[INSIDE]
    np.testing.assert_allclose(felt[:, 0], -(speed**2) * lever / G, rtol=2e-3)
    np.testing.assert_allclose(felt[:, 1], 0, atol=1e-3)
    np.testing.assert_allclose(felt[:, 2], 1, atol=1e-9)
    np.testing.assert_allclose(felt[:, 3:], np.tile((0, 0, np.degrees(speed)), (len(felt), 1)), rtol=1e-3, atol=1e-9)
    gathering = seen(rotations=about_z(3 * TIME**2 / 2), lever=(lever, 0, 0))[INSIDE]
    np.testing.assert_allclose(gathering[:, 1], 3 * lever / G, atol=1e-3)
    np.testing.assert_allclose(gathering[:, 0], -((3 * TIME[INSIDE]) ** 2) * lever / G, atol=3e-3)


def test_without_a_lever_turning_is_felt_by_the_gyroscope_alone() -> None:
    felt = seen(rotations=about_z(12 * TIME))
    np.testing.assert_allclose(felt[:, :3], np.tile((0, 0, 1), (len(TIME), 1)), atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_gyroscope_integrated_is_the_change_of_orientation(seed: int) -> None:
    random = np.random.default_rng(seed)
    angles = sum(random.normal(0, 0.6, 3) * np.sin(random.uniform(1, 9) * TIME[:, None]) for _ in range(4))
    rotations, mount = rotation_matrices(angles), random_rotation(random)
    spin = np.radians(seen(rotations=rotations, mount=mount)[:, 3:]) / RATE
    turned = product_of_turns((spin[:-1] + spin[1:]) / 2)
    expected = mount @ rotations[0].T @ rotations[-1] @ mount.T
    off_deg = np.degrees(np.arccos(np.clip((np.trace(turned.T @ expected) - 1) / 2, -1, 1)))
    moved_deg = np.degrees(np.abs(spin).sum(axis=0).max())
    assert moved_deg > 180
    assert off_deg < 0.3


def test_angles_become_rotations() -> None:
    rotations = rotation_matrices(np.random.default_rng(0).uniform(-3, 3, (200, 3)))
    np.testing.assert_allclose(np.linalg.det(rotations), 1, atol=1e-12)
    np.testing.assert_allclose(rotations @ rotations.transpose(0, 2, 1), np.tile(np.eye(3), (200, 1, 1)), atol=1e-12)
    up, over, left = (rotation_matrices(np.pi / 2 * axis[None])[0] for axis in np.eye(3))
    np.testing.assert_allclose(up @ (0, 1, 0), (0, 0, 1), atol=1e-12)  # pitch: the fingers go up
    np.testing.assert_allclose(over @ (0, 0, 1), (1, 0, 0), atol=1e-12)  # roll: the back of the hand to the right
    np.testing.assert_allclose(left @ (0, 1, 0), (-1, 0, 0), atol=1e-12)  # yaw: the fingers to the left


# -- the sensor's faults

PERFECT = replace(LSM9DS1, acceleration_noise_g=0.0, rotation_noise_deg_s=0.0)


def part_of(model=PERFECT, offset=0.0, scale=1.0) -> ImuPart:
    return ImuPart(model=model, offset=np.full(6, offset), scale=np.full(6, scale))


def digitize(part: ImuPart, values: np.ndarray, seed: int = 0) -> np.ndarray:
    return part.digitize(values, np.random.default_rng(seed))


@pytest.mark.parametrize("model", [LSM9DS1, BMI270, LSM9DS1.clipped_at(2.0), LSM9DS1.clipped_at(8.0)])
def test_counts_are_whole_and_end_at_the_range(model) -> None:
    part = part_of(replace(model, acceleration_noise_g=0.0, rotation_noise_deg_s=0.0))
    ranges = np.repeat([model.acceleration_range_g, model.rotation_range_deg_s], 3)
    counts = digitize(part, np.array([-9.0, -1, -0.5, 0, 0.5, 9])[:, None] * ranges)
    assert counts.dtype == np.int16
    assert counts[:, 0].tolist() == counts[:, 5].tolist() == [-32768, -32768, -16384, 0, 16384, 32767]
    np.testing.assert_allclose(part.lsb() * 32768, ranges)
    random = np.random.default_rng(1).uniform(-0.9, 0.9, (1000, 6)) * ranges
    assert (np.abs(digitize(part, random) * part.lsb() - random) <= part.lsb() / 2 + 1e-12).all()


def test_offset_scale_and_noise_are_those_of_the_part() -> None:
    off = digitize(part_of(offset=0.25, scale=1.1), np.ones((1, 6))) * part_of().lsb()
    np.testing.assert_allclose(off[0], 1.35, atol=0.04)
    noise = digitize(part_of(LSM9DS1), np.zeros((40_000, 6)), seed=3) * part_of().lsb()
    np.testing.assert_allclose(noise[:, :3].std(axis=0), LSM9DS1.acceleration_noise_g, rtol=0.03)
    np.testing.assert_allclose(noise[:, 3:].std(axis=0), LSM9DS1.rotation_noise_deg_s, rtol=0.03)
    np.testing.assert_allclose(noise.mean(axis=0), 0, atol=0.002)
    np.testing.assert_array_equal(
        digitize(part_of(LSM9DS1), np.zeros((9, 6))), digitize(part_of(LSM9DS1), np.zeros((9, 6)))
    )


@pytest.mark.parametrize("model", [LSM9DS1, BMI270])
def test_parts_out_of_the_box_differ_as_the_model_says(model) -> None:
    parts = [make_part(model, np.random.default_rng(seed)) for seed in range(500)]
    offsets, scales = np.stack([part.offset for part in parts]), np.stack([part.scale for part in parts])
    np.testing.assert_allclose(offsets[:, :3].std(), model.acceleration_offset_g, rtol=0.1)
    np.testing.assert_allclose(offsets[:, 3:].std(), model.rotation_offset_deg_s, rtol=0.1)
    np.testing.assert_allclose(scales.std(), model.sensitivity_error, rtol=0.1)
    np.testing.assert_allclose(scales.mean(), 1, atol=0.002)
