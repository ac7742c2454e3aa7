"""Train keywords_int8.tflite and keywords.json, the keyword classifier that listens before you have trained one.

    python datasets/keywords/train_reference.py [CLIPS.zip ...]

Synthetic voices alone: the bundled ones, or those of larger archives of make_clips.py. README.md says which the
shipped model has learned from. What is chosen (the threshold of an event) is chosen on validation voices. Seeded;
another machine or TensorFlow version may round otherwise and give a model that is a little different and as good.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from word_list import LIKE_NO, LIKE_YES

from tinyml_labs import conversion, evaluation, inference, models
from tinyml_labs.arena import measure_arena
from tinyml_labs.datasets.bundled import write_with_checksum
from tinyml_labs.datasets.keywords import load_keywords
from tinyml_labs.datasets.spoken_clips import SpokenClips
from tinyml_labs.features import spectrograms, to_real
from tinyml_labs.features.augmentation import (
    AugmentationSettings,
    add_noise,
    augment,
    colour,
    mask_spectrogram,
    place,
    to_float,
    to_int16,
)
from tinyml_labs.features.noise import NOISES, make_babble, make_noise
from tinyml_labs.keyword_classifier import KeywordClassifier
from tinyml_labs.quiet import import_quietly
from tinyml_labs.sound_streams import make_stream
from tinyml_labs.streaming import stream_predict

LABELS = ("silence", "unknown", "yes", "no")
SHARES = (0.13, 0.45, 0.20, 0.22)  # of the examples: "no" is the harder one
NEURAL_SHARE = 0.7  # of the examples with a voice: Kokoro's are most like people
CIRCUMSTANCES = AugmentationSettings(speed=(0.8, 1.25), level_db=(-40.0, -12.0), noise_share=0, colour_share=0.7)
NEIGHBOUR = replace(CIRCUMSTANCES, length=24_000)
BESIDE_SHARE = 0.3  # of the examples: with another word before or after it, as in a stream
CUT_SHARE = 0.3  # of those without a keyword: partly outside of the window
GAP_S = (0.05, 0.4)
SNR_DB = (0.0, 40.0)
NOISY_SHARE = 0.85
BEFORE = 8_000  # samples of the background that the front end may have heard before a clip, as in a stream
NOISE_S, NOISE_SEEDS = 4, 16  # of each kind of noise
SMOOTHING = {"average_windows": 3, "threshold": 0.8, "release": 0.5, "hold_off": 7}
FRAMES = 49
MASKS = {"time_masks": 1, "frequency_masks": 1, "longest": 6}  # of each example, anew in each epoch
BATCH = 50
MOST_AN_HOUR = 12  # false alarms, among some 600 other words an hour
_CHUNK = 250


def make_noises(clips: SpokenClips, seed: int) -> list[NDArray[np.float32]]:
    """Make seconds of every kind of noise, and a crowd that says the clips."""
    count = NOISE_S * 16_000
    noises = [make_noise(kind, count, 100 * seed + k) for kind in NOISES for k in range(NOISE_SEEDS)]
    return noises + [make_babble(clips.samples, count, 100 * seed + k) for k in range(NOISE_SEEDS)]


def make_silence(noises: Sequence[NDArray[np.float32]], generator: np.random.Generator) -> NDArray[np.int16]:
    """Make a clip without a word: none to three noises, of any loudness down to nothing."""
    sound = np.zeros(BEFORE + 16_000, np.float32)
    for _ in range(int(generator.integers(0, 4))):
        noise = noises[int(generator.integers(len(noises)))]
        start = int(generator.integers(len(noise) - len(sound) + 1))
        sound += noise[start : start + len(sound)] * 10 ** (generator.uniform(-60, 5) / 20)
    return to_int16(colour(sound, generator))


def make_example(
    clip: NDArray[np.int16],
    other: NDArray[np.int16],
    noises: Sequence[NDArray[np.float32]],
    generator: np.random.Generator,
    *,
    is_keyword: bool,
) -> NDArray[np.int16]:
    """Put a clip into circumstances of chance: what was heard before, perhaps another word beside it."""
    sound = np.pad(to_float(augment(clip, generator, settings=CIRCUMSTANCES)), (BEFORE, 0))
    heard = np.flatnonzero(sound)
    if len(heard) and generator.random() < BESIDE_SHARE:
        begin, end = int(heard[0]), int(heard[-1]) + 1
        if not is_keyword and generator.random() < CUT_SHARE:  # part of a word is no keyword, nor is the rest
            outside = int(generator.uniform(0.2, 0.6) * (end - begin))
            shift = BEFORE - begin - outside if generator.random() < 0.5 else len(sound) - end + outside
            sound, begin, end = place(sound, len(sound), shift), begin + shift, end + shift
        neighbour = to_float(augment(other, generator, settings=NEIGHBOUR))
        neighbour = np.trim_zeros(neighbour)
        gap = int(generator.uniform(*GAP_S) * 16_000)
        start = begin - gap - len(neighbour) if generator.random() < 0.5 else end + gap
        sound = sound + place(neighbour, len(sound), start)
    if sound.any() and generator.random() < NOISY_SHARE:
        noise = noises[int(generator.integers(len(noises)))]
        sound = add_noise(sound, noise, generator.uniform(*SNR_DB), generator)
    return to_int16(sound)


def choose(clips: SpokenClips, count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Choose examples by class and synthesiser: the number of a clip, or -1 for silence."""
    classes = np.array([LABELS.index(word) if word in LABELS else 1 for word in clips.words])
    neural = np.array([name == "kokoro" for name in clips.synthesisers])
    weights = np.zeros(len(clips))
    for number, share in enumerate(SHARES[1:], start=1):
        for group, part in ((neural, NEURAL_SHARE), (~neural, 1 - NEURAL_SHARE)):
            mine = (classes == number) & group
            weights[mine] = share * part / max(1, mine.sum())
    silent = round(SHARES[0] * count)
    chosen = generator.choice(len(clips), count - silent, p=weights / weights.sum())
    return generator.permutation(np.concatenate([chosen, np.full(silent, -1)]))


