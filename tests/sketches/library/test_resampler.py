"""The library's resampler against NumPy's interpolation."""

from __future__ import annotations

import numpy as np
import pytest
from cpp_programs import run_lines
from numpy.typing import NDArray

pytestmark = pytest.mark.slow


def resample(pieces: list[NDArray[np.float32]], from_hz: float, to_hz: float) -> NDArray[np.float64]:
    lines = "\nreset\n".join("\n".join(f"{value:.9g}" for value in piece) for piece in pieces)
    found = run_lines("resampler", round(from_hz * 1000), round(to_hz * 1000), given=lines)
    return np.array(found, float)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(99.84, 119), (100, 119), (200, 119), (62.5, 119), (238, 119)])
def test_lines_between_samples_without_drift(from_hz: float, to_hz: float) -> None:
    """Ten minutes, and then, behind a gap, once more from the first sample on."""
    random = np.random.default_rng(1)
    pieces = [random.normal(size=round(600 * from_hz)).astype(np.float32), random.normal(size=7).astype(np.float32)]
    expected = []
    for piece in pieces:
        times = np.arange(int((len(piece) - 1) * to_hz / from_hz + 1e-9) + 1) * from_hz / to_hz
        expected.append(np.interp(times, np.arange(len(piece)), piece))
    found = resample(pieces, from_hz, to_hz)
    assert len(found) == sum(map(len, expected))
    np.testing.assert_allclose(found, np.concatenate(expected), rtol=0, atol=2e-6)


def test_equal_rates_change_no_bit() -> None:
    values = np.random.default_rng(2).integers(0, 2**31, 20_000, np.int64).astype(np.uint32).view(np.float32)
    values = values[np.isfinite(values) & (np.abs(values) < 1e30)]
    np.testing.assert_array_equal(resample([values], 119, 119).astype(np.float32), values)
