"""The chain audit's judgement: which swaps deserve a test, what it shows, what it could have shown.

A chain of stages never asks whether an early choice is still right after the later ones. The
audit does: it swaps one choice at a time at the final settings (``evidence.swaps``). All swaps
are screened on a few replicates; the best are then trained on the *other* replicates, and only
those decide. The best of many is ahead by luck, but its luck does not follow it to replicates that
had no part in choosing it, so that the few tests there share alpha among themselves alone. Knows
arrays and records; the driver trains.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bakeoff import words
from bakeoff.evidence.intervals import gain, paired_comparison, t_quantile, turned
from bakeoff.evidence.power import detectable_difference
from bakeoff.evidence.rule import FEWEST_REPLICATES, Rule, Sampling, sampling_of_result
from bakeoff.evidence.sentences import interval
from bakeoff.records import AuditSwap, Comparison, StudyResult
from bakeoff.tasks.classification import metric_of

Floats = NDArray[np.float64]

ROUNDING = 1e-9
"""Share of the gains below which their spread is the rounding of numbers."""

SCREENING_REPLICATES = 3
"""On these all swaps are compared."""

MOST_CONFIRMED = 3
"""How many of the best are tested on the other replicates."""


@dataclass(frozen=True, slots=True)
class SwapJudgement:
    """What was found of one swap.

    Attributes:
        comparison: swapped minus final (first = 1, second = 0); without an interval where the
            swap was only screened; None without a replicate that both finished.
        confirmed: as in ``AuditSwap``.
        sentence: the finding in words.
    """

    comparison: Comparison | None
    confirmed: bool | None
    sentence: str


def replicates_of(num_replicates: int) -> tuple[int, int]:
    """How many replicates screen the swaps and how many others confirm the best.

    Screening gets three, or fewer where fewer than three would be left to confirm; with three or
    fewer in all nothing can be confirmed.
    """
    if num_replicates <= FEWEST_REPLICATES:
        return num_replicates, 0
    screening = min(SCREENING_REPLICATES, num_replicates - FEWEST_REPLICATES)
    return screening, num_replicates - screening


def screen(final: Floats, swaps: Sequence[Floats], rule: Rule) -> tuple[int, ...]:
    """Indices of the swaps that deserve a test, best first: ahead at all, at most three.

    A swap whose runs failed more often than those of the final settings is not among them.

    Args:
        final: the metric on the screening replicates, shape (S,), NaN where a run failed.
        swaps: the same of every swap.
    """
    means = {}
    for number, values in enumerate(swaps):
        gains = _gains(final, values, rule)
        if np.isfinite(gains).any() and _num_failed(values) <= _num_failed(final):
            means[number] = float(np.nanmean(gains))
    ahead = sorted((k for k in means if means[k] > 0.0), key=lambda k: (-means[k], k))
    return tuple(ahead[:MOST_CONFIRMED])


def screened(final: Floats, swap: Floats, *, label: str, rule: Rule, best: bool) -> SwapJudgement:
    """What is said of a swap that was not tested.

    Args:
        final, swap: as in ``screen``.
        best: whether it would have been tested if there were more replicates.
    """
    what = f"At the final settings, `{label}`"
    gains = _gains(final, swap, rule)
    shared = gains[np.isfinite(gains)]
    if not len(shared):
        why = _failures(swap)
        if not _num_failed(swap):
            why = f"{_failures(final)} of the final settings"
        return SwapJudgement(None, None, f"{what} could not be compared: {why}.")
    mean, fails_more = float(shared.mean()), _num_failed(swap) > _num_failed(final)
    sd = float(shared.std(ddof=1)) if len(shared) > 1 else None
    level = 1.0 - rule.alpha / MOST_CONFIRMED
    pair = Comparison(
        1, 0, len(shared), rule.metric.sign * mean, sd, se=None, low=None, high=None, level=level
    )
    failing = f" and {_failures(swap)}" if fails_more else ""
    ending = "the choice stands"
    if best:
        ending = "worth a closer look, for which there were too few replicates"
    elif mean > 0.0 and not fails_more:
        ending = f"not among the {MOST_CONFIRMED} best, so not looked at closer"
    place = f"{_place(mean, rule)} over {words.plural(len(shared), 'replicate')}"
    return SwapJudgement(pair, None, f"{what} was {place}{failing}: {ending}.")


def confirm(
    final: Floats,
    swaps: Sequence[Floats],
    *,
    labels: Sequence[str],
    rule: Rule,
    sampling: Sampling,
) -> list[SwapJudgement]:
    """Tests the best swaps against the final settings on replicates that did not choose them.

    A two-sided corrected t test each, at alpha divided by their number (Bonferroni). A spread is
    estimated from few replicates, so each swap's variance is the mean of its own and of that of
    all swaps tested, whose degrees of freedom add up (as variances are shrunk in Smyth 2004,
    "Linear models and empirical Bayes methods", here with equal weights); the correction for
    overlapping training parts stays, because what a swap owes to this data set may have chosen it.

    Args:
        final: the metric on the confirming replicates, shape (S,), NaN where a run failed.
        swaps: the same of every swap tested.
        sampling: how the replicates were drawn.
    """
    level = 1.0 - rule.alpha / max(1, len(swaps))
    sampling = sampling.overlapping()
    pairs: list[Comparison | None] = []
    for values in swaps:
        both = np.isfinite(final) & np.isfinite(values)
        pair = None
        if both.any():
            pair = paired_comparison(
                values[both],
                final[both],
                first=1,
                second=0,
                sampling=sampling,
                level=level,
                share=rule.metric.share,
            )
        pairs.append(pair)
    spread = [(pair.sd, pair.num_replicates - 1) for pair in pairs if pair and pair.sd is not None]
    degrees = sum(df for _, df in spread)
    pooled = sum(sd**2 * df for sd, df in spread) / max(1, degrees)
    judged = []
    for values, pair, label in zip(swaps, pairs, labels, strict=True):
        if pair is None:
            judged.append(screened(final, values, label=label, rule=rule, best=False))
            continue
        if pair.sd is not None:
            sd = math.sqrt((pair.sd**2 + pooled) / 2.0)
            se = sd * math.sqrt(sampling.variance_factor(pair.num_replicates))
            reach = t_quantile(0.5 + level / 2.0, degrees) * se
            pair = replace(pair, sd=sd, se=se, low=pair.mean - reach, high=pair.mean + reach)
        judged.append(_confirmed(final, values, pair, label, rule))
    return judged


def _confirmed(
    final: Floats, values: Floats, pair: Comparison, label: str, rule: Rule
) -> SwapJudgement:
    better = gain(pair, rule.metric)
    shown = turned(pair) if better.mean < 0.0 else pair  # the interval of what is said
    text = (
        f"t the final settings, `{label}` was {_place(better.mean, rule)} over "
        f"{words.plural(pair.num_replicates, 'further replicate')} ({interval(shown, rule.metric)})"
    )
    if _num_failed(values) > _num_failed(final):
        return SwapJudgement(pair, False, f"A{text}, but {_failures(values)}: the choice stands.")
    if pair.num_replicates >= FEWEST_REPLICATES and (better.low or 0.0) > 0.0:
        text = f"Interaction: a{text}. A later choice made the earlier one wrong."
        return SwapJudgement(pair, True, text)
    return SwapJudgement(pair, False, f"A{text}: not enough to overturn the choice.")


def untried(label: str, why: str | None) -> SwapJudgement:
    """What is said of a swap whose settings exclude each other."""
    return SwapJudgement(None, None, f"At the final settings, `{label}` could not be tried: {why}.")


def summary(result: StudyResult) -> tuple[str, ...]:
    """What the whole audit found and what it could have found, one sentence each; () without."""
    swaps = result.audit
    if not swaps:
        return ()
    screening, confirming = replicates_of(result.looks[-1])
    tested = [swap for swap in swaps if swap.confirmed is not None]
    compared = [swap for swap in swaps if swap.comparison is not None]
    said = [
        f"{words.plural(len(swaps), 'earlier choice')} "
        f"{'was' if len(swaps) == 1 else 'were'} swapped back at the final settings, one at a time: "
        f"{len(compared)} compared over {words.plural(screening, 'replicate')}, "
        f"{f'the best {len(tested)}' if tested else 'none'} tested on "
        f"{words.plural(confirming, 'other')}."
    ]

    def listed(beginning: str, some: Iterable[AuditSwap]) -> list[str]:
        labels = [f"`{swap.label}`" for swap in some]
        return [f"{beginning}: {words.listing(labels)}."] if labels else []

    better = listed("Better than the final settings", filter(lambda swap: swap.confirmed, swaps))
    if not better and confirming and compared:
        found = _could_have_found(result, [swap.comparison for swap in (tested or compared)])
        reach = f"; one better by {found} would probably (80 %) have been found" if found else ""
        said.append(f"None was shown to be better than the final settings{reach}.")
    elif not better and compared:
        said.append(
            f"{words.plural(screening, 'replicate')} cannot show that any is better: "
            f"{FEWEST_REPLICATES + 1} are the fewest that can, and "
            f"{FEWEST_REPLICATES + SCREENING_REPLICATES} or more are needed to find much."
        )
    failed = [swap for swap in swaps if swap.comparison is None and swap.runs]
    excluded = [swap for swap in swaps if swap.candidate is None]
    said += better
    said += listed("Could not be compared, because runs failed", failed)
    said += listed("Could not be tried, because settings exclude each other", excluded)
    return tuple(said)


def closest(result: StudyResult) -> AuditSwap | None:
    """The swap that came closest to the final settings without beating them; tested ones first."""
    sign = metric_of(result).sign
    near = [
        (swap.confirmed is not None, sign * swap.comparison.mean, -number, swap)
        for number, swap in enumerate(result.audit)
        if not swap.confirmed and swap.comparison is not None
    ]
    return max(near)[-1] if near else None


def _could_have_found(result: StudyResult, pairs: Sequence[Comparison | None]) -> str | None:
    """The smallest gain that the confirmation finds with probability .8, in words."""
    sds = [pair.sd for pair in pairs if pair is not None and pair.sd is not None]
    if not sds:
        return None
    difference = detectable_difference(
        replicates_of(result.looks[-1])[1],
        float(np.median(sds)),
        sampling=sampling_of_result(result).overlapping(),
        alpha=Rule().alpha / MOST_CONFIRMED,
    )
    if not difference or difference < ROUNDING * max(abs(pair.mean) for pair in pairs if pair):
        return None  # replicates that do not differ at all have no spread to find anything by
    return words.difference(difference, metric_of(result))


def _gains(final: Floats, swap: Floats, rule: Rule) -> Floats:
    """By how much the swap is better on each replicate, NaN where either run failed."""
    return np.asarray(rule.metric.sign * (swap - final), np.float64)


def _num_failed(values: Floats) -> int:
    return int(np.count_nonzero(~np.isfinite(values)))


def _failures(values: Floats) -> str:
    return f"{_num_failed(values)} of {words.plural(len(values), 'run')} failed"


def _place(gain: float, rule: Rule) -> str:
    """``ahead by 0.52 points``, ``behind by …``, or ``level`` where no digit shown is not 0."""
    amount = words.difference(abs(gain), rule.metric)
    if not amount.strip("0. points"):
        return "level"
    return f"{'ahead' if gain > 0.0 else 'behind'} by {amount}"
