"""How numbers are spoken: points for shares, their own units for the rest; knows no statistics."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.tasks.classification import SHARES


def bare(value: float, metric: str) -> str:
    """A difference without its unit: points with two decimals for shares, else four digits."""
    text = f"{100.0 * value:.2f}" if metric in SHARES else f"{value:.4g}"
    return text.removeprefix("-") if text.strip("-0.") == "" else text.replace("-", "−")


def amount(value: float, metric: str) -> str:
    """A difference with its unit, such as ``0.52 points`` or ``0.0131``."""
    return f"{bare(value, metric)} points" if metric in SHARES else bare(value, metric)


def level(value: float, metric: str) -> str:
    """A mean of the metric itself, such as ``96.04 %`` or ``0.1319``."""
    return f"{bare(value, metric)} %" if metric in SHARES else bare(value, metric)


def percent(share: float) -> str:
    """A probability or coverage, such as ``98.75 %``."""
    return f"{100.0 * share:.6g} %"


def count(number: int, noun: str) -> str:
    """``1 replicate``, ``3 replicates``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def spoken(name: str) -> str:
    """The name of a metric or hyperparameter in prose: ``learning_rate`` → ``learning rate``."""
    return name.replace("_", " ")
