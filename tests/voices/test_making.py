"""Archives of one's own words, made by the synthesisers that are here."""

import json
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tinyml_labs.cli import main
from tinyml_labs.datasets.keywords import RATE_HZ, SPLITS, SpokenClips, load_keywords
from tinyml_labs.features.trimming import trim_silence
from tinyml_labs.voices.casting import cast, choose_espeak_variants, share_out
from tinyml_labs.voices.making import describe_lengths, make_clips

if (find_spec("espeakng_loader") is None or find_spec("soxr") is None) and not os.environ.get("CI"):
    pytest.skip("No eSpeak NG or no soxr: pip install espeakng-loader soxr", allow_module_level=True)


@pytest.fixture(scope="module")
def clips() -> SpokenClips:
    return make_clips(["lights on", "no"], clips=20, other_words=["now", "light on"], seed=5)


def test_there_are_as_many_as_asked(clips: SpokenClips) -> None:
    assert {word: clips.words.count(word) for word in set(clips.words)} == {
        "lights on": 20,
        "no": 20,
        "now": 3,
        "light on": 3,
    }
    for word in set(clips.words):
        assert set(clips.select(words=word).splits) == set(SPLITS)
    installed = {"espeak", "flite"} if shutil.which("flite") else {"espeak"}
    assert set(clips.synthesisers) == installed


def test_no_voice_is_in_two_splits(clips: SpokenClips) -> None:
    """Nor is a throat of eSpeak NG that speaks with another accent."""
    homes: dict[str, set[str]] = {}
    for voice, split in zip(clips.voices, clips.splits, strict=True):
        homes.setdefault(voice.partition("+")[2] or voice, set()).add(split)
    assert all(len(splits) == 1 for splits in homes.values()), homes
    assert len(homes) > 15


def test_the_clips_are_trimmed_and_loud(clips: SpokenClips) -> None:
    for word, samples in zip(clips.words, clips.samples, strict=True):
        assert 0.1 < len(samples) / RATE_HZ < 2, word
        assert np.abs(samples.astype(int)).max() == pytest.approx(0.7 * 32767, abs=2)
        assert len(trim_silence(samples)) >= len(samples) - RATE_HZ // 100, word


@pytest.mark.slow
def test_a_seed_repeats_and_another_does_not(clips: SpokenClips) -> None:
    again = make_clips(["lights on", "no"], clips=20, other_words=["now", "light on"], seed=5)
    assert again.voices == clips.voices
    for one, other in zip(clips.samples, again.samples, strict=True):
        np.testing.assert_array_equal(one, other)
    assert make_clips(["no"], clips=20, other_words=[], seed=6).voices != clips.select(words="no").voices


def test_another_phrase_leaves_the_others_as_they_are() -> None:
    voices = {"espeak": share_out(choose_espeak_variants(), np.random.default_rng(1))}
    alone = cast({"no": 10}, voices, seed=2)
    together = cast({"yes": 10, "no": 10}, voices, seed=2)
    assert [take for take in together if take.text == "no"] == alone


def test_robots_do_not_speak() -> None:
    variants = choose_espeak_variants()
    assert len(variants) > 50
    assert {"f1", "f2", "m3"} <= set(variants)
    assert not {"robosoft", "UniRobot", "whisper", "croak", "Demonic", "iven2"} & set(variants)


def test_shares() -> None:
    names = [f"v{number}" for number in range(40)]
    shares = share_out(names, np.random.default_rng(0))
    assert {split: len(shares[split]) for split in SPLITS} == {"train": 28, "validation": 6, "test": 6}
    assert sorted(name for split in SPLITS for name in shares[split]) == sorted(names)
    assert {len(part) for part in share_out(["a", "b", "c"], np.random.default_rng(0)).values()} == {1}
    with pytest.raises(ValueError, match="voices a, b, expected three at least"):
        share_out(["a", "b"], np.random.default_rng(0))


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="'no' and 'know' sound the same"):
        make_clips(["no", "know"])
    with pytest.raises(ValueError, match="other word 'know' sounds like the phrase 'no'"):
        make_clips(["no"], other_words=["know"])
    with pytest.raises(ValueError, match=r"The phrase '\[\[n\]\]' cannot be said"):
        make_clips(["[[n]]"])
    with pytest.raises(ValueError, match="clips is 2, expected 3 at least"):
        make_clips(["no"], clips=2)
    with pytest.raises(ValueError, match="no phrase"):
        make_clips([])


def test_long_phrases_are_found() -> None:
    lengths = (8000, 17000, 24000)
    clips = SpokenClips(
        samples=tuple(np.ones(length, np.int16) for length in lengths),
        words=("on", "lights on", "lights on"),
        voices=("a",) * 3,
        synthesisers=("espeak",) * 3,
        splits=("train",) * 3,
    )
    assert describe_lengths(clips, ["on", "lights on"]) == {"lights on": (2, 2, 1.5)}


@pytest.mark.slow
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mine.zip"
    order = ["make-keywords", "lights  on", "a very long phrase indeed", "--out", str(out), "--clips", "4"]
    assert main([*order, "--other-words", "light", "--json"]) == 0
    printed = capsys.readouterr()
    record = json.loads(printed.out)
    assert record["phrases"] == ["lights on", "a very long phrase indeed"]
    assert record["other_words"] == ["light"]
    assert record["longer_than_1_s"]["a very long phrase indeed"] >= 3
    assert "'a very long phrase indeed': " in printed.err
    found = load_keywords(out)
    assert len(found) == record["clips"] == 11
    assert found.select(split="test", words="lights on").samples[0].any()
    first = out.read_bytes()
    assert main([*order, "--other-words", "light"]) == 0
    assert out.read_bytes() == first
    assert "11 clips" in capsys.readouterr().out


def test_the_command_refuses_early(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["make-keywords", "on", "--out", str(tmp_path / "none" / "mine.zip")]) == 1
    assert "expected a .zip file in a folder that exists" in capsys.readouterr().err
    assert main(["make-keywords", "on", "--out", str(tmp_path / "mine.zip"), "--kokoro", str(tmp_path)]) == 1
    assert "no kokoro.onnx" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
