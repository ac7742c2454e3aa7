"""Write a trained keyword classifier into the sketch ``keyword_spotter``: the model, and all that goes with it.

>>> from tinyml_labs.keyword_export import export_keyword_classifier
>>> export_keyword_classifier(classifier, "arduino_sketches/keyword_spotter")  # doctest: +SKIP

``keyword_settings.h`` has window, labels and smoother. The model is C by :mod:`tinyml_labs.compiler`,
``keyword_model.h`` and ``.c``; or, by ``engine="tflm"``, an array that a library of TensorFlow Lite Micro runs.
The same classifier gives the same bytes. Files of two models do not compile together.
"""

from __future__ import annotations

import os
from pathlib import Path

from tinyml_labs.export import write_source
from tinyml_labs.features.audio import SPECTROGRAM_CHANNELS, SPECTROGRAM_STEP_MS
from tinyml_labs.keyword_classifier import KeywordClassifier
from tinyml_labs.model_file import ModelFile, read_model
from tinyml_labs.sketch_header import check_labels, export_check, export_number, label_lines, smoothing_line
from tinyml_labs.sketch_model import prepare_sketch_model

SETTINGS_FILE = "keyword_settings.h"

_GENERATED = "tinyml_labs.keyword_export"
_MODEL = "keyword_model"
_MOST_INPUTS = 4096 - 64  # what one request of Python can hold


def export_keyword_classifier(
    classifier: KeywordClassifier,
    directory: str | os.PathLike[str],
    *,
    engine: str = "auto",
    arena_bytes: int | None = None,
    taps: bool = False,
) -> list[Path]:
    """Write the settings and the model.

    Parameters
    ----------
    classifier : KeywordClassifier
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
        A model that is not int8, that takes more than a board can be sent, or has an op that TensorFlow Lite Micro
        does not have; labels that do not fit it.
    """
    model = read_model(classifier.model)
    _check_model(model)
    check_labels(classifier.labels, model.outputs[0].size)
    prepared = prepare_sketch_model(
        model,
        file_name=_MODEL,
        cpp_name="kKeywordModel",
        header=SETTINGS_FILE,
        check=export_check(SETTINGS_FILE, "KEYWORD_EXPORT", model),
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
    if model.inputs[0].size > _MOST_INPUTS:
        raise ValueError(
            f"The model takes {model.inputs[0].size} values, and the sketch {_MOST_INPUTS} at most. Take a shorter "
            "window, or a larger stride of the spectrogram."
        )


def _settings_header(model: ModelFile, classifier: KeywordClassifier) -> str:
    window, labels, smoother = classifier.window, classifier.labels, classifier.smoother
    sizes = f"{window.length}, {SPECTROGRAM_CHANNELS}, {len(labels)}, {smoother.average_windows}"
    seconds = f"{window.length / window.rate_hz:.3g} s, one each {window.stride / window.rate_hz:.3g} s"
    every = classifier.spectrogram.stride_ms // SPECTROGRAM_STEP_MS
    lines = [
        f"// Made by {_GENERATED}: do not change it by hand. Export again.",
        f"// The model: {len(model.data):,} bytes as a .tflite file, SHA-256 {model.sha256}",
        "#ifndef KEYWORD_SETTINGS_H",
        "#define KEYWORD_SETTINGS_H",
        "",
        "#include <TinyMLLabs.h>",
        "",
        f"#define KEYWORD_EXPORT {export_number(model)}  // by this number the model's files know their settings",
        "",
        "extern const tinyml::Model kKeywordModel;",
        "",
        "namespace keyword {",
        "",
        f"// Frames in a window, values in a frame, classes, windows in an average. A window is {seconds}.",
        f"typedef tinyml::KeywordClassifier<{sizes}> Classifier;",
        "",
        f"const size_t kFrames = {window.length};",
        f"const size_t kChannels = {SPECTROGRAM_CHANNELS};",
        f"const uint8_t kEvery = {every};  // of the front end's frames, one each 10 ms, this one is kept",
        "",
        *label_lines(labels),
        "",
        "const tinyml::KeywordSettings kSettings = {",
        f"    {window.stride},  // frames from one window to the next",
        smoothing_line(smoother, labels),
        "};",
        "",
        "}  // namespace keyword",
        "",
        "#endif",
    ]
    return "\n".join(lines) + "\n"
