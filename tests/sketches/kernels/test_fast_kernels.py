"""The kernels of convolutions and fully connected layers on a Cortex-M4 and on this computer, against NumPy."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import toolchains
from kernel_programs import (
    CORTEX_M4,
    FOLDER,
    PORTABLE,
    Outcome,
    build_program,
    compile_objects,
    run_here,
    run_on_board,
    semihosting_command,
)
from layer_cases import Layer, expected_output, write_layers
from random_layers import make_layers, random_layer

from tinyml_labs.compiler.scratch import convolution_scratch_bytes, depthwise_scratch_bytes

HOST = ("gcc", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover")
ZIG = (sys.executable, "-m", "ziglang", "cc", "-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4",
       "-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-fno-sanitize=undefined")  # fmt: skip


def assert_right(outcomes: list[Outcome], layers: list[Layer]) -> None:
    assert [outcome.name for outcome in outcomes] == [layer.name for layer in layers]
    for outcome in outcomes:
        assert (outcome.wrong, outcome.wrong_portable, outcome.overrun) == (0, 0, 0), outcome


@pytest.mark.slow
@pytest.mark.parametrize(("flag", "kernel_compiler"), [("-O2", CORTEX_M4), ("-Os", CORTEX_M4), ("-Os", ZIG)])
def test_fast_and_portable_kernels_on_a_cortex_m4(
    flag: str, kernel_compiler: tuple[str, ...], tmp_path: Path
) -> None:
    toolchains.need_cortex_m4()
    if kernel_compiler is ZIG and find_spec("ziglang") is None:
        toolchains.skip_or_fail("the package ziglang is missing: pip install ziglang")
    layers = make_layers(seed=1, count=30)
    program = build_program(write_layers(layers), tmp_path, flags=[flag], kernel_compiler=kernel_compiler)
    assert_right(run_on_board(program), layers)


@pytest.mark.slow
def test_portable_kernels_under_the_sanitizers(tmp_path: Path) -> None:
    toolchains.need_tools("gcc", packages="gcc")
    layers = make_layers(seed=2, count=30)
    assert_right(run_here(build_program(write_layers(layers), tmp_path, compiler=HOST, flags=["-O1"])), layers)


def test_a_wrong_byte_is_counted(tmp_path: Path) -> None:
    toolchains.need_tools("gcc", packages="gcc")
    layer = random_layer(np.random.default_rng(3), "convolution", "one", channels=3, outputs=4)
    wrong = expected_output(layer)
    wrong.flat[-1] ^= 1
    program = build_program(write_layers([dataclasses.replace(layer, known_output=wrong)]), tmp_path, compiler=HOST)
    assert (run_here(program)[0].wrong, run_here(program)[0].overrun) == (1, 0)


def test_the_fast_path_is_fast(tmp_path: Path) -> None:
    """Instructions, which are the same at each run: far below those of the portable kernels."""
    toolchains.need_cortex_m4()
    random = np.random.default_rng(4)
    same = {"same": True, "strides": (1, 1), "dilations": (1, 1), "size": (6, 6), "extreme": False, "lowest": False}
    layers = [
        random_layer(
            random, "convolution", "pointwise", kernel=(1, 1), channels=64, outputs=64, in_pairs=True, **same
        ),
        random_layer(random, "convolution", "square", kernel=(3, 3), channels=16, outputs=16, in_pairs=True, **same),
        random_layer(random, "depthwise", "depthwise", kernel=(3, 3), channels=16, multiplier=1, **same),
        random_layer(random, "dense", "dense", outputs=32, inputs=128, **(same | {"size": 1})),
    ]
    outcomes = run_on_board(build_program(write_layers(layers), tmp_path))
    assert_right(outcomes, layers)
    most = {"pointwise": 1.1, "square": 1.6, "depthwise": 4.0, "dense": 2.2}  # a multiplication
    for layer, outcome in zip(layers, outcomes, strict=True):
        assert outcome.instructions < most[layer.name] * layer.macs, outcome
        assert outcome.instructions < outcome.instructions_portable / 2, outcome


def test_the_short_arithmetic_is_exact(tmp_path: Path) -> None:
    toolchains.need_cortex_m4()
    sources = [FOLDER / "compare_scaling.c", FOLDER / "board.c"]
    objects = compile_objects(CORTEX_M4, sources, tmp_path, "-O2")
    program = tmp_path / "program"
    link = ["-T", FOLDER / "board.ld", "-nostartfiles", "--specs=nano.specs", "--specs=nosys.specs", "-o", program]
    toolchains.run_compiler([*CORTEX_M4, *objects, *link])
    done = subprocess.run(semihosting_command(program), capture_output=True, text=True, timeout=60, check=False)
    differ, compared = map(int, done.stderr.split())
    assert differ == 0
    assert compared > 200_000


@pytest.mark.parametrize(("taps", "channels"), [(1, 1), (4, 2), (27, 8), (40, 64), (255, 7), (4608, 512)])
def test_scratch_of_a_convolution_is_the_macro(taps: int, channels: int, tmp_path: Path) -> None:
    claimed = convolution_scratch_bytes(taps, channels)
    assert_equal_in_c(f"TINYML_CONVOLUTION_SCRATCH_BYTES({taps}, {channels})", claimed, tmp_path)


@pytest.mark.parametrize(("height", "stride"), [(1, 1), (48, 1), (24, 2), (9, 3)])
def test_scratch_of_a_depthwise_convolution_is_the_macro(height: int, stride: int, tmp_path: Path) -> None:
    claimed = depthwise_scratch_bytes((3, 3), (stride, 1), (1, 1), (height, 7), 8, 8)
    assert_equal_in_c(f"TINYML_DEPTHWISE_SCRATCH_BYTES({height}, {stride})", claimed, tmp_path)


@pytest.mark.parametrize(
    ("kernel", "strides", "dilations", "channels", "outputs"),
    [((5, 1), (1, 1), (1, 1), 8, 8), ((3, 3), (1, 3), (1, 1), 8, 8), ((3, 3), (1, 1), (2, 1), 8, 8),
     ((3, 3), (1, 1), (1, 1), 3, 3), ((3, 3), (1, 1), (1, 1), 4, 8)],
)  # fmt: skip
def test_other_depthwise_convolutions_need_no_scratch(
    kernel: tuple[int, int], strides: tuple[int, int], dilations: tuple[int, int], channels: int, outputs: int
) -> None:
    assert depthwise_scratch_bytes(kernel, strides, dilations, (9, 9), channels, outputs) == 0


def assert_equal_in_c(expression: str, value: int, folder: Path) -> None:
    toolchains.need_tools("gcc", packages="gcc")
    source = folder / "equal.c"
    source.write_text(f"#include <kernels/convolution.h>\ntypedef char equal[{expression} == {value} ? 1 : -1];\n")
    compile_objects(["gcc"], [source], folder, *PORTABLE)
