"""The C that comes out: any compiler takes it, any folder builds it; what cannot be compiled is refused in words."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import tiny_models
from networks import Branches, build_network
from sketches import toolchains

from tinyml_labs import datasets
from tinyml_labs.cli import main
from tinyml_labs.compile_command import name_from
from tinyml_labs.compiler import compile_model
from tinyml_labs.compiler.host_program import find_compiler
from tinyml_labs.compiler.kernel_files import needed_files

_STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-DTINYML_TAPS", "-c"]
_COMPILERS = {
    "gcc": ["gcc", "-std=c99"],
    "clang": ["clang", "-std=c99"],
    "arm-none-eabi-gcc": ["arm-none-eabi-gcc", "-std=c99", "-mcpu=cortex-m4", "-mthumb"],
    "avr-gcc": ["avr-gcc", "-std=gnu99", "-mmcu=atmega328p"],
}


@pytest.mark.parametrize("compiler", _COMPILERS)
def test_compilers_have_nothing_to_say(compiler: str, tmp_path: Path) -> None:
    toolchains.need_tools(compiler, packages=f"{compiler.replace('arm-none-eabi-gcc', 'gcc-arm-none-eabi')}")
    for op in ("FULLY_CONNECTED", "ADD", "MEAN", "PAD", "TANH", "SOFTMAX", "MAX_POOL_2D"):
        compile_model(build_network(op, 0, branches=2), name=f"a_{op.lower()}").write(tmp_path, kernels=True)
    files = sorted(str(file) for file in tmp_path.glob("*.c"))
    files += [str(file) for file in sorted((tmp_path / "kernels").glob("*.c"))]
    command = [*_COMPILERS[compiler], *_STRICT, f"-I{tmp_path}", *files]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_header_is_for_cpp_too_and_needs_nothing_else(tmp_path: Path) -> None:
    toolchains.need_tools("g++", packages="g++")
    compile_model(datasets.load_reference_model("sine"), name="sine").write(tmp_path)
    program = tmp_path / "program.cpp"
    program.write_text(
        '#include "sine.h"\nstatic const int shape[SINE_INPUT_RANK] = SINE_INPUT_SHAPE;\n'
        'static_assert(SINE_INPUT_BYTES == 1 && SINE_LAYERS == 3 && SINE_ARENA_BYTES == 32, "");\n'
        "int run() { sine_invoke(); return shape[0] + sine_sha256[0]; }\n"
    )
    command = ["g++", "-std=c++11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", str(program)]
    assert subprocess.run(command, capture_output=True, check=False).stderr == b""


def test_constants_are_not_padded() -> None:
    compiled = compile_model(datasets.load_reference_model("sine"))
    weights, channels = 16 + 256 + 16, 16 + 16 + 1
    assert compiled.weights_bytes == weights + 4 * channels + 3 * 5  # biases; a multiplier and a shift a layer


def test_needed_files() -> None:
    assert needed_files(["kernels/lookup.h"]) == ("flash.h", "lookup.c", "lookup.h")
    assert "requantize.h" in needed_files(["kernels/pooling.h"])


def _two_inputs(op: str, kind: str, first: tuple[int, ...], second: tuple[int, ...], **quantities: float) -> bytes:
    n = Branches(0)
    inputs = [n.input(first, scale=0.1), n.input(second, scale=0.1)]
    n.operator(op, inputs, [n.output(first, **({"scale": 0.1} | quantities))], kind)
    return n.build()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (tiny_models.builtin_op("COS"), r"Operator 0 \(COS.*is COS; there are kernels for ADD, .*Change the network"),
        (_two_inputs("ADD", "AddOptions", (1, 4), (1, 3)), "takes 1×4 and 1×3 and gives 1×4: these do not fit"),
        (_two_inputs("ADD", "AddOptions", (1, 4), (1, 4), scale=1e-9), "so far apart.*Calibrate"),
        (_two_inputs("CONCATENATION", "ConcatenationOptions", (1, 4), (1, 4)), "joins 1×4, 1×4 along side 0"),
        (tiny_models.degenerate_softmax(), "its values never differed in calibration"),
        (b"nothing", "not a .tflite file"),
    ],
)
def test_what_cannot_be_compiled_is_refused_with_the_reason(model: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compile_model(model)


def test_names_are_checked() -> None:
    with pytest.raises(ValueError, match="The model's name is 'my model'"):
        compile_model(datasets.load_reference_model("sine"), name="my model")
    assert name_from(Path("KWS ref-model.tflite")) == "kws_ref_model"
    assert name_from(Path("96_vww.tflite")) == "model_96_vww"


def test_a_missing_compiler_is_explained() -> None:
    with pytest.raises(ValueError, match="pip install ziglang"):
        find_compiler("no-such-compiler")


def test_command_writes_what_compiles_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "sine.tflite"
    model.write_bytes(datasets.load_reference_model("sine"))
    folder = tmp_path / "out"
    assert main(["compile", str(model), "-o", str(folder), "--plan"]) == 0
    said = capsys.readouterr().out
    assert "arena          32 bytes" in said
    assert "3, 288 multiply-accumulates" in said
    sources = [str(file) for file in folder.rglob("*.c")]
    command = [*find_compiler(), "-std=c99", f"-I{folder}", "-c", *sources]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0


def test_command_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str], tflm: None) -> None:
    model = tmp_path / "sine.tflite"
    model.write_bytes(datasets.load_reference_model("sine"))
    assert main(["compile", "--check", "--samples", "5", str(model)]) == 0
    assert "0 of 5 bytes differ from TensorFlow Lite Micro's (5 inputs" in capsys.readouterr().out
    assert main(["compile", str(model)]) == 1
    assert "Say where to" in capsys.readouterr().err
