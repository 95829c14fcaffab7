"""The decision procedure on many simulated studies at once; knows arrays only.

``decide`` handles one look at one stage; to measure how often it errs takes tens of thousands of
stages. This module runs the same rule over a whole array of them (no failed runs, costs in
candidate order). A test holds the two equal on random inputs, so what is measured here is what
users get.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.evidence.intervals import EQUIVALENCE_ALPHA, t_quantile, variance_factor
from bakeoff.evidence.rule import ERROR_SHARE, FEWEST_REPLICATES, SMALLEST_DELTA, Rule

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WINNER, TIE, UNDECIDED = 1, 2, 3


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What the rule said of each simulated study; arrays of shape (num_studies,).

    Attributes:
        kind: ``WINNER``, ``TIE`` or ``UNDECIDED``.
        leader, chosen: indices of candidates.
        num_replicates: S at which the verdict fell.
        num_runs: runs that the study took, all candidates together.
    """

    kind: Ints
    leader: Ints
    chosen: Ints
    num_replicates: Ints
    num_runs: Ints

    def share(self, kind: int) -> float:
        """Share of the studies that ended with this kind."""
        return float(np.mean(self.kind == kind))


def draw_arms(
    rng: np.random.Generator,
    means: Floats,
    sd: float,
    *,
    num_studies: int,
    num_replicates: int,
    correlation: float = 0.0,
) -> Floats:
    """Gaussian metrics of simulated candidates.

    Args:
        rng: where the numbers come from.
        means: true mean of each candidate, shape (K,).
        sd: of one candidate's metric between independent studies.
        num_studies: how many.
        num_replicates: S.
        correlation: between the replicates of one candidate within one study, as overlapping
            training parts cause it; Nadeau and Bengio's correction assumes
            n_val / (n_train + n_val), which is 1/12 for twelve folds.

    Returns:
        shape (num_studies, K, S).
    """
    means = np.asarray(means, np.float64)
    shape = (num_studies, len(means), num_replicates)
    values = rng.standard_normal(shape)
    if correlation:
        shared = rng.standard_normal((num_studies, len(means), 1))
        values = np.sqrt(1.0 - correlation) * values + np.sqrt(correlation) * shared
    return np.asarray(means[None, :, None] + sd * values)


def run_studies(values: Floats, rule: Rule, *, num_train: int, num_validation: int) -> Outcomes:
    """Runs the rule over every simulated study, look by look.

    Args:
        values: the metric (a share, higher is better), shape (num_studies, K, S) with S at least
            the rule's last look and K at least 2; candidate 0 is the cheapest, and so on.
        rule: see there.
        num_train, num_validation: examples per part, for the correction and the floor.
    """
    num_studies, num_candidates, _ = values.shape
    alive = np.ones((num_studies, num_candidates), np.bool_)
    kind = np.zeros(num_studies, np.int64)
    leader = np.zeros(num_studies, np.int64)
    chosen = np.zeros(num_studies, np.int64)
    ended = np.zeros(num_studies, np.int64)
    runs = np.zeros((num_studies, num_candidates), np.int64)
    for look in rule.looks:
        runs[(kind == 0)[:, None] & alive] = look
        open_ = np.flatnonzero(kind == 0)
        if not len(open_):
            break
        found = _look(
            values[open_, :, :look],
            alive[open_],
            runs[open_],
            rule,
            variance_factor(look, num_train, num_validation),
            num_validation,
            last=look == rule.looks[-1],
        )
        alive[open_] = found["alive"]
        kind[open_] = found["kind"]
        leader[open_] = found["leader"]
        chosen[open_] = found["chosen"]
        ended[open_] = look
    return Outcomes(kind, leader, chosen, ended, runs.sum(axis=1))


