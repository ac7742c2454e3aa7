"""How figures for boards look: a plain table in the terminal, an HTML table in a notebook, and two plots."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tinyml_labs.board_figures import BoardFigure, BoardFigures

_WIDTH = 110
_HEADS = ("board", "core", "MHz", "flash", "of", "RAM", "of", "ms (low to high)", "fits")
_COLOURS = {"yes": "#a6dba0", "tight": "#fee08b", "no": "#f4a582", "unknown": "#e0e0e0"}
_WORDS = {"yes": "fits", "tight": "tight", "no": "does not fit", "unknown": "not known"}


def format_time(milliseconds: float | None) -> str:
    """Write milliseconds with two digits that count.

    >>> [format_time(each) for each in (0.0123, 4.56, 78.9, 12345.0, None)]
    ['0.012', '4.6', '79', '12,000', '?']
    """
    if milliseconds is None:
        return "?"
    if milliseconds <= 0:
        return "0"
    digits = 1 - math.floor(math.log10(milliseconds))
    return f"{round(milliseconds, digits):,.{max(digits, 0)}f}"


def format_bytes(number: int | None) -> str:
    """Write bytes in KB, as data sheets do.

    >>> format_bytes(2048), format_bytes(27253), format_bytes(None)
    ('2.0 KB', '27 KB', '?')
    """
    if number is None:
        return "?"
    kb = number / 1024
    return f"{kb:.1f} KB" if kb < 10 else f"{kb:,.0f} KB"


def to_text(figures: BoardFigures) -> str:
    """Return the figures for a terminal, at most 110 columns wide."""
    rows = [_cells(figure) for figure in figures.boards]
    widths = [max(len(cell) for cell in column) for column in zip(_HEADS, *rows, strict=True)]
    lines = [_headline(figures), "", _line(_HEADS, widths), _line(["-" * width for width in widths], widths)]
    lines += [_line(row, widths) for row in rows]
    notes = [figures.how, *(f"{title}: {text}" for title, text in _reasons(figures))]
    for note in notes:
        lines += ["", *textwrap.wrap(note, _WIDTH)]
    return "\n".join(lines)


def to_html(figures: BoardFigures) -> str:
    """Return the figures for a notebook."""
    heads = "".join(f"<th style='text-align:left'>{html.escape(head)}</th>" for head in _HEADS)
    body = "".join(_html_row(figure) for figure in figures.boards)
    reasons = "".join(
        f"<li><b>{html.escape(title)}</b>: {html.escape(text)}</li>" for title, text in _reasons(figures)
    )
    return (
        f"<div><p>{html.escape(_headline(figures))}</p><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
        f"<p>{html.escape(figures.how)}</p><details><summary>Where the times come from</summary><ul>{reasons}</ul>"
        "</details></div>"
    )


def plot_times(figures: BoardFigures) -> Figure:
    """Draw the milliseconds of one inference on each board: a bar from low to high, a dot at the typical."""
    from matplotlib.figure import Figure

    shown = sorted((f for f in figures.boards if f.milliseconds is not None), key=lambda f: -(f.milliseconds or 0.0))
    figure = Figure(figsize=(8, 1.4 + 0.3 * max(len(shown), 1)), layout="constrained")
    axes = figure.subplots()
    for row, board in enumerate(shown):
        low, high, typical = board.milliseconds_low or 0.0, board.milliseconds_high or 0.0, board.milliseconds or 0.0
        axes.barh(row, high - low, left=low, color=_COLOURS[board.fits], edgecolor="#555555", linewidth=0.6)
        axes.plot([typical], [row], "o", color="#222222", markersize=4)
        axes.annotate(
            f" {format_time(low)} to {format_time(high)}", (high, row), va="center", fontsize=8, annotation_clip=False
        )
    axes.set_yticks(range(len(shown)), [f.title for f in shown], fontsize=8)
    if shown:
        axes.set_xscale("log")
        axes.set_xlim(right=max(f.milliseconds_high or 0.0 for f in shown) * 4)
    axes.set_xlabel("milliseconds of one inference (logarithmic)")
    missing = len(figures.boards) - len(shown)
    without = f"; no estimate for {missing} more" if missing else ""
    axes.set_title(f"{figures.name}: time on boards{without}", fontsize=10, loc="left")
    _legend(axes, {board.fits for board in shown})
    return figure


def plot_what_fits(models: Sequence[BoardFigures]) -> Figure:
    """Draw boards against models, coloured by what fits, with the time and what limits in the cells."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    if not models:
        raise ValueError("There are no figures to draw; pass those of one model at least.")
    boards = [figure.board for figure in models[0].boards]
    if any([figure.board for figure in each.boards] != boards for each in models):
        raise ValueError("The figures are for different boards. Estimate each model for the same ones.")
    figure = Figure(figsize=(max(6.0, 2.6 + 1.75 * len(models)), 1.3 + 0.42 * len(boards)), layout="constrained")
    axes = figure.subplots()
    for column, each in enumerate(models):
        for row, cell in enumerate(each.boards):
            place = (column, row)
            axes.add_patch(Rectangle(place, 1, 1, facecolor=_COLOURS[cell.fits], edgecolor="white", linewidth=1.5))
            axes.text(column + 0.5, row + 0.5, _cell_text(cell), ha="center", va="center", fontsize=7.5)
    axes.set_xlim(0, len(models))
    axes.set_ylim(len(boards), 0)
    axes.set_xticks([k + 0.5 for k in range(len(models))], [_model_label(each) for each in models], fontsize=8)
    axes.set_yticks([k + 0.5 for k in range(len(boards))], [f.title for f in models[0].boards], fontsize=8)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("milliseconds of one inference, low to high; below: the memory that is nearest to its limit")
    _legend(axes, {cell.fits for each in models for cell in each.boards})
    return figure


