"""Made-up answers to three exercises: each put together of forms that students use, with names of their own."""

from __future__ import annotations

import random
import re

STUBS = {
    "check_quantize": (
        "def quantize(values, scale, zero_point):\n"
        '    """Turn real numbers into int8: an array of the same shape, dtype int8."""\n'
    ),
    "check_choose": (
        "def choose_quantization(low, high):\n"
        '    """Return (scale, zero_point), a float and an int, for values between low and high."""\n'
    ),
    "check_gaps": (
        'def find_gaps(sample_numbers):\n    """Return a list of (at, missing), two ints for each gap, in order."""\n'
    ),
}
NAMES = ("q", "result", "out", "steps", "scaled", "tmp", "x", "vals", "rounded", "arr", "y", "res", "step", "data")
COMMENTS = ("", "  # scale first", "  # round to the nearest step", "  # TODO tidy", "  # see the text above", "")


def write_answer(grade_id: str, draw: random.Random) -> str:
    """Return one of the many honest answers to an exercise."""
    pick = draw.choice
    a, b, c = draw.sample(NAMES, 3)
    first, second, note = pick(COMMENTS), pick(COMMENTS), pick(COMMENTS)
    body = {"check_quantize": _quantize, "check_choose": _choose, "check_gaps": _gaps}[grade_id]
    parameters = re.findall(r"\w+", STUBS[grade_id].partition("(")[2].partition(")")[0])
    lines = _habits(draw, parameters) + body(pick, a, b, c)
    told = [first, second, note]
    return STUBS[grade_id] + "".join(f"    {line}{told[n] if n < 3 else ''}\n" for n, line in enumerate(lines))


def _quantize(pick, a, b, c):
    begin = pick(
        [
            [f"{a} = np.asarray(values) / scale"],
            [f"{a} = np.array(values, dtype=np.float32) / scale"],
            [f"{a} = values / scale"],
            [f"{c} = np.asarray(values, dtype=float)", f"{a} = {c} / scale"],
            [f"{a} = np.divide(values, scale)"],
        ]
    )
    middle = pick(
        [
            [f"{b} = np.round({a}) + zero_point"],
            [f"{b} = np.rint({a}) + zero_point"],
            [f"{b} = np.floor({a} + 0.5) + zero_point"],
            [f"{a} = {a} + zero_point", f"{b} = np.round({a})"],
            [f"{b} = np.sign({a}) * np.floor(np.abs({a}) + 0.5) + zero_point"],
            [f"{b} = np.around({a} + zero_point)"],
        ]
    )
    end = pick(
        [
            [f"return np.clip({b}, -128, 127).astype(np.int8)"],
            [f"{b} = np.clip({b}, -128, 127)", f"return {b}.astype(np.int8)"],
            [f"{b}[{b} > 127] = 127", f"{b}[{b} < -128] = -128", f"return {b}.astype('int8')"],
            [f"return np.minimum(np.maximum({b}, -128), 127).astype(np.int8)"],
            [f"{b} = {b}.clip(-128, 127).astype('int8')", f"return {b}"],
        ]
    )
    return begin + middle + end


def _choose(pick, a, b, c):
    begin = pick(
        [
            ["low = min(low, 0.0)", "high = max(high, 0.0)"],
            ["low, high = min(low, 0), max(high, 0)"],
            ["if low > 0:", "    low = 0.0", "if high < 0:", "    high = 0.0"],
            ["low = low if low < 0 else 0", "high = high if high > 0 else 0"],
        ]
    )
    middle = pick(
        [
            [f"{a} = (high - low) / 255"],
            [f"{b} = high - low", f"{a} = {b} / 255.0"],
            [f"{a} = (high - low) / (127 - -128)"],
            [f"{a} = float(high - low) / 255"],
        ]
    )
    end = pick(
        [
            [f"{c} = int(round(-128 - low / {a}))", f"return {a}, max(-128, min(127, {c}))"],
            [f"{c} = round(-128 - low / {a})", f"return {a}, int(np.clip({c}, -128, 127))"],
            [f"{c} = -128 - low / {a}", f"{c} = int(np.round({c}))", f"return ({a}, {c})"],
            [f"return {a}, int(np.clip(np.round(-128 - low / {a}), -128, 127))"],
            [f"{c} = int(-128 - low / {a} + 0.5)", f"return {a}, {c}"],
        ]
    )
    return begin + middle + end


