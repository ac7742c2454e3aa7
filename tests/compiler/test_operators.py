"""Every operator against TensorFlow Lite Micro, to the byte: random shapes, strides, paddings, scales."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from networks import MAKERS, build_network

from tinyml_labs.compiler import compile_model, supported_ops
from tinyml_labs.compiler.check import compare
from tinyml_labs.compiler.host_program import HostProgram, build_program

SEEDS = range(int(os.environ.get("TINYML_LABS_DEEP", "1")))  # more branches of each operator
CASES = [(op, seed) for op in MAKERS for seed in SEEDS]


@pytest.fixture(scope="module")
def program(tflm: None) -> Iterator[HostProgram]:
    """All networks in one program, with the sanitizers that find what is undefined in C."""
    models = [
        compile_model(build_network(op, seed), name=f"{re.sub('[^a-z0-9]+', '_', op.lower())}_{seed}")
        for op, seed in CASES
    ]
    strict = ("-O1", "-Wall", "-Wextra", "-Werror", "-pedantic", "-ffp-contract=off")
    sanitized = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    with build_program(models, compiler="gcc", flags=(*strict, *sanitized)) as built:
        yield built


@pytest.mark.slow
@pytest.mark.parametrize("case", range(len(CASES)), ids=[f"{op}-{seed}" for op, seed in CASES])
def test_operator_gives_the_bytes_of_tflm(program: HostProgram, case: int) -> None:
    op, seed = CASES[case]
    report = compare(program, case, build_network(op, seed), samples=24, seed=seed)
    assert report.bytes_compared > 100
    assert report.equal, str(report)


def test_every_operator_has_a_network() -> None:
    assert set(supported_ops()) == {op.split()[0] for op in MAKERS} | {"PADV2"}
