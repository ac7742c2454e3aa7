"""Write a model, or a classifier, into a sketch's folder: :func:`deploy`."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Union

from tinyml_labs.boards import BoardModel
from tinyml_labs.deploy.board_memory import BoardMemory, plan_memory, write_board_memory
from tinyml_labs.deploy.fit import Need, check_fits, measure_need
from tinyml_labs.deploy.project_file import CORE_VERSIONS, core_of, write_project_file
from tinyml_labs.deploy.readme import write_readme
from tinyml_labs.deploy.sketch_folder import (
    check_target,
    library_files,
    sketch_files,
    with_local_includes,
    write_folder,
)
from tinyml_labs.deploy.sketches import SKETCHES, Sketch, find_board_for, find_sketch
from tinyml_labs.gesture_classifier import GestureClassifier, load_reference_classifier
from tinyml_labs.gesture_export import export_gesture_classifier
from tinyml_labs.keyword_classifier import (
    KeywordClassifier,
    load_keyword_classifier,
    load_reference_keyword_classifier,
)
from tinyml_labs.keyword_export import export_keyword_classifier
from tinyml_labs.model_file import read_model
from tinyml_labs.person_classifier import (
    PersonClassifier,
    load_person_classifier,
    load_reference_person_classifier,
)
from tinyml_labs.person_export import export_person_classifier
from tinyml_labs.sketch_model import PreparedModel, prepare_sketch_model

Classifier = Union[GestureClassifier, KeywordClassifier, PersonClassifier]  # noqa: UP007 - Python 3.10 at run time
Subject = Union[bytes, Classifier]  # noqa: UP007

_GENERATED = "tinyml_labs.deploy"
_KINDS: dict[str, tuple[type, Any]] = {
    "gestures": (GestureClassifier, export_gesture_classifier),
    "keywords": (KeywordClassifier, export_keyword_classifier),
    "persons": (PersonClassifier, export_person_classifier),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Deployment:
    """A folder that was written.

    Attributes
    ----------
    folder : Path
    sketch : Sketch
    board : BoardModel
    engine : str
        ``"compiled"`` or ``"tflm"``.
    taps : bool
        Whether the model shows its layers.
    need : Need
    model : bytes
        The .tflite file.
    files : tuple of Path
    """

    folder: Path
    sketch: Sketch
    board: BoardModel
    engine: str
    taps: bool
    need: Need
    model: bytes = field(repr=False)
    files: tuple[Path, ...] = field(repr=False)

    @property
    def profile(self) -> str:
        """The profile in ``sketch.yaml``; empty if it has none."""
        return self.board.name if core_of(self.board) in CORE_VERSIONS else ""

    def __str__(self) -> str:
        """Say what was written, and how much it takes."""
        how = "compiled to C" if self.engine == "compiled" else "for TensorFlow Lite Micro"
        return (
            f"{self.folder}: {self.sketch.name} for {self.board.title}, the model {how}, {len(self.files)} files.\n"
            f"It takes at least {self.need.flash_bytes:,} bytes of flash and {self.need.ram_bytes:,} of RAM, without "
            "the board's core."
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the facts, for JSON."""
        return {
            "folder": str(self.folder),
            "sketch": self.sketch.name,
            "board": self.board.name,
            "engine": self.engine,
            "taps": self.taps,
            "need": {**asdict(self.need), "flash_bytes": self.need.flash_bytes, "ram_bytes": self.need.ram_bytes},
            "files": [str(path) for path in self.files],
        }


def deploy(
    subject: Subject | str | os.PathLike[str],
    sketch: str = "",
    board: str = "nano33ble",
    *,
    directory: str | os.PathLike[str] | None = None,
    engine: str = "auto",
    arena_bytes: int | None = None,
    taps: bool = False,
    overwrite: bool = False,
) -> Deployment:
    """Write a sketch's folder with a model in it, that compiles by itself: in the Arduino IDE, and by arduino-cli.

    Parameters
    ----------
    subject : GestureClassifier, KeywordClassifier or PersonClassifier; or bytes or path of a .tflite model
    sketch : str
        By default the one that a classifier is for, and ``"model_runner"`` for a model alone.
    board : str
        See :data:`tinyml_labs.boards.BOARDS`.
    directory : str or PathLike, optional
        Where the folder is made, under the sketch's name: Arduino insists on that. By default here.
    engine : str
        ``"compiled"`` to C, ``"tflm"`` for a library of TensorFlow Lite Micro, or ``"auto"``: compiled if the
        compiler knows every op.
    arena_bytes : int, optional
        Working memory for TensorFlow Lite Micro; measured here by default.
    taps : bool
        Let a compiled model show its layers, for :func:`tinyml_labs.replay.replay`.
    overwrite : bool
        Replace files in the folder that somebody has changed.

    Returns
    -------
    Deployment
        The same model and settings give the same bytes.

    Raises
    ------
    ValueError
        An unknown sketch, board or engine; a model that the sketch does not take, or that does not fit the board,
        with the figures and the boards that it would fit.
    FileExistsError
        Files there that are not ours.
    """
    if isinstance(subject, (str, os.PathLike)):
        subject, sketch = load_subject(subject, sketch)
    chosen = find_sketch(sketch or _sketch_of(subject))
    _check_subject(subject, chosen)
    found = find_board_for(chosen, board)
    model = subject if isinstance(subject, bytes) else subject.model
    prepared = prepare_sketch_model(
        read_model(model),
        file_name=chosen.file_name,
        cpp_name=chosen.cpp_name,
        header=chosen.header,
        made_by=_GENERATED,
        engine=engine,
        arena_bytes=arena_bytes,
        taps=taps,
        loadable=bool(chosen.memory_header),
    )
    memory = plan_memory(found, loadable=prepared.loadable) if chosen.memory_header else BoardMemory()
    need = measure_need(prepared, chosen, found, request_bytes=memory.request_bytes, model_bytes=memory.model_bytes)
    check_fits(need, chosen, found)
    sha256 = prepared.model.sha256
    files = {**sketch_files(chosen), **_model_files(subject, prepared), **library_files(chosen)}
    if chosen.memory_header:
        files[chosen.memory_header] = write_board_memory(memory, found)
    files = with_local_includes(files)
    files["sketch.yaml"] = write_project_file(chosen, found, prepared.engine)
    files["README.md"] = write_readme(chosen, found, prepared.engine, need, sha256, memory)
    folder = Path(directory or ".") / chosen.name
    if not overwrite:
        check_target(folder, files)
    facts = {"sketch": chosen.name, "board": found.name, "engine": prepared.engine, "model_sha256": sha256}
    return Deployment(
        folder=folder,
        sketch=chosen,
        board=found,
        engine=prepared.engine,
        taps=taps,
        need=need,
        model=model,
        files=tuple(write_folder(folder, files, facts)),
    )


