"""What every board has to pass: `pytest -m hardware --port /dev/ttyACM0` on a real one, the virtual one in CI."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tiny_gestures
import tiny_keywords
import tiny_people

from tinyml_labs.datasets import load_recorded_sweep, load_reference_model
from tinyml_labs.deploy import open_board
from tinyml_labs.deploy.on_board import trial_inputs
from tinyml_labs.gesture_classifier import load_reference_classifier
from tinyml_labs.keyword_classifier import load_reference_keyword_classifier
from tinyml_labs.link import Board
from tinyml_labs.link.descriptions import NO_MODEL
from tinyml_labs.parity import check_parity
from tinyml_labs.person_classifier import load_reference_person_classifier
from tinyml_labs.recorded_inputs import recorded_inputs

pytestmark = pytest.mark.usefixtures("tflm")


@dataclass(frozen=True, kw_only=True, eq=False)
class OnBoard:
    """An open board, and the model that it says it runs."""

    board: Board
    model: bytes


def known_models() -> dict[bytes, bytes]:
    models = [load_reference_model("sine"), load_reference_classifier().model]
    models += [load_reference_keyword_classifier().model, load_reference_person_classifier().model]
    return {hashlib.sha256(model).digest(): model for model in models}


@pytest.fixture(scope="module", params=["virtual", pytest.param("real", marks=pytest.mark.hardware)])
def found(request: pytest.FixtureRequest) -> Iterator[OnBoard]:
    if request.param == "virtual":
        with Board("virtual://") as board:
            model = load_reference_model("sine")
            board.load(model)
            yield OnBoard(board=board, model=model)
        return
    port, file = (request.config.getoption(name) for name in ("--port", "--board-model"))
    if not port:
        pytest.skip("no board: pytest -m hardware --port /dev/ttyACM0")
    models = known_models()
    if file:
        data = Path(file).read_bytes()
        models[hashlib.sha256(data).digest()] = data
    with open_board(port) as board:
        if board.info.model_sha256 == NO_MODEL:
            board.load(load_reference_model("sine"))
        if board.info.model_sha256 not in models:
            pytest.skip(f"the board has another model ({board.info.model_sha256.hex()[:12]}): name it by "
                        "--board-model FILE")  # fmt: skip
        yield OnBoard(board=board, model=models[board.info.model_sha256])


def recorded(model: bytes) -> tuple[Any, dict[str, Any]]:
    """A recording for one of the kit's models, and how to read it."""
    for source, classifier in (
        (lambda: tiny_gestures.sitting().samples, load_reference_classifier()),
        (lambda: tiny_keywords.room(4), load_reference_keyword_classifier()),
        (lambda: tiny_people.pictures(6), load_reference_person_classifier()),
    ):
        if classifier.model == model:
            return source(), {"classifier": classifier}
    if model == load_reference_model("sine"):
        return load_recorded_sweep().to_x()[:500].reshape(-1, 1), {"model": model}
    return trial_inputs(model), {"model": model}


def test_it_says_who_it_is(found: OnBoard) -> None:
    info = found.board.hello()
    assert info.board and info.firmware and info.firmware_version
    assert info.max_payload >= 64 and info.receive_buffer >= 64
    assert info.model_sha256 == hashlib.sha256(found.model).digest()
    assert found.board.damaged_frames == 0


def test_its_model_answers_as_the_host_does(found: OnBoard) -> None:
    report = check_parity(found.board, found.model, trial_inputs(found.model), progress=False)
    assert report.equal, report
    assert report.microseconds.min() > 0


def test_a_recording_is_answered_as_by_the_host(found: OnBoard) -> None:
    source, how = recorded(found.model)
    report = check_parity(found.board, found.model, recorded_inputs(source, **how), progress=False)
    assert report.equal, report
    assert found.board.lost_frames == found.board.damaged_frames == 0