def _cell_text(cell: BoardFigure) -> str:
    time = f"{format_time(cell.milliseconds_low)} – {format_time(cell.milliseconds_high)} ms"
    if cell.milliseconds is None:
        time = "no estimate of time"
    needs = {"flash": (cell.flash_bytes, cell.flash_limit_bytes), "RAM": (cell.ram_bytes, cell.ram_limit_bytes)}
    if not cell.limited_by:
        return time
    need, limit = needs[cell.limited_by]
    memory = f"{cell.limited_by} {format_bytes(need)} of {format_bytes(limit)}"
    return memory if cell.fits == "no" else f"{time}\n{memory}"


def _model_label(figures: BoardFigures) -> str:
    name = "\n".join(textwrap.wrap(figures.name.replace("_", " "), 22))
    return f"{name}\n{figures.macs / 1e6:.2g} M multiply-acc."


def _legend(axes, kinds: set[str]) -> None:  # type: ignore[no-untyped-def]
    from matplotlib.patches import Patch

    patches = [Patch(color=_COLOURS[kind], label=_WORDS[kind]) for kind in _COLOURS if kind in kinds]
    if patches:
        axes.figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), fontsize=8, frameon=False)


def _headline(figures: BoardFigures) -> str:
    engine = {"compiled": "compiled to C", "tflm": "with TensorFlow Lite Micro"}[figures.engine]
    work = f"{figures.macs:,} multiply-accumulates an inference"
    return f"{figures.name}, {engine}: {work}, on {len(figures.boards)} boards"


def _cells(figure: BoardFigure) -> list[str]:
    time = "no estimate"
    if figure.milliseconds is not None:
        low, high = format_time(figure.milliseconds_low), format_time(figure.milliseconds_high)
        time = f"{format_time(figure.milliseconds)} ({low} to {high})"
    return [
        figure.board,
        figure.core or "?",
        str(figure.clock_mhz or "?"),
        format_bytes(figure.flash_bytes),
        format_bytes(figure.flash_limit_bytes),
        format_bytes(figure.ram_bytes),
        format_bytes(figure.ram_limit_bytes),
        time,
        figure.fits if figure.fits in ("yes", "unknown") else f"{figure.fits}: {figure.limited_by}",
    ]


def _html_row(figure: BoardFigure) -> str:
    cells = _cells(figure)
    plain = "".join(f"<td style='text-align:left'>{html.escape(cell)}</td>" for cell in cells[:-1])
    colour = f"background:{_COLOURS[figure.fits]};color:black"
    style = f"style='text-align:left;{colour}' title='{html.escape(figure.why, quote=True)}'"
    return f"<tr>{plain}<td {style}>{html.escape(cells[-1])}</td></tr>"


def _reasons(figures: BoardFigures) -> list[tuple[str, str]]:
    """Give of each board that is too small what it lacks, and of each core where its time comes from."""
    said: dict[str, list[str]] = {}
    for figure in figures.boards:
        said.setdefault(figure.how, []).append(figure.core or figure.title)
    reasons = [(", ".join(dict.fromkeys(names)), how) for how, names in said.items() if how]
    return [*((f.title, f.why) for f in figures.boards if f.fits == "no"), *reasons]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
