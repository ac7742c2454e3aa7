"""False alarms against misses: a point is what the events of its threshold give, and a choice keeps its demand."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tinyml_labs.evaluation import ThresholdSweep, evaluate_stream, sweep_thresholds
from tinyml_labs.features import Interval, SpectrogramSettings, WindowSettings
from tinyml_labs.inference import dequantize
from tinyml_labs.intervals import poisson_interval, wilson_interval
from tinyml_labs.smoothing import SmootherSettings
from tinyml_labs.stream_prediction import StreamPrediction

LABELS = ("silence", "unknown", "yes", "no")
WORDS_AT = {"yes": (20, 100, 180, 260), "no": (60, 140, 220), "unknown": (300,)}
SECONDS = 40.0


def prediction(seed: int = 0) -> StreamPrediction:
    """Words of which some are heard well and some badly, and sounds that resemble them: 40 s."""
    random = np.random.default_rng(seed)
    outputs = np.full((400, 4), -128, np.int8)
    outputs[:, 0] = 100
    for label, places in WORDS_AT.items():
        for place, peak in zip(places, random.permutation(np.linspace(-60, 120, len(places))), strict=True):
            outputs[place : place + 5, LABELS.index(label)] = peak
            outputs[place : place + 5, 0] = -128
    for place, peak in ((40, 20), (122, -20), (202, 60), (380, -60)):
        outputs[place : place + 4, 2] = peak
        outputs[place : place + 4, 0] = -128
    outputs[301:304, 2:] = [-90, 10]  # in the unknown word
    smoother = SmootherSettings.from_probabilities(
        average_windows=2,
        hold_off=3,
        scale=1 / 256,
        zero_point=-128,
        threshold=0.5,
        release=0.3,
        background=(0, 1),
    )
    bare = StreamPrediction(
        starts=1600 * np.arange(400),
        outputs=outputs,
        scores=dequantize(outputs, 1 / 256, -128),
        decisions=np.full(400, -1),
        resets=(),
        labels=LABELS,
        window=WindowSettings(rate_hz=50, window_ms=980, stride_ms=100),
        spectrogram=SpectrogramSettings(),
        smoother=None,
        rate_hz=16000.0,
        seconds=SECONDS,
        gaps=(),
        model_sha256="",
        scale=1 / 256,
        zero_point=-128,
    )
    return bare.with_smoother(smoother)


def truth() -> list[Interval]:
    """Each word half a second, ending as the first window that shows it."""
    found = [
        Interval(1600 * place + 7840, 1600 * place + 15840, label)
        for label, places in WORDS_AT.items()
        for place in places
    ]
    return sorted(found, key=lambda interval: interval.start)


@pytest.fixture(scope="module")
def sweep() -> ThresholdSweep:
    return sweep_thresholds(prediction(), truth(), thresholds=[0.9, 0.25, 0.5, 0.7, 0.5])


def test_a_point_is_what_its_events_give(sweep: ThresholdSweep) -> None:
    assert [point.threshold for point in sweep.points] == [0.25, 0.5, 0.7, 0.9]
    assert (sweep.words, sweep.seconds) == (7, SECONDS)
    for point in sweep.points:
        settings = SmootherSettings.from_probabilities(
            average_windows=2,
            hold_off=3,
            scale=1 / 256,
            zero_point=-128,
            threshold=point.threshold,
            release=min(0.3, point.threshold),
            background=(0, 1),
        )
        report = evaluate_stream(
            prediction().with_smoother(settings), truth(), tolerance_s=1.0, background=("silence", "unknown")
        )
        assert report.to_dict() == point.report.to_dict()
        total = report.overall
        assert point.misses == 7 - total.hits
        assert point.miss_rate == (point.misses / 7, *wilson_interval(point.misses, 7))
        hourly = [count * 3600 / SECONDS for count in (total.false_alarms, *poisson_interval(total.false_alarms))]
        assert point.false_alarms_per_hour == pytest.approx(hourly)
    assert [point.misses for point in sweep.points] == sorted(point.misses for point in sweep.points)
    alarms = [point.false_alarms for point in sweep.points]
    assert alarms == sorted(alarms, reverse=True) and alarms[0] >= 4 and alarms[-1] == 0


def test_an_event_in_a_word_of_the_background_is_a_false_alarm() -> None:
    (point,) = sweep_thresholds(prediction(), truth(), thresholds=[0.5]).points
    inside = [judged for judged in point.report.judged if 30.5 <= judged.time_s <= 31.6]
    assert [judged.verdict for judged in inside] == ["false alarm"]


def test_choices_keep_their_demand(sweep: ThresholdSweep) -> None:
    for limit in (0, 90, 100, 1000):
        chosen = sweep.choose(max_false_alarms_per_hour=limit)
        fit = [point for point in sweep.points if point.false_alarms_per_hour.value <= limit]
        assert chosen in fit and chosen.misses == min(point.misses for point in fit)
    for recall in (0.2, 3 / 7, 0.6):
        chosen = sweep.choose(recall=recall)
        fit = [point for point in sweep.points if 7 - point.misses >= 7 * recall - 1e-9]
        assert chosen in fit and chosen.false_alarms == min(point.false_alarms for point in fit)
    with pytest.raises(ValueError, match=r"No threshold finds 100\.0% of the words; the most is"):
        sweep_thresholds(prediction(), truth(), thresholds=[0.9]).choose(recall=1.0)
    with pytest.raises(ValueError, match="has 1 false alarms an hour or less; the least is"):
        sweep_thresholds(prediction(), truth(), thresholds=[0.25]).choose(max_false_alarms_per_hour=1)
    for wrong in ({}, {"recall": 0.5, "max_false_alarms_per_hour": 1}):
        with pytest.raises(ValueError, match="one demand"):
            sweep.choose(**wrong)


def test_of_equals_the_highest_threshold() -> None:
    points = sweep_thresholds(prediction(), truth(), thresholds=[0.95, 0.951, 0.952]).points
    assert len({(point.misses, point.false_alarms) for point in points}) == 1
    made = sweep_thresholds(prediction(), truth(), thresholds=[0.95, 0.951, 0.952])
    assert made.choose(max_false_alarms_per_hour=1000).threshold == 0.952


def test_several_streams_count_as_one() -> None:
    both = sweep_thresholds([prediction(0), prediction(1)], [truth(), truth()], thresholds=[0.5])
    alone = [sweep_thresholds(prediction(seed), truth(), thresholds=[0.5]).points[0] for seed in (0, 1)]
    assert both.points[0].misses == sum(point.misses for point in alone)
    assert both.points[0].false_alarms == sum(point.false_alarms for point in alone)
    assert (both.words, both.seconds) == (14, 2 * SECONDS)


def test_what_a_sweep_shows(sweep: ThresholdSweep) -> None:
    table = sweep.table
    assert table.index.tolist() == [0.25, 0.5, 0.7, 0.9]
    assert table["misses"].tolist() == [point.misses for point in sweep.points]
    assert {"miss rate from", "an hour to", "median latency (s)"} <= set(table.columns)
    assert "7 words in 0.7 min, thresholds from 0.25 to 0.9" in sweep.headline()
    assert "<table" in sweep._repr_html_()
    assert len(json.loads(json.dumps(sweep.to_dict()))["points"]) == 4


def test_the_usual_thresholds() -> None:
    levels = [point.threshold for point in sweep_thresholds(prediction(), truth()).points]
    assert levels[0] == 0.3 and levels[-1] == 0.99 and len(levels) == 36


def test_what_does_not_fit_is_refused() -> None:
    for arguments, message in (
        ((prediction(), []), "no word in the stream"),
        (([prediction()], []), "1 predictions, 0 lists"),
        ((replace(prediction(), smoother=None), truth()), "went through a smoother"),
    ):
        with pytest.raises(ValueError, match=message):
            sweep_thresholds(*arguments)
    with pytest.raises(ValueError, match="0 thresholds"):
        sweep_thresholds(prediction(), truth(), thresholds=[])


@pytest.mark.slow
def test_figures_have_labelled_axes(sweep: ThresholdSweep) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    ax = sweep.plot(chosen=sweep.choose(recall=0.3))
    ax.figure.canvas.draw()
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_xscale()) == ("false alarms per hour", "misses, %", "log")
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert any("no false alarm" in text for text in texts) and any("threshold" in text for text in texts)
    given = plt.figure().subplots()
    assert sweep.plot(given) is given
    plt.close("all")
