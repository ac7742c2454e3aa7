"""The virtual board on a real pty and a real socket: the same bytes as the host, and the manners of a board."""

import hashlib
import os
import socket
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import serial
import tiny_models

from tinyml_labs import inference, link
from tinyml_labs.capture import load_signal
from tinyml_labs.datasets import load_recorded_sweep
from tinyml_labs.link.messages import ErrorCode, LoadBegin, Piece, Type


@pytest.mark.slow
def test_board_and_host_give_the_same_bytes_for_10000_inputs() -> None:
    model = tiny_models.dense_int8(inputs=4, units=3)
    x = np.random.default_rng(0).integers(-128, 128, (10_000, 4)).astype(np.int8)
    with link.Board("virtual://") as board:
        board.load(model)
        result = board.infer(x)
        assert (board.lost_frames, board.damaged_frames) == (0, 0)
    np.testing.assert_array_equal(result.outputs, inference.run(model, x))
    assert result.microseconds.shape == (10_000,)


PUBLIC = {
    "tflm/hello_world_int8.tflite": 10_000,
    "tflm/micro_speech_quantized.tflite": 1000,
    "tflm/person_detect.tflite": 40,
    "mlperf_tiny/keyword_spotting/kws_ref_model.tflite": 200,
    "mlperf_tiny/visual_wake_words/vww_96_int8.tflite": 40,
    "mlperf_tiny/image_classification/pretrainedResnet_quant.tflite": 40,
    "mlperf_tiny/anomaly_detection/ad01_int8.tflite": 500,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLIC)
def test_public_models_give_the_same_bytes_on_the_board(tflm: None, real_data: Path, name: str) -> None:
    path = real_data / "models" / name
    with inference.load(path, "tflm") as model, link.Board("virtual://", timeout_s=20) as board:
        shape = model.inputs[0].window_shape
        x = np.random.default_rng(1).integers(-128, 128, (PUBLIC[name], *shape)).astype(np.int8)
        board.load(path)
        found = board.infer(x).outputs
        expected = model.run(x)
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(expected)) > 1


def test_hello_and_text_and_sensors() -> None:
    with link.Board("virtual://") as board:
        assert board.info.board == "virtual board"
        assert "virtual board" in board.text
        assert board.model_info() is None
        sensor = board.sensor("analog")
        assert (sensor.rate_hz, sensor.unit, sensor.channels) == (50.0, "counts", 1)
        assert (sensor.low, sensor.high) == (0.0, 1023.0)
        names = [sensor.name for sensor in board.info.sensors]
        assert names == ["analog", "imu", "microphone", "camera", "test_pattern"]
        with pytest.raises(link.BoardError, match="no sensor 'barometer'. Its sensors: 'analog', 'imu'"):
            board.sensor("barometer")


@pytest.mark.slow
def test_a_stream_is_the_recording_sample_by_sample() -> None:
    with link.Board("virtual://?speed=100") as board:
        samples = board.stream("analog", 4000)
        again = board.stream("analog", 10)
    sweep = load_recorded_sweep().samples
    np.testing.assert_array_equal(samples[:, 0], np.resize(sweep, 4000))
    np.testing.assert_array_equal(again[:, 0], sweep[:10])


@pytest.mark.slow
def test_a_stream_runs_at_its_rate() -> None:
    with link.Board("virtual://?speed=2") as board:
        start = time.monotonic()
        board.stream("analog", 100)
        assert time.monotonic() - start >= 0.95  # 100 samples at 50 Hz, twice as fast


@pytest.mark.slow
def test_one_call_takes_a_file_or_a_port(tmp_path: Path) -> None:
    sweep = load_recorded_sweep()
    path = tmp_path / "own.csv"
    path.write_text("# rate_hz: 20\nvoltage_V\n" + "\n".join(f"{v:.3f}" for v in np.linspace(0, 3.3, 100)) + "\n")
    from_file = load_signal(path)
    assert (from_file.rate_hz, from_file.unit, len(from_file.samples)) == (20.0, "V", 100)
    from_port = load_signal("virtual://?speed=50", seconds=5)
    np.testing.assert_array_equal(from_port.samples, sweep.samples[:250])
    assert from_port.full_scale == sweep.full_scale
    played = load_signal(f"virtual://?speed=50&play={path}", seconds=4)
    np.testing.assert_allclose(played.samples, np.resize(from_file.samples, 80))


