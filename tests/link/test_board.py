"""The client against boards that misbehave: every answer is checked, and every failure is a BoardError."""

import gc
import os
import pty
import threading
import time
import tty
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tinyml_labs import link
from tinyml_labs.link import messages as m
from tinyml_labs.link.descriptions import BoardInfo, ModelInfo, Sensor, TensorLayout
from tinyml_labs.link.framing import Frame, FrameDecoder, encode_frame
from tinyml_labs.link.messages import Type

SHA = bytes(range(32))
TENSOR = TensorLayout(dtype="int8", shape=(1, 4), scale=0.1, zero_point=0)
MODEL = ModelInfo(sha256=SHA, arena_bytes=1000, inputs=(TENSOR,), outputs=(TENSOR,))
SENSOR = Sensor(id=1, name="imu", unit="g", channels=2, dtype="int16", rate_hz=100.0, low=-8, high=8)
INFO = BoardInfo(
    board="scripted",
    firmware="f",
    firmware_version="1",
    max_payload=256,
    receive_buffer=1024,
    model_sha256=SHA,
    sensors=(SENSOR,),
)
Answer = Callable[[Frame], "list[tuple[int, bytes]]"]


class ScriptedBoard:
    """A board on a pty whose answers a test writes. It is the far end, so nothing of the client is replaced."""

    def __init__(self) -> None:
        self.answers: dict[int, Answer] = {
            Type.HELLO: lambda f: [(Type.BOARD, INFO.pack(f.sequence))],
            Type.MODEL_INFO: lambda f: [(Type.MODEL, MODEL.pack(f.sequence))],
            Type.STREAM_START: lambda f: [(Type.DONE, m.pack_done(f.sequence))],
            Type.STREAM_STOP: lambda f: [(Type.DONE, m.pack_done(f.sequence))],
            Type.LOAD_BEGIN: lambda f: [(Type.DONE, m.pack_done(f.sequence))],
        }
        self.reading = True
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._sequence = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        decoder = FrameDecoder()
        os.set_blocking(self._master, False)
        while not self._stop.is_set():
            try:
                data = os.read(self._master, 4096) if self.reading else b""
            except BlockingIOError:
                data = b""
            if not data:
                time.sleep(0.002)
            for frame in decoder.feed(data):
                for kind, payload in self.answers.get(frame.type, lambda _: [])(frame):
                    self.send(kind, payload)

    def send(self, kind: int, payload: bytes) -> None:
        os.write(self._master, encode_frame(Frame(kind, self._sequence, 0, payload)))
        self._sequence = (self._sequence + 1) % 65536

    def end(self) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def scripted() -> Iterator[ScriptedBoard]:
    board = ScriptedBoard()
    yield board
    board.end()


def result(**fields: object) -> Answer:
    given = {"microseconds": 5, "offset": 0, "total": 4, "data": b"abcd", **fields}
    return lambda f: [(Type.RESULT, m.Result(request=f.sequence, **given).pack())]


@pytest.mark.parametrize(
    "fields",
    [
        {"total": 0, "data": b""},
        {"total": 2, "data": b"ab"},
        {"total": 8, "data": b"abcdefgh"},
        {"offset": 2, "data": b"cd"},
        {"offset": 2**31, "data": b"abcd"},
    ],
)
def test_an_answer_that_is_not_whole_is_never_filled_up(scripted: ScriptedBoard, fields: dict) -> None:
    scripted.answers[Type.INFER] = result(**fields)
    with (
        link.Board(scripted.port, timeout_s=0.5) as board,
        pytest.raises(link.BoardError, match=r"not whole|No answer"),
    ):
        board.infer(np.zeros((3, 4), np.int8))


def test_whole_answers_in_pieces_are_put_together(scripted: ScriptedBoard) -> None:
    scripted.answers[Type.INFER] = lambda f: [
        *result(data=b"ab")(f),
        *result(offset=2, data=b"cd")(f),
    ]
    with link.Board(scripted.port) as board:
        outputs = board.infer(np.zeros((3, 4), np.int8)).outputs
        assert outputs.tolist() == [[97, 98, 99, 100]] * 3
        assert board.infer(np.zeros((0, 4), np.int8)).outputs.shape == (0, 4)


@pytest.mark.parametrize(
    "payload", [b"", b"\1", INFO.pack(0)[:20], INFO.pack(0)[:-3], b"\xff" * 60, INFO.pack(0)[:45] + b"\xff" * 20]
)
def test_a_damaged_hello_is_a_board_error(scripted: ScriptedBoard, payload: bytes) -> None:
    scripted.answers[Type.HELLO] = lambda f: [(Type.BOARD, f.sequence.to_bytes(2, "little") + payload[2:])]
    with pytest.raises(link.BoardError):
        link.Board(scripted.port, timeout_s=0.5)