def _look(
    values: Floats,
    alive: NDArray[np.bool_],
    runs: Ints,
    rule: Rule,
    factor: float,
    num_validation: int,
    *,
    last: bool,
) -> dict[str, NDArray[Any]]:
    num_studies, num_candidates, num_replicates = values.shape
    rows = np.arange(num_studies)
    means = values.mean(axis=2)
    # gain[n, a, b] and se[n, a, b]: of a minus b. Eliminated candidates take no further part, so
    # that their values after elimination are computed here and never looked at.
    gain = means[:, :, None] - means[:, None, :]
    se = np.zeros_like(gain)
    for a, b in itertools.combinations(range(num_candidates), 2):
        spread = np.zeros(num_studies)
        if num_replicates > 1:
            spread = (values[:, a] - values[:, b]).std(axis=1, ddof=1)
        errors = np.maximum(0.0, 1.0 - means[:, a]) + np.maximum(0.0, 1.0 - means[:, b])
        floor = 0.5 * np.sqrt(errors / (2.0 * num_validation))
        se[:, a, b] = se[:, b, a] = np.maximum(spread, floor) * np.sqrt(factor)

    enough = num_replicates >= FEWEST_REPLICATES
    alpha = rule.alpha_per_look
    leader = np.where(alive, means, -np.inf).argmax(axis=1)
    delta = np.full(num_studies, rule.delta or 0.0)
    if rule.delta is None:
        delta = np.maximum(SMALLEST_DELTA, ERROR_SHARE * (1.0 - means[rows, leader]))

    out = np.zeros_like(alive)
    if enough:
        strict = t_quantile(1.0 - alpha / (num_candidates - 1) / 2.0, num_replicates - 1)
        beats = (gain - strict * se > 0.0) & alive[:, :, None] & alive[:, None, :]
        out = beats.any(axis=1) & alive
    still = alive & ~out
    others = still.copy()
    others[rows, leader] = False

    kind = np.zeros(num_studies, np.int64)
    chosen = leader.copy()
    lead_gain, lead_se = gain[rows, leader], se[rows, leader]
    if enough:
        quantile = t_quantile(1.0 - alpha / 2.0, num_replicates - 1)
        winner = ((lead_gain - quantile * lead_se > 0.0) | ~others).all(axis=1)
        kind[winner] = WINNER
        # A candidate beaten earlier is compared on the replicates it was given.
        prefix = np.cumsum(values, axis=2) / np.arange(1, num_replicates + 1)
        at = np.minimum(runs, num_replicates)[:, :, None] - 1
        own = np.take_along_axis(prefix, at, axis=2)[:, :, 0]
        leading = np.take_along_axis(prefix[rows, leader], at[:, :, 0], axis=1)
        chosen[winner] = _first(leading - own < delta[:, None])[winner]
    if last:
        open_ = kind == 0
        if enough:
            reach = t_quantile(1.0 - EQUIVALENCE_ALPHA, num_replicates - 1)
            inside = np.abs(gain) + reach * se < delta[:, None, None]
            inside |= ~(still[:, :, None] & still[:, None, :]) | np.eye(num_candidates, dtype=bool)
            tie = open_ & inside.all(axis=(1, 2))
            kind[tie] = TIE
            chosen[tie] = _first(still)[tie]
        undecided = kind == 0
        kind[undecided] = UNDECIDED
        chosen[undecided] = _first(still & (lead_gain <= lead_se))[undecided]
    return {"alive": still, "kind": kind, "leader": leader, "chosen": chosen}


def _first(mask: NDArray[np.bool_]) -> Ints:
    """Index of the first True per row: the cheapest, as costs rise with the index."""
    return np.asarray(mask.argmax(axis=1), np.int64)


def naive_false_winners(values: Floats, looks: tuple[int, ...]) -> float:
    """Share of two-candidate studies that an ordinary t test at each look calls decided.

    What many do by hand: a paired t test at 5 % after each batch of replicates, stopping as soon
    as it is significant. Its error rate is what the rule's has to be compared with.

    Args:
        values: shape (num_studies, 2, S).
        looks: numbers of replicates after which the test is made.
    """
    difference = values[:, 0] - values[:, 1]
    decided = np.zeros(len(values), np.bool_)
    for look in looks:
        d = difference[:, :look]
        se = d.std(axis=1, ddof=1) / np.sqrt(look)
        decided |= np.abs(d.mean(axis=1)) > t_quantile(0.975, look - 1) * se
    return float(decided.mean())
