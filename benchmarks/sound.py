"""Spectrograms of clips and streams against other ways to the same, in the same run; the bundled words, their codec.

    .venv/bin/python benchmarks/sound.py [--clips 1000] [--rounds 5] [--json]

Synthetic sound (babble). Times are of the processor, this process and its children, but where it says seconds waited.
The other ways: the package's own class, step by step; TensorFlow's `audio_microfrontend`, with the settings of
micro_speech; a stream computed anew for each window, ten times a second. The codec: new clips of eSpeak NG and, if it
is installed, Flite, before and after Ogg Opus, told by the reference classifier.
"""

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from pymicro_features import MicroFrontend

from tinyml_labs import inference
from tinyml_labs.datasets import load_keywords
from tinyml_labs.datasets.keywords import write_keywords
from tinyml_labs.datasets.spoken_clips import SpokenClips
from tinyml_labs.features import AudioFrontEnd, SpectrogramSettings, spectrogram, spectrograms
from tinyml_labs.features.noise import make_noise
from tinyml_labs.keyword_classifier import load_reference_keyword_classifier
from tinyml_labs.quiet import import_quietly
from tinyml_labs.voices import flite

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "datasets" / "keywords"))
import make_clips

EVERY_FRAME = SpectrogramSettings(stride_ms=10)


def processor_s(work: Callable[[], Any]) -> tuple[float, Any]:
    """Run it; give the seconds of processor that it and its children took, and what it gives."""
    before = psutil.Process().cpu_times()
    result = work()
    after = psutil.Process().cpu_times()
    names = ("user", "system", "children_user", "children_system")
    return sum(getattr(after, name) - getattr(before, name) for name in names), result


def step_by_step(clips: np.ndarray) -> np.ndarray:
    """Compute every frame of every clip with the package's own class."""
    made = []
    for clip in clips:
        front_end, frames = MicroFrontend(), []
        sound = clip.tobytes()
        while len(sound) >= 320:
            output = front_end.process_samples(sound[:320])
            sound = sound[2 * output.samples_read :]
            if output.features:
                frames.append(output.features)
        made.append(frames)
    return np.rint(np.array(made) * 25.6).astype(np.uint16)


def with_tensorflow(clips: np.ndarray) -> np.ndarray | None:
    """Compute every frame with TensorFlow's op; None if this TensorFlow has none."""
    tensorflow = import_quietly("tensorflow")
    try:
        from tensorflow.lite.experimental.microfrontend.python.ops import audio_microfrontend_op
    except ImportError:
        return None
    how = {
        "sample_rate": 16_000, "window_size": 30, "window_step": 10, "num_channels": 40, "lower_band_limit": 125.0,
        "upper_band_limit": 7500.0, "smoothing_bits": 10, "even_smoothing": 0.025, "odd_smoothing": 0.06,
        "min_signal_remaining": 0.05, "enable_pcan": True, "pcan_strength": 0.95, "pcan_offset": 80.0,
        "gain_bits": 21, "enable_log": True, "scale_shift": 6,
    }  # fmt: skip
    made = [audio_microfrontend_op.audio_microfrontend(tensorflow.constant(clip), **how).numpy() for clip in clips]
    return np.array(made).astype(np.uint16)


