"""Models that students hand in: right ones, weak ones, broken and hostile ones, each read in a process of its own."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from sandbox_here import sandbox_here  # noqa: F401 - a fixture
from tiny_models import OperatorSpec, TensorSpec

from tinyml_labs import inference
from tinyml_labs.grading.hand_ins import artefacts
from tinyml_labs.grading.hand_ins.artefacts import WantedModel, grade_artefact, grade_model
from tinyml_labs.grading.isolation import sandbox
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.verdicts import ExerciseResult

LENGTH, CHANNELS, CLASSES = 12, 3, 4
LIMITS = Limits(total_seconds=60, memory_mb=1024)
OPS = ("FULLY_CONNECTED", "SOFTMAX")

pytestmark = pytest.mark.usefixtures("tflm", "sandbox_here")


def good_model() -> bytes:
    return tiny_models.window_classifier(LENGTH, CHANNELS, CLASSES)


def as_npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def hard_coded(chosen: int) -> bytes:
    """Make a model that gives the same class for whatever it is shown."""
    size = LENGTH * CHANNELS
    bias = np.zeros(CLASSES, np.int32)
    bias[chosen] = 10_000
    tensors = [
        TensorSpec(name="window", shape=(1, LENGTH, CHANNELS), scale=0.02),
        TensorSpec(name="weights", shape=(CLASSES, size), scale=0.01, data=np.zeros((CLASSES, size), np.int8)),
        TensorSpec(name="bias", shape=(CLASSES,), type_name="INT32", scale=0.0002, data=bias),
        TensorSpec(name="scores", shape=(1, CLASSES), scale=0.1),
    ]
    dense = OperatorSpec(
        name="FULLY_CONNECTED", inputs=(0, 1, 2), outputs=(3,), kind="FullyConnectedOptions", version=4
    )
    return tiny_models.build_model(tensors, [dense], inputs=(0,), outputs=(3,))


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """The folder of grading.json, with hidden data that the good model gets right, and public inputs."""
    folder = tmp_path_factory.mktemp("course")
    chance = np.random.default_rng(1)
    x = chance.normal(0, 1, (400, LENGTH, CHANNELS)).astype(np.float32)
    y = inference.predict(good_model(), x).argmax(axis=1)
    even = np.concatenate([np.flatnonzero(y == k)[:40] for k in range(CLASSES)])  # as many of each class
    assert len(even) == 160
    np.savez(folder / "hidden.npz", x=x[even], y=y[even])
    np.save(folder / "public.npy", chance.normal(0, 1, (20, LENGTH, CHANNELS)).astype(np.float32))
    return folder


def wanted(course: Path, **changed) -> WantedModel:
    entry = {
        "file": "gestures.tflite",
        "grade_id": "own_model",
        "title": "Your model",
        "points": 10,
        "largest_kb": 8,
        "ops": list(OPS),
        "hidden_data": "hidden.npz",
        "least_accuracy": 0.8,
        "claimed_inputs": "public.npy",
        "claimed_outputs": "outputs.npy",
        **changed,
    }
    return WantedModel.from_dict({key: value for key, value in entry.items() if value is not None}, course)


def outputs_of(model: bytes, course: Path) -> np.ndarray:
    x = np.load(course / "public.npy")
    with inference.load(model) as loaded:
        tensor = loaded.inputs[0]
        return np.asarray(loaded.run(inference.quantize(x, tensor.scale, tensor.zero_point, tensor.dtype)))


def hand_in(folder: Path, model: bytes | None, outputs: bytes | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if model is not None:
        (folder / "gestures.tflite").write_bytes(model)
    if outputs is not None:
        (folder / "outputs.npy").write_bytes(outputs)
    return folder


def verdicts(result: ExerciseResult) -> list[str]:
    return [check.verdict for check in result.checks]


def test_a_right_model_with_its_outputs_earns_all_points(tmp_path, course):
    folder = hand_in(tmp_path, good_model(), as_npy(outputs_of(good_model(), course)))
    result = grade_model(folder, wanted(course), limits=LIMITS)
    assert verdicts(result) == ["ok"] * 5
    assert (result.points, result.max_points, result.verdict) == (10, 10, "ok")
    assert [check.max_points for check in result.checks] == [1, 1, 1, 5, 2]
    assert {check.part for check in result.checks} == {"artefact"}
    texts = [check.message for check in result.checks]
    assert "100%" in texts[3]
    assert "to the byte" in texts[4]
    assert str(course) not in " ".join(texts)
    assert result.checks[0].seconds > 0


def test_the_same_model_gives_the_same_result(tmp_path, course):
    folder = hand_in(tmp_path, good_model())
    once, twice = (grade_model(folder, wanted(course, points=3.3), limits=LIMITS) for _ in range(2))
    assert [(c.verdict, c.points, c.message) for c in once.checks] == [
        (c.verdict, c.points, c.message) for c in twice.checks
    ]


@pytest.mark.parametrize("chosen", range(CLASSES))
def test_a_model_that_says_the_same_always_earns_nothing_for_accuracy(tmp_path, course, chosen):
    result = grade_model(
        hand_in(tmp_path, hard_coded(chosen)),
        wanted(course, claimed_inputs=None, claimed_outputs=None),
        limits=LIMITS,
    )
    assert verdicts(result) == ["ok", "ok", "ok", "wrong"]
    assert "25%" in result.checks[3].message
    assert result.points == pytest.approx(10 * 3 / 8)


def test_outputs_that_the_model_does_not_give_are_found(course):
    right = outputs_of(good_model(), course)
    off_by_one = right.copy()
    off_by_one[7, 2] += 1
    cases = {
        "1 of 20 rows": off_by_one,
        "type float32": right.astype(np.float32),
        "shape [19, 4]": right[:-1],
    }
    for text, claimed in cases.items():
        checks = grade_artefact(
            good_model(), wanted(course, hidden_data=None), claimed=as_npy(claimed), limits=LIMITS
        )
        assert [check.verdict for check in checks] == ["ok", "ok", "ok", "wrong"]
        assert text in checks[-1].message


@pytest.mark.parametrize(
    ("claimed", "text"),
    [
        (b"", "cannot be read as an array"),
        (b"not an array at all", "cannot be read as an array"),
        (as_npy(np.arange(4.0))[:-3], "another length"),
        (
            b"\x93NUMPY\x01\x00\x76\x00"
            + b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 4), }".ljust(117)
            + b"\n",
            "another length",
        ),
        (as_npy(np.array([["a", "b"]])), "expected numbers"),
        (None, "is not in the hand-in"),
    ],
)
def test_a_file_of_outputs_that_is_none_costs_its_own_points(course, claimed, text):
    checks = grade_artefact(good_model(), wanted(course, hidden_data=None), claimed=claimed, limits=LIMITS)
    assert [check.verdict for check in checks] == ["ok", "ok", "ok", "wrong"]
    assert text in checks[-1].message


def test_objects_in_a_file_of_outputs_are_not_unpickled(course, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    stream = io.BytesIO()
    np.save(stream, np.array([Trap()], object), allow_pickle=True)
    checks = grade_artefact(good_model(), wanted(course, hidden_data=None), claimed=stream.getvalue(), limits=LIMITS)
    assert checks[-1].verdict == "wrong"
    assert not (tmp_path / "sprung").exists()


def test_a_model_that_is_too_large_loses_the_points_for_its_size(course):
    checks = grade_artefact(good_model(), wanted(course, largest_kb=0.5, hidden_data=None), limits=LIMITS)
    assert [check.verdict for check in checks][:3] == ["ok", "wrong", "ok"]
    assert "it may have 0.5 kB" in checks[1].message


def test_a_file_that_no_board_takes_is_not_opened(tmp_path, course):
    folder = hand_in(tmp_path, None)
    with (folder / "gestures.tflite").open("wb") as file:
        file.truncate(3_000_000_000)  # a hole: it takes no space
    result = grade_model(folder, wanted(course), limits=LIMITS)
    assert verdicts(result) == ["wrong"] * 5
    assert "3,000.0 MB" in result.checks[0].message
    assert "JupyterLab" not in result.checks[0].message


def test_operators_that_are_not_allowed_are_named(course):
    checks = grade_artefact(good_model(), wanted(course, ops=["FULLY_CONNECTED"], hidden_data=None), limits=LIMITS)
    assert [check.verdict for check in checks][:3] == ["ok", "ok", "wrong"]
    assert "not allowed: SOFTMAX" in checks[2].message


def test_inputs_of_another_shape_are_a_sentence(course):
    model = tiny_models.window_classifier(LENGTH + 1, CHANNELS, CLASSES)
    checks = grade_artefact(model, wanted(course), limits=LIMITS)
    assert [check.verdict for check in checks] == ["ok", "ok", "ok", "wrong", "wrong"]
    assert f"takes inputs of shape ({LENGTH + 1}, {CHANNELS})" in checks[3].message


def test_an_axis_of_length_one_does_no_harm(course):
    model = tiny_models.window_classifier(LENGTH, CHANNELS, CLASSES, more_axes=1)
    checks = grade_artefact(
        model, wanted(course, claimed_inputs=None, claimed_outputs=None, least_accuracy=0.0), limits=LIMITS
    )
    assert [check.verdict for check in checks] == ["ok"] * 4


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (b"", "empty"),
        (b"PK\x03\x04 a zip", "ZIP archive"),
        (good_model()[: len(good_model()) // 2], "cut short or damaged"),
        (tiny_models.degenerate_softmax(), "degenerate scale"),
        (tiny_models.custom_op("a\x1b[31m<b>op"), "op"),
        (tiny_models.builtin_op("ATAN2"), "ATAN2"),
    ],
)
def test_what_is_no_model_or_does_not_run_is_wrong_with_a_reason(course, model, text):
    checks = grade_artefact(model, wanted(course), limits=LIMITS)
    assert checks[0].verdict == "wrong"
    assert text in checks[0].message
    assert "\x1b" not in "".join(check.message for check in checks)
    assert [check.verdict for check in checks[3:]] == ["wrong", "wrong"]
    assert sum(check.points for check in checks) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_damaged_models_never_raise_and_never_earn_more_than_there_is(course, seed):
    chance = np.random.default_rng(seed)
    content = bytearray(good_model())
    for place in chance.integers(0, len(content), 6):
        content[place] = chance.integers(256)
    content[4:8] = b"TFL3"
    checks = grade_artefact(bytes(content), wanted(course), limits=LIMITS)
    assert len(checks) == 5
    assert all(0 <= check.points <= check.max_points for check in checks)
    assert all((check.points > 0) == (check.verdict == "ok") for check in checks)


@pytest.mark.slow
def test_a_model_that_takes_too_long_is_ended(tmp_path):
    inputs, units = 4000, 3000
    np.savez(tmp_path / "hidden.npz", x=np.zeros((20_000, inputs), np.int8), y=np.zeros(20_000, np.int64))
    model = tiny_models.dense_int8(inputs, units)
    asked = WantedModel.from_dict(
        {"file": "m.tflite", "grade_id": "m", "points": 6, "hidden_data": "hidden.npz"}, tmp_path
    )
    checks = grade_artefact(model, asked, limits=Limits(total_seconds=8, memory_mb=2048))
    assert [check.verdict for check in checks] == ["ok", "timeout"]
    assert checks[1].points == 0
    assert checks[0].seconds < 30


@pytest.mark.slow
def test_a_model_that_takes_all_memory_is_no_error_of_the_grader(tmp_path):
    side = 2**29
    tensors = [
        TensorSpec(name="in", shape=(1, side), type_name="FLOAT32"),
        TensorSpec(name="out", shape=(1, side), type_name="INT8", scale=0.1),
    ]
    quantize = OperatorSpec(name="QUANTIZE", inputs=(0,), outputs=(1,), kind="QuantizeOptions")
    model = tiny_models.build_model(tensors, [quantize], inputs=(0,), outputs=(1,))
    asked = WantedModel(file="m.tflite", grade_id="m", points=1)
    (check,) = grade_artefact(model, asked, limits=Limits(total_seconds=60, memory_mb=512))
    assert check.verdict in ("wrong", "out of memory", "killed")
    assert check.points == 0


def test_a_process_that_lies_about_itself_earns_nothing(course, monkeypatch):
    """Whoever takes over the process may print what they like; the labels are not there to print."""
    for lines in (
        '{"step": "hidden", "classes": "all right"}',
        '{"step": "hidden", "classes": [true, 0.0]}',
        '{"step": "hidden", "accuracy": 1.0, "verdict": "ok"}',
        '{"step": "read", "ops": 3}\n{"step": "run"}\n{"step": "claimed", "claimed": 1}\n[[[[',
        "[" * 100_000,
    ):
        program = f"import sys; sys.stdout.write({lines!r})"
        monkeypatch.setattr(artefacts, "child_program", lambda _, p=program: ["python", "-c", p])
        checks = grade_artefact(good_model(), wanted(course), claimed=b"", limits=LIMITS)
        assert all(check.verdict != "ok" for check in checks[2:])


def test_a_process_that_does_not_start_is_the_machine_s_fault(course, monkeypatch):
    monkeypatch.setattr(artefacts, "child_program", lambda _: ["python", "-c", "raise SystemExit(3)"])
    with pytest.raises(RuntimeError, match="does not start"):
        grade_artefact(good_model(), wanted(course), limits=LIMITS)


def test_the_labels_do_not_enter_the_sandbox(course, monkeypatch):
    seen = {}

    def watch(argv, *, files, **settings):
        seen.update(files)
        return sandbox.run_in_sandbox(argv, files=files, **settings)

    monkeypatch.setattr(artefacts, "run_in_sandbox", watch)
    grade_artefact(good_model(), wanted(course), limits=LIMITS)
    assert sorted(seen) == ["claimed_inputs.npy", "claimed_outputs.npy", "hidden_inputs.npy", "model.tflite"]
    with np.load(course / "hidden.npz") as hidden:
        assert all(hidden["y"].tobytes() not in content for content in seen.values())


def test_a_model_that_is_not_there_is_an_open_task(tmp_path, course):
    result = grade_model(hand_in(tmp_path, None), wanted(course), limits=LIMITS)
    assert result.verdict == "open"
    assert (result.points, result.max_points) == (0, 10)
    assert result.checks[0].message == "gestures.tflite is not in the hand-in."


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege on Windows")
def test_links_are_not_followed(tmp_path, course):
    elsewhere = hand_in(tmp_path / "other_student", good_model())
    mine = hand_in(tmp_path / "me", None)
    (mine / "gestures.tflite").symlink_to(elsewhere / "gestures.tflite")
    result = grade_model(mine, wanted(course), limits=LIMITS)
    assert verdicts(result) == ["wrong"] * 5
    assert "link" in result.checks[0].message
    (mine / "models").symlink_to(elsewhere)
    result = grade_model(mine, wanted(course, file="models/gestures.tflite"), limits=LIMITS)
    assert verdicts(result) == ["wrong"] * 5
    assert "link to another folder" in result.checks[0].message


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"file": "../other/gestures.tflite"}, "no name of a file"),
        ({"file": "/etc/passwd"}, "no name of a file"),
        ({"claimed_outputs": "a/../../b.npy"}, "no name of a file"),
        ({"claimed_inputs": None}, "come together"),
        ({"least_accuracy": 80}, "from 0 to 1"),
        ({"operators": ["ADD"]}, "the key 'operators'"),
        ({"points": None}, "no 'points'"),
    ],
)
def test_what_an_instructor_writes_is_checked(course, changed, text):
    with pytest.raises(ValueError, match=text):
        wanted(course, **changed)


def test_hidden_data_that_are_none_are_the_course_s_fault(tmp_path):
    np.savez(tmp_path / "hidden.npz", x=np.zeros((4, 2)), y=np.zeros(3, np.int64))
    asked = WantedModel(file="m.tflite", grade_id="m", points=1, hidden_data=tmp_path / "hidden.npz")
    with pytest.raises(ValueError, match="expected numbers"):
        grade_artefact(good_model(), asked, limits=LIMITS)
