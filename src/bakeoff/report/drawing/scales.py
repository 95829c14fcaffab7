"""From values to pixels along one direction: numbers, their logarithms, or names in equal steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any

from bakeoff.report.chart_spec import Axis, Channel, Layer, Scale
from bakeoff.report.drawing.subset import refuse

Place = Callable[[Any], float]


@dataclass(frozen=True, slots=True)
class Position:
    """One direction of a chart.

    Attributes:
        axis: None where it is off.
        kind: ``linear``, ``log`` or ``names``.
        domain: two ends, or all names in order.
        ends: pixels of the two ends.
        place: pixel of a value; of names the middle of their step.
        band: pixels that a rectangle of one name fills.
    """

    axis: Axis | None
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
    axis: Axis | None,
    scale: Scale,
    ends: tuple[float, float],
    values: Callable[[], list[Any]],
) -> Position:
    kind = scale.get("type", "linear")
    if kind not in ("linear", "log"):
        raise refuse("scale type", kind, ("linear", "log"))
    if scale.get("nice") is not False:
        raise refuse("scale's nice", scale.get("nice", "left out"), ("False",))
    if "range" in scale:
        ends = _two(scale["range"])
    if "domain" in scale:
        domain = _two(scale["domain"])
    else:
        if scale.get("zero") is not False:
            raise refuse("scale's zero", scale.get("zero", "left out"), ("False",))
        known = values()
        domain = (min(known), max(known))
    if "padding" in scale:
        domain = _widened(kind, domain, ends, scale["padding"])
    place = _numbers(kind, domain, ends)
    if scale.get("clamp"):
        place = _clamped(place, ends)
    return Position(axis, kind, domain, ends, place)


def _two(ends: Sequence[Any]) -> tuple[float, float]:
    first, last = ends
    return float(first), float(last)


def _of_names(
    axis: Axis | None,
    channel: Channel,
    ends: tuple[float, float],
    values: Callable[[], list[Any]],
    banded: bool,
) -> Position:
    scale = channel.get("scale") or {}
    if not scale.keys() <= {"domain", "padding"}:
        raise refuse("scale of names with", min(scale.keys() - {"domain", "padding"}))
    if "domain" in scale:
        names = list(scale["domain"])
    elif "sort" in channel:
        known = set(values())
        names = [name for name in channel["sort"] if name in known]
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
    return Position(axis, "names", names, ends, pixels.__getitem__, band)


def _axis(channels: Sequence[Channel], name: str) -> Axis | None:
    """The one axis that the layers name; Vega-Lite would add one of its own where none does."""
    axes = [channel["axis"] for channel in channels if "axis" in channel]
    if not axes:
        raise refuse(f"{name} without", "axis")
    if any(axis != axes[0] for axis in axes):
        raise refuse(f"second {name} axis", axes)
    return axes[0]


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
    axis = _axis([channel for _, channel in shared], name)

    def values() -> list[Any]:
        return [
            row[field]
            for layer, own in shared
            for field in (own["field"], layer["encoding"].get(name + "2", own)["field"])
            for row in layer["data"]["values"]
        ]

    if channel["type"] == "quantitative":
        # Numbers grow upwards, names go down.
        ends = (0.0, extent) if name == "x" else (extent, 0.0)
        return _of_numbers(axis, scale or {}, ends, values)
    banded = any(layer["mark"]["type"] == "rect" for layer, _ in shared)
    return _of_names(axis, channel, (0.0, extent), values, banded)
