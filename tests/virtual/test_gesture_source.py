"""A simulated person at a virtual board: the gestures asked for, in order, without end, and the truth about them."""

import subprocess
from collections.abc import Callable
from itertools import cycle, groupby, islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from tinyml_labs import capture, link
from tinyml_labs.simulation.imu import LSM9DS1, make_part
from tinyml_labs.simulation.sessions import GESTURES, SINGLE, simulate_session
from tinyml_labs.simulation.subjects import make_subject
from tinyml_labs.virtual import VirtualBoardSettings, hand
from tinyml_labs.virtual.gestures import GestureSource
from tinyml_labs.virtual.sensors import make_sensors

Start = Callable[..., tuple[subprocess.Popen, str]]
RATE = 119

pytestmark = pytest.mark.slow


def source(gestures: str = "idle,circle,punch", **settings: object) -> GestureSource:
    (found,) = [
        sensor
        for sensor in make_sensors(VirtualBoardSettings(gestures=gestures, **settings))
        if sensor.description.name == "imu"
    ]
    assert isinstance(found, GestureSource)
    return found


def test_the_sensor_is_the_imu_as_it_was() -> None:
    usual, played = (make_sensors(VirtualBoardSettings(gestures=text))[1].description for text in ("", "circle"))
    assert repr(usual) == repr(played)  # NaN is not equal to itself


def test_without_gestures_the_made_up_hand_is_what_it_was() -> None:
    np.testing.assert_array_equal(make_sensors(VirtualBoardSettings(seed=3))[1].take(0, 500), hand.move(119, 3)[:500])


def test_samples_are_the_same_in_whatever_pieces_they_are_taken() -> None:
    whole = source().take(0, 60 * RATE)
    assert whole.dtype == np.dtype("<f4") and whole.shape == (60 * RATE, 6)
    random, pieces, at = np.random.default_rng(0), source(), 0
    while at < len(whole):
        piece = pieces.take(at, int(random.choice([1, 4, 40, 3000])))
        np.testing.assert_array_equal(piece[: len(whole) - at], whole[at : at + len(piece)])
        at += len(piece)
    np.testing.assert_array_equal(pieces.take(5, 100), whole[5:105])  # another stream begins
    np.testing.assert_array_equal(source().take(5000, 1000), whole[5000:6000])
    assert pieces.take(7, 0).shape == (0, 6)


def test_the_truth_about_some_samples_is_what_touches_them() -> None:
    made = source()
    first, second, *_ = made.intervals(0, 20 * RATE)
    assert made.intervals(first.end - 1, 1) == [first]
    assert made.intervals(first.end, second.start - first.end) == []  # the hand comes back
    assert made.intervals(first.end - 1, second.start - first.end + 2) == [first, second]


def test_another_seed_is_another_performance_and_another_person_somebody_else() -> None:
    first, again, seed, person = (
        source(**settings).take(0, 3000) for settings in ({}, {}, {"seed": 1}, {"person": 32})
    )
    np.testing.assert_array_equal(first, again)
    assert (first != seed).mean() > 0.9
    assert (first != person).mean() > 0.9
    gravities = [x[:300, :3].mean(axis=0) for x in (first, seed, person)]  # idle
    assert np.linalg.norm(gravities[0] - gravities[1]) < 0.4  # held alike
    assert np.linalg.norm(gravities[0] - gravities[2]) > 0.4


def test_no_stretch_is_like_another() -> None:
    made = source("circle")
    samples, circles = made.take(0, 130 * RATE), made.intervals(0, 120 * RATE)
    assert len({samples[part.start : part.start + 200].tobytes() for part in circles}) == len(circles) > 15


