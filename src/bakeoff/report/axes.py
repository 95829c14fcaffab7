"""From values and words to pixels: axes, their ticks, the points of a curve that show, the width of a text.

Draws nothing. How wide a text is comes from a table, so that it is the same on every machine, whatever
fonts it has. The figures are the advance widths of Helvetica, in thousandths of the font size, as
published in Adobe's font metrics for the fourteen standard PostScript fonts; Arial and Liberation Sans
have the same. A reader's own font is near enough: a chart leaves room, it does not justify.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log, log10, sqrt

import numpy as np

from bakeoff.records import Floats
from bakeoff.words import clip

MAX_POINTS = 32  # of one curve: a small panel has no room for more


def tick_values(low: float, high: float, count: int) -> tuple[list[float], int]:
    """Round values in a range, about ``count`` of them, and the decimals that tell them apart.

    Steps are 1, 2 or 5 times a power of ten, the one nearest in the logarithm to the wished number
    of ticks, as d3 chooses them.
    """
    if low == high:
        return [low], 0 if low == round(low) else 2
    step = (high - low) / count
    power = floor(log10(step))
    error = step / 10.0**power
    factor = next((f for least, f in ((50, 10), (10, 5), (2, 2)) if error >= sqrt(least)), 1)
    if factor == 10:
        power, factor = power + 1, 1
    # Whole multiples over a whole number: 3 / 10 is .3, 3 · .1 is not.
    over, times = (10**-power, factor) if power < 0 else (1, factor * 10**power)
    first, last = ceil(low * over / times - 1e-9), floor(high * over / times + 1e-9)
    return [index * times / over for index in range(first, last + 1)], max(0, -power)


def significant(value: float, digits: int = 6) -> str:
    """At most so many significant digits and no idle zeros; an exponent below a millionth."""
    if value != 0 and 1e-6 <= abs(value) < 10.0**digits:
        places = max(0, digits - 1 - floor(log10(abs(value))))
        words = f"{value:.{places}f}"
        words = words.rstrip("0").rstrip(".") if places else words
    else:
        words = f"{value:.{digits}g}".replace("e-0", "e-").replace("e+0", "e+")
    return words.replace("-", "−", 1) if words.startswith("-") else words


def padded(values: Iterable[float], share: float = 0.06) -> tuple[float, float]:
    """The range of the values with a little room on both sides, never empty."""
    known = list(values)
    low, high = min(known), max(known)
    room = (high - low) * share or max(abs(high) * 0.01, 1e-3)
    return low - room, high + room


@dataclass(frozen=True, slots=True)
class Axis:
    """From values to pixels, with the ticks to print.

    Attributes:
        low, high: the values at its ends; what lies outside is drawn at the end.
        length: pixels.
        ticks: values with their words.
        to: applied to a value before it is placed: the identity, or a logarithm.
    """

    title: str
    low: float
    high: float
    length: float
    ticks: tuple[tuple[float, str], ...]
    to: Callable[[float], float] = float

    def __call__(self, value: float) -> float:
        """Pixels from the low end."""
        low, high = self.to(self.low), self.to(self.high)
        if high == low:
            return self.length / 2
        return min(1.0, max(0.0, (self.to(value) - low) / (high - low))) * self.length


def linear(
    title: str,
    ends: tuple[float, float],
    length: float,
    *,
    factor: float = 1,
    count: int = 5,
    whole: bool = False,
) -> Axis:
    """An axis in even steps; ``factor`` is 100 where shares are printed in per cent or points."""
    values, decimals = tick_values(factor * ends[0], factor * ends[1], count)
    if whole:
        values, decimals = [value for value in values if value == round(value)], 0
    words = [f"{value:,.{decimals}f}".replace("-", "−") for value in values]
    ticks = tuple((value / factor, word) for value, word in zip(values, words, strict=True))
    return Axis(title, *ends, length, ticks)


_ERROR_TICKS = (0.9, 0.8, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.002, 0.001)


def shares(title: str, values: Sequence[float], smallest: float, length: float) -> Axis:
    """An axis for shares near one, such as accuracies.

    Where they span a wide range it is logarithmic in the error, so that half a point at 97 % is as
    visible as ten points at 60 %; else it is even in per cent.

    Args:
        values: what the axis must hold.
        smallest: least error that can be told from none; the logarithm needs one.
    """
    errors = [min(1.0, max(smallest, 1 - value)) for value in values]
    if max(errors) <= 2.5 * min(errors):
        return linear(f"{title} (%)", padded(values), length, factor=100)
    low, high = min(1.0, max(errors) * 1.15), min(errors) / 1.15
    ticks = [(1 - e, significant(100 * (1 - e), 4)) for e in _ERROR_TICKS if high <= e <= low]
    return Axis(
        f"{title} (%), spaced by the error",
        1 - low,
        1 - high,
        length,
        tuple(ticks),
        lambda value: -log(min(1.0, max(smallest / 1.15, 1 - value))),
    )


def spaced(title: str, values: Sequence[float], length: float) -> Axis:
    """An axis through values that were tried, each a tick: logarithmic where they span decades."""
    low, high = min(values), max(values)
    wide = low > 0 and high / low >= 8
    room = 14 / (length - 28)  # so that the marks at the ends are whole
    if wide:
        ends = low / (high / low) ** room, high * (high / low) ** room
    else:
        ends = padded(values, room)
    ticks = tuple((value, significant(value)) for value in values[:: -(-len(values) // 8)])
    return Axis(title, *ends, length, ticks, log if wide else float)


def apart(ticks: Sequence[tuple[float, str]], size: float) -> list[tuple[float, str]]:
    """The ticks whose words do not touch: every second one is dropped until none do."""
    kept = list(ticks)

    def touch(a: tuple[float, str], b: tuple[float, str]) -> bool:
        return abs(a[0] - b[0]) < (text_width(a[1], size) + text_width(b[1], size)) / 2 + 4

    while len(kept) > 2 and any(touch(a, b) for a, b in pairwise(kept)):
        kept = kept[::2]
    return kept


def kept_epochs(values: Floats, max_points: int = MAX_POINTS) -> list[int]:
    """Indices of the points that keep a curve's shape.

    Largest-triangle-three-buckets: of each stretch the point that spans the largest triangle with
    the point kept before and the mean of the stretch after (Steinarsson 2013, "Downsampling time
    series for visual representation").
    """
    num = len(values)
    if num <= max_points:
        return list(range(num))
    # As lists: a stretch is too short for array arithmetic to pay.
    y = np.where(np.isfinite(values), values, 0.0).tolist()
    edges = np.linspace(1, num - 1, max_points - 1).astype(int).tolist()
    kept = [0]
    for start, stop, after in zip(edges[:-1], edges[1:], [*edges[2:], num], strict=True):
        last = kept[-1]
        next_x, next_y = (stop + after - 1) / 2, sum(y[stop:after]) / (after - stop)
        # Twice the signed area, as a line in the point's own x and y.
        per_x, per_y = y[last] - next_y, next_x - last
        areas = [
            abs(per_x * (here - last) + per_y * (y[here] - y[last])) for here in range(start, stop)
        ]
        kept.append(start + areas.index(max(areas)))
    return [*kept, num - 1]


_BY_WIDTH = {
    191: "'",
    222: "ijl",
    260: "|",
    278: " !,./:;I[\\]ft·",
    333: "()-r`",
    334: "{}",
    355: '"',
    389: "*",
    400: "°",
    469: "^",
    500: "Jcksvxyz",
    556: "#$0123456789?L_abdeghnopqu–",
    584: "+<=>~×±−",
    611: "FTZ",
    667: "&ABEKPSVXY",
    722: "CDHNRUw",
    778: "GOQ",
    833: "Mm",
    889: "%",
    944: "W",
    1000: "…—→",
    1015: "@",
}
_MEAN = 556
_FULL = 1000


class _Widths(dict[str, int]):
    """The table; what is not in it is looked up once."""

    def __missing__(self, char: str) -> int:
        base = unicodedata.normalize("NFD", char)[0]
        if unicodedata.combining(char):
            width = 0
        elif base != char and base in self:
            width = self[base]
        else:
            width = _FULL if unicodedata.east_asian_width(char) in "WF" else _MEAN
        self[char] = width
        return width


_WIDTHS = _Widths({char: width for width, chars in _BY_WIDTH.items() for char in chars})


def text_width(text: str, size: float) -> float:
    """Pixels that ``text`` takes at a font size of ``size`` pixels."""
    return sum(map(_WIDTHS.__getitem__, text)) * size / 1000


def cut(text: str, size: float, limit: float | None) -> str:
    """The text, or as much of both its ends as fits ``limit`` pixels: the value stands at the end."""
    if limit is None or text_width(text, size) <= limit:
        return text
    length = len(text)
    while length > 1 and text_width(clip(text, length), size) > limit:
        length -= 1
    return clip(text, length)
