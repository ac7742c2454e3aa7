"""What computes nothing: PAD, CONCATENATION, SPLIT, STRIDED_SLICE, TRANSPOSE move values, RESHAPE renames them."""

from __future__ import annotations

import math

import numpy as np

from tinyml_labs.compiler.graph import Graph, describe
from tinyml_labs.compiler.layer import Array, Call, Layer, Place
from tinyml_labs.model_file import Operator, Tensor

_SIDES = 4
_HEADER = "kernels/moving.h"


def rename(graph: Graph, operator: Operator) -> Layer:
    """Turn a RESHAPE, SQUEEZE or EXPAND_DIMS into nothing: its output is its input's bytes."""
    source = graph.input(operator, 0, ("INT8", "FLOAT32"))
    output = graph.output(operator, 0, (source.type_name,))
    if source.size != output.size:
        graph.refuse(operator, f"takes {source.shape_text} and gives {output.shape_text}: another number of values")
    return _layer(graph, operator, (source,), (output,), renames=True)


def pad(graph: Graph, operator: Operator) -> Layer:
    """Turn a PAD or PADV2 into a fill and a move."""
    source = graph.input(operator, 0, ("INT8", "FLOAT32"))
    output = graph.output(operator, 0, (source.type_name,))
    before = np.array(graph.numbers(operator, 1)).reshape(-1, 2)
    expected = tuple(int(side + pair.sum()) for side, pair in zip(source.shape, before, strict=True))
    if output.shape != expected or (before < 0).any():
        graph.refuse(operator, f"gives {output.shape_text}; its padding gives {expected}")
    filling = graph.optional(operator, 2, (source.type_name,))
    value = filling.values().ravel()[0] if filling is not None else output.zero_point
    if source.type_name == "FLOAT32" and (filling is None or float(value) == 0.0):
        value = 0
    elif source.type_name == "FLOAT32":
        graph.refuse(operator, f"fills with {value:g}; on float32 there is a kernel for 0")
    steps = _steps(output)
    start = sum(int(pair[0]) * step for pair, step in zip(before, steps, strict=True))
    fill = Call(function="memset", arguments=(Place(kind="output", c_type=""), str(int(value)), f"{output.nbytes}u"))
    move = _move(
        graph,
        operator,
        source.shape,
        _steps(source),
        steps,
        source.dtype.itemsize,
        Place(kind="input", c_type=""),
        Place(kind="output", offset_bytes=start, c_type=""),
    )
    return _layer(graph, operator, (source,), (output,), calls=(fill, move))


def concatenation(graph: Graph, operator: Operator) -> Layer:
    """Turn a CONCATENATION into a move for each input."""
    output = graph.output(operator, 0, ("INT8", "FLOAT32"))
    sources = [graph.input(operator, k, (output.type_name,)) for k in range(len(operator.inputs))]
    axis = operator.options["axis"] % len(output.shape)
    expected = [list(source.shape) for source in sources]
    length = sum(shape[axis] for shape in expected if len(shape) > axis)
    if any([*shape[:axis], length, *shape[axis + 1 :]] != list(output.shape) for shape in expected):
        graph.refuse(
            operator,
            f"joins {', '.join(source.shape_text for source in sources)} along side {axis} to {output.shape_text}",
        )
    if operator.options.get("fused_activation_function", "NONE") != "NONE":
        graph.refuse(operator, "has an activation, which TensorFlow Lite Micro does not take either")
    for source in sources:
        if source.type_name == "INT8" and (source.scale, source.zero_point) != (output.scale, output.zero_point):
            graph.refuse(
                operator,
                f"joins {describe(source)} of scale {source.scale:g} and zero point {source.zero_point} to scale "
                f"{output.scale:g} and zero point {output.zero_point}; TensorFlow Lite Micro takes equal ones only",
            )
    steps, start = _steps(output), 0
    calls, arrays = [], []
    inputs: list[Tensor] = []
    for position, source in enumerate(sources):
        place: Place | str = Place(kind="input", index=len(inputs), c_type="")
        if source.is_constant:
            c_type = "int8_t" if source.type_name == "INT8" else "float"
            array = Array(name=f"input{position}", c_type=c_type, values=source.values().ravel(), in_flash=False)
            arrays.append(array)
            place = f"@{array.name}"
        else:
            inputs.append(source)
        target = Place(kind="output", offset_bytes=start, c_type="")
        calls.append(
            _move(graph, operator, source.shape, _steps(source), steps, source.dtype.itemsize, place, target)
        )
        start += source.shape[axis] * steps[axis]
    if not inputs:
        graph.refuse(operator, "joins constants only")
    remark = f"along side {axis}"
    return _layer(graph, operator, inputs, (output,), calls=tuple(calls), arrays=tuple(arrays), remark=remark)


def split(graph: Graph, operator: Operator) -> Layer:
    """Turn a SPLIT or SPLIT_V into a move for each output."""
    at, axis_at = (1, 0) if operator.name == "SPLIT" else (0, 2)
    source = graph.input(operator, at, ("INT8", "FLOAT32"))
    outputs = [graph.output(operator, k, (source.type_name,)) for k in range(len(operator.outputs))]
    axis = graph.numbers(operator, axis_at)[0] % len(source.shape)
    if sum(output.shape[axis] for output in outputs) != source.shape[axis] or source.is_constant:
        graph.refuse(operator, f"splits {describe(source)} along side {axis} into pieces that do not add up to it")
    steps, start, calls = _steps(source), 0, []
    for position, output in enumerate(outputs):
        origin = Place(kind="input", offset_bytes=start, c_type="")
        target = Place(kind="output", index=position, c_type="")
        calls.append(
            _move(graph, operator, output.shape, steps, _steps(output), source.dtype.itemsize, origin, target)
        )
        start += output.shape[axis] * steps[axis]
    return _layer(graph, operator, (source,), outputs, calls=tuple(calls), remark=f"along side {axis}")


