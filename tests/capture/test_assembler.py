"""Messages to samples in a row: every gap is found, counted and blamed on the right cause."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyml_labs.capture.assembler import Gap, SampleAssembler, in_runs
from tinyml_labs.capture.images import ImageCollector, from_rgb, to_rgb
from tinyml_labs.capture.rate import BoardClockRate, is_off
from tinyml_labs.link import BoardError, Frame
from tinyml_labs.link.descriptions import Sensor, SensorKind
from tinyml_labs.link.messages import Samples, StreamEnd, Type

SENSOR = Sensor(id=1, name="two", unit="counts", channels=2, dtype="int16", rate_hz=100.0)


def message(first: int, count: int, *, overruns: int = 0, total: int | None = None) -> Samples:
    values = np.stack((np.arange(first, first + count), -np.arange(first, first + count)), 1) % 30_000
    return Samples(sensor=1, first=first % 2**32, overruns=overruns, data=values.astype("<i2").tobytes())


def test_a_clean_stream_has_no_gap() -> None:
    assembler = SampleAssembler(SENSOR)
    blocks = [assembler.feed(message(n, 10), n * 10_000) for n in range(0, 100, 10)]
    assert [block.gap for block in blocks] == [None] * 10
    np.testing.assert_array_equal(np.concatenate([b.samples for b in blocks])[:, 0], np.arange(100))
    assert (assembler.stored, assembler.next, assembler.missing) == (100, 100, 0)
    assert assembler.rate.hz == pytest.approx(100)


def test_gaps_are_blamed_on_the_board_or_the_line() -> None:
    assembler = SampleAssembler(SENSOR)
    assembler.feed(message(0, 10), 0)
    lost = assembler.feed(message(30, 10), 0)
    dropped = assembler.feed(message(45, 5, overruns=5), 0)
    both = assembler.feed(message(70, 10, overruns=12), 0)
    assert lost.gap == Gap(at=10, first=10, missing=20, cause="damaged")
    assert dropped.gap == Gap(at=20, first=40, missing=5, cause="overrun", overruns=5)
    assert both.gap == Gap(at=25, first=50, missing=20, cause="overrun and damaged", overruns=7)
    assert (assembler.stored, assembler.missing, assembler.overruns) == (35, 45, 12)


def test_samples_that_come_twice_are_left_out() -> None:
    assembler = SampleAssembler(SENSOR)
    assembler.feed(message(0, 10), 0)
    assert assembler.feed(message(2, 5), 0) is None
    block = assembler.feed(message(5, 10), 0)
    np.testing.assert_array_equal(block.samples[:, 0], np.arange(10, 15))
    assert (block.first, block.gap, assembler.repeated) == (10, None, 10)


def test_a_restart_is_an_estimated_gap_even_twice() -> None:
    assembler = SampleAssembler(SENSOR)
    assembler.feed(message(0, 10), 0)
    assembler.restart(missing=100)
    assembler.restart(missing=50)
    block = assembler.feed(message(3, 10, overruns=0), 0)
    assert block.gap == Gap(at=10, first=10, missing=153, cause="reset", estimated=True)
    assert (block.first, assembler.next) == (163, 173)
    assert assembler.feed(message(13, 10), 0).gap is None


def test_sample_numbers_wrap() -> None:
    assembler = SampleAssembler(SENSOR)
    assembler.next = 2**32 - 5
    block = assembler.feed(message(2**32 - 5, 10), 0)
    after = assembler.feed(message(2**32 + 15, 10), 0)
    assert (block.first, block.gap) == (2**32 - 5, None)
    assert (after.first, after.gap.missing) == (2**32 + 15, 10)


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from([0, 0, 0, 4]), st.booleans()), max_size=30))
def test_runs_of_frames_are_the_frames(plan: list[tuple[int, int, bool]]) -> None:
    """Joined or not, the same samples, gaps and rate come out; an end or a broken message waits for its turn."""
    frames, at, overruns = [], 0, 0
    for number, (count, lost, dropped) in enumerate(plan):
        at += lost
        overruns += lost * dropped
        payload = message(at, count, overruns=overruns).pack()
        frames.append(Frame(Type.SAMPLES, number, at * 1000, payload))
        at += count

    def collect(assembler: SampleAssembler, pieces: list[list[Frame]]) -> tuple:
        blocks = [assembler.feed(*found) for piece in pieces for found in in_runs(piece, SENSOR)]
        values = [value for block in blocks for value in block.samples[:, 0].tolist()]
        return values, [block.gap for block in blocks if block.gap], assembler.next, assembler.overruns

    one_by_one = collect(SampleAssembler(SENSOR), [[frame] for frame in frames])
    assert collect(SampleAssembler(SENSOR), [frames]) == one_by_one
    assert len(list(in_runs(frames, SENSOR))) == bool(frames) + sum(gap.at > 0 for gap in one_by_one[1])


def test_what_came_before_an_end_or_a_broken_message_is_given_first() -> None:
    whole = [Frame(Type.SAMPLES, n, 0, message(n * 5, 5).pack()) for n in range(4)]
    end = Frame(Type.STREAM_END, 4, 0, StreamEnd(sensor=1, samples=20, overruns=0).pack())
    (samples, _), (last, _) = in_runs([*whole, end], SENSOR)
    assert samples == message(0, 20)
    assert last == StreamEnd(sensor=1, samples=20, overruns=0)
    found = in_runs([*whole, Frame(Type.SAMPLES, 4, 0, b"short")], SENSOR)
    assert next(found) == (message(0, 20), 0)
    with pytest.raises(BoardError, match="SAMPLES is cut short: 5 bytes"):
        next(found)


def test_half_a_sample_is_an_error() -> None:
    with pytest.raises(BoardError, match="3 bytes are no whole samples of 'two', which has 2 channels of int16"):
        SampleAssembler(SENSOR).feed(Samples(sensor=1, first=0, overruns=0, data=b"abc"), 0)


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans(), st.integers(0, 3)), min_size=1, max_size=60))
def test_whatever_is_lost_the_account_is_exact(plan: list[tuple[int, bool, int]]) -> None:
    """Frames of any size, some lost, some after overruns: stored and missing samples are all that were taken."""
    assembler = SampleAssembler(SENSOR)
    taken = overruns = end = 0
    kept: list[int] = []
    numbers: list[int] = []
    for count, arrives, dropped in plan:
        taken += dropped
        overruns += dropped
        if arrives:
            kept += range(taken, taken + count)
            block = assembler.feed(message(taken, count, overruns=overruns), 0)
            numbers += range(block.first, block.first + len(block.samples))
            assert (block.gap.missing if block.gap else 0) == block.first - end
            end = block.first + len(block.samples)
        taken += count
    assert numbers == kept
    assert assembler.stored + assembler.missing == assembler.next


@pytest.mark.parametrize("nominal", [119.0, 16_000.0, 104.0, 0.5])
def test_the_rate_is_measured_through_jitter_loss_and_clock_wraps(nominal: float) -> None:
    chance = random.Random(nominal)
    rate = BoardClockRate()
    true_hz = nominal * 1.013
    start = 2**32 - 10_000_000  # wraps after ten seconds
    step = max(1, round(true_hz / 25))
    for frame in range(1500):
        if chance.random() < 0.2:
            continue
        number = frame * step
        rate.add(number, round(start + number / true_hz * 1e6 + chance.random() * 300) % 2**32)
    assert rate.hz == pytest.approx(true_hz, rel=1e-4)
    assert is_off(rate.hz, nominal)
    assert not is_off(rate.hz, true_hz)


def test_a_clock_that_steps_back_a_little_has_not_wrapped() -> None:
    rate = BoardClockRate()
    for number in range(0, 1000, 10):
        rate.add(number, number * 1000 - (30_000 if number == 500 else 0))
    assert rate.hz == pytest.approx(1000, rel=0.01)


def test_the_rate_is_measured_across_restarts() -> None:
    rate = BoardClockRate()
    assert rate.hz is None
    for stretch in range(3):
        rate.restart()
        for number in range(0, 1000, 10):
            rate.add(stretch * 5000 + number, number * 2000 + 77 * stretch)
    assert rate.hz == pytest.approx(500)


CAMERA = Sensor(
    id=4, name="camera", unit="grey", channels=5, dtype="uint8", rate_hz=40.0, kind=SensorKind.IMAGE, rows=4
)


def rows(first: int, count: int) -> Samples:
    values = (np.arange(first, first + count)[:, None] * 5 + np.arange(5)) % 256
    return Samples(sensor=4, first=first, overruns=0, data=values.astype(np.uint8).tobytes())


@given(st.lists(st.tuples(st.integers(1, 11), st.integers(0, 9)), min_size=1, max_size=40))
def test_only_whole_images_come_out_under_their_own_number(plan: list[tuple[int, int]]) -> None:
    assembler, images = SampleAssembler(CAMERA), ImageCollector(CAMERA)
    at, arrived, blocks = 0, set(), []
    for count, lost in plan:
        block = assembler.feed(rows(at, count), 0)
        blocks += images.feed(block)
        arrived.update(range(at, at + count))
        at += count + lost
    whole = [n for n in range(at // 4 + 1) if {4 * n, 4 * n + 1, 4 * n + 2, 4 * n + 3} <= arrived]
    assert [block.first for block in blocks] == whole
    due = 0
    for stored, block in enumerate(blocks):
        n = block.first
        np.testing.assert_array_equal(
            block.samples[0], (np.arange(4 * n, 4 * n + 4)[:, None] * 5 + np.arange(5)) % 256
        )
        assert (block.gap is None) == (n == due)
        if block.gap is not None:
            assert (block.gap.at, block.gap.first, block.gap.missing) == (stored, due, n - due)
        due = n + 1


def test_rgb565_goes_through_eight_bits_and_back() -> None:
    every = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
    colours = to_rgb(every)
    assert colours[255, 255].tolist() == [255, 255, 255]
    np.testing.assert_array_equal(from_rgb(colours), every)
