"""The real client talks through a pseudo terminal to a program that is nothing but the C++ server."""

import os
import pty
import subprocess
import tty
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from cpp_programs import compile_program

from tinyml_labs.link import Board, BoardError, BoardRefused
from tinyml_labs.link.messages import ErrorCode, Type

Start = Callable[..., str]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the program at one end of a pseudo terminal; give the name of the other."""
    running: list[subprocess.Popen[bytes]] = []
    open_ends: list[int] = []

    def start_program(*arguments: object) -> str:
        here, there = pty.openpty()
        tty.setraw(there)
        open_ends.extend((here, there))
        program = compile_program("server_on_port")
        running.append(subprocess.Popen([str(program), str(here), *map(str, arguments)], pass_fds=[here]))
        return os.ttyname(there)

    yield start_program
    for program in running:
        assert program.poll() is None, "the board has stopped: a sanitizer's finding?"
        program.kill()
        program.wait()
    for end in open_ends:
        os.close(end)


def test_hello_names_board_and_sensors(start: Start) -> None:
    with Board(start()) as board:
        info = board.info
        assert (info.board, info.firmware, info.firmware_version, info.board_id) == (
            "host", "server_on_port", "0.1.0", "00ff",
        )  # fmt: skip
        assert info.max_payload == 64
        assert [sensor.name for sensor in info.sensors] == ["analog", "imu", "microphone"]
        assert info.sensors[1].units == ("g", "g", "g", "deg/s", "deg/s", "deg/s")
        assert board.damaged_frames == board.lost_frames == 0


def test_streams_of_every_sensor_one_after_the_other(start: Start) -> None:
    with Board(start()) as board:
        np.testing.assert_array_equal(board.stream("microphone", 8000)[:, 0], np.arange(8000))
        imu = board.stream("imu", 30)
        assert imu.dtype == np.float32
        np.testing.assert_array_equal(imu[:, 0], np.arange(30) * 0.5)
        np.testing.assert_array_equal(imu[:, 5], np.full(30, 1e-6, np.float32))
        np.testing.assert_array_equal(board.stream("analog", 300)[:, 0], np.arange(300))
        assert board.damaged_frames == board.lost_frames == 0


def test_a_port_that_is_too_slow_loses_samples_and_says_so(start: Start) -> None:
    with (
        Board(start(8000)) as board,  # a quarter of what the microphone makes
        pytest.raises(BoardError, match=r"are missing \(overruns on the board: [1-9]"),
    ):
        board.stream("microphone", 16000)


def test_inputs_and_outputs_larger_than_a_frame(start: Start) -> None:
    inputs = np.random.default_rng(0).integers(-128, 128, (40, 300)).astype(np.int8)
    with Board(start()) as board:
        found = board.infer(inputs)
        info = board.model_info()
    raw = inputs.view(np.uint8)[:, np.arange(5000) % 300]
    np.testing.assert_array_equal(found.outputs, raw ^ (np.arange(5000) * 7).astype(np.uint8))
    assert info is not None
    assert info.sha256 == bytes([1, 2, 3]) + bytes(29)
    assert (info.inputs[0].scale, info.inputs[0].zero_point) == (0.5, -3)


def test_requests_that_a_sketch_cannot_do_are_refused_and_do_no_harm(start: Start) -> None:
    with Board(start()) as board:
        with pytest.raises(BoardRefused, match="compiled in") as refused:
            board.load(b"some other model")
        assert refused.value.code == ErrorCode.UNKNOWN_REQUEST
        with pytest.raises(BoardRefused, match="no sensor number 9"):
            board._connection.request(Type.STREAM_START, bytes([9, 0, 0, 0, 0]))
        board._connection.request(Type.STREAM_START, bytes(5))
        with pytest.raises(BoardRefused, match="a stream is running"):
            board._connection.request(Type.STREAM_START, bytes(5))
        np.testing.assert_array_equal(board.stream("analog", 20)[:, 0], np.arange(20))


def test_the_next_host_finds_a_board_that_answers(start: Start) -> None:
    """The first one leaves in the middle of a stream."""
    port = start()
    with Board(port) as board:
        board._connection.request(Type.STREAM_START, bytes(5))
    with Board(port) as board:
        np.testing.assert_array_equal(board.stream("analog", 20)[:, 0], np.arange(20))
