"""Gestures as paths in space: each looks like its name, and a hand neither jumps nor jerks into one."""

from collections.abc import Callable

import numpy as np
import pytest

from tinyml_labs.simulation import background, movements
from tinyml_labs.simulation.imu import rotation_matrices
from tinyml_labs.simulation.movements import FINE_RATE_HZ, Movement
from tinyml_labs.simulation.sessions import GESTURES, REPEATED, SINGLE
from tinyml_labs.simulation.signals import fade, minimum_jerk, smooth_noise, through
from tinyml_labs.simulation.subjects import make_subject

PEOPLE = range(100, 120)
OTHERS = tuple(move.__name__ for move in background.OTHERS)


def performances(name: str, seconds: float) -> list[Movement]:
    """The same movement, by twenty people."""
    move: Callable = getattr(movements, name, None) or getattr(background, name)
    people = [make_subject(seed) for seed in PEOPLE]
    return [move(person, seconds, person.random(7)) for person in people]


def dominant_hz(path: np.ndarray, rate_hz: float = FINE_RATE_HZ) -> float:
    """Where the spectrum of a path, (samples, axes), has its peak."""
    faded = (path - path.mean(axis=0)) * np.hanning(len(path))[:, None]
    power = (np.abs(np.fft.rfft(faded, 1 << 15, axis=0)) ** 2).sum(axis=1)
    return float(np.fft.rfftfreq(1 << 15, 1 / rate_hz)[power.argmax()])


def test_there_is_a_movement_for_each_class() -> None:
    assert {name for name in GESTURES if name != "other"} == {
        name for name in GESTURES if callable(getattr(movements, name, getattr(background, name, None)))
    }
    assert len(OTHERS) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in GESTURES if name != "other"] + list(OTHERS))
def test_a_hand_does_not_jump_or_jerk_into_a_movement_or_out_of_it(name: str) -> None:
    """A step in speed would be a spike of several g, which no hand makes and every network learns."""
    for seconds in (0.6, 1.2) if name in SINGLE else (1.0, 4.0, 12.0):
        for made in performances(name, seconds):
            assert len(made.place_m) == len(made.angles_rad) == len(made.shocks_m_s2) == round(seconds * FINE_RATE_HZ)
            assert np.linalg.norm(made.place_m[0]) < 2e-3, "it begins somewhere else"
            assert np.linalg.norm(made.angles_rad[0]) < np.radians(1), "it begins turned"
            speed = np.linalg.norm(np.diff(made.place_m, axis=0), axis=1) * FINE_RATE_HZ
            assert speed[0] < 0.06, f"it begins with {speed[0]:.2f} m/s"
            assert speed[-1] < 0.06, f"it ends with {speed[-1]:.2f} m/s"
            assert speed.max() < 12, "faster than a boxer"


@pytest.mark.parametrize(
    ("name", "slow", "fast"), [("circle", 0.5, 2.2), ("updown", 0.5, 2.4), ("wave", 0.7, 3.4), ("flick", 1.0, 6.0)]
)
def test_what_is_repeated_has_its_frequencies(name: str, slow: float, fast: float) -> None:
    found = [dominant_hz(made.place_m) for made in performances(name, 8.0)]
    assert slow < min(found) and max(found) < fast
    assert max(found) / min(found) > 1.3  # people differ


def test_the_slow_ones_are_slower_than_a_wave_and_a_wave_than_a_flick() -> None:
    circle, updown, wave, flick = (
        np.median([dominant_hz(made.place_m) for made in performances(name, 8.0)]) for name in REPEATED
    )
    assert max(circle, updown) < wave < flick


