"""The sketch person_detector on a Cortex-M4, its camera playing pictures: what it computes and says is Python's."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tiny_people
import toolchains
from numpy.typing import NDArray
from recordings_to_play import NANO
from simulated_boards import qemu
from test_csv_mode import read_lines

from tinyml_labs import capture, inference
from tinyml_labs.link import Board, BoardRefused
from tinyml_labs.link.messages import ErrorCode, Piece, Type
from tinyml_labs.person_classifier import (
    PersonClassifier,
    load_reference_person_classifier,
    save_person_classifier,
)
from tinyml_labs.person_export import export_person_classifier
from tinyml_labs.presence import Presence

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tflm")]

SHIFT = 4
PICTURES, ROUNDS = 24, 4
PATIENT = "INPUT_WAIT_MS=3600000"  # time there runs ahead of this computer's while it waits
SKETCH = toolchains.SKETCHES / "person_detector"


@dataclass(frozen=True, kw_only=True, eq=False)
class Expected:
    """Pictures that are played round and round, and what the classifier makes of them."""

    classifier: PersonClassifier
    played: bytes
    pictures: NDArray[np.uint8]
    scores: NDArray[np.int8]
    texts: list[str]
    """What the board says when somebody comes or goes."""


def expect(width: int, height: int) -> Expected:
    classifier = tiny_people.tiny_classifier()
    played = tiny_people.pictures(PICTURES, width, height)
    pictures = classifier.inputs(played)
    tensor = inference.load(classifier.model).inputs[0]
    inputs = inference.quantize(pictures, tensor.scale, tensor.zero_point)
    scores = np.tile(inference.run(classifier.model, inputs, "tflm"), (ROUNDS, 1))
    presence, texts = Presence(classifier.smoother), []
    for score in scores[:, 1]:
        if presence.update(score):
            average = (presence.average + 128) / 256
            texts.append(f"person {int(average * 100 + 0.5) / 100:.2f}" if presence.present else "gone")
    assert len(texts) >= 5
    return Expected(
        classifier=classifier,
        played=played.tobytes(),
        pictures=np.tile(pictures, (ROUNDS, 1, 1, 1)),
        scores=scores,
        texts=texts,
    )


@pytest.fixture(scope="module")
def expected() -> Expected:
    return expect(176, 144)


@pytest.fixture(scope="module")
def compile_sketch(expected: Expected, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Give a function that compiles the sketch with the tiny classifier, and the pictures."""
    toolchains.need_cortex_m4()
    made: dict[tuple[object, ...], Path] = {}

    def compile_once(*defines: str, plays: Expected = expected) -> Path:
        key = (*defines, id(plays))
        if key not in made:
            folder = tmp_path_factory.mktemp("person_detector")
            shutil.copytree(SKETCH, folder / "person_detector")
            export_person_classifier(plays.classifier, folder / "person_detector")
            made[key] = toolchains.compile_for_cortex_m4(
                "person_detector",
                folder,
                recording=plays.played,
                stand_ins=("camera.cpp",),
                defines=(*NANO, *defines),
                source=folder,
            )
        return made[key]

    return compile_once


def find(rows: NDArray, expected: NDArray) -> int:
    """Give where the rows are in what is expected; -1 if nowhere."""
    places = range(len(expected) - len(rows) + 1)
    return next((k for k in places if np.array_equal(expected[k : k + len(rows)], rows)), -1)


@pytest.mark.parametrize("size", ["QCIF", "QVGA"])
def test_pictures_and_scores_are_pythons_to_the_bit(
    size: str, expected: Expected, compile_sketch: Callable[..., Path]
) -> None:
    played = expected if size == "QCIF" else expect(320, 240)
    defines = () if size == "QCIF" else ("CAMERA_QVGA",)
    with qemu(compile_sketch(*defines, plays=played), shift=SHIFT) as port, Board(port, timeout_s=60) as board:
        board.require_model(played.classifier.model)
        rows = board.stream("camera", 96 * 20, progress=False)
        scores = board.stream("scores", 20, progress=False)
    assert rows.dtype == np.uint8
    assert find(rows.reshape(-1, 96, 96, 1), played.pictures) >= 0
    found = inference.quantize(scores, 1 / 256, -128)
    np.testing.assert_array_equal(inference.dequantize(found, 1 / 256, -128), scores)
    assert find(found, played.scores) >= 0


