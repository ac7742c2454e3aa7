"""Sittings: what a board streams while a person does what a plan says, and the truth about it."""

from dataclasses import replace

import numpy as np
import pytest

from tinyml_labs.features import MOTION_CHANNELS
from tinyml_labs.simulation.imu import LSM9DS1, ImuPart, make_part
from tinyml_labs.simulation.sessions import BACKGROUND, GESTURES, REPEATED, SINGLE, Session, simulate_session
from tinyml_labs.simulation.subjects import make_subject

EXACT = ImuPart(
    model=replace(LSM9DS1.clipped_at(32.0), acceleration_noise_g=0.0, rotation_noise_deg_s=0.0),
    offset=np.zeros(6),
    scale=np.ones(6),
)
ALL = [(name, 3.0) for name in GESTURES]


def of(session: Session, label: str) -> list[np.ndarray]:
    return [session.samples[part.start : part.end] for part in session.intervals if part.label == label]


def test_the_same_person_does_the_same_and_a_number_more_is_another_time() -> None:
    first, again = (simulate_session(make_subject(3), ALL, session=2) for _ in range(2))
    np.testing.assert_array_equal(first.counts, again.counts)
    assert first.intervals == again.intervals
    assert first.sensor == again.sensor
    for other in (
        simulate_session(make_subject(3), ALL, session=1),
        simulate_session(make_subject(4), ALL, session=2),
    ):
        count = min(len(first.counts), len(other.counts))
        assert (first.counts[:count] != other.counts[:count]).mean() > 0.9
        assert first.intervals != other.intervals


def test_numpys_own_random_numbers_are_left_alone() -> None:
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    simulate_session(make_subject(3), [("punch", 2.0)])
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("rate_hz", [50.0, 119.0, 104.0, 952.0])
def test_parts_lie_in_order_apart_and_inside(rate_hz: float) -> None:
    session = simulate_session(make_subject(8), ALL, rate_hz=rate_hz)
    assert session.rate_hz == rate_hz
    assert session.intervals[0].start == 0
    assert list(dict.fromkeys(part.label for part in session.intervals)) == list(GESTURES)
    for part, after in zip(session.intervals, session.intervals[1:], strict=False):
        assert 0.4 * rate_hz < after.start - part.end < 2.0 * rate_hz  # the hand comes back
    assert all(part.start < part.end for part in session.intervals)
    assert session.intervals[-1].end < len(session.counts)


def test_what_is_repeated_is_one_part_and_what_is_done_once_is_one_each() -> None:
    session = simulate_session(make_subject(8), [(name, 10.0) for name in GESTURES])
    for name in (*REPEATED, *BACKGROUND):
        (part,) = [part for part in session.intervals if part.label == name]
        assert part.end - part.start == pytest.approx(10 * 119, abs=1)
    for name in SINGLE:
        lengths = [(part.end - part.start) / 119 for part in session.intervals if part.label == name]
        assert 3 <= len(lengths) <= 10
        assert 0.3 < min(lengths) < max(lengths) < 2.5


def test_the_same_movement_at_another_rate() -> None:
    """476 a second are four to each of 119, which are averages of them."""
    slow, fast = (simulate_session(make_subject(8), ALL, rate_hz=rate, part=EXACT) for rate in (119.0, 476.0))
    assert [part.label for part in slow.intervals] == [part.label for part in fast.intervals]
    for part, fine in zip(slow.intervals, fast.intervals, strict=True):
        assert fine.start == pytest.approx(4 * part.start, abs=2)
        assert fine.end == pytest.approx(4 * part.end, abs=2)
    same = fast.samples[::4][: len(slow.samples)]
    for column in range(6):
        assert np.corrcoef(slow.samples[: len(same), column], same[:, column])[0, 1] > 0.98


@pytest.mark.parametrize("seed", range(12))
def test_a_hand_at_rest_shows_1_g_in_any_grip_and_mount(seed: int) -> None:
    session = simulate_session(make_subject(seed), [("idle", 4.0)], part=EXACT)
    (still,) = of(session, "idle")
    assert np.linalg.norm(still[:, :3].mean(axis=0)) == pytest.approx(1, abs=0.02)
    assert np.linalg.norm(still[:, :3].std(axis=0)) < 0.06
    assert np.abs(still[:, 3:]).max() < 15


