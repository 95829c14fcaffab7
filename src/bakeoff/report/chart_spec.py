"""The part of Vega-Lite that the charts are written in, as types; knows no values and no looks.

A chart is a plain dictionary of these shapes. It is drawn for pages by ``drawing``, becomes an Altair
object in ``plot``, and is what any other Vega-Lite program can read. The keys listed here are all that
``drawing`` knows: it refuses any other by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict

Row: TypeAlias = Mapping[str, Any]


class Scale(TypedDict, total=False):
    """From values to pixels; ``padding`` is in pixels, or a share of the step where values are names."""

    type: Literal["linear", "log"]
    domain: Sequence[float] | Sequence[str]
    range: Sequence[float] | Sequence[str]
    nice: bool
    zero: bool
    clamp: bool
    padding: float


class Axis(TypedDict, total=False):
    """Ticks and their words; ``labelExpr`` is one of those that ``chart_style`` makes."""

    title: str | None
    orient: Literal["top", "bottom"]
    grid: bool
    values: Sequence[float]
    tickCount: int
    format: Literal["d"]
    labelExpr: str
    labelAngle: float
    labelLimit: float


class Legend(TypedDict, total=False):
    """Symbols with their words, above the chart."""

    title: str | None
    columns: int
    labelLimit: float


class Channel(TypedDict, total=False):
    """What a property of a mark follows: a field of the rows, or one value for all.

    A ``scale`` of None takes the field as it is: a pixel, a colour, an area.
    """

    field: str
    type: Literal["quantitative", "nominal", "ordinal"]
    value: float | str
    scale: Scale | None
    axis: Axis | None
    legend: Legend | None
    sort: Sequence[str]


class Mark(TypedDict, total=False):
    """What a row is drawn as."""

    type: Literal["line", "point", "rect", "rule", "text"]
    color: str
    opacity: float
    filled: bool
    size: float
    shape: Literal["circle", "cross", "diamond"]
    angle: float
    strokeWidth: float
    strokeDash: Sequence[float]
    align: Literal["left", "center", "right"]
    baseline: Literal["middle"]
    fontSize: float
    limit: float


class Data(TypedDict):
    """Rows inline: a chart fetches nothing."""

    values: Sequence[Row]


class Layer(TypedDict):
    """One kind of mark over one set of rows."""

    data: Data
    mark: Mark
    encoding: Mapping[str, Channel]


class Chart(TypedDict):
    """Layers over one pair of axes, the first one lowest."""

    description: str
    width: float
    height: float
    layer: Sequence[Layer]
    config: Mapping[str, Any]


class Panels(TypedDict):
    """A grid of one chart per value of a field, for notebooks."""

    description: str
    data: Data
    facet: Mapping[str, Any]
    columns: int
    spec: Mapping[str, Any]
    config: Mapping[str, Any]
