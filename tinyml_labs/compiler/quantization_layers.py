"""QUANTIZE and DEQUANTIZE."""

from __future__ import annotations

from tinyml_labs.compiler.graph import Graph
from tinyml_labs.compiler.layer import Call, Layer, Place
from tinyml_labs.compiler.tables import lookup
from tinyml_labs.model_file import Operator


def quantize(graph: Graph, operator: Operator) -> Layer:
    """Turn a QUANTIZE into a call of ``quantization.h``; from int8 to int8 it is a table."""
    source = graph.input(operator, 0, ("INT8", "FLOAT32"))
    if source.type_name == "INT8":
        return lookup(graph, operator)
    output = graph.output(operator)
    return _between(graph, operator, "tinyml_quantize_f32_s8", output.scale, output.zero_point)


def dequantize(graph: Graph, operator: Operator) -> Layer:
    """Turn a DEQUANTIZE into a call of ``quantization.h``."""
    source = graph.input(operator, 0)
    graph.output(operator, 0, ("FLOAT32",))
    return _between(graph, operator, "tinyml_dequantize_s8_f32", source.scale, source.zero_point)


def _between(graph: Graph, operator: Operator, function: str, scale: float, zero_point: int) -> Layer:
    source = graph.tensors[operator.inputs[0]]
    output = graph.tensors[operator.outputs[0]]
    if source.is_constant or source.size != output.size:
        graph.refuse(operator, f"takes {source.shape_text}, constant or not as large as its output")
    down = operator.name == "QUANTIZE"
    types = ("float", "int8_t") if down else ("int8_t", "float")
    return Layer(
        index=operator.index,
        op=operator.name,
        name=graph.name_of(operator),
        inputs=(source.index,),
        outputs=(output.index,),
        calls=(
            Call(
                function=function,
                struct="tinyml_quantization",
                settings={"scale": scale, "zero_point": zero_point, "count": source.size},
                arguments=(Place(kind="input", c_type=types[0]), Place(kind="output", c_type=types[1])),
            ),
        ),
        headers=("kernels/quantization.h",),
        overwrites=(0,) if down else (),
    )
