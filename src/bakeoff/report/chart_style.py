"""The look that all charts share: colours by role, one configuration, the row layout.

Charts use the light palette's colours, so that they look right wherever Vega-Lite is drawn. In a
page every colour is replaced by the CSS variable of its role, which is how one drawing serves the
light and the dark theme.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bakeoff.report.chart_spec import Axis, Channel, Chart, Layer, Mark, Row, Scale

INK = "#1c2128"
MUTED = "#57606a"
RULE = "#d5dbe1"
ACCENT = "#0a5cc2"  # the chosen candidate, validation
OTHER = "#7b858f"  # every other candidate
TRAIN = "#a85a08"
BAD = "#b3261e"
BAND = "#e3ebf5"  # the ±δ band
ON_ACCENT = "#fefefe"  # text on a dark cell

ROLES: Mapping[str, str] = {
    INK: "ink",
    MUTED: "muted",
    RULE: "rule",
    ACCENT: "accent",
    OTHER: "other",
    TRAIN: "train",
    BAD: "bad",
    BAND: "band",
    ON_ACCENT: "on-accent",
}

# Six hues that stay apart for colour-blind readers (after Okabe and Ito 2008), darkened to 3:1 on white.
SERIES = ("#0a5cc1", "#a85a07", "#0b7a5c", "#a2407a", "#5b5fc7", "#6b6f00")

WIDTH = 440  # of a chart that stands alone; a phone shows it at four fifths
PLOT = 366  # of it for the marks where each row has a number at its right end
LABEL_PX = 12


# The text of a mark, see ``describe``, and a colour that stands in the row itself.
TEXT = Channel(field="text", type="nominal")
OWN_COLOR = Channel(field="ink", type="nominal", scale=None)


def describe(title: str, replicate: int | None = None) -> str:
    """The text of a mark: its tooltip and, before the bar, the replicate it belongs to."""
    return f"{'' if replicate is None else replicate + 1}|{title}"


def axis(title: str | None = None) -> Axis:
    """A quiet axis: few ticks, thin grid, no domain line."""
    return Axis(title=title, tickCount=5)


def along(field: str, scale: Scale, axis: Axis | None = None) -> Channel:
    """Numbers along an axis; the axis itself is named once, by the lowest layer."""
    channel = Channel(field=field, type="quantitative", scale=scale)
    if axis is not None:
        channel["axis"] = axis
    return channel


def pixels(field: str) -> Channel:
    """Pixels as they are: rows are laid out here, not by a scale."""
    return Channel(field=field, type="quantitative", scale=None, axis=None)


def layer(rows: Sequence[Row], mark: Mark, **encoding: Channel) -> Layer:
    """One kind of mark over some rows."""
    return Layer(data={"values": rows}, mark=mark, encoding=encoding)


def _marks(
    rows: Sequence[Row], mark: Mark, color: str | Channel, x: Channel, y: Channel, **more: Channel
) -> Layer:
    if isinstance(color, str):
        mark["color"] = color
    else:
        more["color"] = color
    return layer(rows, mark, x=x, y=y, **more, description=TEXT)


def intervals(rows: Sequence[Row], x: Channel, y: Channel, color: str | Channel = ACCENT) -> Layer:
    """A bar from ``x`` to the ``high`` of each row."""
    return _marks(rows, Mark(type="rule", strokeWidth=2), color, x, y, x2={"field": "high"})


def dots(
    rows: Sequence[Row],
    x: Channel,
    y: Channel,
    color: str | Channel,
    *,
    size: int,
    opacity: float = 1,
) -> Layer:
    """A filled dot at each row."""
    return _marks(rows, Mark(type="point", filled=True, size=size, opacity=opacity), color, x, y)


def row_labels(rows: Sequence[Row], limit: float, *, color: Channel | None = None) -> list[Layer]:
    """A name at the left of its row and a note at the right, above the marks.

    Args:
        rows: with ``label``, ``note``, ``label_y`` and what ``color`` needs.
        limit: pixels after which a name is cut.
        color: of the names; ink without it.
    """
    name = Mark(type="text", align="left", baseline="middle", fontSize=LABEL_PX, limit=limit)
    names = {"x": Channel(value=0), "y": pixels("label_y")}
    names["text"] = Channel(field="label", type="nominal")
    if color is None:
        name["color"] = INK
    else:
        names["color"] = color
    return [
        layer(rows, name, **names),
        layer(
            rows,
            Mark(type="text", align="right", baseline="middle", fontSize=11, color=MUTED),
            x=Channel(value=WIDTH),
            y=pixels("label_y"),
            text=Channel(field="note", type="nominal"),
        ),
    ]


CONFIG: Mapping[str, Any] = {
    "background": "transparent",
    "padding": {"left": 10, "right": 12, "top": 4, "bottom": 2},
    "view": {"stroke": None},
    "axis": {
        "domain": False,
        "grid": True,
        "gridColor": RULE,
        "labelColor": MUTED,
        "labelFontSize": 11,
        "labelFlush": False,
        "ticks": False,
        "labelPadding": 5,
        "titleColor": MUTED,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "titlePadding": 6,
        "titleLimit": WIDTH,
    },
    "legend": {
        "labelColor": MUTED,
        "labelFontSize": 11,
        "columnPadding": 40,  # phones show the words a quarter larger
        "titleColor": MUTED,
        "orient": "top",
        "titleFontWeight": "normal",
        "offset": 4,
    },
    "header": {"labelColor": INK, "labelFontSize": 12, "titleColor": MUTED},
}


def chart(layers: Sequence[Layer], width: float, height: float, description: str) -> Chart:
    """Layers as a chart, with the sentence that says what it shows."""
    return Chart(description=description, width=width, height=height, layer=layers, config=CONFIG)


def row_step(num_rows: int) -> int:
    """Height of one labelled row; a long list gets tighter rows."""
    return 40 if num_rows <= 12 else 30


def padded(values: Sequence[float], share: float = 0.06) -> tuple[float, float]:
    """The range of the values with a little room on both sides, never empty."""
    low, high = min(values), max(values)
    room = (high - low) * share or max(abs(high) * 0.01, 1e-3)
    return low - room, high + room


_ERROR_TICKS = (0.9, 0.8, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.002, 0.001)


# What the label of an axis may be computed by. These and no others are known to ``drawing``.
PLAIN = "format(datum.value, '~g')"
SHARE_OF_ERROR = "format(100 * (1 - datum.value), '.4~g')"
NAMED = "[datum.value]"


def names_expr(names: Sequence[str]) -> str:
    """Labels of an axis whose values are 0, 1, 2, …; names may repeat, values may not."""
    return json.dumps(list(names)) + NAMED


def share_axis(
    shares: Sequence[float], smallest: float, width: int, title: str
) -> tuple[Callable[[float], float], Scale, Axis]:
    """An axis for shares near one, such as accuracies.

    Where the shares span a wide range the axis is logarithmic in the error, so that half a point
    at 97 % is as visible as ten points at 60 %; else it is linear in per cent.

    Args:
        shares: what the axis must hold.
        smallest: least error that can be told from none; the logarithm needs one.
        width: pixels from end to end.
        title: of the axis, without its unit.

    Returns:
        where a share lies in the units of the scale, the scale, and the axis.
    """
    errors = [min(1.0, max(smallest, 1 - share)) for share in shares]
    if max(errors) <= 2.5 * min(errors):
        low, high = padded([100 * share for share in shares])
        scale = Scale(domain=[low, high], range=[0, width], nice=False, clamp=True)
        return lambda share: 100 * share, scale, axis(f"{title} (%)")
    low, high = min(errors) / 1.15, min(1.0, max(errors) * 1.15)
    scale = Scale(type="log", domain=[high, low], range=[0, width], nice=False, clamp=True)
    ticks = Axis(
        title=f"{title} (%), spaced by the error",
        values=[tick for tick in _ERROR_TICKS if low <= tick <= high],
        labelExpr=SHARE_OF_ERROR,
    )
    return lambda share: min(1.0, max(smallest, 1 - share)), scale, ticks
