"""Metrics out of what a program prints; knows text, no processes.

A line tells metrics as a JSON object, or as ``name: 0.97`` and ``name=0.97``, several on a line;
accuracies may have a ``%``. The last value of a name wins. Lines with an epoch make curves; a line
that is only an epoch, as Keras prints it, belongs to the metrics of the next line.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

from bakeoff.trainables.attempts import is_share

# The name may stand behind other words, as in "step 10, loss: 0.3". Nothing that was taken is given back
# ("++"), and a name has an end, so that a line takes time in proportion to its length, whatever is in it.
_PAIR = re.compile(
    r"(?<![A-Za-z0-9_])([A-Za-z_][\w./-]{0,99}+)\s*+[:=]\s*+"
    r"([+-]?(?:\d++(?:\.\d*+)?+(?:[eE][+-]?\d++)?+|\.\d++(?:[eE][+-]?\d++)?+|nan|inf(?:inity)?))"
    r"(?!\w|[.,/]\d)(\s?%)?",
    re.IGNORECASE,
)
_EPOCH = re.compile(r"\bepoch\b\W{0,3}(\d{1,15})(?!\d)", re.IGNORECASE)

MAX_LINE = 1 << 16
"""Longer lines are no metrics: their beginning is looked at."""

MAX_NAMES = 100
MAX_POINTS = 100_000
"""Bounds against a program that prints without end."""


class Printed:
    """Collects metrics line by line.

    Attributes:
        metrics: name → last value, as printed; may be non-finite.
        curves: name → one value per epoch.
    """

    def __init__(self) -> None:
        self.metrics: dict[str, float] = {}
        self.curves: dict[str, list[float]] = {}
        self._epoch: int | None = None
        self._last = 0

    def line(self, text: str) -> tuple[int, Mapping[str, float]] | None:
        """Takes one line.

        Returns:
            the epoch and its metrics where the line finishes one.
        """
        found, epoch = values_of(text[:MAX_LINE])
        if epoch is not None:
            self._epoch = epoch
        for name, value in found.items():
            if name in self.metrics or len(self.metrics) < MAX_NAMES:
                self.metrics[name] = value
        if self._epoch is None or not found:
            return None
        number, self._epoch = self._epoch, None
        for name in found.keys() & self.metrics.keys():
            curve = self.curves.setdefault(name, [])
            # A second line of one epoch corrects the first.
            if curve and number == self._last:
                curve[-1] = found[name]
            elif len(curve) < MAX_POINTS:
                curve.append(found[name])
        self._last = number
        return number, found


def values_of(text: str) -> tuple[dict[str, float], int | None]:
    """The metrics of one line and its epoch, where it has them."""
    stripped = text.strip()
    if stripped.startswith("{"):
        try:
            told = json.loads(stripped)
        except (ValueError, RecursionError):
            told = None
        if isinstance(told, dict):
            numbers = {str(name): _number(value) for name, value in told.items()}
            found = {name: value for name, value in numbers.items() if value is not None}
            epoch = found.pop("epoch", math.nan)
            return found, int(epoch) if abs(epoch) < 1e15 else None
    epoch_found = _EPOCH.search(stripped)
    pairs = {
        name: float(value) / (100.0 if sign and is_share(name) else 1.0)
        for name, value, sign in _PAIR.findall(stripped)
    }
    for name in [one for one in pairs if one.lower() == "epoch"]:
        del pairs[name]
    return pairs, None if epoch_found is None else int(epoch_found[1])


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf
