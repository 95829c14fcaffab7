"""Intervals for paired differences; knows arrays and runs, nothing of stages.

The standard error is that of ``Sampling.variance_factor``; equivalence is shown by two one-sided
tests (Schuirmann 1987, "A comparison of the two one-sided tests procedure …").
``docs/evidence.md`` has both in words.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bakeoff.evidence.rule import Sampling
from bakeoff.records import Comparison, Metric, Run

Floats = NDArray[np.float64]

EQUIVALENCE_ALPHA = 0.05
"""Level of each of the two one-sided tests (TOST)."""


@functools.lru_cache(maxsize=1024)
def t_quantile(probability: float, df: int) -> float:
    """Quantile of Student's t distribution: the x with P(T ≤ x) = probability.

    Args:
        probability: strictly between 0 and 1.
        df: degrees of freedom, at least 1.
    """
    from scipy import special  # here: it costs a quarter of a second, and one replicate needs none

    return float(special.stdtrit(df, probability))


def finest_step(values: Floats) -> float | None:
    """The smallest distance between two different values; None where all are one and the same.

    Of a metric whose examples are not known it stands for one example more or less: a number that
    a program prints with two decimals can only agree to a hundredth. Of a continuous metric the
    step is far below its spread and changes nothing.
    """
    distinct = np.unique(np.asarray(values, np.float64))
    gaps = np.diff(distinct)
    gaps = gaps[gaps > 1e-9 * max(abs(float(distinct[0])), abs(float(distinct[-1])))]
    return float(gaps.min()) if len(gaps) else None


def floor_sd(a: Floats, b: Floats, sampling: Sampling, *, share: bool) -> float:
    """Smallest believable sd of a paired difference.

    Few replicates can agree by luck; without a floor their sd would be near zero and any
    difference "significant". Of a share it is ``½ · sqrt((err_a + err_b) / (2 · n_eff))``: half of
    what binomial sampling of the validation part gives when each candidate's errors are half its
    own. Of any other metric it is half the finest step that its values show.

    Args:
        a, b: the metric of two candidates on the same replicates, shape (S,).
        sampling: for the effective examples; where they are not known, the inverse of the finest
            step stands for them.
        share: whether the metric lies between 0 and 1.
    """
    if not share:
        return 0.5 * (finest_step(np.concatenate([a, b])) or 0.0)
    examples = sampling.num_effective
    if not examples:
        step = finest_step(np.concatenate([a, b]))
        examples = 1.0 / step if step else math.inf
    means = (float(a.mean()), float(b.mean()))
    errors = sum(max(0.0, min(mean, 1.0 - mean)) for mean in means)
    return 0.5 * math.sqrt(errors / (2.0 * examples))


def smallest_tie_sd(a: Floats, b: Floats, sampling: Sampling) -> float:
    """Smallest sd with which two candidates may be called equal: ``sqrt(2/S) / n_eff``.

    It is what one example that only one of the two gets right gives in one of S replicates. Where
    hardly any example is missed, or a class has a handful of them, all replicates agree
    although the candidates differ: their zero is no proof of equality. Where the examples are not
    known the finest step of the values stands for one of them, and values that are all one and
    the same prove nothing.

    Args: as in ``floor_sd``.
    """
    unit = math.sqrt(2.0 / len(a))
    if sampling.num_effective:
        return unit / sampling.num_effective
    step = finest_step(np.concatenate([a, b]))
    return math.inf if step is None else unit * step


def paired_comparison(
    a: Floats,
    b: Floats,
    *,
    first: int,
    second: int,
    sampling: Sampling,
    level: float,
    share: bool = True,
    delta: float | None = None,
    tie_alpha: float = EQUIVALENCE_ALPHA,
) -> Comparison:
    """The paired difference ``a - b`` with its t interval.

    Args:
        a, b: the metric of two candidates on the same replicates, float64, shape (S,), S ≥ 1.
        first, second: indices of the candidates, kept in the record.
        sampling: how the replicates were drawn: the standard error hangs on it.
        level: two-sided coverage of the interval, such as .9875.
        share: whether the metric is a share between 0 and 1 (see ``floor_sd``).
        delta: where given and S ≥ 2, two one-sided tests at ``tie_alpha`` say whether the
            difference lies inside ±delta.

    Returns:
        the comparison; sd, se and the interval are None for a single replicate.

    Raises:
        ValueError: arrays that are empty, differ in shape or hold non-finite values.
    """
    a, b = _checked(a, b)
    if len(a) < 2:
        mean = float((a - b).mean())
        return Comparison(first, second, len(a), mean, None, None, None, None, level)
    floor = floor_sd(a, b, sampling, share=share)
    pair = _compared(a - b, first, second, sampling, level, floor)
    if delta is None:
        return pair
    tie = tie_interval(
        a, b, first=first, second=second, sampling=sampling, share=share, alpha=tie_alpha
    )
    return replace(pair, equivalent=within(tie, delta))


def tie_interval(
    a: Floats,
    b: Floats,
    *,
    first: int,
    second: int,
    sampling: Sampling,
    share: bool = True,
    alpha: float = EQUIVALENCE_ALPHA,
) -> Comparison:
    """The same difference as two one-sided tests at ``alpha`` see it: level 1 − 2 · alpha.

    Equal within ±δ is the pair whose whole interval lies inside (Schuirmann 1987). Its sd is no
    smaller than ``smallest_tie_sd``, so where next to nothing was measured the interval has no
    ends (infinite ones).

    Args: as in ``paired_comparison``; S ≥ 2.
    """
    a, b = _checked(a, b)
    floor = max(floor_sd(a, b, sampling, share=share), smallest_tie_sd(a, b, sampling))
    return _compared(a - b, first, second, sampling, 1.0 - 2.0 * alpha, floor)


def _compared(
    difference: Floats, first: int, second: int, sampling: Sampling, level: float, floor: float
) -> Comparison:
    size, mean = len(difference), float(difference.mean())
    sd = max(float(difference.std(ddof=1)), floor)
    se = sd * math.sqrt(sampling.variance_factor(size))
    reach = t_quantile(0.5 + level / 2.0, size - 1) * se
    return Comparison(first, second, size, mean, sd, se, mean - reach, mean + reach, level)


def within(pair: Comparison, delta: float) -> bool:
    """Whether the interval of a comparison lies inside ±delta."""
    return pair.low is not None and pair.high is not None and -delta < pair.low <= pair.high < delta


def _checked(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise ValueError(f"`a` and `b` need one equal shape (S,), but got {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("`a` and `b` must be finite: failed runs are never compared")
    return a, b


def values_of(runs: Sequence[Run], name: str) -> dict[int, float]:
    """Replicate → a metric by its full name, such as ``val_loss``, of the finished runs that have it."""
    found = {run.replicate: run.value(name) for run in runs if run.status == "finished"}
    return {key: value for key, value in sorted(found.items()) if value is not None}


def paired_values(a: Sequence[Run], b: Sequence[Run], metric: Metric) -> tuple[Floats, Floats]:
    """A validation metric of two candidates on the replicates both finished, shape (S,) each."""
    first, second = (values_of(runs, f"val_{metric.name}") for runs in (a, b))
    shared = [replicate for replicate in first if replicate in second]
    return (
        np.array([first[replicate] for replicate in shared], np.float64),
        np.array([second[replicate] for replicate in shared], np.float64),
    )


def compare_runs(
    a: Sequence[Run],
    b: Sequence[Run],
    metric: Metric,
    sampling: Sampling,
    *,
    delta: float | None = None,
) -> Comparison | None:
    """The paired difference of two candidates' runs at 95 %; None where no replicate is shared."""
    first, second = paired_values(a, b, metric)
    if not len(first):
        return None
    return paired_comparison(
        first,
        second,
        first=0,
        second=1,
        sampling=sampling,
        level=0.95,
        share=metric.share,
        delta=delta,
    )


def gain(pair: Comparison, metric: Metric) -> Comparison:
    """By how much the first is better than the second: the difference in the metric's direction."""
    return pair if metric.higher_is_better else _negated(pair)


def turned(pair: Comparison) -> Comparison:
    """The same comparison with first and second exchanged."""
    return replace(_negated(pair), first=pair.second, second=pair.first)


def _negated(pair: Comparison) -> Comparison:
    low = None if pair.high is None else -pair.high
    high = None if pair.low is None else -pair.low
    return replace(pair, mean=-pair.mean, low=low, high=high)
