"""Spectrograms against the golden ones, TensorFlow's own op of the same front end, and what they are to mean."""

import importlib
import sys

import golden_spectrograms
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tinyml_labs.features import AudioFrontEnd, SpectrogramSettings, spectrogram, spectrograms, to_real

GOLDEN = golden_spectrograms.load()
EVERY = SpectrogramSettings(stride_ms=10)


def noise(count: int, strength: float = 1000.0, seed: int = 0) -> NDArray[np.int16]:
    chance = np.random.default_rng(seed)
    return np.clip(chance.normal(size=count) * strength, -32768, 32767).astype(np.int16)


def tone(hz: float, strength: float = 0.3, count: int = 16000) -> NDArray[np.float64]:
    return strength * np.sin(2 * np.pi * hz * np.arange(count) / 16000)


# -- numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sound", GOLDEN, ids=lambda sound: sound.name)
def test_equals_the_golden_spectrograms(sound: golden_spectrograms.Golden) -> None:
    found = spectrogram(sound.samples, EVERY)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, sound.frames)
    np.testing.assert_array_equal(spectrogram(sound.samples), sound.frames[::2])


@pytest.mark.slow
def test_equals_tensorflows_op_but_for_roundings() -> None:
    """Its FFT is another release of the same library, which rounds a little differently.

    What is faint is a few counts before the logarithm: there a rounding is much, so the bound is for values over 350.
    """
    import tensorflow
    from tensorflow.lite.experimental.microfrontend.python.ops import audio_microfrontend_op as ops

    sounds = [sound.samples for sound in GOLDEN if "noise" in sound.name or "voice" in sound.name]
    sounds += [noise(16000, 10**power, seed) for seed, power in enumerate(np.linspace(0, 4, 9))]
    equal, far = [], []
    for sound in sounds:
        expected = ops.audio_microfrontend(
            tensorflow.constant(sound),
            sample_rate=16000,
            window_size=30,
            window_step=10,
            num_channels=40,
            lower_band_limit=125.0,
            upper_band_limit=7500.0,
            out_type=tensorflow.uint16,
        ).numpy()
        found = spectrogram(sound, EVERY)
        equal.append((found == expected).ravel())
        loud = np.minimum(found, expected) > 350
        far.append(np.abs(found.astype(int) - expected)[loud])
    assert np.concatenate(equal).mean() > 0.995
    assert np.concatenate(far).max() <= 3


def test_real_values_are_those_of_the_package() -> None:
    from pymicro_features import MicroFrontend

    front_end, data, expected = MicroFrontend(), noise(4000).tobytes(), []
    for begin in range(0, len(data), 320):
        expected += front_end.process_samples(data[begin : begin + 320]).features
    found = to_real(spectrogram(noise(4000), EVERY))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.ravel(), np.array(expected))


def test_every_raw_value_has_its_real_one() -> None:
    raw = np.arange(65536, dtype=np.uint16)
    np.testing.assert_array_equal(to_real(raw).astype(np.float64) * 256, raw * 10.0)
    with pytest.raises(TypeError, match="float32, expected uint16"):
        to_real(to_real(raw))


# -- streams ------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(480, 4000),
    cuts=st.lists(st.integers(0, 4000), max_size=12),
    stride_ms=st.sampled_from([10, 20, 30, 50]),
    seed=st.integers(0, 2**32),
)
def test_a_stream_is_its_whole_however_it_is_cut(count: int, cuts: list[int], stride_ms: int, seed: int) -> None:
    sound, chosen = noise(count, seed=seed), SpectrogramSettings(stride_ms=stride_ms)
    front_end = AudioFrontEnd(chosen)
    front_end.feed(noise(1234, seed=seed + 1))
    front_end.reset()
    found = [front_end.feed(part) for part in np.split(sound, sorted(cuts))]
    np.testing.assert_array_equal(np.concatenate(found), spectrogram(sound, chosen))
    assert len(np.concatenate(found)) == chosen.frames(count)


def test_a_stream_of_single_samples_and_of_none() -> None:
    sound, front_end = noise(1000), AudioFrontEnd()
    found = [front_end.feed(sound[k : k + 1]) for k in range(1000)] + [front_end.feed(sound[:0])]
    np.testing.assert_array_equal(np.concatenate(found), spectrogram(sound))


def test_what_was_fed_may_be_overwritten_afterwards() -> None:
    sound, front_end = noise(1000), AudioFrontEnd(EVERY)
    buffer = np.empty(250, np.int16)
    found = []
    for part in sound.reshape(4, 250):
        buffer[:] = part
        found.append(front_end.feed(buffer))
    np.testing.assert_array_equal(np.concatenate(found), spectrogram(sound, EVERY))


