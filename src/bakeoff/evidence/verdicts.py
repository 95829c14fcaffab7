"""The decision procedure: from paired numbers to winner, tie or undecided; knows arrays and records.

In words, with sources and measured error rates: ``docs/evidence.md``. In short, for a pair (a, b)
on S shared replicates with d = metric of a − metric of b::

    s  = max( sd(d), ½·sqrt((err_a + err_b) / (2·n_val)) )
    se = s · sqrt(1/S + n_val/n_train)
    a better than b  ⇔  mean(d) − t(1 − α/(2L), S−1) · se > 0        L looks, α = .05

The sentences of a verdict are made in ``sentences``; this module makes its numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.errors import RunsFailedError
from bakeoff.evidence import power, sentences
from bakeoff.evidence.look import Look
from bakeoff.evidence.rule import FEWEST_REPLICATES, default_delta
from bakeoff.evidence.rule import Rule as Rule
from bakeoff.records import Comparison, Verdict, VerdictKind

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Decision:
    """What one look found.

    Attributes:
        verdict: None means: go on to the next look.
        still_in: indices of the candidates that get more runs, ascending; with a verdict, those
            that were in it to the end.
        comparisons: every pair that shares a finished run, at the last look it was in.
        eliminated: indices of the candidates beaten so far, in order; give it to the next look
            as ``eliminated_before``.
        failed: indices of the candidates that are out because their runs failed.
    """

    verdict: Verdict | None
    still_in: tuple[int, ...]
    comparisons: tuple[Comparison, ...]
    eliminated: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()


def _usable(finished: Bools) -> bool:
    """Whether a candidate can compete: at least half of its runs finished, and at least one."""
    return bool(finished.any()) and 2 * int(finished.sum()) >= len(finished)


def decide(
    values: Floats,
    losses: Floats,
    *,
    finished: Bools,
    labels: Sequence[str],
    costs: Sequence[tuple[float, ...]],
    rule: Rule,
    num_replicates: int,
    still_in: Sequence[int],
    num_train: int,
    num_validation: int,
    eliminated_before: Sequence[int] = (),
    last: bool | None = None,
    tuned: bool | Sequence[str] = False,
) -> Decision:
    """One look: a verdict, or who gets more runs.

    Args:
        values: the metric, float64, shape (K, S_max), axes candidate, replicate; NaN where absent.
        losses: validation loss, same shape; the second metric, spoken of but never decisive.
        finished: bool, same shape; False for runs that failed or do not exist.
        labels: K names.
        costs: K tuples (number of parameters, operations per epoch, declared order); the smallest
            wins where candidates are equally good.
        rule: fixed before the runs.
        num_replicates: S of this look; only the first S columns are read.
        still_in: indices of the candidates that were given runs up to this look.
        num_train, num_validation: examples per part.
        eliminated_before: indices beaten at earlier looks, in order.
        last: True when no look follows; None for "S has reached the rule's last look".
        tuned: whether every candidate competes at its own tuned nuisances; or their names.

    Returns:
        the decision. A candidate with fewer than half of its runs finished is out as failed.

    Raises:
        RunsFailedError: no candidate is left; the message names each with its count.
        ValueError: arrays whose shapes do not agree.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 2 or not values.shape == np.shape(losses) == np.shape(finished):
        raise ValueError("`values`, `losses` and `finished` need one equal shape (K, S_max)")
    if not len(labels) == len(costs) == len(values):
        raise ValueError(f"`labels` and `costs` need {len(values)} entries, one per candidate")
    if last is None:
        last = num_replicates >= rule.looks[-1]
    values = values[:, :num_replicates]
    finished = np.asarray(finished, np.bool_)[:, :num_replicates] & np.isfinite(values)
    losses = np.asarray(losses, np.float64)[:, :num_replicates]

    beaten = list(eliminated_before)
    rivals = [k for k in sorted(still_in) if _usable(finished[k])]
    failed = tuple(k for k in range(len(values)) if k not in rivals and k not in beaten)
    if not rivals:
        counts = ", ".join(
            f"{labels[k]} ({int((~finished[k]).sum())} of {num_replicates} runs)" for k in failed
        )
        raise RunsFailedError(
            f"no verdict: the runs of every candidate left in the stage failed: {counts}; "
            "lower the learning rate or scale the inputs"
        )
    num_competing = len(rivals) + len(beaten)
    look = Look(values, finished, rule, num_train, num_validation)

    # Who is beaten is judged among all that came into this look, at a level that is stricter the
    # more rivals there are; the leader itself is never eliminated.
    leader = _leader(look, rivals, costs)
    strict = rule.alpha_per_look / max(1, num_competing - 1)
    out = [
        k
        for k in rivals
        if k != leader and any(look.beats(other, k, strict) for other in rivals if other != k)
    ]
    out.sort(key=lambda k: look.gain(leader, k), reverse=True)
    survivors = [k for k in rivals if k not in out]
    entrants, beaten = rivals, [*beaten, *out]
    case = _Case(
        look=look,
        labels=tuple(labels),
        costs=tuple(costs),
        losses=losses,
        delta=_delta(look, leader, rule),
        leader=leader,
        survivors=tuple(survivors),
        entrants=tuple(entrants),
        before=tuple(eliminated_before),
        eliminated=tuple(beaten),
        failed=failed,
        num_replicates=num_replicates,
        tuned=tuned,
    )
    verdict = _verdict(case, last)
    return Decision(
        verdict=verdict,
        still_in=tuple(survivors),
        comparisons=verdict.comparisons if verdict else case.comparisons(),
        eliminated=tuple(beaten),
        failed=failed,
    )


