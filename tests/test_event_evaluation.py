"""Events against truth: each rule by hand, and the pairing against all pairings there are."""

import itertools
import json
import random
from fractions import Fraction

import numpy as np
import pytest

from tinyml_labs.evaluation import (
    Event,
    TruthInterval,
    evaluate_events,
    poisson_interval,
    pool_event_reports,
    wilson_interval,
)

WAVE, CIRCLE = ("wave", 10.0, 12.0), ("circle", 20.0, 21.0)


def verdicts(events: list, truth: list, **options: object) -> list[tuple[float, str]]:
    report = evaluate_events(events, truth, seconds=100, **options)
    return [(each.time_s, each.verdict) for each in report.judged]


@pytest.mark.parametrize(
    ("time_s", "verdict"),
    [
        (9.999, "false alarm"),
        (10.0, "hit"),
        (11.0, "hit"),
        (12.0, "hit"),
        (13.0, "hit"),
        (13.001, "false alarm"),
    ],
)
def test_an_event_belongs_to_a_gesture_until_a_second_after_its_end(time_s: float, verdict: str) -> None:
    assert verdicts([("wave", time_s)], [WAVE, CIRCLE]) == [(time_s, verdict)]


def test_the_tolerance_can_be_another() -> None:
    assert verdicts([("wave", 12.5)], [WAVE], tolerance_s=0.4) == [(12.5, "false alarm")]
    assert verdicts([("wave", 12.0)], [WAVE], tolerance_s=0) == [(12.0, "hit")]


def test_a_gesture_is_hit_once_by_the_earliest_event() -> None:
    events = [("wave", 12.2), ("wave", 10.5), ("wave", 11.0)]
    assert verdicts(events, [WAVE]) == [(10.5, "hit"), (11.0, "repeat"), (12.2, "repeat")]
    report = evaluate_events(events, [WAVE], seconds=100)
    assert (report["wave"].hits, report["wave"].repeats, report["wave"].false_alarms) == (1, 2, 0)
    assert report["wave"].latencies_s == (0.5,)


def test_an_event_of_another_label_in_a_gesture_is_wrong_and_does_not_hit_it() -> None:
    report = evaluate_events([("circle", 11.0), ("circle", 12.9)], [WAVE, CIRCLE], seconds=100)
    assert [each.verdict for each in report.judged] == ["wrong", "wrong"]
    assert (report["circle"].wrong, report["wave"].wrong, report["wave"].misses) == (2, 0, 1)
    assert report.confusions == {("wave", "circle"): 2}
    assert report.missed == (TruthInterval(*WAVE), TruthInterval(*CIRCLE))
    assert report.overall.false_alarms == 0


def test_an_event_outside_every_gesture_is_a_false_alarm() -> None:
    report = evaluate_events([("circle", 50.0), ("flick", 60.0)], [WAVE, CIRCLE], seconds=120)
    assert [each.label for each in report.labels] == ["circle", "flick", "wave"]
    assert report["flick"].recall is None
    assert report.overall.false_alarms_per_minute == (1.0, *(n / 2 for n in poisson_interval(2)))
    assert report.overall.false_alarms_per_hour == pytest.approx((60.0, *(30 * n for n in poisson_interval(2))))


def test_the_right_label_counts_before_the_wrong_one() -> None:
    """In the tail of one gesture and the beginning of another, an event belongs to that of its own label."""
    truth = [("wave", 10.0, 12.0), ("circle", 12.5, 13.0)]
    assert verdicts([("wave", 12.8)], truth) == [(12.8, "hit")]
    assert verdicts([("circle", 12.8)], truth) == [(12.8, "hit")]
    assert verdicts([("wave", 10.1), ("wave", 12.8)], truth) == [(10.1, "hit"), (12.8, "repeat")]
    report = evaluate_events([("flick", 12.8)], truth, seconds=100)
    assert report.judged[0].gesture == truth[1]  # the later one


def test_events_are_paired_so_that_most_gestures_are_hit() -> None:
    truth = [("wave", 10.0, 11.0), ("wave", 11.5, 12.5)]
    # Whoever gives the first event the first gesture that it is in, and the second what is left, is right here:
    assert verdicts([("wave", 11.6), ("wave", 11.9)], truth) == [(11.6, "hit"), (11.9, "hit")]
    # Alone, an event in the tail of one and the beginning of the next is the next one's: the latency is shorter.
    report = evaluate_events([("wave", 11.6)], truth, seconds=100)
    assert report.missed == (TruthInterval(*truth[0]),)
    assert report.overall.latencies_s == pytest.approx((0.1,))
    # But not if another event hits the next one anyway.
    report = evaluate_events([("wave", 11.6), ("wave", 13.4)], truth, seconds=100)
    assert report.overall.hits == 2
    assert [each.gesture.start_s for each in report.judged] == [10.0, 11.5]


