"""From a chart to one inline SVG: axes, then the layers in their order, then the legend."""

from __future__ import annotations

from html import escape
from math import ceil

from bakeoff.report.chart_spec import Chart
from bakeoff.report.chart_style import CONFIG
from bakeoff.report.drawing.axes import horizontal, vertical
from bakeoff.report.drawing.canvas import Canvas
from bakeoff.report.drawing.legend import legend
from bakeoff.report.drawing.marks import draw_layer
from bakeoff.report.drawing.scales import position
from bakeoff.report.drawing.subset import check

_PADDING = CONFIG["padding"]
_LARGEST = 1.2  # times its own size: charts grow with the column, but not to posters


def draw(chart: Chart) -> str:
    """The chart as SVG whose colours are the page's variables, with its description as name.

    Raises:
        NotDrawnError: the chart asks for something outside ``chart_spec``.
    """
    check(chart)
    layers, width, height = chart["layer"], chart["width"], chart["height"]
    canvas = Canvas(width, height)
    x, y = position(layers, "x", width), position(layers, "y", height)
    if x is not None and x.axis is not None:
        horizontal(x, x.axis, canvas, height)
    if y is not None and y.axis is not None:
        vertical(y, y.axis, canvas, width)
    for layer in layers:
        draw_layer(layer, x, y, canvas)
    legend(layers, canvas)
    left = ceil(-canvas.left) + _PADDING["left"]
    top = ceil(-canvas.top) + _PADDING["top"]
    full = left + ceil(canvas.right) + _PADDING["right"]
    tall = top + ceil(canvas.bottom) + _PADDING["bottom"]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {full} {tall}" width="{full}" '
        f'height="{tall}" style="max-width:{_LARGEST * full:.0f}px" role="img" '
        f'aria-label="{escape(chart["description"])}"><g fill="none" '
        f'transform="translate({left},{top})">{"".join(canvas.pieces)}</g></svg>'
    )
