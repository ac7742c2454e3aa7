"""Streams of pictures in which it is known when a person is there, and a detector's state held against them."""

import math
from typing import Any

import numpy as np
import pytest

from tinyml_labs.intervals import poisson_interval
from tinyml_labs.picture_streams import make_picture_stream
from tinyml_labs.presence_report import count_alarms

RANDOM = np.random.default_rng(3)
LABELS = np.array([0, 1, 0, 1, 1, 0, 0])
IMAGES = np.clip(
    128
    + RANDOM.normal(0, 8, (7, 24, 30, 1))
    + 60 * np.sin(np.arange(7)[:, None, None, None] + np.arange(30)[:, None]),
    30,
    220,
).astype(np.uint8)  # far enough from black and white that noise and light stay between


def stays(mask: np.ndarray) -> list[tuple[int, int]]:
    """Begin and end of each True row, one by one."""
    found, begin = [], None
    for k, there in enumerate([*mask.tolist(), False]):
        if there and begin is None:
            begin = k
        elif not there and begin is not None:
            found.append((begin, k))
            begin = None
    return found


def test_empty_scenes_and_visits_alternate_as_long_as_was_said() -> None:
    stream = make_picture_stream(IMAGES, LABELS, 1800, rate_hz=2.0, stay_s=(4, 9), empty_s=(10, 20), seed=1)
    assert stream.images.shape == (3600, 24, 30, 1) and stream.images.dtype == np.uint8
    assert (stream.rate_hz, stream.seconds) == (2.0, 1800.0)
    np.testing.assert_array_equal(stream.times_s, np.arange(3600) / 2)
    assert stream.person.dtype == np.bool_
    np.testing.assert_array_equal(stream.person, LABELS[stream.scene] == 1)
    assert not stream.person[0] and not stream.person[-1]
    visits = [(end - begin) / 2 for begin, end in stays(stream.person)]
    pauses = [(end - begin) / 2 for begin, end in stays(~stream.person)]
    assert min(visits) >= 4 and max(visits) <= 9 and len(set(visits)) > 5
    assert min(pauses) >= 10 and max(pauses[:-1]) <= 20 and len(set(pauses)) > 5
    assert 1800 / 29 - 2 < len(visits) < 1800 / 14


def test_no_picture_comes_again_before_all_were_there() -> None:
    stream = make_picture_stream(IMAGES, LABELS, 900, stay_s=(2, 3), empty_s=(4, 5), seed=2)
    for kind, pictures in ((True, {1, 3, 4}), (False, {0, 2, 5, 6})):
        order = [int(stream.scene[begin]) for begin, _ in stays(stream.person == kind)]
        assert len(order) > 40
        for at in range(0, len(order) - len(pictures), len(pictures)):
            assert set(order[at : at + len(pictures)]) == pictures


def test_the_end_is_empty_for_the_shortest_pause_at_least() -> None:
    for seed in range(30):
        stream = make_picture_stream(IMAGES, LABELS, 90, stay_s=(4, 9), empty_s=(10, 20), seed=seed)
        assert not stream.person[-20:].any()


def test_a_visit_is_of_one_picture() -> None:
    stream = make_picture_stream(IMAGES, LABELS, 300, seed=2)
    for begin, end in stays(stream.person):
        assert len(set(stream.scene[begin:end].tolist())) == 1


