"""The board's sample clock and buffer, with the time given by the test: exact to the sample and the microsecond."""

import time

import numpy as np
import pytest

from tinyml_labs import link
from tinyml_labs.link.framing import Frame, FrameDecoder, encode_frame
from tinyml_labs.link.messages import ErrorCode, Refusal, Samples, StreamEnd, StreamStart, Type
from tinyml_labs.virtual import VirtualBoardSettings, test_pattern
from tinyml_labs.virtual.firmware import Firmware
from tinyml_labs.virtual.sensors import make_sensors

PATTERN = 5


class Bench:
    """A firmware on a bench, whose clock a test moves."""

    def __init__(self, *, boot_at: float = 1000.0, **settings: object) -> None:
        chosen = VirtualBoardSettings(boot_text="", **settings)
        self.firmware = Firmware(chosen, make_sensors(chosen), "0123")
        self.firmware.reset(boot_at)
        self._decoder = FrameDecoder()
        self._number = 0

    def ask(self, kind: Type, payload: bytes = b"", *, at: float) -> list[Frame]:
        self.firmware.receive(encode_frame(Frame(kind, self._number, 0, payload)), at)
        self._number += 1
        return self.wait(at)

    def start(self, *, at: float, samples: int = 0, sensor: int = PATTERN) -> list[Frame]:
        return self.ask(Type.STREAM_START, StreamStart(sensor=sensor, samples=samples).pack(), at=at)

    def wait(self, at: float, *, room: bool = True) -> list[Frame]:
        return self._decoder.feed(self.firmware.transmit(at, room=room))


def samples_of(frames: list[Frame]) -> list[Samples]:
    return [Samples.unpack(frame.payload) for frame in frames if frame.type == Type.SAMPLES]


def count(message: Samples, channels: int = 4, itemsize: int = 2) -> int:
    return len(message.data) // (channels * itemsize)


def check_pattern(messages: list[Samples]) -> None:
    for message in messages:
        expected = test_pattern(message.first, count(message), 4)
        np.testing.assert_array_equal(np.frombuffer(message.data, "<u2").reshape(-1, 4), expected)


@pytest.mark.parametrize("error", [0.0, 2.5, -4.0])
@pytest.mark.parametrize("speed", [1.0, 20.0])
def test_micros_are_those_of_the_first_sample(error: float, speed: float) -> None:
    """By the sample clock: whenever the frame is sent."""
    bench = Bench(rate_error_percent=error, speed=speed)
    (done,) = bench.start(at=1003.0)
    assert done.micros == 3_000_000 * speed
    frames = []
    for late in np.cumsum(np.random.default_rng(0).uniform(0.001, 0.2, 60)):
        frames += bench.wait(1003.0 + late / speed)
    messages = samples_of(frames)
    check_pattern(messages)
    assert [message.first for message in messages] == np.cumsum([0, *map(count, messages)])[:-1].tolist()
    rate = 1000.0 * (1 + error / 100)
    for frame, message in zip(frames, messages, strict=True):
        assert frame.micros == round(3e6 * speed + (message.first + 1) / rate * 1e6)


def test_the_clock_wraps_at_32_bits() -> None:
    start = 2**32 - 1_500_000
    bench = Bench(start_micros=start)
    bench.start(at=1001.0)
    frames = bench.wait(1002.0)
    steps = np.diff([frame.micros for frame in frames])
    assert (steps < 0).sum() == 1
    for frame, message in zip(frames, samples_of(frames), strict=True):
        assert frame.micros == (start + 1_000_000 + (message.first + 1) * 1000) % 2**32


def test_a_finite_stream_ends_with_its_count() -> None:
    bench = Bench()
    bench.start(at=1000.0, samples=95)
    *frames, end = bench.wait(1000.2)
    assert sum(count(message) for message in samples_of(frames)) == 95
    assert StreamEnd.unpack(end.payload) == StreamEnd(sensor=PATTERN, samples=95, overruns=0)
    assert bench.wait(1001.0) == []
    assert bench.firmware.running_since is None


def test_a_second_stream_is_refused_until_the_first_is_stopped() -> None:
    bench = Bench()
    bench.start(at=1000.0)
    refused, *_ = bench.start(at=1000.5, sensor=1)
    assert Refusal.unpack(refused.payload).code == ErrorCode.BUSY
    assert [frame.type for frame in bench.ask(Type.STREAM_STOP, at=1000.51)] == [Type.DONE]
    (done,) = bench.start(at=1001.0, sensor=1)
    assert done.type == Type.DONE
    first, *_ = samples_of(bench.wait(1001.1))
    assert (first.sensor, first.first) == (1, 0)
    bench.ask(Type.STREAM_STOP, at=1001.3)
    (unknown,) = bench.start(at=1001.4, sensor=99)
    assert Refusal.unpack(unknown.payload).code == ErrorCode.NO_SENSOR


