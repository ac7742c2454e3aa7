"""Write a trained gesture classifier into the sketch ``gesture_classifier``: the model, and all that goes with it.

>>> from tinyml_labs.gesture_export import export_gesture_classifier
>>> export_gesture_classifier(classifier, "arduino_sketches/gesture_classifier")  # doctest: +SKIP

``gesture_settings.h`` has window, bands, normalisation, smoother and labels. The model is C by
:mod:`tinyml_labs.compiler`, ``gesture_model.h`` and ``.c``; or, by ``engine="tflm"``, an array that a library of
TensorFlow Lite Micro runs. The same classifier gives the same bytes. Files of two models do not compile together.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinyml_labs import c_literals
from tinyml_labs.export import write_source
from tinyml_labs.features import MOTION_CHANNELS, MOTION_UNITS, motion_feature_names
from tinyml_labs.gesture_classifier import GestureClassifier
from tinyml_labs.model_file import ModelFile, read_model
from tinyml_labs.sketch_header import (
    check_labels,
    export_check,
    export_number,
    fill,
    label_lines,
    smoothing_line,
)
from tinyml_labs.sketch_model import prepare_sketch_model

SETTINGS_FILE = "gesture_settings.h"

_GENERATED = "tinyml_labs.gesture_export"


def export_gesture_classifier(
    classifier: GestureClassifier,
    directory: str | os.PathLike[str],
    *,
    engine: str = "auto",
    arena_bytes: int | None = None,
    taps: bool = False,
) -> list[Path]:
    """Write the settings and the model.

    Parameters
    ----------
    classifier : GestureClassifier
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
        If two of its parts do not fit each other, with what was found; or if the model has an op that neither
        the compiler nor TensorFlow Lite Micro has.
    """
    model = read_model(classifier.model)
    _check_features(model, classifier)
    check_labels(classifier.labels, model.outputs[0].size)
    prepared = prepare_sketch_model(
        model,
        file_name="gesture_model",
        cpp_name="kGestureModel",
        header=SETTINGS_FILE,
        check=export_check(SETTINGS_FILE, "GESTURE_EXPORT", model),
        made_by=_GENERATED,
        engine=engine,
        arena_bytes=arena_bytes,
        taps=taps,
    )
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    return [write_source(folder / SETTINGS_FILE, _settings_header(model, classifier)), *prepared.write(folder)]


def _check_features(model: ModelFile, classifier: GestureClassifier) -> None:
    window, features, channels = classifier.window, classifier.features, classifier.channels
    if channels not in (3, 6):
        raise ValueError(f"channels is {channels}, expected 3 (acceleration) or 6 (acceleration and rotation).")
    if np.float32(features.rate_hz) != np.float32(window.rate_hz):
        raise ValueError(
            f"The windows are at {window.rate_hz:g} samples a second and the features at {features.rate_hz:g}: every "
            "frequency would be another. Make both with the rate of the training data."
        )
    features.require_length(window.length)
    count = len(motion_feature_names(channels, features))
    values = len(classifier.normalisation.mean)
    if values != count:
        raise ValueError(
            f"The normalisation is for {values} values, and a window of {channels} channels has {count} features. "
            "Give the one that was fitted to these features."
        )
    if len(model.inputs) != 1 or model.inputs[0].size != count:
        found = ", ".join(tensor.shape_text for tensor in model.inputs)
        raise ValueError(
            f"The model takes {found}, and a window of {channels} channels has {count} features. Export it with the "
            "features and channels that it was trained with."
        )


def _settings_header(model: ModelFile, classifier: GestureClassifier) -> str:
    window, labels, channels = classifier.window, classifier.labels, classifier.channels
    features, normalisation, smoother = classifier.features, classifier.normalisation, classifier.smoother
    bands = len(features.bands_hz) - 1
    seconds = f"{window.length / window.rate_hz:.3g} s, one each {window.stride / window.rate_hz:.3g} s"
    sizes = f"{window.length}, {channels}, {bands}, {len(labels)}, {smoother.average_windows}"
    count = len(motion_feature_names(channels, features))
    lines = [
        f"// Made by {_GENERATED}: do not change it by hand. Export again.",
        f"// The model: {len(model.data):,} bytes as a .tflite file, SHA-256 {model.sha256}",
        "#ifndef GESTURE_SETTINGS_H",
        "#define GESTURE_SETTINGS_H",
        "",
        "#include <TinyMLLabs.h>",
        "",
        f"#define GESTURE_EXPORT {export_number(model)}  // by this number the model's files know their settings",
        "",
        "extern const tinyml::Model kGestureModel;",
        "",
        "namespace gesture {",
        "",
        f"// Samples in a window, channels, bands, classes, windows in an average. A window is {seconds}.",
        f"typedef tinyml::MotionClassifier<{sizes}> Classifier;",
        "",
        f"const size_t kLength = {window.length};",
        f"const size_t kChannels = {channels};",
        f"const char kChannelList[] = {c_literals.text(','.join(MOTION_CHANNELS[:channels]))};",
        f"const char kUnits[] = {c_literals.text(','.join(MOTION_UNITS[:channels]))};",
        "",
        *label_lines(labels),
        "",
        f"const size_t kFeatures = {count};",
        'static_assert(kFeatures == Classifier::kFeatures, "this library has other features: export again");',
        "",
        *_float_array("kBandEdgesHz", features.bands_hz),
        *_float_array("kMean", normalisation.mean.tolist()),
        *_float_array("kInverseScale", normalisation.inverse_scale.tolist()),
        "",
        "const tinyml::MotionSettings kSettings = {",
        f"    {c_literals.number(float(window.rate_hz))},  // samples a second",
        f"    {window.stride},  // samples from one window to the next",
        "    kBandEdgesHz,",
        f"    {{kMean, kInverseScale, {c_literals.number(normalisation.limit)}, kFeatures}},",
        smoothing_line(smoother, labels),
        "};",
        "",
        "}  // namespace gesture",
        "",
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def _float_array(name: str, values: Sequence[float]) -> list[str]:
    text = fill(", ".join(c_literals.number(float(value)).strip("()") for value in values) + ",")
    return [f"const float {name}[] = {{", text, "};"]