def test_the_camera_trembles_by_two_pixels_and_the_light_and_the_sensor_are_unsteady() -> None:
    stream = make_picture_stream(IMAGES, LABELS, 400, seed=5)
    shifts, gains, noise = [], [], []
    for seen, scene in zip(stream.images[..., 0].astype(float), stream.scene, strict=True):
        padded = np.pad(IMAGES[scene, ..., 0], 3, mode="edge").astype(float)
        best = None
        for row in range(-3, 4):
            for column in range(-3, 4):
                there = padded[3 + row : 27 + row, 3 + column : 33 + column]
                gain = (there * seen).sum() / (there * there).sum()
                error = (seen - gain * there).std()
                if best is None or error < best[0]:
                    best = (error, row, column, gain)
        noise.append(best[0])
        shifts.append(best[1:3])
        gains.append(best[3])
    places = np.array(shifts)
    assert set(places[:, 0].tolist()) == set(places[:, 1].tolist()) == {-2, -1, 0, 1, 2}
    assert np.abs(np.diff(places, axis=0)).max() == 1
    counts = np.bincount(places.ravel() + 2)
    assert counts.max() < 2.2 * counts.min()
    assert np.mean(gains) == pytest.approx(1, abs=0.005)
    assert np.std(gains) == pytest.approx(0.03, rel=0.15)
    assert np.mean(noise) == pytest.approx(2.5, abs=0.1)


def test_black_and_white_stay_in_range() -> None:
    edges = np.stack([np.zeros((8, 8), np.uint8), np.full((8, 8), 255, np.uint8)])
    stream = make_picture_stream(edges, [0, 1], 60, empty_s=(5, 10), seed=1)
    white, black = stream.images[stream.person], stream.images[~stream.person]
    assert white.min() > 200 and black.max() < 20
    assert white.max() == 255 and black.min() == 0


