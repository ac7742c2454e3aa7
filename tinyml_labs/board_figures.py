"""Say what a model needs on each board before one is bought: flash, RAM, milliseconds, and how sure that is.

>>> from tinyml_labs.board_figures import estimate
>>> figures = estimate("model.tflite", boards=["nano33ble", "pico"])  # doctest: +SKIP
>>> figures.find("pico").milliseconds_low, figures.find("pico").milliseconds_high  # doctest: +SKIP

A time is an interval, never a number alone; where nothing can be counted or compared there is none, with the reason.
What a sketch does beside the model (sensors, serial port, the board's own core) comes on top, and is not in the
figures.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinyml_labs.boards import BOARDS, BoardModel, find_board
from tinyml_labs.compiler import CompiledModel, compile_model
from tinyml_labs.cores import Core, find_core
from tinyml_labs.model_costs_by_core import CoreCost, cost_on_core, cost_with_tflm

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

ENGINES = ("compiled", "tflm")
TIGHT = 0.75
"""Beyond this part of a board's flash or RAM it is "tight": a sketch and the board's own core need room, too."""


@dataclass(frozen=True, kw_only=True)
class BoardFigure:
    """One model on one board.

    Attributes
    ----------
    board, title, core : str
        As in :mod:`tinyml_labs.boards`.
    clock_mhz : int or None
    flash_bytes : int or None
        Kernels, settings and weights; without the sketch and the board's own core. For ``engine="tflm"`` at least
        that.
    flash_limit_bytes : int or None
        What a sketch may have.
    ram_bytes : int or None
        The arena, in which input and output lie, and the stack.
    ram_limit_bytes : int or None
    milliseconds, milliseconds_low, milliseconds_high : float or None
        Of one inference: typical, and between which two; all three None if there is no estimate.
    fits : str
        ``"yes"``, ``"tight"``, ``"no"``, or ``"unknown"``.
    why : str
        Of what there is too little and by how much, or what is nearest to its limit.
    limited_by : str
        ``"flash"``, ``"RAM"``, or ``""``.
    how : str
        Where the milliseconds come from, or why there are none.
    sources : tuple of str
        The documents for memory and clock, and those for the time.
    """

    board: str
    title: str
    core: str
    clock_mhz: int | None
    flash_bytes: int | None
    flash_limit_bytes: int | None
    ram_bytes: int | None
    ram_limit_bytes: int | None
    milliseconds: float | None
    milliseconds_low: float | None
    milliseconds_high: float | None
    fits: str
    why: str
    limited_by: str
    how: str
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BoardFigures:
    """One model on several boards; a notebook shows it as a table.

    Attributes
    ----------
    name : str
        The model's.
    sha256 : str
    engine : str
        ``"compiled"`` or ``"tflm"``.
    macs : int
        Multiply-accumulates of one inference.
    boards : tuple of BoardFigure
    how : str
        How flash, RAM and cycles were found.
    """

    name: str
    sha256: str
    engine: str
    macs: int
    boards: tuple[BoardFigure, ...] = field(repr=False)
    how: str

    def find(self, board: str) -> BoardFigure:
        """Give a board's figures by its name.

        Raises
        ------
        ValueError
            If the figures have none.
        """
        wanted = find_board(board).name
        for figure in self.boards:
            if figure.board == wanted:
                return figure
        raise ValueError(f"These figures are not for {wanted}, but {', '.join(f.board for f in self.boards)}.")

    @property
    def table(self) -> pandas.DataFrame:
        """A row a board, with the fields of :class:`BoardFigure`, without texts."""
        import pandas

        rows = [asdict(figure) for figure in self.boards]
        columns = [name for name in BoardFigure.__dataclass_fields__ if name not in ("how", "sources")]
        return pandas.DataFrame(rows, columns=columns).set_index("board")

    def to_dict(self) -> dict[str, Any]:
        """Return numbers, strings and lists, ready for JSON."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "engine": self.engine,
            "macs": self.macs,
            "how": self.how,
            "boards": [{**asdict(figure), "sources": list(figure.sources)} for figure in self.boards],
        }

    def plot(self) -> Figure:
        """Draw the milliseconds of each board with their interval."""
        from tinyml_labs import board_figures_views

        return board_figures_views.plot_times(self)

    def __str__(self) -> str:
        from tinyml_labs import board_figures_views

        return board_figures_views.to_text(self)

    def _repr_html_(self) -> str:
        from tinyml_labs import board_figures_views

        return board_figures_views.to_html(self)


