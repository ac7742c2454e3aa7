"""The sketch keyword_spotter on a Cortex-M4, its microphone playing a room: what it computes and says is Python's.

An instruction takes 16 ns here; the front end takes about 8 million a second, so that no sound may be lost.
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
import tiny_keywords
import toolchains
from front_end_library import front_end_library
from numpy.typing import NDArray
from recordings_to_play import NANO
from simulated_boards import qemu
from test_csv_mode import read_lines

from tinyml_labs import inference
from tinyml_labs.features import cut_windows, spectrogram, to_real
from tinyml_labs.keyword_classifier import (
    KeywordClassifier,
    load_reference_keyword_classifier,
    save_keyword_classifier,
)
from tinyml_labs.keyword_export import export_keyword_classifier
from tinyml_labs.link import Board, BoardRefused
from tinyml_labs.link.messages import Samples
from tinyml_labs.smoothing import smooth_scores

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tflm")]

SHIFT = 4
SECONDS, ROUNDS = 12, 4
SKETCH = toolchains.SKETCHES / "keyword_spotter"


@dataclass(frozen=True, kw_only=True, eq=False)
class Expected:
    """A room that is played round and round, and what the classifier makes of it."""

    classifier: KeywordClassifier
    sound: NDArray[np.int16]
    frames: NDArray[np.uint16]
    scores: NDArray[np.int8]
    texts: list[str]
    """What the board says of each event: label and averaged probability."""


@pytest.fixture(scope="module")
def expected() -> Expected:
    classifier = tiny_keywords.tiny_classifier()
    sound = tiny_keywords.room(SECONDS)
    frames = spectrogram(np.tile(sound, ROUNDS), classifier.spectrogram)
    a_round = len(sound) // 320
    # The front end's memory is shorter than a round, so that from the second on all is the same again.
    np.testing.assert_array_equal(frames[2 * a_round : 3 * a_round], frames[a_round : 2 * a_round])
    windows, _ = cut_windows(to_real(frames), classifier.window)
    tensor = inference.load(classifier.model).inputs[0]
    inputs = inference.quantize(windows, tensor.scale, tensor.zero_point)
    scores = inference.run(classifier.model, inputs.reshape(-1, *tensor.shape[1:]), "tflm")
    events = smooth_scores(scores, classifier.smoother)
    width, texts = classifier.smoother.average_windows, []
    for window in np.flatnonzero(events >= 0):
        average = scores[window - width + 1 : window + 1, events[window]].astype(np.float64).mean()
        percent = int((average + 128) / 256 * 100 + 0.5)
        texts.append(f"{classifier.labels[events[window]]} {percent // 100}.{percent % 100:02d}")
    return Expected(classifier=classifier, sound=sound, frames=frames, scores=scores, texts=texts)


@pytest.fixture(scope="module")
def compile_sketch(expected: Expected, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Give a function that compiles the sketch with the tiny classifier, and the room."""
    toolchains.need_cortex_m4()
    made: dict[tuple[str, ...], Path] = {}

    def compile_once(*defines: str) -> Path:
        if defines not in made:
            folder = tmp_path_factory.mktemp("keyword_spotter")
            shutil.copytree(SKETCH, folder / "keyword_spotter")
            export_keyword_classifier(expected.classifier, folder / "keyword_spotter")
            made[defines] = toolchains.compile_for_cortex_m4(
                "keyword_spotter",
                folder,
                recording=expected.sound.astype("<i2").tobytes(),
                stand_ins=("PDM.cpp",),
                defines=(*NANO, *defines),
                source=folder,
                libraries=[front_end_library()],
            )
        return made[defines]

    return compile_once


def find(rows: NDArray, expected: NDArray) -> int:
    """Give where the rows are in what is expected; -1 if nowhere."""
    places = np.flatnonzero((expected[: len(expected) - len(rows) + 1] == rows[0]).all(axis=1))
    return next((int(k) for k in places if np.array_equal(expected[k : k + len(rows)], rows)), -1)


def assert_no_sound_was_lost(board: Board) -> None:
    assert [text for text in board.logs if "lost" in text] == []


def test_frames_and_scores_are_pythons_to_the_bit(expected: Expected, compile_sketch: Callable[..., Path]) -> None:
    with qemu(compile_sketch(), shift=SHIFT) as port, Board(port, timeout_s=60) as board:
        board.require_model(expected.classifier.model)
        frames = board.stream("spectrogram", 300, progress=False)
        scores = board.stream("scores", 60, progress=False)
        assert_no_sound_was_lost(board)
    assert frames.dtype == np.uint16
    assert find(frames, expected.frames) >= 0
    found = inference.quantize(scores, 1 / 256, -128)
    np.testing.assert_array_equal(inference.dequantize(found, 1 / 256, -128), scores)
    assert find(found, expected.scores) >= 0