def test_two_streams_do_not_mix() -> None:
    sounds = noise(3200).reshape(2, 1600)
    both = [AudioFrontEnd(EVERY), AudioFrontEnd(EVERY)]
    found = [
        [end.feed(part) for end, part in zip(both, parts, strict=True)]
        for parts in zip(*(sound.reshape(10, 160) for sound in sounds), strict=True)
    ]
    for k in range(2):
        np.testing.assert_array_equal(np.concatenate([row[k] for row in found]), spectrogram(sounds[k], EVERY))


# -- many clips ---------------------------------------------------------------------------------------------------


def test_each_clip_has_a_fresh_front_end() -> None:
    clips = noise(5 * 1600).reshape(5, 1600)
    together = spectrograms(clips)
    assert together.shape == (5, SpectrogramSettings().frames(1600), 40)
    for clip, found in zip(clips, together, strict=True):
        np.testing.assert_array_equal(found, spectrogram(clip))
    np.testing.assert_array_equal(spectrograms(clips[:, ::-1]), [spectrogram(clip[::-1]) for clip in clips])
    np.testing.assert_array_equal(spectrograms(np.asfortranarray(clips)), together)
    assert spectrograms(clips[:0]).shape == (0, 4, 40)


@pytest.mark.slow
def test_processes_share_the_work() -> None:
    clips = noise(5 * 1600).reshape(5, 1600)
    for stride_ms, processes in ((10, 2), (20, 5), (20, 9)):
        chosen = SpectrogramSettings(stride_ms=stride_ms)
        np.testing.assert_array_equal(spectrograms(clips, chosen, processes), spectrograms(clips, chosen))


def test_the_public_class_does_if_the_inner_module_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    importlib.import_module("pymicro_features")  # which itself needs the inner module, once
    expected = spectrograms(noise(3200).reshape(2, 1600))
    monkeypatch.setitem(sys.modules, "micro_features_cpp", None)
    np.testing.assert_array_equal(spectrograms(noise(3200).reshape(2, 1600)), expected)


# -- what they mean -----------------------------------------------------------------------------------------------


def test_silence_is_nothing() -> None:
    assert not spectrogram(np.zeros(16000, np.int16)).any()


@pytest.mark.parametrize("sound", [np.full(16000, -1.0), np.sign(tone(700, 1)), tone(3000, 1)])
def test_as_loud_as_can_be(sound: NDArray) -> None:
    found = spectrogram(sound)
    assert 500 < found.max() <= 700
    np.testing.assert_array_equal(found, spectrogram(np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16)))


def test_a_higher_tone_is_in_a_higher_band() -> None:
    bands = [int(spectrogram(tone(hz)).mean(axis=0).argmax()) for hz in (200, 400, 800, 1500, 3000, 6000)]
    assert bands == sorted(set(bands)) and bands[0] < 4 and bands[-1] > 34


def test_noise_that_goes_on_is_taken_away() -> None:
    found = to_real(spectrogram(noise(48000)))
    assert found[-25:].mean() < found[:25].mean() - 2


def test_how_many_frames_there_are() -> None:
    assert (SpectrogramSettings().rate_of_frames_hz, EVERY.rate_of_frames_hz) == (50.0, 100.0)
    for count in (0, 479, 480, 639, 640, 799, 800, 16000):
        for stride_ms in (10, 20, 30):
            chosen = SpectrogramSettings(stride_ms=stride_ms)
            assert len(AudioFrontEnd(chosen).feed(noise(count))) == chosen.frames(count)


# -- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sound", "error", "text"),
    [
        (np.zeros(479, np.int16), ValueError, "A clip of 479 samples is 29.94 ms; expected 480 samples at least"),
        (np.zeros((1, 480), np.int16), ValueError, r"shape \(1, 480\), expected \(n,\)"),
        (np.zeros((480, 1), np.int16), ValueError, r"samples\[:, 0\]"),
        (np.zeros(480, np.int32), TypeError, "int32, expected int16, or float in -1..1"),
        (np.zeros(480, np.uint16), TypeError, "uint16"),
        (np.full(480, 1200.0), ValueError, "goes up to 1200, expected -1 to 1"),
        (np.full(480, np.nan), ValueError, "goes up to nan"),
    ],
)
def test_what_is_no_clip(sound: NDArray, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        spectrogram(sound)


def test_what_are_no_clips() -> None:
    with pytest.raises(ValueError, match=r"shape \(480,\), expected \(N, n\): a row a clip"):
        spectrograms(noise(480))
    with pytest.raises(ValueError, match="processes is 0, expected 1 or more"):
        spectrograms(noise(480)[np.newaxis], processes=0)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"rate_hz": 8000.0}, "rate_hz is 8000, expected 16000"),
        ({"stride_ms": 15}, "stride_ms is 15, expected a multiple of 10 ms"),
        ({"stride_ms": 0}, "stride_ms is 0"),
        ({"stride_ms": -20}, "stride_ms is -20"),
    ],
)
def test_settings_that_do_not_exist(changes: dict, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        SpectrogramSettings(**changes)


def test_without_the_package_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("micro_features_cpp", "pymicro_features"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="pip install pymicro-features"):
        AudioFrontEnd()
