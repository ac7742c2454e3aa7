"""Resampling against sines as they are, a loop with a filter made otherwise, and SciPy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyml_labs.features import resample

RATES = [(119, 50), (50, 119), (119, 62.5), (100, 119), (104, 119), (119.4, 119), (118.7, 119), (48000, 16000)]


def waves(frequency_hz: float, rate_hz: float, count: int) -> np.ndarray:
    """A sine and a cosine."""
    angle = 2 * np.pi * frequency_hz * np.arange(count) / rate_hz
    return np.stack([np.sin(angle), np.cos(angle)], axis=1)


def middle(values: np.ndarray, from_hz: float, to_hz: float) -> np.ndarray:
    edge = math.ceil(20 * to_hz / min(from_hz, to_hz))  # 20 samples of the lower rate
    return values[edge:-edge]


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
@pytest.mark.parametrize("part", [0.02, 0.2, 0.4, 0.6, 0.68])
def test_a_sine_stays_the_sine_it_was(from_hz: float, to_hz: float, part: float) -> None:
    frequency = part * min(from_hz, to_hz) / 2
    found = resample(waves(frequency, from_hz, 700), from_hz, to_hz)
    error = middle(found - waves(frequency, to_hz, len(found)), from_hz, to_hz)
    assert len(error) > 100
    assert np.abs(error).max() < 1.5e-4  # 76 dB below


@pytest.mark.parametrize(("from_hz", "to_hz"), [rates for rates in RATES if rates[0] > rates[1]])
def test_what_the_new_rate_cannot_hold_is_gone(from_hz: float, to_hz: float) -> None:
    for frequency in np.linspace(to_hz / 2, from_hz / 2, 9):
        found = resample(waves(frequency, from_hz, 700), from_hz, to_hz)
        assert np.abs(middle(found, from_hz, to_hz)).max() < 1.5e-4


def test_taking_every_third_sample_would_fail_here() -> None:
    """A vibration of 17 Hz, seen at 18 Hz, is a motion of 1 Hz."""
    samples = waves(17, 54, 540)
    naive = samples[::3]
    np.testing.assert_allclose(naive[:, 1], waves(1, 18, len(naive))[:, 1], atol=1e-9)
    assert np.abs(middle(resample(samples, 54, 18), 54, 18)).max() < 1e-4


def test_a_slow_motion_is_right_up_to_its_ends() -> None:
    for from_hz, to_hz in RATES[:7]:
        found = resample(waves(1, from_hz, 500), from_hz, to_hz)
        assert np.abs(found - waves(1, to_hz, len(found))).max() < 0.01
        np.testing.assert_allclose(found[0], [0, 1], atol=1e-3)


@settings(max_examples=60, deadline=None)
@given(
    value=st.floats(-(2.0**100), 2.0**100, width=32),
    count=st.integers(1, 90),
    from_hz=st.floats(1, 300),
    to_hz=st.floats(1, 300),
)
def test_a_constant_stays_the_same_everywhere(value: float, count: int, from_hz: float, to_hz: float) -> None:
    found = resample(np.full((count, 2), value, np.float32), from_hz, to_hz)
    assert found.dtype == np.float32
    assert (found == np.float32(value)).all()


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 90), from_hz=st.floats(1, 300), to_hz=st.floats(1, 300))
def test_a_slope_keeps_its_times_and_goes_on_to_the_last(count: int, from_hz: float, to_hz: float) -> None:
    """The samples of a clock are their own times."""
    seconds = (np.arange(count) / from_hz)[:, np.newaxis]
    found = resample(seconds, from_hz, to_hz)
    expected = np.arange(len(found)) / to_hz
    np.testing.assert_allclose(found[:, 0] * from_hz, expected * from_hz, atol=1e-3 * max(1, from_hz / to_hz))
    assert expected[-1] <= seconds[-1, 0] + 1e-6
    assert len(found) / to_hz > seconds[-1, 0] - 1e-6  # one more would be past the end


@pytest.mark.parametrize(
    ("count", "from_hz", "to_hz", "expected"),
    [
        (119, 119, 119, 119),
        (120, 119, 50, 51),
        (119, 119, 50, 50),
        (101, 100, 119, 120),
        (1, 100, 119, 1),
        (4, 3, 1, 2),
        (4, 99.9, 33.3, 2),
    ],
)
def test_how_many_samples_there_are(count: int, from_hz: float, to_hz: float, expected: int) -> None:
    assert resample(np.zeros((count, 3)), from_hz, to_hz).shape == (expected, 3)


def test_equal_rates_give_a_copy() -> None:
    samples = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    found = resample(samples, 119, 119)
    np.testing.assert_array_equal(found, samples)
    assert not np.shares_memory(found, samples)


def test_samples_that_both_rates_have_stay_what_they_are_going_up() -> None:
    samples = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    np.testing.assert_allclose(resample(samples, 40, 120)[::3], samples, atol=1e-6)


def test_channels_do_not_mix() -> None:
    samples = np.random.default_rng(0).normal(size=(80, 3))
    together = resample(samples, 119, 50)
    for channel in range(3):
        np.testing.assert_array_equal(together[:, [channel]], resample(samples[:, [channel]], 119, 50))


def test_no_seam_between_the_blocks_of_a_long_recording() -> None:
    for from_hz, to_hz in ((118.7, 119), (119, 50)):
        found = resample(waves(5, from_hz, 40_000), from_hz, to_hz)
        error = middle(found - waves(5, to_hz, len(found)), from_hz, to_hz)
        assert np.abs(error).max() < 1.5e-4


@pytest.mark.slow
@pytest.mark.parametrize(("from_hz", "to_hz"), [(119, 50), (100, 119), (119.4, 119)])
def test_equals_a_loop_with_a_kernel_of_its_own(from_hz: float, to_hz: float) -> None:
    """One output sample after the other; Kaiser's window from its series, the ends from their definition."""

    def bessel(x: float) -> float:
        return sum((x / 2) ** (2 * k) / math.factorial(k) ** 2 for k in range(40))

    def at(values: list[float], k: int) -> float:
        last = len(values) - 1
        if k < 0:
            return 2 * values[0] - values[-k]
        return values[k] if k <= last else 2 * values[last] - values[2 * last - k]

    values = np.random.default_rng(3).normal(size=200).tolist()
    cutoff = min(1.0, 0.843 * to_hz / from_hz) if to_hz < from_hz else 1.0
    half = 16 / cutoff
    found = resample(np.array(values).reshape(-1, 1), from_hz, to_hz)[:, 0]
    for m in range(len(found)):
        time = m * from_hz / to_hz
        total = weights = 0.0
        for k in range(math.ceil(time - half), math.floor(time + half) + 1):
            x = math.pi * cutoff * (time - k)
            sinc = 1.0 if abs(x) < 1e-12 else math.sin(x) / x
            weight = sinc * bessel(7.857 * math.sqrt(max(0.0, 1 - ((time - k) / half) ** 2)))
            total += weight * at(values, k)
            weights += weight
        assert found[m] == pytest.approx(total / weights, abs=2e-5)


