"""How a model's report looks: a plain table in the terminal, an HTML table in a notebook."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinyml_labs.model_file import Tensor

if TYPE_CHECKING:
    from tinyml_labs.inspection import ModelReport

_COLUMNS = ("op", "layer", "input", "output", "weights", "multiply-acc.", "output bytes")
_TEXT_COLUMNS = 4
_TERMINAL_WIDTH = 110


def to_text(report: ModelReport) -> str:
    """Return the report for a terminal, at most 110 columns wide."""
    rows = [
        [*map(str, row[:_TEXT_COLUMNS]), *map(_number, row[_TEXT_COLUMNS:])]
        for row in report.ops.itertuples(index=False)
    ]
    widths = _fit([max(len(cell) for cell in column) for column in zip(_COLUMNS, *rows, strict=True)])
    lines = [line for label, text in _summary(report) for line in _wrap(f"{label:<11}{text}", indent=11)]
    lines += ["", _line(_COLUMNS, widths), _line(["-" * width for width in widths], widths)]
    lines += [_line(row, widths) for row in rows]
    for sentence in report.missing_ops:
        lines += ["", *_wrap(f"! {sentence}", indent=2)]
    for note in report.notes:
        lines += ["", *_wrap(note)]
    return "\n".join(lines)


def to_html(report: ModelReport) -> str:
    """Return the report for a notebook. Colours are the theme's own, so that it reads on light and dark."""
    summary = "".join(
        f'<tr><th style="text-align:left">{html.escape(label)}</th>'
        f'<td style="text-align:left;white-space:normal">{html.escape(text)}</td></tr>'
        for label, text in _summary(report)
    )
    largest = max([int(value) for value in report.ops["macs"]], default=0) or 1
    body = "".join(_html_row(row, largest) for row in report.ops.itertuples(index=False))
    heads = "".join(
        f'<th style="text-align:{"left" if i < _TEXT_COLUMNS else "right"}">{html.escape(name)}</th>'
        for i, name in enumerate(_COLUMNS)
    )
    warnings = "".join(
        f'<p style="border-left:3px solid #e08a00;padding-left:0.6em"><b>Not on a board:</b> {html.escape(text)}</p>'
        for text in report.missing_ops
    )
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in report.notes)
    how = (
        f"<details><summary>How the arena was found</summary>{_html_arena(report)}</details>" if report.arena else ""
    )
    return (
        f'<div class="tinyml-report"><table>{summary}</table>{warnings}'
        f'<div style="max-height:32em;overflow:auto"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{notes}{how}</div>"
    )


def _html_row(row: Sequence[object], largest: int) -> str:
    texts = "".join(f'<td style="text-align:left">{html.escape(str(cell))}</td>' for cell in row[:_TEXT_COLUMNS])
    weights, macs, output = (int(str(cell)) for cell in row[_TEXT_COLUMNS:])
    # A bar in the text's own colour shows where the work is.
    bar = (
        '<div style="height:3px;margin-left:auto;background:currentColor;opacity:0.45;'
        f'width:{100 * macs / largest:.1f}%"></div>'
    )
    number = '<td style="text-align:right;font-variant-numeric:tabular-nums">'
    numbers = [_number(weights), _number(macs) + bar, _number(output)]
    return f"<tr>{texts}{''.join(f'{number}{cell}</td>' for cell in numbers)}</tr>"


def _html_arena(report: ModelReport) -> str:
    assert report.arena is not None
    rows = "".join(
        f'<tr><td style="text-align:left">{html.escape(part)}</td><td>{here:,}</td><td>{board:,}</td></tr>'
        for part, (here, board) in report.arena.breakdown.items()
    )
    head = '<tr><th style="text-align:left">bytes of the arena</th><th>here</th><th>32-bit board</th></tr>'
    return f"<p>{html.escape(report.arena.how)}</p><table>{head}{rows}</table>"


def _summary(report: ModelReport) -> list[tuple[str, str]]:
    arena = report.arena
    methods = ", ".join(report.resolver_methods) or "none that TensorFlow Lite Micro has"
    return [
        ("on flash", f"{report.size_bytes:,} bytes, of which {report.weights_bytes:,} are weights"),
        *[("input", _tensor_text(tensor)) for tensor in report.inputs],
        *[("output", _tensor_text(tensor)) for tensor in report.outputs],
        *([("remembers", str(report.state))] if report.state.stateful else []),
        ("work", f"{report.macs:,} multiply-accumulates an inference, in {_count(len(report.ops), 'operator')}"),
        (
            "arena",
            f"{arena.measured_bytes:,} bytes measured here; about {arena.estimate_32bit_bytes:,} on a 32-bit board "
            "(an estimate)"
            if arena
            else f"unknown: {report.arena_missing}",
        ),
        ("register", f"{_count(len(report.resolver_methods), 'op')}: {methods}"),
        ("SHA-256", report.sha256),
    ]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _tensor_text(tensor: Tensor) -> str:
    text = f"{tensor.type_name.lower()} {tensor.shape_text}"
    if tensor.scale:
        text += f", scale {tensor.scale:.6g}, zero point {tensor.zero_point}"
    return f"{text} ({tensor.name})"


def _fit(widths: list[int]) -> list[int]:
    """Take columns off the widest text until a line fits."""
    while sum(widths) + 2 * (len(widths) - 1) > _TERMINAL_WIDTH and max(widths[:_TEXT_COLUMNS]) > 8:
        widest = widths.index(max(widths[:_TEXT_COLUMNS]))
        widths[widest] -= 1
    return widths


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = [f"{_cut(c, w):<{w}}" for c, w in zip(cells[:_TEXT_COLUMNS], widths[:_TEXT_COLUMNS], strict=True)]
    numbers = [f"{c:>{w}}" for c, w in zip(cells[_TEXT_COLUMNS:], widths[_TEXT_COLUMNS:], strict=True)]
    return "  ".join(texts + numbers).rstrip()


def _number(value: object) -> str:
    return f"{int(str(value)):,}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _wrap(line: str, *, indent: int = 0) -> list[str]:
    return textwrap.wrap(line, _TERMINAL_WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False)
