"""SVG as the charts of a report need it: an axis, a line, a dot, a bar, a cell, a text.

The functions return markup; a ``Picture`` collects it and keeps track of the room it takes. Colours
are roles, written as the page's CSS variables, so one drawing serves the light and the dark theme.
A drawing is made for the width of a phone and grows a little on larger screens, so that its smallest
text is legible everywhere. Knows nothing of studies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape as escape_attribute
from math import ceil, floor
from pathlib import Path

from bakeoff.files import write_whole
from bakeoff.report.axes import Axis, apart, cut, text_width
from bakeoff.words import visible

WIDTH = 356.0  # of a chart that stands alone: with its margins the column of a phone
SIZE = 12.0  # of every text, in pixels
LARGEST = 1.2  # times its own size: a chart grows with its column, but not to a poster
# From the middle of a text, or from the line it hangs from or stands on, to its baseline.
MIDDLE, HANGING, STANDING = 0.3 * SIZE, 0.79 * SIZE, -0.21 * SIZE

# The light theme, for drawings that stand outside a page. templates/report.css has both themes.
LIGHT = {
    "ink": "#1c2128",
    "muted": "#57606a",
    "rule": "#d5dbe1",
    "page": "#ffffff",
    "accent": "#0a5cc2",
    "other": "#7b858f",
    "train": "#a85a08",
    "bad": "#b3261e",
    "band": "#e3ebf5",
    "on-accent": "#fefefe",
    "s1": "#0a5cc1",
    "s2": "#a85a07",
    "s3": "#0b7a5c",
    "s4": "#a2407a",
    "s5": "#5b5fc7",
    "s6": "#6b6f00",
}


def px(value: float) -> str:
    """Pixels with one decimal: a tenth is finer than any screen shows at this size."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def ink(role: str) -> str:
    """The page's variable of a colour."""
    return f"var(--{role})"


def escape(text: str) -> str:
    """Text as SVG text: neither markup nor invisible characters survive."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _element(
    tag: str, attributes: str, role: str, paint: str, says: str, replicate: int | None
) -> str:
    """One mark; ``says`` is its tooltip, ``data-r`` what the page's script highlights by."""
    if role:
        attributes += f' {paint}="{ink(role)}"'
    if replicate is not None:
        attributes += f' data-r="{replicate + 1}"'
    inner = f"<title>{escape(says)}</title>" if says else ""
    return f"<{tag} {attributes}>{inner}</{tag}>" if inner else f"<{tag} {attributes}/>"


def mark(
    x: float,
    y: float,
    r: float,
    says: str = "",
    *,
    shape: str = "dot",
    role: str = "",
    replicate: int | None = None,
) -> str:
    """A ``dot`` (filled or not as its group is), a ``cross`` or an empty ``diamond``.

    Without a role it has the colour of its group.
    """
    if shape == "dot":
        where = f'cx="{px(x)}" cy="{px(y)}" r="{px(r)}"'
        return _element("circle", where, role, "fill", says, replicate)
    left, top, right, bottom = px(x - r), px(y - r), px(x + r), px(y + r)
    path = f"M{left},{top}L{right},{bottom}M{left},{bottom}L{right},{top}"
    if shape == "diamond":
        path = f"M{left},{px(y)}L{px(x)},{top}L{right},{px(y)}L{px(x)},{bottom}Z"
    return _element("path", f'd="{path}" stroke-width="2"', role, "stroke", says, replicate)


def bar(x1: float, x2: float, y: float, says: str = "", *, role: str = "") -> str:
    """A horizontal line between two values."""
    where = f'x1="{px(x1)}" y1="{px(y)}" x2="{px(x2)}" y2="{px(y)}"'
    return _element("line", where, role, "stroke", says, None)


def line(
    points: Sequence[tuple[float, float]],
    says: str = "",
    *,
    role: str = "",
    replicate: int | None = None,
) -> str:
    """A line through points; a single point becomes a dot of the line's colour."""
    path = "M" + " ".join(f"{px(x)},{px(y)}" for x, y in points)
    if len(points) == 1:
        path += 'h0" stroke-linecap="round" stroke-width="4'
    return _element("path", f'd="{path}"', role, "stroke", says, replicate)


