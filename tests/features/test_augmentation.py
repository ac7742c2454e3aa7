"""Each change of a clip means what its name says."""

import numpy as np
import pytest

from tinyml_labs.features.augmentation import (
    AugmentationSettings,
    add_noise,
    add_room,
    augment,
    change_speed,
    colour,
    mask_spectrogram,
    place,
    scale_loudness,
    to_float,
    to_int16,
)
from tinyml_labs.features.noise import make_noise

RATE_HZ = 16000


def tone(hertz: float, samples: int, loudness: float = 0.3) -> np.ndarray:
    time = np.arange(samples) / RATE_HZ
    return (loudness * np.hanning(samples) * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def power(sound: np.ndarray) -> float:
    return float((sound.astype(float) ** 2).mean())


def strongest_hz(sound: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(sound.astype(float), 1 << 17))
    return float(np.argmax(spectrum)) * RATE_HZ / (1 << 17)


def test_integers_and_back() -> None:
    every = np.arange(-32768, 32768).astype(np.int16)
    np.testing.assert_array_equal(to_int16(to_float(every)), every)
    assert to_int16(np.float32([1.5, -1.5])).tolist() == [32767, -32768]


@pytest.mark.parametrize("offset", [-5, -3, 0, 2, 7, 8, 20])
@pytest.mark.parametrize("length", [4, 8, 12])
def test_place(offset: int, length: int) -> None:
    clip = np.arange(1, 6, dtype=np.float32)
    window = place(clip, length, offset)
    assert window.dtype == np.float32
    for k in range(length):
        assert window[k] == (clip[k - offset] if 0 <= k - offset < 5 else 0)


@pytest.mark.parametrize("factor", [0.8, 0.93, 1.0, 1.1, 1.25])
def test_speed(factor: float) -> None:
    """Length and pitch follow, the loudness stays; a tone is a tone still."""
    clip = tone(1000, 8000)
    played = change_speed(clip, factor)
    assert played.dtype == np.float32
    assert len(played) == round(8000 / factor)
    assert strongest_hz(played) == pytest.approx(1000 * factor, rel=0.002)
    assert power(played) == pytest.approx(power(clip), rel=0.01)
    time = np.arange(len(played)) * (8000 / len(played))
    expected = 0.3 * np.sin(np.pi * time / 7999) ** 2 * np.sin(2 * np.pi * 1000 * time / RATE_HZ)
    np.testing.assert_allclose(played, expected, atol=2e-3)


def test_faster_leaves_no_aliases() -> None:
    """7,500 Hz at 1.25 would be 9,375 Hz, which 16,000 samples a second cannot hold."""
    assert power(change_speed(tone(7500, 8000), 1.25)) < 1e-6 * power(tone(7500, 8000))
    with pytest.raises(ValueError, match="factor is 0"):
        change_speed(tone(440, 100), 0)


@pytest.mark.parametrize("level_db", [-50.0, -20.0, -12.0])
def test_loudness(level_db: float) -> None:
    scaled = scale_loudness(tone(500, 8000, 0.01), level_db)
    assert 10 * np.log10(power(scaled)) == pytest.approx(level_db, abs=0.01)


def test_loudness_ends_at_full_scale() -> None:
    assert np.abs(scale_loudness(tone(500, 8000), 0)).max() == pytest.approx(1)
    assert not scale_loudness(np.zeros(10, np.float32), -20).any()


@pytest.mark.parametrize("snr_db", [-10.0, 0.0, 12.5, 30.0])
def test_signal_to_noise_ratio(snr_db: float) -> None:
    """Of the clip itself, however long the silence is that it stands in."""
    clip = tone(500, 6000)
    noise = make_noise("pink", 20000, 1)
    for length in (6000, 16000):
        window = place(clip, length, (length - 6000) // 2)
        noisy = add_noise(window, noise, snr_db, np.random.default_rng(2))
        added = noisy.astype(float) - window
        assert 10 * np.log10(power(clip) / power(added)) == pytest.approx(snr_db, abs=0.05)


def test_noise_is_taken_from_anywhere_and_goes_round() -> None:
    noise = np.arange(1, 51, dtype=np.float32) / 100
    clip = np.ones(200, np.float32)
    starts = set()
    for seed in range(40):
        added = add_noise(clip, noise, 0, np.random.default_rng(seed)) - clip
        np.testing.assert_allclose(added[50:], added[:-50], atol=1e-6)
        starts.add(int(np.argmin(added[:50])))
    assert len(starts) > 15


def test_silence_has_no_ratio() -> None:
    with pytest.raises(ValueError, match="The clip is silent"):
        add_noise(np.zeros(10, np.float32), np.ones(5, np.float32), 10, np.random.default_rng(0))
    with pytest.raises(ValueError, match="The noise is silent"):
        add_noise(np.ones(10, np.float32), np.zeros(5, np.float32), 10, np.random.default_rng(0))


@pytest.mark.parametrize("decay_s", [0.15, 0.4, 0.8])
@pytest.mark.parametrize("direct_db", [-3.0, 5.0])
def test_a_room_dies_away_in_its_time(decay_s: float, direct_db: float) -> None:
    """Of a clap: what comes straight, when the echoes begin, their energy, and M. Schroeder's (1965) decay time."""
    clap = np.float32([1.0])
    response = add_room(clap, np.random.default_rng(3), decay_s=decay_s, direct_db=direct_db).astype(float)
    assert len(response) == 1 + round(decay_s * RATE_HZ)
    assert response[0] == pytest.approx(1, abs=1e-4)
    echoes = response[1:]
    first = np.flatnonzero(np.abs(echoes) > 1e-5)[0]
    assert 0.0015 * RATE_HZ < first < 0.011 * RATE_HZ
    assert 10 * np.log10(1 / (echoes**2).sum()) == pytest.approx(direct_db, abs=0.05)
    remaining = 10 * np.log10(np.cumsum(echoes[::-1] ** 2)[::-1] / (echoes**2).sum())
    begin, end = (np.flatnonzero(remaining < level)[0] for level in (-5, -25))
    assert 3 * (end - begin) / RATE_HZ == pytest.approx(decay_s, rel=0.15)


def test_a_room_is_linear_and_keeps_the_place() -> None:
    clip = tone(700, 3001)
    wet = add_room(clip, np.random.default_rng(5), decay_s=0.2)
    response = add_room(np.float32([1.0]), np.random.default_rng(5), decay_s=0.2)
    np.testing.assert_allclose(wet, np.convolve(clip, response), atol=1e-5)
    with pytest.raises(ValueError, match="decay_s is 0"):
        add_room(clip, np.random.default_rng(0), decay_s=0)


def test_masks() -> None:
    many = np.ones((400, 49, 40), np.float32)
    masked = mask_spectrogram(many, np.random.default_rng(1), longest=10, widest=6)
    assert many.all(), "the original stays"
    frames = (masked == 0).all(axis=2).sum(axis=1)
    channels = (masked == 0).all(axis=1).sum(axis=1)
    assert set(frames) == set(range(11))
    assert set(channels) == set(range(7))
    for one in masked:
        rows, columns = (one == 0).all(axis=1), (one == 0).all(axis=0)
        np.testing.assert_array_equal(one == 0, rows[:, np.newaxis] | columns)
        assert np.count_nonzero(np.diff(np.r_[0, rows, 0])) in (0, 2), "one mask, in one piece"
    hidden = (masked == 0).all(axis=2).mean(axis=0)
    assert hidden[10:39] == pytest.approx(5 / 42, abs=0.05), "anywhere alike"


def test_a_single_spectrogram_and_another_value() -> None:
    one = np.full((49, 40), 3.0, np.float32)
    masked = mask_spectrogram(one, np.random.default_rng(0), time_masks=2, frequency_masks=0, value=7)
    assert masked.shape == one.shape
    assert masked.dtype == np.float32
    assert set(np.unique(masked)) == {3.0, 7.0}
    np.testing.assert_array_equal(
        mask_spectrogram(one, np.random.default_rng(0), time_masks=0, frequency_masks=0), one
    )
    with pytest.raises(ValueError, match="Masks of 50 frames"):
        mask_spectrogram(one, np.random.default_rng(0), longest=50)
    with pytest.raises(ValueError, match=r"shape \(40,\)"):
        mask_spectrogram(one[0], np.random.default_rng(0))


@pytest.mark.slow
def test_augment() -> None:
    clip = to_int16(tone(800, 7000))
    noises = [make_noise(kind, 20000, 1) for kind in ("pink", "clicks")]
    one = augment(clip, np.random.default_rng(1), noises=noises)
    assert one.dtype == np.int16
    assert one.shape == (16000,)
    np.testing.assert_array_equal(one, augment(clip, np.random.default_rng(1), noises=noises))
    random = np.random.default_rng(2)
    many = np.stack([augment(clip, random, noises=noises) for _ in range(100)])
    pitches = [strongest_hz(place(to_float(sound), 16000, 0)) for sound in many]
    assert np.mean([0.84 * 800 < hertz < 1.16 * 800 for hertz in pitches]) > 0.8
    assert np.ptp(pitches) > 100
    levels = 10 * np.log10([power(to_float(sound)) for sound in many])
    assert np.ptp(levels) > 10


def test_augment_without_chance_only_places() -> None:
    """A fitting clip is whole, somewhere; of a longer one there is a part."""
    level = -25.0
    settings = AugmentationSettings(
        speed=(1, 1), level_db=(level, level), noise_share=0, room_share=0, colour_share=0
    )
    for samples in (5000, 16000, 20000):
        clip = (3000 * np.random.default_rng(9).normal(size=samples)).astype(np.int16)
        expected = to_int16(scale_loudness(to_float(clip), level)).astype(float)
        starts = set()
        for seed in range(12):
            found = augment(clip, np.random.default_rng(seed), settings=settings).astype(float)
            size = 1 << 16
            match = np.fft.irfft(np.conj(np.fft.rfft(expected, size)) * np.fft.rfft(found, size))
            start = int(np.argmax(match))
            start -= size if start > size // 2 else 0
            np.testing.assert_allclose(found, place(np.float32(expected), 16000, start), atol=1)
            assert min(0, 16000 - samples) <= start <= max(0, 16000 - samples)
            starts.add(start)
        assert len(starts) > 6 or samples == 16000


def test_silence_stays_silence() -> None:
    sound = augment(np.zeros(4000, np.int16), np.random.default_rng(0), noises=[make_noise("pink", 16000)])
    assert not sound.any()


def test_colour_is_one_response_for_the_whole_clip() -> None:
    """Each frequency is louder or softer by what the microphone does to it, as the strength says; none is new."""
    clip = np.random.default_rng(0).normal(0, 0.1, 8192).astype(np.float32)
    responses = []
    for seed in range(200):
        coloured = colour(clip, np.random.default_rng(seed), 4.0)
        response = 20 * np.log10(np.abs(np.fft.rfft(coloured) / np.fft.rfft(clip)))
        again = np.abs(np.fft.rfft(colour(2 * clip, np.random.default_rng(seed), 4.0)) / np.fft.rfft(2 * clip))
        np.testing.assert_allclose(20 * np.log10(again), response, atol=0.02)
        assert np.abs(np.diff(response[256:])).max() < 0.2  # smooth: from 500 Hz on
        responses.append(response)
    spread = np.std(responses, axis=0)
    assert 2 < spread[512:].mean() < 8
    np.testing.assert_allclose(colour(clip, np.random.default_rng(1), 0.0), clip, atol=1e-6)