def test_a_recording_is_what_the_model_gets(
    expected: Expected, compile_sketch: Callable[..., Path], tmp_path: Path
) -> None:
    with qemu(compile_sketch(), shift=SHIFT) as port:
        recording = capture.record(
            port, sensor="camera", seconds=6, label="played", folder=tmp_path / "recordings", progress=False
        )
    assert (recording.problems, recording.gaps) == ([], [])
    assert len(recording.samples) >= 5
    assert find(recording.samples.reshape(-1, 96, 96, 1), expected.pictures) >= 0


def test_who_comes_and_goes_is_a_line_without_python_and_a_log_with_it(
    expected: Expected, compile_sketch: Callable[..., Path]
) -> None:
    with qemu(compile_sketch(), "socket", shift=SHIFT) as port:
        lines = read_lines(port, 3)
        with Board(port, timeout_s=60) as board:
            board.stream("scores", 40, progress=False)
            logs = board.logs
    for found in (lines, logs):
        assert len(found) >= 3
        assert any(expected.texts[k : k + len(found)] == found for k in range(len(expected.texts))), found


def test_the_model_answers_python_while_it_looks(expected: Expected, compile_sketch: Callable[..., Path]) -> None:
    """Inputs of 9,216 bytes come in eight pieces, and no picture spoils one."""
    inputs = np.random.default_rng(1).integers(-128, 128, (12, 96, 96, 1)).astype(np.int8)
    with qemu(compile_sketch(PATIENT), shift=SHIFT) as port, Board(port, timeout_s=60) as board:
        assert board.info.max_payload == 8 + 1152
        board.start_stream("scores")
        found = board.infer(inputs, progress=False)
        board.stop_stream()
        scores = board.stream("scores", 5, progress=False)
    np.testing.assert_array_equal(found.outputs, inference.run(expected.classifier.model, inputs, "tflm"))
    assert find(inference.quantize(scores, 1 / 256, -128), expected.scores) >= 0


def test_an_input_that_is_never_finished_does_not_stop_it(compile_sketch: Callable[..., Path]) -> None:
    """The host falls silent in the middle; pictures go on, and the next piece is refused."""

    def send(board: Board, at: int, answer: Type) -> None:
        piece = Piece(offset=at, total=9216, data=bytes(1152)).pack_infer()
        board._connection.request(Type.INFER, piece, answer=answer)

    with qemu(compile_sketch(), shift=SHIFT) as port, Board(port, timeout_s=60) as board:
        send(board, 0, Type.DONE)
        board.stream("scores", 8, progress=False)
        with pytest.raises(BoardRefused, match="I have 0; this piece begins at 1152 of 9216") as refused:
            send(board, 1152, Type.DONE)
        assert refused.value.code == ErrorCode.BAD_REQUEST


def test_it_describes_itself_as_the_virtual_board_does(
    expected: Expected, compile_sketch: Callable[..., Path], tmp_path: Path
) -> None:
    settings = save_person_classifier(tmp_path / "person.json", expected.classifier)
    with qemu(compile_sketch(), shift=SHIFT) as port, Board(port, timeout_s=60) as board:
        found = board.info
    with Board(f"virtual://?detector={settings}") as board:
        virtual = board.info
    assert found.firmware == "person_detector"
    assert [str(sensor) for sensor in found.sensors] == [str(sensor) for sensor in virtual.sensors]


def test_scores_for_the_serial_plotter(expected: Expected, compile_sketch: Callable[..., Path]) -> None:
    with qemu(compile_sketch("CSV_MODE"), "socket", shift=SHIFT) as port:
        lines = read_lines(port, 15)
    real = inference.dequantize(expected.scores, 1 / 256, -128)
    written = [",".join(f"{value:.2f}" for value in row) for row in real]
    assert any(written[k : k + len(lines)] == lines for k in range(len(written)))


