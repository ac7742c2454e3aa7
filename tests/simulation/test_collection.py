"""Sittings of many people: everybody does everything, in an order of their own."""

from collections import Counter

import numpy as np

from tinyml_labs.simulation import GESTURES, REPEATED, SINGLE, make_plan, make_subject, simulate_collection


def test_a_plan_holds_everything_shuffled() -> None:
    plans = [make_plan(np.random.default_rng(seed), singles=2, others=3) for seed in range(5)]
    for plan in plans:
        count = Counter(label for label, _ in plan)
        assert set(count) == set(GESTURES)
        assert {count[label] for label in SINGLE} == {2}
        assert (count["other"], count["idle"], count[REPEATED[0]]) == (3, 2, 2)
    assert len({tuple(label for label, _ in plan) for plan in plans}) == 5


def test_people_come_more_than_once_and_mount_the_board_anew() -> None:
    sittings = list(simulate_collection((200, 201), sessions=2))
    assert [sitting.person.seed for sitting in sittings] == [200, 200, 201, 201]
    first, second, *_ = sittings
    assert np.abs(first.person.mount - second.person.mount).max() > 0.01
    assert first.person.size == second.person.size == make_subject(200).size
    for sitting in sittings:
        assert {part.label for part in sitting.intervals} == set(GESTURES)
        assert Counter(part.label for part in sitting.intervals)["punch"] == 3  # one each, not for a time
    (again,) = simulate_collection((201,))
    np.testing.assert_array_equal(again.counts, sittings[2].counts)
