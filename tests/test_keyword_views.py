"""The keyword lab's figures show what they were given, and its players play it."""

import base64
import io
import re
import wave
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest

from tinyml_labs import keyword_views
from tinyml_labs.features import Interval, SpectrogramSettings, WindowSettings, spectrogram
from tinyml_labs.smoothing import SmootherSettings, smooth_scores
from tinyml_labs.stream_prediction import StreamPrediction

mpl.use("Agg")
LABELS = ("silence", "unknown", "yes", "no")
SCALE, ZERO_POINT = 1 / 256, -128
SETTINGS = SpectrogramSettings()
WINDOW = WindowSettings(rate_hz=50, window_ms=980, stride_ms=100)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def tone(seconds, hz=1000.0, strength=0.25):
    time_s = np.arange(round(seconds * 16000)) / 16000
    return np.rint(32768 * strength * np.sin(2 * np.pi * hz * time_s)).astype(np.int16)


def played(markup):
    """What the players of a piece of HTML play: a list of (samples, rate in Hz)."""
    found = []
    for content in re.findall(r"data:audio/wav;base64,([^\"]+)", markup):
        with wave.open(io.BytesIO(base64.b64decode(content))) as file:
            found.append((np.frombuffer(file.readframes(file.getnframes()), "<i2"), file.getframerate()))
    return found


def predict(sound, raw):
    smoother = SmootherSettings(average_windows=3, threshold=60, release=0, hold_off=2, background=(0, 1))
    return StreamPrediction(
        starts=np.arange(len(raw), dtype=np.int64) * 1600,
        outputs=raw,
        scores=((raw.astype(np.float32) - ZERO_POINT) * SCALE).astype(np.float32),
        decisions=smooth_scores(raw, smoother),
        resets=(),
        labels=LABELS,
        window=WINDOW,
        smoother=smoother,
        rate_hz=16000.0,
        seconds=len(sound) / 16000,
        gaps=(),
        model_sha256="00",
        spectrogram=SETTINGS,
        scale=SCALE,
        zero_point=ZERO_POINT,
    )


@pytest.fixture
def stream():
    sound = tone(3.0)
    raw = np.full((21, 4), -128, np.int8)
    raw[:, 0] = 100
    raw[8:14, (0, 2)] = (-100, 110)
    return sound, predict(sound, raw), [Interval(8000, 16000, "yes"), Interval(30000, 34000, "unknown")]


def test_a_player_plays_the_samples_as_loud_as_they_are():
    soft = tone(0.1, strength=0.01)
    ((samples, rate_hz),) = played(keyword_views.listen(soft)._repr_html_())
    assert rate_hz == 16000
    assert np.abs(samples.astype(int) - soft).max() <= 1
    ((samples, rate_hz),) = played(keyword_views.listen(soft / 32768, rate_hz=8000)._repr_html_())
    assert rate_hz == 8000
    assert np.abs(samples.astype(int) - soft).max() <= 1


def test_each_of_several_sounds_has_a_player_beside_its_name():
    sounds = {"<low>": tone(0.1, 200), "high": tone(0.2, 2000)}
    shown = keyword_views.listen(sounds)._repr_html_()
    assert shown.index("&lt;low&gt;") < shown.index("high")
    for (samples, _), sound in zip(played(shown), sounds.values(), strict=True):
        assert np.abs(samples.astype(int) - sound).max() <= 1


@pytest.mark.parametrize("sound", [np.zeros((5, 2), np.int16), np.zeros(0, np.int16)])
def test_what_is_no_sound_is_not_played(sound):
    with pytest.raises(ValueError, match="expected \\(n,\\)"):
        keyword_views.listen(sound)


def test_without_sounds_there_is_nothing_to_listen_to():
    with pytest.raises(ValueError, match="empty"):
        keyword_views.listen({})


def test_clips_are_drawn_as_waveform_and_features():
    clips = {"low": tone(1, 300), "high": tone(0.5, 4000)}
    figure = keyword_views.plot_clips(clips)
    low, high, below_low, below_high = figure.axes[:4]
    assert (low.get_title(), high.get_title()) == ("low", "high")
    np.testing.assert_allclose(high.lines[0].get_ydata(), clips["high"] / 32768)
    assert high.lines[0].get_xdata()[-1] == pytest.approx(0.5, abs=1e-4)
    for ax, clip in ((below_low, clips["low"]), (below_high, clips["high"])):
        (mesh,) = ax.collections
        np.testing.assert_array_equal(mesh.get_array().reshape(40, -1), spectrogram(clip).T)
        assert ax.get_xlabel() == "time (s)"
    assert "full scale" in low.get_ylabel()
    assert "Hz" in below_low.get_ylabel()


