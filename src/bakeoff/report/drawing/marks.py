"""Marks: one function per kind, from the rows of a layer to SVG; knows scales, not axes.

The text of a mark becomes its ``<title>``, a tooltip without any script, and the replicate before
the text's bar becomes ``data-r``, which the page's script highlights. What all marks of a layer
share stands once, on the group around them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any, TypeAlias

from bakeoff.report.chart_spec import Layer, Mark, Row
from bakeoff.report.drawing.axes import CENTRED
from bakeoff.report.drawing.canvas import Canvas, escape, px, share
from bakeoff.report.drawing.scales import Position
from bakeoff.report.drawing.subset import refuse, variable
from bakeoff.report.drawing.text_width import cut, text_width

_Ends: TypeAlias = tuple[list[float] | None, list[float] | None]
# Ends the path of a line with one point, such as the curve of a single epoch: a dot, not nothing.
_DOT = 'h0" stroke-linecap="round" stroke-width="4'
# The attribute, and the share of a text that lies before its point.
_ANCHORS = {
    "left": ("", 0.0),
    "center": ('text-anchor="middle"', 0.5),
    "right": ('text-anchor="end"', 1.0),
}


def _pixels(layer: Layer, name: str, position: Position | None) -> list[float]:
    """Where the rows lie in one direction; ``x2`` and ``y2`` share the scale of ``x`` and ``y``."""
    encoding, rows = layer["encoding"], layer["data"]["values"]
    channel = encoding[name]
    if "value" in channel:
        return [float(channel["value"])] * len(rows)
    field = channel["field"]
    if position is None or encoding[name[0]].get("scale", position) is None:
        return [float(row[field]) for row in rows]
    place = position.place
    return [place(row[field]) for row in rows]


def _ink(layer: Layer, paint: str) -> tuple[str, Callable[[Row], str]]:
    """The colour as an attribute of the layer, or, where it differs, as one of each row."""
    channel = layer["encoding"].get("color")
    one = layer["mark"].get("color") if channel is None else channel.get("value")
    if one is not None:
        return f'{paint}="{variable(str(one))}"', lambda _: ""
    if channel is None:
        raise refuse(f"{layer['mark']['type']} without", "color")
    field, scale = channel["field"], channel.get("scale")
    if scale is None and "scale" in channel:
        return "", lambda row: f' {paint}="{variable(row[field])}"'
    if scale is None or not scale.keys() == {"domain", "range"}:
        raise refuse("color scale", scale, ("domain and range",))
    known = {
        name: f' {paint}="{variable(str(colour))}"'
        for name, colour in zip(scale["domain"], scale["range"], strict=True)
    }
    return "", lambda row: known[row[field]]


def _said(layer: Layer) -> Callable[[Row], tuple[str, str]]:
    """A row's ``data-r`` attribute and its ``<title>``."""
    channel = layer["encoding"].get("description")
    if channel is None:
        return lambda _: ("", "")
    field = channel["field"]

    def say(row: Row) -> tuple[str, str]:
        replicate, _, words = row[field].partition("|")
        mark = f' data-r="{replicate}"' if replicate.isdigit() else ""
        return mark, f"<title>{escape(words)}</title>" if words else ""

    return say


def _element(tag: str, attributes: str, inner: str) -> str:
    return f"<{tag} {attributes}>{inner}</{tag}>" if inner else f"<{tag} {attributes}/>"


def _group(canvas: Canvas, attributes: Sequence[str], pieces: Sequence[str]) -> None:
    if not pieces:
        return
    given = " ".join([attribute for attribute in attributes if attribute])
    inner = "".join(pieces)
    canvas.add(f"<g {given}>{inner}</g>" if given else inner)


def _opacity(of: str, mark: Mark) -> str:
    # Not on the group itself: its marks would not show through one another.
    value = mark.get("opacity", 1)
    return "" if value == 1 else f'{of}-opacity="{share(value)}"'


