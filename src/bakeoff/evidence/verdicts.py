"""The decision procedure: from paired numbers to winner, tie or undecided; knows arrays and records.

In words, with sources and measured error rates: ``docs/evidence.md``. In short, for a pair (a, b)
on the S replicates that both finished, with d = metric of a − metric of b::

    s  = max( sd(d), floor )                   ``intervals.floor_sd``
    se = s · sqrt(variance factor)             ``Sampling.variance_factor``: 1/S + ρ/(1 − ρ) on folds
    a better than b  ⇔  mean(d) − t(1 − α/(2L), S−1) · se > 0        L looks, α = .05

``outcome`` makes the verdict of it, ``sentences`` its words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bakeoff.errors import RunsFailedError
from bakeoff.evidence import sentences
from bakeoff.evidence.look import Look
from bakeoff.evidence.outcome import Case, verdict_on
from bakeoff.evidence.rule import FEWEST_REPLICATES, default_delta
from bakeoff.evidence.rule import Rule as Rule
from bakeoff.evidence.rule import Sampling as Sampling
from bakeoff.records import Comparison, Verdict

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Decision:
    """What one look found; give it to the next look as ``before``.

    Attributes:
        verdict: None means: go on to the next look.
        still_in: indices of the candidates that get more runs, ascending; with a verdict, those
            that were in it to the end.
        comparisons: every pair that shares a finished run, at the last look it was in.
        eliminated: indices of the candidates that are out, in the order in which they left.
        lost_to: by what each of them is out: the comparison with the one that beat it, at the
            level of the test; None where it failed more often instead.
        failed: indices of the candidates that are out because their runs failed, or that have not
            finished one.
        delta: smallest difference that matters, frozen at the first look; None before.
    """

    verdict: Verdict | None
    still_in: tuple[int, ...]
    comparisons: tuple[Comparison, ...] = ()
    eliminated: tuple[int, ...] = ()
    lost_to: tuple[Comparison | None, ...] = ()
    failed: tuple[int, ...] = ()
    delta: float | None = None


def decide(
    values: Floats,
    losses: Floats,
    *,
    finished: Bools,
    labels: Sequence[str],
    costs: Sequence[tuple[float, ...]],
    rule: Rule,
    sampling: Sampling,
    num_replicates: int,
    before: Decision | None = None,
    last: bool | None = None,
    tuned: bool | Sequence[str] = False,
    names: Sequence[str] | None = None,
    incumbent: int | None = None,
) -> Decision:
    """One look: a verdict, or who gets more runs.

    Args:
        values: the metric, float64, shape (K, S_max), axes candidate, replicate; NaN where absent.
        losses: validation loss, same shape; the second metric, spoken of but never decisive; all
            NaN where there is none.
        finished: bool, same shape; False for runs that failed or do not exist.
        labels: K names, as in the records.
        costs: K tuples, compared from the left (parameters, operations); all empty where nothing
            is known of what a candidate costs.
        rule: fixed before the runs.
        sampling: how the replicates were drawn.
        num_replicates: S of this look; only the first S columns are read.
        before: what the look before found; None at the first.
        last: True when no look follows; None for "S has reached the rule's last look".
        tuned: whether every candidate competes at its own tuned nuisances; or their names.
        names: K names for running text, such as ``learning_rate 1``; None for the labels.
        incumbent: index of the candidate that was carried in, or None.

    Raises:
        RunsFailedError: no run of any candidate gave a number; the message names each.
        ValueError: arrays whose shapes do not agree.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 2 or not values.shape == np.shape(losses) == np.shape(finished):
        raise ValueError("`values`, `losses` and `finished` need one equal shape (K, S_max)")
    if not len(labels) == len(costs) == len(values) == len(names or labels):
        raise ValueError(f"`labels` and `costs` need {len(values)} entries, one per candidate")
    if last is None:
        last = num_replicates >= rule.looks[-1]
    values = values[:, :num_replicates]
    finished = np.asarray(finished, np.bool_)[:, :num_replicates] & np.isfinite(values)
    before = before or Decision(None, tuple(range(len(values))))
    rivals = before.still_in
    present = [k for k in rivals if finished[k].any()]
    if not present:
        if last or num_replicates >= FEWEST_REPLICATES:
            raise _nothing_finished(rivals, labels, num_replicates)
        return replace(before, failed=rivals)

    look = Look(values, finished, rule, sampling, _delta(values, finished, present, before, rule))
    leader = _leader(look, rivals, present, costs)
    # Who is out is judged at a level that is stricter the more candidates there are.
    strict = rule.alpha_per_look / max(1, len(values) - 1)
    eliminated, lost_to = list(before.eliminated), list(before.lost_to)
    out = [k for k in rivals if k != leader and any(look.beats(r, k, strict) for r in rivals)]
    for k in sorted(out, key=lambda k: look.gain(leader, k) if k in present else np.inf):
        eliminated.append(k)
        lost_to.append(_beater(look, rivals, leader, k, strict))
    survivors = tuple(k for k in rivals if k not in out)
    case = Case(
        look=look,
        labels=tuple(labels),
        names=tuple(names or labels),
        costs=tuple(costs),
        losses=np.asarray(losses, np.float64)[:, :num_replicates],
        leader=leader,
        incumbent=incumbent,
        entrants=rivals,
        survivors=survivors,
        present=tuple(k for k in survivors if k in present),
        eliminated=tuple(eliminated),
        lost_to=tuple(lost_to),
        strict=strict,
        tuned=tuned,
    )
    verdict = verdict_on(case, last)
    return Decision(
        verdict=verdict,
        still_in=survivors,
        comparisons=verdict.comparisons if verdict else case.comparisons(),
        eliminated=case.eliminated,
        lost_to=case.lost_to,
        failed=case.failed,
        delta=look.delta,
    )


