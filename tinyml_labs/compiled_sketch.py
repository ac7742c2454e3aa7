"""A compiled model in a sketch: its C, and the few lines of C++ by which the board's server knows it.

>>> from tinyml_labs.compiled_sketch import write_compiled_model
>>> from tinyml_labs.compiler import compile_model
>>> write_compiled_model(compile_model("sine.tflite", name="sine_model"), "my_sketch", name="kSine")  # doctest: +SKIP

Three files: ``sine_model.h`` and ``sine_model.c`` are the compiler's, ``sine_model_board.cpp`` defines
``extern const tinyml::Model kSine`` (``tinyml/model.h``). They need the Arduino library TinyMLLabs, and no other.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinyml_labs.c_literals import check_identifier, number, numbers
from tinyml_labs.export import write_source

if TYPE_CHECKING:
    from tinyml_labs.compiler import CompiledModel

_DTYPES = {"INT8": "int8", "UINT8": "uint8", "INT16": "int16", "INT32": "int32", "FLOAT32": "float32"}


def model_glue(
    compiled: CompiledModel,
    name: str = "kModel",
    *,
    header: str = "",
    check: Sequence[str] = (),
    made_by: str = "tinyml_labs.compiled_sketch",
) -> str:
    """Give the C++ that makes a ``tinyml::Model`` of a compiled model.

    Parameters
    ----------
    compiled : CompiledModel
    name : str
        The model's name in C++.
    header : str
        A file of the sketch to include too, such as its settings; it may declare the model.
    check : sequence of str
        Lines behind the includes, such as a check that the header is of this model.
    made_by : str
        For the first line: whose work this is, so that nobody changes it by hand.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the name is none in C++, or a tensor has a type that the link does not know.
    """
    check_identifier(name, "The model's name")
    own, upper = compiled.name, compiled.name.upper()
    one_input, one_output = len(compiled.inputs) == 1, len(compiled.outputs) == 1
    together = [] if one_input else [f"static uint8_t input[{_bytes(compiled.inputs)}];"]
    together += [] if one_output else [f"static uint8_t output[{_bytes(compiled.outputs)}];"]
    before = [] if one_input else _copies(own, "input", compiled.inputs)
    behind = [] if one_output else _copies(own, "output", compiled.outputs)
    traced = f"{own}_invoke_with_taps"
    wrapper = [
        "static void invoke_with_taps(LayerTap tap, void* context) {",
        *before,
        f"  {traced}(tap, context);",
        *behind,
        "}",
    ]
    taps = "invoke_with_taps" if before or behind else traced
    source = f"static_cast<uint8_t*>({own}_input(0)), {upper}_INPUT_BYTES" if one_input else "input, sizeof input"
    result = f"static_cast<const uint8_t*>({own}_output(0)), {upper}_OUTPUT_BYTES"
    lines = [
        f"// Made by {made_by}: do not change it by hand.",
        f"// The compiled model {own}.c, as the board's server sees it.",
        *([f'#include "{header}"'] if header else []),
        "#include <TinyMLLabs.h>",
        "",
        f'#include "{own}.h"',
        *check,
        "",
        "using namespace tinyml;",
        "",
        f"extern const Model {name};",
        "",
        *_layouts("Input", compiled.inputs),
        *_layouts("Output", compiled.outputs),
        "",
        *together,
        *([""] if together else []),
        "static const char* invoke(void*) {",
        *before,
        f"  {own}_invoke();",
        *behind,
        "  return nullptr;",
        "}",
        "",
        f"#if defined({upper}_TAPS) || defined(TINYML_TAPS)",
        *(wrapper if before or behind else []),
        f"static const LayerTaps kLayerTaps = {{{upper}_LAYERS, {taps}}};",
        "static const LayerTaps* const kTaps = &kLayerTaps;",
        "#else",
        "static const LayerTaps* const kTaps = nullptr;",
        "#endif",
        "",
        f"const Model {name} = {{",
        f"    {own}_sha256, {upper}_ARENA_BYTES,",
        f"    kInputs, {len(compiled.inputs)}, kOutputs, {len(compiled.outputs)},",
        f"    {source},",
        f"    {result if one_output else 'output, sizeof output'},",
        "    invoke, nullptr, kTaps,",
        "};",
    ]
    return "\n".join(lines) + "\n"


def write_compiled_model(
    compiled: CompiledModel, directory: str | os.PathLike[str], *, name: str = "kModel", **glue: Any
) -> list[Path]:
    """Write ``NAME.h``, ``NAME.c`` and ``NAME_board.cpp`` into a sketch's folder.

    Parameters
    ----------
    compiled : CompiledModel
        Its ``name`` is the files' name.
    directory : str or PathLike
        It is made if it does not exist. Files of these names are replaced, each at once.
    name : str
        The model's name in C++.
    **glue
        What else :func:`model_glue` takes.

    Returns
    -------
    list of Path
    """
    files = {**compiled.sources, f"{compiled.name}_board.cpp": model_glue(compiled, name, **glue)}
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    return [write_source(folder / file, text) for file, text in files.items()]


def _bytes(tensors: Sequence[Any]) -> int:
    return sum(tensor.nbytes for tensor in tensors)


def _copies(own: str, role: str, tensors: Sequence[Any]) -> list[str]:
    lines, at = [], 0
    for index, tensor in enumerate(tensors):
        place, other = f"{role} + {at}", f"{own}_{role}({index})"
        pair = f"{other}, {place}" if role == "input" else f"{place}, {other}"
        lines.append(f"  memcpy({pair}, {tensor.nbytes});")
        at += tensor.nbytes
    return lines


def _layouts(role: str, tensors: Sequence[Any]) -> list[str]:
    shapes, rows = [], []
    for index, tensor in enumerate(tensors):
        if tensor.type_name not in _DTYPES:
            raise ValueError(
                f"The model's {role.lower()} {tensor.name!r} is {tensor.type_name}; the link knows "
                f"{', '.join(_DTYPES)}. Convert the model with conversion.convert, which makes int8 by default."
            )
        own = f"k{role}Shape{index if len(tensors) > 1 else ''}"
        shapes.append(f"static const uint32_t {own}[] = {numbers(tensor.shape or (1,))};")
        quantization = f"{number(float(tensor.scale))}, {tensor.zero_point}"
        rows.append(f"    {{DType::{_DTYPES[tensor.type_name]}, {quantization}, {len(tensor.shape)}, {own}}},")
    return [*shapes, f"static const TensorLayout k{role}s[] = {{", *rows, "};"]
