"""What one look makes of a stage: the verdict, its pair, who goes on; knows a look, no arrays.

``verdicts`` compares the candidates and puts out who is beaten; here that becomes winner, tie or
undecided, the pair that decided, and the choice among those that are as good.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bakeoff.evidence import power, sentences
from bakeoff.evidence.intervals import turned
from bakeoff.evidence.look import Look
from bakeoff.evidence.rule import FEWEST_REPLICATES
from bakeoff.records import Comparison, Verdict, VerdictKind

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """Everything a verdict is made of: ``present`` are the survivors that have a number."""

    look: Look
    labels: tuple[str, ...]
    names: tuple[str, ...]
    costs: tuple[tuple[float, ...], ...]
    losses: Floats
    leader: int
    incumbent: int | None
    entrants: tuple[int, ...]
    survivors: tuple[int, ...]
    present: tuple[int, ...]
    eliminated: tuple[int, ...]
    lost_to: tuple[Comparison | None, ...]
    strict: float
    tuned: bool | Sequence[str]

    @property
    def failed(self) -> tuple[int, ...]:
        """Out because they failed more often, and those without a finished run; ascending."""
        out = [k for k, pair in zip(self.eliminated, self.lost_to, strict=True) if pair is None]
        return tuple(sorted([*out, *(k for k in self.survivors if k not in self.present)]))

    def comparisons(self, shown: Sequence[Comparison] = ()) -> tuple[Comparison, ...]:
        """Every pair; those that decided at the level at which they did."""
        decided = {
            frozenset((pair.first, pair.second)): pair
            for pair in [*(pair for pair in self.lost_to if pair is not None), *shown]
        }
        found = []
        for a, b in itertools.combinations(sorted({*self.entrants, *self.eliminated}), 2):
            pair = self.look.pair(a, b)
            if pair is None:
                continue
            special = decided.get(frozenset((a, b)))
            if special is not None:
                found.append(special if special.first == a else turned(special))
            else:
                found.append(self.look.with_equivalence(pair))
        return tuple(found)

    def goes_on(self, group: Sequence[int]) -> int:
        """Whom to carry on out of several that are as good.

        The cheapest; of those that cost the same the incumbent, then the leader, then who stands
        best. Who clearly fails more often than another of them is left out.
        """
        fine = [k for k in group if not any(self.look.fails_more(k, r) for r in group if r != k)]
        standing = self.look.standing(group)
        return min(
            fine or group,
            key=lambda k: (self.costs[k], k != self.incumbent, k != self.leader, -standing[k], k),
        )


def verdict_on(case: Case, last: bool) -> Verdict | None:
    """The verdict of a look; None where none falls and another look follows."""
    look, leader = case.look, case.leader
    if len(case.labels) == 1:
        return _make(case, "undecided", leader, None, provisional=False)
    enough = look.num_replicates >= FEWEST_REPLICATES
    alpha = look.rule.alpha_per_look
    others = [k for k in case.survivors if k != leader]
    if enough and all(look.beats(leader, k, alpha) for k in others):
        return _winner(case)
    if enough and len(case.present) > 1:
        ties = [look.tie(a, b) for a, b in itertools.combinations(case.present, 2)]
        if all(tie is not None and look.equivalent(tie.first, tie.second) for tie in ties):
            return _tie(case, [tie for tie in ties if tie is not None])
    if not last:
        return None
    return _make(case, "undecided", _provisional(case), _blocking(case))


def _winner(case: Case) -> Verdict:
    """The leader beat everyone; the cheapest of those that it beats by less than δ goes on."""
    look, leader = case.look, case.leader
    alpha = look.rule.alpha_per_look
    beaten = [k for k in case.survivors if k != leader]
    by_values = sorted(
        (k for k in beaten if look.better(leader, k, alpha)),
        key=lambda k: look.gain(leader, k),
    )
    by_failures = [k for k in beaten if k not in by_values]
    pairs = {k: look.with_equivalence(_pair(look, leader, k)) for k in by_values}
    near = [
        k
        for k in {*case.entrants, *case.eliminated} - {leader}
        if look.pair(leader, k) is not None and look.gain(leader, k) < look.delta
    ]
    near = [k for k in near if case.costs[k] < case.costs[leader]]
    # Who left early has no runs here: absent is not failed.
    near = [k for k in near if k not in case.survivors or not look.fails_more(k, leader)]
    near = [k for k in near if k not in by_failures and k not in case.failed]
    chosen = min(near, key=lambda k: (case.costs[k], look.gain(leader, k), k), default=leader)
    closest = pairs[by_values[0]] if by_values else None
    if closest is None:
        earlier = [pair for pair in case.lost_to if pair is not None and pair.first == leader]
        closest = min(earlier, key=lambda pair: abs(pair.mean), default=None)
    won = replace(
        case,
        survivors=(leader,),
        present=(leader,),
        eliminated=(*case.eliminated, *by_values, *by_failures),
        lost_to=(*case.lost_to, *(pairs[k] for k in by_values), *(None for _ in by_failures)),
    )
    return _make(won, "winner", chosen, closest)


def _pair(look: Look, a: int, b: int) -> Comparison:
    pair = look.pair(a, b)
    if pair is None:
        raise AssertionError("a candidate is only beaten on replicates that both finished")
    return pair


def _tie(case: Case, ties: Sequence[Comparison]) -> Verdict:
    ties = [replace(tie, equivalent=True) for tie in ties]
    widest = max(ties, key=lambda tie: max(abs(tie.low or 0.0), abs(tie.high or 0.0)))
    if case.look.rule.metric.sign * widest.mean < 0.0:
        widest = turned(widest)
    return _make(case, "tie", case.goes_on(case.present), widest, shown=ties)


def _blocking(case: Case) -> Comparison | None:
    """The pair of an undecided stage that is neither told apart nor shown to be equal.

    That of the leader and the rival closest to it; where those two are equal within ±δ, the pair
    that is farthest from it.
    """
    look, leader = case.look, case.leader
    rivals = [k for k in case.present if k != leader and look.pair(leader, k) is not None]
    if not rivals:
        return None
    first, second = leader, min(rivals, key=lambda k: (look.gain(leader, k), k))
    if look.gain(first, second) < 0.0:  # the leader stands best, not on the few these two share
        first, second = second, first
    if look.equivalent(first, second):
        pairs = [
            (a, b) if look.gain(a, b) >= 0.0 else (b, a)
            for a, b in itertools.combinations(case.present, 2)
            if look.pair(a, b) is not None and not look.equivalent(a, b)
        ]
        first, second = max(pairs, key=lambda ab: (look.gain(*ab), ab), default=(first, second))
    pair = look.with_equivalence(_pair(look, first, second))
    if look.better(first, second, look.rule.alpha_per_look):
        # It is not beaten at the stricter level that takes a candidate out.
        return look.at_level(pair, 1.0 - case.strict)
    return pair


def _provisional(case: Case) -> int:
    """The cheapest candidate within one standard error of the leader, or the incumbent.

    The rule of Breiman, Friedman, Olshen & Stone (1984), "Classification and regression trees",
    section 3.4.3, with the standard error of the paired difference. The incumbent stays where it
    was not beaten and costs no more than who would replace it.
    """
    look, leader = case.look, case.leader
    near = [leader]
    for k in case.present:
        pair = look.pair(leader, k) if k != leader else None
        if pair is not None and look.rule.metric.sign * pair.mean <= look.standard_error(pair):
            near.append(k)
    chosen, incumbent = case.goes_on(near), case.incumbent
    if incumbent is None or incumbent not in case.present or look.fails_more(incumbent, chosen):
        return chosen
    return incumbent if case.costs[incumbent] <= case.costs[chosen] else chosen


def _make(
    case: Case,
    kind: VerdictKind,
    chosen: int,
    pair: Comparison | None,
    *,
    provisional: bool = True,
    shown: Sequence[Comparison] = (),
) -> Verdict:
    look, rule, size = case.look, case.look.rule, case.look.num_replicates
    provisional = provisional and kind == "undecided"
    note = None
    if provisional and pair is not None:
        note = power.note(pair, rule=rule, sampling=look.sampling, delta=look.delta)
    if pair is not None:
        shown = [*shown, pair]
    verdict = Verdict(
        kind=kind,
        chosen=case.labels[chosen],
        leader=case.labels[case.leader],
        reason="",
        comparison=pair,
        comparisons=case.comparisons(shown),
        best=tuple(case.labels[k] for k in case.present),
        beaten=tuple(case.labels[k] for k in case.eliminated if k not in case.failed),
        failed=tuple(case.labels[k] for k in case.failed),
        num_replicates=size,
        metric=rule.metric.name,
        delta=look.delta,
        provisional=provisional,
        power_note=note,
        labels=case.labels,
        measure=rule.metric,
    )
    facts = sentences.Facts(
        names=case.names,
        enough=size >= FEWEST_REPLICATES,
        why=_why(case, chosen),
        lost_to=tuple(pair for pair in case.lost_to if pair is not None),
        loss_leader=_loss_leader(case),
        runs_failed=tuple(
            (k, size - done, size)
            for k in case.entrants
            if (done := int(look.finished[k].sum())) < size
        ),
        learned_nothing=tuple(
            k
            for k in case.entrants
            if rule.metric.share and look.sampling.learned_nothing(look.values[k, look.finished[k]])
        ),
        chance=look.sampling.chance,
        tuned=case.tuned,
    )
    return replace(verdict, reason=sentences.reason(verdict, facts))


def _why(case: Case, chosen: int) -> sentences.Why:
    """Why this one of the candidates that are as good goes on."""
    rivals = [k for k in case.present if k != chosen]
    if any(case.costs[chosen] < case.costs[k] for k in rivals):
        return "cheapest" if chosen != case.incumbent else "incumbent, cheapest"
    if chosen == case.incumbent:
        return "incumbent"
    return "leader" if chosen == case.leader else "first"


def _loss_leader(case: Case) -> int | None:
    """Who of this look has the lowest mean loss; None where losses are missing or deciding."""
    rows = [k for k in case.entrants if case.look.finished[k].any()]
    if case.look.rule.metric.name == "loss" or len(rows) < 2:
        return None
    shared = case.look.finished[rows].all(axis=0)
    means = case.losses[rows][:, shared].mean(axis=1) if shared.any() else np.array([np.nan])
    if not np.isfinite(means).all():
        return None
    best = rows[int(np.argmin(means))]
    if case.leader in rows and means[rows.index(case.leader)] == means.min():
        return case.leader
    return best