def test_idle_is_stiller_than_anything_else() -> None:
    for seed in range(5):
        session = simulate_session(make_subject(seed), ALL, part=EXACT)
        restless = {
            name: max(np.abs(np.diff(x[:, :3], axis=0)).mean() for x in of(session, name)) for name in GESTURES
        }
        assert min(restless, key=restless.__getitem__) == "idle"


def felt(session: Session, at: int) -> np.ndarray:
    """Where up is, for the accelerometer, in the half second around a sample."""
    mean = session.samples[at - 30 : at + 30, :3].astype(float).mean(axis=0)
    return mean / np.linalg.norm(mean)


def test_turning_rates_lead_from_one_gravity_to_the_next() -> None:
    """Dead reckoning: up, turned by what the gyroscope says, is where the accelerometer feels it in the end."""
    for seed in range(6):
        plan = [("idle", 1.5), ("flex", 2.0), ("idle", 1.5), ("circle", 3.0), ("idle", 1.5)]
        session = simulate_session(make_subject(seed), plan, part=EXACT)
        first, *_, last = [part for part in session.intervals if part.label == "idle"]
        begin, end = (first.start + first.end) // 2, (last.start + last.end) // 2
        up = felt(session, begin)
        spins = np.radians(session.samples[begin : end + 1, 3:].astype(float))
        for spin in (spins[:-1] + spins[1:]) / 2:
            up = up - np.cross(spin, up) / 119
            up /= np.linalg.norm(up)
        assert np.degrees(np.arccos(np.clip(up @ felt(session, end), -1, 1))) < 3


def test_a_left_hand_mirrors_a_right_one() -> None:
    """Across: accelerations along x, rotations around y and z change sign; the others do not."""
    person = replace(
        make_subject(8, upright=True), grip_rad=np.zeros(3), lever_m=np.zeros(3), tremor_m_s2=0.0, left_handed=False
    )
    plan = [(name, 5.0) for name in (*REPEATED, "wing", "ring", "slope")]
    right = simulate_session(person, plan, part=EXACT)
    left = simulate_session(replace(person, left_handed=True), plan, part=EXACT)
    assert right.intervals == left.intervals
    for column, sign in enumerate((-1, 1, 1, 1, -1, -1)):
        alike = np.corrcoef(right.samples[:, column], left.samples[:, column])[0, 1]
        assert sign * alike > 0.5, MOTION_CHANNELS[column]


def test_a_mount_turns_what_is_felt_and_nothing_else() -> None:
    upright = replace(make_subject(8, upright=True), tremor_m_s2=0.0)
    mount = make_subject(9).mount
    plain = simulate_session(upright, ALL, part=EXACT)
    turned = simulate_session(replace(upright, mount=mount), ALL, part=EXACT)
    for three in (slice(0, 3), slice(3, 6)):
        off = turned.samples[:, three] - plain.samples[:, three] @ mount.T
        assert np.abs(off).max() < 2 * EXACT.lsb()[three.start]


def test_counts_are_whole_steps_exact_in_float32_and_clipped_at_the_range() -> None:
    part = make_part(LSM9DS1.clipped_at(2.0), np.random.default_rng(0))
    wild = replace(make_subject(8), size=3.0, speed=1.6)
    session = simulate_session(wild, [(name, 5.0) for name in (*REPEATED, "punch")], part=part)
    assert session.counts.dtype == np.int16 and session.samples.dtype == np.float32
    np.testing.assert_array_equal(session.samples.astype(float), session.counts * session.lsb)
    np.testing.assert_allclose(session.lsb, [2 / 32768] * 3 + [2000 / 32768] * 3)
    assert session.counts[:, :3].max() == 32767 and session.counts[:, :3].min() == -32768
    assert session.sensor == "LSM9DS1 ±2 g"


def test_two_kinds_of_sensor_and_ranges_occur() -> None:
    sensors = {simulate_session(make_subject(seed), [("idle", 1.0)]).sensor for seed in range(40)}
    assert sensors == {"LSM9DS1 ±4 g", "LSM9DS1 ±2 g", "BMI270 ±4 g", "BMI270 ±2 g"}


def test_what_nobody_can_do_is_refused_with_what_there_is() -> None:
    with pytest.raises(ValueError, match="'jump' is no gesture; there are idle, circle, .*other"):
        simulate_session(make_subject(0), [("idle", 1.0), ("jump", 1.0)])
    with pytest.raises(ValueError, match="no gesture"):
        simulate_session(make_subject(0), [("walk", 1.0)])  # a movement, and no class
