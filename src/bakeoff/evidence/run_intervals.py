"""Intervals of single models: where one more run falls, and what a test part says of its models."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bakeoff.evidence.intervals import t_quantile

Floats = NDArray[np.float64]


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


def error_interval(
    values: Floats, losses: Floats, num_examples: int, *, root: bool, level: float = 0.95
) -> tuple[float, float] | None:
    """Where the true error of models trained like these lies, seen on one test set.

    As ``test_interval``, for errors that are no shares. Both margins are of the logarithm, because
    errors are positive and squared ones lean far to the right: Student's interval of the mean over
    test examples, carried over by the delta method, and that over refits.

    Args:
        values: the test error of each refit, positive, shape (R,), such as its rmse.
        losses: what the delivered model loses by each of some test examples, shape (n,): squared
            errors, or absolute ones.
        num_examples: test examples, of which ``losses`` may hold only some.
        root: whether the error is the root of the mean of losses.
        level: two-sided coverage.

    Returns:
        (low, high); None without a refit, with fewer than two examples, or without any error.
    """
    values, losses = np.asarray(values, np.float64), np.asarray(losses, np.float64)
    if not len(values) or len(losses) < 2 or not losses.mean() > 0.0 or not values.min() > 0.0:
        return None
    tail = (1.0 - level) / 2.0
    spread = float(losses.std(ddof=1) / losses.mean()) / math.sqrt(num_examples)
    margin = t_quantile(1.0 - tail, len(losses) - 1) * spread * (0.5 if root else 1.0)
    mean, refits = float(values.mean()), 0.0
    if len(values) > 1:
        refits = t_quantile(1.0 - tail, len(values) - 1) * float(values.std(ddof=1)) / mean
        refits /= math.sqrt(len(values))
    factor = math.exp(math.hypot(margin, refits))
    return mean / factor, mean * factor


test_interval.__test__ = False  # type: ignore[attr-defined]  # not a test of pytest's
