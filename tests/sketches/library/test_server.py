"""The server in memory: every answer and every sample's number and time, line by line without a clock."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from cpp_programs import run_lines

from tinyml_labs.link import Frame, FrameDecoder, encode_frame
from tinyml_labs.link.descriptions import BoardInfo, ModelInfo, TensorLayout
from tinyml_labs.link.layers import collect_layers
from tinyml_labs.link.messages import (
    EVERY_LAYER,
    ErrorCode,
    LoadBegin,
    Piece,
    Refusal,
    Result,
    Samples,
    StreamEnd,
    StreamStart,
    Trace,
    Type,
    pack_done,
)

ANALOG, MICROPHONE, WIDE, SLOW = 3, 4, 5, 6


@dataclass
class Outcome:
    frames: list[Frame] = field(default_factory=list)
    text: bytes = b""
    due: list[bool] = field(default_factory=list)
    states: list[list[int]] = field(default_factory=list)
    writes: list[int] = field(default_factory=list)

    def of(self, kind: Type) -> list[Frame]:
        return [frame for frame in self.frames if frame.type == kind]

    @property
    def samples(self) -> list[Samples]:
        return [Samples.unpack(frame.payload) for frame in self.of(Type.SAMPLES)]

    @property
    def refusal(self) -> Refusal:
        (frame,) = self.of(Type.REFUSAL)
        return Refusal.unpack(frame.payload)


def run(*script: str) -> Outcome:
    outcome, decoder = Outcome(), FrameDecoder()
    for line in run_lines("server_memory", given="\n".join(script)):
        word, *rest = line.split()
        if word == "at":
            outcome.text += bytes.fromhex(rest[1])
            outcome.frames += decoder.feed(bytes.fromhex(rest[1]))
            outcome.writes.append(int(rest[2]))
        elif word == "due":
            outcome.due.append(rest == ["1"])
        else:
            outcome.states.append([int(value) for value in rest])
    assert decoder.counts.damaged == 0
    assert [frame.sequence for frame in outcome.frames] == list(range(len(outcome.frames)))
    return outcome


def ask(kind: int, payload: bytes = b"", sequence: int = 1, now: int = 1000) -> tuple[str, str]:
    data = encode_frame(Frame(kind, sequence, 0, payload))
    lines = [f"rx {data[at : at + 200].hex()}\npoll {now}" for at in range(0, len(data), 200)]
    return "\n".join(lines), f"poll {now}"


def start(sensor: int, samples: int, now: int = 1000) -> tuple[str, str]:
    return ask(Type.STREAM_START, StreamStart(sensor=sensor, samples=samples).pack(), sequence=500, now=now)


def values(message: Samples) -> list[int]:
    return np.frombuffer(message.data, "<u2").tolist()


def test_hello() -> None:
    (frame,) = run("begin 0", *ask(Type.HELLO, sequence=513, now=123456)).frames
    info = BoardInfo.unpack(frame.payload)
    assert (frame.type, frame.micros, frame.payload[:2]) == (Type.BOARD, 123456, b"\x01\x02")
    assert (info.board, info.firmware, info.max_payload, info.receive_buffer) == ("host", "server_memory", 64, 64)
    assert [(s.id, s.name, s.channels, s.dtype) for s in info.sensors][-1] == (SLOW, "slow", 2, "uint16")
    assert info.model_sha256 == bytes(32)


@pytest.mark.parametrize(
    ("kind", "payload", "code", "text"),
    [
        (0x33, b"", ErrorCode.UNKNOWN_REQUEST, "I know no request of type 51."),
        (Type.STREAM_START, b"\0", ErrorCode.BAD_REQUEST, "STREAM_START is cut short: 1."),
        (Type.STREAM_START, bytes(5), ErrorCode.NO_SENSOR, "this board has no sensor number 0."),
        (Type.STREAM_START, bytes([WIDE, 0, 0, 0, 0]), ErrorCode.OUT_OF_MEMORY, "DataBytes"),
        (Type.MODEL_INFO, b"", ErrorCode.NO_MODEL, "there is no model on this board."),
        (Type.INFER, bytes(8), ErrorCode.NO_MODEL, "there is no model on this board."),
        (Type.INFER, bytes(7), ErrorCode.BAD_REQUEST, "INFER is cut short: 7 bytes."),
        (
            Type.LOAD_BEGIN,
            LoadBegin(size=1, crc32=0, sha256=bytes(32)).pack(),
            ErrorCode.UNKNOWN_REQUEST,
            "compiled in",
        ),
        (Type.LOAD_DATA, bytes(9), ErrorCode.UNKNOWN_REQUEST, "compiled in"),
        (Type.INFER, bytes(65), ErrorCode.BAD_REQUEST, "this board takes 64 bytes a payload, and this one has 65."),
    ],
)
def test_refusals_say_why(kind: int, payload: bytes, code: ErrorCode, text: str) -> None:
    refusal = run("begin 0", *ask(kind, payload, sequence=65535)).refusal
    assert (refusal.request, refusal.code) == (65535, code)
    assert text in refusal.text


def test_a_sensor_with_a_fault_is_refused_with_the_sketchs_words() -> None:
    refusal = run("begin 0", "fault no IMU found", *start(ANALOG, 0)).refusal
    assert (refusal.code, refusal.text) == (ErrorCode.NO_SENSOR, "no IMU found")


def test_a_second_stream_is_refused_and_the_first_goes_on() -> None:
    outcome = run("begin 0", *start(ANALOG, 0), *ask(Type.STREAM_START, bytes([SLOW, 0, 0, 0, 0])), "state")
    assert outcome.refusal.code == ErrorCode.BUSY
    assert outcome.states[0][0] == 1


def test_samples_are_taken_when_due_and_say_when() -> None:
    """100 Hz, asked every millisecond: a sample each 10 ms; frames of at most 50 ms, the last one shorter."""
    outcome = run("begin 0", *start(ANALOG, 12), *(f"due {t}\npoll {t}" for t in range(1000, 130_000, 1000)))
    assert [1000 + 1000 * i for i, due in enumerate(outcome.due) if due] == [1000 + 10_000 * n for n in range(12)]
    assert [(m.first, m.overruns, values(m)) for m in outcome.samples] == [
        (0, 0, [0, 1, 2, 3, 4]),
        (5, 0, [5, 6, 7, 8, 9]),
        (10, 0, [10, 11]),
    ]
    assert [frame.micros for frame in outcome.of(Type.SAMPLES)] == [1000, 51_000, 101_000]
    (end,) = outcome.of(Type.STREAM_END)
    assert StreamEnd.unpack(end.payload) == StreamEnd(sensor=ANALOG, samples=12, overruns=0)
    assert outcome.frames[0].payload == pack_done(500)
    assert outcome.frames[-1] is end


def test_the_clock_may_wrap_in_a_stream() -> None:
    times = [(2**32 - 25_000 + 10_000 * n) % 2**32 for n in range(10)]
    outcome = run("begin 0", *start(ANALOG, 10, now=times[0]), *(f"due {t}\npoll {t}" for t in times))
    assert all(outcome.due)
    assert [frame.micros for frame in outcome.of(Type.SAMPLES)] == [times[0], times[5]]
    assert [n for m in outcome.samples for n in values(m)] == list(range(10))


def test_periods_missed_are_lost_samples() -> None:
    """The sketch was busy for 35 ms: three samples came due, one is taken, two are lost and counted."""
    outcome = run(
        "begin 0", *start(ANALOG, 6), *(f"due {t}\npoll {t}" for t in (1000, 11_000, 46_000, 51_000, 61_000))
    )
    assert [(m.first, m.overruns, values(m)) for m in outcome.samples] == [(0, 0, [0, 1]), (4, 2, [2, 3])]
    (end,) = outcome.of(Type.STREAM_END)
    assert StreamEnd.unpack(end.payload) == StreamEnd(sensor=ANALOG, samples=6, overruns=2)
    assert outcome.due == [True, True, True, True, False]


def test_a_pause_beyond_the_end_loses_only_what_was_asked_for() -> None:
    outcome = run("begin 0", *start(ANALOG, 6), "due 1000", "due 900000", "poll 900000", "state")
    assert outcome.due == [True, False]
    assert [(m.first, values(m)) for m in outcome.samples] == [(0, [0])]
    (end,) = outcome.of(Type.STREAM_END)
    assert StreamEnd.unpack(end.payload) == StreamEnd(sensor=ANALOG, samples=6, overruns=5)


def test_each_sample_is_sent_at_once_where_the_next_would_come_late() -> None:
    outcome = run("begin 0", *start(SLOW, 2), "due 1000", "poll 1100", "due 501000", "poll 501100")
    assert [(m.first, values(m)) for m in outcome.samples] == [(0, [0, 1]), (1, [1, 2])]


def test_blocks_of_a_sensor_with_a_clock_of_its_own() -> None:
    """16 kHz in blocks of 40 that end at 10,000 us: frames of 18 samples, each with the time of its first."""
    outcome = run("begin 0", *start(MICROPHONE, 54), "push 10000 40", "poll 10000", "push 12500 40", "poll 12500")
    assert [m.first for m in outcome.samples] == [0, 18, 36]
    assert [n for m in outcome.samples for n in values(m)] == list(range(54))  # the rest was not asked for
    begin = 10_000 - 2500
    assert [frame.micros for frame in outcome.of(Type.SAMPLES)] == [begin, begin + 1125, begin + 2250]
    assert StreamEnd.unpack(outcome.of(Type.STREAM_END)[0].payload).samples == 54


def test_what_finds_no_room_is_counted_and_never_joined() -> None:
    """3 blocks of 18 wait; of 100 samples the rest is dropped; what comes behind the gap has its own number."""
    outcome = run(
        "begin 0",
        *start(MICROPHONE, 0),
        "push 10000 100",
        "state",
        "poll 10000",
        "push 12500 20",
        "poll 12500",
        "state",
    )
    assert outcome.states[0] == [1, 0, 100, 46]
    assert [(m.first, m.overruns) for m in outcome.samples] == [(0, 0), (18, 0), (36, 0), (100, 46)]
    assert values(outcome.samples[-1]) == list(range(100, 118))
    assert outcome.states[1] == [1, 1, 120, 46]


def test_the_samples_of_a_full_stream_are_all_sent_or_counted() -> None:
    outcome = run("begin 0", *start(MICROPHONE, 90), "push 10000 100", "poll 10000")
    received = sum(len(values(m)) for m in outcome.samples)
    end = StreamEnd.unpack(outcome.of(Type.STREAM_END)[0].payload)
    assert (received, end.samples, end.overruns) == (54, 90, 36)


def test_skipped_samples_leave_a_gap() -> None:
    outcome = run("begin 0", *start(MICROPHONE, 0), "push 1000 2", "skip 5", "skip 0", "push 2000 18", "poll 3000")
    assert [(m.first, m.overruns, len(values(m))) for m in outcome.samples] == [(0, 0, 2), (7, 5, 18)]


def test_room_is_what_the_blocks_hold() -> None:
    outcome = run("begin 0", *start(MICROPHONE, 0), "state 54", "state 55", "push 1000 10", "state 44", "state 45")
    assert [state[1] for state in outcome.states] == [1, 0, 1, 0]


def test_stop_ends_the_stream_at_once() -> None:
    outcome = run(
        "begin 0", *start(MICROPHONE, 90), "push 10000 40", *ask(Type.STREAM_STOP, sequence=9), "poll 1", "push 2 40",
        "poll 2", "state", *start(ANALOG, 1), "due 1000", "poll 1000",
    )  # fmt: skip
    # Two blocks were ready when the stop came: they go out or are forgotten, but nothing follows DONE.
    assert [frame.type for frame in outcome.frames] == [
        Type.DONE, Type.DONE, Type.DONE, Type.SAMPLES, Type.STREAM_END,
    ]  # fmt: skip
    assert outcome.frames[1].payload == pack_done(9)
    assert outcome.states[0][0] == 0
    assert outcome.samples[0].first == 0


def test_a_port_that_says_its_room_is_never_waited_for() -> None:
    """63 bytes as on an Uno: a frame of 60 goes when there is room for it, and as one write."""
    outcome = run(
        "room 63", "begin 0", *start(MICROPHONE, 0), "push 10000 54", "room 59", "poll 1", "poll 2",
        "room 60", "poll 3", "room 0", "poll 4", "room 63", "poll 5",
    )  # fmt: skip
    assert [m.first for m in outcome.samples] == [0, 18, 36]
    assert outcome.writes == [1, 3]


def test_room_is_learned_where_the_port_was_busy_at_the_start() -> None:
    outcome = run(
        "room 20", "begin 0", "room 63", *start(MICROPHONE, 0), "poll 1", "push 10000 18", "poll 2", "push 20000 18",
        "room 59", "poll 3", "poll 4",
    )  # fmt: skip
    assert [m.first for m in outcome.samples] == [0]


def test_a_port_that_does_not_say_its_room_is_written_to() -> None:
    outcome = run("begin 0", *start(MICROPHONE, 0), "push 10000 54", "poll 1")
    assert [m.first for m in outcome.samples] == [0, 18, 36]


def test_model_info_and_inference_in_pieces() -> None:
    data = bytes(range(100))
    pieces = [Piece(offset=at, total=100, data=data[at : at + 56]).pack_infer() for at in (0, 56)]
    outcome = run(
        "begin 0", "model", *ask(Type.MODEL_INFO), *(line for p in pieces for line in ask(Type.INFER, p, 8))
    )
    model, done, result = outcome.frames
    info = ModelInfo.unpack(model.payload)
    assert info.inputs == (TensorLayout(dtype="uint8", shape=(1, 100), scale=1.0, zero_point=0),)
    assert (info.sha256[0], info.arena_bytes) == (9, 7)
    assert (done.type, done.payload) == (Type.DONE, pack_done(8))
    assert Result.unpack(result.payload) == Result(
        request=8, microseconds=250, offset=0, total=2, data=sum(data).to_bytes(2, "little")
    )


@pytest.mark.parametrize(
    ("offset", "total", "size"), [(0, 99, 10), (1, 100, 10), (57, 100, 10), (2**32 - 8, 100, 16), (0, 2**32 - 1, 50)]
)
def test_pieces_that_do_not_fit_are_refused(offset: int, total: int, size: int) -> None:
    bad = Piece(offset=offset, total=total, data=bytes(size)).pack_infer()
    first = Piece(offset=0, total=100, data=bytes(56)).pack_infer()
    refusal = run("begin 0", "model", *ask(Type.INFER, first), *ask(Type.INFER, bad)).refusal
    assert refusal.code == ErrorCode.BAD_REQUEST
    assert f"this piece begins at {offset} of {total}." in refusal.text


def test_a_sketch_may_wait_for_an_input_or_forget_it() -> None:
    """Such as one whose camera writes to the same place."""
    pieces = [Piece(offset=at, total=100, data=bytes(50)).pack_infer() for at in (0, 50)]
    first, second = (ask(Type.INFER, piece) for piece in pieces)
    outcome = run("begin 0", "model", "input", *first, "input", *second, "input")
    assert outcome.states == [[0], [50], [0]]
    assert outcome.frames[-1].type == Type.RESULT
    outcome = run("begin 0", "model", *first, "forget", "input", *second)
    assert outcome.states == [[0]]
    assert "I have 0; this piece begins at 50 of 100." in outcome.refusal.text


def test_a_model_that_fails_is_refused_and_may_be_asked_again() -> None:
    pieces = [
        Piece(offset=at, total=100, data=bytes([value]) * 50).pack_infer() for value in (255, 1) for at in (0, 50)
    ]
    outcome = run("begin 0", "model", *(line for piece in pieces for line in ask(Type.INFER, piece)))
    assert (outcome.refusal.code, outcome.refusal.text) == (ErrorCode.MODEL_FAILED, "the sum is too hot")
    assert Result.unpack(outcome.frames[-1].payload).data == (100).to_bytes(2, "little")


def trace(first: int, count: int) -> tuple[str, str]:
    return ask(Type.TRACE, Trace(first=first, count=count).pack())


def inference(values: bytes) -> list[str]:
    pieces = [Piece(offset=at, total=100, data=values[at : at + 50]).pack_infer() for at in (0, 50)]
    return [line for piece in pieces for line in ask(Type.INFER, piece, sequence=9)]


def test_the_layers_are_shown_before_the_result() -> None:
    values = bytes(range(100))
    outcome = run("begin 0", "taps", *trace(0, EVERY_LAYER), *inference(values))
    found = collect_layers(outcome.frames)
    large = bytes(i * 7 % 256 for i in range(5000))
    assert found.layers == {0: values, 1: large, 2: found.output}
    assert found.output == (4950).to_bytes(2, "little")
    kinds = [frame.type for frame in outcome.frames]
    assert kinds == [Type.DONE, Type.DONE, *[Type.LAYER] * 4, Type.RESULT]


def test_some_layers_or_none_any_more() -> None:
    values = bytes(100)
    outcome = run("begin 0", "taps", *trace(1, 2), *inference(values), *trace(0, 0), *inference(values))
    first = [frame.type for frame in outcome.frames].index(Type.RESULT)
    assert list(collect_layers(outcome.frames[: first + 1]).layers) == [1, 2]
    assert collect_layers(outcome.frames[first + 1 :]).layers == {}


@pytest.mark.parametrize(
    ("model", "payload", "code", "text"),
    [
        ("taps", Trace(first=3, count=1).pack(), ErrorCode.BAD_REQUEST, "3 is no layer: the model has 3."),
        ("taps", b"123", ErrorCode.BAD_REQUEST, "TRACE is cut short: 3 bytes."),
        (
            "model",
            Trace(first=0, count=1).pack(),
            ErrorCode.UNKNOWN_REQUEST,
            "this firmware does not show its layers. Deploy it with taps.",
        ),
        ("poll 0", Trace(first=0, count=1).pack(), ErrorCode.NO_MODEL, "there is no model on this board."),
    ],
)
def test_layers_that_there_are_not(model: str, payload: bytes, code: ErrorCode, text: str) -> None:
    refusal = run("begin 0", model, *ask(Type.TRACE, payload)).refusal
    assert (refusal.code, refusal.text) == (code, text)


def test_an_input_that_was_given_up_is_begun_anew() -> None:
    pieces = [
        Piece(offset=at, total=100, data=bytes([value]) * 50).pack_infer() for value, at in ((9, 0), (1, 0), (2, 50))
    ]
    outcome = run("begin 0", "model", *(line for piece in pieces for line in ask(Type.INFER, piece)))
    assert [frame.type for frame in outcome.frames] == [Type.DONE, Type.DONE, Type.RESULT]
    assert Result.unpack(outcome.frames[-1].payload).data == (150).to_bytes(2, "little")


def test_log_is_text_in_a_frame() -> None:
    (frame,) = run("begin 0", "log no IMU found").frames
    assert (frame.type, frame.payload, frame.micros) == (Type.LOG, b"no IMU found", 77)


def test_lines_for_the_serial_plotter_until_a_host_asks() -> None:
    outcome = run(
        "csv 3 1", "begin 1000", *(f"due {t}\npoll {t}" for t in range(1000, 101_000, 5000)), *("poll 1",) * 6,
        *ask(Type.HELLO), "due 200000", "state",
    )  # fmt: skip
    lines, rest = outcome.text.split(b"\0", 1)
    assert lines == b"analog\r\n" + b"".join(b"%d\r\n" % n for n in range(10))
    assert [frame.type for frame in outcome.frames] == [Type.BOARD]
    assert b"\r\n" not in rest
    assert outcome.states[0][0] == 0
    assert outcome.due[-1] is False


def test_noise_does_not_stop_the_lines() -> None:
    outcome = run("csv 3 0", "begin 0", "rx 00112233440055", "due 0", "poll 1", "due 10000", "poll 2", "state")
    assert outcome.states[0][0] == 1
