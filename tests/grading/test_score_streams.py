from tinyml_labs import evaluation
from tinyml_labs.features import SpectrogramSettings, WindowSettings
from tinyml_labs.grading.score_streams import Heard, make_score_stream, to_intervals

SMOOTHING = {"average_windows": 3, "threshold": 0.8, "release": 0.5, "hold_off": 4}
HOW = {"labels": ("idle", "circle", "wave"), "background": ("idle",), "smoothing": SMOOTHING}
WINDOW = WindowSettings(rate_hz=100, window_ms=1000, stride_ms=200)


def test_what_is_heard_becomes_an_event_if_it_is_sure_enough():
    heard = [Heard(3, 6, "circle", 0.95), Heard(10, 13, "wave", 0.7), Heard(16, 19, "wave", 0.9)]
    stream = make_score_stream(heard, seconds=25.0, rate_hz=100.0, window=WINDOW, **HOW)
    assert [event.label for event in stream.events] == ["circle", "wave"]
    assert all(3 < event.time_s < 6 or 16 < event.time_s < 19 for event in stream.events)
    assert [event.label for event in stream.with_threshold(0.6).events] == ["circle", "wave", "wave"]
    truth = to_intervals([("circle", 3, 6), ("wave", 10, 13), ("circle", 16, 19)], 100.0)
    report = evaluation.evaluate_stream(stream, truth)
    assert (report.overall.hits, report.overall.misses, report.overall.wrong) == (1, 2, 1)


def test_frames_of_sound_are_counted_in_samples():
    how = {**HOW, "window": WindowSettings(rate_hz=50, window_ms=980, stride_ms=100)}
    stream = make_score_stream([], seconds=10.0, rate_hz=16_000.0, spectrogram=SpectrogramSettings(), **how)
    assert stream.starts[1] == 1600
    assert stream.times_s[-1] <= 10
    assert stream.times_s[-1] > 9.8
    assert not stream.events


def test_a_seed_gives_the_same_stream_again():
    one, same, other = (
        make_score_stream([], seconds=9.0, rate_hz=100.0, window=WINDOW, seed=seed, **HOW) for seed in (1, 1, 2)
    )
    assert (one.outputs == same.outputs).all()
    assert (one.outputs != other.outputs).any()
