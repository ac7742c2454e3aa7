"""Motion features against plain loops (tests/golden/make_motion_features.py), and against what they are to mean."""

import base64
import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyml_labs.features import MotionFeatureSettings, motion_feature_names, motion_features

GOLDEN = Path(__file__).parents[1] / "golden"
STORED = json.loads((GOLDEN / "motion_features.json").read_text())
NAMES = motion_feature_names(6)
TIME_S = np.arange(238) / 119


@pytest.fixture(scope="module")
def plain():
    """The features in plain loops."""
    return runpy.run_path(str(GOLDEN / "make_motion_features.py"))["features_of"]


def golden_windows() -> np.ndarray:
    rows = STORED["windows"]
    counts = [np.frombuffer(base64.b64decode(row["counts"]), "<i2").reshape(-1, 6) for row in rows]
    return np.stack([c * np.float32(row["lsb"]) for c, row in zip(counts, rows, strict=True)]).astype(np.float32)


def golden_features() -> np.ndarray:
    return np.array([row["features"] for row in STORED["windows"]])


def named(window: np.ndarray, **changes: object) -> dict[str, float]:
    """The features of one window of acceleration, by name."""
    chosen = MotionFeatureSettings(**changes)
    found = motion_features(window[np.newaxis], chosen)[0]
    return dict(zip(motion_feature_names(window.shape[1], chosen), found.tolist(), strict=True))


def along(**axes: np.ndarray) -> np.ndarray:
    """A window at rest, with movements along x, y, z in g."""
    still = {"x": 0 * TIME_S, "y": 0 * TIME_S, "z": 0 * TIME_S, **axes}
    return np.stack([still["x"], still["y"], 1 + still["z"]], axis=1)


def wave(hz: float, phase: float = 0.0) -> np.ndarray:
    return np.sin(2 * np.pi * (hz * TIME_S + phase))


# -- numbers ------------------------------------------------------------------------------------------------------


def test_equals_the_golden_features() -> None:
    windows, expected = golden_windows(), golden_features()
    assert windows.shape == (len(STORED["windows"]), STORED["length"], 6)
    np.testing.assert_allclose(motion_features(windows), expected, rtol=1e-6, atol=5e-6)
    np.testing.assert_array_equal(motion_features(windows[:, :, :3]), motion_features(windows)[:, :38])
    defaults = MotionFeatureSettings()
    assert (defaults.rate_hz, list(defaults.bands_hz)) == (STORED["rate_hz"], STORED["bands_hz"])


@pytest.mark.slow
def test_the_golden_features_are_what_their_script_computes(plain) -> None:
    """From the stored windows: those of the simulation are whatever it was when they were made."""
    for window, expected in zip(golden_windows(), golden_features(), strict=True):
        np.testing.assert_allclose(plain(window.tolist()), expected, rtol=0, atol=1e-8)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    length_rate_bands=st.sampled_from(
        [(64, 50.0, (0.5, 2, 5, 10, 20)), (30, 26.0, (1, 4)), (100, 104.0, (0, 2, 13, 52)), (97, 119.0, (1, 3, 9))]
    ),
    strength=st.sampled_from([1e-4, 0.01, 0.3, 3.0]),
    rest=st.sampled_from([0.0, 0.01, 0.06, 1.0]),
    channels=st.sampled_from([3, 6]),
)
def test_equals_plain_loops(plain, seed, length_rate_bands, strength, rest, channels) -> None:
    """Other lengths, rates and bands too; and in free fall, where "up" is shorter than 1."""
    length, rate_hz, bands_hz = length_rate_bands
    chance = np.random.default_rng(seed)
    window = chance.normal(size=(length, channels)) * strength * np.repeat([1, 100], 3)[:channels]
    window[:, :3] += rest * chance.normal(size=3)
    window[chance.integers(length)] *= chance.choice([1, 5])
    found = motion_features(window[np.newaxis], MotionFeatureSettings(rate_hz=rate_hz, bands_hz=bands_hz))[0]
    np.testing.assert_allclose(found, plain(window.tolist(), rate_hz, bands_hz), rtol=1e-6, atol=5e-6)


