"""Ring buffer, windows, scores, sample clock and CSV text of the library, each against another implementation."""

import math
import random
import struct
import subprocess
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pytest
from cpp_programs import compile_program, run_lines, run_program

from tinyml_labs.link.fields import DTYPES
from tinyml_labs.smoothing import ScoreSmoother, SmootherSettings

pytestmark = pytest.mark.slow

DAY_S = 24 * 3600


@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_two_threads_share_a_ring_buffer(sanitizer: str) -> None:
    program = compile_program("ring_stress", "-O1", f"-fsanitize={sanitizer}", "-fno-sanitize-recover", "-pthread")
    done = subprocess.run([str(program), "100000"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("received") == 5


@pytest.mark.parametrize(
    ("length", "channels", "stride"), [(1, 1, 1), (5, 1, 1), (5, 1, 5), (5, 1, 8), (10, 3, 4), (128, 6, 64)]
)
def test_windows_are_those_of_numpy(length: int, channels: int, stride: int) -> None:
    """Also after a gap, where the pieces before and behind are cut for themselves."""
    chance = np.random.default_rng(length)
    pieces = [
        chance.integers(-1000, 1000, (size, channels)) for size in (0, 1, length - 1, length, 3 * length + 7, 500)
    ]
    lines = "\nreset\n".join(
        "\n".join("sample " + " ".join(map(str, row)) for row in piece) for piece in pieces if len(piece)
    )
    found = np.array([line.split() for line in run_lines("windows", length, channels, stride, given=lines)], int)
    expected = [
        np.lib.stride_tricks.sliding_window_view(piece, length, axis=0)[::stride].transpose(0, 2, 1)
        for piece in pieces
        if len(piece) >= length
    ]
    np.testing.assert_array_equal(found.reshape(-1, length, channels), np.concatenate(expected))


class Smoother:
    """The rule of score_smoother.h, written again from its words."""

    def __init__(
        self, classes: int, window: int, threshold: int, release: int, hold_off: int, background_mask: int
    ) -> None:
        self.window, self.threshold, self.release = window, threshold, release
        self.hold_off = hold_off
        self.background = [k for k in range(classes) if background_mask & 1 << k]
        self.scores: list[list[int]] = []
        self.updates_since_event: int | None = None
        self.latched = -1

    def update(self, scores: list[int]) -> int:
        self.scores.append(scores)
        if len(self.scores) < self.window:
            return -1
        sums = np.sum(self.scores[-self.window :], axis=0)
        if self.latched >= 0 and sums[self.latched] < self.release * self.window:
            self.latched = -1
        if self.updates_since_event is not None:
            self.updates_since_event += 1
            if self.updates_since_event <= self.hold_off:
                return -1
        best = int(np.argmax(sums))
        if best in (*self.background, self.latched) or sums[best] < self.threshold * self.window:
            return -1
        self.latched, self.updates_since_event = best, 0
        return best


@pytest.mark.parametrize(
    ("classes", "window", "low", "high"),
    [(1, 1, -128, 127), (3, 4, -128, 127), (3, 5, 0, 255), (12, 20, -1000, 1000)],
)
def test_scores_become_events_by_the_rule(classes: int, window: int, low: int, high: int) -> None:
    """The sketch's, the package's and the rule above: the same events, and the first two the same sums."""
    chance = random.Random(classes)
    events = 0
    for _ in range(30):
        step = chance.choice((1, (high - low) // 5))  # coarse scores are often equal, and often just the threshold
        threshold = chance.randint(low // 2, high // 2) // step * step
        release = max(low, chance.choice((threshold, chance.randint(low, threshold) // step * step)))
        settings = (
            threshold,
            release,
            chance.choice((0, 1, 5, 30)),
            chance.getrandbits(classes) & chance.getrandbits(classes),
        )
        arguments = (classes, window, *settings)
        smoother, lines, expected = Smoother(*arguments), [], []
        names = ("average_windows", "threshold", "release", "hold_off", "background")
        background = [k for k in range(classes) if settings[-1] & 1 << k]
        package = ScoreSmoother(SmootherSettings(**dict(zip(names, (*arguments[1:-1], background), strict=True))))
        said = []
        level = [chance.randint(low, high) for _ in range(classes)]
        for _ in range(400):
            if chance.random() < 0.01:
                smoother = Smoother(*arguments)
                package.reset()
                lines.append("reset")
                continue
            if chance.random() < 0.1:
                level[chance.randrange(classes)] = chance.randint(low, high)
            scores = [min(high, max(low, (value + chance.randint(-20, 20)) // step * step)) for value in level]
            lines.append(" ".join(map(str, scores)))
            expected.append(smoother.update(scores))
            said.append([package.update(scores), package.best, *(package.sum(k) for k in range(classes))])
        board = [
            [int(text) for text in line.split()] for line in run_lines("smoother", *arguments, given="\n".join(lines))
        ]
        found = [numbers[0] for numbers in board]
        assert found == expected
        assert said == board
        events += sum(event >= 0 for event in found)
    assert events > 30


def test_one_long_gesture_is_one_event() -> None:
    """High for 40 windows, a dip that stays above the release level, then low, then high again: two events."""
    high, dip, low = "100 -128 -128", "60 -128 -128", "-128 100 -128"
    scores = [low] * 5 + [high] * 20 + [dip] * 5 + [high] * 15 + [low] * 10 + [high] * 5
    found = [int(line.split()[0]) for line in run_lines("smoother", 3, 4, 80, 0, 2, 0b010, given="\n".join(scores))]
    assert [event for event in found if event >= 0] == [0, 0]
    assert found.index(0) == 5 + 3  # four high scores make an average of 80; with three of them it is 43


@pytest.mark.parametrize("rate_hz", [119, 104, 16000, 1, 99.5, 952])
def test_no_tick_is_lost_or_made_up_in_a_day(rate_hz: float) -> None:
    """The 32 bits wrap 20 times; the calls come up to 0.1 s late, from just before a wrap on."""
    millihertz, start = round(rate_hz * 1000), 2**32 - 1000
    (ticks,) = run_lines("clock", "count", millihertz, start, DAY_S, 100_000)
    assert int(ticks) == DAY_S * millihertz // 1000 + 1  # the first is at 0


@pytest.mark.parametrize(
    "millihertz", [119_000, 104_000, 16_000_000, 44_100_000, 1_000, 1, 333, 1_000_001, 3_999_999_999]
)
def test_each_tick_is_due_at_its_time(millihertz: int) -> None:
    """Number n at floor(n / rate): exactly, without drift."""
    assert run_lines("clock", "exact", millihertz, 2**32 - 5, 200_000) == ["exact"]


@pytest.mark.parametrize("millihertz", [119_000, 16_000_000, 1_000_000])
def test_a_long_pause_is_as_many_ticks_as_it_held(millihertz: int) -> None:
    pause_us = 2**31 - 20_000
    assert run_lines("clock", "late", millihertz, 77, pause_us) == [str(pause_us * millihertz // 10**9 + 1)]


def test_rates_in_millihertz() -> None:
    rates = {
        119: 119_000,
        0.1: 100,
        16000: 16_000_000,
        104.167: 104_167,
        0: 1,
        -3: 1,
        math.nan: 1,
        math.inf: 4 * 10**9,
    }
    for rate_hz, millihertz in rates.items():
        assert run_lines("clock", "rate", 1, rate_hz, 0) == [str(millihertz)]


def float32_bits(chance: random.Random) -> int:
    kind = chance.randrange(3)
    if kind == 0:
        return chance.randrange(2**32)
    value = chance.uniform(-2000, 2000) if kind == 1 else chance.randrange(-4000, 4000) / 2 ** chance.randrange(12)
    return struct.unpack("<I", struct.pack("<f", value))[0]


def text_of(bits: int, decimals: int) -> str:
    value = struct.unpack("<f", struct.pack("<I", bits))[0]
    if math.isnan(value):
        return "nan"
    sign = "-" if bits >> 31 else ""
    if math.isinf(value):
        return f"{sign}inf"
    if abs(value) >= 2**32:
        return f"{sign}ovf"
    exact = Decimal(abs(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
    return f"{sign}{exact:.{decimals}f}"


def test_numbers_are_written_as_printf_writes_them() -> None:
    chance = random.Random(5)
    cases = [(float32_bits(chance), chance.randrange(7)) for _ in range(20_000)]
    cases += [
        (struct.unpack("<I", struct.pack("<f", value))[0], 2)
        for value in (0.0, -0.0, 0.125, 0.375, 2**32 - 256, 2**32)
    ]
    lines = run_lines("csv", "real", given="\n".join(f"{bits} {decimals}" for bits, decimals in cases))
    assert lines == [text_of(*case) for case in cases]


@pytest.mark.parametrize("code", DTYPES)
def test_a_sample_is_a_line(code: int) -> None:
    dtype = np.dtype(DTYPES[code])
    values = np.random.default_rng(code).integers(0, 2**8, (50, 6 * dtype.itemsize), np.uint8)
    if dtype == np.bool_:
        values %= 2
    samples = values.view(dtype)
    if dtype == np.float32:
        samples = np.clip(np.nan_to_num(samples), -1e6, 1e6)
    given = "\n".join(f"{code} {row.tobytes().hex()}" for row in samples)
    output = run_program("csv", "line", given=given)
    *lines, name, names, end = output.decode().split("\r\n")
    assert (name, names, end) == ("analog", "accX,accY", "")
    form = "%.3f" if dtype == np.float32 else "%d"
    assert lines == [",".join(form % value for value in row) for row in samples]