def measure_batch(clips: np.ndarray, rounds: int) -> dict[str, Any]:
    """Compute the spectrograms of clips in four ways."""
    ways: dict[str, Callable[[np.ndarray], np.ndarray | None]] = {
        "spectrograms": lambda sound: spectrograms(sound, EVERY_FRAME),
        "class_step_by_step": step_by_step,
        "tensorflow_op": with_tensorflow,
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    equal: dict[str, float] = {}
    for way in ways.values():
        way(clips[:2])
    for _ in range(rounds):
        ours = None
        for name, way in ways.items():
            seconds, found = processor_s(lambda way=way: way(clips))
            if found is None:
                continue
            ours = found if ours is None else ours
            equal[name] = round(float((found == ours).mean()), 6)
            times[name].append(seconds)
    start = time.perf_counter()
    spectrograms(clips, EVERY_FRAME, processes=2)
    waited = time.perf_counter() - start
    best = min(times["spectrograms"])
    return {
        "clips": len(clips),
        "processor_s": {name: round(min(each), 3) for name, each in times.items() if each},
        "median_processor_s": {name: round(statistics.median(each), 3) for name, each in times.items() if each},
        "ratio": {name: round(min(each) / best, 2) for name, each in times.items() if each},
        "equal_values": equal,
        "seconds_waited_2_processes": round(waited, 3),
    }


def measure_stream(seconds: int) -> dict[str, Any]:
    """Compute a stream's frames as they come, and anew for each window."""
    sound = np.rint(8000 * make_noise("babble", seconds * 16_000, 1)).astype(np.int16)

    def as_it_comes() -> None:
        front_end = AudioFrontEnd()
        for start in range(0, len(sound), 1600):
            front_end.feed(sound[start : start + 1600])

    def anew() -> None:
        for start in range(0, len(sound) - 16_000, 1600):
            spectrogram(sound[start : start + 16_000])

    ours, other = processor_s(as_it_comes)[0], processor_s(anew)[0]
    return {
        "seconds": seconds,
        "share_of_a_core": round(ours / seconds, 5),
        "anew_for_each_window": round(other / ours, 1),
    }


def measure_codec() -> dict[str, Any]:
    """Tell clips by the reference classifier, as they were made and as they come back from the codec."""
    made = [
        *make_clips.speak_espeak(600, seed=99),
        *(make_clips.speak_flite(400, seed=99) if flite.is_installed() else ()),
    ]
    columns = (
        tuple(getattr(clip, name) for clip in made) for name in ("samples", "word", "voice", "synthesiser", "split")
    )
    raw = SpokenClips(**dict(zip(("samples", "words", "voices", "synthesisers", "splits"), columns, strict=True)))
    with tempfile.TemporaryDirectory() as folder:
        write_keywords(Path(folder) / "clips.zip", raw)
        size = (Path(folder) / "clips.zip").stat().st_size
        coded = load_keywords(Path(folder) / "clips.zip")
    classifier = load_reference_keyword_classifier()
    truth = np.array([classifier.labels.index(word) if word in classifier.labels else 1 for word in raw.words])
    found = []
    for clips in (raw, coded):
        sounds = np.zeros((len(clips), classifier.clip_samples), np.int16)
        for sound, clip in zip(sounds, clips.samples, strict=True):
            part = clip[: len(sound)] // 3
            start = (len(sound) - len(part)) // 2
            sound[start : start + len(part)] = part
        found.append(inference.predict(classifier.model, classifier.inputs(sounds), "litert").argmax(axis=1))
    return {
        "clips": len(raw),
        "bytes_a_clip": round(size / len(raw)),
        "accuracy_as_made": round(float((found[0] == truth).mean()), 4),
        "accuracy_coded": round(float((found[1] == truth).mean()), 4),
        "same_answer": round(float((found[0] == found[1]).mean()), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    noise = make_noise("babble", 16_000 * 60, 0)
    starts = np.random.default_rng(0).integers(0, len(noise) - 16_000, given.clips)
    clips = np.rint(8000 * np.array([noise[start : start + 16_000] for start in starts]) / 0.3).astype(np.int16)
    loading, words = processor_s(load_keywords)
    result = {
        "machine": f"{platform.machine()}, {psutil.cpu_count()} cores, Python {platform.python_version()}",
        "batch": measure_batch(clips, given.rounds),
        "stream": measure_stream(60),
        "codec": measure_codec(),
        "load_keywords": {"clips": len(words), "processor_s": round(loading, 2)},
    }
    print(json.dumps(result) if given.json else json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
