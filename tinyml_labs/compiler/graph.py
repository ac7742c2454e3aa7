"""The graph that is compiled: what is checked before any layer is looked at, and how refusals are worded."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

from tinyml_labs.model_file import ModelFile, Operator, Tensor, read_model
from tinyml_labs.operator_costs import layer_name, multiply_accumulates, weights_bytes

# They only rename a shape: the bytes stay where they are.
RENAMING_OPS = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS"})


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A model of one subgraph whose shapes are all known.

    ``tensors`` are by index. Where an operator that only renames a shape is fed from a constant, its output is that
    constant, and the operator is gone.
    """

    model: ModelFile
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]

    def name_of(self, operator: Operator) -> str:
        """Return the layer's name, as far as the file tells it."""
        return layer_name(operator, self.model.subgraphs[0])

    def macs_of(self, operator: Operator) -> int:
        """Return the multiply-accumulates of one inference."""
        return multiply_accumulates(operator, self.model.subgraphs[0])

    def weights_bytes_of(self, operator: Operator) -> int:
        """Return the bytes of the operator's constants in the file."""
        return weights_bytes(operator, self.model.subgraphs[0])

    def refuse(self, operator: Operator, found: str, advice: str = "") -> NoReturn:
        """Raise ValueError for an operator that cannot be compiled: what it is, what was found, what to do."""
        name = self.name_of(operator)
        which = f"Operator {operator.index} ({operator.name}{f', layer {name!r}' if name else ''})"
        raise ValueError(f"{which} {found}. {advice or OTHER_WAY}")

    def input(self, operator: Operator, position: int, types: tuple[str, ...] = ("INT8",)) -> Tensor:
        """Return an operator's input, which has to be there and of one of these types."""
        if position >= len(operator.inputs) or operator.inputs[position] < 0:
            self.refuse(operator, f"has no input {position}")
        tensor = self.tensors[operator.inputs[position]]
        return self._of_type(operator, tensor, types)

    def output(self, operator: Operator, position: int = 0, types: tuple[str, ...] = ("INT8",)) -> Tensor:
        """Return an operator's output, which has to be of one of these types."""
        return self._of_type(operator, self.tensors[operator.outputs[position]], types)

    def constant(self, operator: Operator, position: int, types: tuple[str, ...]) -> Tensor:
        """Return an operator's input whose content stands in the file."""
        tensor = self.input(operator, position, types)
        if not tensor.is_constant:
            self.refuse(operator, f"computes its {describe(tensor)} while it runs; expected a constant in the file")
        return tensor

    def numbers(self, operator: Operator, position: int) -> list[int]:
        """Return a constant list of integers, such as the axes of a MEAN."""
        return [int(value) for value in self.constant(operator, position, ("INT32", "INT64")).values().ravel()]

    def optional(self, operator: Operator, position: int, types: tuple[str, ...]) -> Tensor | None:
        """Return a constant input that may be left out, such as a bias."""
        if position >= len(operator.inputs) or operator.inputs[position] < 0:
            return None
        return self.constant(operator, position, types)

    def check_limits(self, operator: Operator, numbers: Mapping[str, int], most: int) -> None:
        """Refuse what does not fit the kernels' settings."""
        for name, number in numbers.items():
            if not 0 <= number <= most:
                self.refuse(operator, f"has {name.replace('_', ' ')} {number:,}; the kernels take 0 to {most:,}")

    def _of_type(self, operator: Operator, tensor: Tensor, types: tuple[str, ...]) -> Tensor:
        if tensor.type_name not in types:
            self.refuse(operator, f"has {describe(tensor)}; there are kernels for {' or '.join(types)}")
        if tensor.type_name == "INT8" and not tensor.is_constant and len(tensor.scales) != 1:
            self.refuse(operator, f"has {describe(tensor)} with {len(tensor.scales)} scales; expected one scale")
        return tensor


OTHER_WAY = (
    "Change the network (for ReLU, 2-D convolution, pooling, dense, add, softmax and the like there are kernels), or "
    "run it with TensorFlow Lite Micro: tinyml_labs.export."
)


def describe(tensor: Tensor) -> str:
    """Return a tensor in words: ``tensor 3 ('conv1/Relu', INT8 1×8×8×4)``."""
    return f"tensor {tensor.index} ({tensor.name!r}, {tensor.type_name} {tensor.shape_text})"


def read_graph(model: bytes | str | os.PathLike[str]) -> Graph:
    """Read and check a model.

    Parameters
    ----------
    model : bytes, str or PathLike
        A .tflite model.

    Returns
    -------
    Graph

    Raises
    ------
    ValueError
        If it has several subgraphs, open shapes, variables, or no operators; or is no .tflite model.
    """
    parsed = read_model(model)
    if len(parsed.subgraphs) != 1:
        raise ValueError(
            f"The model has {len(parsed.subgraphs)} subgraphs: it keeps state or branches while it runs. The "
            "compiler takes one subgraph without state. Run it with TensorFlow Lite Micro: tinyml_labs.export."
        )
    for tensor in parsed.tensors:
        if any(side <= 0 for side in tensor.shape) and not tensor.is_constant and _is_used(parsed, tensor):
            raise ValueError(
                f"The model's {describe(tensor)} has an open or empty side. Convert it with a fixed input shape "
                "and a batch of 1."
            )
        if tensor.is_variable:
            raise ValueError(
                f"The model's {describe(tensor)} is a variable that outlives an inference. The compiler takes models "
                "without state. Run it with TensorFlow Lite Micro: tinyml_labs.export."
            )
    if not parsed.operators:
        raise ValueError("The model has no operators: there is nothing to compile.")
    graph = _fold_renamed_constants(parsed)
    for tensor in parsed.outputs:
        if graph.tensors[tensor.index].is_constant:
            raise ValueError(f"The model's output is a constant: {describe(tensor)}. There is nothing to compute.")
    return graph


def _is_used(model: ModelFile, tensor: Tensor) -> bool:
    return any(tensor.index in (*operator.inputs, *operator.outputs) for operator in model.operators)


def _fold_renamed_constants(model: ModelFile) -> Graph:
    tensors = list(model.tensors)
    kept = []
    for operator in model.operators:
        if operator.name in RENAMING_OPS and tensors[operator.inputs[0]].is_constant:
            target = tensors[operator.outputs[0]]
            tensors[target.index] = replace(target, data=tensors[operator.inputs[0]].data)
        else:
            kept.append(operator)
    return Graph(model=model, tensors=tuple(tensors), operators=tuple(kept))
