"""The compiled model on an emulated Cortex-M4: its layers, and a constant that is wrong, found in its layer."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parents[1]
sys.path[:0] = [str(HERE / "deploy"), str(HERE / "sketches")]

import toolchains  # noqa: E402
from cortex_m4 import compile_folder  # noqa: E402
from simulated_boards import qemu  # noqa: E402

from tinyml_labs.deploy import deploy  # noqa: E402
from tinyml_labs.keyword_classifier import load_reference_keyword_classifier  # noqa: E402
from tinyml_labs.layer_outputs import layer_outputs  # noqa: E402
from tinyml_labs.link import Board, BoardRefused  # noqa: E402
from tinyml_labs.replay import replay  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tflm")]

MODEL = load_reference_keyword_classifier().model
INPUTS = np.random.default_rng(3).integers(-128, 128, (3, 49, 40, 1)).astype(np.int8)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Give a function that deploys the keyword model into model_runner, and compiles it, changed if asked."""
    toolchains.need_cortex_m4()

    def make(change: Callable[[str], str] = str, *, taps: bool = True) -> Path:
        folder = tmp_path_factory.mktemp("deployed")
        made = deploy(MODEL, sketch="model_runner", directory=folder, taps=taps)
        source = made.folder / "runner_model.c"
        source.write_text(change(source.read_text()))
        return compile_folder(made.folder, folder / "build").elf

    return make


def test_every_layer_has_the_bytes_of_tflm(program: Callable[..., Path]) -> None:
    with qemu(program(), shift=4) as port, Board(port, timeout_s=60) as board:
        report = replay(INPUTS, board, model=MODEL)
        trace = board.infer_layers(INPUTS[0])
    assert report.equal and report.bytes_compared == 12
    assert np.ptp(report.microseconds) < 0.05 * report.median_us  # its clock counts instructions
    for layer in layer_outputs(MODEL, INPUTS[0]):
        assert trace.layers[layer.index] == layer.raw, layer.op


def test_a_wrong_multiplier_is_found_in_its_layer(program: Callable[..., Path]) -> None:
    """One number of one channel, a per cent off; the firmware still says that it has this model."""
    layer = 3

    def change(source: str) -> str:
        pattern = rf"(layer{layer}_multipliers\[\d+\] = \{{[^\d]*)(\d+)"
        assert len(re.findall(pattern, source)) == 1
        return re.sub(pattern, lambda found: f"{found[1]}{int(int(found[2]) * 0.97)}", source)

    with qemu(program(change), shift=4) as port, Board(port, timeout_s=60) as board:
        report = replay(INPUTS, board, model=MODEL)
        layers = board.infer_layers(INPUTS[0]).layers
    assert not report.equal
    assert report.divergence is not None and report.divergence.layer == layer
    assert layers[layer - 1] == layer_outputs(MODEL, INPUTS[0])[layer - 1].raw


def test_without_taps_the_outputs_are_compared_all_the_same(program: Callable[..., Path]) -> None:
    def change(source: str) -> str:
        return re.sub(r"(layer10_biases\[\d+\] = \{[^\d]*)(-?\d+)", r"\g<1>99999", source)

    with qemu(program(change, taps=False), shift=4) as port, Board(port, timeout_s=60) as board:
        with pytest.raises(BoardRefused, match="does not show its layers"):
            board.infer_layers(INPUTS[0])
        report = replay(INPUTS, board, model=MODEL)
    assert not report.equal and report.divergence is None
    assert "Deploy it with taps" in report.layers_note and "Deploy it with taps" in str(report)