def test_the_samples_of_each_gesture_are_the_simulators() -> None:
    person = make_subject(31)
    plan = [("idle", 4.0), ("circle", 4.0), ("punch", 4.0)]
    made = source(seed=2)
    first = simulate_session(person, plan, session=3_000_000, part=make_part(LSM9DS1, person.random(3)))
    until = first.intervals[-1].end
    np.testing.assert_array_equal(made.take(0, until), first.samples[:until])
    assert made.intervals(0, until) == first.intervals
    then = simulate_session(
        person, [("idle", 0.4), *plan], session=3_000_001, part=make_part(LSM9DS1, person.random(3))
    )
    truth = [part for part in made.intervals(0, 40 * RATE) if part.start > until][: len(then.intervals) - 1]
    for part, simulated in zip(truth, then.intervals[1:], strict=True):
        assert part.label == simulated.label
        expected = then.samples[simulated.start : simulated.end]
        np.testing.assert_array_equal(made.take(part.start, part.end - part.start), expected)


@pytest.mark.parametrize("gesture_s", [1.0, 20.0])
@pytest.mark.parametrize("gestures", ["circle", "idle,circle,punch", "flick, wing ,flick,other", ",".join(GESTURES)])
def test_gestures_come_in_order_over_and_over(gestures: str, gesture_s: float) -> None:
    names = [name.strip() for name in gestures.split(",")]
    truth = source(gestures, gesture_s=gesture_s).intervals(0, 200 * RATE)
    turns = [label for label, _ in groupby(part.label for part in truth)]
    assert turns == [label for label, _ in groupby(islice(cycle(names), 1000))][: len(turns)]
    assert len(turns) >= (1 if len(set(names)) == 1 else 6)
    assert truth[0].start == 0
    for part, after in pairwise(truth):
        assert 0.4 * RATE < after.start - part.end < 4 * RATE
    for part in truth:
        if part.label not in SINGLE:
            assert part.end - part.start == pytest.approx(gesture_s * RATE, abs=1)


def test_from_one_stretch_to_the_next_the_hand_rests() -> None:
    """No jump, though the hand is held a little differently; and whole steps of the sensor."""
    made = source("circle,updown,wave")
    samples, truth = made.take(0, 240 * RATE), made.intervals(0, 240 * RATE)
    steps = samples / ([4 / 32768] * 3 + [2000 / 32768] * 3)
    np.testing.assert_array_equal(steps, np.round(steps))
    seams = [(a.end, b.start) for a, b in pairwise(truth) if a.label == "wave" and b.label == "circle"]
    assert len(seams) > 10
    for end, start in seams:
        assert np.abs(np.diff(samples[end + 2 : start - 2, :3], axis=0)).max() < 0.12
        assert np.abs(np.linalg.norm(samples[start - 40 : start - 2, :3], axis=1) - 1).max() < 0.2


def test_idle_is_still_and_a_flick_is_not() -> None:
    made = source("idle,flick", gesture_s=3)
    spins = {"idle": [], "flick": []}
    for part in made.intervals(0, 60 * RATE):
        turning = made.take(part.start, part.end - part.start)[:, 3:]
        spins[part.label].append((turning - np.median(turning, axis=0)).std())
    assert max(spins["idle"]) < 8 < 40 < min(spins["flick"])


# -- on real ports


def read_truth(path: Path, read_log: Callable) -> list[tuple[str, int, int]]:
    return [(line["label"], line["start"], line["end"]) for line in read_log(path)]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [[], ["--socket"]])
def test_a_stream_brings_the_simulators_samples_and_the_log_the_truth(
    start_board: Start, tmp_path: Path, read_log: Callable, arguments: list[str]
) -> None:
    log = tmp_path / "truth.jsonl"
    _, port = start_board(
        *arguments, "--gestures", "idle,circle,punch", "--speed", "20", gesture_s=2, seed=4, gesture_log=log
    )
    expected = source(gesture_s=2, seed=4)
    with link.Board(port) as board:
        samples = board.stream("imu", 40 * RATE, progress=False)
        again = board.stream("imu", 200, progress=False)
    np.testing.assert_array_equal(samples, expected.take(0, 40 * RATE))
    np.testing.assert_array_equal(again, samples[:200])  # each stream is the performance from its beginning on
    truth = read_truth(log, read_log)
    known = [(part.label, part.start, part.end) for part in expected.intervals(0, 40 * RATE)]
    assert truth[: len(known)] == known  # each gesture once, though there were two streams
    assert truth[-1][1] < 100 * RATE  # and it was not all made at once