def _nothing_finished(
    rivals: Sequence[int], labels: Sequence[str], num_replicates: int
) -> RunsFailedError:
    counts = ", ".join(f"{labels[k]} ({num_replicates} of {num_replicates} runs)" for k in rivals)
    return RunsFailedError(f"no verdict: not one run gave a number: {counts}")


def _delta(
    values: Floats, finished: Bools, present: Sequence[int], before: Decision, rule: Rule
) -> float:
    """The author's δ, or the default at the first look with a number, kept from then on."""
    if rule.delta is not None:
        return rule.delta
    if before.delta is not None:
        return before.delta
    means = [float(values[k, finished[k]].mean()) for k in present]
    best = max(means) if rule.metric.higher_is_better else min(means)
    return default_delta(
        best, share=rule.metric.share, higher_is_better=rule.metric.higher_is_better
    )


def _leader(
    look: Look, rivals: Sequence[int], present: Sequence[int], costs: Sequence[tuple[float, ...]]
) -> int:
    """Who beats everyone, else who stands best among those that finished at least half as often.

    Among exactly equal ones the cheapest.
    """
    alpha = look.rule.alpha_per_look
    if look.num_replicates >= FEWEST_REPLICATES:
        for k in present:
            if len(rivals) > 1 and all(look.beats(k, r, alpha) for r in rivals if r != k):
                return k
    counts = look.finished[list(present)].sum(axis=1)
    often = [k for k, count in zip(present, counts, strict=True) if 2 * count >= counts.max()]
    standing = look.standing(often)
    return min(often, key=lambda k: (-standing[k], costs[k], k))


def _beater(
    look: Look, rivals: Sequence[int], leader: int, k: int, strict: float
) -> Comparison | None:
    """The comparison that puts k out: with the leader if it beats k, else with who does so most."""
    by_values = [r for r in rivals if r != k and look.better(r, k, strict)]
    by_values = [r for r in by_values if look.beats(r, k, strict)]
    if not by_values:
        return None
    winner = leader if leader in by_values else max(by_values, key=lambda r: look.gain(r, k))
    pair = look.pair(winner, k)
    return None if pair is None else look.with_equivalence(look.at_level(pair, 1.0 - strict))


def pin(
    verdict: Verdict,
    chosen_label: str,
    *,
    names: Sequence[str] | None = None,
) -> Verdict:
    """The same evidence with the author's choice carried on.

    Args:
        verdict: what the evidence says.
        chosen_label: what the author fixed in the study file.
        names: of all candidates, for running text; None for the labels.

    Returns:
        kind, comparisons and leader as they were; the sentence says where the author's choice
        and the evidence differ.

    Raises:
        ValueError: a label that the stage does not have.
    """
    if verdict.labels and chosen_label not in verdict.labels:
        raise ValueError(f"`carry` must name a candidate of the stage, but got {chosen_label!r}")
    return replace(
        verdict,
        chosen=chosen_label,
        pinned=True,
        provisional=False,
        reason=sentences.pinned(verdict, chosen_label, names or verdict.labels),
    )