def estimate(
    model: bytes | str | os.PathLike[str],
    boards: Iterable[str] | None = None,
    *,
    engine: str = "compiled",
    method: str = "auto",
    name: str = "",
) -> BoardFigures:
    """Estimate flash, RAM and milliseconds of a model on boards.

    Parameters
    ----------
    model : bytes, str or PathLike
        A .tflite model.
    boards : iterable of str, optional
        Names of :mod:`tinyml_labs.boards`; by default all.
    engine : str
        ``"compiled"``: C without an interpreter, by :mod:`tinyml_labs.compiler`. ``"tflm"``: TensorFlow Lite Micro;
        then the times reach from Arm's CMSIS-NN kernels to its reference kernels, for libraries differ in them.
    method : str
        ``"count"`` runs the model on emulated cores (extra packages ``[emulator]``), ``"formula"`` uses fitted ones,
        ``"auto"`` counts if it can. TensorFlow Lite Micro is always by formula.
    name : str
        What to call the model; by default the file's name.

    Returns
    -------
    BoardFigures

    Raises
    ------
    ValueError
        If the model cannot be compiled, or a name is wrong.
    EmulatorMissingError
        With ``method="count"``, if the extra packages are missing.
    """
    if engine not in ENGINES or method not in ("auto", "count", "formula"):
        raise ValueError(
            f"engine={engine!r}, method={method!r}: the engine is {' or '.join(ENGINES)}, the method auto, count or "
            "formula."
        )
    chosen = [find_board(each) for each in boards] if boards is not None else list(BOARDS.values())
    compiled = compile_model(model, name="counted_model")
    cores = {board.core: find_core(board.core) for board in chosen}
    counted = sorted({core.counted_as for core in cores.values() if core.counted_as}) or ["Cortex-M4F"]
    if engine == "tflm":
        costs = {key: cost_with_tflm(model, compiled, key) for key in counted}
    else:
        costs = {key: cost_on_core(compiled, key, method) for key in counted}
    memory = costs.get("Cortex-M4F", costs[counted[0]])
    figures = tuple(
        _figure(board, cores[board.core], costs.get(cores[board.core].counted_as), memory) for board in chosen
    )
    return BoardFigures(
        name=name or _name_of(model, compiled),
        sha256=compiled.sha256,
        engine=engine,
        macs=sum(layer.macs for layer in compiled.layers),
        boards=figures,
        how=" ".join(dict.fromkeys(cost.how for cost in costs.values())),
    )


def what_fits(
    models: Sequence[bytes | str | os.PathLike[str]], boards: Iterable[str] | None = None, **more: Any
) -> Figure:
    """Draw boards against models: what fits, and how long it takes. ``more`` is as for :func:`estimate`."""
    from tinyml_labs import board_figures_views

    names = None if boards is None else list(boards)
    return board_figures_views.plot_what_fits([estimate(model, names, **more) for model in models])


def _figure(board: BoardModel, core: Core, cost: CoreCost | None, memory: CoreCost) -> BoardFigure:
    size = cost or memory
    flash_limit = board.sketch_flash_bytes or board.flash_bytes
    ram_limit = board.sketch_ram_bytes or board.ram_bytes
    flash, ram = size.flash_bytes, size.ram_bytes
    fits, why, limited_by = judge(flash, flash_limit, ram, ram_limit)
    how = core.why_not
    times: tuple[float | None, float | None, float | None] = (None, None, None)
    sources = [board.sources[key] for key in _sources_of(board)]
    if cost is not None and board.clock_mhz and core.counted_as:
        how = f"{cost.how_time} {core.how}".strip()
        sources += core.sources
        if cost.cycles is not None and cost.low is not None and cost.high is not None:
            per_ms = board.clock_mhz * 1000
            typical = cost.cycles * core.typical / per_ms
            times = (typical, cost.low * core.least / per_ms, cost.high * core.most / per_ms)
    return BoardFigure(
        board=board.name,
        title=board.title,
        core=board.core,
        clock_mhz=board.clock_mhz,
        flash_bytes=flash,
        flash_limit_bytes=flash_limit,
        ram_bytes=ram,
        ram_limit_bytes=ram_limit,
        milliseconds=times[0],
        milliseconds_low=times[1],
        milliseconds_high=times[2],
        fits=fits,
        why=why,
        limited_by=limited_by,
        how=how or "Its clock is not known.",
        sources=tuple(dict.fromkeys(sources)),
    )


def judge(flash: int, flash_limit: int | None, ram: int, ram_limit: int | None) -> tuple[str, str, str]:
    """Say whether bytes of flash and RAM fit, why, and what limits.

    >>> judge(90_000, 32_256, 500, 2048)
    ('no', '57,744 bytes of flash too few: 90,000 of 32,256', 'flash')
    >>> judge(20_000, 32_256, 1900, 2048)
    ('tight', 'RAM: 93 % of 2,048 bytes, and the sketch and the core of the board need some', 'RAM')
    """
    needs = (("flash", flash, flash_limit), ("RAM", ram, ram_limit))
    missing = [(what, need, limit) for what, need, limit in needs if limit is not None and need > limit]
    if missing:
        texts = [f"{need - limit:,} bytes of {what} too few: {need:,} of {limit:,}" for what, need, limit in missing]
        worst = max(missing, key=lambda each: each[1] / each[2])
        return "no", "; ".join(texts), worst[0]
    known = [(need / limit, what, limit) for what, need, limit in needs if limit is not None]
    if len(known) < len(needs):
        return "unknown", "How much flash or RAM the board has is not known.", ""
    share, what, limit = max(known)
    if share > TIGHT:
        return (
            "tight",
            f"{what}: {share:.0%} of {limit:,} bytes, and the sketch and the core of the board need some".replace(
                "%", " %"
            ),
            what,
        )
    return "yes", f"{what}: {share:.0%} of {limit:,} bytes".replace("%", " %"), what


def _sources_of(board: BoardModel) -> list[str]:
    keys = ["core", "clock_mhz"]
    keys.append("sketch_flash_bytes" if board.sketch_flash_bytes else "flash_bytes")
    keys.append("sketch_ram_bytes" if board.sketch_ram_bytes else "ram_bytes")
    return [key for key in keys if key in board.sources]


def _name_of(model: bytes | str | os.PathLike[str], compiled: CompiledModel) -> str:
    return f"model {compiled.sha256[:8]}" if isinstance(model, bytes) else Path(model).stem
