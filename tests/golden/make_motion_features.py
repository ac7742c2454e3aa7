"""Make the golden motion features that Python and C++ are held against: python tests/golden/make_motion_features.py

The features are computed here a second time, in plain loops, one window after the other, so that the golden ones owe
the package nothing. Each window is 238 samples of acceleration and rotation, as a sensor gives them: int16 counts
(base64, little endian), which times ``lsb`` are g and deg/s. The features of acceleration alone are the first 38.
"""

import base64
import cmath
import functools
import itertools
import json
import math
from pathlib import Path

import numpy as np

from tinyml_labs.simulation.sessions import GESTURES, simulate_session
from tinyml_labs.simulation.subjects import make_subject

FILE = Path(__file__).parent / "motion_features.json"
RATE_HZ = 119.0
BANDS_HZ = (0.3, 0.8, 1.3, 1.8, 2.5, 3.4, 4.6, 7.0, 12.0, 25.0)
LENGTH = 238

# -- the features, in plain loops ------------------------------------------------------------------------------------


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def size(a):
    return math.sqrt(dot(a, a))


def mean(values):
    return math.fsum(values) / len(values)


def log(value):
    return math.log10(value + 0.001)


def part_means(values, parts):
    """Part p begins at sample p * length // parts."""
    edges = [p * len(values) // parts for p in range(parts + 1)]
    return [mean(values[edges[p] : edges[p + 1]]) for p in range(parts)]


def shares(values, counts):
    """The share of the strongest eighths."""
    parts = sorted(part_means(values, 8), reverse=True)
    return [sum(parts[:count]) / (sum(parts) + 1e-4) for count in counts]


@functools.cache
def hann(length):
    return [0.5 - 0.5 * math.cos(2 * math.pi * (i + 1) / (length + 1)) for i in range(length)]


@functools.cache
def turns(padded):
    return [cmath.exp(-2j * math.pi * n / padded) for n in range(padded)]


def line_power(signal, line, padded):
    """One line of a discrete Fourier transform, from its definition, in Hann's window."""
    length, weights, turn = len(signal), hann(len(signal)), turns(padded)
    found = sum(signal[i] * weights[i] * turn[i * line % padded] for i in range(length))
    return abs(found) ** 2 / (sum(h * h for h in weights) * length)


def band_power(signals, low_hz, high_hz, rate_hz):
    padded = 1
    while padded < len(signals[0]):
        padded *= 2
    lines = [k for k in range(padded // 2 + 1) if low_hz <= k * rate_hz / padded < high_hz]
    return sum(line_power(signal, line, padded) for signal in signals for line in lines)


def horizontal_rms(h):
    """Along the longest and the shortest direction: the roots of x² - trace x + minors, as for a 2 x 2 matrix."""
    c = [[mean([x[i] * x[j] for x in h]) for j in range(3)] for i in range(3)]
    trace = c[0][0] + c[1][1] + c[2][2]
    minors = sum(c[i][i] * c[j][j] - c[i][j] * c[i][j] for i, j in ((0, 1), (0, 2), (1, 2)))
    root = math.sqrt(max(0.0, trace * trace / 4 - max(0.0, minors)))
    return math.sqrt(trace / 2 + root), math.sqrt(max(0.0, trace / 2 - root))


def circulations(v, h, up):
    steps = range(len(v) - 1)
    dv = [v[i + 1] - v[i] for i in steps]
    dh = [[h[i + 1][k] - h[i][k] for k in range(3)] for i in steps]
    standing = [sum(v[i] * dh[i][k] - h[i][k] * dv[i] for i in steps) for k in range(3)]
    lying = 0.0
    for i in steps:
        (a, b, c), (x, y, z) = h[i], dh[i]
        lying += dot((b * z - c * y, c * x - a * z, a * y - b * x), up)
    vv, hh = sum(v[i] ** 2 for i in steps), sum(dot(h[i], h[i]) for i in steps)
    dvv, dhh = sum(x * x for x in dv), sum(dot(x, x) for x in dh)
    return [
        size(standing) / (math.sqrt(vv * dhh) + math.sqrt(hh * dvv) + 1e-3),
        abs(lying) / (math.sqrt(hh * dhh) + 1e-3),
    ]


def autocorrelation(d, rate_hz):
    def at(lag):
        return sum(dot(d[i], d[i - lag]) for i in range(lag, len(d)))

    found, whole = [], at(0) + 0.01
    for low, high in ((16, 30), (30, 50), (50, 80), (80, 130)):
        lags = range(int(low * rate_hz / 100), min(len(d), int(high * rate_hz / 100)))
        values = [at(lag) / whole for lag in lags]
        found += [max(values), min(values)]
    return found


def features_of(window, rate_hz=RATE_HZ, bands_hz=BANDS_HZ):
    """The features of one window, a list of rows of 3 or 6 numbers."""
    a = [list(map(float, row[:3])) for row in window]
    m = [mean([row[k] for row in a]) for k in range(3)]
    up = [x / max(size(m), 0.05) for x in m]
    d = [[row[k] - m[k] for k in range(3)] for row in a]
    v = [dot(x, up) for x in d]
    h = [[x[k] - y * up[k] for k in range(3)] for x, y in zip(d, v, strict=True)]
    bands = list(itertools.pairwise(bands_hz))
    v_rms, h_rms = math.sqrt(mean([x * x for x in v])), math.sqrt(mean([dot(x, x) for x in h]))
    found = [log(v_rms), *map(log, horizontal_rms(h))]
    found += [max(map(abs, v)) / (v_rms + 1e-3) / 3, max(map(size, h)) / (h_rms + 1e-3) / 3]
    signals = [v, *([x[k] for x in h] for k in range(3))]
    found += [log(math.sqrt(band_power(signals, low, high, rate_hz))) for low, high in bands]
    for low, high in ((0.3, 2.5), (2.5, 12.0)):
        found.append(band_power([v], low, high, rate_hz) / (band_power(signals, low, high, rate_hz) + 1e-6))
    found += circulations(v, h, up)
    found += shares([x * x + dot(y, y) for x, y in zip(v, h, strict=True)], (1, 2, 4, 6))
    found += autocorrelation(d, rate_hz)
    sizes = [size(row) for row in a]
    deviation = math.sqrt(mean([(s - mean(sizes)) ** 2 for s in sizes]))
    found += [log(deviation), max(sizes) - 1, 1 - min(sizes), size(m) - 1]
    sixths = list(zip(*(part_means([row[k] for row in a], 6) for k in range(3)), strict=True))
    ups = [[x / max(size(sixth), 0.2) for x in sixth] for sixth in sixths]
    away = sorted(1 - dot(x, up) for x in ups)
    found += [away[5], away[2], 1 - dot(ups[0], ups[5])]
    jumps = [size([a[i + 1][k] - a[i][k] for k in range(3)]) for i in range(len(a) - 1)]
    found.append(log(mean(jumps) * rate_hz / 10))
    return found + (rotation_features(window, up, bands, rate_hz) if len(window[0]) == 6 else [])


def rotation_features(window, up, bands, rate_hz):
    columns = [[float(row[k]) / 100 for row in window] for k in (3, 4, 5)]
    signals = [[x - mean(column) for x in column] for column in columns]
    w = list(zip(*signals, strict=True))
    energy = [dot(x, x) for x in w]
    found = [log(math.sqrt(mean(energy))), log(math.sqrt(max(energy)))]
    found.append(mean([dot(x, up) ** 2 for x in w]) / (mean(energy) + 1e-4))
    found += [log(math.sqrt(band_power(signals, low, high, rate_hz))) for low, high in bands]
    return found + shares(energy, (1, 4))


# -- the windows -----------------------------------------------------------------------------------------------------


def movements(chance):
    """Movements by formula, (238, 6) in g and deg/s, held askew, with the noise of a sensor where it says so."""
    t = np.arange(LENGTH) / RATE_HZ
    nil, one = np.zeros(LENGTH), np.ones(LENGTH)
    sine, cosine = (lambda f: np.sin(2 * np.pi * f * t + 0.4)), (lambda f: np.cos(2 * np.pi * f * t + 0.4))
    stroke = np.exp(-(((t - 0.8) / 0.06) ** 2)) - 0.7 * np.exp(-(((t - 1.0) / 0.08) ** 2))
    tilt = np.pi / 2 / (1 + np.exp(-(t - 1) / 0.08))
    step = 0.4 * np.exp(-(((t % 0.55) - 0.1) ** 2) / 0.001)
    turned = 100 * np.sin(2 * np.pi * t)
    clean = {
        "on a table": (nil, nil, one),
        "standing circle": (0.5 * sine(1.2), nil, one + 0.5 * cosine(1.2)),
        "fast standing circle": (1.4 * sine(3.1), 0.2 * sine(3.1), one + 1.2 * cosine(3.1)),
        "lying circle": (0.6 * sine(1.7), 0.6 * cosine(1.7), one),
        "up and down": (nil, nil, one + 0.8 * sine(2.0)),
        "from side to side": (0.7 * sine(1.1), nil, one),
        "shake": (6 * sine(4.3), 1.5 * sine(4.3), one + sine(8.6)),
        "thrust": (nil, 2.5 * stroke, one + 0.3 * stroke),
        "tilt": (np.sin(tilt), nil, np.cos(tilt)),
        "turned over and over": (np.sin(np.pi * t), nil, np.cos(np.pi * t)),
        "walking": (0.1 * sine(0.9), 0.15 * sine(1.8), one + step + 0.2 * sine(1.8)),
        "free fall": (nil, nil, nil),
        "tumbling in free fall": (0.3 * sine(2), 0.2 * cosine(3), 0.1 * sine(5)),
    }
    made = {}
    for name, axes in clean.items():
        mount, _ = np.linalg.qr(chance.normal(size=(3, 3)))
        rotation = np.outer(turned * (name != "on a table"), chance.normal(size=3))
        noise = chance.normal(size=(LENGTH, 6)) * np.repeat([0.002, 0.1], 3)
        made[name] = np.concatenate([np.stack(axes, axis=1) @ mount, rotation], axis=1) + noise
    made["nothing at all"] = np.zeros((LENGTH, 6))
    made["constant"] = np.tile([0.3, -0.4, 0.87, 1.0, -2.0, 3.0], (LENGTH, 1))
    made["as much as it can"] = np.full((LENGTH, 6), 1e9)
    made["one sample"] = np.where(np.arange(LENGTH)[:, None] == 100, 1e9, [0, 0, 1, 0, 0, 0])
    made["any value"] = chance.uniform(-1, 1, (LENGTH, 6)) * np.repeat([4, 2000], 3)
    made["first up, then down"] = np.outer(np.where(t < 1, 1, -1), [0, 0, 1, 0, 0, 50])
    return made


def windows():
    """Name, size of a count, and counts."""
    chance = np.random.default_rng(7)
    fine, coarse = (np.repeat([g / 32768, 2000 / 32768], 3) for g in (2.0, 4.0))
    for number, (name, samples) in enumerate(movements(chance).items()):
        lsb = coarse if number % 2 else fine
        yield name, lsb, np.clip(np.round(samples / lsb), -32768, 32767).astype(np.int16)  # what is more is clipped
    for number, gesture in enumerate(GESTURES):
        session = simulate_session(make_subject(40 + number), [(gesture, 5.0)])
        yield f"simulated {gesture}", session.lsb, session.counts[60 : 60 + LENGTH]


def main():
    rows = []
    for name, lsb, counts in windows():
        samples = (counts * np.float32(lsb)).astype(np.float32)
        rows.append(
            {
                "name": name,
                "lsb": [float(x) for x in lsb],
                "counts": base64.b64encode(counts.astype("<i2").tobytes()).decode(),
                "features": [round(x, 9) for x in features_of(samples.tolist())],
            }
        )
    index = {"rate_hz": RATE_HZ, "bands_hz": BANDS_HZ, "length": LENGTH, "windows": rows}
    FILE.write_text(json.dumps(index, indent=0) + "\n")


if __name__ == "__main__":
    main()
