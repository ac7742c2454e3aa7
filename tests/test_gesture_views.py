"""The gesture lab's figures show what they were given."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from tinyml_labs import gesture_views
from tinyml_labs.event_matching import Event
from tinyml_labs.features import Interval, LabelledSamples, WindowSettings
from tinyml_labs.smoothing import ScoreSmoother, SmootherSettings, smooth_scores
from tinyml_labs.stream_prediction import StreamPrediction
from tinyml_labs.streaming import WindowResult

mpl.use("Agg")
LABELS = ("idle", "punch", "wave")
SCALE, ZERO_POINT = 1 / 256, -128


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture
def recording():
    samples = np.random.default_rng(0).normal(size=(1000, 6)).astype(np.float32)
    intervals = [Interval(0, 300, "idle"), Interval(350, 450, "punch"), Interval(500, 900, "wave")]
    return LabelledSamples(samples=samples, intervals=intervals, subject="s1")


@pytest.fixture
def prediction():
    raw = np.full((12, 3), -128, np.int8)
    raw[:4, 0] = raw[4:, 1] = 100
    raw[6] = (-20, 90, -100)
    smoother = SmootherSettings(average_windows=3, threshold=60, release=0, hold_off=2, background=(0,))
    return StreamPrediction(
        starts=np.arange(12, dtype=np.int64) * 30,
        outputs=raw,
        scores=((raw.astype(np.float32) - ZERO_POINT) * SCALE).astype(np.float32),
        decisions=smooth_scores(raw, smoother),
        resets=(),
        labels=LABELS,
        window=WindowSettings(rate_hz=119, window_ms=2000, stride_ms=250),
        smoother=smoother,
        rate_hz=119.0,
        seconds=5.0,
        gaps=(),
        model_sha256="00",
    )


def test_each_example_is_the_middle_of_its_interval(recording):
    figure = gesture_views.plot_examples([recording], LABELS, rate_hz=100.0, seconds=1.0)
    panels = {ax.get_title(): ax for ax in figure.axes if ax.get_title()}
    assert tuple(panels) == LABELS
    drawn = np.stack([line.get_ydata() for line in panels["wave"].lines], axis=1)
    np.testing.assert_array_equal(drawn, recording.samples[650:750, :3])
    assert figure.get_supxlabel() == "time (s)"
    assert figure.get_supylabel() == "acceleration (g)"


def test_a_label_that_nobody_does_is_an_error(recording):
    with pytest.raises(ValueError, match="'circle'"):
        gesture_views.plot_examples([recording], ["circle"])


def test_a_recording_shows_the_intervals_of_its_part(recording):
    ax = gesture_views.plot_recording(recording, rate_hz=100.0, start_s=3.2, seconds=4.0)
    assert [text.get_text() for text in ax.texts] == ["punch", "wave"]
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), recording.samples[320:720, 1])
    assert ax.lines[0].get_xdata()[0] == pytest.approx(3.2)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "acceleration (g)")


def test_a_feature_is_drawn_as_its_quantiles():
    y = np.repeat([0, 1, 2], 101)
    column = np.concatenate([np.linspace(0, 1, 101) + 10 * k for k in range(3)])
    figure = gesture_views.plot_features(column[:, None], y, LABELS, ["speed (m/s)"])
    (ax,) = figure.axes
    left = [bar.get_x() for bar in ax.patches]
    right = [bar.get_x() + bar.get_width() for bar in ax.patches]
    np.testing.assert_allclose(left, [0.25, 10.25, 20.25])
    np.testing.assert_allclose(right, [0.75, 10.75, 20.75])
    assert ax.get_xlabel() == "speed (m/s)"
    assert [text.get_text() for text in ax.get_yticklabels()] == list(LABELS)


def test_a_confusion_shows_its_counts_where_they_are():
    ax = gesture_views.plot_confusion([[1200, 0, 3], [0, 7, 0], [0, 0, 0]], LABELS)
    shown = {text.get_position()[::-1]: text.get_text() for text in ax.texts}
    assert shown == {(0, 0): "1,200", (0, 2): "3", (1, 1): "7"}


def test_scores_events_and_threshold_are_where_they_belong(prediction):
    figure = gesture_views.plot_scores(prediction, [Interval(100, 200, "punch")], seconds=5.0)
    above, below = figure.axes[:2]
    (event,) = prediction.events
    (mark,) = above.lines
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (event.time_s, LABELS.index(event.label))
    each, average, threshold = below.lines
    np.testing.assert_array_equal(each.get_ydata(), prediction.scores[:, 1:].max(axis=1))
    assert threshold.get_ydata()[0] == pytest.approx((60 - ZERO_POINT) * SCALE)
    smoother = ScoreSmoother(prediction.smoother)
    averages = []
    for row in prediction.outputs:
        smoother.update(row)
        averages.append((max(smoother.average(1), smoother.average(2)) - ZERO_POINT) * SCALE)
    np.testing.assert_allclose(average.get_ydata(), averages, atol=1e-6)


def test_scores_without_a_smoother_are_an_error(prediction):
    with pytest.raises(ValueError, match="smoother"):
        gesture_views.plot_scores(prediction.with_smoother(None), [])


def window(time_s: float, scores: list[float], event: str = "") -> WindowResult:
    return WindowResult(0, time_s, np.array(scores, np.float32), Event(event, time_s) if event else None)


def test_watching_shows_the_scores_and_the_last_events():
    InteractiveShell.instance()
    with capture_output() as captured:
        show = gesture_views.watch(LABELS, updates_a_second=1e-6, events=2)
        show(window(2.0, [0.9, 0.05, 0.05]))  # the first one is drawn
        show(window(2.3, [0.1, 0.9, 0.0]))  # too soon
        for k in range(3):
            show(window(3.0 + k, [0.1, 0.9, 0.0], "punch"))  # an event is never too soon
    drawn = [output.data["text/html"] for output in captured.outputs]
    assert len(drawn) == 5
    assert drawn[0].startswith("waiting")
    assert "<b>idle</b>" in drawn[1] and "width:90%" in drawn[1] and "<li>" not in drawn[1]
    assert "<b>punch</b>" in drawn[2]
    assert "<li>4.0 s: punch</li><li>5.0 s: punch</li>" in drawn[4] and "3.0 s: punch" not in drawn[4]


@pytest.mark.slow
def test_watching_without_a_notebook_prints_the_events():
    script = """
import numpy as np
from tinyml_labs import gesture_views
from tinyml_labs.event_matching import Event
from tinyml_labs.streaming import WindowResult
show = gesture_views.watch(["idle", "punch"])
show(WindowResult(0, 1.0, np.float32([0.9, 0.1]), None))
show(WindowResult(30, 2.5, np.float32([0.1, 0.9]), Event("punch", 2.5)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "2.5 s: punch"
