"""The sketch model_runner on a Cortex-M4 in QEMU and on an Uno in simavr: the same bytes as TensorFlow Lite Micro."""

from pathlib import Path

import numpy as np
import pytest
import simulated_boards
import toolchains

from tinyml_labs import datasets, inference
from tinyml_labs.link import Board

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tflm")]

EVERY_INPUT = np.arange(-128, 128, dtype=np.int8).reshape(256, 1)


def assert_bytes_of_tflm(port: str) -> None:
    model = datasets.load_reference_model("sine")
    with Board(port, timeout_s=20) as board:
        board.require_model(model)
        found = board.infer(EVERY_INPUT)
        assert board.damaged_frames == board.lost_frames == 0
    np.testing.assert_array_equal(found.outputs, inference.run(model, EVERY_INPUT, "tflm"))
    assert found.microseconds.min() > 0


def test_on_a_cortex_m4(tmp_path: Path) -> None:
    toolchains.need_cortex_m4()
    with simulated_boards.qemu(toolchains.compile_for_cortex_m4("model_runner", tmp_path)) as port:
        assert_bytes_of_tflm(port)


@pytest.mark.parametrize("sketch", ["model_runner", "hello_world"])
def test_on_an_uno(sketch: str, tmp_path: Path, avr_board: Path) -> None:
    compiled = toolchains.compile_for_uno(sketch, tmp_path)
    assert compiled.warnings == []
    assert 2048 - compiled.ram_bytes >= 512  # for the stack
    with simulated_boards.simavr(avr_board, compiled.program, tmp_path, counts=np.zeros((1, 1))) as port:
        assert_bytes_of_tflm(port)


def test_hello_world_breathes(tmp_path: Path) -> None:
    """What it streams is x, in steps, and what the model makes of it; then it begins again."""
    toolchains.need_cortex_m4()
    model = inference.load(datasets.load_reference_model("sine"), "tflm")
    with (
        simulated_boards.qemu(toolchains.compile_for_cortex_m4("hello_world", tmp_path)) as port,
        Board(port, timeout_s=20) as board,
    ):
        x, y = board.stream("sine", 700, progress=False).T
    steps = np.diff(x)
    begins = np.flatnonzero(steps < 0)
    assert len(begins) >= 2 and x.min() >= 0 and 6.25 < x.max() < 6.2832
    np.testing.assert_allclose(np.delete(steps, begins), 0.02, atol=1e-5)
    np.testing.assert_array_equal(y, model.predict(x.reshape(-1, 1))[:, 0])
    assert np.abs(y - np.sin(x)).max() < 0.15


def test_the_mlperf_commands_fit_an_uno(tmp_path: Path) -> None:
    toolchains.need_avr()
    compiled = toolchains.compile_for_uno("model_runner", tmp_path, defines=("DIALECT_MLPERF",))
    assert compiled.warnings == []
    assert 2048 - compiled.ram_bytes >= 1024
