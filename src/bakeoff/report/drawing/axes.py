"""Axes: grid lines, labels without overlap, and a title; knows no marks.

 ┆      ┆      ┆          grid, on whole pixels so that a line is one pixel wide
0.1    0.3    1.0         labels, LABEL_GAP below the plot
    learning rate         title, TITLE_GAP below the labels
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import cos, floor, radians, sin
from typing import Any

from bakeoff.report.chart_spec import Axis
from bakeoff.report.chart_style import CONFIG
from bakeoff.report.drawing.canvas import Canvas, escape, px
from bakeoff.report.drawing.scales import Position
from bakeoff.report.drawing.subset import refuse, variable
from bakeoff.report.drawing.text_width import cut, text_width
from bakeoff.report.drawing.ticks import expression, fixed, tick_values

_STYLE = CONFIG["axis"]
_GRID = f'stroke="{variable(_STYLE["gridColor"])}"'
_SIZE = _STYLE["labelFontSize"]
_TEXT = f'font-size="{_SIZE}" fill="{variable(_STYLE["labelColor"])}"'
_LABEL_GAP = _STYLE["labelPadding"]
_TITLE_GAP = _STYLE["titlePadding"]
_LABEL_LIMIT = 180  # Vega's, where an axis names none
# From the line that a text hangs on, stands on or is centred at to its baseline, in font sizes.
HANGING, CENTRED, STANDING = 0.79, 0.3, -0.21


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick: its pixel along the axis and its words."""

    at: float
    words: str


def _values(axis: Axis, position: Position) -> tuple[Sequence[Any], Callable[[Any], str]]:
    """Values with a tick, and their words."""
    words: Callable[[Any], str] = str
    if position.kind == "names":
        values: Sequence[Any] = position.domain
    elif "values" in axis:
        values = axis["values"]
        if "labelExpr" not in axis:
            raise refuse("axis with values but without", "labelExpr")
    elif "tickCount" in axis and position.kind == "linear":
        low, high = min(position.domain), max(position.domain)
        values, decimals = tick_values(low, high, axis["tickCount"])
        if axis.get("format", "d") != "d":
            raise refuse("format", axis["format"], ("d",))
        decimals = 0 if "format" in axis else decimals
        words = lambda value: fixed(value, decimals)  # noqa: E731
    else:
        raise refuse(f"{position.kind} axis without", "values")
    return values, expression(axis["labelExpr"]) if "labelExpr" in axis else words


def _without_overlap(
    ticks: list[Tick], extents: list[tuple[float, float]], log: bool
) -> list[Tick]:
    """Labels that fit beside one another, as Vega thins them.

    On a logarithmic axis each label that touches the last one kept is dropped, else every other
    label until none touch. Of two that stay, the second is the axis's last.
    """

    def touch(a: int, b: int) -> bool:
        return extents[a][0] < extents[b][1] and extents[b][0] < extents[a][1]

    kept = list(range(len(ticks)))
    while len(kept) >= 3 and any(touch(a, b) for a, b in pairwise(kept)):
        if not log:
            kept = kept[::2]
            continue
        apart = kept[:1]
        for index in kept[1:]:
            if not touch(apart[-1], index):
                apart.append(index)
        kept = apart
    if len(kept) < 3 and kept and kept[-1] != len(ticks) - 1:
        kept = [kept[0], len(ticks) - 1]
    return [ticks[index] for index in kept]


def _ticks(axis: Axis, position: Position) -> list[Tick]:
    values, words = _values(axis, position)
    limit = axis.get("labelLimit", _LABEL_LIMIT)
    return [Tick(position.place(value), cut(words(value), _SIZE, limit)) for value in values]


def _grid(axis: Axis, position: Position) -> bool:
    return axis.get("grid", position.kind != "names")


