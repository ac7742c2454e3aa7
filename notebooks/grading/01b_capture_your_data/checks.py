"""What the checks of this lab use: a leaky recording, and five people's windows, made without a board."""

from types import SimpleNamespace

import numpy as np


def spectrum(samples, rate_hz):
    """Return the frequencies and the sizes of the waves in a signal."""
    window, points = np.hanning(len(samples)), 4096 * 4
    sizes = 2 * np.abs(np.fft.rfft((samples - samples.mean()) * window, points)) / window.sum()
    return np.fft.rfftfreq(points, 1 / rate_hz), sizes


def guess(x_train, y_train, x_test):
    """Return the label of the nearest window in training, for each window."""
    flat_train, flat_test = x_train.reshape(len(x_train), -1), x_test.reshape(len(x_test), -1)
    distances = np.square(flat_test[:, None] - flat_train[None]).sum(axis=2)
    return y_train[distances.argmin(axis=1)]


def make_leaky(count=1190, every=60, missing=3):
    """Make a recording of ten seconds that lacks some samples of every sixty."""
    numbers = np.arange(count)[np.arange(count) % every < every - missing]
    cuts = np.flatnonzero(np.diff(numbers) > 1) + 1
    samples = np.sin(2 * np.pi * 20 * numbers / 119)[:, None]
    gaps = [SimpleNamespace(at=int(cut), missing=missing) for cut in cuts]
    return SimpleNamespace(
        sample_numbers=numbers, samples=samples, gaps=gaps, segments=lambda: np.split(samples, cuts)
    )


def make_people(rng):
    """Let five people move a board up and down, or sideways; return windows of a second, labels and names."""
    windows, labels, names = [], [], []
    for name in ("ana", "ben", "cleo", "dan", "eva"):
        tempo, strength = rng.uniform(0.8, 1.6), rng.uniform(0.4, 0.9)
        a, b = np.radians(rng.uniform(-60, 60, 2))
        about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
        about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
        for label, direction in enumerate(([0.15, 0, 1], [1, 0, 0.15])):
            turn = np.linspace(0, 2 * np.pi, 6 * 119, endpoint=False)
            swing = np.sin(round(6 * tempo) * turn + 0.6 * np.sin(turn + rng.uniform(0, 6)))
            motion = [0, 0, 1] + strength * np.outer(swing, direction)
            motion = motion @ (about_x @ about_y).T + rng.normal(0, 0.03, motion.shape)
            for start in range(0, len(motion) - 118, 60):
                windows.append(motion[start : start + 119])
                labels.append(label)
                names.append(name)
    return np.array(windows, np.float32), np.array(labels), np.array(names)


def share_by_window(x, y, rng, draws=20):
    """Return the share of right guesses if two fifths of the windows, shuffled, are the test."""
    cut = 3 * len(y) // 5
    shuffles = [rng.permutation(len(y)) for _ in range(draws)]
    return np.mean([np.mean(guess(x[s[:cut]], y[s[:cut]], x[s[cut:]]) == y[s[cut:]]) for s in shuffles])


leaky = make_leaky()
x, y, names = make_people(np.random.default_rng(1))
by_window = share_by_window(x, y, np.random.default_rng(2))
data = SimpleNamespace(groups_train=names[:66], groups_test=names[66:])