@pytest.mark.parametrize(
    ("samples", "from_hz", "to_hz", "message"),
    [
        (np.zeros(10), 100, 50, r"shape \(10,\), expected \(N, channels\).*reshape\(-1, 1\)"),
        (np.zeros((0, 3)), 100, 50, r"shape \(0, 3\).*N at least 1"),
        (np.zeros((5, 0)), 100, 50, r"shape \(5, 0\)"),
        (np.zeros((5, 1), complex), 100, 50, "complex128, expected real numbers"),
        (np.zeros((5, 1)), 0, 50, "from_hz is 0, expected a number of hertz above 0"),
        (np.zeros((5, 1)), 100, -50, "to_hz is -50"),
        (np.zeros((5, 1)), np.nan, 50, "from_hz is nan"),
        (np.zeros((5, 1)), 100, np.inf, "to_hz is inf"),
        (
            np.zeros((5, 1)),
            16,
            16000,
            "16 Hz to 16000 Hz is a factor of 1000, expected 500 at most. Are both rates in",
        ),
        (np.array([[1.0], [np.nan], [np.inf]]), 100, 50, "holds 2 values .* the first in sample 1"),
        (np.array([[1.0], [np.nan]]), 50, 50, "holds 1 values"),
    ],
)
def test_nonsense_is_refused(samples: np.ndarray, from_hz: float, to_hz: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resample(samples, from_hz, to_hz)


def test_whole_numbers_are_samples_too() -> None:
    samples = np.full((40, 1), 30_000, np.int16)
    samples[8:] = -30_000  # what goes on before the first sample does not fit 16 bits
    found = resample(samples, 100, 150)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, resample(samples.astype(np.float64), 100, 150))