def test_a_circle_is_flat_goes_one_way_round_and_is_not_thin() -> None:
    for made in performances("circle", 8.0):
        widths = np.linalg.svd(made.place_m - made.place_m.mean(axis=0), compute_uv=False)
        assert widths[2] < 0.25 * widths[0]
        assert widths[1] > 0.4 * widths[0]
        middle = made.place_m[len(made.place_m) // 4 : -len(made.place_m) // 4]
        swept = np.cross(middle[:-1], np.diff(middle, axis=0)).sum(axis=0)  # twice the area, again and again
        every = np.linalg.norm(np.cross(middle[:-1], np.diff(middle, axis=0)), axis=1).sum()
        assert np.linalg.norm(swept) > 0.8 * every


def test_up_and_down_is_up_and_down() -> None:
    for made in performances("updown", 6.0):
        _, _, axes = np.linalg.svd(made.place_m - made.place_m.mean(axis=0), full_matrices=False)
        assert abs(axes[0, 2]) > 0.85


def test_a_waving_hand_points_up_and_goes_from_side_to_side() -> None:
    for made in performances("wave", 6.0):
        middle = slice(len(made.place_m) // 4, -len(made.place_m) // 4)
        fingers = rotation_matrices(made.angles_rad)[middle, :, 1]
        assert np.median(fingers[:, 2]) > 0.4
        assert np.ptp(made.place_m[middle, 0]) > 3 * np.ptp(made.place_m[middle, 1])


def test_a_waving_forearm_tilts_with_the_hand_so_that_gravity_swings_along() -> None:
    """The fingers point to the right where the hand is on the right: an inverted pendulum."""
    for made in performances("wave", 6.0):
        middle = slice(len(made.place_m) // 4, -len(made.place_m) // 4)
        rotations = rotation_matrices(made.angles_rad)[middle]
        aside, sideways = rotations[:, 0, 1], made.place_m[middle, 0]
        assert np.corrcoef(aside, sideways)[0, 1] > 0.9
        down_in_the_hand = -rotations[:, 2, 0]  # along the hand's x
        assert np.ptp(down_in_the_hand) > np.sin(np.radians(15))


def test_a_punch_goes_forward_and_comes_back() -> None:
    for made in performances("punch", 0.8):
        reach = made.place_m[:, 1]
        assert reach.max() > 0.15
        assert reach.max() > 2 * np.abs(made.place_m[:, [0, 2]]).max()
        assert 0.1 < reach.argmax() / len(reach) < 0.6
        assert np.linalg.norm(made.place_m[-1]) < 0.15 * reach.max()


def test_a_flex_tilts_the_hand_far_and_back() -> None:
    for made in performances("flex", 1.2):
        up = rotation_matrices(made.angles_rad)[:, 2]  # the room's up, in the hand's axes
        tilt = np.degrees(np.arccos(np.clip(up @ up[0], -1, 1)))
        assert tilt.max() > 45
        assert tilt[-1] < 5
        assert made.place_m[:, 2].max() > 0.1


def test_a_wing_has_two_valleys_and_ends_on_the_right() -> None:
    for made in performances("wing", 1.2):
        x, z = made.place_m[:, 0], made.place_m[:, 2]
        height = np.ptp(z)
        middle = np.flatnonzero((x > 0.4 * x[-1]) & (x < 0.6 * x[-1]))
        peak = middle[z[middle].argmax()]
        assert x[-1] > 0.15
        assert z[:peak].min() < z[peak] - 0.25 * height
        assert z[peak:].min() < z[peak] - 0.25 * height
        assert z[peak:].min() < z[-1] - 0.5 * height


def test_a_ring_is_one_round_clockwise() -> None:
    for made in performances("ring", 1.0):
        path = made.place_m[:, [0, 2]]
        since_middle = path - (path.max(axis=0) + path.min(axis=0)) / 2
        angle = np.unwrap(np.arctan2(since_middle[:, 1], since_middle[:, 0]))
        assert -1.3 < (angle[-1] - angle[0]) / (2 * np.pi) < -0.8
        assert np.linalg.norm(path[-1]) < 0.8 * np.ptp(path, axis=0).max()


def test_a_slope_goes_down_and_then_to_the_right() -> None:
    for made in performances("slope", 1.0):
        x, z = made.place_m[:, 0], made.place_m[:, 2]
        corner = x.argmin()
        assert z[-1] < -0.7 * np.ptp(z)
        assert z[corner] < -0.3 * np.ptp(z)
        assert x[-1] - x[corner] > 0.5 * np.ptp(x)


def test_idle_is_a_hand_that_hardly_moves() -> None:
    for made in performances("idle", 10.0):
        assert np.abs(made.place_m).max() < 0.01
        assert np.degrees(np.abs(made.angles_rad)).max() < 6
        assert not made.shocks_m_s2.any()


def test_what_is_no_gesture_differs_from_one_to_the_next() -> None:
    strengths = {name: [np.ptp(made.place_m) for made in performances(name, 6.0)] for name in OTHERS}
    for name, found in strengths.items():
        assert max(found) > 1.3 * min(found), name
    assert len({made.place_m.tobytes() for name in OTHERS for made in performances(name, 6.0)}) == 20 * len(OTHERS)


# -- the functions they are put together from


def test_minimum_jerk_is_flash_and_hogans_polynomial() -> None:
    """It rests at both ends: speed and acceleration are 0, and the integral of jerk² is the least, 720."""
    phase = np.linspace(0, 1, 20_001)
    place = minimum_jerk(phase)
    assert (place[0], place[10_000], place[-1]) == (0, 0.5, 1)
    assert minimum_jerk(np.array([-3.0, 4.0])).tolist() == [0, 1]
    speed = np.gradient(place, phase)
    acceleration = np.gradient(speed, phase)
    assert speed.max() == pytest.approx(1.875, rel=1e-4)
    assert max(abs(speed[[0, -1]]).max(), abs(acceleration[[0, -1]]).max()) < 0.01
    jerk = np.gradient(acceleration, phase)[10:-10]
    assert (jerk**2).mean() == pytest.approx(720, rel=0.02)


def test_smooth_noise_has_nothing_above_its_cutoff() -> None:
    time_s = np.arange(40_000) / 200
    for seed in range(3):
        noise = smooth_noise(time_s, 2.0, np.random.default_rng(seed))
        power = np.abs(np.fft.rfft(noise * np.hanning(len(noise)))) ** 2
        frequency = np.fft.rfftfreq(len(noise), 1 / 200)
        assert power[frequency > 2.05].sum() < 1e-4 * power.sum()
        assert noise.std() == pytest.approx(1, abs=0.2)
        assert abs(noise.mean()) < 0.1


def test_a_fade_rises_stays_and_falls() -> None:
    time_s = np.linspace(0, 5, 501)
    gain = fade(time_s, 5.0, 0.5)
    assert (gain[0], gain[-1]) == (0, 0)
    np.testing.assert_allclose(gain[50:451], 1)
    np.testing.assert_allclose(gain, gain[::-1], atol=1e-12)


def test_through_rests_at_every_place_of_strokes_that_do_not_overlap() -> None:
    time_s = np.linspace(0, 3, 301)
    places = np.array([[0.0, 0], [1, 2], [-1, 0], [0, 5]])
    path = through(time_s, np.array([[0.0, 1], [1, 2], [2, 3]]), places)
    np.testing.assert_allclose(path[[0, 100, 200, 300]], places, atol=1e-12)
    np.testing.assert_allclose(path[50], [0.5, 1], atol=1e-12)