def _lines(layer: Layer, xs: list[float], ys: list[float], canvas: Canvas) -> None:
    mark, encoding, rows = layer["mark"], layer["encoding"], layer["data"]["values"]
    colour, own = _ink(layer, "stroke")
    say = _said(layer)
    # A line per colour and detail, through its rows by `order`, else from left to right.
    fields = [
        encoding[name]["field"] for name in ("color", "detail") if "field" in encoding.get(name, {})
    ]
    members: dict[Any, list[int]] = {}
    for index, row in enumerate(rows):
        members.setdefault(tuple([row[field] for field in fields]), []).append(index)
    by: Sequence[float] = xs
    if "order" in encoding:
        order = encoding["order"]["field"]
        by = [row[order] for row in rows]
    pieces = []
    for indices in members.values():
        indices.sort(key=by.__getitem__)
        points = " ".join(["%.1f,%.1f" % (xs[i], ys[i]) for i in indices]) + " "  # noqa: UP031
        points = points.replace("-0.0", "0").replace(".0,", ",").replace(".0 ", " ").rstrip()
        if len(indices) == 1:
            points += _DOT
        row = rows[indices[0]]
        replicate, title = say(row)
        pieces.append(_element("path", f'd="M{points}"{own(row)}{replicate}', title))
    dash = mark.get("strokeDash")
    shared = [
        colour,
        f'stroke-width="{mark.get("strokeWidth", 2):g}"',
        f'stroke-dasharray="{",".join(map(str, dash))}"' if dash else "",
        _opacity("stroke", mark),
    ]
    _group(canvas, shared, pieces)


def _outline(shape: str, size: float) -> str:
    """The path of a symbol whose bounding square has the area ``size``, as Vega draws it."""
    r = sqrt(size) / 2
    if shape == "diamond":
        return f"M{px(-r)},0L0,{px(-r)}L{px(r)},0L0,{px(r)}Z"
    arm = 2 * r / 5
    corners = [(-r, -arm), (-r, arm), (-arm, arm), (-arm, r), (arm, r), (arm, arm)]
    corners += [(-x, -y) for x, y in corners]
    return "M" + "L".join(f"{px(x)},{px(y)}" for x, y in corners) + "Z"


def _points(layer: Layer, xs: list[float], ys: list[float], canvas: Canvas) -> None:
    mark, rows = layer["mark"], layer["data"]["values"]
    paint = "fill" if mark.get("filled") else "stroke"
    colour, own = _ink(layer, paint)
    say = _said(layer)
    sized = layer["encoding"].get("size")
    if "opacity" not in mark:
        raise refuse("point without", "opacity")  # Vega-Lite's own is .7
    shape = mark.get("shape", "circle")
    if shape not in ("circle", "cross", "diamond"):
        raise refuse("shape", shape, ("circle", "cross", "diamond"))
    radius = sqrt(mark.get("size", 30)) / 2
    turn = f"rotate({mark['angle']:g})" if "angle" in mark else ""
    outline = "" if shape == "circle" else _outline(shape, mark.get("size", 30))
    r = px(radius)
    pieces = []
    for row, x, y in zip(rows, xs, ys, strict=True):
        replicate, title = say(row)
        ink = own(row)
        if outline:
            where = f'transform="translate({px(x)},{px(y)}){turn}" d="{outline}"'
            pieces.append(_element("path", f"{where}{ink}{replicate}", title))
        else:
            if sized is not None:
                radius = sqrt(row[sized["field"]]) / 2
                r = px(radius)
            where = f'cx="{px(x)}" cy="{px(y)}" r="{r}"'
            pieces.append(_element("circle", f"{where}{ink}{replicate}", title))
        canvas.reach(x - radius, y - radius, x + radius, y + radius)
    shared = [colour, _opacity(paint, mark)]
    if paint == "stroke":
        shared.append(f'stroke-width="{mark.get("strokeWidth", 2):g}"')
    _group(canvas, shared, pieces)


