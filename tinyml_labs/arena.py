"""How much working memory a model needs: the tensor arena, measured here and estimated for a 32-bit board.

TensorFlow Lite Micro takes all its memory from one array, the arena. Its head holds the activations, planned so that
tensors which are never alive together share bytes; its tail holds structures that live as long as the interpreter.
Activations are as large on a board as here. The structures hold pointers, which take 8 bytes here and 4 on a board.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tinyml_labs.model_file import Subgraph, read_model
from tinyml_labs.model_state import describe_state

# Bytes of TFLM's structures, where pointers and size_t take 8 bytes, and where they take 4 (enums as int, as on
# ESP32; bare-metal Arm packs enums and saves 8 more bytes in each TfLiteTensor). From tensorflow/lite/core/c/common.h
# with TF_LITE_STATIC_MEMORY and tensorflow/lite/micro/; the tests compile the declarations for both.
STRUCT_BYTES = {
    "TfLiteEvalTensor": (24, 12),
    "NodeAndRegistration": (64, 32),
    "TfLiteTensor": (64, 40),
    "TfLiteAffineQuantization": (24, 12),
    "SubgraphAllocations": (16, 8),
    "MicroBuiltinDataAllocator": (16, 8),
    "GreedyMemoryPlanner": (72, 44),
    "SingleArenaBufferAllocator": (72, 36),
    "MicroAllocator": (72, 36),
}
# The wheel measures with allocators that also keep accounts; a sketch uses the plain ones.
_RECORDING_EXTRA_BYTES = 32 + 176

_HOW = (
    "Measured: the smallest arena in which TensorFlow Lite Micro allocates and runs the model on this 64-bit "
    "computer, found by trying, to 16 bytes. 32-bit board: an estimate from that measurement; TFLM's own structures "
    "are counted again with 4-byte pointers (sizes from its source), activations and the kernels' own data are left "
    "as measured, the accounts that only the measurement keeps are taken off. With the reference kernels expect the "
    "truth within about 10 %, more likely below; optimized kernels (CMSIS-NN, ESP-NN) may ask for scratch memory on "
    "top. On the board, interpreter.arena_used_bytes() says it exactly."
)


@dataclass(frozen=True, kw_only=True)
class ArenaReport:
    """The tensor arena that a model needs.

    ``breakdown`` gives for each part of the arena its bytes here and its estimated bytes on a 32-bit board; the
    columns sum to ``measured_bytes`` and ``estimate_32bit_bytes`` (the latter rounded up to 16). ``how`` says how
    both were found, and how far to trust the estimate.
    """

    measured_bytes: int
    estimate_32bit_bytes: int
    how: str
    breakdown: Mapping[str, tuple[int, int]]

    def __str__(self) -> str:
        width = max(len(part) for part in self.breakdown)
        lines = [f"{'part of the arena':<{width}}  {'here':>9}  {'32-bit':>9}  bytes"]
        lines += [f"{part:<{width}}  {here:>9,}  {board:>9,}" for part, (here, board) in self.breakdown.items()]
        lines += [f"{'total':<{width}}  {self.measured_bytes:>9,}  {self.estimate_32bit_bytes:>9,}"]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as numbers, strings and lists, ready for JSON."""
        return {
            "measured_bytes": self.measured_bytes,
            "estimate_32bit_bytes": self.estimate_32bit_bytes,
            "how": self.how,
            "breakdown": [
                {"part": part, "measured_bytes": here, "estimate_32bit_bytes": board}
                for part, (here, board) in self.breakdown.items()
            ],
        }


def measure_arena(model: bytes | str | os.PathLike[str]) -> ArenaReport:
    """Find the smallest arena that a model runs in, and estimate the one on a 32-bit board.

    Parameters
    ----------
    model : bytes, str or PathLike
        A .tflite model.

    Returns
    -------
    ArenaReport

    Raises
    ------
    tinyml_labs.inference.InferenceError
        If TensorFlow Lite Micro is not installed (its wheel exists for Linux on x86-64 alone) or does not run
        the model.
    """
    from tinyml_labs.inference import tflm

    parsed = read_model(model)
    measured = tflm.measure_arena(parsed.data)
    state = describe_state(parsed)
    breakdown = _break_down(
        measured.smallest_bytes, measured.allocations, len(parsed.subgraphs), resource_bytes=state.resource_bytes
    )
    return ArenaReport(
        measured_bytes=measured.smallest_bytes,
        estimate_32bit_bytes=_round_up(sum(board for _, board in breakdown.values()), 16),
        how=_HOW,
        breakdown=breakdown,
    )