_shared: tuple[SpokenClips, Sequence[NDArray[np.float32]]]


def _share(clips: SpokenClips, noises: Sequence[NDArray[np.float32]]) -> None:
    """Give a process once what all its examples are made of."""
    global _shared
    _shared = clips, noises


def _examples(seed: int, numbers: tuple[int, NDArray[np.int64]]) -> NDArray[np.uint16]:
    clips, noises = _shared
    generator = np.random.default_rng([seed, numbers[0]])
    others = [k for k, word in enumerate(clips.words) if word not in LABELS]
    sounds = np.array(
        [
            make_silence(noises, generator)
            if number < 0
            else make_example(
                clips.samples[number],
                clips.samples[int(generator.choice(others))] if others else np.zeros(1, np.int16),
                noises,
                generator,
                is_keyword=clips.words[number] in LABELS,
            )
            for number in numbers[1]
        ]
    )
    half = len(sounds) // 2  # the front end is in a stream; or it begins with the clip, as in a recording of one
    in_stream, alone = spectrograms(sounds[:half])[:, -FRAMES:], spectrograms(sounds[half:, BEFORE:])
    return np.concatenate([in_stream, alone])


def make_examples(
    clips: SpokenClips,
    count: int,
    seed: int,
    processes: int = 2,
    noises: Sequence[NDArray[np.float32]] | None = None,
) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """Make spectrograms, uint16 (count, 49, 40), of clips in many circumstances, and their classes, (count,).

    Noises are made up, unless recorded ones are given: each of 1.5 s at least.
    """
    chosen = choose(clips, count, np.random.default_rng([seed, 0]))
    classes = np.array([LABELS.index(word) if word in LABELS else 1 for word in clips.words])
    pieces = [(start + 1, chosen[start : start + _CHUNK]) for start in range(0, count, _CHUNK)]
    heard = make_noises(clips, seed) if noises is None else noises
    context = get_context("spawn")  # a fork of a process with TensorFlow's threads may hang
    with ProcessPoolExecutor(processes, context, _share, (clips, heard)) as pool:
        made = list(pool.map(partial(_examples, seed), pieces))
    return np.concatenate(made), np.where(chosen < 0, 0, classes[chosen])