@pytest.mark.slow
def test_no_pairing_is_better_and_no_order_matters() -> None:
    chance = random.Random(1)
    for _ in range(300):
        edges = sorted(chance.sample(range(60), 8))
        truth = [
            (chance.choice("ab"), start / 4, end / 4) for start, end in zip(edges[::2], edges[1::2], strict=True)
        ]
        events = [(chance.choice("ab"), chance.randrange(64) / 4) for _ in range(chance.randrange(7))]
        report = evaluate_events(events, truth, seconds=16, tolerance_s=chance.choice([0, 1, 3]))
        for label in "ab":
            times = [t for name, t in events if name == label]
            own = [(start, end + report.tolerance_s) for name, start, end in truth if name == label]
            best = best_pairing(times, own)
            found = next((c for c in report.labels if c.label == label), None)
            latencies = found.latencies_s if found else ()
            assert (len(latencies), -sum(latencies)) == pytest.approx(best)
        assert len(report.judged) == len(events)
        chance.shuffle(truth)
        chance.shuffle(events)
        again = evaluate_events(events, truth, seconds=16, tolerance_s=report.tolerance_s)
        assert again.to_dict() == report.to_dict()
        assert again.judged == report.judged


def best_pairing(times: list[float], gestures: list[tuple[float, float]]) -> tuple[int, float]:
    """Try every way to give some gestures an event each; most pairs first, then the smallest sum of latencies."""
    best = (0, 0.0)
    for count in range(1, min(len(times), len(gestures)) + 1):
        for some in itertools.combinations(gestures, count):
            for chosen in itertools.permutations(times, count):
                pairs = list(zip(chosen, some, strict=True))
                if all(start <= t <= end for t, (start, end) in pairs):
                    best = max(best, (count, -sum(t - start for t, (start, _) in pairs)))
    return best


def test_the_background_is_no_gesture() -> None:
    truth = [("idle", 0.0, 10.0), WAVE, ("other", 11.0, 60.0)]  # what is no gesture may be on beside one
    report = evaluate_events([("wave", 5.0), ("wave", 30.0), ("other", 30.0)], truth, seconds=100)
    assert [each.verdict for each in report.judged] == ["false alarm", "false alarm"]
    assert (report.ignored, report.overall.gestures) == (1, 1)
    assert [each.label for each in report.labels] == ["wave"]
    own = evaluate_events([("idle", 5.0)], [("idle", 0.0, 10.0)], seconds=100, background="other")
    assert own["idle"].hits == 1


def test_the_time_in_which_a_false_alarm_could_come() -> None:
    truth = [("a", 10.0, 12.0), ("b", 12.0, 13.0), ("a", 98.0, 99.5)]
    report = evaluate_events([], truth, seconds=100)
    assert report.seconds_outside == pytest.approx(10 + (98 - 14))
    assert evaluate_events([], [], seconds=100).seconds_outside == 100


def test_figures_of_a_label_and_of_all() -> None:
    truth = [("wave", 10.0 * k, 10.0 * k + 2) for k in range(1, 6)] + [("circle", 70.0, 71.0)]
    events = [Event("wave", 10.0 * k + delay) for k, delay in zip(range(1, 5), (0.5, 1.0, 1.5, 2.5), strict=True)]
    report = evaluate_events([*events, Event("circle", 90.0)], truth, seconds=120)
    wave = report["wave"]
    assert (wave.gestures, wave.hits, wave.misses) == (5, 4, 1)
    assert wave.recall == (0.8, *wilson_interval(4, 5))
    assert wave.median_latency_s == pytest.approx(1.25)
    assert wave.late_latency_s == pytest.approx(np.quantile([0.5, 1.0, 1.5, 2.5], 0.9))
    assert report["circle"].median_latency_s is None
    assert report.overall.recall.value == pytest.approx(4 / 6)
    assert list(report.table.index) == ["circle", "wave", "all"]
    assert report.table.loc["wave", "recall"] == 0.8
    assert np.isnan(report.table.loc["circle", "median latency (s)"])
    told = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert told["labels"]["circle"]["median_latency_s"] is None
    assert told["overall"]["false_alarms_per_minute"]["value"] == 0.5
    assert report.headline() == (
        "4 of 6 gestures found (67%, 95 % interval 30% to 90%; median latency 1.25 s); 1 false alarm in 2.0 min "
        "(0.5 a minute, 95 % interval 0.013 to 2.8)"
    )
    assert "wave" in str(report) and "<table" in report._repr_html_()
    with pytest.raises(KeyError, match="no label 'flick'; there are circle, wave"):
        report["flick"]


