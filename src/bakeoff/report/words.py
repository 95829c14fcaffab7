"""How numbers and names become words in every report; knows nothing of studies.

One place, so that the page, the terminal and the notebook say the same number the same way.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

from bakeoff.records import Run


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as the report speaks of it.

    Attributes:
        name: as in the records, such as ``accuracy``.
        title: in running text, such as ``validation accuracy``.
        share: True for a share between 0 and 1 that is printed in per cent and its differences in
            points; False for a plain number.
        higher_is_better: direction.
    """

    name: str
    title: str
    share: bool
    higher_is_better: bool

    def value(self, run: Run) -> float | None:
        """This metric of one run's validation part, or None where it was not measured."""
        return run.value(f"val_{self.name}")

    def scaled(self, value: float) -> float:
        """In the units that charts draw: per cent for shares."""
        return 100 * value if self.share else value

    def level(self, value: float | None) -> str:
        """``97.12 %`` for shares, else four significant digits."""
        return percent(value) if self.share else number(value)

    def difference(self, value: float | None, *, sign: bool = False) -> str:
        """``0.52 points`` for shares, else a plain number; with its sign where asked."""
        if value is None:
            return "–"
        text = points(value, sign=sign) if self.share else number(value, sign=sign)
        if not self.share:
            return text
        return f"{text} {'point' if text.lstrip('+−') == '1.00' else 'points'}"

    def bare(self, value: float | None, *, sign: bool = False) -> str:
        """A difference without its unit, for tables and intervals."""
        return points(value, sign=sign) if self.share else number(value, sign=sign)

    @property
    def unit(self) -> str:
        return "points" if self.share else ""


_METRICS = {
    "accuracy": Metric("accuracy", "validation accuracy", True, True),
    "balanced_accuracy": Metric("balanced_accuracy", "validation balanced accuracy", True, True),
    "loss": Metric("loss", "validation loss", False, False),
}


def metric(name: str) -> Metric:
    """What is known of a metric; an unknown one is a plain number that should be high."""
    return _METRICS.get(name) or Metric(name, "validation " + name.replace("_", " "), False, True)


def finite(value: float | None) -> float | None:
    """The number as a float, or None where it is missing, NaN or infinite."""
    if value is None or not math.isfinite(value):
        return None
    return float(value)


def _signed(text: str, value: float, sign: bool) -> str:
    # A true minus sign is as wide as the plus and the digits, so columns stay aligned.
    if text.strip("-0.") == "":
        return text.lstrip("-")
    if value < 0:
        return "−" + text.lstrip("-")
    return "+" + text if sign else text


def percent(value: float | None, digits: int = 2) -> str:
    """A share as per cent, such as ``97.12 %``."""
    return "–" if value is None else _signed(f"{100 * value:.{digits}f}", value, False) + " %"


def points(value: float | None, *, sign: bool = False) -> str:
    """A difference of shares in points: two decimals, one from ten points on."""
    if value is None:
        return "–"
    digits = 1 if abs(value) >= 0.09995 else 2
    return _signed(f"{100 * value:.{digits}f}", value, sign)


def number(value: float | None, *, sign: bool = False) -> str:
    """Four significant digits."""
    if value is None:
        return "–"
    text = f"{value:.4g}"
    return _signed(text, value, sign) if "e" not in text else text


def fixed(value: float | None, digits: int) -> str:
    """So many decimals, or a dash."""
    return "–" if value is None else _signed(f"{value:.{digits}f}", value, False)


def count(value: int) -> str:
    """``109,386``."""
    return f"{value:,}"


def plural(value: int, noun: str, many: str | None = None) -> str:
    """``1 run``, ``12 runs``."""
    return f"{value:,} {noun if value == 1 else many or noun + 's'}"


def duration(seconds: float | None) -> str:
    """Wall time in the unit a person would use."""
    if seconds is None:
        return "–"
    if seconds < 0.0095:
        return f"{1000 * seconds:.1f} ms"
    if seconds < 0.995:
        return f"{seconds:.2f} s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 119.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def share_of(level: float) -> str:
    """A coverage such as .9875 as ``98.75 %``, without idle zeros."""
    return f"{100 * level:.4g} %"


def listing(items: list[str] | tuple[str, ...]) -> str:
    """``a``, ``a and b``, ``a, b and c``; a long list is cut with how many more there are."""
    if len(items) > 6:
        return ", ".join(items[:5]) + f" and {len(items) - 5} more"
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + " and " + items[-1]


def setting(value: object) -> str:
    """A hyperparameter's value as a study file's reader would write it."""
    if isinstance(value, (tuple, list)):
        return "-".join(str(item) for item in value) if value else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return visible(str(value))


def visible(text: str) -> str:
    """The text with control and invisible characters shown instead of obeyed.

    C0 controls become their Unicode pictures (``␛``), everything else that steers a terminal or the
    direction of text becomes an escape such as ``\\u202e``. Line breaks and tabs become blanks.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(char) for char in text)


def _visible(char: str) -> str:
    code = ord(char)
    if char in "\n\t\r":
        return " "
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
        return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return char


def clip(text: str, length: int) -> str:
    """At most ``length`` characters, the middle left out: both ends of a name tell."""
    if len(text) <= length:
        return text
    head = (length - 1) * 2 // 3
    return text[:head] + "…" + text[len(text) - (length - 1 - head) :]
