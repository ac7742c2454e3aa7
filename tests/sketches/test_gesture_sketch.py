"""The sketch gesture_classifier on a Cortex-M4, its IMU playing a sitting: what it computes and says is Python's.

An instruction takes 32 ns here, so that a window takes 26 ms and the next samples come meanwhile: none may be lost.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import toolchains
from gesture_expectations import ROUNDS, TOLERANCE, Expected, expect, quantized
from numpy.typing import NDArray
from recordings_to_play import NANO
from simulated_boards import qemu
from test_csv_mode import read_lines
from tiny_gestures import sitting, tiny_classifier

from tinyml_labs import inference
from tinyml_labs.features import motion_features
from tinyml_labs.gesture_classifier import GestureClassifier, load_reference_classifier
from tinyml_labs.gesture_export import export_gesture_classifier
from tinyml_labs.link import Board, BoardRefused
from tinyml_labs.link.messages import Samples
from tinyml_labs.model_file import read_model
from tinyml_labs.streaming import stream_predict

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tflm")]

SHIFT = 5  # 31 million instructions a second; a Nano 33 BLE has 64 million cycles


@dataclass(frozen=True, kw_only=True)
class Imu:
    """An IMU to fit: its rate, how to compile the sketch for it, and what its stand-in gets."""

    rate_hz: float
    define: str
    stand_in: str = "imu.cpp"
    raw: Callable[[NDArray[np.float32]], NDArray[np.generic]] = lambda samples: samples.astype("<f4")
    measured: Callable[[NDArray[np.float32]], NDArray[np.float32]] = lambda samples: samples


def registers(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """An MPU-6050's: acceleration, temperature, rotation."""
    counts = (samples * (32768 / np.float32([4] * 3 + [2000] * 3))).clip(-32768, 32767)
    return np.insert(counts, 3, 0, axis=1).astype(">i2")


def converted(samples: NDArray[np.float32]) -> NDArray[np.uint16]:
    """An ADXL335's three voltages, read by the board's converter."""
    return (samples[:, :3] * 102.4 + 511.5).round().clip(0, 1023).astype("<u2")


LSM9DS1 = Imu(rate_hz=119.0, define="FITTED_LSM9DS1=1")
BMI270 = Imu(rate_hz=99.84, define="FITTED_BMI270=1")
MPU6050 = Imu(
    rate_hz=100.0,
    define="USE_MPU6050",
    stand_in="Wire.cpp",
    raw=registers,
    measured=lambda samples: registers(samples)[:, [0, 1, 2]].astype(np.float32) * np.float32(4 / 32768),
)
ADXL335 = Imu(
    rate_hz=119.0,
    define="USE_ADXL335",
    stand_in="analog.cpp",
    raw=converted,
    measured=lambda samples: (converted(samples).astype(np.float32) - np.float32(511.5)) / np.float32(102.4),
)


