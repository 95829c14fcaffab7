"""How numbers, moments, names and foreign texts become words; knows nothing of studies.

One place, so that page, terminal, notebook and sentences say the same number the same way. A number
that does not exist is a dash. Texts from outside (names, labels, reasons) pass ``visible`` once, at
the edge where they are printed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bakeoff.tasks.base import Metric

DASH = "–"


def now() -> str:
    """The present moment, ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _signed(text: str, value: float, sign: bool) -> str:
    # A true minus sign is as wide as the plus and the digits, so columns stay aligned.
    if text.strip("-0.") == "":
        return text.lstrip("-")
    if value < 0:
        return "−" + text.lstrip("-")
    return "+" + text if sign else text


def fixed(value: float | None, digits: int) -> str:
    """So many decimals."""
    return DASH if value is None else _signed(f"{value:.{digits}f}", value, False)


def number(value: float | None, *, sign: bool = False) -> str:
    """Four significant digits."""
    if value is None:
        return DASH
    return _signed(f"{value:.4g}".replace("e-", "e−"), value, sign)


def percent(value: float | None, digits: int = 2) -> str:
    """A share as per cent, such as ``97.12 %``."""
    return DASH if value is None else fixed(100 * value, digits) + " %"


def points(value: float | None, *, sign: bool = False) -> str:
    """A difference of shares in points, without the word: two decimals."""
    return DASH if value is None else _signed(f"{100 * value:.2f}", value, sign)


def coverage(level: float) -> str:
    """The coverage of an interval, such as ``98.75 %``: no idle zeros."""
    return f"{100 * level:.6g} %"


def level(value: float | None, metric: Metric) -> str:
    """A value of a metric: ``97.12 %`` for shares, else four significant digits and the unit."""
    if metric.share or value is None:
        return percent(value)
    return f"{number(value)} {metric.unit}".strip()


def bare(value: float | None, metric: Metric, *, sign: bool = False) -> str:
    """A difference of two values of a metric, without its unit: for tables and intervals."""
    return points(value, sign=sign) if metric.share else number(value, sign=sign)


def unit(metric: Metric) -> str:
    """What differences of a metric are counted in; empty for a plain number."""
    return "points" if metric.share else metric.unit


def difference(value: float | None, metric: Metric, *, sign: bool = False) -> str:
    """``0.52 points`` for shares, else a number with the metric's unit."""
    text = bare(value, metric, sign=sign)
    if value is None:
        return text
    one = metric.share and text.lstrip("+−") == "1.00"
    return f"{text} {'point' if one else unit(metric)}".strip()


def interval(low: float | None, high: float | None, metric: Metric, *, sign: bool = False) -> str:
    """``−0.11 to 0.93``: the ends of a difference's interval, or a dash."""
    if low is None or high is None:
        return DASH
    return f"{bare(low, metric, sign=sign)} to {bare(high, metric, sign=sign)}"


def count(value: int | None) -> str:
    """``109,386``."""
    return DASH if value is None else f"{value:,}"


def plural(value: int, noun: str, many: str | None = None) -> str:
    """``1 run``, ``12 runs``."""
    return f"{value:,} {noun if value == 1 else many or noun + 's'}"


def listing(items: Sequence[str], most: int | None = None) -> str:
    """``a``, ``a and b``, ``a, b and c``; beyond ``most`` cut, with how many more there are."""
    if most is not None and len(items) > most:
        return ", ".join(items[: most - 1]) + f" and {len(items) - most + 1} more"
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + " and " + items[-1]


def duration(seconds: float | None) -> str:
    """Wall time in the unit a person would use."""
    if seconds is None:
        return DASH
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


def setting(value: object) -> str:
    """One value of a setting, the same wherever it is printed: ``64-64``, ``0.001``, ``true``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list)):
        return "-".join(setting(item) for item in value) or "none"
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return "none" if value is None else str(value)


def spoken(name: str) -> str:
    """The name of a metric or setting in prose: ``learning_rate`` → ``learning rate``.

    Of a nested one, such as an estimator's ``svc__C``, both parts: ``svc C``.
    """
    return " ".join(name.replace("_", " ").split())


def code(name: str) -> str:
    """A name as code: between backticks, which pages set in another font."""
    return f"`{name.replace('`', chr(39))}`"


def candidate(label: str, varied: Sequence[str], values: Mapping[str, Any]) -> str:
    """What a candidate is called in running text, such as ``learning_rate 1``.

    A bare ``1`` or ``none`` cannot be told from the words around it, and an author's own label
    does not say what the candidate is.

    Args:
        label: as in the records.
        varied: names of the settings that differ in its stage; of several the label names them,
            and of models too.
        values: its settings.
    """
    if len(varied) != 1 or varied[0] not in values or varied[0] == "model":
        return label
    value = setting(values[varied[0]])
    if label == value:
        return f"{varied[0]} {value}"
    said = f"{varied[0]}={value}" in label.split(", ")
    return label if said else f"{label} ({varied[0]} {value})"


def visible(text: str) -> str:
    """The text with everything shown that a terminal or a page would obey, or show as nothing.

    C0 controls become their Unicode pictures (``␛``), breaks of lines and blanks of every width a
    blank. The other controls, invisible format characters such as the bidirectional overrides, lone
    surrogates and unassigned code points become an escape such as ``\\u202e``.
    """
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(char: str) -> str:
    code = ord(char)
    if char.isprintable():
        return char
    if char in "\n\r\t" or (code > 0x9F and char.isspace()):
        return " "
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def clip(text: str, length: int) -> str:
    """At most ``length`` characters, the middle left out: both ends of a name tell."""
    if len(text) <= length:
        return text
    head = (length - 1) * 2 // 3
    return text[:head] + "…" + text[len(text) - (length - 1 - head) :]
