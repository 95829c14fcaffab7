"""The legend above a chart: a dot and a word per colour, in columns."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.report.chart_spec import Layer
from bakeoff.report.chart_style import CONFIG
from bakeoff.report.drawing.axes import CENTRED
from bakeoff.report.drawing.canvas import Canvas, escape, px
from bakeoff.report.drawing.subset import refuse, variable
from bakeoff.report.drawing.text_width import cut, text_width

_STYLE = CONFIG["legend"]
_SIZE = _STYLE["labelFontSize"]
_RADIUS = 5.0
_WORD_AT = 16
_ROW, _COLUMN_GAP = 16.0, _STYLE["columnPadding"]
_LIMIT = 160.0


def legend(layers: Sequence[Layer], canvas: Canvas) -> None:
    """Draws the legend of the colours that the layers share, where one is asked for."""
    coloured = [
        channel
        for layer in layers
        if (channel := layer["encoding"].get("color", {})).get("scale") is not None
    ]
    if not coloured:
        return
    first = coloured[0]
    if "legend" not in first or any(channel != first for channel in coloured):
        raise refuse("color scale without one", "legend, or None")
    options, scale = first["legend"], first["scale"]
    if options is None or scale is None:
        return
    if options.get("title") is not None:
        raise refuse("legend with", "title")
    words = [cut(str(word), _SIZE, options.get("labelLimit", _LIMIT)) for word in scale["domain"]]
    num_columns = options.get("columns", len(words))
    widths = [
        max(text_width(word, _SIZE) for word in words[column::num_columns])
        for column in range(min(num_columns, len(words)))
    ]
    starts = [
        sum(widths[:column]) + column * (_WORD_AT + _COLUMN_GAP) for column in range(len(widths))
    ]
    num_rows = -(-len(words) // num_columns)
    top = canvas.top - _STYLE["offset"] - num_rows * _ROW + 3  # the last row needs no gap
    canvas.add(f'<g font-size="{_SIZE}" fill="{variable(_STYLE["labelColor"])}">')
    for index, (word, colour) in enumerate(zip(words, scale["range"], strict=True)):
        row, column = divmod(index, num_columns)
        x, y = starts[column], top + row * _ROW + 6
        canvas.add(
            f'<circle cx="{px(x + 6)}" cy="{px(y)}" r="{px(_RADIUS)}" fill="{variable(str(colour))}"/>'
            f'<text x="{px(x + _WORD_AT)}" y="{px(y + CENTRED * _SIZE)}">{escape(word)}</text>'
        )
    canvas.add("</g>")
    canvas.reach(0, top, starts[-1] + _WORD_AT + widths[-1], 0)