@pytest.fixture(scope="module")
def compile_sketch(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Give a function that compiles the sketch, with a classifier of its own and what the IMU plays."""
    toolchains.need_cortex_m4()
    made: dict[tuple, Path] = {}

    def compile_once(
        classifier: GestureClassifier, samples: NDArray[np.float32], *defines: str, imu: Imu = LSM9DS1
    ) -> Path:
        key = (classifier.model, len(samples), imu, defines)
        if key not in made:
            folder = tmp_path_factory.mktemp("gesture_classifier")
            sketch = folder / "gesture_classifier"
            shutil.copytree(toolchains.SKETCHES / "gesture_classifier", sketch)
            export_gesture_classifier(classifier, sketch)
            made[key] = toolchains.compile_for_cortex_m4(
                "gesture_classifier",
                folder,
                recording=imu.raw(samples).tobytes(),
                stand_ins=(imu.stand_in,),
                defines=(*NANO, imu.define, *defines),
                source=folder,
            )
        return made[key]

    return compile_once


@pytest.fixture(scope="module")
def expected() -> Expected:
    """The classifier that the sketch comes with, and a sitting."""
    return expect(load_reference_classifier(), sitting().samples)


def assert_no_sample_was_lost(board: Board) -> None:
    assert [text for text in board.logs if "lost" in text] == []


@pytest.mark.parametrize("channels", [3, 6])
def test_features_and_scores_are_pythons(channels: int, compile_sketch: Callable[..., Path]) -> None:
    """With random weights, so that every score is another."""
    expected = expect(tiny_classifier(channels), sitting().samples)
    with (
        qemu(compile_sketch(expected.classifier, expected.samples), shift=SHIFT) as port,
        Board(port, timeout_s=60) as board,
    ):
        board.require_model(expected.classifier.model)
        features = board.stream("features", 40, progress=False)
        scores = board.stream("scores", 40, progress=False)
        assert_no_sample_was_lost(board)
    at = expected.find(features)
    np.testing.assert_allclose(features, expected.features[at], rtol=0, atol=TOLERANCE)

    found = inference.quantize(scores, 1 / 256, -128)
    np.testing.assert_array_equal(inference.dequantize(found, 1 / 256, -128), scores)
    starts = [k for k in range(at.stop, at.stop + 20) if np.array_equal(expected.scores[k], found[0])]
    later = slice(starts[0], starts[0] + len(found))
    sure = expected.sure[later]
    np.testing.assert_array_equal(found[sure], expected.scores[later][sure])
    assert sure.mean() > 0.25  # wherever these 40 windows fall in the sitting, at least 0.4 of them are


def test_the_model_answers_python_too(expected: Expected, compile_sketch: Callable[..., Path]) -> None:
    tensor = inference.load(expected.classifier.model).inputs[0]
    inputs = np.random.default_rng(1).integers(-128, 128, (300, *tensor.shape[1:])).astype(np.int8)
    with (
        qemu(compile_sketch(expected.classifier, expected.samples), shift=SHIFT) as port,
        Board(port, timeout_s=60) as board,
    ):
        found = board.infer(inputs, progress=False)
    np.testing.assert_array_equal(found.outputs, inference.run(expected.classifier.model, inputs, "tflm"))


def test_samples_of_the_board_through_its_own_model(expected: Expected, compile_sketch: Callable[..., Path]) -> None:
    """The board measures, Python cuts windows and computes features, and the board's model gives the scores."""
    classifier = expected.classifier
    with qemu(compile_sketch(classifier, expected.samples), shift=SHIFT) as port, Board(port, timeout_s=60) as board:
        live = stream_predict(
            board, board, window=classifier.window, features=classifier.inputs, smoother=classifier.smoother,
            labels=classifier.labels, seconds=12, progress=False,
        )  # fmt: skip
    assert (live.model_sha256, live.gaps) == (read_model(classifier.model).sha256, ())
    played = np.tile(expected.samples[:, :3], (2, 1))
    windows = np.lib.stride_tricks.sliding_window_view(played, classifier.window.length, axis=0)
    windows = windows[: len(expected.samples)].transpose(0, 2, 1)
    scores = inference.run(classifier.model, quantized(classifier, motion_features(windows, classifier.features)))
    steps = np.arange(len(live.outputs)) * classifier.window.stride
    assert any(np.array_equal(scores[(k + steps) % len(scores)], live.outputs) for k in range(len(scores)))


def assert_part_of(found: list[str], texts: list[str]) -> None:
    assert len(found) >= 3
    assert any(texts[k : k + len(found)] == found for k in range(len(texts))), (found, texts)


def test_events_are_lines_without_python_and_logs_with_it(
    expected: Expected, compile_sketch: Callable[..., Path]
) -> None:
    with qemu(compile_sketch(expected.classifier, expected.samples), "socket", shift=SHIFT) as port:
        lines = read_lines(port, 5)
        with Board(port, timeout_s=60) as board:
            board.stream("scores", 110, progress=False)
            logs = board.logs
            assert_no_sample_was_lost(board)
    assert_part_of(lines, expected.texts)
    assert_part_of(logs, expected.texts)


@pytest.mark.parametrize("imu", [LSM9DS1, BMI270, MPU6050, ADXL335], ids=lambda imu: imu.define)
def test_the_model_gets_its_rate_from_every_imu(imu: Imu, compile_sketch: Callable[..., Path]) -> None:
    """A straight line between two samples of an IMU at another rate; at the model's rate they stay what they are."""
    classifier, samples = tiny_classifier(), sitting(5, imu.rate_hz).samples
    with qemu(compile_sketch(classifier, samples, imu=imu), shift=SHIFT) as port, Board(port, timeout_s=60) as board:
        found = board.stream("imu", 500, progress=False)
        info = board.sensor("imu")
        assert_no_sample_was_lost(board)
    assert (info.rate_hz, info.names) == (119, ("accX", "accY", "accZ"))
    played = np.tile(imu.measured(samples)[:, :3], (ROUNDS, 1)).astype(np.float64)
    differences = []
    for first in range(15):  # an MPU-6050 is awake a tenth of a second before the sketch reads it
        times = first + np.arange(len(played) * 119 // imu.rate_hz) * imu.rate_hz / 119
        lines = np.stack([np.interp(times, np.arange(len(played)), column) for column in played.T], axis=1)
        begins = np.abs(lines[:-500] - found[0]).max(axis=1)  # coarse counts: the first sample comes more than once
        for start in np.flatnonzero(begins <= begins.min() + 1e-6):
            differences.append(np.abs(found - lines[start : start + 500].astype(np.float32)).max())
    assert min(differences) <= (0 if imu.rate_hz == 119 else 1e-5)


def test_a_model_with_rotation_needs_a_gyroscope(compile_sketch: Callable[..., Path]) -> None:
    with pytest.raises(pytest.fail.Exception, match="this IMU has no gyroscope: export a model with channels=3"):
        compile_sketch(tiny_classifier(6), sitting().samples, imu=ADXL335)


def test_an_uno_is_too_small() -> None:
    toolchains.need_avr()
    sketch = toolchains.SKETCHES / "gesture_classifier" / "gesture_classifier.ino"
    command = [
        "avr-g++",
        "-mmcu=atmega328p",
        "-fsyntax-only",
        f"-I{toolchains.LIBRARIES}/TinyMLLabs/src",
        "-x",
        "c++",
    ]
    with pytest.raises(pytest.fail.Exception, match="gesture_classifier needs 16 KB of RAM"):
        toolchains.run_compiler([*command, sketch])


def test_scores_for_the_serial_plotter(expected: Expected, compile_sketch: Callable[..., Path]) -> None:
    program = compile_sketch(expected.classifier, expected.samples, "CSV_MODE")
    with qemu(program, "socket", shift=SHIFT) as port:
        lines = read_lines(port, 30)
    found = [tuple(line.split(",")) for line in lines]
    real = inference.dequantize(expected.scores, 1 / 256, -128)
    written = [tuple(f"{value:.2f}" for value in row) for row in real]
    assert any(written[k : k + len(found)] == found for k in range(len(written)))


def test_without_an_imu_it_says_so(compile_sketch: Callable[..., Path]) -> None:
    program = compile_sketch(tiny_classifier(), sitting().samples, imu=Imu(rate_hz=0, define="FITTED_LSM9DS1=0"))
    with qemu(program, "socket", shift=SHIFT) as port:
        lines = read_lines(port, 2)
        with Board(port, timeout_s=60) as board, pytest.raises(BoardRefused, match="no IMU found"):
            board.stream("scores", 3, progress=False)
    assert all(line.startswith("no IMU found: ") for line in lines)


def test_lost_samples_begin_the_windows_anew(compile_sketch: Callable[..., Path]) -> None:
    """To write a frame at 1,200 baud takes longer than the IMU waits. No window has a gap in it."""
    classifier, samples = tiny_classifier(), sitting().samples
    rows: list[NDArray[np.float32]] = []
    with (
        qemu(compile_sketch(classifier, samples, "SHIM_PACED_UART=1200"), shift=SHIFT) as port,
        Board(port, timeout_s=30) as board,
    ):
        board.start_stream("features", 0)
        deadline = time.monotonic() + 60
        while len(rows) < 6 and time.monotonic() < deadline:
            for frame in board.read_stream():
                rows += [np.frombuffer(Samples.unpack(frame.payload).data, "<f4").reshape(-1, 38)]
        board.stop_stream()
        logs = board.logs
    assert any(re.fullmatch(r"\d+ samples lost: no event until windows are whole", text) for text in logs)
    played = np.tile(samples[:, :3], (2, 1))
    whole = np.lib.stride_tricks.sliding_window_view(played, classifier.window.length, axis=0)[: len(samples)]
    features = motion_features(whole.transpose(0, 2, 1), classifier.features)
    for row in np.concatenate(rows):
        assert np.abs(features - row).max(axis=1).min() < TOLERANCE  # some window of the recording, without a gap


def test_the_committed_settings_are_those_of_the_reference_classifier(tmp_path: Path) -> None:
    """If not: python arduino_sketches/gesture_classifier/make_settings.py."""
    for made in export_gesture_classifier(load_reference_classifier(), tmp_path):
        committed = toolchains.SKETCHES / "gesture_classifier" / made.name
        assert committed.read_text() == made.read_text()