@pytest.mark.parametrize("kind", [Type.DONE, Type.MODEL, Type.RESULT])
def test_an_answer_of_another_kind_is_a_board_error(scripted: ScriptedBoard, kind: Type) -> None:
    scripted.answers[Type.MODEL_INFO] = lambda f: [(kind, m.pack_done(f.sequence))]
    with link.Board(scripted.port, timeout_s=0.5) as board, pytest.raises(link.BoardError):
        board.model_info()


def test_stray_frames_do_not_disturb(scripted: ScriptedBoard) -> None:
    hello = scripted.answers[Type.HELLO]
    scripted.answers[Type.HELLO] = lambda f: [
        (0x99, b""),
        (0xF0, b"x" * 50),
        (Type.DONE, b""),
        (Type.LOG, b"hi"),
        *hello(f),
    ]
    with link.Board(scripted.port, timeout_s=1) as board:
        assert board.info == INFO


@pytest.mark.slow
def test_a_slow_hello_is_heard(scripted: ScriptedBoard) -> None:
    hello = scripted.answers[Type.HELLO]

    def slow(frame: Frame) -> list[tuple[int, bytes]]:
        time.sleep(0.6)  # longer than the client waits before it asks again
        return hello(frame)

    scripted.answers[Type.HELLO] = slow
    with link.Board(scripted.port, timeout_s=5) as board:
        assert board.info == INFO


@pytest.mark.slow
def test_a_board_that_stops_reading_is_a_time_out(scripted: ScriptedBoard) -> None:
    done = scripted.answers[Type.LOAD_BEGIN]

    def then_stop(frame: Frame) -> list[tuple[int, bytes]]:
        scripted.reading = False
        return done(frame)

    scripted.answers[Type.LOAD_BEGIN] = then_stop
    scripted.answers[Type.HELLO] = lambda f: [
        (
            Type.BOARD,
            BoardInfo(**{**{n: getattr(INFO, n) for n in INFO.__slots__}, "receive_buffer": 10**6}).pack(f.sequence),
        )
    ]
    with link.Board(scripted.port, timeout_s=0.5) as board, pytest.raises(link.BoardTimeout):
        board.load(bytes(300_000))


def test_samples_that_are_missing_or_misfit_are_an_error(scripted: ScriptedBoard) -> None:
    done = scripted.answers[Type.STREAM_START]

    def start(*messages: m.Samples) -> Answer:
        return lambda f: [*done(f), *((Type.SAMPLES, message.pack()) for message in messages)]

    good = m.Samples(sensor=1, first=0, overruns=0, data=np.arange(20, dtype="<i2").tobytes())
    with link.Board(scripted.port, timeout_s=0.5) as board:
        scripted.answers[Type.STREAM_START] = start(good)
        assert board.stream("imu", 10).tolist() == np.arange(20).reshape(10, 2).tolist()
        gap = m.Samples(sensor=1, first=13, overruns=3, data=bytes(8))
        scripted.answers[Type.STREAM_START] = start(good, gap)
        with pytest.raises(link.BoardError, match="Samples 10 to 12 of 'imu' are missing .overruns on the board: 3"):
            board.stream("imu", 15)
        scripted.answers[Type.STREAM_START] = start(m.Samples(sensor=1, first=0, overruns=0, data=bytes(7)))
        with pytest.raises(link.BoardError, match="7 bytes are no whole samples"):
            board.stream("imu", 5)
        for count in (0, -1):
            with pytest.raises(ValueError, match="ask for one"):
                board.stream("imu", count)


def test_two_threads_share_a_board(scripted: ScriptedBoard) -> None:
    scripted.answers[Type.INFER] = lambda f: [
        (Type.RESULT, m.Result(request=f.sequence, microseconds=1, offset=0, total=4, data=f.payload[8:12]).pack())
    ]
    found: dict[int, bool] = {}
    with link.Board(scripted.port) as board:

        def work(number: int) -> None:
            x = np.full((50, 4), number, np.int8)
            found[number] = all((board.infer(x).outputs == x).all() for _ in range(5))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == dict.fromkeys(range(4), True)


def test_a_cell_that_opens_a_board_may_run_twice(scripted: ScriptedBoard) -> None:
    before = threading.active_count()
    boards = [link.Board(scripted.port) for _ in range(3)]
    assert threading.active_count() == before + 1
    with pytest.raises(link.BoardError):
        boards[0].hello()
    assert boards[2].hello() == INFO
    boards[2].close()


def test_a_forgotten_board_closes_its_port(scripted: ScriptedBoard) -> None:
    before = threading.active_count()
    board = link.Board(scripted.port)
    del board
    gc.collect()
    assert threading.active_count() == before


@pytest.mark.parametrize("port", [None, "", 5])
def test_what_is_no_port_is_a_port_error(port: object) -> None:
    with pytest.raises(link.PortError, match="A port is a name"):
        link.Board(port)