def test_a_window_does_not_depend_on_its_batch() -> None:
    windows = np.random.default_rng(1).normal(size=(1030, 120, 3)).astype(np.float32)
    chosen = MotionFeatureSettings(bands_hz=(1, 5, 20))
    found = motion_features(windows, chosen)
    assert found.shape == (1030, 31) and found.dtype == np.float32
    for number in (0, 511, 512, 1029):
        np.testing.assert_allclose(found[number], motion_features(windows[number : number + 1], chosen)[0], atol=1e-6)
    assert motion_features(windows[:0], chosen).shape == (0, 31)


# -- what does not change them ------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), mirrored=st.booleans())
def test_however_the_board_is_turned_and_the_movement_mirrored(seed: int, mirrored: bool) -> None:
    chance = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(chance.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn)) * (-1 if mirrored else 1)
    windows = golden_windows().astype(np.float64)
    turned = np.concatenate([windows[:, :, :3] @ turn, windows[:, :, 3:] @ turn], axis=2)
    assert np.abs(motion_features(turned) - motion_features(windows)).max() <= 1e-4


def test_right_angles_change_nothing_at_all() -> None:
    windows = golden_windows()
    turned = windows[:, :, [2, 0, 1, 5, 3, 4]] * np.float32([1, -1, -1, 1, -1, -1])
    np.testing.assert_allclose(motion_features(turned), motion_features(windows), rtol=0, atol=5e-6)


# -- what they mean -----------------------------------------------------------------------------------------------


def test_a_circle_a_line_and_a_lying_circle() -> None:
    circle = named(along(x=wave(2), z=wave(2, 0.25)))
    line = named(along(x=0.7 * wave(2), z=0.7 * wave(2)))
    lying = named(along(x=wave(2), y=wave(2, 0.25)))
    standing = [found["circulation_standing"] for found in (circle, line, lying)]
    np.testing.assert_allclose(standing, [1, 0, 0], atol=0.03)
    np.testing.assert_allclose([found["circulation_lying"] for found in (circle, line, lying)], [0, 0, 1], atol=0.03)
    assert lying["horizontal_short_log10_g"] == pytest.approx(np.log10(np.sqrt(0.5)), abs=0.002)
    assert circle["horizontal_short_log10_g"] < -2.9


def test_how_strong_and_how_fast() -> None:
    found = named(along(z=wave(1.5)))
    assert found["vertical_log10_g"] == pytest.approx(np.log10(np.sqrt(0.5)), abs=0.002)
    assert found["vertical_crest"] == pytest.approx(np.sqrt(2) / 3, abs=0.002)
    assert found["vertical_share_slow"] == pytest.approx(1, abs=1e-5)
    bands = {name: value for name, value in found.items() if name.startswith("band_")}
    assert len(bands) == 9 and max(bands, key=bands.get) == "band_1.3_to_1.8_hz_log10_g"
    assert named(along(x=wave(6)))["vertical_share_fast"] == pytest.approx(0, abs=1e-4)


def test_once_or_again_and_again() -> None:
    once = named(along(y=2 * np.exp(-(((TIME_S - 1) / 0.05) ** 2))))
    again = named(along(y=wave(1)))
    assert once["energy_share_1_of_8"] > 0.3 > again["energy_share_1_of_8"] > 0.125
    assert once["horizontal_crest"] > 1.2 > 0.5 > again["horizontal_crest"]
    assert again["autocorrelation_smallest_300_to_500_ms"] < -0.7  # half a second and no more, its contrary
    assert again["autocorrelation_largest_800_to_1300_ms"] > 0.45  # a second: half of the window is beside itself
    assert abs(once["autocorrelation_largest_800_to_1300_ms"]) < 0.1


def test_a_turned_board_is_seen_in_the_tilt() -> None:
    angle = np.pi / 2 * (TIME_S > 1)
    turned = named(np.stack([np.sin(angle), 0 * angle, np.cos(angle)], axis=1))
    assert turned["tilt_first_to_last_1_minus_cos"] == pytest.approx(1, abs=1e-5)
    assert turned["tilt_largest_1_minus_cos"] == pytest.approx(1 - np.cos(np.pi / 4), abs=0.01)
    assert turned["size_deviation_log10_g"] == pytest.approx(-3, abs=1e-5)  # it stays 1 g


