"""Compile .tflite models to C99 without an interpreter, and check that they give TensorFlow Lite Micro's bytes.

>>> from tinyml_labs.compiler import compile_model
>>> compile_model("keywords_int8.tflite", name="keywords").write("sketch")  # doctest: +SKIP
"""

from tinyml_labs.compiler.check import CheckReport, Difference, check_model
from tinyml_labs.compiler.lowering import supported_ops
from tinyml_labs.compiler.model import CompiledLayer, CompiledModel, compile_model
from tinyml_labs.compiler.planning import Buffer, MemoryPlan

__all__ = [
    "Buffer",
    "CheckReport",
    "CompiledLayer",
    "CompiledModel",
    "Difference",
    "MemoryPlan",
    "check_model",
    "compile_model",
    "supported_ops",
]
