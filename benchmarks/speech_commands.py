"""Train the keyword network on Speech Commands, real voices, and test it on the official test list.

    .venv/bin/python benchmarks/speech_commands.py [--data DIR] [--json]

Without --data it downloads Speech Commands v0.02 (2.4 GB, CC BY 4.0) as `tinyml-labs fetch speech-commands` does. The
recipe is that of the reference (`datasets/keywords/train_reference.py`), with recorded words and noises in place of
synthetic ones. Takes about an hour on 2 cores.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from tinyml_labs import conversion, evaluation, inference, models
from tinyml_labs.arena import measure_arena
from tinyml_labs.datasets.speech_commands import load_speech_commands
from tinyml_labs.datasets.speech_files import SpeechFiles
from tinyml_labs.datasets.spoken_clips import SpokenClips
from tinyml_labs.features import spectrograms, to_real
from tinyml_labs.features.trimming import trim_silence
from tinyml_labs.quiet import import_quietly

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "datasets" / "keywords"))
import train_reference as recipe

OTHERS = 3000  # unknown clips in the test; there are some 9,000, and 800 of "yes" and "no"


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def trim(clip: np.ndarray) -> np.ndarray | None:
    """Cut off the silence before and after a word; None if nothing is left."""
    if not clip.any():
        return None
    trimmed = trim_silence((clip / 32_768).astype(np.float32), 16_000)
    return np.rint(trimmed * 32_767).astype(np.int16) if len(trimmed) > 1600 else clip


def to_clips(files: SpeechFiles, split: str, limit: int | None, seed: int) -> SpokenClips:
    """Read clips of a split: all keywords, and of the other words `limit`, drawn by chance."""
    words = np.array(files.words)
    keywords = np.flatnonzero(np.isin(words, recipe.LABELS[2:]))
    others = np.random.default_rng(seed).permutation(np.flatnonzero(~np.isin(words, recipe.LABELS[2:])))
    numbers = [int(number) for number in [*keywords, *others[:limit]]]
    samples = [files.read(number) for number in numbers]
    if split == "train":  # words, as the recipe wants them; those in which nothing is heard are left out
        samples = [trim(clip) for clip in samples]
    kept = [(clip, number) for clip, number in zip(samples, numbers, strict=True) if clip is not None]
    return SpokenClips(
        samples=tuple(clip for clip, _ in kept),
        words=tuple(files.words[number] for _, number in kept),
        voices=tuple(files.speakers[number] for _, number in kept),
        synthesisers=("recorded",) * len(kept),
        splits=(split,) * len(kept),
    )


def measure(model: bytes, clips: SpokenClips, silences: np.ndarray) -> dict[str, Any]:
    """Score clips as they were recorded."""
    sounds = np.concatenate([np.array(clips.samples).reshape(-1, 16_000), silences])
    words = [recipe.LABELS.index(word) if word in recipe.LABELS else 1 for word in clips.words]
    truth = np.array(words + [0] * len(silences))
    found = inference.predict(model, to_real(spectrograms(sounds, processes=2))[..., np.newaxis]).argmax(axis=1)
    right = int((found == truth).sum())
    low, high = evaluation.wilson_interval(right, len(truth))
    return {
        "data": f"official test list, {len(set(clips.voices))} speakers: yes, no, at most {OTHERS} other words, "
        "silences from the last tenth of each noise that training has heard",
        "accuracy": round(right / len(truth), 4),
        "interval_95": [round(low, 4), round(high, 4)],
        "recall": {
            label: round(float((found[truth == k] == k).mean()), 4)
            for k, label in enumerate(recipe.LABELS)
            if k in truth
        },
        "count": len(truth),
    }


def main() -> None:
    """Train, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="DIR", help="where the archive or its content is")
    parser.add_argument("--others", type=int, default=8000, help="training clips of other words (default: 8000)")
    parser.add_argument("--examples", type=int, default=30_000)
    parser.add_argument("--epochs", type=float, default=20)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, metavar="FILE.tflite", help="write the int8 model there")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    given = parser.parse_args()
    start = time.perf_counter()
    files = load_speech_commands(given.data, download=given.data is None, say=_say)
    train = to_clips(files, "train", given.others, given.seed)
    noises = []
    for number in range(len(files.noise_paths)):
        noise = files.read_noise(number)
        begin, end = (int(part * len(noise)) for part in files.noise_part)
        noises.append((noise[begin:end] / 32_768).astype(np.float32))
    x, y = recipe.make_examples(train, given.examples, given.seed, noises=noises)
    import_quietly("keras").utils.set_random_seed(given.seed)
    network = models.build_ds_cnn(first_filters=24, filters=64, blocks=4, halve=True)
    recipe.train(network, x, y, epochs=given.epochs, rate=given.rate, seed=given.seed)
    model = conversion.convert(network, training_data=to_real(x[:2000])[..., np.newaxis])
    if given.out:
        given.out.write_bytes(model)
    held_out = load_speech_commands(given.data, split="test", download=False)
    result = {
        **measure(model, to_clips(held_out, "test", OTHERS, given.seed), held_out.silences()),
        "trained_on": f"{len(train)} recorded clips of {len(set(train.voices))} speakers",
        "bytes": len(model),
        "arena_bytes": measure_arena(model).measured_bytes,
        "seconds": round(time.perf_counter() - start, 1),
    }
    print(json.dumps(result) if given.json else json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
