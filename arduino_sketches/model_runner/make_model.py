"""Write model.cpp, the model of the sketch model_runner: ``python make_model.py [MODEL.tflite]``.

Without a file it is the bundled sine model. For models of int8 dense layers, such as those of ``01_hello_world``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tinyml_labs import datasets
from tinyml_labs.dense_c import model_source


def main() -> None:
    """Write model.cpp beside this script."""
    model = sys.argv[1] if len(sys.argv) > 1 else datasets.load_reference_model("sine")
    target = Path(__file__).with_name("model.cpp")
    part = target.with_suffix(".part")
    part.write_text(model_source(model, made_by="make_model.py"), encoding="utf-8")
    part.replace(target)


if __name__ == "__main__":
    main()
