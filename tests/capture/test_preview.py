"""What the plot gets, and the pipe it comes through."""

import os
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyml_labs.capture.assembler import Block, Gap
from tinyml_labs.capture.preview import Preview
from tinyml_labs.capture.process_messages import MessageSender, read_message


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=30), st.sampled_from([1, 3]), st.sampled_from([60.0, 1000.0])
)
def test_columns_hide_no_spike_however_the_samples_come(sizes: list[int], channels: int, rate: float) -> None:
    samples = np.random.default_rng(len(sizes)).integers(-500, 500, (sum(sizes), channels)).astype(np.int16)
    preview, columns, at = Preview(channels, rate), [], 0
    for size in sizes:
        columns.append(preview.feed(Block(at, samples[at : at + size])))
        at += size
    found = np.concatenate(columns)
    size = preview.per_column
    table = samples[: len(samples) // size * size].reshape(-1, size, channels)
    np.testing.assert_array_equal(found[..., 0], table.min(axis=1))
    np.testing.assert_array_equal(found[..., 1], table.max(axis=1))
    assert found.dtype == np.float32
    assert preview.columns_a_second == rate / size


def test_a_gap_is_blank() -> None:
    preview = Preview(1, 1000)
    first = preview.feed(Block(0, np.ones((15, 1), np.int16)))
    second = preview.feed(Block(45, np.ones((10, 1), np.int16), Gap(at=15, first=15, missing=30, cause="damaged")))
    assert np.isnan(np.concatenate((first, second))[:, 0, 0]).tolist() == [False, False, True, True, True, False]


def test_messages_that_a_late_reader_missed_are_dropped_and_others_are_not() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "wb") as pipe:
        sender = MessageSender(pipe)
        for number in range(5000):  # far more than a pipe holds
            sender.send("columns", bytes(1000), droppable=True, number=number)
        sender.send("take", path="p")
        start = time.monotonic()
        received = []
        closer = threading.Thread(target=lambda: (sender.close(), pipe.close()))
        closer.start()
        while (message := read_message(reader)) is not None:
            received.append(message)
        closer.join()
    assert time.monotonic() - start < 60
    assert received[-1] == ({"kind": "take", "path": "p"}, b"")
    numbers = [head["number"] for head, _ in received[:-1]]
    assert numbers == sorted(numbers) and 0 < len(numbers) < 5000
    assert all(data == bytes(1000) for _, data in received[:-1])


def test_a_reader_that_is_gone_does_not_hold_the_sender() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        sender = MessageSender(pipe)
        for _ in range(10):
            sender.send("take", bytes(100_000))
        sender.close()
    assert not sender._thread.is_alive()


@pytest.mark.parametrize("cut", [3, 9, 20])
def test_half_a_message_is_the_end(cut: int) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write((b"\x10\0\0\0\5\0\0\0" + b'{"kind": "take"}' + b"12345")[:cut])
        assert read_message(reader) is None
