"""Files that are no models, nearly models, or damaged ones, as TinyMLTflm.h meets them: under the sanitizers."""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from cpp_programs import FOLDER, SANITIZERS, SOURCES, require_compiler
from toolchains import TFLM_STAND_IN

from tinyml_labs.datasets import load_reference_model

ARENA = 65_536


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("loaded_models") / "loaded_models"
    command = [require_compiler("g++", "g++"), "-std=c++11", *SANITIZERS, "-Wall", "-Wextra", "-Werror"]
    command += [f"-I{SOURCES}", f"-I{TFLM_STAND_IN}", str(FOLDER / "loaded_models.cpp"), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def outcomes(program: Path, files: list[bytes], arena: int = ARENA) -> list[str]:
    given = b"".join(struct.pack("<II", arena, len(file)) + file for file in files)
    done = subprocess.run([str(program)], input=given, capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    lines = done.stdout.decode().splitlines()
    assert len(lines) == len(files)
    return lines


def outcome(program: Path, file: bytes, arena: int = ARENA) -> str:
    return outcomes(program, [file], arena)[0]


def dense(**changes: object) -> bytes:
    """A dense layer; what is given takes the place of the right thing."""
    data = np.arange(12, dtype=np.int8)
    shape = changes.get("weights_shape", (3, 4))
    tensors = [
        tiny_models.TensorSpec(name="input", shape=changes.get("input_shape", (1, 4)), scale=0.5),
        tiny_models.TensorSpec(name="weights", shape=shape, scale=0.5, data=data),
        tiny_models.TensorSpec(name="output", shape=(1, 3), scale=0.5, type_name=changes.get("output_type", "INT8")),
    ]
    layer = tiny_models.OperatorSpec(
        name="FULLY_CONNECTED",
        inputs=changes.get("layer_inputs", (0, 1, -1)),
        outputs=changes.get("layer_outputs", (2,)),
        kind="FullyConnectedOptions",
    )
    ends = changes.get("inputs", (0,)), changes.get("outputs", (2,))
    return tiny_models.build_model(tensors, [layer], inputs=ends[0], outputs=ends[1])


def test_whole_models_are_made_ready(program: Path) -> None:
    assert outcome(program, dense()) == "ready 4 3 "
    assert outcome(program, load_reference_model("sine")) == "ready 1 1 "
    assert outcome(program, tiny_models.window_classifier(19, 2)).startswith("ready 38 4")
    assert outcome(program, dense(inputs=(0, 0), outputs=(2, 2, 2))) == "ready 8 9 "


DAMAGED = "refused the .tflite file is damaged: its layers name tensors"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"layer_inputs": (0, 3, -1)}, DAMAGED),
        ({"layer_inputs": (0, 1, -2)}, DAMAGED),
        ({"layer_outputs": (-1,)}, DAMAGED),
        ({"layer_outputs": (2**31 - 1,)}, DAMAGED),
        ({"inputs": (7,)}, DAMAGED),
        ({"outputs": (-1,)}, DAMAGED),
        ({"weights_shape": (3, 5)}, DAMAGED),  # of 12 bytes
        ({"weights_shape": (2**16, 2**16)}, DAMAGED),
        ({"weights_shape": (-3, 4)}, DAMAGED),
        ({"input_shape": (1, 2**30)}, DAMAGED),
        ({"inputs": ()}, "refused the model has 0 inputs and 1 outputs; this sketch takes 1 to 4 of each."),
        ({"outputs": (2,) * 5}, "refused the model has 1 inputs and 5 outputs"),
        ({"output_type": "FLOAT64"}, "failed the model's output 0 is empty, or has a type or rank that the link"),
        ({"input_shape": (1,) * 9}, "failed the model's input 0 is empty, or has a type or rank"),
        ({"input_shape": (1, 0)}, "failed the model's input 0 is empty"),
        ({"inputs": (1,)}, DAMAGED),  # the weights
        ({"input_shape": (1, 2**20)}, "too small 1048579 "),
        ({"input_shape": (1, 33_000), "layer_inputs": (1,)}, "ready"),
    ],
)
def test_files_that_are_nearly_models(program: Path, changes: dict[str, object], said: str) -> None:
    assert outcome(program, dense(**changes)).startswith(said)