def test_pictures_that_nobody_had_time_for_are_counted(
    expected: Expected, compile_sketch: Callable[..., Path]
) -> None:
    """To send a picture at 19,200 baud takes five seconds: whole ones come, and between them some are lost."""
    with (
        qemu(compile_sketch("SHIM_PACED_UART=19200"), shift=SHIFT) as port,
        Board(port, timeout_s=60) as board,
    ):
        board.start_stream("camera", 0)
        rows: dict[int, NDArray[np.uint8]] = {}
        deadline = time.monotonic() + 60
        while len(rows) < 4 * 96 and time.monotonic() < deadline:
            for frame in board.read_stream():
                first = int.from_bytes(frame.payload[1:5], "little")
                values = np.frombuffer(frame.payload[9:], np.uint8).reshape(-1, 96)
                rows.update(zip(range(first, first + len(values)), values, strict=True))
        board.stop_stream()
    numbers = sorted({number // 96 for number in rows})
    assert len(numbers) >= 4 and numbers[-1] > len(numbers)
    for number in numbers[:4]:
        picture = np.stack([rows[number * 96 + k] for k in range(96)])
        assert find(picture.reshape(1, 96, 96, 1), expected.pictures) >= 0


def test_without_a_camera_it_says_so(compile_sketch: Callable[..., Path]) -> None:
    with qemu(compile_sketch("FITTED_CAMERA=0"), "socket", shift=SHIFT) as port:
        lines = read_lines(port, 2)
        with Board(port, timeout_s=60) as board, pytest.raises(BoardRefused, match="no camera found"):
            board.stream("scores", 3, progress=False)
    assert all(line.startswith("no camera found") for line in lines)


def test_the_reference_fits_and_runs(tmp_path: Path) -> None:
    """The sketch as it is committed, its model compiled."""
    toolchains.need_cortex_m4()
    pictures = tiny_people.pictures(5)
    program = toolchains.compile_for_cortex_m4(
        "person_detector",
        tmp_path,
        recording=pictures.tobytes(),
        stand_ins=("camera.cpp",),
        defines=(*NANO, PATIENT),
    )
    sizes = toolchains.run_compiler(["arm-none-eabi-size", program]).splitlines()[1].split()
    assert int(sizes[1]) + int(sizes[2]) < 160 * 1024  # of 256 KB, with room for the core
    arena = re.search(r"ARENA_BYTES (\d+)", (SKETCH / "person_model.h").read_text())
    assert arena and f"| {int(arena[1]):,} |" in (toolchains.SKETCHES / "README.md").read_text()  # its account
    reference = load_reference_person_classifier()
    inputs = np.random.default_rng(2).integers(-128, 128, (3, 96, 96, 1)).astype(np.int8)
    with qemu(program, shift=SHIFT) as port, Board(port, timeout_s=60) as board:
        board.require_model(reference.model)
        found = board.infer(inputs, progress=False).outputs
        scores = board.stream("scores", 10, progress=False)
    np.testing.assert_array_equal(found, inference.run(reference.model, inputs, "tflm"))
    tensor = inference.load(reference.model).inputs[0]
    seen = inference.quantize(reference.inputs(pictures), tensor.scale, tensor.zero_point)
    expected = np.tile(inference.run(reference.model, seen, "tflm"), (3, 1))
    assert find(inference.quantize(scores, 1 / 256, -128), expected) >= 0


def test_the_other_engine_runs_where_a_stand_in_is_the_runtime(tmp_path: Path) -> None:
    """The stand-in for a library of TensorFlow Lite Micro gives back the first bytes of its input."""
    toolchains.need_cortex_m4()
    (tmp_path / "tflm").mkdir()
    (tmp_path / "tflm" / "src").symlink_to(toolchains.TFLM_STAND_IN)
    shutil.copytree(SKETCH, tmp_path / "person_detector")
    reference = load_reference_person_classifier()
    export_person_classifier(reference, tmp_path / "person_detector", engine="tflm", arena_bytes=83968)
    pictures = tiny_people.pictures(5)
    program = toolchains.compile_for_cortex_m4(
        "person_detector",
        tmp_path,
        recording=pictures.tobytes(),
        stand_ins=("camera.cpp",),
        defines=(*NANO, PATIENT),
        source=tmp_path,
        libraries=[tmp_path / "tflm"],
    )
    inputs = np.random.default_rng(2).integers(-128, 128, (3, 96, 96, 1)).astype(np.int8)
    with qemu(program, shift=SHIFT) as port, Board(port, timeout_s=60) as board:
        board.require_model(reference.model)
        found = board.infer(inputs, progress=False).outputs
        scores = board.stream("scores", 10, progress=False)
    np.testing.assert_array_equal(found, inputs.reshape(3, -1)[:, :2])
    first = np.tile(reference.inputs(pictures).reshape(5, -1)[:, :2], (3, 1)) / np.float32(256)
    assert find(scores, first) >= 0


def test_the_committed_settings_are_those_of_the_reference_classifier(tmp_path: Path) -> None:
    """If not: python arduino_sketches/person_detector/make_settings.py."""
    for made in export_person_classifier(load_reference_person_classifier(), tmp_path):
        assert (SKETCH / made.name).read_text() == made.read_text()