@pytest.mark.parametrize("value", [0.0, 1e-30, 0.03, 1.0, 16.0])
def test_nothing_happens(value: float) -> None:
    found = motion_features(np.full((2, 238, 6), value))
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[0], found[1])
    strengths = [k for k, name in enumerate(NAMES) if "log10" in name]
    np.testing.assert_allclose(found[:, strengths], -3, atol=1e-5)


# -- names and errors ---------------------------------------------------------------------------------------------


def test_names() -> None:
    assert len(NAMES) == len(set(NAMES)) == 52
    assert motion_feature_names() == NAMES[:38]
    assert motion_feature_names(6, MotionFeatureSettings(bands_hz=(0.5, 2.25, 20)))[5:7] == [
        "band_0.5_to_2.25_hz_log10_g",
        "band_2.25_to_20_hz_log10_g",
    ]
    with pytest.raises(ValueError, match=r"channels is 9, expected 3 \(acceleration\) or 6"):
        motion_feature_names(9)


def test_lines_and_lags_are_those_of_a_board() -> None:
    """In float32: 0.3 * 100 and 2.5 / 100 * 256 are exact or not, but on both sides the same."""
    chosen = MotionFeatureSettings(rate_hz=100, bands_hz=(0, 12.5, 25, 50))
    assert chosen.lags() == [16, 30, 50, 80, 130]
    assert chosen.lines(256) == [slice(0, 32), slice(32, 64), slice(64, 128)]
    assert MotionFeatureSettings().lags() == [19, 35, 59, 95, 154]
    assert MotionFeatureSettings().lines(238)[:3] == [slice(1, 2), slice(2, 3), slice(3, 4)]


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        (np.zeros((238, 3)), r"shape \(238, 3\), expected \(N, length, 3\).*window\[np.newaxis\]"),
        (np.zeros((1, 238, 9)), r"shape \(1, 238, 9\).*without a magnetometer it is windows\[:, :, :6\]"),
        (np.zeros((1, 95, 3)), "has 95 samples, 0.798 s at 119 Hz, expected 96 at least"),
        (np.zeros((1, 119, 3)), "band of 0.3 to 0.8 Hz has no spectral line: .* one each 0.93 Hz.*longer windows"),
        (np.full((2, 238, 3), "a"), "dtype <U1, expected real numbers"),
        (np.full((2, 238, 3), np.nan), "2 of 2 windows hold NaN or infinite values, the first is window 0"),
    ],
)
def test_windows_that_cannot_be_are_refused(windows: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        motion_features(windows)


def test_one_bad_value_is_found() -> None:
    windows = np.zeros((600, 238, 6), np.float32)
    windows[555, 3, 4] = np.inf
    with pytest.raises(ValueError, match="1 of 600 windows .*, the first is window 555, expected none. Cut"):
        motion_features(windows)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate_hz": 0}, "rate_hz is 0, expected 10 to 10,000"),
        ({"rate_hz": np.nan}, "rate_hz is nan"),
        ({"rate_hz": 9.9}, "rate_hz is 9.9"),
        ({"bands_hz": (1.0,)}, r"bands_hz is \(1.0,\), expected two or more"),
        ({"bands_hz": (2, 1)}, "each above the one before"),
        ({"bands_hz": (1, 1, 2)}, "each above the one before"),
        ({"bands_hz": (-1, 2)}, "bands_hz"),
        ({"bands_hz": (1, np.inf)}, "bands_hz"),
    ],
)
def test_settings_that_cannot_be_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MotionFeatureSettings(**change)


def test_a_band_above_half_the_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="band of 60 to 80 Hz has no spectral line: .* up to 59.5 Hz"):
        motion_features(np.zeros((1, 238, 3)), MotionFeatureSettings(bands_hz=(1, 60, 80)))