def test_versions_ops_and_what_is_no_file(program: Path) -> None:
    whole = dense()
    root = struct.unpack_from("<I", whole)[0]
    table = root - struct.unpack_from("<i", whole, root)[0]
    version = root + struct.unpack_from("<H", whole, table + 4)[0]
    newer = whole[:version] + struct.pack("<I", 4) + whole[version + 4 :]
    assert outcome(program, newer) == (
        "refused the .tflite file has version 4 of the schema, and TensorFlow Lite Micro reads 3."
    )
    no_kernel = "refused this sketch has no kernel for "
    assert outcome(program, tiny_models.builtin_op("SIN")).startswith(f"{no_kernel}SIN. Deploy the sketch with")
    assert outcome(program, tiny_models.builtin_op("ABS")).startswith(f"{no_kernel}op number 101.")  # newer than it
    assert outcome(program, tiny_models.custom_op("Mine")).startswith(f"{no_kernel}Mine.")
    two = tiny_models.quantize_dequantize(0.1, 3)
    assert outcome(program, two).startswith(f"{no_kernel}QUANTIZE, DEQUANTIZE.")
    for file in (b"", b"x", b"TFL3TFL3", bytes(100), whole[:100], whole[:-1], whole[4:], b"\xff" * 1000):
        assert outcome(program, file).startswith("refused this is no whole .tflite file. Load one that")


def test_a_scale_at_which_tflm_would_stop_the_board(program: Path) -> None:
    """Its kernel for softmax takes no scale of 2**-26 or less: it calls abort()."""
    for scale in (1e-30, 2.0**-26):
        said = outcome(program, tiny_models.softmax_int8(scale))
        assert said.startswith("refused the input of the model's softmax has a scale that is too small")
    assert outcome(program, tiny_models.softmax_int8(2.0**-25)) == "ready 4 4 "


def test_small_arenas(program: Path) -> None:
    """The stand-in takes 1,000 bytes for itself."""
    assert outcome(program, dense(), 6) == "too small 7 "
    for arena in (7, 16, 1000, 1023):
        said = outcome(program, dense(), arena)
        assert said.startswith("too small 7 TensorFlow Lite Micro could not set the model up")
    assert outcome(program, dense(), 1100) == "ready 4 3 "
    assert outcome(program, dense(inputs=(0, 0)), 1100).startswith("ready 8 3")
    assert outcome(program, dense(inputs=(0, 0)), 1056) == "too small 1072 "


@pytest.mark.parametrize("name", ["dense", "sine", "window"])
def test_damaged_files_do_no_harm(program: Path, name: str) -> None:
    """Bytes and words changed anywhere, and files cut anywhere: refused or run, and a sanitizer finds nothing."""
    whole = {
        "dense": dense,
        "sine": lambda: load_reference_model("sine"),
        "window": lambda: tiny_models.window_classifier(7, 3, classes=5),
    }[name]()
    random, files = np.random.default_rng(7), []
    for _ in range(3000):
        file = bytearray(whole)
        for _ in range(random.integers(1, 4)):
            at = int(random.integers(len(file)))
            if random.random() < 0.5:
                file[at] ^= 1 << int(random.integers(8))
            else:
                word = int(random.choice([0, 1, 4, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, len(file)]))
                file[at // 4 * 4 : at // 4 * 4 + 4] = struct.pack("<I", word)
        files.append(bytes(file[: int(random.integers(len(file)))] if random.random() < 0.1 else file))
    said = outcomes(program, files)
    kinds = {re.match(r"refused|too small|failed|ready", line)[0] for line in said}
    assert {"refused", "ready"} <= kinds
    assert [line for line in said if "wrong" in line] == []