def _delta(look: Look, leader: int, rule: Rule) -> float:
    if rule.delta is not None:
        return rule.delta
    return default_delta(float(look.values[leader, look.finished[leader]].mean()), rule)


def _leader(look: Look, indices: Sequence[int], costs: Sequence[tuple[float, ...]]) -> int:
    """The best mean; among exactly equal ones the cheapest."""
    means = look.sign * look.means(indices, look.values)
    return min(zip(indices, means, strict=True), key=lambda item: (-item[1], costs[item[0]]))[0]


@dataclass(frozen=True)
class _Case:
    """Everything a verdict is made of."""

    look: Look
    labels: tuple[str, ...]
    costs: tuple[tuple[float, ...], ...]
    losses: Floats
    delta: float
    leader: int
    survivors: tuple[int, ...]
    entrants: tuple[int, ...]
    before: tuple[int, ...]
    eliminated: tuple[int, ...]
    failed: tuple[int, ...]
    num_replicates: int
    tuned: bool | Sequence[str]

    def comparisons(self) -> tuple[Comparison, ...]:
        competing = sorted({*self.entrants, *self.eliminated})
        pairs = (self.look.pair(a, b) for a, b in itertools.combinations(competing, 2))
        return tuple(
            self.look.with_equivalence(pair, self.delta) for pair in pairs if pair is not None
        )

    def cheapest(self, indices: Sequence[int]) -> int:
        return min(indices, key=lambda k: self.costs[k])

    def cheapest_or_leader(self, indices: Sequence[int]) -> int:
        """The cheapest; among those that cost the same the leader, not the first declared."""
        return min(indices, key=lambda k: (self.costs[k][:-1], k != self.leader, self.costs[k]))

    def closest_rival(self) -> int | None:
        """The rival nearest to the leader: among the survivors, else among those it just beat."""
        alpha = self.look.rule.alpha_per_look
        just_beaten = [k for k in self.entrants if self.look.beats(self.leader, k, alpha)]
        for group in (self.survivors, just_beaten, self.entrants, self.eliminated):
            others = [k for k in group if k != self.leader and self.look.pair(self.leader, k)]
            if others:
                return min(others, key=lambda k: (self.look.gain(self.leader, k), k))
        return None

    def loss_leader(self) -> int | None:
        """Who of this look has the lowest mean loss; None where losses are missing or deciding."""
        if self.look.rule.metric == "loss" or len(self.entrants) < 2:
            return None
        rows = list(self.entrants)
        shared = self.look.finished[rows].all(axis=0)
        means = self.losses[rows][:, shared].mean(axis=1) if shared.any() else np.array([np.nan])
        if not np.isfinite(means).all():
            return None
        best = rows[int(np.argmin(means))]
        return self.leader if means[rows.index(self.leader)] == means.min() else best


def _verdict(case: _Case, last: bool) -> Verdict | None:
    look, leader = case.look, case.leader
    if len(case.labels) == 1:
        return _make(case, "undecided", leader, None, provisional=False)
    enough = case.num_replicates >= FEWEST_REPLICATES
    alpha = look.rule.alpha_per_look
    if enough and all(look.beats(leader, k, alpha) for k in case.survivors if k != leader):
        rival = case.closest_rival()
        return _make(case, "winner", _carried_by_winner(case), rival)
    if not last:
        return None
    if enough and _all_equivalent(case):
        return _make(case, "tie", case.cheapest(case.survivors), case.closest_rival())
    return _make(case, "undecided", _one_standard_error_choice(case), case.closest_rival())


