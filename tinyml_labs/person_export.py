"""Write a trained person classifier into the sketch ``person_detector``: the model, and all that goes with it.

>>> from tinyml_labs.person_export import export_person_classifier
>>> export_person_classifier(classifier, "arduino_sketches/person_detector")  # doctest: +SKIP

``person_settings.h`` has the picture's size, labels and smoothing. The model is the array ``person_model_data``,
which a library of TensorFlow Lite Micro runs; one of dense layers alone is C++ by itself, ``person_model.cpp``, and
needs no such library.
The same classifier gives the same bytes. Files of two models do not compile together.
"""

from __future__ import annotations

import os
from pathlib import Path

from tinyml_labs.dense_c import model_source
from tinyml_labs.export import export_c, write_source
from tinyml_labs.model_file import ModelFile, read_model
from tinyml_labs.person_classifier import PersonClassifier
from tinyml_labs.sketch_header import check_labels, export_check, export_number, label_lines, smoothing_line

SETTINGS_FILE, MODEL_FILE = "person_settings.h", "person_model.cpp"

_GENERATED = "tinyml_labs.person_export"
_MODEL = "person_model"
_TFLM_FILES = tuple(f"{_MODEL}_{part}" for part in ("data.h", "data.c", "settings.h", "ops.h"))
_DENSE = {"FULLY_CONNECTED", "SOFTMAX"}


def export_person_classifier(
    classifier: PersonClassifier, directory: str | os.PathLike[str], *, arena_bytes: int | None = None
) -> list[Path]:
    """Write the settings and the model.

    Parameters
    ----------
    classifier : PersonClassifier
        Its model is an int8 .tflite.
    directory : str or PathLike
        The sketch's folder; it is made if it does not exist. Files of an earlier export are replaced, or removed if
        this model has no such file.
    arena_bytes : int, optional
        Working memory for TensorFlow Lite Micro; measured here by default.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    ValueError
        A model that is not int8, or has an op that TensorFlow Lite Micro does not have; labels that do not fit it.
    """
    model = read_model(classifier.model)
    _check_model(model)
    check_labels(classifier.labels, model.outputs[0].size)
    dense = _is_dense(model)
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    for name in _TFLM_FILES if dense else (MODEL_FILE,):
        (folder / name).unlink(missing_ok=True)
    made = [write_source(folder / SETTINGS_FILE, _settings_header(model, classifier, dense))]
    if dense:
        check = export_check(SETTINGS_FILE, "PERSON_EXPORT", model)
        source = model_source(model.data, header=SETTINGS_FILE, name="kPersonModel", made_by=_GENERATED, check=check)
        return [*made, write_source(folder / MODEL_FILE, source)]
    settings = {"export": int(export_number(model), 16)}
    return made + export_c(model.data, folder, name=_MODEL, settings=settings, arena_bytes=arena_bytes)


def _check_model(model: ModelFile) -> None:
    for role, tensors in (("input", model.inputs), ("output", model.outputs)):
        found = ", ".join(f"{tensor.type_name.lower()} {tensor.shape_text}" for tensor in tensors)
        if len(tensors) != 1 or tensors[0].type_name != "INT8":
            raise ValueError(
                f"The model's {role} is {found}, expected one of int8. Convert it with conversion.convert, which "
                "makes int8 by default."
            )


def _is_dense(model: ModelFile) -> bool:
    return len(model.subgraphs) == 1 and {op.name for op in model.subgraphs[0].operators} <= _DENSE


def _settings_header(model: ModelFile, classifier: PersonClassifier, dense: bool) -> str:
    image, labels, smoother = classifier.image, classifier.labels, classifier.smoother
    sizes = f"{image.width * image.height}, {len(labels)}, {smoother.average_windows}"
    runtime = ["", "#define PERSON_TFLM  // tflm_model.cpp runs it"] if not dense else []
    lines = [
        f"// Made by {_GENERATED}: do not change it by hand. Export again.",
        f"// The model: {len(model.data):,} bytes as a .tflite file, SHA-256 {model.sha256}",
        "#ifndef PERSON_SETTINGS_H",
        "#define PERSON_SETTINGS_H",
        "",
        "#include <TinyMLLabs.h>",
        "",
        f"#define PERSON_EXPORT {export_number(model)}  // by this number the model's files know their settings",
        *runtime,
        "",
        "extern const tinyml::Model kPersonModel;",
        "",
        "namespace person {",
        "",
        "// Pixels, classes, pictures in an average.",
        f"typedef tinyml::PersonDetector<{sizes}> Detector;",
        "",
        "// What the model gets of the camera's picture.",
        f"const uint16_t kWidth = {image.width};",
        f"const uint16_t kHeight = {image.height};",
        f"const tinyml::ImageCrop kCrop = tinyml::ImageCrop::{image.crop};",
        "",
        *label_lines(labels),
        "",
        "const tinyml::PersonSettings kSettings = {",
        f"    {classifier.detected_class},  // the class that is looked for: {classifier.detected}",
        smoothing_line(smoother, labels),
        "};",
        "",
        "}  // namespace person",
        "",
        "#endif",
    ]
    return "\n".join(lines) + "\n"
