"""SOFTMAX, on int8 and on float32."""

from __future__ import annotations

import math

import numpy as np

from tinyml_labs.compiler.fixed_point import quantize_multiplier
from tinyml_labs.compiler.graph import Graph
from tinyml_labs.compiler.layer import Call, Layer, Place
from tinyml_labs.model_file import Operator, Tensor

_INPUT_BITS = 26  # the exponent of exp() counts in steps of 2**-26


def softmax(graph: Graph, operator: Operator) -> Layer:
    """Turn a SOFTMAX into a call of ``softmax.h`` or ``softmax_f32.h``."""
    source = graph.input(operator, 0, ("INT8", "FLOAT32"))
    output = graph.output(operator, 0, (source.type_name,))
    if source.is_constant or source.shape != output.shape or not source.shape:
        graph.refuse(operator, f"takes {source.shape_text} and gives {output.shape_text}; expected one shape")
    size = source.shape[-1]
    graph.check_limits(operator, {"size": size}, 65535)
    beta = float(np.float32(operator.options["beta"]))
    if source.type_name == "INT8":
        settings: dict[str, float] = {"rows": source.size // size, "size": size}
        settings |= _scaling(graph, operator, source, output, beta)
        function, struct, c_type, header = "tinyml_softmax_s8", "tinyml_softmax", "int8_t", "kernels/softmax.h"
    else:
        settings = {"rows": source.size // size, "size": size, "beta": beta}
        function, struct, c_type = "tinyml_softmax_f32", "tinyml_softmax_float", "float"
        header = "kernels/softmax_f32.h"
    return Layer(
        index=operator.index,
        op=operator.name,
        name=graph.name_of(operator),
        inputs=(source.index,),
        outputs=(output.index,),
        calls=(
            Call(
                function=function,
                struct=struct,
                settings=settings,
                arguments=(Place(kind="input", c_type=c_type), Place(kind="output", c_type=c_type)),
            ),
        ),
        headers=(header,),
        overwrites=(0,),
    )


def _scaling(graph: Graph, operator: Operator, source: Tensor, output: Tensor, beta: float) -> dict[str, int]:
    if (output.scale, output.zero_point) != (1 / 256, -128):
        graph.refuse(
            operator,
            f"gives scale {output.scale:g} and zero point {output.zero_point}; expected 1/256 and -128, as every "
            "converter writes it",
        )
    real = min(beta * float(np.float32(source.scale)) * 2**_INPUT_BITS, 2.0**31 - 1)
    if not real > 1:
        graph.refuse(
            operator,
            f"has an input of scale {source.scale:g}: its values never differed in calibration, and TensorFlow Lite "
            "Micro stops at it",
            "Train the model before it is converted, and calibrate with real inputs.",
        )
    multiplier, shift = quantize_multiplier(real)
    return {"multiplier": multiplier, "shift": shift, "smallest": -math.floor(31 * 2**_INPUT_BITS / 2**shift)}
