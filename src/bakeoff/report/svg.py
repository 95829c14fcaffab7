"""Vega-Lite charts as compact SVG that follows the page's theme; knows nothing of studies.

vl-convert draws a chart with Vega. Its SVG is then slimmed (a third of the size), its colours become
CSS variables, and the text of each mark becomes a ``<title>`` (a tooltip without any script) and a
``data-r`` attribute with the replicate that the page's script highlights.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html import escape

import vl_convert

from bakeoff.report.chart_spec import Chart
from bakeoff.report.chart_style import ROLES, SERIES

_SVG = "{http://www.w3.org/2000/svg}"
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_DROPPED = {
    "aria-hidden",
    "aria-roledescription",
    "aria-label",
    "role",
    "class",
    "pointer-events",
    "font-family",
    "stroke-miterlimit",
}
_DEFAULTS = {
    "opacity": "1",
    "stroke-width": "1",
    "x2": "0",
    "y2": "0",
    "transform": "translate(0,0)",
}
_VARIABLES = {
    **{colour: f"var(--{role})" for colour, role in ROLES.items()},
    **{colour: f"var(--s{index + 1})" for index, colour in enumerate(SERIES)},
}


def _short(match: re.Match[str]) -> str:
    """One decimal: a tenth of a pixel is finer than any screen shows at this size."""
    text = f"{float(match[0]):.1f}"
    text = text.removesuffix(".0")
    return "0" if text == "-0" else text


def _invisible(element: ET.Element) -> bool:
    if element.tag == f"{_SVG}rect" and element.get("fill") == "transparent":
        return True
    if element.tag == f"{_SVG}path":
        painted = element.get("stroke") or element.get("fill")
        return (
            element.get("display") == "none"
            or not element.get("d")
            or (not painted and "background" in element.get("class", ""))
        )
    return False


def _write(element: ET.Element, out: list[str]) -> None:
    if _invisible(element):
        return
    tag = element.tag.removeprefix(_SVG)
    label = element.get("aria-label", "")
    attributes = []
    for name, value in element.items():
        if name in _DROPPED or _DEFAULTS.get(name) == value:
            continue
        short = _VARIABLES.get(value.lower(), value)
        if short == value:
            short = _NUMBER.sub(_short, value)
        if _DEFAULTS.get(name) != short:
            attributes.append(f'{name}="{escape(short)}"')
    title = ""
    is_mark = element.get("role") == "graphics-symbol" and "|" in label
    if is_mark and element.get("aria-roledescription") != "axis":
        replicate, _, title = label.partition("|")
        if replicate.isdigit():
            attributes.append(f'data-r="{replicate}"')
    inner: list[str] = []
    if title:
        inner.append(f"<title>{escape(title, quote=False)}</title>")
    if element.text and tag in ("text", "tspan", "title"):
        inner.append(escape(element.text, quote=False))
    for child in element:
        _write(child, inner)
    if tag == "g":
        if not inner:
            return
        if not attributes:
            out.extend(inner)
            return
    opening = " ".join([tag, *attributes])
    out.append(f"<{opening}>{''.join(inner)}</{tag}>" if inner else f"<{opening}/>")


def compact(svg: str, label: str) -> str:
    """Vega's SVG slimmed for a page, with ``label`` as its accessible name."""
    root = ET.fromstring(svg)  # noqa: S314  (made by vl-convert a moment ago, not input)
    inner: list[str] = []
    for child in root:
        _write(child, inner)
    width, height = root.get("width", "0"), root.get("height", "0")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" style="max-width:{1.2 * float(width):.0f}px" role="img" '
        f'aria-label="{escape(label)}">{"".join(inner)}</svg>'
    )


def draw(chart: Chart) -> str:
    """One chart as inline SVG. Makes no network request: all data is in the specification."""
    svg = vl_convert.vegalite_to_svg(dict(chart), allowed_base_urls=[])
    return compact(svg, chart["description"])
