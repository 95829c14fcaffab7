"""What an SVG of a chart shows, in pixels of the page: for comparing two renderers.

Understands what Vega and ``report.drawing`` write: groups with translations and turns, lines, rectangles,
circles, paths and texts.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

_NUMBERS = re.compile(r"-?\d*\.?\d+(?:e-?\d+)?")
_COMMAND = re.compile(r"([MLHVhvlAZ])([^MLHVhvlAZ]*)")
Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass
class Picture:
    """Marks with their text, and words with the point they hang on.

    Attributes:
        marks: (what the mark says, the points of a line or the box of anything else); those that
            say nothing count too.
        grid: boxes of the grid lines.
        words: (text, x, y of the baseline).
        size: width and height of the whole drawing.
    """

    size: tuple[float, float]
    marks: list[tuple[str, tuple[float, ...]]] = field(default_factory=list)
    grid: list[Box] = field(default_factory=list)
    words: list[tuple[str, float, float]] = field(default_factory=list)


Matrix = tuple[float, float, float, float, float, float]


def _times(m: Matrix, n: Matrix) -> Matrix:
    a, b, c, d, e, f = m
    return (
        a * n[0] + c * n[1],
        b * n[0] + d * n[1],
        a * n[2] + c * n[3],
        b * n[2] + d * n[3],
        a * n[4] + c * n[5] + e,
        b * n[4] + d * n[5] + f,
    )


def _at(m: Matrix, x: float, y: float) -> tuple[float, float]:
    return m[0] * x + m[2] * y + m[4], m[1] * x + m[3] * y + m[5]


def _transform(text: str) -> Matrix:
    m: Matrix = (1, 0, 0, 1, 0, 0)
    for kind, numbers in re.findall(r"(\w+)\(([^)]*)\)", text):
        values = [float(n) for n in _NUMBERS.findall(numbers)]
        if kind == "translate":
            m = _times(m, (1, 0, 0, 1, values[0], values[1] if len(values) > 1 else 0))
        else:
            assert kind == "rotate" and len(values) == 1, text
            turn = math.radians(values[0])
            m = _times(m, (math.cos(turn), math.sin(turn), -math.sin(turn), math.cos(turn), 0, 0))
    return m


def _path(d: str) -> list[list[tuple[float, float]]]:
    """The corners of a path's parts; arcs count with their ends and, being half circles, their tops."""
    parts: list[list[tuple[float, float]]] = []
    x = y = 0.0
    for command, text in _COMMAND.findall(d):
        n = [float(v) for v in _NUMBERS.findall(text)]
        if command == "M":
            parts.append([])
        if command in "ML":
            for x, y in zip(n[::2], n[1::2], strict=True):
                parts[-1].append((x, y))
        elif command == "A":
            radius, (x, y) = n[0], n[5:7]
            parts[-1] += [(0, -radius), (0, radius), (x, y)]
        elif command in "hv":
            x, y = (x + n[0], y) if command == "h" else (x, y + n[0])
            parts[-1].append((x, y))
        elif command in "HV":
            x, y = (n[0], y) if command == "H" else (x, n[0])
            parts[-1].append((x, y))
        elif command == "l":
            x, y = x + n[0], y + n[1]
            parts[-1].append((x, y))
    return parts


def _box(points: list[tuple[float, float]]) -> Box:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def read(svg: str, grid_color: str) -> Picture:
    """The picture of an SVG; what is painted in ``grid_color`` and says nothing is its grid."""
    root = ET.fromstring(svg)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    picture = Picture((float(root.get("width", 0)), float(root.get("height", 0))))

    def walk(element: ET.Element, m: Matrix, paint: dict[str, str]) -> None:
        m = _times(m, _transform(element.get("transform", "")))
        paint = {**paint, **{k: v for k in ("fill", "stroke") if (v := element.get(k))}}
        if element.get("opacity") == "0" or element.get("display") == "none":
            return
        title = element.find("title")
        said = title.text or "" if title is not None else ""
        label = element.get("aria-label", "")
        if element.get("role") == "graphics-symbol" and "|" in label:
            said = label.partition("|")[2]
        get = lambda name: float(element.get(name, 0))  # noqa: E731
        parts: list[list[tuple[float, float]]] = []
        if element.tag == "text":
            words = "".join([element.text or "", *(child.tail or "" for child in element)])
            if words:
                picture.words.append((words, *_at(m, get("x"), get("y"))))
            return
        if element.tag == "line":
            parts = [[(get("x1"), get("y1")), (get("x2"), get("y2"))]]
        elif element.tag == "circle":
            x, y, r = get("cx"), get("cy"), get("r")
            parts = [[(x - r, y - r), (x + r, y + r)]]
        elif element.tag == "rect":
            x, y = get("x"), get("y")
            parts = [[(x, y), (x + get("width"), y + get("height"))]]
        elif element.tag == "path":
            parts = _path(element.get("d", ""))
        painted = paint.get("stroke") not in (None, "none", "transparent") or paint.get(
            "fill"
        ) not in (None, "none", "transparent")
        if painted and "background" not in element.get("class", ""):
            for part in parts:
                corners = [_at(m, x, y) for x, y in part]
                if paint.get("stroke") == grid_color and not said and len(set(part)) == 2:
                    picture.grid.append(_box(corners))
                elif element.tag == "path" and set(element.get("d", "")).isdisjoint("AZ"):
                    picture.marks.append((said, tuple(v for corner in corners for v in corner)))
                else:
                    picture.marks.append((said, _box(corners)))
        for child in element:
            walk(child, m, paint)

    walk(root, (1, 0, 0, 1, 0, 0), {})
    return picture
