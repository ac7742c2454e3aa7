"""The folder that a deployment writes: whole, the same each time, never over somebody's work. Boards too small."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import tiny_gestures
import tiny_keywords
import tiny_models
import tiny_people
import yaml

from tinyml_labs import cli
from tinyml_labs.boards import BOARDS, find_board
from tinyml_labs.datasets import load_reference_model
from tinyml_labs.deploy import SKETCHES, deploy, load_subject
from tinyml_labs.deploy.project_file import CORE_VERSIONS, LIBRARY_VERSIONS, core_of, needed_libraries
from tinyml_labs.deploy.sketches import LIBRARIES_FOLDER
from tinyml_labs.gesture_classifier import GestureClassifier
from tinyml_labs.keyword_classifier import save_keyword_classifier
from tinyml_labs.person_classifier import load_reference_person_classifier, save_person_classifier


def text_files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def subject_for(sketch: str) -> object:
    return {
        "gestures": tiny_gestures.tiny_classifier,
        "keywords": tiny_keywords.tiny_classifier,
        "persons": tiny_people.tiny_classifier,
        "model": lambda: load_reference_model("sine"),
    }[SKETCHES[sketch].takes]()


@pytest.mark.parametrize("engine", ["compiled", "tflm"])
@pytest.mark.parametrize("sketch", SKETCHES)
def test_a_folder_has_all_that_it_includes(sketch: str, engine: str, tmp_path: Path) -> None:
    if "MicroFrontend" in SKETCHES[sketch].kit_libraries and not (LIBRARIES_FOLDER / "MicroFrontend").exists():
        words = "MicroFrontend has not been made: python -m tinyml_labs.front_end_source"
        pytest.fail(words) if os.environ.get("CI") == "true" else pytest.skip(words)
    made = deploy(subject_for(sketch), sketch=sketch, directory=tmp_path, engine=engine, arena_bytes=8192)
    assert made.folder == tmp_path / sketch and (made.folder / f"{sketch}.ino").is_file()
    files = text_files(made.folder)
    assert sorted(files) == sorted(path.relative_to(made.folder).as_posix() for path in made.files)
    outside = set()
    for name, content in files.items():
        if not name.endswith((".ino", ".h", ".c", ".cpp", ".inc")):
            continue
        for quote, included in re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)', content.decode(), re.MULTILINE):
            local = (made.folder / name).parent / included
            if quote == "<":
                outside.add(included)
            else:
                assert local.exists() or included.startswith("tensorflow/"), (name, included)
    ours = {
        path.name
        for library in SKETCHES[sketch].kit_libraries
        for path in (LIBRARIES_FOLDER / library / "src").iterdir()
    }
    assert not outside & ours
    assert ("Chirale_TensorFlowLite.h" in outside) == (engine == "tflm")


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second", "second"):
        deploy(tiny_gestures.tiny_classifier(), directory=tmp_path / name)
    assert text_files(tmp_path / "first") == text_files(tmp_path / "second")


def test_files_of_somebody_are_not_overwritten(tmp_path: Path) -> None:
    made = deploy(load_reference_model("sine"), sketch="hello_world", directory=tmp_path)
    mine, sketch = made.folder / "notes.txt", made.folder / "hello_world.ino"
    mine.write_text("mine")
    before = sketch.read_text()
    sketch.write_text(before + "// mine\n")
    for engine in ("compiled", "tflm"):
        with pytest.raises(FileExistsError, match=r"you made or changed: hello_world\.ino\. .* --overwrite"):
            deploy(load_reference_model("sine"), sketch="hello_world", directory=tmp_path, engine=engine)
    assert sketch.read_text() == before + "// mine\n"
    deploy(load_reference_model("sine"), sketch="hello_world", directory=tmp_path, engine="tflm", overwrite=True)
    assert sketch.read_text() == before and mine.read_text() == "mine"
    assert (made.folder / "sine_model_tflm.cpp").exists() and not (made.folder / "sine_model.c").exists()
    sketch.unlink()
    deploy(load_reference_model("sine"), sketch="hello_world", directory=tmp_path)
    assert sketch.read_text() == before and not (made.folder / "sine_model_tflm.cpp").exists()
    assert not [path for path in made.folder.rglob("*") if path.name.startswith(".")]


def test_a_folder_that_was_there_before(tmp_path: Path) -> None:
    (tmp_path / "hello_world").mkdir()
    (tmp_path / "hello_world" / "hello_world.ino").write_text("my own sketch")
    with pytest.raises(FileExistsError, match="hello_world.ino"):
        deploy(load_reference_model("sine"), sketch="hello_world", directory=tmp_path)
    assert text_files(tmp_path) == {"hello_world/hello_world.ino": b"my own sketch"}


@pytest.mark.parametrize("sketch", SKETCHES)
@pytest.mark.parametrize("board", ["nano33ble", "nano33ble_rev2", "uno_r3", "pico", "wio_terminal"])
def test_the_project_file_is_arduinos(sketch: str, board: str, tmp_path: Path) -> None:
    """As docs.arduino.cc/arduino-cli/sketch-project-file has it; versions are numbers."""
    from tinyml_labs.deploy.project_file import write_project_file

    project = yaml.safe_load(write_project_file(SKETCHES[sketch], find_board(board), "tflm"))
    fqbn = BOARDS[board].fqbn
    if core_of(BOARDS[board]) not in CORE_VERSIONS:
        assert project == {"default_fqbn": fqbn}
        return
    assert set(project) == {"profiles", "default_profile"} and project["default_profile"] == board
    profile = project["profiles"][board]
    assert profile["fqbn"] == fqbn
    platform = profile["platforms"][0]
    assert re.fullmatch(re.escape(":".join(fqbn.split(":")[:2])) + r" \(\d+\.\d+\.\d+\)", platform["platform"])
    assert ("platform_index_url" in platform) == (not fqbn.startswith("arduino:"))
    names = needed_libraries(SKETCHES[sketch], "tflm")
    assert profile["libraries"] == [f"{name} ({LIBRARY_VERSIONS[name]})" for name in names]
    assert all(re.fullmatch(r"\w+ \(\d+\.\d+\.\d+\)", each) for each in profile["libraries"])


def test_the_readme_and_the_manifest(tmp_path: Path) -> None:
    made = deploy(tiny_people.tiny_classifier(), directory=tmp_path, engine="tflm", arena_bytes=8192)
    readme = (made.folder / "README.md").read_text()
    for words in ("Arduino_OV767X 0.0.2", "arduino:mbed_nano", "Chirale_TensorFLowLite 2.0.0", "reset button twice"):
        assert words in readme
    listed = json.loads((made.folder / "deployed.json").read_text())
    assert (listed["sketch"], listed["board"], listed["engine"]) == ("person_detector", "nano33ble", "tflm")
    assert set(listed["files"]) == set(text_files(made.folder)) - {"deployed.json"}


def test_a_board_that_is_too_small_is_refused_with_the_figures(tmp_path: Path) -> None:
    reference = load_reference_person_classifier()
    with pytest.raises(ValueError, match="does not fit the Arduino Uno R3") as refused:
        deploy(reference.model, sketch="model_runner", board="uno_r3", directory=tmp_path)
    said = str(refused.value)
    assert re.search(r"at least [\d,]{7,} bytes of flash \(model [\d,]+, sketch [\d,]+\)", said)
    assert "32,256 and 2,048" in said and "nano33ble" in said and "uno_r4" not in said
    assert list(tmp_path.iterdir()) == []
    fits = deploy(load_reference_model("sine"), sketch="hello_world", board="uno_r3", directory=tmp_path)
    assert fits.need.ram_bytes < 2048


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sketch": "blink"}, "No sketch is called 'blink'. Those that run a model: model_runner"),
        ({"board": "uno_r9"}, "No board is called 'uno_r9'"),
        ({"board": "himax_we_i_plus"}, "has no Arduino core"),
        ({"sketch": "person_detector"}, "person_detector takes a PersonClassifier, and this is a bytes"),
        ({"engine": "onnx"}, "The engine is 'onnx'"),
        ({"sketch": "hello_world", "subject": tiny_models.window_classifier(4, 2)}, "one int8 number in and one out"),
        (
            {"subject": tiny_people.tiny_classifier(), "board": "pico"},
            "does not know the sensor of the Raspberry Pi Pico",
        ),
    ],
)
def test_what_cannot_be_is_said(arguments: dict, message: str, tmp_path: Path) -> None:
    subject = arguments.pop("subject", load_reference_model("sine"))
    with pytest.raises(ValueError, match=message):
        deploy(subject, directory=tmp_path / "new", **arguments)
    assert not (tmp_path / "new").exists()


def test_files_on_the_command_line(tmp_path: Path) -> None:
    gestures = tiny_gestures.tiny_classifier()
    (tmp_path / "gestures.json").write_text(gestures.to_json())
    (tmp_path / "gestures_int8.tflite").write_bytes(gestures.model)
    keywords = save_keyword_classifier(tmp_path / "keywords.json", tiny_keywords.tiny_classifier())
    people = save_person_classifier(tmp_path / "people.json", tiny_people.tiny_classifier())
    for path, sketch in (
        (tmp_path / "gestures.json", "gesture_classifier"),
        (keywords, "keyword_spotter"),
        (people, "person_detector"),
    ):
        subject, chosen = load_subject(path)
        assert chosen == sketch and subject.model == path.with_name(f"{path.stem}_int8.tflite").read_bytes()
    assert isinstance(load_subject("reference", "gesture_classifier")[0], GestureClassifier)
    subject, sketch = load_subject(people.with_name("people_int8.tflite"), "person_detector")
    assert sketch == "person_detector" and subject.labels == ("no_person", "person")
    with pytest.raises(ValueError, match="is a model alone"):
        load_subject(tmp_path / "gestures_int8.tflite", "gesture_classifier")


def test_the_command_without_arduino_cli(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    command = ["deploy", "reference", "--sketch", "hello_world", "--board", "uno_r3", "-o", str(tmp_path)]
    assert cli.main(command) == 0
    said = capsys.readouterr().out
    assert "hello_world for Arduino Uno R3, the model compiled to C" in said
    assert "arduino-cli compile --profile uno_r3" in said and "arduino-cli is not installed" in said
    assert cli.main([*command, "--compile"]) == 1
    assert "arduino-cli is not installed, or not on the PATH. Get it from" in capsys.readouterr().err