def test_the_same_seed_gives_the_same_stream() -> None:
    first, again, other = (make_picture_stream(IMAGES, LABELS, 400, seed=seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.scene, again.scene)
    assert not np.array_equal(first.scene, other.scene)


def test_so_many_visits() -> None:
    for visits in (0, 1, 4):
        stream = make_picture_stream(IMAGES, LABELS, 600, visits=visits, seed=3)
        assert len(stays(stream.person)) == visits
    nobody = make_picture_stream(IMAGES, LABELS == 1, 600, visits=0, seed=3)
    assert set(nobody.scene.tolist()) == {0, 2, 5, 6}


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"images": IMAGES / 255}, TypeError, "dtype float64, expected uint8"),
        ({"images": np.zeros((7, 8, 8, 3), np.uint8)}, ValueError, r"shape \(7, 8, 8, 3\), expected \(M, H, W, 1\)"),
        ({"labels": LABELS[:3]}, ValueError, r"labels has shape \(3,\), expected \(7,\)"),
        ({"labels": np.zeros(7)}, ValueError, "No picture is with a person"),
        ({"labels": np.ones(7)}, ValueError, "No picture is without a person"),
        ({"labels": [0, 1, 2, 1, 0, 0, 0]}, ValueError, "labels has 2, expected 1 where a person is"),
        ({"seconds": 0}, ValueError, "seconds is 0"),
        ({"rate_hz": math.nan}, ValueError, "rate_hz is nan"),
        ({"stay_s": (5, 4)}, ValueError, r"stay_s is \(5, 4\), expected \(shortest, longest\)"),
        ({"empty_s": (0, 4)}, ValueError, r"empty_s is \(0, 4\)"),
        ({"visits": -1}, ValueError, "visits is -1"),
        ({"visits": 30}, ValueError, "room for . visits of 4 to 15 s .* expected 30. Make it longer"),
        ({"seconds": 12}, ValueError, "room for 0 visits .* Make it longer"),
    ],
)
def test_streams_that_cannot_be_are_refused(changed: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make_picture_stream(**{"images": IMAGES, "labels": LABELS, "seconds": 120, **changed})


def states(text: str) -> np.ndarray:
    return np.array([each == "#" for each in text])


def counts(person: str, present: str, **changed: float) -> tuple[int, int, int]:
    report = count_alarms(states(present), states(person), changed.pop("rate_hz", 1.0), **changed)
    assert report.found + report.missed == report.visits
    return report.visits, report.found, report.false_alarms


def test_visits_are_found_or_missed() -> None:
    assert counts("..###....##..#", "...##.........") == (3, 1, 0)
    assert counts("..###....##..#", "..............") == (3, 0, 0)
    assert counts("..###....##..#", ".............#") == (3, 1, 0)
    assert counts("#....", "#....") == (1, 1, 0)


def test_an_alarm_is_false_if_nobody_was_there_shortly_before() -> None:
    assert counts(".....##......", ".##.........#") == (1, 0, 2)
    assert counts(".....##......", ".......##....") == (1, 0, 0)  # late, and yet because of the visit
    assert counts(".....##......", "........#####") == (1, 0, 0)  # 2 s after the visit's last picture
    assert counts(".....##......", ".........####") == (1, 0, 1)
    assert counts(".....##......", ".......##....", grace_s=0) == (1, 0, 1)
    assert counts(".....##......", ".........####", rate_hz=2.0) == (1, 0, 0)
    assert counts(".....##......", "...###.......") == (1, 1, 0)  # early, and then she is there
    assert counts("..#...#..", "..#.#.#.#", grace_s=1) == (2, 2, 2)


def test_a_state_that_stays_on_is_seen_in_its_seconds() -> None:
    always = count_alarms(np.ones(60, bool), np.arange(60) // 10 == 2, 2.0)
    assert (always.found, always.false_alarms) == (1, 0)
    assert always.false_s == (60 - 10 - 4) / 2
    assert count_alarms(states("..##.."), states("..##.."), 1.0).false_s == 0
    assert count_alarms(states(".###.."), states("..##.."), 1.0).false_s == 1


def test_delays_and_rates() -> None:
    person = states("..####....####....##....####.")
    present = states("...###......##..........####.")
    report = count_alarms(present, person, 4.0)
    assert report.median_delay_s == 0.25  # of 0.25, 0.5 and 0
    assert report.seconds == 29 / 4
    assert math.isnan(count_alarms(~person & False, person, 4.0).median_delay_s)
    spread = np.arange(7200) % 1000 == 999
    report = count_alarms(spread, np.zeros(7200, bool), 2.0)
    assert (report.visits, report.false_alarms, report.false_alarms_per_hour) == (0, 7, 7.0)
    assert (report.low, report.high) == pytest.approx(poisson_interval(7))
    assert report.false_s == 3.5


def test_the_headline_says_it_all() -> None:
    person, present = np.zeros(3600, bool), np.zeros(3600, bool)
    person[1000:1010] = person[2000:2010] = True
    present[1002:1010] = present[100:103] = True
    report = count_alarms(present, person, 2.0)
    assert (
        str(report)
        == report.headline()
        == (
            "1 of 2 visits found, 1.0 s after they began (median); 1 false alarm in 30 min (2 an hour, 95 % interval "
            "0.051 to 11); 2 s present without anybody there"
        )
    )
    assert "0 of 2 visits found; 0 false alarms" in count_alarms(present & False, person, 2.0).headline()


@pytest.mark.parametrize(
    ("present", "person", "given", "error", "message"),
    [
        (np.zeros(4), np.zeros(4, bool), {}, TypeError, "present is of dtype float64, expected bool"),
        (np.zeros(4, bool), np.zeros(4, int), {}, TypeError, "person is of dtype int64"),
        (np.zeros(4, bool), np.zeros(5, bool), {}, ValueError, r"shape \(4,\) and person \(5,\)"),
        (np.zeros(0, bool), np.zeros(0, bool), {}, ValueError, "not empty"),
        (np.zeros(4, bool), np.zeros(4, bool), {"rate_hz": 0}, ValueError, "rate_hz is 0"),
        (np.zeros(4, bool), np.zeros(4, bool), {"grace_s": -1}, ValueError, "grace_s -1"),
    ],
)
def test_what_cannot_be_judged_is_refused(present, person, given, error, message) -> None:
    with pytest.raises(error, match=message):
        count_alarms(present, person, **{"rate_hz": 2.0, **given})
