"""How a compiled model looks: its arena over time, its layers in C. matplotlib is imported when something is drawn.

Colours are those that colour-blind people can tell apart: M. Okabe and K. Ito, "Color Universal Design" (2008).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tinyml_labs.compiler import Buffer, CompiledModel, MemoryPlan

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["alive_bytes", "layer_source", "plot_memory"]

_COLORS = {"input": "#56B4E9", "layer": "#0072B2", "scratch": "#E69F00"}
_SHORT = {
    "CONV_2D": "conv",
    "DEPTHWISE_CONV_2D": "depthwise",
    "FULLY_CONNECTED": "dense",
    "AVERAGE_POOL_2D": "average",
    "MAX_POOL_2D": "max",
}
_SMALLEST_LABELLED = 0.05  # of the arena: no words fit into what is lower


def alive_bytes(plan: MemoryPlan) -> dict[int, int]:
    """Sum up what is needed at each step.

    Parameters
    ----------
    plan : MemoryPlan

    Returns
    -------
    dict of int to int
        Bytes, for each step from the first to the last; -1 is before the first layer. The largest is the least arena
        that any plan could have.
    """
    steps = range(min(b.first_step for b in plan.buffers), max(b.last_step for b in plan.buffers) + 1)
    return {step: sum(b.nbytes for b in plan.buffers if b.first_step <= step <= b.last_step) for step in steps}


def plot_memory(compiled: CompiledModel, ax: Axes | None = None) -> Axes:
    """Draw where each tensor lies in the arena, and from when to when.

    Parameters
    ----------
    compiled : CompiledModel
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        One rectangle a tensor: as wide as it is alive, as high as its bytes, at its place.

    Notes
    -----
    Introduced in `notebooks/05_onto_the_board.ipynb`.
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import Patch, Rectangle

    plan = compiled.plan
    if ax is None:
        steps = len(compiled.layers)
        _, ax = plt.subplots(figsize=(min(14.0, max(6.0, 2.5 + 0.65 * steps)), 4.2), layout="constrained")
    kinds = dict.fromkeys(_kind(buffer) for buffer in plan.buffers)
    for buffer in plan.buffers:
        color = _COLORS[_kind(buffer)]
        width = buffer.last_step - buffer.first_step + 1
        ax.add_patch(
            Rectangle((buffer.first_step, buffer.offset), width, buffer.nbytes, facecolor=color, edgecolor="white")
        )
        if buffer.nbytes >= _SMALLEST_LABELLED * plan.arena_bytes:
            place = (buffer.first_step + width / 2, buffer.offset + buffer.nbytes / 2)
            ax.annotate(f"{buffer.nbytes:,}", place, ha="center", va="center", color="white", fontsize="small")
    alive = alive_bytes(plan)
    edges = [*alive, max(alive) + 1]
    (needed,) = ax.step(
        edges, [*alive.values(), list(alive.values())[-1]], where="post", color="black", linewidth=1.4
    )
    arena = ax.axhline(plan.arena_bytes, color="#D55E00", linestyle="--", linewidth=1.5)
    last = len(compiled.layers) - 1
    ax.set(xlim=(-1, last + 1), ylim=(0, 1.08 * plan.arena_bytes), ylabel="place in the arena (bytes)")
    ax.set_xlabel("time (layer that runs)")
    ax.set_xticks([step + 0.5 for step in range(-1, last + 1)])
    rotated = len(compiled.layers) > 4
    ax.set_xticklabels(_step_names(compiled), rotation=90 if rotated else 0, fontsize="small")
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    names = {"input": "the input", "layer": "what a layer gives", "scratch": "scratch, of one layer"}
    handles = [*(Patch(facecolor=_COLORS[kind], label=names[kind]) for kind in kinds), arena, needed]
    labels = [*(names[kind] for kind in kinds), f"arena: {plan.arena_bytes:,}", "sum of what is needed"]
    ax.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return ax


def _kind(buffer: Buffer) -> str:
    if buffer.scratch_of is not None:
        return "scratch"
    return "input" if buffer.first_step < 0 else "layer"


def _step_names(compiled: CompiledModel) -> list[str]:
    layers = [compiled.layers[position] for position in compiled.plan.order]
    return ["input", *(f"{layer.index} {_SHORT.get(layer.op, layer.op.lower())}" for layer in layers)]


def layer_source(compiled: CompiledModel, layer: int) -> str:
    """Give the C function of one layer, with the comment above it.

    Parameters
    ----------
    compiled : CompiledModel
    layer : int
        Its number in the file.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is no such layer, or nothing is computed in it.
    """
    text = compiled.sources[f"{compiled.name}.c"]
    found = re.search(rf"(?:^//[^\n]*\n)*^static void layer{layer}_\w+\(void\) \{{\n.*?^\}}\n", text, re.M | re.S)
    if found is None:
        known = ", ".join(re.findall(r"^static void layer(\d+)_", text, re.M))
        raise ValueError(f"{compiled.name}.c has no function of layer {layer}. It has those of {known}.")
    return found[0]
