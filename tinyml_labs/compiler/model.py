"""Compile a .tflite model to C99 that needs no interpreter: :func:`compile_model`."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from tinyml_labs.c_literals import check_identifier
from tinyml_labs.compiler import emit
from tinyml_labs.compiler.graph import Graph, read_graph
from tinyml_labs.compiler.kernel_files import KERNELS, needed_files
from tinyml_labs.compiler.layer import Layer
from tinyml_labs.compiler.lowering import lower
from tinyml_labs.compiler.planning import MemoryPlan, plan_memory
from tinyml_labs.model_file import Tensor


@dataclass(frozen=True, kw_only=True)
class CompiledLayer:
    """What one operator of the file became.

    ``function`` is the kernel that it calls, "" where nothing is computed (RESHAPE). ``weights_bytes`` are those of
    the file; ``macs`` the multiply-accumulates of one inference.
    """

    index: int
    op: str
    function: str
    name: str
    input_shapes: tuple[tuple[int, ...], ...]
    output_shapes: tuple[tuple[int, ...], ...]
    macs: int
    weights_bytes: int


@dataclass(frozen=True, kw_only=True)
class CompiledModel:
    """A model as C.

    ``sources`` are the texts of ``<name>.h`` and ``<name>.c``. ``weights_bytes`` are all constants of the layers in
    flash; ``plan`` is how the arena is used.
    """

    name: str
    sha256: str
    sources: dict[str, str] = field(repr=False)
    plan: MemoryPlan = field(repr=False)
    layers: tuple[CompiledLayer, ...] = field(repr=False)
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    weights_bytes: int
    kernels: tuple[str, ...] = field(repr=False)

    @property
    def arena_bytes(self) -> int:
        """The working memory, in bytes: activations, input, output and scratch."""
        return self.plan.arena_bytes

    def write(self, directory: str | os.PathLike[str], *, kernels: bool = False) -> list[Path]:
        """Write the sources into a folder.

        Parameters
        ----------
        directory : str or PathLike
            Made if it is not there.
        kernels : bool
            Also copy the kernels that the model needs, into ``kernels/``: the folder then compiles alone, with
            ``cc -std=c99 -I.``. Without them the sources need the Arduino library TinyMLLabs.

        Returns
        -------
        list of Path
            What was written.
        """
        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        written = [_write(folder / file, text) for file, text in self.sources.items()]
        if kernels:
            (folder / "kernels").mkdir(exist_ok=True)
            for file in self.kernels:
                text = (KERNELS / file).read_text(encoding="utf-8")
                written.append(_write(folder / "kernels" / file, text))
        return written


def compile_model(model: bytes | str | os.PathLike[str], *, name: str = "model", taps: bool = False) -> CompiledModel:
    """Compile a .tflite model to C99.

    Parameters
    ----------
    model : bytes, str or PathLike
        A .tflite model of one subgraph without state; int8, or float32.
    name : str
        The start of all names in C: ``<name>_invoke()``.
    taps : bool
        Compile ``<name>_invoke_with_taps()`` in any case. Without it, ``-D<NAME>_TAPS`` or ``-DTINYML_TAPS`` does.

    Returns
    -------
    CompiledModel
        The same model gives the same bytes. What the C computes are the bytes of TensorFlow Lite Micro's reference
        kernels; :func:`tinyml_labs.compiler.check_model` checks it.

    Raises
    ------
    ValueError
        If the model is damaged, keeps state, or has an operator, type or shape without a kernel, with what to do.

    Examples
    --------
    >>> from tinyml_labs.datasets import load_reference_model
    >>> compiled = compile_model(load_reference_model("sine"), name="sine")
    >>> [layer.op for layer in compiled.layers]
    ['FULLY_CONNECTED', 'FULLY_CONNECTED', 'FULLY_CONNECTED']
    >>> sorted(compiled.sources)
    ['sine.c', 'sine.h']
    """
    check_identifier(name, "The model's name")
    graph = read_graph(model)
    for tensor in (*graph.model.inputs, *graph.model.outputs):
        if tensor.type_name not in ("INT8", "FLOAT32"):
            raise ValueError(
                f"The model takes or gives {tensor.type_name} ({tensor.name!r}); expected INT8 or FLOAT32. "
                "Convert it with precision int8, inputs and outputs too."
            )
    layers = lower(graph)
    plan = plan_memory(graph, layers)
    header = emit.write_header(name, graph, plan, layers)
    if taps:
        guard = f"#define {name.upper()}_H\n"
        header = header.replace(guard, f"{guard}#define {name.upper()}_TAPS 1\n", 1)
    return CompiledModel(
        name=name,
        sha256=graph.model.sha256,
        sources={f"{name}.h": header, f"{name}.c": emit.write_source(name, graph, plan, layers)},
        plan=plan,
        layers=tuple(_describe(graph, layer) for layer in layers),
        inputs=graph.model.inputs,
        outputs=graph.model.outputs,
        weights_bytes=emit.array_bytes(layers),
        kernels=needed_files(header for layer in layers for header in layer.headers),
    )


def _describe(graph: Graph, layer: Layer) -> CompiledLayer:
    functions = [call.function for call in layer.calls if call.struct]
    return CompiledLayer(
        index=layer.index,
        op=layer.op,
        function=functions[0] if functions else "",
        name=layer.name,
        input_shapes=tuple(tuple(graph.tensors[tensor].shape) for tensor in layer.inputs),
        output_shapes=tuple(tuple(graph.tensors[tensor].shape) for tensor in layer.outputs),
        macs=layer.macs,
        weights_bytes=layer.weights_bytes,
    )


def _write(path: Path, text: str) -> Path:
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_text(text, encoding="utf-8", newline="\n")
    unfinished.replace(path)
    return path
