"""Write sine_model, the model of the sketch hello_world: ``python make_model.py [MODEL.tflite]``.

Without a file it is the bundled sine model; another one takes a number and gives a number.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tinyml_labs import datasets
from tinyml_labs.compiled_sketch import write_compiled_model
from tinyml_labs.compiler import compile_model


def main() -> None:
    """Write the model's three files beside this script."""
    model = sys.argv[1] if len(sys.argv) > 1 else datasets.load_reference_model("sine")
    compiled = compile_model(model, name="sine_model")
    glue = {"name": "kSineModel", "header": "sine.h", "made_by": "make_model.py"}
    for path in write_compiled_model(compiled, Path(__file__).parent, **glue):
        print(path)


if __name__ == "__main__":
    main()
