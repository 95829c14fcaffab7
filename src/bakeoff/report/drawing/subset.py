"""What a chart may ask for: everything else is refused by name, so that nothing is left out unseen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from bakeoff.report.chart_spec import Axis, Chart, Layer, Legend, Scale
from bakeoff.report.chart_style import CONFIG, ROLES, SERIES

_COMMON = frozenset({"x", "y", "color", "description"})
# Mark type: its channels, and the properties of the mark that are drawn.
_CHANNELS: Mapping[str, frozenset[str]] = {
    "line": _COMMON | {"detail", "order"},
    "point": _COMMON | {"size"},
    "rect": _COMMON | {"x2", "y2", "opacity"},
    "rule": _COMMON | {"x2", "y2"},
    "text": _COMMON | {"text"},
}
_PROPERTIES: Mapping[str, frozenset[str]] = {
    "line": frozenset({"type", "color", "opacity", "strokeWidth", "strokeDash"}),
    "point": frozenset(
        {"type", "color", "opacity", "filled", "size", "shape", "angle", "strokeWidth"}
    ),
    "rect": frozenset({"type", "color"}),
    "rule": frozenset({"type", "color", "strokeWidth"}),
    "text": frozenset({"type", "color", "align", "baseline", "fontSize", "limit"}),
}
_PLACE = frozenset({"field", "type", "value", "scale", "axis", "sort"})
_KEYS: Mapping[str, frozenset[str]] = {
    "x": _PLACE,
    "y": _PLACE,
    "x2": frozenset({"field", "value"}),
    "y2": frozenset({"field", "value"}),
    "color": frozenset({"field", "type", "value", "scale", "legend"}),
    "size": frozenset({"field", "type", "scale"}),
    "opacity": frozenset({"field", "type", "scale"}),
}
_PLAIN_KEYS = frozenset({"field", "type"})
_CHART = frozenset(Chart.__annotations__)
_LAYER = frozenset(Layer.__annotations__)
_SCALE = frozenset(Scale.__annotations__)
_AXIS = frozenset(Axis.__annotations__)
_LEGEND = frozenset(Legend.__annotations__)
_VARIABLES = {
    **{colour: f"var(--{role})" for colour, role in ROLES.items()},
    **{colour: f"var(--s{index + 1})" for index, colour in enumerate(SERIES)},
}


class NotDrawnError(ValueError):
    """A chart asks for something that pages cannot draw; a mistake in the chart, not in a study."""


def refuse(what: str, found: object, known: Collection[str] = ()) -> NotDrawnError:
    """The error for a part of a chart that is not drawn here, with what is."""
    rest = f"; known: {', '.join(sorted(known))}" if known else ""
    return NotDrawnError(f"chart: {what} {found!r} is not drawn{rest}")


def _only(what: str, given: Mapping[str, Any], known: frozenset[str]) -> None:
    if not given.keys() <= known:
        raise refuse(what, min(given.keys() - known), known)


def check(chart: Chart) -> None:
    """Refuses a chart that has a part this package does not know."""
    _only("property", chart, _CHART)
    if chart["config"] is not CONFIG:
        raise refuse("config", "other than chart_style's")
    for layer in chart["layer"]:
        _only("layer property", layer, _LAYER)
        mark = layer["mark"]
        kind = mark["type"]
        if kind not in _PROPERTIES:
            raise refuse("mark type", kind, _PROPERTIES)
        _only(f"{kind} property", mark, _PROPERTIES[kind])
        _only(f"{kind} channel", layer["encoding"], _CHANNELS[kind])
        if mark.get("baseline", "middle") != "middle":
            raise refuse("baseline", mark["baseline"], ("middle",))
        for name, channel in layer["encoding"].items():
            _only(f"{name} channel's", channel, _KEYS.get(name, _PLAIN_KEYS))
            _only(f"{name} scale's", channel.get("scale") or {}, _SCALE)
            _only(f"{name} axis's", channel.get("axis") or {}, _AXIS)
            _only(f"{name} legend's", channel.get("legend") or {}, _LEGEND)
            if name in ("size", "opacity") and channel.get("scale", {}) is not None:
                raise refuse(f"{name} with", "a scale", ("scale None",))


def variable(colour: str) -> str:
    """The CSS variable of a colour of the light palette: what makes a drawing follow the theme."""
    try:
        return _VARIABLES[colour]
    except KeyError:
        raise refuse("colour", colour, _VARIABLES) from None
