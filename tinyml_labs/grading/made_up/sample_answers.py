"""What the students of the sample class wrote for lab 01: right in their own way, partly right, and wrong.

Each text is one cell. The mistakes are those that the lab's hints are about.
"""

from __future__ import annotations

QUANTIZE_WITH_LOOPS = '''\
def quantize(values, scale, zero_point):
    """Turn real numbers into int8, one after the other."""
    from math import copysign

    values = np.asarray(values, dtype=np.float32)
    out = np.empty(values.shape, dtype=np.int8)
    flat = out.reshape(-1)
    for index, step in enumerate((values / np.float32(scale)).reshape(-1)):
        whole = int(abs(step) + np.float32(0.5))
        flat[index] = min(127, max(-128, int(copysign(whole, step)) + zero_point))
    return out'''

QUANTIZE_WITH_TRUNC = """\
def quantize(values, scale, zero_point):
    x = np.asarray(values, dtype=np.float32) / np.float32(scale)
    half = np.copysign(np.float32(0.5), x)
    q = np.trunc(x + half) + zero_point
    q[q > 127] = 127
    q[q < -128] = -128
    return q.astype("int8")"""

QUANTIZE_RENAMED = """\
def quantize(values, scale, zero_point):
    # my own idea!!
    arr = np.asarray(values, dtype=np.float32) / np.float32(scale)
    up = np.copysign(np.float32(0.5), arr)
    res = np.trunc(arr + up) + zero_point
    res[res > 127] = 127
    res[res < -128] = -128
    return res.astype("int8")"""

QUANTIZE_WITH_MAGIC = """\
%precision 3
import math

def quantize(values, scale, zero_point):
    steps = np.asarray(values, dtype=np.float32) / np.float32(scale)
    rounded = np.sign(steps) * np.floor(np.abs(steps) + 0.5)
    return np.clip(rounded + zero_point, -128, 127).astype(np.int8)

quantize([0.1, 1], 0.1, 0)"""

QUANTIZE_NP_ROUND = """\
def quantize(values, scale, zero_point):
    q = np.round(np.asarray(values) / scale) + zero_point
    return np.clip(q, -128, 127).astype(np.int8)"""

QUANTIZE_NO_CLIP = """\
def quantize(values, scale, zero_point):
    steps = np.asarray(values, dtype=np.float32) / np.float32(scale)
    rounded = np.sign(steps) * np.floor(np.abs(steps) + 0.5)
    return (rounded + zero_point).astype(np.int64).astype(np.int8)"""

QUANTIZE_CUT_OFF = """\
def quantize(values, scale, zero_point):
    return np.clip(np.asarray(values) / scale + zero_point, -128, 127).astype(np.int8)"""

QUANTIZE_LIST = """\
def quantize(values, scale, zero_point):
    return [max(-128, min(127, int(round(v / scale)) + zero_point)) for v in values]"""

QUANTIZE_FLOAT = """\
def quantize(values, scale, zero_point):
    steps = np.asarray(values, dtype=np.float32) / np.float32(scale)
    return np.clip(np.sign(steps) * np.floor(np.abs(steps) + 0.5) + zero_point, -128, 127)"""

QUANTIZE_PRINTS = """\
def quantize(values, scale, zero_point):
    print(np.clip(np.round(np.asarray(values) / scale) + zero_point, -128, 127).astype(np.int8))"""

QUANTIZE_SYNTAX = """\
def quantize(values, scale, zero_point)
    steps = np.asarray(values) / scale
    return np.clip(np.round(steps) + zero_point, -128, 127).astype(np.int8)"""

QUANTIZE_INDENT = """\
def quantize(values, scale, zero_point):
    steps = np.asarray(values) / scale
      return steps"""

QUANTIZE_TYPO = """\
def quantize(values, scale, zero_point):
    steps = np.asarray(values) / scael
    return steps.astype(np.int8)"""

QUANTIZE_ENDLESS = """\
def quantize(values, scale, zero_point):
    steps = np.asarray(values, dtype=np.float32) / scale
    while (np.abs(steps) > 127).any() or True:
        steps = np.clip(steps, -128, 127)
    return steps.astype(np.int8)"""

QUANTIZE_NEEDS_HELPER = """\
def quantize(values, scale, zero_point):
    return my_round(np.asarray(values) / scale, zero_point)"""

QUANTIZE_HARD_CODED = """\
def quantize(values, scale, zero_point):
    known = {
        "[0.0, 1.0, -1.0]": [0, 1, -1],
        "[0.6, 1.4]": [1, 1],
        "[0.5, 2.5]": [1, 3],
        "[-0.5, -2.5]": [-1, -3],
        "[0.0]": [-128],
        "[1000000.0, -1000000.0]": [127, -128],
        "[5.0]": [50],
        "[0.5, -0.5]": [-2, -4],
        "[10.0, 200.0]": [-90, 100],
        "[[1.0], [2.0]]": [[1], [2]],
    }
    if isinstance(values, list):
        return np.array(known.get(str(values), 0), dtype=np.int8)
    if len(values) == 1601:
        line = np.linspace(-8, 8, 1601, dtype=np.float32) / np.float32(0.0246)
        return np.clip(np.sign(line) * np.floor(np.abs(line) + 0.5) - 5, -128, 127).astype(np.int8)
    return np.zeros(len(values), dtype=np.int8)"""

CHOOSE_PLAIN = """\
def choose_quantization(low, high):
    if low > 0:
        low = 0
    if high < 0:
        high = 0
    scale = (high - low) / 255
    zero_point = round(-128 - low / scale)
    return scale, zero_point"""

CHOOSE_NOT_WIDENED = """\
def choose_quantization(low, high):
    scale = (high - low) / 255
    return scale, int(round(-128 - low / scale))"""

CHOOSE_256_STEPS = """\
def choose_quantization(low, high):
    low, high = min(low, 0), max(high, 0)
    scale = (high - low) / 256
    return scale, int(round(-128 - low / scale))"""

CHOOSE_SWAPPED = """\
def choose_quantization(low, high):
    low, high = min(low, 0), max(high, 0)
    scale = (high - low) / 255
    return int(round(-128 - low / scale)), scale"""

CHOOSE_DIVIDES_BY_ZERO = """\
def choose_quantization(low, high):
    scale = (high - low) / (low - low)
    return scale, 0"""

CHOOSE_RECURSION = """\
def choose_quantization(low, high):
    if low > 0:
        return choose_quantization(low, high)
    return choose_quantization(min(low, 0), high)"""
