"""Made noises have the spectra that they are named after."""

import numpy as np
import pytest

from tinyml_labs.features.noise import NOISES, make_babble, make_noise

RATE_HZ = 16000


def octaves_db(noise: np.ndarray) -> np.ndarray:
    """Mean power density in the octaves from 62.5 to 4,000 Hz, in decibels, the first one 0."""
    power = np.abs(np.fft.rfft(noise.astype(float))) ** 2
    frequencies = np.fft.rfftfreq(len(noise), 1 / RATE_HZ)
    lows = 62.5 * 2.0 ** np.arange(6)
    levels = np.array([power[(frequencies >= low) & (frequencies < 2 * low)].mean() for low in lows])
    return 10 * np.log10(levels / levels[0])


def crest(noise: np.ndarray) -> float:
    return float(np.abs(noise).max() / np.sqrt((noise.astype(float) ** 2).mean()))


@pytest.mark.parametrize("kind", NOISES)
def test_level_type_and_seed(kind: str) -> None:
    noise = make_noise(kind, 3 * RATE_HZ, 7)
    assert noise.dtype == np.float32
    assert noise.shape == (3 * RATE_HZ,)
    loudness = np.sqrt((noise.astype(float) ** 2).mean())
    assert np.abs(noise).max() <= 1
    assert loudness == pytest.approx(0.1, rel=1e-3) or np.abs(noise).max() == 1
    assert 0.01 < loudness < 0.11
    assert abs(noise.mean()) < 1e-3
    np.testing.assert_array_equal(noise, make_noise(kind, 3 * RATE_HZ, 7))
    assert not np.array_equal(noise, make_noise(kind, 3 * RATE_HZ, 8))


@pytest.mark.parametrize(("kind", "slope_db"), [("white", 0.0), ("pink", -3.01), ("brown", -6.02)])
def test_coloured_noises_fall_by_so_much_an_octave(kind: str, slope_db: float) -> None:
    levels = octaves_db(make_noise(kind, 20 * RATE_HZ, 1))
    np.testing.assert_allclose(levels, slope_db * np.arange(6), atol=0.8)


@pytest.mark.slow
def test_hum_is_lines_at_the_mains() -> None:
    found = set()
    for seed in range(6):
        noise = make_noise("hum", 10 * RATE_HZ, seed)
        power = np.abs(np.fft.rfft(noise.astype(float) * np.hanning(len(noise)))) ** 2
        frequencies = np.fft.rfftfreq(len(noise), 1 / RATE_HZ)
        strongest = frequencies[40 + np.argmax(power[40:1000])]  # from 4 to 100 Hz
        mains = 50 if abs(strongest - 50) < 1 or abs(strongest - 100) < 2 else 60
        found.add(mains)
        near = np.abs(frequencies / mains - np.round(frequencies / mains)) * mains
        harmonics = (near < 1 + 0.01 * frequencies) & (frequencies < 31 * mains)
        assert power[harmonics].sum() > 0.9 * power.sum()
        second = power[np.abs(frequencies - 2 * mains) < 1].max()
        assert second > 1e4 * np.median(power)
    assert found == {50, 60}


def test_clicks_are_short() -> None:
    noise = make_noise("clicks", 10 * RATE_HZ, 2)
    assert crest(noise) > 10
    blocks = (noise[: len(noise) // 160 * 160].reshape(-1, 160).astype(float) ** 2).mean(axis=1)
    loud = blocks > blocks.mean()
    assert 0.01 < loud.mean() < 0.2, "most of the time it is silent"
    starts = np.count_nonzero(loud[1:] & ~loud[:-1])
    assert 20 < starts < 120


def test_clatter_rings_on() -> None:
    """Of what sounds at a blow more is left 30 ms later than of a click, and there are pauses."""

    def left(kind: str) -> float:
        sound = make_noise(kind, 20 * RATE_HZ, 2).astype(float)
        blocks = (sound.reshape(-1, 160) ** 2).mean(axis=1)
        blows = np.flatnonzero((blocks[1:-4] > 10 * blocks[:-5]) & (blocks[1:-4] > np.quantile(blocks, 0.9))) + 1
        assert len(blows) > 5
        return float(np.median(blocks[blows + 3] / blocks[blows]))

    assert left("clatter") > 5 * left("clicks")
    blocks = (make_noise("clatter", 20 * RATE_HZ, 3).reshape(-1, 800).astype(float) ** 2).mean(axis=1)
    assert np.quantile(blocks, 0.1) < 0.02 * blocks.mean()
    assert octaves_db(make_noise("clatter", 10 * RATE_HZ, 2)).argmax() in (3, 4, 5), "500 to 4,000 Hz"


def test_water_rings_in_the_middle_and_goes_on() -> None:
    noise = make_noise("water", 10 * RATE_HZ, 2)
    levels = octaves_db(noise)
    assert levels.argmax() in (3, 4), "500 to 2,000 Hz"
    assert levels[4] - levels[0] > 6
    blocks = (noise.reshape(-1, 1600).astype(float) ** 2).mean(axis=1)
    assert blocks.min() > 0.02 * blocks.mean(), "no pauses"


@pytest.mark.slow
def test_babble_has_the_spectrum_and_the_pace_of_speech() -> None:
    noise = make_noise("babble", 20 * RATE_HZ, 3).astype(float)
    levels = octaves_db(noise)
    assert levels[2:4].mean() > levels[5] + 8, "250 to 1,000 Hz are above 2,000 to 4,000 Hz"
    envelope = np.sqrt((noise.reshape(-1, 160) ** 2).mean(axis=1))
    power = np.abs(np.fft.rfft(envelope - envelope.mean())) ** 2
    frequencies = np.fft.rfftfreq(len(envelope), 0.01)
    pace = power[(frequencies > 1) & (frequencies < 8)].mean()
    assert pace > 3 * power[(frequencies > 20) & (frequencies < 45)].mean()


def test_babble_of_clips() -> None:
    """Each clip is a tone: all of them are in the babble, and nothing else."""
    time = np.arange(4800) / RATE_HZ
    clips = [
        (9000 * np.hanning(4800) * np.sin(2 * np.pi * hertz * time)).astype(np.int16) for hertz in (500, 900, 1700)
    ]
    babble = make_babble(clips, 10 * RATE_HZ, 4)
    assert babble.shape == (10 * RATE_HZ,)
    power = np.abs(np.fft.rfft(babble.astype(float))) ** 2
    frequencies = np.fft.rfftfreq(len(babble), 1 / RATE_HZ)
    parts = [power[np.abs(frequencies - hertz) < 20].sum() / power.sum() for hertz in (500, 900, 1700)]
    assert min(parts) > 0.1
    assert sum(parts) > 0.98
    np.testing.assert_array_equal(babble, make_babble(clips, 10 * RATE_HZ, 4))
    with pytest.raises(ValueError, match="Found 0 clips"):
        make_babble([], 100)


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="no noise 'purple'; there are white, pink, brown, hum"):
        make_noise("purple", 100)
    with pytest.raises(ValueError, match="samples is 0"):
        make_noise("pink", 0)


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("samples", [1, 2, 63, 1000])
def test_short_ones(kind: str, samples: int) -> None:
    noise = make_noise(kind, samples)
    assert noise.shape == (samples,)
    assert np.isfinite(noise).all()
