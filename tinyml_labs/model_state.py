"""What a streaming model remembers from one inference to the next: its variables, and their bytes.

Most models answer each window by itself. A streaming model, such as a wake word's, takes a few new frames at a time
and keeps what it needs of the earlier ones: in resource variables (VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE), in
variable tensors (an LSTM's state), or inside an op (CIRCULAR_BUFFER). What it answers depends on all that it was
given before: O. Rybakov et al., "Streaming Keyword Spotting on Mobile Devices" (Interspeech 2020).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tinyml_labs.model_file import ModelFile, Operator, Subgraph, Tensor

__all__ = ["ModelState", "StateVariable", "describe_state"]

# Ops of TensorFlow Lite Micro that remember inside the kernel: the file does not say how many bytes.
_OPS_THAT_REMEMBER = frozenset(
    {
        "CIRCULAR_BUFFER",
        "SignalDelay",
        "SignalFilterBankSpectralSubtraction",
        "SignalFramer",
        "SignalOverlapAdd",
        "SignalStacker",
    }
)


@dataclass(frozen=True, kw_only=True)
class StateVariable:
    """One piece of a model's memory: its name, shape, type ("INT8", "FLOAT32", ...) and bytes."""

    name: str
    shape: tuple[int, ...]
    type_name: str
    nbytes: int


@dataclass(frozen=True, kw_only=True)
class ModelState:
    """What a model remembers.

    Attributes
    ----------
    variables : tuple of StateVariable
        Those that an inference changes.
    ops : tuple of str
        Kinds of ops that remember something inside, in bytes that the file does not tell.
    resource_variables : int
        How many a sketch makes room for: ``MicroResourceVariables::Create(allocator, resource_variables)``. Those
        that are only read count too.
    resource_bytes : int
        Bytes of all of these.
    """

    variables: tuple[StateVariable, ...] = ()
    ops: tuple[str, ...] = ()
    resource_variables: int = 0
    resource_bytes: int = 0

    @property
    def stateful(self) -> bool:
        """Whether an inference depends on the ones before."""
        return bool(self.variables or self.ops)

    @property
    def nbytes(self) -> int:
        """Bytes of the variables that an inference changes."""
        return sum(variable.nbytes for variable in self.variables)

    def __str__(self) -> str:
        parts = []
        if self.variables:
            parts.append(f"{_count(len(self.variables), 'variable')} of {_count(self.nbytes, 'byte')}")
        if self.ops:
            parts.append(f"what {', '.join(self.ops)} keeps inside")
        return " and ".join(parts) or "nothing"


def describe_state(model: ModelFile) -> ModelState:
    """Say what a model remembers between inferences.

    Parameters
    ----------
    model : ModelFile

    Returns
    -------
    ModelState
        Empty for a model that answers each window by itself. A resource variable that only the set-up writes is a
        constant, and no state.
    """
    set_up = {
        op.options.get("init_subgraph_index") for graph in model.subgraphs for op in graph.operators
        if op.name == "CALL_ONCE"
    }  # fmt: skip
    resources: dict[str, StateVariable] = {}
    changed: set[str] = set()
    for number, graph in enumerate(model.subgraphs):
        for name, content, is_written in _uses(graph):
            resources.setdefault(name, _variable(name, content))
            if is_written and number not in set_up:
                changed.add(name)
    variables = [resources[name] for name in sorted(changed)]
    tensors = [t for graph in model.subgraphs for t in graph.tensors if t.is_variable]
    ops = {op.custom_code or op.name for graph in model.subgraphs for op in graph.operators} & _OPS_THAT_REMEMBER
    names = {name for graph in model.subgraphs for name in _handles(graph).values()}
    return ModelState(
        variables=(*variables, *(_variable(tensor.name, tensor) for tensor in tensors)),
        ops=tuple(sorted(ops)),
        resource_variables=len(names),
        resource_bytes=sum(variable.nbytes for variable in resources.values()),
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _handles(graph: Subgraph) -> dict[int, str]:
    """Give the name of the variable that each handle of a subgraph, a tensor index, stands for."""
    return {op.outputs[0]: _shared_name(op) for op in graph.operators if op.name == "VAR_HANDLE" and op.outputs}


def _shared_name(op: Operator) -> str:
    name = op.options.get("shared_name") or b""
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)


def _uses(graph: Subgraph) -> Iterator[tuple[str, Tensor, bool]]:
    """Give for each op that reads or writes a resource variable its name, a tensor like it, and if it is written."""
    handles = _handles(graph)
    for op in graph.operators:
        if op.name == "READ_VARIABLE" and op.inputs and op.outputs:
            handle, content = op.inputs[0], op.outputs[0]
        elif op.name == "ASSIGN_VARIABLE" and len(op.inputs) > 1:
            handle, content = op.inputs[:2]
        else:
            continue
        # A handle that was passed from another subgraph goes by its tensor's name.
        name = handles.get(handle, graph.tensors[handle].name)
        yield name, graph.tensors[content], op.name == "ASSIGN_VARIABLE"


def _variable(name: str, tensor: Tensor) -> StateVariable:
    return StateVariable(name=name, shape=tensor.shape, type_name=tensor.type_name, nbytes=tensor.nbytes)
