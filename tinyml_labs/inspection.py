"""Look into a .tflite model: its operators, bytes, multiply-accumulates, arena, and what a sketch must register.

>>> from tinyml_labs import inspection
>>> inspection.inspect("sine_int8.tflite")  # doctest: +SKIP

Introduced in ``01_hello_world.ipynb``.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tinyml_labs import operator_costs
from tinyml_labs.arena import ArenaReport, measure_arena
from tinyml_labs.micro_ops import resolver_method
from tinyml_labs.missing_ops import describe_missing_ops
from tinyml_labs.model_file import ModelFile, Operator, Subgraph, Tensor, read_model
from tinyml_labs.model_state import ModelState, describe_state

if TYPE_CHECKING:
    import pandas

__all__ = ["ArenaReport", "ModelReport", "describe_missing_ops", "inspect", "measure_arena"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelReport:
    """What :func:`inspect` found; a notebook shows it as a table.

    Attributes
    ----------
    ops : pandas.DataFrame
        One row an operator, in the order they run: ``op``, ``layer`` (a guess from the tensors' names), ``input``
        and ``output`` (shapes), ``weights_bytes``, ``macs`` (multiply-accumulates), ``output_bytes``.
    size_bytes : int
        The file's size, which is what it takes on flash.
    sha256 : str
        Of the file; the sketch and the board carry it too.
    weights_bytes : int
        Constants in the file, each counted once; the rest of the file describes the operators.
    macs : int
        Multiply-accumulates of one inference.
    op_names : tuple of str
        Every kind of op in the model, over all its subgraphs, by the name in the schema or the custom op's own.
    resolver_methods : tuple of str
        The ``MicroMutableOpResolver`` methods that register them.
    missing_ops : tuple of str
        A sentence for each op that TensorFlow Lite Micro has no kernel for, or that needs an accelerator.
    notes : tuple of str
        What else a reader should know.
    inputs, outputs : tuple of Tensor
        What the model takes and gives.
    state : ModelState
        What a streaming model remembers from one inference to the next; ``state.stateful`` says if it is one.
    arena : ArenaReport or None
        The working memory; None where it could not be measured, for the reason in ``arena_missing``.
    arena_missing : str
        Why there is no ``arena``; empty where there is one.
    """

    ops: pandas.DataFrame = field(repr=False)
    size_bytes: int
    sha256: str
    weights_bytes: int
    macs: int
    op_names: tuple[str, ...]
    resolver_methods: tuple[str, ...]
    missing_ops: tuple[str, ...]
    notes: tuple[str, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    state: ModelState
    arena: ArenaReport | None
    arena_missing: str = ""

    def __str__(self) -> str:
        from tinyml_labs import inspection_views

        return inspection_views.to_text(self)

    def _repr_html_(self) -> str:
        from tinyml_labs import inspection_views

        return inspection_views.to_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as numbers, strings and lists, ready for JSON."""
        return {
            "size_bytes": self.size_bytes,
            "sha256": self.sha256,
            "weights_bytes": self.weights_bytes,
            "macs": self.macs,
            "inputs": [_describe(tensor) for tensor in self.inputs],
            "outputs": [_describe(tensor) for tensor in self.outputs],
            "ops": [{str(k): v for k, v in row.items()} for row in self.ops.to_dict("records")],
            "op_names": list(self.op_names),
            "resolver_methods": list(self.resolver_methods),
            "missing_ops": list(self.missing_ops),
            "notes": list(self.notes),
            "state": {
                "stateful": self.state.stateful,
                "bytes": self.state.nbytes,
                "resource_variables": self.state.resource_variables,
                "variables": [asdict(variable) for variable in self.state.variables],
                "ops": list(self.state.ops),
            },
            "arena": self.arena.to_dict() if self.arena else None,
            "arena_missing": self.arena_missing,
        }


def inspect(model: bytes | str | os.PathLike[str], *, arena: bool = True) -> ModelReport:
    """Say what a .tflite model holds and what it costs.

    Parameters
    ----------
    model : bytes, str or PathLike
        A .tflite model.
    arena : bool
        False leaves out the arena, which takes a second or so to measure.

    Returns
    -------
    ModelReport

    Raises
    ------
    ValueError
        If it is not a .tflite file, or a damaged one. A model that a board cannot run is no error: ``missing_ops``
        and ``arena_missing`` say why.

    Notes
    -----
    Multiply-accumulates are counted for FULLY_CONNECTED, CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV, as in
    published figures, and are 0 for any other op.
    """
    parsed = read_model(model)
    graph = parsed.subgraphs[0]
    op_names = sorted({_own_name(op) for each in parsed.subgraphs for op in each.operators})
    state = describe_state(parsed)
    found, missing = _try_arena(parsed) if arena else (None, "not measured: arena=False")
    return ModelReport(
        ops=_table(graph),
        size_bytes=len(parsed.data),
        sha256=parsed.sha256,
        weights_bytes=_all_weights_bytes(parsed),
        macs=sum(operator_costs.multiply_accumulates(op, graph) for op in graph.operators),
        op_names=tuple(op_names),
        resolver_methods=tuple(method for name in op_names if (method := resolver_method(name))),
        missing_ops=tuple(describe_missing_ops(parsed)),
        notes=tuple(_notes(parsed, state)),
        inputs=parsed.inputs,
        outputs=parsed.outputs,
        state=state,
        arena=found,
        arena_missing=missing,
    )


def _try_arena(model: ModelFile) -> tuple[ArenaReport | None, str]:
    from tinyml_labs.inference import InferenceError

    try:
        return measure_arena(model.data), ""
    except InferenceError as error:
        return None, str(error)


def _table(graph: Subgraph) -> pandas.DataFrame:
    import pandas

    rows = [
        {
            "op": _own_name(op),
            "layer": operator_costs.layer_name(op, graph),
            "input": _shapes(_computed_inputs(op, graph)),
            "output": _shapes([graph.tensors[i] for i in op.outputs if i >= 0]),
            "weights_bytes": operator_costs.weights_bytes(op, graph),
            "macs": operator_costs.multiply_accumulates(op, graph),
            "output_bytes": operator_costs.output_bytes(op, graph),
        }
        for op in graph.operators
    ]
    columns = ["op", "layer", "input", "output", "weights_bytes", "macs", "output_bytes"]
    return pandas.DataFrame(rows, columns=columns)


def _computed_inputs(op: Operator, graph: Subgraph) -> list[Tensor]:
    tensors = [graph.tensors[i] for i in op.inputs if i >= 0]
    return [tensor for tensor in tensors if not tensor.is_constant]


def _shapes(tensors: list[Tensor]) -> str:
    return ", ".join(tensor.shape_text for tensor in tensors)


def _own_name(op: Operator) -> str:
    return op.custom_code or op.name


def _all_weights_bytes(model: ModelFile) -> int:
    # Tensors that share a buffer share the bytes object: each is counted once.
    contents = {id(t.data): t.nbytes for g in model.subgraphs for t in g.tensors if t.data is not None}
    return sum(contents.values())


def _notes(model: ModelFile, state: ModelState) -> list[str]:
    notes = []
    if state.stateful:
        notes.append(
            f"A streaming model: it remembers {state} from one inference to the next. Its inputs are a sequence in "
            "order, and Interpreter.reset() begins a new one."
        )
    if state.resource_variables:
        notes.append(
            "A sketch makes room for its resource variables, "
            f"MicroResourceVariables::Create(allocator, {state.resource_variables}), and gives them to its "
            "MicroInterpreter. Their content is in the arena."
        )
    names = {_own_name(op) for graph in model.subgraphs for op in graph.operators}
    uncounted = sorted(names & operator_costs.UNCOUNTED_OPS)
    if uncounted:
        notes.append(f"Multiply-accumulates of {', '.join(uncounted)} are not counted.")
    if len(model.subgraphs) > 1:
        others = sum(len(graph.operators) for graph in model.subgraphs[1:])
        notes.append(
            f"The table is the first of {len(model.subgraphs)} subgraphs; the others hold {others} more operators, "
            "which set up or repeat parts of it."
        )
    if {"SHAPE", "STRIDED_SLICE", "PACK"} <= names:
        notes.append(
            "SHAPE, STRIDED_SLICE and PACK come from an open batch dimension: fix it to 1 before conversion, and "
            "they are gone."
        )
    return notes


def _describe(tensor: Tensor) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "type": tensor.type_name,
        "scale": tensor.scale,
        "zero_point": tensor.zero_point,
    }
