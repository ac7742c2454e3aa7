"""Silence is cut off, and nothing else."""

import numpy as np
import pytest

from tinyml_labs.features.trimming import trim_silence


def beep(before: int, length: int, after: int, noise: float = 0) -> np.ndarray:
    tone = 8000 * np.sin(np.arange(length) / 5)
    whole = np.concatenate([np.zeros(before), tone, np.zeros(after)])
    return (whole + np.random.default_rng(0).normal(size=len(whole)) * noise).astype(np.int16)


def test_it_keeps_the_sound_and_its_margins() -> None:
    whole = beep(4000, 8000, 6400)
    kept = trim_silence(whole, margin_ms=20)
    assert len(kept) == 8000 + 2 * 320
    assert kept.base is not None
    np.testing.assert_array_equal(kept, whole[4000 - 320 : 12000 + 320])


def test_at_any_place_no_sound_is_lost() -> None:
    for before in range(0, 700, 13):
        whole = beep(before, 3000, 777, noise=20)
        kept = trim_silence(whole, margin_ms=0)
        start = next(k for k in range(len(whole)) if np.array_equal(whole[k : k + len(kept)], kept))
        assert start <= before
        assert start + len(kept) >= before + 3000
        assert len(kept) < 3000 + 2 * 160 + 1


def test_pauses_stay_and_ends_are_ends() -> None:
    whole = np.concatenate([beep(0, 2000, 3000), beep(0, 2000, 0)])
    assert len(trim_silence(whole)) == len(whole)
    assert len(trim_silence(beep(0, 999, 0))) == 999


def test_threshold() -> None:
    """A softer sound, 26 dB below, counts or not."""
    whole = np.concatenate([beep(0, 1600, 0) // 20, beep(0, 1600, 0)])
    assert len(trim_silence(whole, margin_ms=0)) == 3200
    assert len(trim_silence(whole, margin_ms=0, threshold_db=-20)) == 1600


def test_silence_and_floats() -> None:
    assert len(trim_silence(np.zeros(1000, np.int16))) == 0
    assert len(trim_silence(np.zeros(0, np.int16))) == 0
    kept = trim_silence((beep(4000, 8000, 6400) / 32768).astype(np.float32), margin_ms=20)
    assert kept.dtype == np.float32
    assert len(kept) == 8640


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match=r"shape \(5, 2\), expected \(n,\)"):
        trim_silence(np.zeros((5, 2), np.int16))
    with pytest.raises(ValueError, match="threshold_db is 3"):
        trim_silence(np.zeros(5, np.int16), threshold_db=3)
