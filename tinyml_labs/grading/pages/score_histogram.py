"""How the class's points are spread, drawn as SVG: a picture that needs no program to be looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 340, 200  # units of the drawing; on a narrow phone about pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 8, 16, 40
_MOST_BARS = 16
_STEPS = (1, 2, 2.5, 5)


@dataclass(frozen=True, kw_only=True)
class ScoreBin:
    """A bar of the histogram.

    Attributes
    ----------
    low, high : float
        Points, ``low <= points < high``; the last bar holds ``high`` too. Equal if it is one number of points.
    count : int
        Students.
    """

    low: float
    high: float
    count: int

    @property
    def label(self) -> str:
        """What the bar holds: ``3``, or ``2.5 to 5``."""
        return f"{self.low:g}" if self.low == self.high else f"{self.low:g} to {self.high:g}"


def bin_scores(points: Sequence[float], max_points: float) -> list[ScoreBin]:
    """Count students by their points.

    Parameters
    ----------
    points : sequence of float
        One for each student.
    max_points : float
        What could be earned.

    Returns
    -------
    list of ScoreBin
        A bar for each whole number of points if all are whole and few; else bars of a round width.
    """
    top = max([max_points, *points], default=0.0)
    lowest = min([0.0, *points])
    if top <= 0:
        return [ScoreBin(low=0, high=0, count=len(points))]
    if all(float(each).is_integer() for each in (*points, top)) and top - lowest < _MOST_BARS:
        return [ScoreBin(low=n, high=n, count=sum(p == n for p in points)) for n in range(int(lowest), int(top) + 1)]
    width = _choose_width(top)
    first, last = math.floor(lowest / width), max(1, math.ceil(top / width - 1e-9))
    counts = [0] * (last - first)
    for each in points:
        counts[min(int((each + 1e-9) // width), last - 1) - first] += 1
    return [
        ScoreBin(low=(first + n) * width, high=min((first + n + 1) * width, top), count=count)
        for n, count in enumerate(counts)
    ]


def draw_histogram(bins: Sequence[ScoreBin]) -> str:
    """Draw the bars with both axes named, and each bar's number on it.

    Parameters
    ----------
    bins : sequence of ScoreBin

    Returns
    -------
    str
        An ``svg`` element. Its colours are the classes ``bar``, ``axis`` and ``label`` of the page's style.
    """
    across, up = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    highest = max((each.count for each in bins), default=0)
    step = max(1, math.ceil(_choose_width(max(highest, 1), most=5)))
    top = max(step, step * math.ceil(highest / step))
    floor = _HEIGHT - _BOTTOM
    told = "; ".join(f"{each.label} points: {each.count}" for each in bins if each.count) or "no students"
    parts = [
        f'<svg class="histogram" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        'aria-labelledby="scores-title scores-told">',
        '<title id="scores-title">How many students have how many points</title>',
        f'<desc id="scores-told">{escape(told)}</desc>',
    ]
    for count in range(0, top + 1, step):
        y = floor - up * count / top
        parts.append(f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="label" x="{_LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end">{count}</text>')
    slot = across / max(1, len(bins))
    for number, each in enumerate(bins):
        x, height = _LEFT + slot * number, up * each.count / top
        if each.count:
            parts.append(
                f'<rect class="bar" x="{x + slot * 0.08:.1f}" y="{floor - height:.1f}" width="{slot * 0.84:.1f}" '
                f'height="{height:.1f}"/><text class="label count" x="{x + slot / 2:.1f}" '
                f'y="{floor - height - 4:.1f}" text-anchor="middle">{each.count}</text>'
            )
        if each.low == each.high:
            parts.append(_label(x + slot / 2, f"{each.low:g}"))
        else:
            parts += [_label(x, f"{each.low:g}")] + ([_label(x + slot, f"{each.high:g}")] if each is bins[-1] else [])
    middle = _LEFT + across / 2
    parts.append(f'<text class="label name" x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">points</text>')
    turned = f"translate(11 {_TOP + up / 2}) rotate(-90)"
    parts.append(f'<text class="label name" transform="{turned}" text-anchor="middle">students</text>')
    return "".join([*parts, "</svg>"])


def _label(x: float, text: str) -> str:
    return f'<text class="label" x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 14}" text-anchor="middle">{text}</text>'


def _choose_width(top: float, most: int = 10) -> float:
    """Return the smallest round width of which at most so many cover the range."""
    power = 10.0 ** math.floor(math.log10(top / most))
    return next(step * power for step in (*_STEPS, 10) if top / (step * power) <= most + 1e-9)
