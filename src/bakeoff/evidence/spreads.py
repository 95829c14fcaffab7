"""Means with their spread, and paired differences, of runs: what summaries are made of.

Knows runs and intervals, neither stages nor words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from bakeoff.evidence.intervals import t_quantile, turned, values_of
from bakeoff.evidence.rule import Sampling
from bakeoff.records import Comparison, Run

INDEPENDENT = Sampling(0, 0, split="own")

LEVEL = 0.95  # coverage of what describes one candidate; verdicts bring their own


@dataclass(frozen=True, slots=True)
class Spread:
    """One number over several runs.

    Attributes:
        num: runs that have it.
        sd: over the runs, ddof 1; None below two.
        low, high: 95 % interval of the mean; None below two.
    """

    num: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One candidate minus another, in units of the metric, paired over replicates.

    Attributes:
        first, second: labels.
        pairs: replicate → difference.
    """

    first: str
    second: str
    mean: float
    low: float | None
    high: float | None
    level: float
    num_replicates: int
    equivalent: bool | None = None
    pairs: Mapping[int, float] | None = None


def spread(values: Sequence[float], sampling: Sampling = INDEPENDENT) -> Spread | None:
    """Mean, sd and Student's interval of the mean over runs.

    Args:
        values: one per run.
        sampling: how their replicates were drawn: how much a mean over them says.

    Returns:
        None without a value.
    """
    if not values:
        return None
    mean = float(np.mean(values))
    if len(values) < 2:
        return Spread(1, mean, None, None, None)
    sd = float(np.std(values, ddof=1))
    unit = math.sqrt(sampling.variance_factor(len(values)))
    half = t_quantile(0.5 + LEVEL / 2, len(values) - 1) * sd * unit
    return Spread(len(values), mean, sd, mean - half, mean + half)


def spreads(runs: Iterable[Run], sampling: Sampling = INDEPENDENT) -> dict[str, Spread]:
    """Full metric name → over the finished runs, in the order the runs name them."""
    finished = [run for run in runs if run.status == "finished"]
    names = dict.fromkeys(name for run in finished for name in run.metrics)
    found = {
        name: spread([run.metrics[name] for run in finished if name in run.metrics], sampling)
        for name in names
    }
    return {name: one for name, one in found.items() if one is not None}


def paired(first: Sequence[Run], second: Sequence[Run], name: str) -> dict[int, float]:
    """Replicate → difference, for the replicates that both finished."""
    ours, theirs = values_of(first, name), values_of(second, name)
    return {one: ours[one] - theirs[one] for one in ours if one in theirs}


def oriented(pair: Comparison, labels: Sequence[str], flip: bool = False) -> Difference:
    """A verdict's comparison as a difference, by label."""
    if flip:
        pair = turned(pair)
    return Difference(
        labels[pair.first],
        labels[pair.second],
        pair.mean,
        pair.low,
        pair.high,
        pair.level,
        pair.num_replicates,
        pair.equivalent,
    )


def difference_of(
    first: str, second: str, pairs: Mapping[int, float], sampling: Sampling
) -> Difference | None:
    """A difference that no verdict compared, with a 95 % interval of its own."""
    found = spread(list(pairs.values()), sampling)
    if found is None:
        return None
    return Difference(
        first, second, found.mean, found.low, found.high, LEVEL, found.num, None, pairs
    )


def is_number(value: Any) -> bool:
    """Whether a setting is a number: truth is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def edge(value: Any, tried: Set[Any]) -> str | None:
    """Whether a value is the ``smallest`` or the ``largest`` of at least three numbers tried.

    Below 0, and below a count of 1, hardly any setting has a value: those are no edge.
    """
    if len(tried) < 3 or value not in (min(tried), max(tried)):
        return None
    if value == max(tried):
        return "largest"
    return None if value == 0 or (isinstance(value, int) and value == 1) else "smallest"
