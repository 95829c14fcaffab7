"""One picture for all charts of rows: names, a shared axis, dots, bars and a band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.report import svg
from bakeoff.report.axes import Axis, text_width
from bakeoff.report.svg import WIDTH, Picture

PLOT = WIDTH - 56  # for the marks: numbers stand at the right end of each row
LONG = 16  # rows beyond which the axis stands above them, where reading begins


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark of a row.

    Attributes:
        says: its tooltip.
        replicate: 0-based, None where it belongs to none.
        shape: ``dot``, ``cross`` or ``diamond``.
        lane: 0 on the row's line, 1 below it, where a bar does not cover it.
    """

    value: float
    says: str
    replicate: int | None = None
    role: str = "accent"
    r: float = 4
    shape: str = "dot"
    lane: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a name, a number at the right end, a bar and its marks."""

    label: str
    note: str
    marks: Sequence[Mark]
    bar: tuple[float, float] | None = None
    role: str = "ink"
    bar_role: str = "accent"
    says: str = ""


def draw_rows(
    rows: Sequence[Row],
    axis: Axis,
    description: str,
    *,
    band: float | None = None,
    threads: bool = False,
    chained: int = 0,
) -> Picture:
    """The picture.

    Args:
        band: half width of a band around zero, with the zero line on it.
        threads: whether the dots of each replicate are joined from row to row.
        chained: of how many rows the first mark is joined to that of the next.
    """
    step = 42 if len(rows) <= 12 else 32
    picture = Picture(WIDTH, len(rows) * step + 4, description)
    if band is not None:
        wide = axis(band) - axis(-band)
        picture.add([svg.cell(axis(-band), 0, wide, picture.height, 1)], fill="band")
    picture.x_axis(axis, top=len(rows) > LONG)
    if band is not None:
        zero = svg.px(axis(0))
        picture.add([f'<path d="M{zero},0v{svg.px(picture.height)}"/>'], stroke="muted")
    lines = [index * step + step * 0.66 for index in range(len(rows))]
    if chained:
        joined = zip(rows[:chained], lines, strict=False)
        points = [(axis(row.marks[0].value), y) for row, y in joined]
        picture.add([svg.line(points)], stroke="rule", width=2)
    if threads:
        picture.add(_threads(rows, lines, axis), stroke="other", opacity=0.55)
    picture.add(
        [
            svg.bar(axis(row.bar[0]), axis(row.bar[1]), y, row.says, role=row.bar_role)
            for row, y in zip(rows, lines, strict=True)
            if row.bar is not None
        ],
        width=2,
    )
    picture.add(
        [
            svg.mark(
                axis(mark.value),
                y + 7 * mark.lane,
                mark.r,
                mark.says,
                shape=mark.shape,
                role=mark.role,
                replicate=mark.replicate,
            )
            for row, y in zip(rows, lines, strict=True)
            for mark in row.marks
        ]
    )
    for row, y in zip(rows, lines, strict=True):
        above = y - step * 0.4
        room = WIDTH - text_width(row.note, svg.SIZE) - 16
        picture.words([(0, above, row.label)], role=row.role, limit=room, halo=True)
        picture.words([(WIDTH, above, row.note)], anchor="end", halo=True)
    return picture


def _threads(rows: Sequence[Row], lines: Sequence[float], axis: Axis) -> list[str]:
    paths: dict[int, list[tuple[float, float]]] = {}
    for row, y in zip(rows, lines, strict=True):
        for mark in row.marks:
            if mark.replicate is not None and mark.shape == "dot":
                paths.setdefault(mark.replicate, []).append((axis(mark.value), y))
    return [
        svg.line(points, f"replicate {replicate + 1}", replicate=replicate)
        for replicate, points in paths.items()
    ]
