"""Scores to a state, sentence by sentence. The C++ twin is held against it in sketches/library/."""

import math

import numpy as np
import pytest

from tinyml_labs.presence import Presence, track_presence
from tinyml_labs.smoothing import SmootherSettings


def settings(**changed: int) -> SmootherSettings:
    given = {"average_windows": 2, "threshold": 80, "release": 0, "hold_off": 0, "background": 0}
    return SmootherSettings(**{**given, **changed})


def states(scores: list[int], **changed: int) -> list[int]:
    return track_presence(np.array(scores), settings(**changed)).astype(int).tolist()


def test_the_first_pictures_change_nothing() -> None:
    assert states([100] * 4, average_windows=3) == [0, 0, 1, 1]
    assert states([100], average_windows=1) == [1]


def test_between_the_two_levels_all_stays_as_it_was() -> None:
    assert states([100, 60, 40, 20, -20, -21, 40, 60, 90, 79, 81]) == [0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1]


def test_the_levels_themselves() -> None:
    assert states([80, 80]) == [0, 1]
    assert states([80, 79]) == [0, 0]
    assert states([80, 80, -80, 80, -81]) == [0, 1, 1, 1, 0]


def test_after_a_change_there_is_quiet() -> None:
    flicker = [127, 127, -128, -128, 127, 127, -128, -128]
    assert states(flicker) == [0, 1, 0, 0, 0, 1, 0, 0]
    assert states(flicker, hold_off=1) == [0, 1, 1, 0, 0, 1, 1, 0]
    assert states(flicker, hold_off=2) == [0, 1, 1, 1, 0, 0, 0, 0]
    assert states(flicker, hold_off=9) == [0] + [1] * 7


def test_a_reset_forgets_all() -> None:
    presence = Presence(settings(hold_off=5))
    assert [presence.update(100) for _ in range(3)] == [False, True, False]
    presence.reset()
    assert not presence.present
    assert math.isnan(presence.average)
    assert [presence.update(100) for _ in range(3)] == [False, True, False]


def test_sums_and_averages() -> None:
    presence = Presence(settings())
    presence.update(np.int8(-128))
    assert presence.sum == -128
    presence.update(np.int8(127))
    assert (presence.sum, presence.average) == (-1, -0.5)


def test_what_is_no_score_is_refused() -> None:
    with pytest.raises(TypeError, match=r"score is 0\.5, expected an integer"):
        Presence(settings()).update(0.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="do not fit 32 bits"):
        Presence(settings()).update(2**30 + 1)
    with pytest.raises(ValueError, match=r"shape \(3, 2\), expected \(pictures,\)"):
        track_presence(np.zeros((3, 2), np.int8), settings())
    assert track_presence(np.zeros(0, np.int8), settings()).tolist() == []
