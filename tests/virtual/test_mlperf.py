"""The MLPerf Tiny dialect: line for line what the public runner expects, and the results of the host."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import serial
import tiny_models

from tinyml_labs import inference
from tinyml_labs.virtual import VirtualBoardSettings
from tinyml_labs.virtual.mlperf import MlperfProgram

pytestmark = pytest.mark.slow


class Bench:
    """The program without a port: what it says to a command, line by line."""

    def __init__(self, model: Path) -> None:
        self.program = MlperfProgram(VirtualBoardSettings(model=str(model)))
        self.program.check_model()
        self.program.reset(100.0)
        self.boot = self._lines(100.0)

    def _lines(self, at: float) -> list[str]:
        text = self.program.transmit(at, room=True).decode("ascii")
        assert text.endswith("\r\n") or not text
        return text.split("\r\n")[:-1]

    def ask(self, command: str, at: float = 101.5) -> list[str]:
        self.program.receive(command.encode() + b"%", at)
        return self._lines(at)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(tiny_models.dense_int8(inputs=12, units=3))
    return path


@pytest.fixture
def bench(model: Path) -> Iterator[Bench]:
    bench = Bench(model)
    yield bench
    bench.program.close()


def test_what_it_says_on_starting(bench: Bench) -> None:
    assert bench.boot == ["m-timestamp-mode-performance", "m-lap-us-0", "m-init-done", "m-ready"]


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("name", ["m-name-dut-[TinyML lab kit virtual board]"]),
        ("profile", ["m-profile-[ULPMark for tinyML Firmware V0.0.1]", "m-model-[custom]"]),
        ("timestamp", ["m-lap-us-1500000"]),
        ("db", ["e-[Command 'db' requires a subcommand]"]),
        ("db load", ["e-[Command 'db load' requires the # of bytes]"]),
        ("db load 0", ["e-[Command 'db load' must be >0 bytes]"]),
        ("db load many", ["e-[Command 'db load' must be >0 bytes]"]),
        ("db load 27649", ["Supplied buffer size 27649 exceeds maximum of 27648\nm-ready"]),
        ("db 123", ["e-[Insufficent number of hex digits]"]),
        ("db 12xy", ["e-[Invalid hex digit 'xy']"]),
        ("infer 0", ["e-[Inference iterations must be >0]"]),
        ("infer some", ["e-[Inference iterations must be >0]"]),
        ("infer 1 -1", ["e-[Inference warmup must be >=0]"]),
        ("Name", ["e-[Unknown command: Name]"]),
        ("dance now", ["e-[Unknown command: dance]"]),
        ("", ["e-[Unknown command: ]"]),
        ("\r\nname", ["m-name-dut-[TinyML lab kit virtual board]"]),
        ("x" * 100, [f"e-[Unknown command: {'x' * 80}]"]),
    ],
)
def test_commands_and_errors(bench: Bench, command: str, lines: list[str]) -> None:
    answer = bench.ask(command)
    assert answer == ([*lines, "m-ready"] if "m-ready" not in lines[-1] else lines)


def test_the_buffer_is_loaded_and_printed(bench: Bench) -> None:
    assert bench.ask("db load 11") == ["m-[Expecting 11 bytes]", "m-ready"]
    assert bench.ask("db 00010203") == ["m-ready"]
    assert bench.ask("db 0405060708") == ["m-ready"]
    assert bench.ask("db 090a0b0c") == ["m-load-done", "m-ready"]  # what is too much does not count
    assert bench.ask("db print") == ["m-buffer-00-01-02-03-04-05-06-07", "m-buffer-08-09-0a", "", "m-ready"]
    assert bench.ask("db load 8") == ["m-[Expecting 8 bytes]", "m-ready"]
    assert bench.ask("db F00DF00DF00DF00D") == ["m-load-done", "m-ready"]
    assert bench.ask("db print") == ["m-buffer-f0-0d-f0-0d-f0-0d-f0-0d", "m-ready"]


def test_an_inference_line_by_line(bench: Bench, model: Path) -> None:
    x = np.arange(-6, 6, dtype=np.int8)
    bench.ask("db load 12")
    bench.ask(f"db {x.tobytes().hex()}")
    lines = bench.ask("infer 5 2", at=103.0)
    assert lines[:4] == ["m-warmup-start-2", "m-warmup-done", "m-infer-start-5", "m-lap-us-3000000"]
    assert re.fullmatch(r"m-lap-us-\d+", lines[4])
    assert int(lines[4][9:]) > 3_000_000
    assert (lines[5], lines[7:]) == ("m-infer-done", ["m-ready"])
    raw = inference.run(model, x[None])[0]
    expected = ",".join(f"{value:.3f}" for value in inference.dequantize(raw, 0.1, -7))
    assert lines[6] == f"m-results-[{expected}]"
    assert bench.ask("results") == [lines[6], "m-ready"]
    assert bench.ask("infer")[:3] == ["m-warmup-start-10", "m-warmup-done", "m-infer-start-1"]


def test_an_input_that_is_not_whole_leaves_the_last_one(bench: Bench) -> None:
    bench.ask("db load 12")
    bench.ask("db " + "7f" * 12)
    results = bench.ask("infer 1 0")[-2]
    bench.ask("db load 12")
    bench.ask("db 0000")
    lines = bench.ask("infer 1 0")
    assert lines[0] == "Input db has 2 bytes, expected 12"
    assert lines[-2] == results


class Runner:
    """As the public runner: a command, then lines until one has m-ready in it."""

    def __init__(self, port: str) -> None:
        self.port = serial.Serial(port, 115200, timeout=20)

    def send_command(self, command: str) -> list[str]:
        self.port.write(command.encode() + b"%")
        lines: list[str] = []
        while not lines or "m-ready" not in lines[-1]:
            lines.append(self.port.read_until(b"\n").decode().strip("\r\n"))
        return lines

    def load(self, data: bytes) -> list[str]:
        assert self.send_command(f"db load {len(data)}")[0] == f"m-[Expecting {len(data)} bytes]"
        for at in range(0, len(data), 31):
            last = self.send_command(f"db {data[at : at + 31].hex()}")
        return last

    def results(self, lines: list[str]) -> np.ndarray:
        (found,) = [match[1] for line in lines if (match := re.fullmatch(r"m-results-\[(.+)]", line))]
        return np.array([float(value) for value in found.split(",")])


def test_on_a_port_an_opened_board_is_silent(
    start_board: Callable[..., tuple[subprocess.Popen, str]], model: Path
) -> None:
    """The runner takes any m-ready for the answer to its first command: a boot text would put it one off."""
    _, port = start_board("--dialect", "mlperf", "--model", str(model))
    with serial.Serial(port, timeout=0.3) as opened:
        assert opened.read(100) == b""
    runner = Runner(port)
    assert runner.send_command("name") == ["m-name-dut-[TinyML lab kit virtual board]", "m-ready"]
    x = np.random.default_rng(0).integers(-128, 128, 12).astype(np.int8)
    assert runner.load(x.tobytes()) == ["m-load-done", "m-ready"]
    raw = inference.run(model, x[None])[0]
    found = runner.results(runner.send_command("infer 3 1"))
    np.testing.assert_allclose(found, inference.dequantize(raw, 0.1, -7), atol=0.00051)
    runner.port.close()


@pytest.mark.slow
def test_a_board_that_resets_on_open_says_so(
    start_board: Callable[..., tuple[subprocess.Popen, str]], model: Path
) -> None:
    _, port = start_board("--dialect", "mlperf", "--model", str(model), "--reset-on-open")
    with serial.Serial(port, timeout=2) as opened:
        said = opened.read_until(b"m-ready\r\n").decode()
    assert re.fullmatch(r"m-timestamp-mode-performance\r\nm-lap-us-\d+\r\nm-init-done\r\nm-ready\r\n", said)


PUBLIC = {
    "kws01": "keyword_spotting/kws_ref_model.tflite",
    "vww01": "visual_wake_words/vww_96_int8.tflite",
    "ic01": "image_classification/pretrainedResnet_quant.tflite",
    "ad01": "anomaly_detection/ad01_int8.tflite",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLIC)
def test_the_public_models_give_the_hosts_results(
    start_board: Callable[..., tuple[subprocess.Popen, str]], real_data: Path, name: str
) -> None:
    path = real_data / "models" / "mlperf_tiny" / PUBLIC[name]
    _, port = start_board("--dialect", "mlperf", "--model", str(path))
    runner = Runner(port)
    assert runner.send_command("profile")[1] == f"m-model-[{name}]"
    random = np.random.default_rng(0)
    with inference.load(path) as loaded:
        tensor, output = loaded.inputs[0], loaded.outputs[0]
        count = int(np.prod(tensor.shape))
        for _ in range(3):
            if name == "kws01":
                data = quantized = random.integers(-128, 128, count).astype(np.int8)
            elif name == "ad01":
                data = random.normal(-3, 2, count).astype("<f4")
                quantized = inference.quantize(data, tensor.scale, tensor.zero_point)
            else:
                data = random.integers(0, 256, count).astype(np.uint8)
                quantized = (data.astype(int) - 128).astype(np.int8)
            assert runner.load(data.tobytes()) == ["m-load-done", "m-ready"]
            raw = loaded.run(quantized.reshape(1, *tensor.window_shape))
            expected = inference.dequantize(raw, output.scale, output.zero_point).reshape(-1)
            if name == "ad01":  # an autoencoder: how far off it is, as one number
                expected = np.mean((expected - data) ** 2)[None]
            found = runner.results(runner.send_command("infer 2 1"))
            np.testing.assert_allclose(found, expected, atol=0.00051, rtol=1e-6)
    runner.port.close()


@pytest.mark.parametrize("arguments", [[], ["--model", "nothing.tflite"]])
def test_without_a_model_it_does_not_start(
    start_board: Callable[..., tuple[subprocess.Popen, str]], arguments: list[str]
) -> None:
    process, port = start_board("--dialect", "mlperf", *arguments)
    assert port == ""
    assert process.wait(timeout=20) == 1