def _break_down(
    smallest_bytes: int, allocations: Mapping[str, Any], subgraphs: int, *, resource_bytes: int = 0
) -> dict[str, tuple[int, int]]:
    """Split the measured arena into parts, each with its bytes here and on a 32-bit board."""

    def recorded(name: str) -> tuple[int, int]:
        used, count = allocations.get(name, (0, 0))
        return int(used), int(count)

    def as_structs(name: str, struct: str) -> tuple[int, int]:
        used, count = recorded(name)
        here, board = STRUCT_BYTES[struct]
        return used, max(0, used - count * (here - board))

    quantization, allocated = recorded("Persistent TfLiteTensor quantization data")
    affine_here, affine_board = STRUCT_BYTES["TfLiteAffineQuantization"]
    kernels, _ = recorded("Persistent buffer data")
    variables, _ = recorded("TfLiteTensor variable buffer data")
    resource_bytes = min(resource_bytes, kernels)  # TFLM counts resource variables among the kernels' buffers
    variables, kernels = variables + resource_bytes, kernels - resource_bytes
    parts = {
        "activations and scratch": (int(allocations["head"]), int(allocations["head"])),
        "tensors (TfLiteEvalTensor)": as_structs("TfLiteEvalTensor data", "TfLiteEvalTensor"),
        "operators (NodeAndRegistration)": as_structs("NodeAndRegistration struct", "NodeAndRegistration"),
        "input and output (TfLiteTensor)": as_structs("Persistent TfLiteTensor data", "TfLiteTensor"),
        # Two allocations a quantized tensor: the structure, and the list of its zero points.
        "input and output quantization": (
            quantization,
            max(0, quantization - allocated // 2 * (affine_here - affine_board)),
        ),
        "variables": (variables, variables),
        "the kernels' own data": (kernels, kernels),
    }
    tail = sum(here for here, _ in parts.values()) - int(allocations["head"])
    rest = int(allocations["tail"]) - tail
    fixed_here, fixed_board = (
        sum(STRUCT_BYTES[name][side] for name in STRUCT_BYTES if name.startswith(("Micro", "Greedy", "Single")))
        + subgraphs * STRUCT_BYTES["SubgraphAllocations"][side]
        for side in (0, 1)
    )
    fixed_here += _RECORDING_EXTRA_BYTES
    parts["allocator and operator settings"] = (rest, max(fixed_board, rest - fixed_here + fixed_board))
    # What the arena must hold for a moment while the interpreter is set up, beyond what it holds at the end.
    setting_up = max(0, smallest_bytes - int(allocations["head"]) - int(allocations["tail"]))
    parts["needed only while setting up"] = (setting_up, setting_up)
    return {part: sizes for part, sizes in parts.items() if any(sizes)}


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step


def estimate_arena_bytes(model: bytes | str | os.PathLike[str]) -> int:
    """Guess an arena from the file alone, on the safe side: for computers that cannot measure it.

    Parameters
    ----------
    model : bytes, str or PathLike
        A .tflite model.

    Returns
    -------
    int
        Bytes. The most that is alive at one operator, half more for gaps in TFLM's plan, what a streaming model
        remembers, and TFLM's structures as on a 64-bit computer. Never under the measured arena of the public models
        tried, and up to twice as much.
    """
    parsed = read_model(model)
    structures = 2048
    for graph in parsed.subgraphs:
        structures += len(graph.tensors) * STRUCT_BYTES["TfLiteEvalTensor"][0]
        for operator in graph.operators:
            channels = max((len(graph.tensors[i].scales) for i in operator.inputs if i >= 0), default=1)
            outputs = max((graph.tensors[i].shape[-1:] or (1,) for i in operator.outputs if i >= 0), default=(1,))
            # Convolutions keep a multiplier and a shift for each output channel, also where one scale serves all.
            if operator.name.endswith("CONV_2D") or operator.name in ("CONV_2D", "TRANSPOSE_CONV"):
                channels = max(channels, outputs[0])
            kernel = 512 if operator.custom_code else 160
            structures += STRUCT_BYTES["NodeAndRegistration"][0] + kernel + 8 * channels
    state = describe_state(parsed)
    kept = max(state.resource_bytes, state.nbytes) + 64 * state.resource_variables
    return _round_up(_largest_alive_bytes(parsed.subgraphs[0]) * 3 // 2 + kept + structures, 16)


def _largest_alive_bytes(graph: Subgraph) -> int:
    """Sum the computed tensors that are alive at each operator; return the largest sum."""
    last = len(graph.operators)
    first_use = {tensor.index: 0 for tensor in graph.inputs}
    last_use = dict.fromkeys(first_use, 0) | {tensor.index: last for tensor in graph.outputs}
    for step, operator in enumerate(graph.operators):
        for index in operator.outputs:
            first_use.setdefault(index, step)
            last_use[index] = max(last_use.get(index, step), step)
        for index in operator.inputs:
            last_use[index] = max(last_use.get(index, step), step)
    sizes = {index: _round_up(graph.tensors[index].nbytes, 16) for index in first_use if index >= 0}
    return max(
        (
            sum(size for index, size in sizes.items() if first_use[index] <= step <= last_use[index])
            for step in range(last + 1)
        ),
        default=0,
    )
