"""Write a trained person classifier into the sketch ``person_detector``: the model, and all that goes with it.

>>> from tinyml_labs.person_export import export_person_classifier
>>> export_person_classifier(classifier, "arduino_sketches/person_detector")  # doctest: +SKIP

``person_settings.h`` has the picture's size, labels and smoothing. The model is C by :mod:`tinyml_labs.compiler`,
``person_model.h`` and ``.c``; or, by ``engine="tflm"``, an array that a library of TensorFlow Lite Micro runs.
The same classifier gives the same bytes. Files of two models do not compile together.
"""

from __future__ import annotations

import os
from pathlib import Path

from tinyml_labs.export import write_source
from tinyml_labs.model_file import ModelFile, read_model
from tinyml_labs.person_classifier import PersonClassifier
from tinyml_labs.sketch_header import check_labels, export_check, export_number, label_lines, smoothing_line
from tinyml_labs.sketch_model import prepare_sketch_model

SETTINGS_FILE = "person_settings.h"

_GENERATED = "tinyml_labs.person_export"
_MODEL = "person_model"


def export_person_classifier(
    classifier: PersonClassifier,
    directory: str | os.PathLike[str],
    *,
    engine: str = "auto",
    arena_bytes: int | None = None,
    taps: bool = False,
) -> list[Path]:
    """Write the settings and the model.

    Parameters
    ----------
    classifier : PersonClassifier
        Its model is an int8 .tflite.
    directory : str or PathLike
        The sketch's folder; it is made if it does not exist. Files of an earlier export are replaced, or removed if
        this model has no such file.
    engine : str
        ``"compiled"`` makes C of the model; ``"tflm"`` leaves it to a library of TensorFlow Lite Micro; ``"auto"``
        compiles it if the compiler knows every op.
    arena_bytes : int, optional
        Working memory for TensorFlow Lite Micro; measured here by default.
    taps : bool
        Let the compiled model show its layers to :func:`tinyml_labs.replay.replay`.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    ValueError
        A model that is not int8, or has an op that neither the compiler nor TensorFlow Lite
        Micro has; labels that do not fit it.
    """
    model = read_model(classifier.model)
    _check_model(model)
    check_labels(classifier.labels, model.outputs[0].size)
    prepared = prepare_sketch_model(
        model,
        file_name=_MODEL,
        cpp_name="kPersonModel",
        header=SETTINGS_FILE,
        check=export_check(SETTINGS_FILE, "PERSON_EXPORT", model),
        made_by=_GENERATED,
        engine=engine,
        arena_bytes=arena_bytes,
        taps=taps,
    )
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    return [write_source(folder / SETTINGS_FILE, _settings_header(model, classifier)), *prepared.write(folder)]


def _check_model(model: ModelFile) -> None:
    for role, tensors in (("input", model.inputs), ("output", model.outputs)):
        found = ", ".join(f"{tensor.type_name.lower()} {tensor.shape_text}" for tensor in tensors)
        if len(tensors) != 1 or tensors[0].type_name != "INT8":
            raise ValueError(
                f"The model's {role} is {found}, expected one of int8. Convert it with conversion.convert, which "
                "makes int8 by default."
            )


def _settings_header(model: ModelFile, classifier: PersonClassifier) -> str:
    image, labels, smoother = classifier.image, classifier.labels, classifier.smoother
    sizes = f"{image.width * image.height}, {len(labels)}, {smoother.average_windows}"
    lines = [
        f"// Made by {_GENERATED}: do not change it by hand. Export again.",
        f"// The model: {len(model.data):,} bytes as a .tflite file, SHA-256 {model.sha256}",
        "#ifndef PERSON_SETTINGS_H",
        "#define PERSON_SETTINGS_H",
        "",
        "#include <TinyMLLabs.h>",
        "",
        f"#define PERSON_EXPORT {export_number(model)}  // by this number the model's files know their settings",
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
