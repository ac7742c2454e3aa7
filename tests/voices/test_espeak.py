"""eSpeak NG itself speaks here: voices, manners, pronunciations, and what it refuses."""

import os
from importlib.util import find_spec

import numpy as np
import pytest

from tinyml_labs.voices import espeak
from tinyml_labs.voices.espeak_process import speak_all

if find_spec("espeakng_loader") is None and not os.environ.get("CI"):
    pytest.skip("eSpeak NG is not installed: pip install espeakng-loader", allow_module_level=True)


def pitch_hz(samples: np.ndarray, rate_hz: int) -> float:
    """The strongest period of 60 to 400 Hz."""
    spectrum = np.fft.rfft(samples.astype(float), 1 << 17)
    echoes = np.fft.irfft(np.abs(spectrum) ** 2)
    first, last = rate_hz // 400, rate_hz // 60
    return rate_hz / (first + int(np.argmax(echoes[first:last])))


def test_it_speaks() -> None:
    samples, rate_hz = espeak.speak("yes")
    assert samples.dtype == np.int16
    assert rate_hz == 22050
    assert 0.2 < len(samples) / rate_hz < 1.5
    assert np.abs(samples.astype(int)).max() > 3000
    assert len(espeak.speak("yes and no and maybe")[0]) > 2 * len(samples)


def test_manner() -> None:
    slow, rate_hz = espeak.speak("a question of water", words_per_minute=100)
    fast, _ = espeak.speak("a question of water", words_per_minute=250)
    assert len(slow) > 1.5 * len(fast)
    low, high = (pitch_hz(espeak.speak("aaah", pitch=pitch)[0], rate_hz) for pitch in (10, 90))
    assert high > 1.2 * low
    assert pitch_hz(espeak.speak("aaah", voice="en-us+f3")[0], rate_hz) > 1.2 * pitch_hz(
        espeak.speak("aaah", voice="en-us+m3")[0], rate_hz
    )


def test_a_manner_is_over_with_its_text() -> None:
    before = len(espeak.speak("water")[0])
    espeak.speak("water", voice="en+f2", words_per_minute=400, pitch=99, pitch_range=99)
    assert len(espeak.speak("water")[0]) == pytest.approx(before, rel=0.02)


@pytest.mark.parametrize("accent", espeak.ACCENTS)
def test_every_accent_speaks(accent: str) -> None:
    assert espeak.speak("no", voice=f"{accent}+f1")[0].any()


@pytest.mark.slow
def test_every_variant_speaks_and_sounds_different() -> None:
    variants = espeak.list_variants()
    assert len(variants) > 90
    sounds = {espeak.speak("yes", voice=f"en-us+{variant}")[0].tobytes() for variant in variants}
    assert len(sounds) == len(variants)


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="no voice 'xx'"):
        espeak.speak("yes", voice="xx+f3")
    with pytest.raises(ValueError, match="no variant 'f99'. It has: "):
        espeak.speak("yes", voice="en+f99")
    for text in ("", "  ", "..."):
        with pytest.raises(ValueError, match="says nothing for"):
            espeak.speak(text)
    assert espeak.speak("yes")[0].any(), "an error leaves it able to speak"


@pytest.mark.parametrize(
    ("text", "american", "british"),
    [
        ("no", "nˈo^ʊ", "nˈə^ʊ"),
        ("know", "nˈo^ʊ", "nˈə^ʊ"),
        ("judge", "d^ʒˈʌd^ʒ", "d^ʒˈʌd^ʒ"),
        ("lights off", "lˈa^ɪts ˈɔf", "lˈa^ɪts ˈɒf"),
    ],
)
def test_pronunciation(text: str, american: str, british: str) -> None:
    """As dictionaries have it; the tie stands within a sound, never between two."""
    assert espeak.phonemes(text) == american
    assert espeak.phonemes(text, "en") == british


@pytest.mark.slow
def test_the_same_list_gives_the_same_samples() -> None:
    """Also where this process has spoken before; the breath of f3 and the whisper are random otherwise."""
    requests = [
        {"text": text, "voice": voice} for text in ("yes", "no") for voice in ("en+f3", "en-us+whisper", "en+m1")
    ]
    espeak.speak("something else")
    first, second = list(speak_all(requests)), list(speak_all(requests))
    assert len(first) == len(requests)
    for (one, rate), (other, _) in zip(first, second, strict=True):
        assert rate == 22050
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_the_process_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="no voice 'xx'"):
        list(speak_all([{"text": "yes"}, {"text": "no", "voice": "xx"}]))
    some = speak_all([{"text": "yes"}] * 3)
    assert next(some)[0].any()
    some.close()
