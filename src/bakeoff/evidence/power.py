"""What a number of replicates can find; knows the t test of ``intervals``, nothing of stages.

The corrected statistic mean / (s · sqrt(1/S + n_val/n_train)) follows Student's t with S − 1
degrees of freedom under no difference, and the noncentral t with

    noncentrality = difference / (sd · sqrt(1/S + n_val/n_train))

under a true one, when replicates are as correlated as the correction assumes (see
``docs/evidence.md``). With less correlation the true power is higher: these numbers promise too
little rather than too much. Only the last look is counted; earlier ones add a little.
"""

from __future__ import annotations

import math

from bakeoff.evidence import wording
from bakeoff.evidence.intervals import t_quantile, variance_factor
from bakeoff.records import Comparison

TARGET_POWER = 0.8
"""Probability with which a difference should be found; the usual convention (Cohen 1988)."""

DEFAULT_ALPHA = 0.0125
"""Level of one of the four looks of the default rule."""

MOST_REPLICATES = 200
"""Where the search for a sufficient number of replicates ends."""

PRIOR_SEED_SD = 0.0015
"""Seed-to-seed sd of one candidate's accuracy: the middle of the sds in section "Measured
spreads" of ``docs/evidence.md`` (MNIST: .0010 to .0018)."""

PRIOR_ERROR = 0.05
"""Error share assumed of a reasonable candidate before anything is known of the data."""


def prior_sd(num_validation: int, error: float = PRIOR_ERROR) -> float:
    """The sd of a paired difference of accuracies to expect before any run.

    Two seeds' worth of training noise, and binomial sampling of the validation part when each
    candidate's errors are half its own: ``sqrt(2 · .0015² + error / n_val)``.

    Args:
        num_validation: validation examples per replicate.
        error: error share of the candidates.
    """
    return math.sqrt(2.0 * PRIOR_SEED_SD**2 + error / num_validation)


def power(
    difference: float,
    sd: float,
    num_replicates: int,
    *,
    num_train: int,
    num_validation: int,
    alpha: float,
) -> float:
    """Probability that a true difference is found at one look.

    Args:
        difference: true mean difference, in units of the metric; its sign does not matter.
        sd: of the paired difference between replicates, above 0.
        num_replicates: S; below 2 nothing can be found.
        num_train, num_validation: examples per part.
        alpha: two-sided level of the look, such as .0125.
    """
    if num_replicates < 2:
        return 0.0
    df = num_replicates - 1
    noncentrality = abs(difference) / (
        sd * math.sqrt(variance_factor(num_replicates, num_train, num_validation))
    )
    quantile = t_quantile(1.0 - alpha / 2.0, df)
    # Past this the noncentral t is a normal far to the right of the quantile's reach.
    if noncentrality > 37.0 and noncentrality > 2.0 * quantile:
        return 1.0
    from scipy import special

    return 1.0 - float(special.nctdtr(df, noncentrality, quantile))


def replicates_needed(
    difference: float,
    sd: float,
    *,
    num_train: int,
    num_validation: int,
    alpha: float,
    target: float = TARGET_POWER,
    most: int = MOST_REPLICATES,
) -> int | None:
    """Fewest replicates that find a true difference with the target probability.

    Returns:
        None where even ``most`` are too few. The correction for overlapping training parts does
        not shrink with S, so for small differences no number of replicates is enough.
    """
    if difference == 0.0:
        return None

    def enough(num_replicates: int) -> bool:
        found = power(
            difference,
            sd,
            num_replicates,
            num_train=num_train,
            num_validation=num_validation,
            alpha=alpha,
        )
        return found >= target

    if not enough(most):
        return None
    low, high = 1, most  # power rises with S: bisection keeps `high` enough and `low` not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def detectable_difference(
    num_replicates: int,
    sd: float | None = None,
    *,
    num_train: int,
    num_validation: int,
    alpha: float = DEFAULT_ALPHA,
    target: float = TARGET_POWER,
) -> float | None:
    """Smallest true difference that is found with the target probability.

    Args:
        num_replicates: S.
        sd: of the paired difference between replicates; None for ``prior_sd``.
        num_train, num_validation: examples per part.
        alpha: two-sided level of the look.
        target: the probability.

    Returns:
        in units of the sd (of an accuracy where it was left out); None below two replicates,
        where nothing can be found.
    """
    if sd is None:
        sd = prior_sd(num_validation)
    if num_replicates < 2:
        return None
    if sd == 0.0:
        return 0.0
    df = num_replicates - 1
    unit = sd * math.sqrt(variance_factor(num_replicates, num_train, num_validation))
    quantile = t_quantile(1.0 - alpha / 2.0, df)

    def found(noncentrality: float) -> float:
        from scipy import special

        return 1.0 - float(special.nctdtr(df, noncentrality, quantile))

    low, high = 0.0, quantile
    while found(high) < target:
        low, high = high, 2.0 * high
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if found(middle) >= target else (middle, high)
    return unit * high


def note(
    pair: Comparison,
    *,
    metric: str,
    num_train: int,
    num_validation: int,
    alpha: float,
) -> str:
    """What more replicates would do for an undecided comparison, in one or two sentences."""
    if pair.sd is None:
        return "One replicate shows no spread; 3 are the fewest that can give a verdict."
    if pair.sd == 0.0:
        return "The replicates do not differ at all: there is no spread to measure power by."
    detectable = detectable_difference(
        pair.num_replicates,
        pair.sd,
        num_train=num_train,
        num_validation=num_validation,
        alpha=alpha,
    )
    needed = replicates_needed(
        pair.mean,
        pair.sd,
        num_train=num_train,
        num_validation=num_validation,
        alpha=alpha,
    )
    text = (
        f"{wording.count(pair.num_replicates, 'replicate')} would probably (80 %) have found a "
        f"difference of {wording.amount(detectable or 0.0, metric)}"
    )
    if needed is None:
        return (
            f"{text}; no number of replicates on this much data would probably decide one of "
            f"{wording.amount(abs(pair.mean), metric)}: only more data would."
        )
    if needed <= pair.num_replicates:
        return f"{text}; a few more replicates would probably decide this one."
    return (
        f"{text}; about {needed} would be needed for the "
        f"{wording.amount(abs(pair.mean), metric)} seen here."
    )
