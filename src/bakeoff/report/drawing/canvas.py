"""What a drawing is collected in: SVG in pieces, and the room that it takes; knows no charts."""

from __future__ import annotations


def px(value: float) -> str:
    """Pixels with one decimal: a tenth is finer than any screen shows at this size."""
    text = f"{value:.1f}"
    if text.endswith(".0"):
        text = text[:-2]
    return "0" if text == "-0" else text


def share(value: float) -> str:
    """An opacity: two decimals, and no zero before the point."""
    return f"{value:.2f}".strip("0").rstrip(".") or "0"


def escape(text: str) -> str:
    """Text as SVG text: no markup survives."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Canvas:
    """Pieces of SVG and the box around them; pixels count from the corner of the plot.

    Attributes:
        left, top, right, bottom: the box, at first the plot itself.
    """

    __slots__ = ("bottom", "left", "pieces", "right", "top")

    def __init__(self, width: float, height: float) -> None:
        self.pieces: list[str] = []
        self.left, self.top, self.right, self.bottom = 0.0, 0.0, width, height

    def add(self, piece: str) -> None:
        """One more piece, drawn over those before."""
        self.pieces.append(piece)

    def reach(self, left: float, top: float, right: float, bottom: float) -> None:
        """Makes the box hold this one too."""
        self.left, self.top = min(self.left, left), min(self.top, top)
        self.right, self.bottom = max(self.right, right), max(self.bottom, bottom)
