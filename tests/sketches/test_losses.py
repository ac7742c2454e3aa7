"""What a sketch cannot send is counted: every sample that comes has its true number, and says when it was taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import recordings_to_play
from numpy.typing import NDArray
from recordings_to_play import Played, count_wrong, find_start
from simulated_boards import qemu

from tinyml_labs.link import Board, BoardRefused
from tinyml_labs.link.framing import Frame, FrameDecoder, encode_frame
from tinyml_labs.link.messages import Samples, StreamEnd, StreamStart, Type
from tinyml_labs.link.ports import open_port, read_what_is_there

pytestmark = pytest.mark.slow

Compile = Callable[..., Path]


def collect(port: str, count: int) -> tuple[list[tuple[Frame, Samples]], StreamEnd]:
    """Stream from sensor 0 without the client, which takes no gaps; give all its messages."""
    decoder, messages, deadline = FrameDecoder(), [], time.monotonic() + 60
    start = Frame(Type.STREAM_START, 1, 0, StreamStart(sensor=0, samples=count).pack())
    with open_port(port) as line:
        line.write(encode_frame(start))
        while time.monotonic() < deadline:
            for frame in decoder.feed(read_what_is_there(line)):
                if frame.type == Type.SAMPLES:
                    messages.append((frame, Samples.unpack(frame.payload)))
                elif frame.type == Type.STREAM_END:
                    return messages, StreamEnd.unpack(frame.payload)
    raise AssertionError(f"No end of the stream; {len(messages)} frames came, {decoder.counts}.")


def samples_of(messages: list[tuple[Frame, Samples]], played: Played) -> tuple[NDArray, NDArray]:
    """Give all samples, and their numbers."""
    samples, numbers = [], []
    for _, message in messages:
        part = np.frombuffer(message.data, played.samples.dtype).reshape(-1, played.samples.shape[1])
        samples.append(part)
        numbers.append(message.first + np.arange(len(part)))
    return np.concatenate(samples), np.concatenate(numbers)


@pytest.mark.parametrize(
    ("name", "count", "defines"),
    [
        # 16 kHz are 32,000 bytes a second, and the line takes 11,520: the sketch's blocks overflow.
        ("microphone", 16_000, ("SHIM_PACED_UART=115200",)),
        # 119 Hz are 2,856 bytes a second, and the line takes 480: while a frame is written, samples of the chip are
        # never read, and its clock is off by 3 %.
        ("lsm9ds1", 1500, ("SHIM_PACED_UART=4800", "IMU_CLOCK_ERROR=0.03")),
    ],
)
def test_lost_samples_are_counted(
    name: str, count: int, defines: tuple[str, ...], cortex_m4_program: Compile
) -> None:
    played: Played = getattr(recordings_to_play, name)()
    with qemu(cortex_m4_program(played, *defines)) as port:
        messages, end = collect(port, count)
    samples, numbers = samples_of(messages, played)
    start = find_start(samples, played.samples, numbers)
    assert start >= 0
    assert count_wrong(samples, played.samples, start, numbers) == 0
    assert 0 < len(samples) < count
    assert (end.samples, end.overruns) == (count, count - len(samples))
    received = 0
    for _, message in messages:
        assert message.overruns == message.first - received
        received += len(message.data) // (played.samples.itemsize * played.samples.shape[1])
    sequence = [frame.sequence for frame, _ in messages]
    assert sequence == list(range(sequence[0], sequence[0] + len(sequence)))


@pytest.mark.parametrize("name", ["analog", "lsm9ds1", "microphone"])
def test_frames_say_when_their_first_sample_was_taken(name: str, cortex_m4_program: Compile) -> None:
    played: Played = getattr(recordings_to_play, name)()
    with qemu(cortex_m4_program(played)) as port:
        messages, _ = collect(port, played.count)
        with Board(port, timeout_s=60) as board:
            rate = board.sensor(played.sensor).rate_hz
    first = np.array([message.first for _, message in messages])
    taken = np.array([frame.micros for frame, _ in messages])
    late = taken - taken[0] - (first - first[0]) * 1e6 / rate
    assert len(first) > 3
    assert np.abs(late).max() <= 450  # the shim runs loop() every 200 microseconds, and a poll may just miss a sample


def test_a_second_stream_of_the_camera_begins_with_a_picture(cortex_m4_program: Compile) -> None:
    played = recordings_to_play.camera()
    with qemu(cortex_m4_program(played)) as port, Board(port, timeout_s=60) as board:
        first = board.stream("camera", 100, progress=False)  # a picture, and a bit
        second = board.stream("camera", 96, progress=False)
        raw = board.stream("camera_raw", 144, progress=False)
    assert count_wrong(first, played.samples, 0) == 0
    assert count_wrong(second, played.samples, 2 * 96) == 0
    assert count_wrong(raw, recordings_to_play.camera_raw().samples, 3 * 144) == 0


@pytest.mark.parametrize(("name", "text"), [("lsm9ds1", "no IMU found"), ("mpu6050", "no MPU-6050")])
def test_a_board_without_its_sensor_says_so(name: str, text: str, cortex_m4_program: Compile) -> None:
    played: Played = getattr(recordings_to_play, name)()
    nothing = {"lsm9ds1": "FITTED_BMI270=0", "mpu6050": "FITTED_MPU6050=0"}[name]
    defines = tuple(define for define in played.defines if not define.startswith("FITTED"))
    with (
        qemu(cortex_m4_program(replace(played, defines=defines), nothing)) as port,
        Board(port, timeout_s=60) as board,
        pytest.raises(BoardRefused, match=text),
    ):
        board.stream("imu", 10, progress=False)
