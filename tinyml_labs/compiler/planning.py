"""Where each tensor lies in the arena: tensors that are never alive together share bytes.

A buffer is what has to have its own bytes: a tensor, its renamings (RESHAPE), and the outputs of layers that may
write over it. It is alive from the layer that writes it to the last layer that reads it. In the least arena
possible, all that is alive at one layer lies side by side: that sum, at the worst layer, is the lower bound, and
the planner tries orders of placement until it is reached or they are used up. Where a network branches, other
orders of its layers are tried as well.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tinyml_labs.compiler.graph import Graph
from tinyml_labs.compiler.layer import Layer
from tinyml_labs.compiler.ordering import order_layers

ALIGNMENT = 4  # of every buffer; the arena itself is aligned to 16
_SHUFFLES = 200


@dataclass(frozen=True, kw_only=True)
class Buffer:
    """A stretch of the arena.

    ``tensors`` are the indices of all that lies in it at one time or another: a tensor, its renamings, and what is
    written over it; empty for scratch memory. ``first_step`` and ``last_step`` count in the order of execution, both
    inclusive; -1 is before the first layer.
    """

    name: str
    tensors: tuple[int, ...]
    nbytes: int
    first_step: int
    last_step: int
    offset: int = 0
    scratch_of: int | None = None


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """The arena. ``order`` are positions in the layers; ``how`` says what was tried."""

    arena_bytes: int
    lower_bound_bytes: int
    buffers: tuple[Buffer, ...]
    order: tuple[int, ...]
    how: str

    def offset_of(self, tensor: int) -> int:
        """Return where a tensor lies, in bytes from the arena's start."""
        return next(buffer.offset for buffer in self.buffers if tensor in buffer.tensors)

    def scratch_of(self, layer: int) -> int | None:
        """Return where a layer's scratch memory lies; None where it needs none."""
        return next((buffer.offset for buffer in self.buffers if buffer.scratch_of == layer), None)

    def __str__(self) -> str:
        lines = [f"arena {self.arena_bytes:,} bytes; {self.how}"]
        for buffer in sorted(self.buffers, key=lambda b: (b.first_step, b.offset)):
            steps = f"{buffer.first_step} to {buffer.last_step}"
            lines.append(f"{buffer.offset:>8,} +{buffer.nbytes:>8,}  steps {steps:<10} {buffer.name}")
        return "\n".join(lines)


def plan_memory(graph: Graph, layers: Sequence[Layer]) -> MemoryPlan:
    """Find a place for every tensor.

    Parameters
    ----------
    graph : Graph
    layers : sequence of Layer
        In the file's order.

    Returns
    -------
    MemoryPlan
        The smallest that was found; of equal ones the one in the file's order.
    """
    inputs = [tensor.index for tensor in graph.model.inputs]
    outputs = [tensor.index for tensor in graph.model.outputs]
    sizes = {tensor.index: tensor.size * tensor.dtype.itemsize for tensor in graph.tensors}
    names = {tensor.index: tensor.name for tensor in graph.tensors}
    best: MemoryPlan | None = None
    orders = order_layers(layers, inputs, outputs, sizes)
    for order in orders:
        for in_place in (True, False):
            buffers = _find_buffers(layers, order, inputs, outputs, sizes, names, in_place=in_place)
            bound = lower_bound(buffers)
            if best is not None and bound >= best.arena_bytes:
                continue
            placed = place(buffers, bound)
            arena = max((buffer.offset + buffer.nbytes for buffer in placed), default=0)
            if best is None or arena < best.arena_bytes:
                best = MemoryPlan(
                    arena_bytes=arena, lower_bound_bytes=bound, buffers=placed, order=tuple(order), how=""
                )
    assert best is not None
    reached = "the least possible" if best.arena_bytes == best.lower_bound_bytes else "lower bound"
    how = f"{reached} for this order of layers: {best.lower_bound_bytes:,} bytes; {len(orders)} orders tried"
    return MemoryPlan(
        arena_bytes=best.arena_bytes,
        lower_bound_bytes=best.lower_bound_bytes,
        buffers=best.buffers,
        order=best.order,
        how=how,
    )


def lower_bound(buffers: Sequence[Buffer]) -> int:
    """Return the most that is alive at one step, in bytes."""
    steps = {buffer.first_step for buffer in buffers}
    return max((sum(b.nbytes for b in buffers if b.first_step <= step <= b.last_step) for step in steps), default=0)