def strided_slice(graph: Graph, operator: Operator) -> Layer:
    """Turn a STRIDED_SLICE into a move."""
    source = graph.input(operator, 0, ("INT8", "FLOAT32"))
    output = graph.output(operator, 0, (source.type_name,))
    options = operator.options
    if options.get("ellipsis_mask") or options.get("new_axis_mask") or options.get("offset"):
        graph.refuse(operator, "has an ellipsis, a new axis or an offset, which TensorFlow Lite Micro does not take")
    begins, ends, strides = (graph.numbers(operator, k) for k in (1, 2, 3))
    if not len(begins) == len(ends) == len(strides) == len(source.shape) or 0 in strides:
        graph.refuse(
            operator, f"cuts {describe(source)} from {begins} to {ends} by {strides}: a number for each side"
        )
    counts, start, steps = [], 0, []
    for axis, (side, step) in enumerate(zip(source.shape, _steps(source), strict=True)):
        stride = strides[axis]
        begin = None if options["begin_mask"] >> axis & 1 else begins[axis]
        end = None if options["end_mask"] >> axis & 1 else ends[axis]
        first, last, _ = slice(begin, end, stride).indices(side)
        if options["shrink_axis_mask"] >> axis & 1:
            last = first + 1
        counts.append(len(range(first, last, stride)))
        start += first * step
        steps.append(stride * step)
    if math.prod(counts) != output.size or output.size == 0:
        graph.refuse(operator, f"cuts {counts} out of {source.shape_text}, and its output is {output.shape_text}")
    packed = [math.prod(counts[axis + 1 :]) * source.dtype.itemsize for axis in range(len(counts))]
    origin = Place(kind="input", offset_bytes=start, c_type="")
    call = _move(
        graph,
        operator,
        tuple(counts),
        steps,
        packed,
        source.dtype.itemsize,
        origin,
        Place(kind="output", c_type=""),
    )
    return _layer(graph, operator, (source,), (output,), calls=(call,))


def transpose(graph: Graph, operator: Operator) -> Layer:
    """Turn a TRANSPOSE into a move."""
    source = graph.input(operator, 0, ("INT8", "FLOAT32"))
    output = graph.output(operator, 0, (source.type_name,))
    order = [axis % len(source.shape) for axis in graph.numbers(operator, 1)]
    if sorted(order) != list(range(len(source.shape))) or output.shape != tuple(source.shape[k] for k in order):
        graph.refuse(operator, f"turns {source.shape_text} by {order} into {output.shape_text}")
    steps = _steps(source)
    call = _move(
        graph,
        operator,
        output.shape,
        [steps[axis] for axis in order],
        _steps(output),
        source.dtype.itemsize,
        Place(kind="input", c_type=""),
        Place(kind="output", c_type=""),
    )
    return _layer(graph, operator, (source,), (output,), calls=(call,), remark=f"sides {order}")


def _steps(tensor: Tensor) -> list[int]:
    """Return how many bytes lie from one value to the next along each side."""
    return [math.prod(tensor.shape[axis + 1 :]) * tensor.dtype.itemsize for axis in range(len(tensor.shape))]


def _move(
    graph: Graph,
    operator: Operator,
    counts: tuple[int, ...],
    from_steps: list[int],
    to_steps: list[int],
    item_bytes: int,
    origin: Place | str,
    target: Place,
) -> Call:
    """Return a move, with sides that lie alike in both arrays merged, and the innermost as one run of bytes."""
    sides: list[tuple[int, int, int]] = [(item_bytes, 1, 1)]  # from the innermost: length, and both steps
    for side in reversed(list(zip(counts, from_steps, to_steps, strict=True))):
        length, *steps = sides[-1]
        if side[0] == 1:
            continue
        if all(now == before * length for now, before in zip(side[1:], steps, strict=True)):
            sides[-1] = (length * side[0], steps[0], steps[1])
        else:
            sides.append(side)
    run, *rest = sides
    if len(rest) > _SIDES:
        graph.refuse(operator, f"moves along {len(rest)} sides; the kernel takes {_SIDES}")
    rest += [(1, 0, 0)] * (_SIDES - len(rest))
    lengths, firsts, seconds = (list(reversed(column)) for column in zip(*rest, strict=True))
    settings = {"counts": lengths, "from_steps": firsts, "to_steps": seconds, "run_bytes": run[0]}
    return Call(function="tinyml_move_block", struct="tinyml_move", settings=settings, arguments=(origin, target))


def _layer(
    graph: Graph,
    operator: Operator,
    inputs: tuple[Tensor, ...] | list[Tensor],
    outputs: tuple[Tensor, ...] | list[Tensor],
    *,
    calls: tuple[Call, ...] = (),
    arrays: tuple[Array, ...] = (),
    renames: bool = False,
    remark: str = "",
) -> Layer:
    for tensor in inputs:
        if tensor.is_constant:
            graph.refuse(operator, f"moves the constant {describe(tensor)}")
    return Layer(
        index=operator.index,
        op=operator.name,
        name=graph.name_of(operator),
        inputs=tuple(tensor.index for tensor in inputs),
        outputs=tuple(tensor.index for tensor in outputs),
        calls=calls,
        arrays=arrays,
        headers=(_HEADER,) if calls else (),
        renames=renames,
        remark=remark,
    )
