"""Where an axis has its ticks and what they say; knows numbers, not pixels.

Steps are 1, 2 or 5 times a power of ten, chosen as d3 does (nearest in the logarithm to the
wished number of ticks), so that charts look as they do wherever else Vega-Lite is drawn.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from math import ceil, floor, log10, sqrt
from typing import Any

from bakeoff.report.chart_style import NAMED, PLAIN, SHARE_OF_ERROR
from bakeoff.report.drawing.subset import refuse

# Geometric means of neighbouring steps: 1 | 2 | 5 | 10.
_FACTORS = ((sqrt(50), 10), (sqrt(10), 5), (sqrt(2), 2))


def tick_values(low: float, high: float, count: int) -> tuple[list[float], int]:
    """Round values in a range, about ``count`` of them, and the decimals that tell them apart.

    Args:
        low, high: the range; one value is its own tick.
        count: how many ticks are wished for.
    """
    if low == high:
        return [low], 0 if low == round(low) else 2
    step = (high - low) / count
    power = floor(log10(step))
    error = step / 10.0**power
    factor = next((factor for least, factor in _FACTORS if error >= least), 1)
    if factor == 10:
        power, factor = power + 1, 1
    # Whole multiples over a whole number: 3 / 10 is .3, 3 · .1 is not.
    over, times = (10**-power, factor) if power < 0 else (1, factor * 10**power)
    first, last = ceil(low * over / times - 1e-9), floor(high * over / times + 1e-9)
    return [index * times / over for index in range(first, last + 1)], max(0, -power)


def _signed(text: str) -> str:
    # A true minus sign is as wide as the digits.
    return "−" + text[1:] if text.startswith("-") else text


def fixed(value: float, decimals: int) -> str:
    """``−1,234.50``: so many decimals, thousands apart, a true minus sign."""
    return _signed(f"{value:,.{decimals}f}")


def significant(value: float, digits: int = 6) -> str:
    """At most so many significant digits and no idle zeros; an exponent below a millionth."""
    if value != 0 and 1e-6 <= abs(value) < 10.0**digits:
        places = max(0, digits - 1 - floor(log10(abs(value))))
        text = f"{value:.{places}f}"
        return _signed(text.rstrip("0").rstrip(".") if places else text)
    return _signed(f"{value:.{digits}g}".replace("e-0", "e-").replace("e+0", "e+"))


def expression(text: str) -> Callable[[Any], str]:
    """The words of a value by one of the label expressions that ``chart_style`` makes."""
    if text == PLAIN:
        return significant
    if text == SHARE_OF_ERROR:
        return lambda value: significant(100 * (1 - value), 4)
    if text.startswith("[") and text.endswith("]" + NAMED):
        names: Sequence[str] = json.loads(text.removesuffix(NAMED))
        return lambda value: names[value]
    raise refuse("labelExpr", text, (PLAIN, SHARE_OF_ERROR, f"[names]{NAMED}"))
