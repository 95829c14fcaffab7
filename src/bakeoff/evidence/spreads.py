"""Means with their spread, paired differences and intervals of single models: what summaries are made of.

Knows runs and arrays, neither stages nor words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from bakeoff.evidence.intervals import t_quantile, turned, values_of
from bakeoff.evidence.rule import Sampling
from bakeoff.records import Comparison, Floats, Run

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


def prediction_interval(
    values: Floats, *, num_examples: int | None = None
) -> tuple[float, float] | None:
    """Where one further run falls with 95 %: ``mean ± t · sd · sqrt(1 + 1/S)``.

    The textbook prediction interval of a normal sample (Hahn & Meeker 1991, section 4.2). A
    published number comes from one run, so this, not the interval of the mean, is what it must
    be held against.

    Args:
        values: one value per finished run, shape (S,).
        num_examples: of a share between 0 and 1: the examples behind each value. The sd is then
            taken to be no smaller than ``sqrt(2/S) / num_examples``, which is what one example
            that changed sides in one of the runs gives: two runs may agree by chance, and their
            zero is no promise for the third.

    Returns:
        (low, high), or None below two values, where nothing is known of the spread.
    """
    values = np.asarray(values, np.float64)
    size = len(values)
    if size < 2:
        return None
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    if num_examples:
        sd = max(sd, math.sqrt(2.0 / size) / num_examples)
    margin = t_quantile(0.5 + LEVEL / 2.0, size - 1) * sd * math.sqrt(1.0 + 1.0 / size)
    if num_examples is None:
        return mean - margin, mean + margin
    return max(0.0, mean - margin), min(1.0, mean + margin)


def test_interval(shares: Floats, num_examples: float) -> tuple[float, float] | None:
    """Where the true share of models trained like these lies with 95 %, seen on one test set.

    Two things make the measured mean uncertain: which examples the test set happens to hold, and
    which seeds trained the models. The first is Clopper and Pearson's exact interval (1934) of the
    mean over the test examples, as if the refits were one model: they share those examples, so
    that more refits do not shrink it. The second is Student's interval of the mean over refits.
    Their margins are independent and are added in quadrature, each end by itself (MOVER: Zou &
    Donner 2008, "Construction of confidence limits about effect measures").

    Args:
        shares: test accuracy of each refit, 0 to 1, shape (R,). Or balanced accuracy.
        num_examples: test examples; for balanced accuracy the effective number
            ``C² / Σ(1 / n_c)``.

    Returns:
        (low, high) within 0 and 1; None without a refit or without examples. One refit shows no
        spread over seeds, so the interval is then that of its model.
    """
    from scipy import special

    shares = np.asarray(shares, np.float64)
    if not len(shares) or num_examples <= 0:
        return None
    mean = float(shares.mean())
    right, wrong = mean * num_examples, (1.0 - mean) * num_examples
    tail = (1.0 - LEVEL) / 2.0
    low = float(special.betaincinv(right, wrong + 1.0, tail)) if right > 0.0 else 0.0
    high = float(special.betaincinv(right + 1.0, wrong, 1.0 - tail)) if wrong > 0.0 else 1.0
    margin = 0.0
    if len(shares) > 1:
        margin = t_quantile(1.0 - tail, len(shares) - 1) * float(shares.std(ddof=1))
        margin /= math.sqrt(len(shares))
    return (
        max(0.0, mean - math.hypot(mean - low, margin)),
        min(1.0, mean + math.hypot(high - mean, margin)),
    )


def error_interval(
    values: Floats, losses: Floats, num_examples: int, *, root: bool
) -> tuple[float, float] | None:
    """Where the true error of models trained like these lies with 95 %, seen on one test set.

    As ``test_interval``, for errors that are no shares. Both margins are of the logarithm, because
    errors are positive and squared ones lean far to the right: Student's interval of the mean over
    test examples, carried over by the delta method, and that over refits.

    Args:
        values: the test error of each refit, positive, shape (R,), such as its rmse.
        losses: what the delivered model loses by each of some test examples, shape (n,): squared
            errors, or absolute ones.
        num_examples: test examples, of which ``losses`` may hold only some.
        root: whether the error is the root of the mean of losses.

    Returns:
        (low, high); None without a refit, with fewer than two examples, or without any error.
    """
    values, losses = np.asarray(values, np.float64), np.asarray(losses, np.float64)
    if not len(values) or len(losses) < 2 or not losses.mean() > 0.0 or not values.min() > 0.0:
        return None
    tail = (1.0 - LEVEL) / 2.0
    spread = float(losses.std(ddof=1) / losses.mean()) / math.sqrt(num_examples)
    margin = t_quantile(1.0 - tail, len(losses) - 1) * spread * (0.5 if root else 1.0)
    mean, refits = float(values.mean()), 0.0
    if len(values) > 1:
        refits = t_quantile(1.0 - tail, len(values) - 1) * float(values.std(ddof=1)) / mean
        refits /= math.sqrt(len(values))
    factor = math.exp(math.hypot(margin, refits))
    return mean / factor, mean * factor


test_interval.__test__ = False  # type: ignore[attr-defined]  # not a test of pytest's
