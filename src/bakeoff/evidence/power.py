"""What replicates can find: the power of the paired test and the notes made of it; knows numbers.

The statistic of a pair follows the noncentral t distribution with noncentrality
``Δ / (σ · sqrt(variance factor))`` when replicates are as correlated as the factor assumes (see
``docs/evidence.md``). With less correlation the true power is higher: these numbers promise too
little rather than too much. Only the last look is counted; earlier ones add a little.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from bakeoff import words
from bakeoff.evidence.intervals import t_quantile
from bakeoff.evidence.rule import FEWEST_REPLICATES, Rule, Sampling
from bakeoff.records import Comparison

TARGET_POWER = 0.8
"""Probability with which a difference should be found; the usual convention (Cohen 1988)."""

MOST_REPLICATES = 200
"""Where the search for a sufficient number of replicates ends."""

PRIOR_SEED_SD = 0.0015
"""Seed-to-seed sd of one candidate's accuracy: the middle of the sds in section "Measured
spreads" of ``docs/evidence.md`` (MNIST: .0010 to .0018)."""

PRIOR_ERROR = 0.05
"""Error share assumed of a reasonable candidate before anything is known of the data."""


def prior_sd(num_examples: float) -> float:
    """The sd of a paired difference of accuracies to expect before any run.

    Two seeds' worth of training noise, and binomial sampling of the validation part when each
    candidate's errors are half its own: ``sqrt(2 · .0015² + error / n_eff)``.

    Args:
        num_examples: validation examples that a value rests on.
    """
    return math.sqrt(2.0 * PRIOR_SEED_SD**2 + PRIOR_ERROR / num_examples)


def power(
    difference: float, sd: float, num_replicates: int, *, sampling: Sampling, alpha: float
) -> float:
    """Probability that a true difference is found at one look.

    Args:
        difference: true mean difference, in units of the metric; its sign does not matter.
        sd: of the paired difference between replicates, above 0.
        num_replicates: S; below 2 nothing can be found.
        alpha: two-sided level of the look, such as .0125.
    """
    if num_replicates < 2:
        return 0.0
    df = num_replicates - 1
    noncentrality = abs(difference) / (sd * math.sqrt(sampling.variance_factor(num_replicates)))
    return _beyond(t_quantile(1.0 - alpha / 2.0, df), df, noncentrality)


def _beyond(quantile: float, df: int, noncentrality: float) -> float:
    """Probability that a noncentral t exceeds a quantile."""
    # Past this the noncentral t is a normal far to the right of the quantile's reach.
    if noncentrality > 37.0 and noncentrality > 2.0 * quantile:
        return 1.0
    from scipy import special

    return 1.0 - float(special.nctdtr(df, noncentrality, quantile))


def _fewest(enough: Callable[[int], bool], most: int = MOST_REPLICATES) -> int | None:
    """The smallest number of replicates that is enough, if being enough lasts; else None."""
    if not enough(most):
        return None
    low, high = 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def replicates_needed(
    difference: float,
    sd: float,
    *,
    sampling: Sampling,
    alpha: float,
    most: int = MOST_REPLICATES,
) -> int | None:
    """Fewest replicates that probably (80 %) find a true difference.

    Returns:
        None where even ``most`` are too few. What the variance factor adds to 1/S does not shrink
        with S, so for small differences no number of replicates is enough.
    """
    if difference == 0.0:
        return None
    return _fewest(
        lambda size: power(difference, sd, size, sampling=sampling, alpha=alpha) >= TARGET_POWER,
        most,
    )


def tie_replicates_needed(
    difference: float, sd: float, *, delta: float, sampling: Sampling, alpha: float
) -> int | None:
    """Fewest replicates that probably (80 %) show two candidates to be equal within ±delta.

    Args: as in ``power``, but ``alpha`` is the one-sided level of the test for ties.
    """

    def enough(size: int) -> bool:
        if size < FEWEST_REPLICATES:
            return False
        quantiles = t_quantile(1.0 - alpha, size - 1) + t_quantile(TARGET_POWER, size - 1)
        unit = sd * math.sqrt(sampling.variance_factor(size))
        return abs(difference) + quantiles * unit < delta

    return _fewest(enough)


def detectable_difference(
    num_replicates: int, sd: float, *, sampling: Sampling, alpha: float
) -> float | None:
    """Smallest true difference that is probably (80 %) found.

    Args: as in ``power``.

    Returns:
        in units of the sd; None below two replicates, where nothing can be found.
    """
    if num_replicates < 2:
        return None
    if sd == 0.0:
        return 0.0
    df = num_replicates - 1
    quantile = t_quantile(1.0 - alpha / 2.0, df)
    low, high = 0.0, quantile
    while _beyond(quantile, df, high) < TARGET_POWER:
        low, high = high, 2.0 * high
    for _ in range(60):
        middle = 0.5 * (low + high)
        enough = _beyond(quantile, df, middle) >= TARGET_POWER
        low, high = (low, middle) if enough else (middle, high)
    return sd * math.sqrt(sampling.variance_factor(num_replicates)) * high


def expected_reach(rule: Rule, sampling: Sampling) -> float | None:
    """The smallest difference a study will probably find at its last look, before any run.

    Only for a share whose examples are known: of any other metric nothing is known of its spread
    before the first run.
    """
    if not rule.metric.share or not sampling.num_effective or rule.looks[-1] < FEWEST_REPLICATES:
        return None
    return detectable_difference(
        rule.looks[-1],
        prior_sd(sampling.num_effective),
        sampling=sampling,
        alpha=rule.alpha_per_look,
    )


def note(pair: Comparison, *, rule: Rule, sampling: Sampling, delta: float) -> str:
    """What more replicates would do for an undecided comparison, in one or two sentences."""
    if pair.sd is None:
        return "One replicate shows no spread; 3 are the fewest that can give a verdict."
    if pair.sd == 0.0:
        return "The replicates do not differ at all: there is no spread to measure power by."
    seen, alpha = abs(pair.mean), rule.alpha_per_look
    found = detectable_difference(pair.num_replicates, pair.sd, sampling=sampling, alpha=alpha)
    text = (
        f"{words.plural(pair.num_replicates, 'replicate')} would probably (80 %) have found a "
        f"difference of {words.difference(found or 0.0, rule.metric)}"
    )
    if seen < delta:
        needed = tie_replicates_needed(
            pair.mean,
            pair.sd,
            delta=delta,
            sampling=sampling,
            alpha=rule.tie_alpha(rule.looks[-1]),
        )
        goal = f"show that the two differ by less than {words.difference(delta, rule.metric)}"
    else:
        needed = replicates_needed(pair.mean, pair.sd, sampling=sampling, alpha=alpha)
        goal = f"decide the {words.difference(seen, rule.metric)} seen here"
    if needed is None:
        return f"{text}; to {goal} takes more data, not more replicates."
    if needed <= pair.num_replicates:
        return f"{text}; a few more replicates would probably {goal}."
    return f"{text}; about {needed} would probably {goal}."
