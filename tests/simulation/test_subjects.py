"""Simulated people: always the same one by a number, and boards mounted in every way a box allows."""

from collections import Counter

import numpy as np
import pytest

from tinyml_labs.simulation.subjects import make_subject, turn


def test_a_number_is_always_the_same_person() -> None:
    first, again, other = make_subject(5), make_subject(5), make_subject(6)
    for name, value in vars(first).items():
        np.testing.assert_array_equal(value, vars(again)[name])
    assert first.size != other.size
    assert not np.array_equal(first.mount, other.mount)


def test_a_person_has_random_numbers_for_each_purpose() -> None:
    subject = make_subject(5)
    assert subject.random(1, 2).random() == subject.random(1, 2).random()
    draws = {subject.random(*parts).random() for parts in ((1,), (2,), (1, 1), (1, 2), (2, 1))}
    assert len(draws | {make_subject(6).random(1).random()}) == 6


def test_every_mount_is_a_rotation_and_all_24_ways_occur() -> None:
    people = [make_subject(seed) for seed in range(720)]
    ways: Counter[bytes] = Counter()
    for person in people:
        np.testing.assert_allclose(person.mount @ person.mount.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(person.mount) == pytest.approx(1)
        ways[_nearest_box(person.mount).tobytes()] += 1
    assert len(ways) == 24
    assert max(ways.values()) < 60 and min(ways.values()) > 10  # 30 on average


def test_an_upright_board_is_not_turned_at_all_and_another_mounting_changes_nothing_else() -> None:
    for seed in range(20):
        usual, again, upright = (
            make_subject(seed),
            make_subject(seed, mounting=1),
            make_subject(seed, upright=True),
        )
        np.testing.assert_array_equal(upright.mount, np.eye(3))
        assert np.abs(usual.mount - again.mount).max() > 0.01
        for name in set(vars(usual)) - {"mount"}:
            np.testing.assert_array_equal(getattr(usual, name), getattr(again, name))
            np.testing.assert_array_equal(getattr(usual, name), getattr(upright, name))


def test_people_differ_and_are_people() -> None:
    people = [make_subject(seed) for seed in range(300)]

    def of(name: str) -> np.ndarray:
        return np.array([getattr(person, name) for person in people])

    assert 0.2 < of("forearm_m").min() < of("forearm_m").max() < 0.4
    assert 0.4 < of("size").min() < 0.8 and 1.2 < of("size").max() < 2.5
    assert 0.5 < of("speed").min() < 0.9 and 1.1 < of("speed").max() < 2.0
    assert 0.08 < of("left_handed").mean() < 0.25
    assert np.abs(of("lever_m")).max() < 0.15
    assert len({person.name for person in people}) == 300


@pytest.mark.parametrize("seed", range(5))
def test_turning_around_an_axis_leaves_it_and_turns_the_rest(seed: int) -> None:
    random = np.random.default_rng(seed)
    axis, angle = random.normal(size=3), random.uniform(0.1, 3)
    axis /= np.linalg.norm(axis)
    matrix = turn(axis * angle)
    np.testing.assert_allclose(matrix @ axis, axis, atol=1e-12)
    across = np.cross(axis, random.normal(size=3))
    across /= np.linalg.norm(across)
    np.testing.assert_allclose(
        matrix @ across, np.cos(angle) * across + np.sin(angle) * np.cross(axis, across), atol=1e-12
    )


def test_no_turn_is_no_turn() -> None:
    np.testing.assert_array_equal(turn(np.zeros(3)), np.eye(3))


def _nearest_box(matrix: np.ndarray) -> np.ndarray:
    """Of the 24 rotations of a box, the one that is nearest."""
    found = np.zeros((3, 3), np.int64)
    left = np.abs(matrix)
    for _ in range(3):
        row, column = np.unravel_index(left.argmax(), (3, 3))
        found[row, column] = np.sign(matrix[row, column])
        left[row, :] = left[:, column] = -1
    return found
