"""Intervals for paired differences and for single runs; knows arrays, nothing of stages.

Sources: Nadeau & Bengio (2003), "Inference for the generalization error", Machine Learning 52,
239-281, for the standard error under overlapping training parts; Schuirmann (1987), "A comparison
of the two one-sided tests procedure …", for equivalence. ``docs/evidence.md`` has both in words.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bakeoff.records import Comparison

Floats = NDArray[np.float64]

EQUIVALENCE_ALPHA = 0.05
"""Level of each of the two one-sided tests (TOST)."""


def t_quantile(probability: float, df: int) -> float:
    """Quantile of Student's t distribution: the x with P(T ≤ x) = probability.

    Args:
        probability: strictly between 0 and 1.
        df: degrees of freedom, at least 1.
    """
    from scipy import special  # here: it costs a quarter of a second, and one replicate needs none

    return float(special.stdtrit(df, probability))


def variance_factor(num_replicates: int, num_train: int, num_validation: int) -> float:
    """By what s² is multiplied to give se² of a mean over replicates: ``1/S + n_val/n_train``.

    The second term is Nadeau and Bengio's: training parts overlap, so replicates are correlated
    and the naive 1/S promises too much. It does not shrink with S: beyond some point only more
    data helps, not more replicates.
    """
    return 1.0 / num_replicates + num_validation / num_train


def floor_sd(mean_a: float, mean_b: float, num_validation: int) -> float:
    """Smallest believable sd of a paired difference of accuracies.

    ``½ · sqrt((err_a + err_b) / (2 · n_val))``: half of what binomial sampling of the validation
    part gives when each candidate's errors are half its own. Few replicates can agree by luck;
    without a floor their sd would be near zero and any difference "significant".

    Args:
        mean_a, mean_b: mean accuracies, between 0 and 1.
        num_validation: validation examples per replicate.
    """
    errors = max(0.0, 1.0 - mean_a) + max(0.0, 1.0 - mean_b)
    return 0.5 * math.sqrt(errors / (2.0 * num_validation))


def paired_comparison(
    a: Floats,
    b: Floats,
    *,
    first: int,
    second: int,
    num_train: int,
    num_validation: int,
    level: float,
    err_floor: bool = True,
    delta: float | None = None,
) -> Comparison:
    """The paired difference ``a - b`` with its corrected t interval.

    Args:
        a, b: the metric of two candidates on the same replicates, float64, shape (S,), S ≥ 1.
        first, second: indices of the candidates, kept in the record.
        num_train, num_validation: examples per part, for the correction.
        level: two-sided coverage of the interval, such as .9875.
        err_floor: whether the sd has the binomial floor of ``floor_sd``; only for metrics that
            are shares between 0 and 1.
        delta: where given and S ≥ 2, two one-sided tests at 5 % say whether the difference lies
            inside ±delta.

    Returns:
        the comparison; sd, se and the interval are None for a single replicate.

    Raises:
        ValueError: arrays that are empty, differ in shape or hold non-finite values.
    """
    a = np.asarray(a, np.float64)
    b = np.asarray(b, np.float64)
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise ValueError(f"`a` and `b` need one equal shape (S,), but got {a.shape} and {b.shape}")
    difference = a - b
    if not np.isfinite(difference).all():
        raise ValueError("`a` and `b` must be finite: failed runs are never compared")
    num_replicates = len(difference)
    mean = float(difference.mean())
    if num_replicates < 2:
        return Comparison(first, second, num_replicates, mean, None, None, None, None, level)
    sd = float(difference.std(ddof=1))
    if err_floor:
        sd = max(sd, floor_sd(float(a.mean()), float(b.mean()), num_validation))
    se = sd * math.sqrt(variance_factor(num_replicates, num_train, num_validation))
    margin = t_quantile(0.5 + level / 2.0, num_replicates - 1) * se
    equivalent = None
    if delta is not None:
        reach = t_quantile(1.0 - EQUIVALENCE_ALPHA, num_replicates - 1) * se
        equivalent = abs(mean) + reach < delta
    return Comparison(
        first,
        second,
        num_replicates,
        mean,
        sd,
        se,
        mean - margin,
        mean + margin,
        level,
        equivalent,
    )


def one_sided_p(comparison: Comparison, margin: float = 0.0) -> float | None:
    """P value of "the mean difference is at most ``margin``" by the corrected t test.

    Returns:
        None where the comparison has no standard error; with a standard error of exactly zero
        the limit: 0 above the margin, 1 below, .5 on it.
    """
    if comparison.se is None:
        return None
    distance = comparison.mean - margin
    if comparison.se == 0.0:
        return 0.5 if distance == 0.0 else float(distance < 0.0)
    from scipy import special

    return float(special.stdtr(comparison.num_replicates - 1, -distance / comparison.se))


def mean_interval(values: Floats, level: float = 0.95) -> tuple[float, float] | None:
    """Student's t interval of the mean over replicates, without correction.

    It describes the spread seen on these replicates and is drawn beside single candidates;
    decisions use ``paired_comparison``.

    Returns:
        (low, high), or None below two values.
    """
    values = np.asarray(values, np.float64)
    if len(values) < 2:
        return None
    mean = float(values.mean())
    margin = t_quantile(0.5 + level / 2.0, len(values) - 1) * float(values.std(ddof=1))
    margin /= math.sqrt(len(values))
    return mean - margin, mean + margin


def prediction_interval(
    values: Floats, level: float = 0.95, *, num_examples: int | None = None
) -> tuple[float, float] | None:
    """Where one further run falls: ``mean ± t · sd · sqrt(1 + 1/S)``.

    The textbook prediction interval of a normal sample (Hahn & Meeker 1991, section 4.2). A
    published number comes from one run, so this, not the interval of the mean, is what it must
    be held against.

    Args:
        values: one value per finished run, shape (S,).
        level: probability with which it covers the next run.
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
    margin = t_quantile(0.5 + level / 2.0, size - 1) * sd * math.sqrt(1.0 + 1.0 / size)
    if num_examples is None:
        return mean - margin, mean + margin
    return max(0.0, mean - margin), min(1.0, mean + margin)


def test_interval(
    shares: Floats, num_examples: float, level: float = 0.95
) -> tuple[float, float] | None:
    """Where the true share of models trained like these lies, seen on one test set.

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
        level: two-sided coverage.

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
    tail = (1.0 - level) / 2.0
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


test_interval.__test__ = False  # type: ignore[attr-defined]  # not a test of pytest's
