"""How wide a text is, from a table: the same on every machine, whatever fonts it has.

The figures are the advance widths of Helvetica, in thousandths of the font size, as published in
Adobe's font metrics for the fourteen standard PostScript fonts; Arial and Liberation Sans have the
same. A reader's own font is near enough: a chart leaves room, it does not justify.
"""

from __future__ import annotations

import unicodedata

from bakeoff.words import clip

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