def train(model: Any, x: NDArray[np.uint16], y: NDArray[np.int64], *, epochs: float, rate: float, seed: int) -> None:
    """Train with masked spectrograms, smoothed labels and averaged weights."""
    keras = import_quietly("keras")
    keras.utils.set_random_seed(seed)
    generator = np.random.default_rng([seed, 9])
    if len(x) < BATCH:
        raise ValueError(f"{len(x)} examples are fewer than a batch of {BATCH}.")
    steps = round(epochs * len(x) / BATCH)

    def batches() -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        while True:
            order = generator.permutation(len(x))
            for start in range(0, len(x) - BATCH + 1, BATCH):
                mine = order[start : start + BATCH]
                masked = mask_spectrogram(to_real(x[mine]), generator, **MASKS)
                yield masked[..., np.newaxis], np.eye(len(LABELS), dtype=np.float32)[y[mine]]

    falling = keras.optimizers.schedules.CosineDecay(rate, steps)
    model.compile(
        optimizer=keras.optimizers.AdamW(falling, weight_decay=1e-4, use_ema=True, ema_momentum=0.998),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.05),
    )
    rounds = max(1, round(epochs))
    bar = [models.show_progress(rounds)]
    model.fit(batches(), epochs=rounds, steps_per_epoch=steps // rounds, verbose=0, callbacks=bar)


def measure(classifier: KeywordClassifier, clips: SpokenClips, seed: int) -> str:
    """Say how many of some voices' clips are right, each in one circumstance."""
    x, y = make_examples(clips, 4 * len(clips), seed)
    found = inference.predict(classifier.model, to_real(x)[..., np.newaxis], "litert").argmax(axis=1)
    recall = {label: round(float((found[y == k] == k).mean()), 3) for k, label in enumerate(LABELS)}
    return f"{(found == y).mean():.4f} of {len(y)}, {recall}"


def choose_threshold(classifier: KeywordClassifier, clips: SpokenClips) -> float:
    """Choose the threshold with the fewest misses and few enough false alarms, on an hour of validation voices.

    Words made to be mistaken for a keyword are left out: they are a test, and no day is full of them.
    """
    ordinary = sorted(set(clips.words) - set(LIKE_NO) - set(LIKE_YES))
    clips = clips.select(words=ordinary)
    sound, words = make_stream(clips.samples, clips.words, 3600, keywords=LABELS[2:], keyword_share=0.4, seed=1)
    with inference.load(classifier.model, "litert") as model:  # ten times as fast as the board's kernels
        found = stream_predict(sound, model, **classifier.stream_settings(), progress=False)
    sweep = evaluation.sweep_thresholds(found, words)
    print(sweep.headline())
    fewest = min(point.false_alarms_per_hour.value for point in sweep.points)
    point = sweep.choose(max_false_alarms_per_hour=max(MOST_AN_HOUR, fewest))
    print(f"threshold {point.threshold}: {point.misses} misses, {point.false_alarms} false alarms")
    return point.threshold


def load_weights(path: Path) -> list[NDArray[Any]]:
    """Read what main writes as keywords_weights.npz."""
    with np.load(path) as stored:
        return [stored[f"arr_{number}"] for number in range(len(stored.files))]


def join(archives: Sequence[SpokenClips]) -> SpokenClips:
    """Put archives one after the other."""
    names = ("samples", "words", "voices", "synthesisers", "splits")
    return SpokenClips(**{name: sum((getattr(clips, name) for clips in archives), ()) for name in names})


def main() -> None:
    """Write model and settings, and print how good they are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archives", nargs="*", type=Path, metavar="CLIPS.zip")
    parser.add_argument("--examples", type=int, default=48_000)
    parser.add_argument("--epochs", type=float, default=20)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--filters", type=int, default=64)
    parser.add_argument("--first-filters", type=int, default=20)
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weights", type=Path, metavar="FILE.npz", help="go on from these, in place of chance")
    parser.add_argument("--folder", type=Path, default=Path(__file__).resolve().parent)
    given = parser.parse_args()
    clips = join([load_keywords(path) for path in given.archives] or [load_keywords()])
    print(clips)
    if "validation" not in clips.splits:
        raise SystemExit("The archives have no split `validation`, and the threshold is chosen on it.")
    x, y = make_examples(clips.select(split="train"), given.examples, given.seed)
    import_quietly("keras").utils.set_random_seed(given.seed)
    network = models.build_ds_cnn(
        first_filters=given.first_filters,
        filters=given.filters,
        blocks=given.blocks,
        halve=True,
        dropout=given.dropout,
    )
    if given.weights:
        network.set_weights(load_weights(given.weights))
    train(network, x, y, epochs=given.epochs, rate=given.rate, seed=given.seed)
    model = conversion.convert(network, training_data=to_real(x[:2000])[..., np.newaxis])
    classifier = KeywordClassifier(model=model, labels=LABELS, smoothing=SMOOTHING)
    print(f"{len(model):,} bytes, arena {measure_arena(model).measured_bytes:,} bytes")
    for split in ("validation", "test"):
        if split in clips.splits:
            print(f"{split} voices: {measure(classifier, clips.select(split=split), given.seed + 1)}")
    threshold = choose_threshold(classifier, clips.select(split="validation"))
    classifier = replace(classifier, smoothing={**SMOOTHING, "threshold": threshold})
    write_with_checksum(given.folder / "keywords_int8.tflite", classifier.model)
    write_with_checksum(given.folder / "keywords.json", classifier.to_json().encode())
    weights = io.BytesIO()
    np.savez(weights, *network.get_weights())
    write_with_checksum(given.folder / "keywords_weights.npz", weights.getvalue())


if __name__ == "__main__":
    main()