def test_the_sound_itself_goes_through(expected: Expected, compile_sketch: Callable[..., Path]) -> None:
    with qemu(compile_sketch(), shift=SHIFT) as port, Board(port, timeout_s=60) as board:
        sound = board.stream("microphone", 16000, progress=False)[:, 0]
    played = np.tile(expected.sound, 2).tobytes()
    assert played.find(sound.astype("<i2").tobytes()) % 2 == 0


def test_events_are_lines_without_python_and_logs_with_it(
    expected: Expected, compile_sketch: Callable[..., Path]
) -> None:
    with qemu(compile_sketch(), "socket", shift=SHIFT) as port:
        lines = read_lines(port, 3)
        with Board(port, timeout_s=60) as board:
            board.stream("scores", 150, progress=False)
            logs = board.logs
            assert_no_sound_was_lost(board)
    for found in (lines, logs):
        assert len(found) >= 3
        assert any(expected.texts[k : k + len(found)] == found for k in range(len(expected.texts))), found


def test_the_model_answers_python_while_it_listens(expected: Expected, compile_sketch: Callable[..., Path]) -> None:
    tensor = inference.load(expected.classifier.model).inputs[0]
    inputs = np.random.default_rng(1).integers(-128, 128, (30, *tensor.shape[1:])).astype(np.int8)
    with qemu(compile_sketch(), shift=SHIFT) as port, Board(port, timeout_s=60) as board:
        found = board.infer(inputs, progress=False)
    np.testing.assert_array_equal(found.outputs, inference.run(expected.classifier.model, inputs, "tflm"))


def test_it_describes_itself_as_the_virtual_board_does(
    expected: Expected, compile_sketch: Callable[..., Path], tmp_path: Path
) -> None:
    settings = save_keyword_classifier(tmp_path / "keywords.json", expected.classifier)
    with qemu(compile_sketch(), shift=SHIFT) as port, Board(port, timeout_s=60) as board:
        found = board.info
    with Board(f"virtual://?spotter={settings}") as board:
        virtual = board.info
    assert found.firmware == "keyword_spotter"
    assert [str(sensor) for sensor in found.sensors] == [str(sensor) for sensor in virtual.sensors]


def test_scores_for_the_serial_plotter(expected: Expected, compile_sketch: Callable[..., Path]) -> None:
    with qemu(compile_sketch("CSV_MODE"), "socket", shift=SHIFT) as port:
        lines = read_lines(port, 30)
    real = inference.dequantize(expected.scores, 1 / 256, -128)
    written = [",".join(f"{value:.2f}" for value in row) for row in real]
    assert any(written[k : k + len(lines)] == lines for k in range(len(written)))


def test_lost_sound_begins_the_windows_anew(expected: Expected, compile_sketch: Callable[..., Path]) -> None:
    """To write a frame at 4,800 baud takes longer than the sound waits."""
    rows: list[NDArray[np.uint16]] = []
    with (
        qemu(compile_sketch("SHIM_PACED_UART=4800"), shift=SHIFT) as port,
        Board(port, timeout_s=30) as board,
    ):
        board.start_stream("spectrogram", 0)
        deadline = time.monotonic() + 60
        while len(rows) < 20 and time.monotonic() < deadline:
            for frame in board.read_stream():
                rows += [np.frombuffer(Samples.unpack(frame.payload).data, "<u2").reshape(-1, 40)]
        board.stop_stream()
        logs = board.logs
    assert any(re.fullmatch(r"\d+ samples lost: no event until windows are whole", text) for text in logs)
    assert len(rows) >= 20
    played = np.tile(expected.sound, 2)
    firsts = {spectrogram(played[at : at + 480])[0].tobytes() for at in range(0, len(expected.sound), 256)}
    assert sum(row.tobytes() in firsts for row in np.concatenate(rows)) >= 3  # of a fresh front end, after a gap


def test_without_a_microphone_it_says_so(compile_sketch: Callable[..., Path]) -> None:
    with qemu(compile_sketch("FITTED_MICROPHONE=0"), "socket", shift=SHIFT) as port:
        lines = read_lines(port, 2)
        with Board(port, timeout_s=60) as board, pytest.raises(BoardRefused, match="the microphone does not start"):
            board.stream("scores", 3, progress=False)
    assert all(line.startswith("the microphone does not start: ") for line in lines)


def test_the_committed_settings_are_those_of_the_reference_classifier(tmp_path: Path) -> None:
    """If not: python arduino_sketches/keyword_spotter/make_settings.py."""
    for made in export_keyword_classifier(load_reference_keyword_classifier(), tmp_path):
        assert (SKETCH / made.name).read_text() == made.read_text()