def _carried_by_winner(case: _Case) -> int:
    """The winner, or the cheapest of those that it beats by less than δ."""
    competing = {*case.entrants, *case.eliminated}
    near = [
        k for k in competing if k != case.leader and case.look.gain(case.leader, k) < case.delta
    ]
    near = [k for k in near if case.look.pair(case.leader, k) is not None]
    return case.cheapest_or_leader([case.leader, *near])


def _all_equivalent(case: _Case) -> bool:
    for a, b in itertools.combinations(case.survivors, 2):
        pair = case.look.pair(a, b)
        if pair is None or not case.look.with_equivalence(pair, case.delta).equivalent:
            return False
    return True


def _one_standard_error_choice(case: _Case) -> int:
    """The cheapest survivor within one standard error of the leader.

    The rule of Breiman, Friedman, Olshen & Stone (1984), "Classification and regression trees",
    section 3.4.3, with the standard error of the paired difference.
    """
    near = [case.leader]
    for k in case.survivors:
        pair = case.look.pair(case.leader, k) if k != case.leader else None
        if pair is not None and case.look.sign * pair.mean <= case.look.standard_error(pair):
            near.append(k)
    return case.cheapest_or_leader(near)


def _make(
    case: _Case, kind: VerdictKind, chosen: int, rival: int | None, *, provisional: bool = True
) -> Verdict:
    look, leader = case.look, case.leader
    other = rival if chosen == leader else chosen
    pair = None if other is None else look.pair(leader, other)
    if pair is not None:
        pair = look.with_equivalence(pair, case.delta)
    provisional = provisional and kind == "undecided"
    note = None
    if provisional and pair is not None:
        note = power.note(
            pair,
            metric=look.rule.metric,
            num_train=look.num_train,
            num_validation=look.num_validation,
            alpha=look.rule.alpha_per_look,
        )
    best, beaten = case.survivors, case.eliminated
    if kind == "winner":
        rest = [k for k in case.survivors if k != leader]
        best = (leader,)
        beaten = (*beaten, *sorted(rest, key=lambda k: look.gain(leader, k), reverse=True))
    verdict = Verdict(
        kind=kind,
        chosen=case.labels[chosen],
        leader=case.labels[leader],
        reason="",
        comparison=pair,
        comparisons=case.comparisons(),
        best=tuple(case.labels[k] for k in best),
        beaten=tuple(case.labels[k] for k in beaten),
        failed=tuple(case.labels[k] for k in case.failed),
        num_replicates=case.num_replicates,
        metric=look.rule.metric,
        delta=case.delta,
        provisional=provisional,
        power_note=note,
        labels=case.labels,
    )
    loss_leader = case.loss_leader()
    facts = sentences.Facts(
        higher_is_better=look.rule.higher_is_better,
        num_rivals=len({*case.entrants, *case.eliminated}) - 1,
        enough=case.num_replicates >= FEWEST_REPLICATES,
        loss_leader=None if loss_leader is None else case.labels[loss_leader],
        failed_runs=tuple(
            (case.labels[k], int((~look.finished[k]).sum()))
            for k in case.entrants
            if not look.finished[k].all()
        ),
        tuned=case.tuned,
    )
    return replace(verdict, reason=sentences.reason(verdict, facts))


def pin(verdict: Verdict, chosen_label: str) -> Verdict:
    """The same evidence with the author's choice carried on.

    Args:
        verdict: what the evidence says.
        chosen_label: what the author fixed in the study file.

    Returns:
        kind, comparisons and leader as they were; the sentence says where the author's choice
        and the evidence differ.

    Raises:
        ValueError: a label that the stage does not have.
    """
    if verdict.labels and chosen_label not in verdict.labels:
        raise ValueError(f"`carry` must name a candidate of the stage, but got {chosen_label!r}")
    pair: Any = None
    if verdict.labels and chosen_label != verdict.leader:
        ends = {verdict.labels.index(chosen_label), verdict.labels.index(verdict.leader)}
        for comparison in verdict.comparisons:
            if {comparison.first, comparison.second} == ends:
                pair = comparison
    return replace(
        verdict,
        chosen=chosen_label,
        pinned=True,
        provisional=False,
        reason=sentences.pinned(verdict, chosen_label, pair),
    )