def _rules(layer: Layer, xs: list[float], ys: list[float], canvas: Canvas, ends: _Ends) -> None:
    mark = layer["mark"]
    colour, own = _ink(layer, "stroke")
    say = _said(layer)
    x2s, y2s = ends
    pieces = []
    for row, x, y, x2, y2 in zip(
        layer["data"]["values"], xs, ys, x2s or xs, y2s or ys, strict=True
    ):
        replicate, title = say(row)
        where = f'x1="{px(x)}" y1="{px(y)}" x2="{px(x2)}" y2="{px(y2)}"'
        pieces.append(_element("line", f"{where}{own(row)}{replicate}", title))
    width = mark.get("strokeWidth", 1)
    _group(canvas, [colour, "" if width == 1 else f'stroke-width="{width:g}"'], pieces)


def _rects(
    layer: Layer,
    xs: list[float],
    ys: list[float],
    canvas: Canvas,
    ends: _Ends,
    bands: tuple[float, float],
) -> None:
    colour, own = _ink(layer, "fill")
    say = _said(layer)
    shade = layer["encoding"].get("opacity")
    # From one end to the other, or a band around its middle.
    x2s, y2s = ends
    lefts, rights = (xs, x2s) if x2s else _around(xs, bands[0])
    tops, bottoms = (ys, y2s) if y2s else _around(ys, bands[1])
    pieces = []
    for row, x, y, x2, y2 in zip(
        layer["data"]["values"], lefts, tops, rights, bottoms, strict=True
    ):
        replicate, title = say(row)
        ink = own(row)
        if shade is not None:
            ink += f' fill-opacity="{share(row[shade["field"]])}"'
        where = f'x="{px(min(x, x2))}" y="{px(min(y, y2))}"'
        size = f'width="{px(abs(x2 - x))}" height="{px(abs(y2 - y))}"'
        pieces.append(_element("rect", f"{where} {size}{ink}{replicate}", title))
    _group(canvas, [colour], pieces)


def _around(middles: list[float], band: float) -> tuple[list[float], list[float]]:
    return [middle - band / 2 for middle in middles], [middle + band / 2 for middle in middles]


def _texts(layer: Layer, xs: list[float], ys: list[float], canvas: Canvas) -> None:
    mark, field = layer["mark"], layer["encoding"]["text"]["field"]
    colour, own = _ink(layer, "fill")
    say = _said(layer)
    size, align = mark.get("fontSize", 11), mark.get("align", "center")
    if align not in _ANCHORS:
        raise refuse("align", align, _ANCHORS)
    anchor, before = _ANCHORS[align]
    pieces = []
    for row, x, y in zip(layer["data"]["values"], xs, ys, strict=True):
        words = cut(row[field], size, mark.get("limit"))
        replicate, title = say(row)
        where = f'x="{px(x)}" y="{px(y + CENTRED * size)}"'
        pieces.append(f"<text {where}{own(row)}{replicate}>{title}{escape(words)}</text>")
        width = text_width(words, size)
        left = x - before * width
        canvas.reach(left, y - size / 2, left + width, y + size / 2)
    _group(canvas, [anchor, f'font-size="{size:g}"', colour], pieces)


def draw_layer(layer: Layer, x: Position | None, y: Position | None, canvas: Canvas) -> None:
    """Draws all marks of a layer."""
    kind, encoding = layer["mark"]["type"], layer["encoding"]
    xs, ys = _pixels(layer, "x", x), _pixels(layer, "y", y)
    ends = (
        _pixels(layer, "x2", x) if "x2" in encoding else None,
        _pixels(layer, "y2", y) if "y2" in encoding else None,
    )
    if kind == "line":
        _lines(layer, xs, ys, canvas)
    elif kind == "point":
        _points(layer, xs, ys, canvas)
    elif kind == "rule":
        _rules(layer, xs, ys, canvas, ends)
    elif kind == "rect":
        _rects(layer, xs, ys, canvas, ends, (x.band if x else 0.0, y.band if y else 0.0))
    else:
        _texts(layer, xs, ys, canvas)
