"""Orders that a network's layers may run in; where it branches, the one that keeps the least alive."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from tinyml_labs.compiler.layer import Layer

_MOST_LAYERS = 60
_MOST_STATES = 20_000


def order_layers(
    layers: Sequence[Layer], inputs: Sequence[int], outputs: Sequence[int], sizes: dict[int, int]
) -> list[tuple[int, ...]]:
    """Return the orders worth planning for: the file's, and if another one needs less memory, that one.

    Parameters
    ----------
    layers : sequence of Layer
        In the file's order, which has to be one that can run.
    inputs, outputs : sequence of int
        The model's tensors.
    sizes : dict
        Bytes of each tensor.

    Returns
    -------
    list of tuple of int
        Positions in ``layers``. The file's order comes first.
    """
    as_in_file = tuple(range(len(layers)))
    if len(layers) > _MOST_LAYERS or not _branches(layers):
        return [as_in_file]
    best = _least_peak(layers, inputs, outputs, sizes)
    return [as_in_file] if best is None or best == as_in_file else [as_in_file, best]


def _branches(layers: Sequence[Layer]) -> bool:
    read = [tensor for layer in layers for tensor in set(layer.inputs)]
    return len(read) != len(set(read)) or any(len(layer.outputs) > 1 for layer in layers)


def _least_peak(
    layers: Sequence[Layer], inputs: Sequence[int], outputs: Sequence[int], sizes: dict[int, int]
) -> tuple[int, ...] | None:
    """Search sets of layers that have run, by the least peak so far; None where there are too many sets."""
    readers: dict[int, int] = {}
    for position, layer in enumerate(layers):
        for tensor in layer.inputs:
            readers[tensor] = readers.get(tensor, 0) | 1 << position
    needs = [_needed_before(layer, layers) for layer in layers]
    everything = (1 << len(layers)) - 1

    def alive(done: int) -> int:
        total = 0
        for tensor in inputs:
            total += sizes[tensor] if readers.get(tensor, 0) & ~done or tensor in outputs else 0
        for position, layer in enumerate(layers):
            if done >> position & 1:
                for tensor in layer.outputs:
                    total += sizes[tensor] if readers.get(tensor, 0) & ~done or tensor in outputs else 0
        return total

    heap: list[tuple[int, tuple[int, ...], int]] = [(0, (), 0)]
    seen: set[int] = set()
    while heap and len(seen) < _MOST_STATES:
        peak, order, done = heapq.heappop(heap)
        if done == everything:
            return order
        if done in seen:
            continue
        seen.add(done)
        held = alive(done)
        for position, layer in enumerate(layers):
            if not done >> position & 1 and needs[position] & ~done == 0:
                new = 0 if layer.renames else sum(sizes[tensor] for tensor in layer.outputs) + layer.scratch_bytes
                entry = (max(peak, held + new), (*order, position), done | 1 << position)
                heapq.heappush(heap, entry)
    return None


def _needed_before(layer: Layer, layers: Sequence[Layer]) -> int:
    needed = set(layer.inputs)
    return sum(1 << position for position, other in enumerate(layers) if needed & set(other.outputs))
