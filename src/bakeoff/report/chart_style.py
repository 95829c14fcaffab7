"""The look that all charts share: colours by role, one configuration, the row layout.

Charts use the light palette's colours, so that they look right wherever Altair draws them. In a
page every colour is replaced by the CSS variable of its role, which is how one drawing serves the
light and the dark theme.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import altair as alt

AnyChart: TypeAlias = alt.Chart | alt.LayerChart | alt.FacetChart

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


def data(rows: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    """Rows as inline data.

    As one string: Altair copies and checks what it holds at every step, and a string is one value
    however many runs are in it.
    """
    return alt.InlineData(
        values=json.dumps([*rows], allow_nan=False), format=alt.JsonDataFormat(type="json")
    )


def describe(title: str, replicate: int | None = None) -> str:
    """The text of a mark: its tooltip and, before the bar, the replicate it belongs to."""
    return f"{'' if replicate is None else replicate + 1}|{title}"


def axis(title: str | None = None, **options: Any) -> alt.Axis:
    """A quiet axis: few ticks, thin grid, no domain line."""
    options.setdefault("tickCount", 5)
    return alt.Axis(title=title, **options)


_CONFIG = alt.Config(
    background="transparent",
    padding={"left": 10, "right": 12, "top": 4, "bottom": 2},
    view=alt.ViewConfig(stroke=None),
    axis=alt.AxisConfig(
        domain=False,
        grid=True,
        gridColor=RULE,
        labelColor=MUTED,
        labelFontSize=11,
        labelFlush=False,
        ticks=False,
        labelPadding=5,
        titleColor=MUTED,
        titleFontSize=11,
        titleFontWeight="normal",
        titlePadding=6,
        titleLimit=WIDTH,
    ),
    legend=alt.LegendConfig(
        labelColor=MUTED, titleColor=MUTED, orient="top", titleFontWeight="normal", offset=4
    ),
    header=alt.HeaderConfig(labelColor=INK, labelFontSize=12, titleColor=MUTED),
)


def finish(chart: AnyChart, description: str) -> AnyChart:
    """Adds the shared configuration and the sentence that says what the chart shows."""
    styled: AnyChart = chart.copy(deep=False)
    styled.config = _CONFIG
    styled.description = description
    return styled


def row_step(num_rows: int) -> int:
    """Height of one labelled row; a long list gets tighter rows."""
    return 40 if num_rows <= 12 else 30


def padded(values: Sequence[float], share: float = 0.06) -> tuple[float, float]:
    """The range of the values with a little room on both sides, never empty."""
    low, high = min(values), max(values)
    room = (high - low) * share or max(abs(high) * 0.01, 1e-3)
    return low - room, high + room


_ERROR_TICKS = (0.9, 0.8, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.002, 0.001)


def share_axis(
    shares: Sequence[float], smallest: float, width: int, title: str
) -> tuple[Callable[[float], float], alt.Scale, alt.Axis]:
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
        scale = alt.Scale(domain=[low, high], range=[0, width], nice=False, clamp=True)
        return lambda share: 100 * share, scale, axis(f"{title} (%)")
    low, high = min(errors) / 1.15, min(1.0, max(errors) * 1.15)
    scale = alt.Scale(type="log", domain=[high, low], range=[0, width], nice=False, clamp=True)
    ticks = axis(
        f"{title} (%), spaced by the error",
        values=[tick for tick in _ERROR_TICKS if low <= tick <= high],
        labelExpr="format(100 * (1 - datum.value), '.4~g')",
        tickCount=alt.Undefined,
    )
    return lambda share: min(1.0, max(smallest, 1 - share)), scale, ticks