def test_reports_of_several_streams_are_put_together() -> None:
    first = evaluate_events([("wave", 10.5), ("wave", 50.0)], [WAVE], seconds=60)
    second = evaluate_events([("circle", 20.2), ("wave", 20.4), ("other", 1.0)], [CIRCLE, WAVE], seconds=100)
    both = pool_event_reports([first, second])
    assert (both.seconds, both.ignored) == (160.0, 1)
    assert both.seconds_outside == first.seconds_outside + second.seconds_outside
    assert (both.overall.gestures, both.overall.hits, both.overall.false_alarms, both.overall.wrong) == (3, 2, 1, 1)
    assert both.overall.latencies_s == pytest.approx((0.5, 0.2))
    assert [gesture.start_s for gesture in both.missed] == [70.0]
    assert both.confusions == {("circle", "wave"): 1}
    for unlike in ([], [first, evaluate_events([], [], seconds=1, tolerance_s=2)]):
        with pytest.raises(ValueError, match="of one tolerance"):
            pool_event_reports(unlike)


def test_nothing_was_done_and_nothing_found() -> None:
    report = evaluate_events([], [], seconds=600)
    assert report.overall.false_alarms_per_hour.high == pytest.approx(22.13, abs=0.01)  # none is not never
    assert report.headline().startswith("No gestures; 0 false alarms in 10.0 min")
    assert list(report.table.index) == ["all"]


@pytest.mark.parametrize(
    ("events", "truth", "options", "message"),
    [
        ([], [], {"seconds": 0}, "seconds is 0, expected a time in seconds, more than 0"),
        ([], [], {"seconds": float("nan")}, "seconds is nan"),
        ([], [], {"tolerance_s": -1}, "tolerance_s is -1"),
        ([("a", 300.0)], [], {}, "'a' is at 300.0 s, and the stream has 100 s"),
        ([("a", float("nan"))], [], {}, "is at nan s"),
        ([], [("a", 5.0, 5.0)], {}, "from 5.0 to 5.0 s"),
        ([], [("a", 500.0, 501.0)], {}, "from 500.0 to 501.0 s, and the stream has 100 s"),
        ([], [("a", 5.0, 8.0), ("b", 7.0, 9.0)], {}, "'a' .5 to 8 s. and 'b' .7 to 9 s. overlap"),
    ],
)
def test_what_cannot_be_evaluated(events: list, truth: list, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_events(events, truth, **{"seconds": 100, **options})


@pytest.mark.parametrize(
    ("count", "low", "high"),
    # Garwood's limits are quantiles of chi-squared, halved. The printed tables have, at 2.5 % for 2 * count degrees
    # of freedom and at 97.5 % for two more:
    [
        (0, 0.0, 7.378), (1, 0.051, 11.143), (2, 0.484, 14.449), (3, 1.237, 17.535), (4, 2.180, 20.483),
        (5, 3.247, 23.337), (10, 9.591, 36.781), (20, 24.433, 61.777), (50, 74.222, 131.838),
    ],
)  # fmt: skip
def test_poisson_interval_agrees_with_the_published_values(count: int, low: float, high: float) -> None:
    np.testing.assert_allclose(2 * np.array(poisson_interval(count)), (low, high), atol=5.1e-4)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("count", [0, 1, 7, 40])
def test_poisson_ends_are_where_the_count_is_just_too_rare(count: int, confidence: float) -> None:
    low, high = poisson_interval(count, confidence)
    rare = pytest.approx((1 - confidence) / 2)
    assert share_up_to(count, high) == rare
    if count:
        assert 1 - share_up_to(count - 1, low) == rare


def share_up_to(count: int, mean: float) -> float:
    """Sum the distribution by its recurrence, in exact fractions."""
    term = total = Fraction(1)
    for k in range(1, count + 1):
        term = term * Fraction(mean) / k
        total += term
    return float(total) * np.exp(-mean)


@pytest.mark.parametrize(("count", "confidence"), [(-1, 0.95), (3, 95), (3, 1.0)])
def test_poisson_refuses_what_is_no_count(count: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        poisson_interval(count, confidence)


@pytest.mark.slow
def test_the_figure_shows_every_verdict() -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    events = [("wave", 10.5), ("wave", 11.5), ("wave", 20.5), ("circle", 50.0)]
    report = evaluate_events(events, [WAVE, CIRCLE], seconds=100)
    ax = report.plot()
    ax.figure.canvas.draw()
    assert ax.get_xlabel() == "time (s)"
    shown = {text.get_text() for text in ax.get_legend().get_texts()}
    assert shown == {"hit (1)", "repeat (1)", "wrong (1)", "false alarm (1)", "missed (1)"}
    given = plt.figure().subplots()
    assert evaluate_events([], [], seconds=100).plot(given) is given
    plt.close("all")
