"""Show where a model's instructions go, layer by layer, on an emulated Cortex-M4 at a board's clock.

>>> from tinyml_labs.layer_profiles import profile
>>> profile("model.tflite", board="nano33ble").plot()  # doctest: +SKIP

Introduced in the notebook on getting models onto boards. It needs the extra packages ``[emulator]``.
"""

from __future__ import annotations

import html
import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tinyml_labs.boards import find_board
from tinyml_labs.cores import find_core

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from tinyml_labs.core_counts import ModelCount

_COLOURS = ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3", "#937860", "#da8bc3", "#8c8c8c")


@dataclass(frozen=True, kw_only=True)
class LayerProfile:
    """What each layer takes; a notebook shows it as a table.

    Attributes
    ----------
    board, core : str
    clock_mhz : int
    count : ModelCount
    how : str
    """

    board: str
    core: str
    clock_mhz: int
    count: ModelCount = field(repr=False)
    how: str

    @property
    def table(self) -> pandas.DataFrame:
        """A row a layer: op, name, macs, instructions, cycles, instructions_per_mac, share (of all cycles), ms."""
        import pandas

        columns = ["layer", "op", "name", "macs", "instructions", "cycles"]
        rows = [(c.index, c.op, c.name, c.macs, c.instructions, c.cycles) for c in self.count.layers]
        table = pandas.DataFrame(rows, columns=columns).set_index("layer")
        table["instructions_per_mac"] = table["instructions"] / table["macs"].where(table["macs"] > 0)
        table["share"] = table["cycles"] / max(int(table["cycles"].sum()), 1)
        table["ms"] = table["cycles"] / (self.clock_mhz * 1000)
        return table

    def to_dict(self) -> dict[str, Any]:
        """Return numbers, strings and lists, ready for JSON."""
        return {
            "board": self.board,
            "core": self.core,
            "clock_mhz": self.clock_mhz,
            "how": self.how,
            "instructions": self.count.instructions,
            "cycles": self.count.cycles,
            "layers": [asdict(layer) for layer in self.count.layers],
        }

    def plot(self) -> Figure:
        """Draw a bar a layer: its milliseconds, coloured by the kind of layer."""
        from matplotlib.figure import Figure

        table = self.table
        table = table[table["cycles"] > 0]
        kinds = list(dict.fromkeys(table["op"]))
        colours = {kind: _COLOURS[k % len(_COLOURS)] for k, kind in enumerate(kinds)}
        figure = Figure(figsize=(8, 1.3 + 0.26 * max(len(table), 1)), layout="constrained")
        axes = figure.subplots()
        for row, (index, layer) in enumerate(table.iterrows()):
            label = layer["op"] if layer["op"] not in axes.get_legend_handles_labels()[1] else None
            axes.barh(row, layer["ms"], color=colours[layer["op"]], label=label)
            each = layer["instructions_per_mac"]
            text = f" {layer['share']:.0%}".replace("%", " %")
            text += f", {each:.1f} instructions a multiply-acc." if layer["macs"] else ""
            axes.annotate(text, (layer["ms"], row), va="center", fontsize=7)
            del index
        axes.set_yticks(range(len(table)), [f"{k} {name[-28:]}" for k, name in table["name"].items()], fontsize=7)
        axes.invert_yaxis()
        axes.set_xlim(right=1.45 * float(table["ms"].max() if len(table) else 1.0))
        axes.set_xlabel("milliseconds")
        total = self.count.cycles / (self.clock_mhz * 1000)
        title = f"Where {total:.3g} ms go, on {self.board} ({self.core}, {self.clock_mhz} MHz)"
        axes.set_title(title, fontsize=10, loc="left")
        axes.legend(fontsize=7, loc="lower right")
        return figure

    def __str__(self) -> str:
        lines = [f"{'ms':>9} {'share':>6} {'cycles':>12} {'instr./mac':>10}  layer"]
        for index, layer in self.table.iterrows():
            each = f"{layer['instructions_per_mac']:.2f}" if layer["macs"] else ""
            share = f"{layer['share']:.1%}"
            lines.append(
                f"{layer['ms']:>9.3f} {share:>6} {layer['cycles']:>12,} {each:>10}  "
                f"{index} {layer['op']} {layer['name']}"
            )
        return "\n".join([*lines, "", self.how])

    def _repr_html_(self) -> str:
        table = self.table
        table["share"] = [f"{100 * share:.1f} %" for share in table["share"]]
        return f"{table.to_html(float_format='%.3g')}<p>{html.escape(self.how)}</p>"


def profile(
    model: bytes | str | os.PathLike[str], board: str = "nano33ble", *, portable: bool = False
) -> LayerProfile:
    """Run a model on an emulated processor, and say what each layer took.

    Parameters
    ----------
    model : bytes, str or PathLike
        A .tflite model that :func:`tinyml_labs.compiler.compile_model` compiles.
    board : str
        A name of :mod:`tinyml_labs.boards` whose core can be counted: a Cortex-M4F or a Cortex-M0+.
    portable : bool
        Leave out the kernels that use the core's own instructions, to see what those are worth.

    Raises
    ------
    ValueError
        If the board's core cannot be counted, or the model cannot be compiled.
    EmulatorMissingError
        If the packages of ``[emulator]`` are missing.
    """
    from tinyml_labs.core_counts import CORES, count_model

    chosen = find_board(board)
    if chosen.core not in CORES or chosen.clock_mhz is None:
        core = find_core(chosen.core)
        reason = core.why_not or f"its {chosen.core} is not emulated, only compared with a {core.counted_as}."
        raise ValueError(
            f"Layers cannot be counted on {chosen.title}: {reason} Take a board with a {' or '.join(CORES)}, such "
            "as nano33ble or pico."
        )
    count = count_model(model, core=chosen.core, portable=portable)
    how = (
        f"{count.instructions:,} instructions and {count.cycles:,} cycles, counted on an emulated {chosen.core} with "
        f"memory that never waits. {find_core(chosen.core).how}"
    )
    return LayerProfile(board=chosen.title, core=chosen.core, clock_mhz=chosen.clock_mhz, count=count, how=how)
