"""Going on training the reference network with clips of other people, to see what a few of them buy."""

import numpy as np

from tinyml_labs import conversion, datasets, inference, models
from tinyml_labs.features import spectrograms, to_real
from tinyml_labs.features.augmentation import AugmentationSettings, augment
from tinyml_labs.features.noise import NOISES, make_noise
from tinyml_labs.keyword_classifier import KeywordClassifier
from tinyml_labs.quiet import import_quietly

COUNTS = (0, 10, 25, 50)  # real clips a class
COPIES = 400  # examples a class that are made of them, however few they are
OLD = 2400  # examples of the bundled clips, or the network would forget them
EPOCHS = 6
MILD = AugmentationSettings(speed=(0.9, 1.1), level_db=(-40, -12), noise_share=0.7, snr_db=(5, 35), room_share=0.2)


def _noises() -> list[np.ndarray]:
    return [make_noise(kind, 32_000, seed) for kind in NOISES for seed in range(4)]


def make_old_examples(labels: tuple[str, ...], generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Make examples of the bundled training clips, as many of each class: spectrograms (OLD, 49, 40, 1), classes."""
    clips, noises = datasets.load_keywords().select(split="train"), _noises()
    classes = np.array([labels.index(word) if word in labels else labels.index("unknown") for word in clips.words])
    sounds, truth = [], []
    for number in range(OLD):
        label = number % len(labels)
        mine = np.flatnonzero(classes == label)
        clip = clips.samples[int(generator.choice(mine))] if len(mine) else np.zeros(16_000, np.int16)
        sounds.append(augment(clip, generator, noises=noises) if len(mine) else _quiet(noises, generator))
        truth.append(label)
    return to_real(spectrograms(np.array(sounds), processes=2))[..., np.newaxis], np.array(truth)


def _quiet(noises: list[np.ndarray], generator: np.random.Generator) -> np.ndarray:
    noise = noises[int(generator.integers(len(noises)))][:16_000]
    return np.rint(32_767 * noise / np.abs(noise).max() * 10 ** (generator.uniform(-70, -15) / 20)).astype(np.int16)


def fine_tune(
    clips: np.ndarray,
    y: np.ndarray,
    old: tuple[np.ndarray, np.ndarray],
    generator: np.random.Generator,
) -> bytes:
    """Go on training the reference with clips, int16 (n, 16000), and old examples; give the int8 model."""
    keras = import_quietly("keras")
    keras.utils.set_random_seed(int(generator.integers(1 << 30)))
    noises = _noises()
    drawn = [number for k in np.unique(y) for number in generator.choice(np.flatnonzero(y == k), COPIES)]
    made = np.array([augment(clips[number], generator, noises=noises, settings=MILD) for number in drawn])
    x = np.concatenate([to_real(spectrograms(made, processes=2))[..., np.newaxis], old[0]])
    network = models.load_reference_ds_cnn()
    models.train_classifier(
        network, x, np.concatenate([y[drawn], old[1]]), epochs=EPOCHS, batch_size=100, learning_rate=1e-3
    )
    return conversion.convert(network, training_data=x[:: max(1, len(x) // 1500)])


def split_people(
    speakers: np.ndarray, words: np.ndarray, silent: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Choose half of the speakers, and of the kinds of silence, to learn from: bool (n,)."""
    if (speakers[~silent] == "").any() or len(set(speakers[~silent])) < 2:
        raise ValueError("To fine-tune, the table has to name the speaker of each word, and two speakers at least.")
    voices = generator.permutation(np.unique(speakers[~silent]))
    learns = np.isin(speakers, voices[: len(voices) // 2])
    kinds = generator.permutation(np.unique(words[silent]))
    if len(kinds) > 1:
        learns[silent] = np.isin(words[silent], kinds[: len(kinds) // 2])
    else:  # one kind alone: every second clip of it
        learns[silent] = np.arange(silent.sum()) % 2 == 0
    return learns


def measure_curve(classifier: KeywordClassifier, data: datasets.SpeechFiles, names: list[str], draws: int) -> dict:
    """Fine-tune on 0 to 50 clips a class of half of the people; test on the other half. Each draw halves anew.

    "0" is the classifier as it is. A count that no class can fill any more is left out.
    """
    labels = classifier.labels
    known = [number for number, name in enumerate(names) if name in labels]
    truth = np.array([labels.index(names[number]) for number in known], int)
    sound = np.array([data.read(number) for number in known])
    speakers, words = (np.array([column[number] for number in known]) for column in (data.speakers, data.words))
    silent = np.array([names[number] == labels[0] for number in known])
    shares: dict[str, list[float]] = {}
    learned: dict[str, list[list[int]]] = {}
    tested = []
    for draw in range(draws):
        generator = np.random.default_rng(draw)
        learns = split_people(speakers, words, silent, generator)
        test = np.flatnonzero(~learns)
        x_test = classifier.inputs(sound[test], processes=2)
        tested.append(len(test))
        old = make_old_examples(labels, generator)
        order = generator.permutation(np.flatnonzero(learns))
        before = -1
        for count in COUNTS:
            mine = np.concatenate([order[truth[order] == k][:count] for k in range(len(labels))])
            if len(mine) == before:
                continue
            before = len(mine)
            model = fine_tune(sound[mine], truth[mine], old, generator) if count else classifier.model
            found = inference.predict(model, x_test).argmax(axis=1)
            shares.setdefault(str(count), []).append(round(float((found == truth[test]).mean()), 4))
            learned.setdefault(str(count), []).append(np.bincount(truth[mine], minlength=len(labels)).tolist())
    return {
        "data": "learned from half of the speakers, tested on the other half, halved anew for each draw",
        "draws": draws,
        "tested": tested,
        "accuracy": {count: round(float(np.mean(each)), 4) for count, each in shares.items()},
        "each": shares,
        "clips_learned_from": learned,
    }
