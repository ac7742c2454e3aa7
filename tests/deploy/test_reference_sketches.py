"""The labs' sketches as they are deployed, whole, on a Cortex-M4: the models compiled, their events Python's.

(The gesture classifier's is in tests/sketches/test_gesture_sketch.py: the reference, and every IMU.)
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "sketches"))

import toolchains
from cortex_m4 import NANO, compile_folder
from numpy.typing import NDArray
from simulated_boards import qemu

from tinyml_labs import inference
from tinyml_labs.datasets import load_keywords, load_photographs
from tinyml_labs.deploy import deploy
from tinyml_labs.keyword_classifier import load_reference_keyword_classifier
from tinyml_labs.link import Board
from tinyml_labs.person_classifier import load_reference_person_classifier
from tinyml_labs.presence import Presence
from tinyml_labs.recorded_inputs import recorded_inputs
from tinyml_labs.smoothing import smooth_scores
from tinyml_labs.sound_streams import make_stream

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tflm")]

FAST = 2  # 250 million instructions a second: nothing is lost, however this computer is loaded
SECONDS, ROUNDS = 12, 12


def assert_part_of(found: list[str], texts: list[str], least: int) -> None:
    assert len(found) >= least, found
    assert any(texts[k : k + len(found)] == found for k in range(len(texts))), (found, texts)


def assert_rows_of(found: NDArray, expected: NDArray) -> None:
    places = range(len(expected) - len(found) + 1)
    assert any(np.array_equal(expected[k : k + len(found)], found) for k in places)


def test_spoken_words_are_heard_as_python_hears_them(tmp_path: Path) -> None:
    toolchains.need_cortex_m4()
    classifier, clips = load_reference_keyword_classifier(), load_keywords()
    words = [clips.words[k] for k in range(len(clips.samples)) if clips.words[k] in ("yes", "no")][:8]
    spoken = [clips.samples[k] for k in range(len(clips.samples)) if clips.words[k] in ("yes", "no")][:8]
    sound, _ = make_stream(spoken, words, SECONDS, pause_s=(0.8, 1.2), snr_db=20.0)
    inputs = recorded_inputs(np.tile(sound, ROUNDS), classifier=classifier)
    scores = inference.run(classifier.model, inputs, "tflm")
    events, width, texts = smooth_scores(scores, classifier.smoother), classifier.smoother.average_windows, []
    for window in np.flatnonzero(events >= 0):
        average = scores[window - width + 1 : window + 1, events[window]].astype(np.float64).mean()
        percent = int((average + 128) / 256 * 100 + 0.5)
        texts.append(f"{classifier.labels[events[window]]} {percent // 100}.{percent % 100:02d}")
    assert len(set(texts)) >= 3

    made = deploy(classifier, directory=tmp_path)
    program = compile_folder(
        made.folder, tmp_path / "build", recording=sound.astype("<i2").tobytes(), stand_ins=("PDM.cpp",)
    )
    with qemu(program.elf, shift=FAST) as port, Board(port, timeout_s=60) as board:
        board.require_model(classifier.model)
        found = inference.quantize(board.stream("scores", 100, progress=False), 1 / 256, -128)
        logs = board.logs
    assert_rows_of(found, scores)
    assert_part_of(logs, texts, 2)


def test_people_are_seen_as_python_sees_them(tmp_path: Path) -> None:
    toolchains.need_cortex_m4()
    classifier, photographs = load_reference_person_classifier(), load_photographs()
    small = np.asarray(photographs.images[:24]).reshape(24, 96, 96)
    pictures = np.zeros((24, 144, 176), np.uint8)
    pictures[:, :, 16:160] = small[:, np.arange(144) * 2 // 3][:, :, np.arange(144) * 2 // 3]
    scores = inference.run(classifier.model, recorded_inputs(pictures, classifier=classifier), "tflm")
    scores = np.tile(scores, (ROUNDS, 1))
    presence, texts = Presence(classifier.smoother), []
    for score in scores[:, classifier.detected_class]:
        if presence.update(score):
            percent = int((presence.average + 128) / 256 * 100 + 0.5)
            texts.append(f"person {percent // 100}.{percent % 100:02d}" if presence.present else "gone")
    assert len(texts) >= 4

    made = deploy(classifier, directory=tmp_path)
    program = compile_folder(
        made.folder,
        tmp_path / "build",
        recording=pictures.tobytes(),
        stand_ins=("camera.cpp",),
        defines=(*NANO, "PICTURES_A_SECOND=2"),
    )
    with qemu(program.elf, shift=FAST) as port, Board(port, timeout_s=60) as board:
        board.require_model(classifier.model)
        found = inference.quantize(board.stream("scores", 24, progress=False), 1 / 256, -128)
        logs = board.logs
    assert program.ram_bytes < 160 * 1024
    assert_rows_of(found, scores)
    assert_part_of(logs, texts, 2)
