"""The sketch model_runner on this computer: its bytes are TensorFlow Lite Micro's, whoever asks for them."""

import os
import pty
import re
import subprocess
import sys
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from cpp_programs import FOLDER, SANITIZERS, SOURCES, model_objects, require_compiler

from tinyml_labs import datasets, inference
from tinyml_labs.compiled_sketch import write_compiled_model
from tinyml_labs.compiler import compile_model
from tinyml_labs.link import Board, open_port
from tinyml_labs.model_file import read_model

pytestmark = pytest.mark.slow

SKETCH = FOLDER.parents[2] / "arduino_sketches" / "model_runner"
EVERY_INPUT = np.arange(-128, 128, dtype=np.int8).reshape(256, 1)


def compile_sketch(target: Path, *flags: str, folder: Path = SKETCH) -> Path:
    """Compile it with Serial at a file descriptor, and the compiled model of a folder."""
    shim = FOLDER / "host_board"
    places = [SOURCES, shim, folder, SKETCH]
    command = [require_compiler("g++", "g++"), "-std=c++11", *SANITIZERS, *flags, *(f"-I{place}" for place in places)]
    command += ["-include", "Arduino.h", "-x", "c++"]
    command += map(str, (SKETCH / "model_runner.ino", folder / "runner_model_board.cpp", shim / "main.cpp"))
    build = target.with_name(f"{target.name}_model")
    build.mkdir()
    for name in ("runner_model.h", "runner_model.c"):
        (build / name).write_bytes((folder / name).read_bytes())
    command += ["-x", "none", *map(str, model_objects(build, "runner_model", *SANITIZERS))]
    done = subprocess.run([*command, "-o", str(target)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def write_model(model: bytes, folder: Path) -> Path:
    """Write a model as make_model.py does."""
    write_compiled_model(compile_model(model, name="runner_model"), folder, header="model.h")
    return folder


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    folder = tmp_path_factory.mktemp("model_runner")
    made: dict[tuple[str, ...], Path] = {}

    def program(*flags: str) -> Path:
        if flags not in made:
            made[flags] = compile_sketch(folder / f"sketch{len(made)}", *flags)
        return made[flags]

    return program


@pytest.fixture
def start() -> Iterator[Callable[[Path], str]]:
    """Start a sketch at one end of a pseudo terminal; give the name of the other."""
    running: list[subprocess.Popen[bytes]] = []
    open_ends: list[int] = []

    def start_program(program: Path) -> str:
        here, there = pty.openpty()
        tty.setraw(there)
        open_ends.extend((here, there))
        running.append(subprocess.Popen([str(program), str(here)], pass_fds=[here]))
        return os.ttyname(there)

    yield start_program
    for process in running:
        assert process.poll() is None, "the sketch has stopped: a sanitizer's finding?"
        process.kill()
        process.wait()
    for end in open_ends:
        os.close(end)


@pytest.mark.parametrize("sketch", ["model_runner", "hello_world"])
def test_the_models_source_is_what_its_script_makes(sketch: str, tmp_path: Path) -> None:
    """If not: python arduino_sketches/SKETCH/make_model.py. Into a copy, so that the script is run as it is."""
    folder = SKETCH.parent / sketch
    (tmp_path / "make_model.py").write_bytes((folder / "make_model.py").read_bytes())
    said = subprocess.run([sys.executable, tmp_path / "make_model.py"], capture_output=True, text=True, check=True)
    made = [Path(line) for line in said.stdout.splitlines()]
    assert len(made) == 3
    for path in made:
        assert path.read_text() == (folder / path.name).read_text()


@pytest.mark.usefixtures("tflm")
def test_every_input_gives_the_bytes_of_tflm(programs: Callable[..., Path], start: Callable[[Path], str]) -> None:
    model = datasets.load_reference_model("sine")
    with Board(start(programs())) as board:
        info = board.require_model(model)  # by its SHA-256
        found = board.infer(EVERY_INPUT)
    np.testing.assert_array_equal(found.outputs, inference.run(model, EVERY_INPUT, "tflm"))
    parsed = read_model(model)
    for layout, tensor in ((info.inputs[0], parsed.inputs[0]), (info.outputs[0], parsed.outputs[0])):
        assert (layout.dtype, layout.shape) == ("int8", tensor.shape)
        assert (np.float32(layout.scale), layout.zero_point) == (np.float32(tensor.scale), tensor.zero_point)


@pytest.mark.usefixtures("tflm")
def test_its_own_sweep_is_the_same_as_a_stream(programs: Callable[..., Path], start: Callable[[Path], str]) -> None:
    model = read_model(datasets.load_reference_model("sine"))
    with Board(start(programs())) as board:
        found = board.stream("result", 20)
    stored = np.arange(20, dtype=np.int8).reshape(-1, 1)
    outputs = inference.run(model.data, stored, "tflm")
    np.testing.assert_array_equal(found[:, 0], inference.dequantize(stored[:, 0], model.inputs[0].scale, -128))
    np.testing.assert_array_equal(found[:, 1], inference.dequantize(outputs[:, 0], model.outputs[0].scale, 0))


def test_its_sweep_for_the_serial_plotter(programs: Callable[..., Path], start: Callable[[Path], str]) -> None:
    port = start(programs("-DCSV_MODE"))
    with open_port(port, timeout=5) as host:
        lines = [host.readline() for _ in range(5)]
    assert all(re.fullmatch(rb"-?\d+\.\d{4},-?\d+\.\d{4}\r\n", line) for line in lines[1:])
    with Board(port) as board:
        assert len(board.infer(EVERY_INPUT[:3]).outputs) == 3


def converse(port: str, commands: list[str]) -> list[str]:
    """Send MLPerf commands, ``name`` first; give all lines from the answer to it on, with the times left out."""
    lines: list[str] = []
    with open_port(port, timeout=1) as host:
        while not lines:  # until it has started; what it says before does not count
            host.write(b"name%")
            while line := host.readline():
                if line.startswith(b"m-name"):
                    lines = [line.decode(), host.readline().decode()]
                    break
        host.timeout = 10
        for command in commands:
            host.write(command.encode())
            while True:
                line = host.readline()
                assert line.endswith(b"\n"), f"silence behind {command} and {lines[-3:]}"
                lines.append(re.sub(r"m-lap-us-\d+", "m-lap-us-", line.decode()))
                if line == b"m-ready\r\n":
                    break
    return lines


@pytest.mark.slow
def test_mlperf_speaks_as_the_virtual_board_does(
    programs: Callable[..., Path], start: Callable[[Path], str], tmp_path: Path
) -> None:
    """The same conversation with the sketch and with the dialect in Python, line by line."""
    model = tmp_path / "sine.tflite"
    model.write_bytes(datasets.load_reference_model("sine"))
    first = "profile timestamp help db db|load db|load|0 db|load|1 db|4 db|xy"
    last = "results infer infer|0 infer|1|-1 nonsense | |results| db|load|2 db|0102 infer|1|0"
    commands = first.split()
    for value in (0, 1, 63, 127, 128, 200, 255):
        commands += ["db|load|1", f"db|{value:02x}", "db|print", "infer|2|1"]
    commands += last.split()
    spoken = [command.replace("|", " ") + "%" for command in commands]
    sketch = converse(start(programs("-DDIALECT_MLPERF")), spoken)
    virtual = converse(f"virtual://?dialect=mlperf&model={model}", spoken)
    assert sketch[0] == "m-name-dut-[Arduino]\r\n"
    assert sketch.count("m-ready\r\n") == len(commands) + 1
    assert sketch[1:] == virtual[1:]


def random_int8(random: np.random.Generator, largest: int, *shape: int) -> np.ndarray:
    return random.integers(-largest, largest + 1, shape).astype(np.int8)


def random_int32(random: np.random.Generator, largest: int, size: int) -> np.ndarray:
    return random.integers(-largest, largest + 1, size).astype(np.int32)


# Largest weight and bias, and the scales of input, weights 1, hidden, weights 2, output. The products of "steep" are
# above 1 and shifted to the left; those of "halves" are 1/2 and 1/4, so that every other sum is a half to be rounded.
KINDS = {
    "gentle": (127, 4000, 0.0493, 0.0171, 0.0387, 0.011, 0.0613),
    "steep": (2, 20, 0.0493, 0.0171, 0.0005, 0.011, 1.7e-6),
    "halves": (2, 20, 2.0**-4, 2.0**-3, 2.0**-6, 2.0**-3, 2.0**-7),
}


def dense_chain(seed: int, kind: str, *, per_channel: bool) -> bytes:
    """Two dense layers, ReLU6 or ReLU between them, the second with one scale or with one for each output."""
    random = np.random.default_rng(seed)
    inputs, hidden, outputs = 5, 9, 7
    largest, bias, input_scale, first_scale, hidden_scale, second_scale, output_scale = KINDS[kind]
    scales = second_scale * 2.0 ** random.integers(-2, 2, outputs) if per_channel else np.array([second_scale])
    zeros = [0] * len(scales)
    tensors = [
        tiny_models.TensorSpec(name="input", shape=(1, inputs), scale=input_scale, zero_point=3),
        tiny_models.TensorSpec(
            name="w1", shape=(hidden, inputs), scale=first_scale, data=random_int8(random, largest, hidden, inputs)
        ),
        tiny_models.TensorSpec(
            name="b1", shape=(hidden,), type_name="INT32", scale=input_scale * first_scale,
            data=random_int32(random, bias, hidden),
        ),
        tiny_models.TensorSpec(name="hidden", shape=(1, hidden), scale=hidden_scale, zero_point=-128),
        tiny_models.TensorSpec(
            name="w2", shape=(outputs, hidden), scale=scales.tolist(), zero_point=zeros,
            data=random_int8(random, largest, outputs, hidden),
        ),
        tiny_models.TensorSpec(
            name="b2", shape=(outputs,), type_name="INT32", scale=(hidden_scale * scales).tolist(), zero_point=zeros,
            data=random_int32(random, bias, outputs),
        ),
        tiny_models.TensorSpec(name="output", shape=(1, outputs), scale=output_scale, zero_point=-7),
    ]  # fmt: skip
    relu = 3 if kind == "gentle" else 1  # ActivationFunctionType of the schema: RELU6, RELU
    layers = [
        tiny_models.OperatorSpec(
            name="FULLY_CONNECTED", inputs=sources, outputs=(result,), kind="FullyConnectedOptions", version=4,
            options={"FusedActivationFunction": activation},
        )
        for sources, result, activation in (((0, 1, 2), 3, relu), ((3, 4, 5), 6, 0))
    ]  # fmt: skip
    return tiny_models.build_model(tensors, layers, inputs=(0,), outputs=(6,))


@pytest.mark.slow
@pytest.mark.usefixtures("tflm")
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_other_dense_models_give_the_bytes_of_tflm(
    start: Callable[[Path], str], tmp_path: Path, kind: str, per_channel: bool
) -> None:
    model = dense_chain(7, kind, per_channel=per_channel)
    program = compile_sketch(tmp_path / "sketch", folder=write_model(model, tmp_path / "model"))
    source = (tmp_path / "model" / "runner_model.c").read_text()
    largest = 125 if kind == "gentle" else 3
    inputs = 3 + random_int8(np.random.default_rng(7), largest, 500, 5)
    with Board(start(program)) as board:
        found = board.infer(inputs.astype(np.int8)).outputs
    np.testing.assert_array_equal(found, inference.run(model, inputs.astype(np.int8), "tflm"))
    assert len(np.unique(found)) > 10
    assert (re.search(r"layer1_shifts\[\d\] = \{\s+[1-9]", source) is not None) == (kind == "steep")


@pytest.mark.usefixtures("tflm")
@pytest.mark.parametrize("gain", [4.0, 30.0])
def test_a_softmax_at_the_end_gives_the_bytes_of_tflm(
    start: Callable[[Path], str], tmp_path: Path, gain: float
) -> None:
    model = tiny_models.window_classifier(19, 2, classes=11, gain=gain)
    program = compile_sketch(tmp_path / "sketch", folder=write_model(model, tmp_path / "model"))
    inputs = random_int8(np.random.default_rng(7), 127, 1000, 19, 2)
    with Board(start(program)) as board:
        found = board.infer(inputs).outputs
    np.testing.assert_array_equal(found, inference.run(model, inputs, "tflm"))
    assert len(np.unique(found)) > 50


def test_without_a_warning_on_an_arm_and_an_avr(tmp_path: Path) -> None:
    for tools, package, flags in (
        ("arm-none-eabi-", "gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib", ["-mcpu=cortex-m4", "-mthumb"]),
        ("avr-", "gcc-avr avr-libc", ["-mmcu=atmega328p"]),
    ):
        for tool, standard, file in (("g++", "c++11", "runner_model_board.cpp"), ("gcc", "gnu11", "runner_model.c")):
            command = [require_compiler(f"{tools}{tool}", package), f"-std={standard}", "-Wall", "-Wextra", "-Werror"]
            command += [*flags, "-Os", f"-I{SOURCES}", "-c", str(SKETCH / file), "-o", str(tmp_path / "model.o")]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
