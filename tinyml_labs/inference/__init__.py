"""Run a ``.tflite`` model on the host: the board's own kernels, or LiteRT beside them.

>>> from tinyml_labs import inference
>>> with inference.load("sine_int8.tflite") as model:      # doctest: +SKIP
...     scores = model.predict(windows)                    # float in, float out
...     raw = model.run(inference.quantize(windows, model.inputs[0].scale, model.inputs[0].zero_point))

Introduced in ``01_hello_world.ipynb``.
"""

from tinyml_labs.inference.interpreter import (
    ENGINES,
    InferenceError,
    Interpreter,
    TensorInfo,
    load,
    predict,
    run,
)
from tinyml_labs.inference.quantization import dequantize, quantize
from tinyml_labs.inference.tflm import tflm_available

__all__ = [
    "ENGINES",
    "InferenceError",
    "Interpreter",
    "TensorInfo",
    "dequantize",
    "load",
    "predict",
    "quantize",
    "run",
    "tflm_available",
]