@pytest.mark.slow
@pytest.mark.parametrize("board_process", [["--speed", "20"]], indirect=True)
def test_a_signal_is_read_through_the_board_that_is_open_on_the_port(board_process: tuple) -> None:
    """As in lab 01 with a real board: a port has room for one."""
    _, port = board_process
    with link.Board(port) as board:
        board.load(tiny_models.dense_int8())
        assert link.find_open_board(port) is board
        signal = load_signal(port, seconds=2)
        np.testing.assert_array_equal(signal.samples, load_recorded_sweep().samples[:100])
        assert board.infer(np.zeros((2, 4), np.int8)).outputs.shape == (2, 3)
    assert link.find_open_board(port) is None


def test_refusals_name_the_reason() -> None:
    with link.Board("virtual://?ram_kb=64") as board:
        with pytest.raises(link.BoardError, match="no model. Load one first"):
            board.infer(np.zeros((1, 4), np.int8))
        with pytest.raises(link.BoardRefused, match="70,000 bytes.*65,536 bytes of RAM") as caught:
            board.load(bytes(70_000))
        assert caught.value.code == ErrorCode.OUT_OF_MEMORY
        with pytest.raises(link.BoardRefused, match="tflite"):
            board.load(b"this is no model")
        board.load(tiny_models.dense_int8())
        with pytest.raises(TypeError, match="takes int8, and this array is float64.*Quantize first"):
            board.infer(np.zeros((1, 4)))
        with pytest.raises(ValueError, match=r"takes \(samples, 4\)"):
            board.infer(np.zeros((1, 5), np.int8))
        with pytest.raises(link.BoardRefused, match="no request of type 0x33"):
            board._connection.request(0x33)
        assert board.infer(np.zeros((2, 4), np.int8)).outputs.shape == (2, 3)


def test_pieces_of_a_model_may_come_twice_but_not_astray() -> None:
    model = tiny_models.dense_int8()
    digest = hashlib.sha256(model).digest()
    with link.Board("virtual://") as board:

        def begin(sha256: bytes = digest) -> None:
            said = LoadBegin(size=len(model), crc32=zlib.crc32(model), sha256=sha256)
            board._connection.request(Type.LOAD_BEGIN, said.pack())

        def send(first: int, end: int) -> None:
            board._connection.request(Type.LOAD_DATA, Piece(offset=first, data=model[first:end]).pack_load())

        begin()
        for piece in ((0, 100), (0, 100), (100, 200), (0, 100)):
            send(*piece)
        with pytest.raises(link.BoardRefused, match="begins at 300, and I have 200 of"):
            send(300, 400)
        send(200, len(model))
        assert board.hello().model_sha256 == digest
        begin(bytes(32))
        with pytest.raises(link.BoardRefused, match="SHA-256 is not the one that was announced") as refused:
            send(0, len(model))
        assert refused.value.code == ErrorCode.MODEL_DAMAGED


def test_after_a_load_that_failed_the_board_is_asked_what_it_runs() -> None:
    with link.Board("virtual://") as board:
        board.load(tiny_models.dense_int8())
        with pytest.raises(link.BoardRefused):
            board.load(b"this is no model")
        with pytest.raises(link.BoardError, match="no model. Load one first"):
            board.infer(np.zeros((1, 4), np.int8))