def _gaps(pick, a, b, c):
    many = f"{c} > 1" if pick([True, False]) else f"{c} != 1"
    pair = pick([f"({b}, int({c}) - 1)", f"({b}, int({c} - 1))", f"(int({b}), {c} - 1)", f"({b}, {c} - 1)"])
    add = pick([f"{a}.append({pair})", f"{a} += [{pair}]", f"{a}.append(tuple([{b}, {c} - 1]))"])
    row = pick(["sample_numbers", "np.asarray(sample_numbers)", "np.array(sample_numbers)"])
    empty = pick([f"{a} = []", f"{a} = list()"])
    return pick(
        [
            [
                f"{a} = np.diff({row})",
                *pick(
                    [
                        [f"return [(int({b}) + 1, int({a}[{b}]) - 1) for {b} in np.flatnonzero({a} > 1)]"],
                        [
                            f"{b} = np.where({a} > 1)[0]",
                            f"return list(zip(({b} + 1).tolist(), ({a}[{b}] - 1).tolist()))",
                        ],
                        [
                            f"return [({b} + 1, int({c}) - 1) for {b}, {c} in enumerate({a}) if {c} > 1]",
                        ],
                    ]
                ),
            ],
            [
                empty,
                f"for {b} in range(1, len(sample_numbers)):",
                f"    {c} = sample_numbers[{b}] - sample_numbers[{b} - 1]",
                f"    if {many}:",
                f"        {add}",
                f"return {a}",
            ],
            [
                empty,
                f"{b} = 1",
                f"while {b} < len(sample_numbers):",
                f"    {c} = sample_numbers[{b}] - sample_numbers[{b} - 1]",
                f"    if {many}:",
                f"        {add}",
                f"    {b} += 1",
                f"return {a}",
            ],
            [
                empty,
                pick(
                    [
                        f"for {b}, (before, n) in enumerate(zip(sample_numbers, sample_numbers[1:]), start=1):",
                        f"for {b}, (before, n) in enumerate(zip(sample_numbers[:-1], sample_numbers[1:]), 1):",
                    ]
                ),
                f"    {c} = n - before",
                f"    if {many}:",
                f"        {add}",
                f"return {a}",
            ],
        ]
    )


HABITS = (
    "if {v} is None:\n    return None",
    "assert {w} != 0",
    "assert {v} is not None, 'no values'",
    "if {w} == 0:\n    raise ValueError('zero')",
    "print({v}, {w})",
    "print('called with', type({v}), type({w}))",
    "try:\n    float({w})\nexcept TypeError:\n    print('not a number', {w})",
    "count = len({v}) if hasattr({v}, '__len__') else 1",
    "{v} = np.asarray({v})",
    "if isinstance({v}, list):\n    {v} = np.array({v}, dtype=np.float64)",
    "minimum, maximum = -128, 127\nspan = maximum - minimum + 1",
    "small = np.iinfo(np.int8).min\nlarge = np.iinfo(np.int8).max",
    "debug = False\nif debug:\n    print(f'{v} has the mean {{np.mean({v})}}')",
    "import math\nlimit = math.inf",
)


def _habits(draw, parameters):
    """Return the lines that a student puts first and that change nothing: each has habits of their own."""
    count = draw.choices([0, 1, 2, 3], weights=[40, 35, 18, 7])[0]
    lines = []
    for habit in draw.sample(HABITS, count):
        v, w = (draw.choice(parameters) for _ in range(2))
        lines += habit.format(v=v, w=w).splitlines()
    return lines


def rename(code: str, draw: random.Random) -> str:
    """Return a copy as somebody makes it who hides it: other names, other comments, other blanks, other numbers."""
    words = sorted(
        set(re.findall(r"\b(?:" + "|".join(NAMES) + r"|before|n|count|debug|span|small|large|limit)\b", code))
    )
    fresh = draw.sample(
        ["foo", "bar", "alpha", "beta", "gamma", "my_value", "thing", "w", "u", "k9", "zz", "kk", "ll"], len(words)
    )
    for word, other in zip(words, fresh, strict=True):
        code = re.sub(rf"\b{word}\b", other, code)
    lines = [line.partition("  #")[0] for line in code.splitlines()]
    lines.insert(2, "    # my own idea")
    return "\n".join(lines).replace(" = ", "  =  ").replace("0.5", ".5") + "\n"
