"""Macro F1, against precision and recall by hand."""

import numpy as np
import pytest

from tinyml_labs.evaluation import macro_f1


def by_hand(truth: list[int], found: list[int]) -> float:
    scores = []
    for k in sorted(set(truth)):
        said = [t for t, f in zip(truth, found, strict=True) if f == k]
        there = [f for t, f in zip(truth, found, strict=True) if t == k]
        precision = said.count(k) / len(said) if said else 0.0
        recall = there.count(k) / len(there)
        scores.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    return sum(scores) / len(scores)


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_harmonic_mean_of_precision_and_recall(seed: int) -> None:
    chance = np.random.default_rng(seed)
    truth = chance.integers(0, 4, 60)
    found = np.where(chance.random(60) < 0.6, truth, chance.integers(0, 6, 60))  # also classes that there are not
    assert macro_f1(truth, found) == pytest.approx(by_hand(truth.tolist(), found.tolist()))


def test_a_rare_class_weighs_as_much_as_a_frequent_one() -> None:
    truth = np.array([0] * 98 + [1] * 2)
    assert macro_f1(truth, np.zeros(100, int)) < 0.5
    assert macro_f1(truth, truth) == 1


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(2,\) and found \(3,\)"):
        macro_f1([0, 1], [0, 1, 1])
    with pytest.raises(ValueError, match="N at least 1"):
        macro_f1([], [])