@pytest.mark.slow
def test_a_model_that_makes_tflm_abort_is_a_refusal_and_the_board_lives(tflm: None) -> None:
    with link.Board("virtual://") as board:
        with pytest.raises(link.BoardRefused, match="degenerate scale") as caught:
            board.load(tiny_models.degenerate_softmax())
        assert caught.value.code == ErrorCode.MODEL_FAILED
        board.load(tiny_models.dense_int8())
    with (
        link.Board("virtual://?ram_kb=2") as board,
        pytest.raises(link.BoardRefused, match="arena of .* is too small") as caught,
    ):
        board.load(tiny_models.dense_int8())
    assert caught.value.code == ErrorCode.OUT_OF_MEMORY


@pytest.mark.slow
def test_the_board_announces_its_model_and_a_mismatch_is_refused(tmp_path: Path) -> None:
    ours, other = tiny_models.dense_int8(seed=0), tiny_models.dense_int8(seed=1)
    path = tmp_path / "in_the_sketch.tflite"
    path.write_bytes(other)
    with link.Board(f"virtual://?model={path}") as board:
        assert board.require_model(path).inputs[0].shape == (1, 4)
        with pytest.raises(link.ModelMismatch, match="Load the model"):
            board.require_model(ours)
        board.load(ours)
        board.require_model(ours)
    with link.Board("virtual://") as board, pytest.raises(link.ModelMismatch, match="has no model"):
        board.require_model(ours)


@pytest.mark.slow
@pytest.mark.parametrize("board_process", [["--reset-on-open"], []], indirect=True)
def test_reset_on_open_forgets_the_model(board_process: tuple, request: pytest.FixtureRequest) -> None:
    _, port = board_process
    with link.Board(port) as board:
        board.load(tiny_models.dense_int8())
    time.sleep(0.1)
    with link.Board(port) as board:
        forgets = board.model_info() is None
    assert forgets == ("--reset-on-open" in request.node.callspec.params["board_process"])


@pytest.mark.slow
@pytest.mark.parametrize("board_process", [["--boot-ms", "1200", "--reset-on-open"]], indirect=True)
def test_waits_for_a_slow_start(board_process: tuple) -> None:
    _, port = board_process
    start = time.monotonic()
    with link.Board(port) as board:
        assert time.monotonic() - start >= 1.1
        assert board.info.board == "virtual board"
    time.sleep(0.1)  # the board looks every 10 ms whether the host is there
    with pytest.raises(link.BoardTimeout, match="Nothing came at all"):
        link.Board(port, timeout_s=0.5)


@pytest.mark.slow
@pytest.mark.parametrize("board_process", [["--baud-pacing"]], indirect=True)
def test_baud_pacing_lets_no_more_bytes_pass_than_the_line(board_process: tuple) -> None:
    _, port = board_process
    model = tiny_models.dense_int8(inputs=100, units=60)
    times = {}
    for baud in (57_600, 230_400):
        with link.Board(port, baud=baud) as board:
            start = time.monotonic()
            board.load(model)
            times[baud] = time.monotonic() - start
    for baud, took in times.items():
        assert took >= len(model) * 10 / baud * 0.95
    assert times[57_600] > 1.5 * times[230_400]


@pytest.mark.slow
@pytest.mark.parametrize("board_process", [["--socket"]], indirect=True)
def test_the_same_over_a_socket(board_process: tuple) -> None:
    """What Windows uses, where there is no pty."""
    _, port = board_process
    assert port.startswith("socket://127.0.0.1:")
    model = tiny_models.dense_int8()
    x = np.random.default_rng(0).integers(-128, 128, (500, 4)).astype(np.int8)
    for _ in range(2):  # the board takes the next host when one has gone
        with link.Board(port) as board:
            board.load(model)
            np.testing.assert_array_equal(board.infer(x).outputs, inference.run(model, x))


def test_a_board_that_vanishes_is_its_own_error(board_process: tuple) -> None:
    process, port = board_process
    with link.Board(port) as board:
        board.load(tiny_models.dense_int8())
        process.kill()
        process.wait(timeout=10)
        with pytest.raises(link.BoardVanished, match="went away while it was in use"):
            board.infer(np.zeros((10, 4), np.int8))
        with pytest.raises(link.BoardVanished):
            board.hello()