def _find_buffers(
    layers: Sequence[Layer],
    order: Sequence[int],
    inputs: Sequence[int],
    outputs: Sequence[int],
    sizes: dict[int, int],
    names: dict[int, str],
    *,
    in_place: bool,
) -> list[Buffer]:
    last_use = _last_uses(layers, order, inputs, outputs)
    home: dict[int, int] = {}  # tensor -> the tensor whose buffer it lies in
    members: dict[int, list[int]] = {}
    first_step: dict[int, int] = {}
    end: dict[int, int] = {}  # of buffers

    def settle(tensor: int, step: int) -> None:
        home[tensor], members[tensor], first_step[tensor] = tensor, [tensor], step
        end[tensor] = last_use.get(tensor, step)

    def join(tensor: int, base: int, step: int) -> None:
        home[tensor] = base
        members[base].append(tensor)
        end[base] = max(end[base], last_use.get(tensor, step))

    for tensor in inputs:
        settle(tensor, -1)
    for step, position in enumerate(order):
        layer = layers[position]
        if layer.renames:
            join(layer.outputs[0], home[layer.inputs[0]], step)
            continue
        for rank, tensor in enumerate(layer.outputs):
            base = _overwritten(layer, home, end, step, sizes) if in_place and rank == 0 else None
            if base is not None and sizes[tensor] <= sizes[base]:
                join(tensor, base, step)
            else:
                settle(tensor, step)
    buffers = [
        Buffer(
            name=names[base],
            tensors=tuple(members[base]),
            nbytes=_round_up(sizes[base]),
            first_step=first_step[base],
            last_step=end[base],
        )
        for base in members
    ]
    for step, position in enumerate(order):
        layer = layers[position]
        if layer.scratch_bytes:
            buffers.append(
                Buffer(
                    name=f"scratch of layer {layer.index}",
                    tensors=(),
                    nbytes=_round_up(layer.scratch_bytes),
                    first_step=step,
                    last_step=step,
                    scratch_of=position,
                )
            )
    return buffers


def _last_uses(
    layers: Sequence[Layer], order: Sequence[int], inputs: Sequence[int], outputs: Sequence[int]
) -> dict[int, int]:
    """Return the last step that each tensor is needed at; what the model gives is needed to the end."""
    last = dict.fromkeys(inputs, -1)
    for step, position in enumerate(order):
        last |= dict.fromkeys(layers[position].inputs, step)
    return last | dict.fromkeys(outputs, len(order))


def _overwritten(
    layer: Layer, home: dict[int, int], end: dict[int, int], step: int, sizes: dict[int, int]
) -> int | None:
    """Return the buffer that a layer's output may lie in: one that nobody reads after this layer."""
    for position in layer.overwrites:
        base = home[layer.inputs[position]]
        elsewhere = [k for k, tensor in enumerate(layer.inputs) if home[tensor] == base]
        if end[base] == step and all(k in layer.overwrites for k in elsewhere):
            return base
    return None


def place(buffers: Sequence[Buffer], bound: int) -> tuple[Buffer, ...]:
    """Give each buffer an offset: the best of several orders of placement, until the lower bound is reached."""
    sortings: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
        lambda b: (-b.nbytes, b.first_step),
        lambda b: (b.first_step - b.last_step, -b.nbytes),
        lambda b: (-b.nbytes * (b.last_step - b.first_step + 1), b.first_step),
        lambda b: (b.first_step, -b.nbytes),
        lambda b: (-b.last_step, -b.nbytes),
    )
    best: list[Buffer] = []
    least = -1
    rank = random.Random(0)  # the same plan each time
    queue = [sorted(buffers, key=key) for key in sortings]
    for attempt in range(len(queue) + _SHUFFLES):
        if attempt < len(queue):
            order = queue[attempt]
        else:
            order = list(queue[0])
            for _ in range(1 + attempt % 4):
                first, second = rank.randrange(len(order)), rank.randrange(len(order))
                order[first], order[second] = order[second], order[first]
        placed = _first_fit(order)
        size = max((b.offset + b.nbytes for b in placed), default=0)
        if least < 0 or size < least:
            best, least = placed, size
        if least <= bound:
            break
    return tuple(sorted(best, key=lambda b: (b.first_step, b.offset)))


def _first_fit(order: Sequence[Buffer]) -> list[Buffer]:
    """Put each buffer at the lowest offset where it meets no other that is alive with it."""
    placed: list[Buffer] = []
    for buffer in order:
        offset = 0
        for other in sorted(placed, key=lambda b: b.offset):
            together = buffer.first_step <= other.last_step and other.first_step <= buffer.last_step
            if together and offset < other.offset + other.nbytes and other.offset < offset + buffer.nbytes:
                offset = other.offset + other.nbytes
        placed.append(_at(buffer, offset))
    return placed


def _at(buffer: Buffer, offset: int) -> Buffer:
    return Buffer(**{**vars(buffer), "offset": offset})


def _round_up(nbytes: int) -> int:
    return -(-nbytes // ALIGNMENT) * ALIGNMENT