def test_samples_wait_in_the_buffer_and_are_counted_when_it_is_full() -> None:
    bench = Bench(buffer_kb=1)  # 128 samples of 8 bytes
    bench.start(at=1000.0)
    sent = samples_of(bench.wait(1000.0805))
    assert sum(map(count, sent)) == 66  # two frames of a thirtieth of a second
    assert bench.wait(1000.1905, room=False) == []  # 124 wait
    assert bench.firmware.take_faults() == []
    assert bench.wait(1000.5095, room=False) == []  # 509 were taken: 128 are kept
    late = samples_of(bench.wait(1000.5205))
    check_pattern(late)
    assert (late[0].first, late[0].overruns) == (381, 315)
    assert bench.firmware.take_faults() == [
        {"fault": "overrun", "sensor": "test_pattern", "first": 66, "samples": 315}
    ]
    assert bench.firmware.take_faults() == []


@pytest.mark.parametrize("count_limit", [0, 3])
def test_overruns_on_purpose_are_where_they_were_asked_for(count_limit: int) -> None:
    bench = Bench(overrun_every_s=0.25, overrun_samples=7, fault_count=count_limit)
    bench.start(at=1000.0, samples=2000)
    frames = [frame for k in range(1, 300) for frame in bench.wait(1000.0 + k * 0.0101)]
    messages = samples_of(frames[:-1])
    check_pattern(messages)
    dropped = dict.fromkeys(range(250, 2000, 250), 7) if not count_limit else {250: 7, 500: 7, 750: 7}
    position, overruns = 0, 0
    for message in messages:
        if message.first != position:
            assert dropped.pop(position) == message.first - position
            overruns += message.first - position
        assert message.overruns == overruns
        position = message.first + count(message)
    assert dropped == {}
    assert StreamEnd.unpack(frames[-1].payload) == StreamEnd(sensor=PATTERN, samples=2000, overruns=overruns)
    faults = bench.firmware.take_faults()
    assert [fault["first"] for fault in faults] == list(range(250, 250 + 250 * len(faults), 250))
    assert {fault["fault"] for fault in faults} == {"overrun on purpose"}


def test_frames_are_no_larger_than_asked_for() -> None:
    bench = Bench(frame_payload=200, sensor_rate_hz=50_000)
    bench.start(at=1000.0)
    messages = samples_of(bench.wait(1000.05))
    assert {count(message) for message in messages} == {(200 - 9) // 8}
    check_pattern(messages)


def test_sequence_numbers_and_clock_begin_anew_at_a_reset() -> None:
    bench = Bench(boot_ms=100)
    assert bench.wait(1000.05) == []
    assert bench.ask(Type.HELLO, at=1000.05) == []  # it is not ready: lost
    (hello,) = bench.ask(Type.HELLO, at=1000.2)
    bench.start(at=1000.3)
    assert bench.wait(1001.0)
    bench.firmware.reset(1001.5)
    assert bench.wait(1003.0) == []  # no stream any more
    (again,) = bench.ask(Type.HELLO, at=1003.0)
    assert (hello.sequence, again.sequence) == (0, 0)
    assert (hello.micros, again.micros) == (200_000, 1_500_000)


@pytest.mark.slow
@pytest.mark.parametrize("settings", ["buffer_kb=16", "buffer_kb=4096&stall_every_s=0.05&stall_s=0.5&fault_count=1"])
def test_requests_are_heard_while_samples_find_no_room(settings: str) -> None:
    """A host that reads nothing for a while, and then asks for something, gets its answer."""
    start = StreamStart(sensor=PATTERN, samples=0).pack()
    with link.open_port(f"virtual://?sensor_rate_hz=100000&{settings}") as port:
        port.write(encode_frame(Frame(Type.STREAM_START, 7, 0, start)))
        time.sleep(1.0)  # as much as the system and the board keep is waiting now
        port.write(encode_frame(Frame(Type.STREAM_STOP, 8, 0, b"")))
        decoder, frames = FrameDecoder(), []
        while data := port.read(65536):
            frames += decoder.feed(data)
    assert [frame.type for frame in frames if frame.type != Type.SAMPLES] == [Type.DONE, Type.DONE]
    messages = samples_of(frames)
    check_pattern(messages)
    assert decoder.counts.damaged == 0
    assert sum(map(count, messages)) < 30_000  # and did not come all the same
