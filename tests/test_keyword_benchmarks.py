"""The scripts that measure keyword networks on other people's voices, run on small folders of the same layout."""

import csv
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tiny_keywords import write_wav

from tinyml_labs.datasets import load_keywords
from tinyml_labs.datasets.speech_files import fit_second
from tinyml_labs.features.noise import make_noise

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
WORDS = ("yes", "no", "go", "tree")
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tflm")]


def run(script, *arguments):
    done = subprocess.run(
        [sys.executable, BENCHMARKS / script, *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@cache
def bundled():
    return load_keywords()


def some_clips(split, word, count):
    clips = bundled().select(split=split, words=word)
    return [fit_second(clip) for clip in clips.samples[:count]], clips.voices[:count]


def quiet_noise(seconds, seed=0):
    return np.rint(3000 * make_noise("pink", seconds * 16_000, seed)).astype(np.int16)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labelled")
    rows = []
    for word in WORDS:
        label = {"tree": "_unknown_"}.get(word, word)
        clips, voices = some_clips("train", word, 12)
        for number, (clip, voice) in enumerate(zip(clips, voices, strict=True)):
            write_wav(folder / f"{word}_{number}.wav", clip)
            rows.append((f"{word}_{number}.wav", label, word, voice))
    for number in range(6):
        write_wav(folder / f"quiet_{number}.wav", quiet_noise(1, number))
        rows.append((f"quiet_{number}.wav", "_silence_", "pink", ""))
    write_wav(folder / "noise.wav", quiet_noise(20, 9))
    rows.append(("noise.wav", "_background_noise_", "pink", ""))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "label", "word", "speaker"), *rows])
    return folder


def test_the_reference_on_a_folder_with_a_table(labelled):
    found = run("keywords.py", "--real", labelled)
    counts = {"silence": 6, "unknown": 12, "yes": 12, "no": 12}
    assert found["counts"] == counts
    assert found["count"] == 42
    assert found["other_words_rejected"]["count"] == 12
    assert set(found["other_words_rejected"]["by_word"]) == {"go"}
    right = sum(round(found["recall"][label] * count) for label, count in counts.items())
    assert found["accuracy"] == pytest.approx(right / 42, abs=1e-4)
    assert found["accuracy"] > 0.7  # it has learned from these very clips
    assert found["interval_95"][0] < found["accuracy"] <= found["interval_95"][1]
    assert found["int8_agrees_with_float"]["scored"]["share"] > 0.9
    assert found["stream"]["keywords"] == 24
    for name in ("as_shipped", "at_95%_recall"):
        part = found["stream"][name]
        assert part["noise"]["seconds"] == 20
        assert part["words"]["seconds"] == 24  # go and tree
        assert part["recall"] > 0.5


def test_another_model_is_measured_instead(labelled, tmp_path):
    from tiny_keywords import tiny_classifier

    (tmp_path / "model.tflite").write_bytes(tiny_classifier().model)
    found = run("keywords.py", "--real", labelled, "--model", tmp_path / "model.tflite")
    assert found["bytes"] == len(tiny_classifier().model)
    assert found["accuracy"] < 0.7  # of random weights
    assert "int8_agrees_with_float" not in found
    assert found["stream"]["as_shipped"]["threshold"] == 0.8  # what a classifier has by default


def test_what_a_few_clips_of_other_people_buy(labelled, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import keyword_training

    from tinyml_labs import datasets
    from tinyml_labs.keyword_classifier import load_reference_keyword_classifier

    for name, value in {"COUNTS": (0, 2), "COPIES": 6, "OLD": 40, "EPOCHS": 1}.items():
        monkeypatch.setattr(keyword_training, name, value)
    data = datasets.load_labelled_speech(labelled)
    names = [{"_silence_": "silence", "_unknown_": "unknown"}.get(label, label) for label in data.labels]
    found = keyword_training.measure_curve(load_reference_keyword_classifier(), data, names, draws=1)
    assert set(found["accuracy"]) == {"0", "2"}
    assert found["clips_learned_from"] == {"0": [[0, 0, 0, 0]], "2": [[2, 2, 2, 2]]}
    assert 0 < found["tested"][0] < 42
    assert all(0.4 < share <= 1 for share in found["accuracy"].values())


def test_training_on_speech_commands(tmp_path):
    place = tmp_path / "speech_commands_v0.02"
    listed = []
    for word in WORDS:
        (place / word).mkdir(parents=True)
        clips, _ = some_clips("train", word, 16)
        for number, clip in enumerate(clips):
            name = f"{word}/{number:08x}_nohash_0.wav"
            write_wav(place / name, clip)
            if number >= 10:
                listed.append(name)
    (place / "testing_list.txt").write_text("".join(f"{name}\n" for name in listed))
    (place / "validation_list.txt").write_text("")
    (place / "_background_noise_").mkdir()
    write_wav(place / "_background_noise_" / "pink.wav", quiet_noise(40))
    out = tmp_path / "model.tflite"
    found = run("speech_commands.py", "--data", tmp_path, "--examples", 150, "--epochs", 1, "--out", out)
    assert found["trained_on"] == "40 recorded clips of 10 speakers"
    assert found["count"] == 4 * 6 + 4  # the test's tenth of the noise is 4 s
    assert found["bytes"] == out.stat().st_size
    assert 0 < found["accuracy"] <= 1


def test_nobody_is_learned_from_and_tested(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from keyword_training import split_people

    speakers = np.array(["a", "a", "b", "b", "c", "d", "", "", "", ""])
    words = np.array(["yes"] * 6 + ["tap", "tap", "fan", "fan"])
    silent = speakers == ""
    for seed in range(10):
        learns = split_people(speakers, words, silent, np.random.default_rng(seed))
        assert set(speakers[learns & ~silent]).isdisjoint(speakers[~learns & ~silent])
        assert len(set(speakers[learns & ~silent])) == 2
        assert set(words[learns & silent]).isdisjoint(words[~learns & silent])
    with pytest.raises(ValueError, match="name the speaker of each word"):
        split_people(np.array(["a", "", "b"]), np.array(["yes"] * 3), np.zeros(3, bool), np.random.default_rng(0))


def test_a_folder_of_nothing_but_other_words(labelled, tmp_path):
    (tmp_path / "labels.csv").write_text("path,label,word,speaker\ngo.wav,go,go,x\n")
    write_wav(tmp_path / "go.wav", some_clips("train", "go", 1)[0][0])
    found = run("keywords.py", "--real", tmp_path)
    assert found["other_words_rejected"]["count"] == 1
    assert "accuracy" not in found
    assert "stream" not in found
