"""From values to pixels along one direction: numbers, their logarithms, or names in equal steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any

from bakeoff.report.chart_spec import Channel, Layer
from bakeoff.report.drawing.subset import refuse

Place = Callable[[Any], float]


@dataclass(frozen=True, slots=True)
class Position:
    """One direction of a chart.

    Attributes:
        kind: ``linear``, ``log`` or ``names``.
        domain: two ends, or all names in order.
        ends: pixels of the two ends.
        place: pixel of a value; of names the middle of their step.
        band: pixels that a rectangle of one name fills.
    """

    kind: str
    domain: Sequence[Any]
    ends: tuple[float, float]
    place: Place
    band: float = 0.0


def _numbers(kind: str, domain: tuple[float, float], ends: tuple[float, float]) -> Place:
    low, high = domain if kind == "linear" else (log(domain[0]), log(domain[1]))
    start = ends[0]
    if low == high:  # one value: the middle, as d3 does
        middle = (start + ends[1]) / 2
        return lambda _: middle
    factor = (ends[1] - start) / (high - low)
    if kind == "linear":
        return lambda value: start + (value - low) * factor
    return lambda value: start + (log(value) - low) * factor


def _clamped(place: Place, ends: tuple[float, float]) -> Place:
    least, most = min(ends), max(ends)
    return lambda value: min(most, max(least, place(value)))


def _widened(
    kind: str, domain: tuple[float, float], ends: tuple[float, float], padding: float
) -> tuple[float, float]:
    """The domain with ``padding`` pixels more at both ends."""
    low, high = domain if kind == "linear" else (log(domain[0]), log(domain[1]))
    extent = abs(ends[1] - ends[0])
    room = (high - low) / 2 * (extent / (extent - 2 * padding) - 1)
    low, high = low - room, high + room
    return (low, high) if kind == "linear" else (exp(low), exp(high))


def _of_numbers(
    scale: Mapping[str, Any], ends: tuple[float, float], values: Callable[[], list[float]]
) -> Position:
    kind = scale.get("type", "linear")
    if kind not in ("linear", "log"):
        raise refuse("scale type", kind, ("linear", "log"))
    if scale.get("nice") is not False:
        raise refuse("scale's nice", scale.get("nice", "left out"), ("False",))
    if "domain" in scale:
        first, last = scale["domain"]
    else:
        if scale.get("zero") is not False:
            raise refuse("scale's zero", scale.get("zero", "left out"), ("False",))
        known = values()
        first, last = min(known), max(known)
    domain = (first, last)
    if "padding" in scale:
        domain = _widened(kind, domain, ends, scale["padding"])
    place = _numbers(kind, domain, ends)
    return Position(kind, domain, ends, _clamped(place, ends) if scale.get("clamp") else place)


def _of_names(
    channel: Channel, ends: tuple[float, float], values: list[Any], banded: bool
) -> Position:
    scale = channel.get("scale") or {}
    if "domain" in scale:
        names = list(scale["domain"])
    elif "sort" in channel:
        names = [name for name in channel["sort"] if name in set(values)]
    else:
        raise refuse("order of names without", "domain or sort")
    if banded != ("padding" in scale):
        raise refuse("padding of names", scale.get("padding", "left out"))
    # Bands have their padding inside and outside; points half a step outside.
    inner, outer = (scale["padding"], scale["padding"]) if banded else (1.0, 0.5)
    start, stop = ends
    step = (stop - start) / max(1, len(names) - inner + 2 * outer)
    first = start + (stop - start - step * (len(names) - inner)) / 2
    band = step * (1 - inner)
    pixels = {name: first + step * index + band / 2 for index, name in enumerate(names)}
    return Position("names", names, ends, pixels.__getitem__, band)


def position(layers: Sequence[Layer], name: str, extent: float) -> Position | None:
    """The scale that all layers share in one direction; None where all lie in pixels.

    Args:
        name: ``x`` or ``y``.
        extent: pixels of the chart in that direction.
    """
    shared = [
        (layer, channel)
        for layer in layers
        if (channel := layer["encoding"].get(name)) is not None
        and "value" not in channel
        and channel.get("scale", channel) is not None
    ]
    if not shared:
        return None
    channel = shared[0][1]
    scale = channel.get("scale")
    for _, other in shared[1:]:
        if other.get("scale") != scale or other["type"] != channel["type"]:
            raise refuse(f"second {name} scale", other.get("scale"))

    def values() -> list[Any]:
        return [
            row[field]
            for layer, own in shared
            for field in (own["field"], layer["encoding"].get(name + "2", own)["field"])
            for row in layer["data"]["values"]
        ]

    if channel["type"] == "quantitative":
        # Numbers grow upwards.
        ends = (0.0, extent) if name == "x" else (extent, 0.0)
        if scale is not None and "range" in scale:
            first, last = scale["range"]
            ends = (float(first), float(last))
        return _of_numbers(scale or {}, ends, values)
    banded = any(layer["mark"]["type"] == "rect" for layer, _ in shared)
    return _of_names(channel, (0.0, extent), values(), banded)