def load_subject(given: str | os.PathLike[str], sketch: str = "") -> tuple[Subject, str]:
    """Load what a command line names.

    Parameters
    ----------
    given : str or PathLike
        A ``.tflite`` file; a classifier's ``.json``, with its model beside it; or ``"reference"``, the one that a
        sketch comes with.
    sketch : str
        Which sketch it is for; by default the one that it fits.

    Returns
    -------
    bytes or classifier, and the sketch's name

    Raises
    ------
    ValueError, FileNotFoundError
        If there is no such thing, or it is for another sketch.
    """
    if os.fspath(given) == "reference":
        return _reference(find_sketch(sketch or "model_runner")), sketch or "model_runner"
    path = Path(given)
    if path.suffix == ".json":
        classifier = _load_classifier(path)
        return classifier, sketch or _sketch_of(classifier)
    data = path.read_bytes()
    takes = find_sketch(sketch).takes if sketch else "model"
    if takes == "keywords":
        return KeywordClassifier(model=data), sketch
    if takes == "persons":
        return PersonClassifier(model=data), sketch
    if takes == "gestures":
        raise ValueError(
            f"{path} is a model alone, and {sketch} needs its window, features and normalisation too. Give the "
            "classifier's .json, which GestureClassifier.to_json writes, with the model beside it."
        )
    return data, sketch or "model_runner"


def next_steps(deployment: Deployment) -> str:
    """Say what to do with the folder."""
    profile = f"--profile {deployment.profile} " if deployment.profile else ""
    command = f"arduino-cli compile {profile}{deployment.folder}"
    missing = "" if shutil.which("arduino-cli") else " (arduino-cli is not installed: arduino.github.io/arduino-cli)"
    return f"Next: open it in the Arduino IDE, or run `{command}`{missing}. README.md says more."


def _reference(sketch: Sketch) -> Subject:
    from tinyml_labs.datasets import load_reference_model

    loaders: dict[str, Any] = {
        "gestures": load_reference_classifier,
        "keywords": load_reference_keyword_classifier,
        "persons": load_reference_person_classifier,
    }
    return loaders[sketch.takes]() if sketch.takes in loaders else load_reference_model("sine")


def _load_classifier(path: Path) -> Classifier:
    """Find out by its settings which kind of classifier a file is of."""
    text = path.read_text(encoding="utf-8")
    if '"normalisation"' in text:
        beside = path.with_name(f"{path.stem}_int8.tflite")
        if not beside.is_file():
            raise FileNotFoundError(f"There is no {beside}: the model belongs beside its settings, {path.name}.")
        return GestureClassifier.from_json(beside.read_bytes(), text)
    return load_person_classifier(path) if '"detected"' in text else load_keyword_classifier(path)


def _sketch_of(subject: Subject) -> str:
    for kind, (type_, _) in _KINDS.items():
        if isinstance(subject, type_):
            return next(sketch.name for sketch in SKETCHES.values() if sketch.takes == kind)
    return "model_runner"


def _check_subject(subject: Subject, sketch: Sketch) -> None:
    expected = _KINDS[sketch.takes][0] if sketch.takes in _KINDS else bytes
    if not isinstance(subject, expected):
        wanted = "a .tflite model" if expected is bytes else f"a {expected.__name__}"
        raise ValueError(f"{sketch.name} takes {wanted}, and this is a {type(subject).__name__}.")
    if sketch.name != "hello_world" or not isinstance(subject, bytes):
        return
    model = read_model(subject)
    tensors = (*model.inputs, *model.outputs)
    if len(tensors) != 2 or any(tensor.size != 1 or tensor.type_name != "INT8" for tensor in tensors):
        raise ValueError("hello_world takes a model of one int8 number in and one out. model_runner takes any model.")


def _model_files(subject: Subject, prepared: PreparedModel) -> dict[str, str]:
    """Give what the exporter of its kind writes."""
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(subject, bytes):
            made = prepared.write(Path(folder))
        else:
            export = next(export for type_, export in _KINDS.values() if isinstance(subject, type_))
            settings = {"engine": prepared.engine, "arena_bytes": prepared.arena_bytes, "taps": prepared.taps}
            made = export(subject, folder, **settings)
        return {path.name: path.read_text(encoding="utf-8") for path in made}