def test_a_frame_is_drawn_around_its_middle():
    """The front end sees a click in the frames that hold it, and so does who looks at the figure."""
    click = np.zeros(16000, np.int16)
    click[8000:8016] = 20000
    (mesh,) = keyword_views.plot_clips({"click": click}).axes[1].collections
    values = mesh.get_array().reshape(40, -1)
    edges = mesh.get_coordinates()[0, :, 0]
    first = np.flatnonzero(values.any(axis=0))[0]
    assert edges[first] <= 0.5 + 0.015 <= edges[first + 2] + 0.015
    assert edges[1] - edges[0] == pytest.approx(0.02)


def test_a_frame_is_drawn_from_its_samples_to_its_bands():
    samples, power = np.hanning(480), np.linspace(1, 0, 257)
    bank = np.zeros((2, 257))
    bank[0, 10:20], bank[1, 15:40] = 1, 0.5
    figure = keyword_views.plot_frame(samples, power, bank, [3.0, 5.0])
    left, middle, right, bands = figure.axes
    assert left.lines[0].get_xdata()[-1] == pytest.approx(30, abs=0.1)
    assert middle.lines[0].get_ydata()[0] == 0 and middle.lines[0].get_xdata()[-1] == 8
    assert [line.get_ydata().max() for line in bands.lines] == [1, 0.5]
    assert [bar.get_height() for bar in right.patches] == [3, 5]
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in (left, middle, right))


def test_a_confusion_is_of_clips():
    ax = keyword_views.plot_confusion(np.diag([3, 4, 5, 6]), LABELS)
    assert [text.get_text() for text in ax.texts] == ["3", "4", "5", "6"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("what the model says (clips)", "what was said (clips)")


def test_listening_shows_what_is_said_heard_and_decided(stream):
    sound, prediction, said = stream
    (event,) = prediction.events
    figure = keyword_views.plot_listening(sound, prediction, said, seconds=3.0)
    above, below = figure.axes
    assert [text.get_text() for text in above.texts] == ["yes", "unknown"]
    lines = {line.get_label(): line for line in below.lines}
    yes, level = lines["yes"], (60 - ZERO_POINT) * SCALE
    np.testing.assert_allclose(yes.get_xdata(), prediction.times_s)
    expected = prediction.scores[6:9, 2].mean()
    assert yes.get_ydata()[8] == pytest.approx(expected)
    assert np.isnan(yes.get_ydata()[:2]).all() and not np.isnan(yes.get_ydata()[2])
    assert lines["threshold"].get_ydata()[0] == pytest.approx(level)
    marks = [line for line in below.lines if line.get_marker() == "v"]
    assert [float(line.get_xdata()[0]) for line in marks] == [event.time_s]
    assert (below.get_xlabel(), below.get_xlim()) == ("time (s)", (0, 3))


def test_listening_shows_a_part_and_nothing_of_the_rest(stream):
    sound, prediction, said = stream
    above, below = keyword_views.plot_listening(sound, prediction, said, start_s=1.5, seconds=1.0).axes
    assert [text.get_text() for text in above.texts] == ["unknown"]
    edges = above.collections[0].get_coordinates()[0, :, 0]
    assert edges[0] >= 1.5 and edges[-1] <= 2.5
    warmed_up = spectrogram(sound[:40000])[75:]
    np.testing.assert_array_equal(above.collections[0].get_array().reshape(40, -1), warmed_up.T)
    assert below.get_xlim() == (1.5, 2.5)


def test_a_stream_without_a_front_end_is_not_listened_to(stream):
    sound, prediction, said = stream
    with pytest.raises(ValueError, match="no sound"):
        keyword_views.plot_listening(sound, replace(prediction, spectrogram=None), said)
    with pytest.raises(ValueError, match="smoother"):
        keyword_views.plot_listening(sound, prediction.with_smoother(None), said)