def test_a_student_without_a_board_records_a_class(tmp_path: Path) -> None:
    take = capture.record(
        "virtual://?gestures=circle&gesture_s=30&speed=20",
        sensor="imu", seconds=20, label="circle", subject="p31", folder=tmp_path, progress=False,
    )  # fmt: skip
    assert (take.metadata["ended"], take.metadata["missing"], take.gaps, take.problems) == ("complete", 0, [], [])
    assert take.measured_rate_hz == pytest.approx(119, rel=1e-3)
    assert take.channel_names == ["accX", "accY", "accZ", "gyrX", "gyrY", "gyrZ"]
    first = take.metadata["first_sample"]
    np.testing.assert_array_equal(take.samples, source("circle", gesture_s=30).take(first, 20 * RATE))
    moving = take.samples[RATE:-RATE, :3]
    assert (np.std(moving[: len(moving) // RATE * RATE].reshape(-1, RATE, 3), axis=1).max(axis=1) > 0.1).all()


def test_a_sketch_that_prints_prints_them_too(start_board: Start) -> None:
    _, port = start_board("--gestures", "punch", "--dialect", "csv", "--speed", "20")
    with link.open_port(port, timeout=5) as serial_port:
        serial_port.readline()  # perhaps only the end of one
        lines = [serial_port.readline() for _ in range(300)]
    printed = np.array([[float(text) for text in line.split(b",")] for line in lines], np.float32)
    expected = source("punch").take(0, 120 * RATE)
    (begin,) = np.flatnonzero((expected[:-300] == printed[0]).all(axis=1))
    np.testing.assert_array_equal(printed, expected[begin : begin + 300])


# -- settings


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("gestures=jump", "nobody can do 'jump'.*idle, circle, .*other"),
        ("gestures=idle,,punch", "nobody can do ''"),
        ("gestures=idle;punch", "nobody can do 'idle;punch'.*with a comma between"),
        ("gestures=walk", "nobody can do 'walk'"),
        ("gesture=idle", "no setting 'gesture'. Did you mean 'gestures'"),
        ("gestures=idle&gesture_s=0.5", "gesture_s is 0.5; it goes from 1 to 60"),
        ("gestures=idle&gesture_s=long", "gesture_s takes a number"),
        ("gestures=idle&person=-1", "person is -1"),
        ("gestures=idle&sensor_rate_hz=5000", "sensor_rate_hz is 5000; with gestures it goes from 10 to 952"),
    ],
)
def test_what_cannot_be_done_is_refused_before_a_board_starts(query: str, words: str) -> None:
    with pytest.raises(link.PortError, match=words):
        link.Board(f"virtual://?{query}")


def test_one_motion_sensor_cannot_play_and_be_moved(tmp_path: Path) -> None:
    path = tmp_path / "motion.csv"
    path.write_text("# rate_hz: 119\n" + "a,b,c,d,e,f\n" + "1,2,3,4,5,6\n" * 3)
    with pytest.raises(ValueError, match=r"both want to be the motion sensor\. Leave one out"):
        make_sensors(VirtualBoardSettings(gestures="idle", play=str(path)))
    column = tmp_path / "scalar.csv"
    column.write_text("# rate_hz: 50\nvalue\n1\n2\n3\n")
    names = [s.description.name for s in make_sensors(VirtualBoardSettings(gestures="idle", play=str(column)))]
    assert names[:2] == ["analog", "imu"]  # another sensor may play


def test_every_rate_of_the_sensor_will_do() -> None:
    for rate in (10, 59.5, 952):
        made = source("circle,punch", sensor_rate_hz=rate)
        assert made.take(0, round(30 * rate)).shape == (round(30 * rate), 6)
        assert {part.label for part in made.intervals(0, round(30 * rate))} == {"circle", "punch"}
