"""A compiled model as C99: the header that a sketch includes, and the source with constants and layers."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tinyml_labs.c_literals import number
from tinyml_labs.compiler.graph import Graph
from tinyml_labs.compiler.layer import Array, Call, Layer, Place
from tinyml_labs.compiler.planning import MemoryPlan
from tinyml_labs.model_file import Tensor

_WIDTH = 100
_NO_BREAK = "\u00a0"
_C_TYPES = {"INT8": "int8_t", "FLOAT32": "float"}


def write_header(name: str, graph: Graph, plan: MemoryPlan, layers: Sequence[Layer]) -> str:
    """Return the text of ``<name>.h``, for C and C++."""
    big = name.upper()
    model = graph.model
    lines = [
        _first_line(graph),
        f"#ifndef {big}_H",
        f"#define {big}_H",
        "",
        "#include <stddef.h>",
        "#include <stdint.h>",
        "",
        f"#define {big}_ARENA_BYTES {plan.arena_bytes}u",
        f"#define {big}_LAYERS {len(layers)}u",
        f"#define {big}_INPUTS {len(model.inputs)}u",
        f"#define {big}_OUTPUTS {len(model.outputs)}u",
    ]
    for role, tensors in (("INPUT", model.inputs), ("OUTPUT", model.outputs)):
        for index, tensor in enumerate(tensors):
            lines += _tensor_macros(f"{big}_{role}" + (f"_{index}" if index else ""), tensor)
    lines += [
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        f"extern const uint8_t {name}_sha256[32]; // of the .tflite file",
        "",
        "// Where an input belongs; it has to be written before every inference.",
        f"void *{name}_input(uint8_t index);",
        "// What the last inference gave; valid until an input is written.",
        f"const void *{name}_output(uint8_t index);",
        f"void {name}_invoke(void);",
        "",
        f"#if defined({big}_TAPS) || defined(TINYML_TAPS)",
        "// Called after each layer, once for each of its outputs, with what the layer gave.",
        f"typedef void (*{name}_tap)(void *context, uint16_t layer, const void *values, uint32_t bytes);",
        f"void {name}_invoke_with_taps({name}_tap tap, void *context);",
        "#endif",
        "",
        "#ifdef __cplusplus",
        "}",
        "#endif",
        "",
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def write_source(name: str, graph: Graph, plan: MemoryPlan, layers: Sequence[Layer]) -> str:
    """Return the text of ``<name>.c``."""
    executed = [layers[position] for position in plan.order]
    headers = sorted({header for layer in layers for header in layer.headers} | {"kernels/flash.h"})
    lines = [
        _first_line(graph),
        f'#include "{name}.h"',
        "",
        *(["#include <string.h>", ""] if any(c.function == "memset" for la in layers for c in la.calls) else []),
        *(f"#include <{header}>" for header in headers),
        "",
        f"const uint8_t {name}_sha256[32] = {{",
        _fill(f"0x{byte:02x}" for byte in bytes.fromhex(graph.model.sha256)),
        "};",
        "",
        "// Tensors that are never needed together share these bytes.",
        f"static uint8_t arena[{max(plan.arena_bytes, 1)}] __attribute__((aligned(16)));",
        "",
    ]
    for layer in executed:
        if layer.arrays:
            lines += [f"// Constants of layer {_title(layer)}", *_arrays(layer), ""]
    for position in plan.order:
        if not layers[position].renames:
            lines += [*_layer(graph, plan, layers[position], position), ""]
    lines += [
        *_accessor(f"void *{name}_input", plan, graph.model.inputs),
        "",
        *_accessor(f"const void *{name}_output", plan, graph.model.outputs),
        "",
        f"void {name}_invoke(void) {{",
        *(f"  {_function(layer)}();" for layer in executed if not layer.renames),
        "}",
        "",
        f"#if defined({name.upper()}_TAPS) || defined(TINYML_TAPS)",
        f"void {name}_invoke_with_taps({name}_tap tap, void *context) {{",
    ]
    for layer in executed:
        if not layer.renames:
            lines.append(f"  {_function(layer)}();")
        for tensor in layer.outputs:
            nbytes = graph.tensors[tensor].nbytes
            lines.append(f"  tap(context, {layer.index}, arena + {plan.offset_of(tensor)}, {nbytes}u);")
    lines += ["}", "#endif"]
    return "\n".join(lines) + "\n"


def _first_line(graph: Graph) -> str:
    return (
        f"// Made by tinyml_labs.compiler from {len(graph.model.data):,} bytes of .tflite; SHA-256 "
        f"{graph.model.sha256[:16]}…: do not change it by hand."
    )


def _tensor_macros(prefix: str, tensor: Tensor) -> list[str]:
    return [
        "",
        f"#define {prefix}_TYPE {_C_TYPES[tensor.type_name]}",
        f"#define {prefix}_BYTES {tensor.nbytes}u",
        f"#define {prefix}_SCALE {number(float(tensor.scale))}",
        f"#define {prefix}_ZERO_POINT {number(int(tensor.zero_point))}",
        f"#define {prefix}_RANK {len(tensor.shape)}u",
        f"#define {prefix}_SHAPE {{{', '.join(map(str, tensor.shape)) or '1'}}}",
    ]


def _accessor(start: str, plan: MemoryPlan, tensors: Sequence[Tensor]) -> list[str]:
    if len(tensors) == 1:
        return [
            f"{start}(uint8_t index) {{",
            "  (void)index;",
            f"  return arena + {plan.offset_of(tensors[0].index)};",
            "}",
        ]
    return [
        f"{start}(uint8_t index) {{",
        "  switch (index) {",
        *(f"    case {k}: return arena + {plan.offset_of(t.index)};" for k, t in enumerate(tensors[:-1])),
        f"    default: return arena + {plan.offset_of(tensors[-1].index)};",
        "  }",
        "}",
    ]


def _function(layer: Layer) -> str:
    return f"layer{layer.index}_{layer.op.lower()}"


def _layer(graph: Graph, plan: MemoryPlan, layer: Layer, position: int) -> list[str]:
    lines = [
        f"// Layer {_title(layer)}" + (f": {layer.remark}" if layer.remark else ""),
        *(f"//   from {_describe(graph.tensors[tensor])}" for tensor in layer.inputs),
        *(f"//   to {_describe(graph.tensors[tensor])}" for tensor in layer.outputs),
        f"static void {_function(layer)}(void) {{",
    ]
    for order, call in enumerate(layer.calls):
        settings = "settings" if len(layer.calls) == 1 else f"settings{order}"
        if call.struct:
            lines.append(f"  static const {call.struct} {settings} = {{")
            lines += _settings(layer, call)
            lines.append("  };")
        arguments = [_argument(plan, layer, position, argument) for argument in call.arguments]
        first = [f"&{settings}"] if call.struct else []
        lines.append(f"  {call.function}({', '.join([*first, *arguments])});")
    lines.append("}")
    return lines


def _title(layer: Layer) -> str:
    return f"{layer.index}, {layer.op}" + (f" '{_plain(layer.name)}'" if layer.name else "")


def _arrays(layer: Layer) -> list[str]:
    return [line for array in layer.arrays for line in _array(layer, array)]


def _describe(tensor: Tensor) -> str:
    text = f"{tensor.type_name.lower()} {tensor.shape_text}"
    if tensor.scale:
        text += f", scale {tensor.scale:.9g}, zero point {tensor.zero_point}"
    return text


def _plain(name: str) -> str:
    """Return a name that cannot end a line of comment or start a trigraph."""
    return "".join(c if c.isascii() and c.isprintable() and c not in "\\?" else "_" for c in name)


def _array(layer: Layer, array: Array) -> list[str]:
    space = "TINYML_FLASH " if array.in_flash else ""
    start = f"static const {space}{array.c_type} layer{layer.index}_{array.name}[{array.values.size}] = {{"
    if array.c_type == "float":
        values: Iterable[str] = (number(float(value)) for value in array.values)
    else:
        values = map(_integer, array.values.tolist())
    return [start + (f" // {array.remark}" if array.remark else ""), _fill(values), "};"]


def _settings(layer: Layer, call: Call) -> list[str]:
    """Return designated initializers, several a line."""
    flat: dict[str, Any] = {}
    for key, value in call.settings.items():
        inner = {f"{key}.{name}": entry for name, entry in value.items()} if isinstance(value, dict) else {key: value}
        flat |= inner
    return [_fill((f".{key} = {_value(layer, value)}" for key, value in flat.items()), "      ")]


def _value(layer: Layer, value: Any) -> str:
    if isinstance(value, Array):
        return f"layer{layer.index}_{value.name}"
    if isinstance(value, list):
        return "{" + ", ".join(_integer(entry) for entry in value) + "}"
    if isinstance(value, float):
        return number(value)
    return value if isinstance(value, str) else _integer(int(value))


def _integer(value: int) -> str:
    return "(-2147483647 - 1)" if value == -(2**31) else str(value)  # the literal 2147483648 has another type


def _argument(plan: MemoryPlan, layer: Layer, position: int, argument: Place | str) -> str:
    if isinstance(argument, str):
        return f"layer{layer.index}_{argument[1:]}" if argument.startswith("@") else argument
    if argument.kind == "scratch":
        offset = plan.scratch_of(position)
        return "NULL" if offset is None else f"arena + {offset}"
    tensors = layer.inputs if argument.kind == "input" else layer.outputs
    offset = plan.offset_of(tensors[argument.index]) + argument.offset_bytes
    const = "const " if argument.kind == "input" else ""
    return f"({const}{argument.c_type} *)(arena + {offset})" if argument.c_type else f"arena + {offset}"


def _fill(values: Iterable[str], indent: str = "    ") -> str:
    """Return lines of values; none is broken within."""
    text = ", ".join(value.replace(" ", _NO_BREAK) for value in values) + ","
    filled = textwrap.fill(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return filled.replace(_NO_BREAK, " ")


def array_bytes(layers: Sequence[Layer]) -> int:
    """Return the bytes of all constants in flash, without the kernels' settings."""
    return int(np.sum([array.nbytes for layer in layers for array in layer.arrays], dtype=np.int64))
