"""Streams in which it is known what is said when: every clip where the truth says, as loud as was asked for."""

import numpy as np
import pytest

from tinyml_labs.sound_streams import make_stream, pink_noise

RANDOM = np.random.default_rng(3)
CLIPS = [
    np.rint(RANDOM.uniform(200, 9000) * RANDOM.standard_normal(k)).clip(-32768, 32767) for k in (5000, 8000, 9001)
]
CLIPS = [clip.astype(np.int16) for clip in CLIPS]
WORDS = ["yes", "no", "tree"]


def power(samples: np.ndarray) -> float:
    return float(np.mean(np.asarray(samples, np.float64) ** 2))


def test_every_clip_is_where_the_truth_says_and_as_loud_as_asked() -> None:
    hum = np.sin(np.arange(200_000) / 50)
    given = {"noise": hum, "noise_dbfs": -45.0, "seed": 4}
    samples, intervals = make_stream(CLIPS, WORDS, 12, **given, snr_db=20.0)
    quiet, same = make_stream(CLIPS, WORDS, 12, **given, snr_db=-200.0)  # the noise alone
    assert samples.dtype == np.int16 and len(samples) == 12 * 16000
    assert intervals == same
    assert 10 * np.log10(power(quiet) / 32768**2) == pytest.approx(-45, abs=0.05)
    speech = samples.astype(int) - quiet
    outside = np.ones(len(samples), bool)
    for part in intervals:
        clip = CLIPS[WORDS.index(part.label)]
        said = speech[part.start : part.end]
        assert np.corrcoef(clip, said)[0, 1] > 0.9999
        assert 10 * np.log10(power(said) / power(quiet)) == pytest.approx(20, abs=0.1)
        outside[part.start : part.end] = False
    assert np.abs(speech[outside]).max() == 0


def test_pauses_are_kept_and_each_clip_is_said_before_one_comes_again() -> None:
    samples, intervals = make_stream(CLIPS, WORDS, 60, pause_s=(0.5, 0.7), seed=1)
    edges = [0, *(edge for part in intervals for edge in (part.start, part.end)), len(samples)]
    pauses = np.diff(edges)[::2] / 16000
    assert pauses.min() >= 0.5 and pauses[:-1].max() <= 0.7
    assert len(np.unique(pauses)) > 20
    labels = [part.label for part in intervals]
    for at in range(0, len(labels) - 3, 3):
        assert set(labels[at : at + 3]) == set(WORDS)


def test_the_same_seed_gives_the_same_stream() -> None:
    first, again, other = (make_stream(CLIPS, WORDS, 20, seed=seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first[0], again[0])
    assert first[1] == again[1]
    assert first[1] != other[1] and (first[0] != other[0]).mean() > 0.9


def test_what_is_no_keyword_is_unknown() -> None:
    _, intervals = make_stream(CLIPS, WORDS, 300, keywords=["no"], keyword_share=0.75, pause_s=(0.2, 0.3))
    labels = [part.label for part in intervals]
    assert set(labels) == {"no", "unknown"}
    assert 0.65 < labels.count("no") / len(labels) < 0.85
    lengths = {part.end - part.start for part in intervals if part.label == "unknown"}
    assert lengths == {5000, 9001}
    _, alone = make_stream(CLIPS, WORDS, 30, keywords=["no", "yes"], keyword_share=0.0)
    assert {part.label for part in alone} == {"unknown"}


def test_levels_between_two() -> None:
    given = {"noise": np.ones(400_000), "noise_dbfs": -40.0, "seed": 2}
    samples, intervals = make_stream(CLIPS, WORDS, 25, **given, snr_db=(5.0, 20.0))
    flat = 32768 * 10 ** (-40 / 20)
    found = [10 * np.log10(power(samples[i.start : i.end] - flat) / flat**2) for i in intervals]
    assert min(found) > 4.9 and max(found) < 20.1 and max(found) - min(found) > 5


def test_a_short_noise_is_repeated_without_a_click() -> None:
    tone = np.sin(np.arange(30_000) / 20)
    bed, _ = make_stream([CLIPS[0]], ["yes"], 10, noise=tone, noise_dbfs=-20, snr_db=-200.0)
    assert np.abs(np.diff(bed.astype(int))).max() < 0.1 * bed.max()
    loud = np.lib.stride_tricks.sliding_window_view(bed.astype(float) ** 2, 4000)[::500].mean(axis=1)
    assert loud.max() < 3 * loud.min()


def test_pink_noise_falls_by_three_decibels_an_octave() -> None:
    noise = pink_noise(16000 * 20, seed=1)
    assert power(noise) == pytest.approx(1)
    spectrum, hz = np.abs(np.fft.rfft(noise)) ** 2, np.fft.rfftfreq(len(noise), 1 / 16000)
    densities = [spectrum[(hz >= low) & (hz < 2 * low)].mean() for low in (100, 200, 400, 800, 1600, 3200)]
    np.testing.assert_allclose(10 * np.diff(np.log10(densities)), -3.01, atol=0.4)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"words": WORDS[:2]}, "3 clips and 2 words"),
        ({"clips": [*CLIPS[:2], np.zeros(500, np.int16)]}, "clip of 'tree' has shape .500,., expected sound"),
        ({"clips": [*CLIPS[:2], CLIPS[0][:, None]]}, "clip of 'tree' has shape .5000, 1"),
        ({"keywords": ["up"]}, "words that are said: no, tree, yes"),
        ({"keyword_share": 2.0}, "keyword_share is 2"),
        ({"pause_s": (2.0, 1.0)}, "shortest, longest"),
        ({"seconds": 1.0}, "no room for a clip"),
        ({"noise": np.zeros(50_000)}, "not all 0"),
        ({"noise": np.ones(100)}, "more than 3200 samples"),
        ({"noise_dbfs": -5.0}, "lower noise_dbfs, such as -"),
    ],
)
def test_what_cannot_be_is_refused(changed: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_stream(**{"clips": CLIPS, "words": WORDS, "seconds": 20.0, **changed})