def cell(
    x: float, y: float, width: float, height: float, shade: float, says: str = "", *, role: str = ""
) -> str:
    """A rectangle of some opacity."""
    where = f'x="{px(x)}" y="{px(y)}" width="{px(width)}" height="{px(height)}"'
    opacity = f"{shade:.2f}".strip("0").rstrip(".") or "0"
    return _element("rect", f'{where} fill-opacity="{opacity}"', role, "fill", says, None)


def text(
    x: float,
    y: float,
    words: str,
    *,
    turn: float = 0,
    width: float = 0,
    says: str = "",
) -> str:
    """Words whose middle line is at ``y``; the group says where they are anchored.

    ``width`` makes them as wide as that in any font; ``says`` is their tooltip.
    """
    where = f'x="{px(x)}" y="{px(y + MIDDLE)}"'
    if turn:
        where = f'transform="translate({px(x)},{px(y)})rotate({turn:g})" y="{px(MIDDLE)}"'
    if width:
        where += f' textLength="{px(width)}" lengthAdjust="spacingAndGlyphs"'
    inner = f"<title>{escape(says)}</title>" if says else ""
    return f"<text {where}>{inner}{escape(words)}</text>"


class Picture:
    """A drawing: SVG in pieces over a plot of some size, and the room that it takes.

    Pixels count from the upper left corner of the plot. ``str`` gives the markup for a page; in a
    notebook it shows itself, and ``save`` writes a file that looks the same anywhere.
    """

    def __init__(self, width: float, height: float, description: str) -> None:
        self.width, self.height, self.description = width, height, description
        self._pieces: list[str] = []
        self._box = [0.0, 0.0, width, height]

    def reach(self, left: float, top: float, right: float, bottom: float) -> None:
        """Makes room for this box too."""
        box = self._box
        box[:] = min(box[0], left), min(box[1], top), max(box[2], right), max(box[3], bottom)

    def add(
        self,
        pieces: Iterable[str],
        *,
        fill: str = "",
        stroke: str = "",
        width: float = 1,
        opacity: float = 1,
        anchor: str = "",
        dash: str = "",
    ) -> None:
        """Marks of one look, drawn over those before; colours are roles."""
        inner = "".join(pieces)
        if not inner:
            return
        look = [f'fill="{ink(fill)}"'] if fill else []
        look += [f'stroke="{ink(stroke)}"'] if stroke else []
        look += [f'stroke-width="{width:g}"'] if width != 1 else []
        # Not on the group itself: its marks would not show through one another.
        look += [f'{"fill" if fill else "stroke"}-opacity="{opacity:g}"'] if opacity != 1 else []
        look += [f'text-anchor="{anchor}"'] if anchor else []
        look += [f'stroke-dasharray="{dash}"'] if dash else []
        self._pieces.append(f"<g {' '.join(look)}>{inner}</g>" if look else inner)

    def words(
        self,
        texts: Iterable[tuple[float, float, str]],
        *,
        role: str = "muted",
        anchor: str = "",
        limit: float | None = None,
        halo: bool = False,
    ) -> None:
        """Texts of one look, cut beyond ``limit`` pixels; a halo keeps lines off them."""
        before = {"": 0.0, "middle": 0.5, "end": 1.0}[anchor]
        pieces = []
        for x, y, words in texts:
            shown = cut(words, SIZE, limit)
            width = text_width(shown, SIZE)
            self.reach(x - before * width, y - SIZE / 2, x + (1 - before) * width, y + SIZE / 2)
            # A reader's font may be a fifth wider than ours, which a text with little room has not.
            tight = width if limit is not None and 1.3 * width > limit else 0.0
            pieces.append(text(x, y, shown, width=tight, says=words if shown != words else ""))
        if halo:
            edge = f'stroke="{ink("page")}" stroke-width="4" stroke-linejoin="round"'
            pieces = [f'<g {edge} paint-order="stroke">{"".join(pieces)}</g>']
        self.add(pieces, fill=role, anchor=anchor)

    def x_axis(self, axis: Axis, *, top: bool = False, grid: bool = True) -> None:
        """Ticks and title below the plot, or above it where reading begins there."""
        ticks = apart([(axis(value), words) for value, words in axis.ticks], SIZE)
        if grid:
            lines = "".join(f"M{floor(at + 0.5) + 0.5:g},0v{px(self.height)}" for at, _ in ticks)
            self.add([f'<path d="{lines}"/>'] if lines else [], stroke="rule")
        y = -5 - SIZE / 2 if top else self.height + 5 + SIZE / 2
        self.words([(x, y, words) for x, words in ticks], anchor="middle")
        if axis.title:
            # Beyond the plot's left edge a long title would make the drawing wider and its text smaller.
            middle = max(axis.length / 2, text_width(cut(axis.title, SIZE, WIDTH), SIZE) / 2)
            y += -SIZE - 4 if top else SIZE + 4
            self.words([(middle, y, axis.title)], anchor="middle", limit=WIDTH)

    def y_axis(self, axis: Axis) -> None:
        """Ticks and title at the left; values grow upwards."""
        places = [self.height - axis(value) for value, _ in axis.ticks]
        lines = "".join(f"M0,{floor(at + 0.5) + 0.5:g}h{px(self.width)}" for at in places)
        self.add([f'<path d="{lines}"/>'] if lines else [], stroke="rule")
        named = [(-5.0, y, words) for y, (_, words) in zip(places, axis.ticks, strict=True)]
        self.words(named, anchor="end")
        if axis.title:
            widest = max((text_width(words, SIZE) for _, words in axis.ticks), default=0.0)
            x = -5 - widest - 4 - SIZE / 2
            words = cut(axis.title, SIZE, self.height + 40)
            half = text_width(words, SIZE) / 2
            self.add([text(x, self.height / 2, words, turn=-90)], fill="muted", anchor="middle")
            self.reach(x - SIZE / 2, self.height / 2 - half, 0, self.height / 2 + half)

    def legend(self, entries: Sequence[tuple[str, str]]) -> None:
        """A dot of a colour and a word each, above the plot, two beside one another."""
        column = self.width / 2
        top = self._box[1] - 6 - SIZE * 1.5 * -(-len(entries) // 2)
        for index, (role, words) in enumerate(entries):
            x, y = index % 2 * column, top + SIZE * 0.75 + SIZE * 1.5 * (index // 2)
            self.add([mark(x + 5, y, 5)], fill=role)
            self.words([(x + 15, y, words)], limit=column - 20)
        self.reach(0, top, 0, 0)

    def hold(self, other: Picture, x: float, y: float) -> None:
        """Another picture as a part of this one, its plot's corner at a place."""
        inner = "".join(other._pieces)
        self._pieces.append(f'<g transform="translate({px(x)},{px(y)})">{inner}</g>')
        left, top, right, bottom = other._box
        self.reach(x + left, y + top, x + right, y + bottom)

    def __str__(self) -> str:
        left, top = ceil(-self._box[0]) + 8, ceil(-self._box[1]) + 4
        full, tall = left + ceil(self._box[2]) + 10, top + ceil(self._box[3]) + 3
        name = escape_attribute(visible(self.description))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {full} {tall}" width="{full}" '
            f'height="{tall}" style="max-width:{LARGEST * full:.0f}px" role="img" aria-label="{name}">'
            f'<g fill="none" font-size="{SIZE:g}" transform="translate({left},{top})">'
            f"{''.join(self._pieces)}</g></svg>"
        )

    def _repr_svg_(self) -> str:
        """The drawing outside a page, where no style sheet gives it colours and a font."""
        plain = re.sub(r"var\(--([a-z0-9-]+)\)", lambda found: LIGHT[found[1]], str(self))
        style = f"background:{LIGHT['page']};font-family:Helvetica,Arial,sans-serif;"
        return plain.replace('style="', f'style="{style}', 1)

    def save(self, path: str | Path) -> Path:
        """Writes the drawing as an SVG file and returns its path.

        Raises:
            StoreFullError, UsageError: it cannot be written there.
        """
        write_whole(path, self._repr_svg_() + "\n")
        return Path(path)