def horizontal(position: Position, axis: Axis, canvas: Canvas, height: float) -> None:
    """The axis below the plot, or above it."""
    ticks = _ticks(axis, position)
    top = axis.get("orient", "bottom") == "top"
    angle = axis.get("labelAngle", 0 if position.kind != "names" else None)
    if angle is None or not -90 <= angle <= 0 or (angle and not top):
        raise refuse("labelAngle", angle, ("0", "-90 to 0 above the plot"))
    if _grid(axis, position) and ticks:
        lines = "".join(f"M{floor(tick.at + 0.5) + 0.5:g},0v{px(height)}" for tick in ticks)
        canvas.add(f'<path d="{lines}" {_GRID}/>')
    widths = [text_width(tick.words, _SIZE) for tick in ticks]
    depth = float(_SIZE)  # of the row of labels
    edge = -_LABEL_GAP if top else height + _LABEL_GAP
    if angle:
        turn = radians(-angle)
        depth = max((width * sin(turn) + _SIZE / 2 * cos(turn) for width in widths), default=0)
        canvas.add(f"<g {_TEXT}>")
        for tick, width in zip(ticks, widths, strict=True):
            canvas.reach(tick.at, 0, tick.at + width * cos(turn) + _SIZE / 2 * sin(turn), 0)
            canvas.add(
                f'<text transform="translate({px(tick.at)},{edge})rotate({angle})" '
                f'y="{px(CENTRED * _SIZE)}">{escape(tick.words)}</text>'
            )
    else:
        extents = [(t.at - w / 2, t.at + w / 2) for t, w in zip(ticks, widths, strict=True)]
        for first, last in extents:
            canvas.reach(first, 0, last, 0)
        if position.kind != "names":
            ticks = _without_overlap(ticks, extents, position.kind == "log")
        baseline = px(edge + (STANDING if top else HANGING) * _SIZE)
        canvas.add(f'<g text-anchor="middle" {_TEXT}>')
        for tick in ticks:
            canvas.add(f'<text x="{px(tick.at)}" y="{baseline}">{escape(tick.words)}</text>')
    outward = -1 if top else 1
    end = edge + outward * depth
    if axis["title"]:
        size = _STYLE["titleFontSize"]
        words = cut(axis["title"], size, _STYLE["titleLimit"])
        middle, half = sum(position.ends) / 2, text_width(words, size) / 2
        end += outward * _TITLE_GAP
        baseline = px(end + (STANDING if top else HANGING) * size)
        canvas.reach(middle - half, 0, middle + half, 0)
        anchor = ' text-anchor="middle"' if angle else ""
        canvas.add(f'<text x="{px(middle)}" y="{baseline}"{anchor}>{escape(words)}</text>')
        end += outward * size
    canvas.add("</g>")
    canvas.reach(0, min(0, end), 0, max(height, end))


def vertical(position: Position, axis: Axis, canvas: Canvas, width: float) -> None:
    """The axis left of the plot."""
    if "orient" in axis or "labelAngle" in axis:
        raise refuse("vertical axis with", "orient or labelAngle")
    ticks = _ticks(axis, position)
    if _grid(axis, position) and ticks:
        lines = "".join(f"M0,{floor(tick.at + 0.5) + 0.5:g}h{px(width)}" for tick in ticks)
        canvas.add(f'<path d="{lines}" {_GRID}/>')
    if position.kind != "names":
        extents = [(tick.at - _SIZE / 2, tick.at + _SIZE / 2) for tick in ticks]
        ticks = _without_overlap(ticks, extents, position.kind == "log")
    widest = max((text_width(tick.words, _SIZE) for tick in ticks), default=0.0)
    canvas.add(f'<g text-anchor="end" {_TEXT}>')
    for tick in ticks:
        canvas.reach(-_LABEL_GAP - widest, tick.at - _SIZE / 2, 0, tick.at + _SIZE / 2)
        baseline = px(tick.at + CENTRED * _SIZE)
        canvas.add(f'<text x="{-_LABEL_GAP}" y="{baseline}">{escape(tick.words)}</text>')
    if axis["title"]:
        size = _STYLE["titleFontSize"]
        words = cut(axis["title"], size, _STYLE["titleLimit"])
        middle, half = sum(position.ends) / 2, text_width(words, size) / 2
        at = -_LABEL_GAP - widest - _TITLE_GAP
        canvas.reach(at - size, middle - half, 0, middle + half)
        canvas.add(
            f'<text transform="translate({px(at + STANDING * size)},{px(middle)})rotate(-90)" '
            f'text-anchor="middle">{escape(words)}</text>'
        )
    canvas.add("</g>")
