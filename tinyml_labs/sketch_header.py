"""What headers of sketches that run a classifier have in common: its classes, its smoother, its model's number."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from tinyml_labs import c_literals
from tinyml_labs.model_file import ModelFile
from tinyml_labs.smoothing import SmootherSettings

_MOST_NAMES = 255  # bytes of a text in the board's description


def check_labels(labels: Sequence[str], scores: int) -> None:
    """Check that labels fit the model and the board's description.

    Parameters
    ----------
    labels : sequence of str
    scores : int
        How many the model gives.

    Raises
    ------
    ValueError
        Another number of them, one that is empty, there twice or not to be told, or too long ones.
    """
    if len(labels) != scores:
        raise ValueError(
            f"There are {len(labels)} labels, and the model gives {scores} scores. Give each score its label, "
            "in the order of training."
        )
    for label in labels:
        if not label or "," in label or not label.isprintable() or list(labels).count(label) > 1:
            raise ValueError(
                f"The label {label!r} is empty, there twice, or has a comma or a control character in it; expected a "
                "name of its own for each class."
            )
    names = len(",".join(labels).encode())
    if names > _MOST_NAMES:
        raise ValueError(f"The labels are {names} bytes together; a board can tell {_MOST_NAMES}. Take shorter ones.")


def label_lines(labels: Sequence[str]) -> list[str]:
    """Give the classes as C++: ``kClasses``, ``kLabels`` and ``kLabelList``."""
    return [
        f"const uint8_t kClasses = {len(labels)};",
        "const char* const kLabels[kClasses] = {",
        fill(", ".join(c_literals.text(label) for label in labels) + ","),
        "};",
        f"const char kLabelList[] = {c_literals.text(','.join(labels))};",
    ]


def smoothing_line(smoother: SmootherSettings, labels: Sequence[str]) -> str:
    """Give the smoother as an element of a struct's initializer."""
    background = " and ".join(labels[k] for k in smoother.background) or "none"
    values = f"{smoother.threshold}, {smoother.release}, {smoother.hold_off}, {smoother.background_mask:#x}"
    return f"    {{{values}}},  // threshold, release, hold-off; background: {background}"


def export_number(model: ModelFile) -> str:
    """Give the number by which the files of one export know each other."""
    return f"0x{model.sha256[:8]}"


def export_check(header: str, macro: str, model: ModelFile) -> list[str]:
    """Give the lines that refuse a header of another model."""
    return [
        f"#if {macro} != {export_number(model)}",
        f"#error {header} is of another model: export both again.",
        "#endif",
    ]


def fill(text: str) -> str:
    """Wrap a list of values, indented."""
    return textwrap.fill(text, 100, initial_indent="    ", subsequent_indent="    ")
