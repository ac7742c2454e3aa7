"""Flite itself speaks here, where it is installed."""

import os
import shutil

import numpy as np
import pytest

from tinyml_labs.voices import flite

if shutil.which("flite") is None and not os.environ.get("CI"):
    pytest.skip("Flite is not installed: apt-get install flite", allow_module_level=True)


@pytest.mark.parametrize("voice", flite.VOICES)
def test_every_voice_speaks(voice: str) -> None:
    samples, rate_hz = flite.speak("yes", voice=voice)
    assert samples.dtype == np.int16
    assert rate_hz == 16000
    assert 0.2 < len(samples) / rate_hz < 1.5
    assert np.abs(samples.astype(int)).max() > 2000
    np.testing.assert_array_equal(flite.speak("yes", voice=voice)[0], samples)


def test_the_voices_differ() -> None:
    assert flite.list_voices() == flite.VOICES
    assert len({flite.speak("no", voice=voice)[0].tobytes() for voice in flite.VOICES}) == len(flite.VOICES)


def test_manner() -> None:
    usual = len(flite.speak("lights on")[0])
    assert len(flite.speak("lights on", stretch=1.5)[0]) == pytest.approx(1.5 * usual, rel=0.1)
    low, high = (flite.speak("lights on", pitch_hz=pitch)[0].astype(float) for pitch in (90, 220))
    periods = []
    for sound in (low, high):
        echoes = np.fft.irfft(np.abs(np.fft.rfft(sound, 1 << 16)) ** 2)
        periods.append(40 + int(np.argmax(echoes[40:270])))
    assert periods[0] > 1.6 * periods[1]


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="no voice 'hal'. It has: awb, kal16, rms, slt"):
        flite.speak("yes", voice="hal")
    with pytest.raises(ValueError, match="stretch is 9, expected 0.3 to 3"):
        flite.speak("yes", stretch=9)
    with pytest.raises(ValueError, match="pitch_hz is 9, expected 50 to 400"):
        flite.speak("yes", pitch_hz=9)
    with pytest.raises(ValueError, match="says nothing for ''"):
        flite.speak("")