def test_a_stream_that_ends_early_is_its_own_error() -> None:
    with link.Board("virtual://?speed=100") as board:
        wanted = board._connection.request

        def ask_for_less(kind: Type, payload: bytes = b"", **options: float) -> object:
            if kind == Type.STREAM_START:
                payload = payload[:1] + (30).to_bytes(4, "little")
            return wanted(kind, payload, **options)

        board._connection.request = ask_for_less
        with pytest.raises(link.BoardEnd, match="after 30 of 50 samples"):
            board.stream("analog", 50)


def test_silence_and_other_sketches_are_told_apart() -> None:
    import pty
    import threading

    master, slave = pty.openpty()
    port = os.ttyname(slave)
    try:
        with pytest.raises(link.BoardTimeout, match="Nothing came at all. Is the sketch on the board"):
            link.Board(port, timeout_s=0.3)
        stop = threading.Event()

        def print_numbers() -> None:
            while not stop.wait(0.02):
                os.write(master, b"0.12,0.98,-0.03\r\n\0")

        printer = threading.Thread(target=print_numbers)
        printer.start()
        with pytest.raises(link.BoardTimeout, match="prints text: .*0.12,0.98,-0.03.* another sketch"):
            link.Board(port, timeout_s=0.5)
        stop.set()
        printer.join()
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("virtual://?speeed=3", "no setting 'speeed'. Did you mean 'speed'"),
        ("virtual://?baud_pacing=perhaps", "on or off, and not 'perhaps'"),
        ("virtual://?boot_ms=soon", "takes a number"),
        ("virtual://?ram_kb=0", "goes from 1 to"),
        ("virtual://?speed=inf", "1000 at most"),
        ("virtual://somewhere", "has no address"),
        ("virtual://?play=/no/such/file.csv", "no/such/file.csv"),
        ("/dev/ttyNOSUCHPORT", "no such port.*Ports found"),
        ("socket://127.0.0.1:1", "nothing listens"),
        ("nonsense://x", "Could not open nonsense"),
    ],
)
def test_ports_that_do_not_open_say_why(url: str, words: str) -> None:
    with pytest.raises(link.PortError, match=words):
        link.Board(url)


@pytest.mark.slow
def test_closing_the_port_ends_the_board() -> None:
    port = link.open_port("virtual://")
    pid = port._board.pid
    os.kill(pid, 0)
    port.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    port.open()  # pyserial's own habit: a closed port can be opened again
    assert port._board.pid != pid
    port.close()


def test_pyserial_itself_opens_the_url() -> None:
    """Any program that uses serial_for_url can talk to the virtual board."""
    with serial.serial_for_url("virtual://", timeout=2) as port:
        assert port.read_until(b"\n") == b"TinyML lab kit, virtual board\r\n"


@pytest.mark.slow
def test_the_process_that_started_a_board_takes_it_along() -> None:
    script = "import os, time\nfrom tinyml_labs import link\np = link.open_port('virtual://')\n"
    script += "print(p._board.pid, flush=True)\nos.kill(os.getpid(), 9)\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    pid = int(done.stdout)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail(f"the board's process {pid} is still there")


@pytest.mark.slow
def test_large_pieces_and_multi_frame_results() -> None:
    """An input and an output that each need several frames."""
    model = tiny_models.dense_int8(inputs=9000, units=5000)
    x = np.random.default_rng(3).integers(-128, 128, (3, 9000)).astype(np.int8)
    with link.Board("virtual://?ram_kb=65536", timeout_s=30) as board:
        board.load(model)
        np.testing.assert_array_equal(board.infer(x).outputs, inference.run(model, x))


def test_the_socket_line_is_on_loopback_only() -> None:
    from tinyml_labs.virtual.lines import SocketLine

    line = SocketLine()
    assert line._listener.getsockname()[0] == "127.0.0.1"
    assert line._listener.family == socket.AF_INET
    line._listener.close()
