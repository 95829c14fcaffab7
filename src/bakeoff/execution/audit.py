"""The chain audit: swaps earlier choices back at the final settings and trains what that takes.

What to swap is decided in ``evidence.swaps``, what the numbers mean in ``evidence.audit``; this
module trains.
"""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.evidence import audit as judging
from bakeoff.evidence.audit import SwapJudgement
from bakeoff.evidence.swaps import Swap, plan_swaps, swapped
from bakeoff.execution.context import StudyContext, metric_array
from bakeoff.execution.events import Note, StageStarted
from bakeoff.records import AuditSwap, Candidate, Floats, Run, StageResult
from bakeoff.spec.candidates import changed

STAGE = "audit"


def audit_chain(
    context: StudyContext, stages: Sequence[StageResult], chosen: Candidate, *, rounds: int
) -> tuple[tuple[AuditSwap, ...], Candidate]:
    """Audits the chain, and follows what it finds if asked to.

    Args:
        stages: all of the study.
        chosen: the candidate of the last stage.
        rounds: how many times a confirmed swap may replace the final candidate (0: only say so).

    Returns:
        the swaps of all rounds, and the candidate that goes to the final step.
    """
    context.runs.notify(
        StageStarted(
            len(stages), STAGE, "Is every earlier choice still right at the final settings?"
        )
    )
    planned = plan_swaps(
        stages,
        complete=context.runs.trainable.space.complete,
        retune=context.runs.trainable.space.retune,
    )
    swaps: list[AuditSwap] = []
    for round_ in range(rounds + 1):
        found = _round(context, planned, chosen)
        swaps += found
        better = [swap for swap in found if swap.confirmed]
        if not better or round_ == rounds:
            break
        best = max(better, key=lambda swap: _gain(context, swap))
        context.runs.notify(Note(f"Following the audit: {best.label}"))
        chosen = best.candidate or chosen
    return tuple(swaps), chosen


def _gain(context: StudyContext, swap: AuditSwap) -> float:
    if swap.comparison is None:
        return float("-inf")
    return swap.comparison.mean * context.rule.metric.sign


def _round(context: StudyContext, planned: Sequence[Swap], final: Candidate) -> list[AuditSwap]:
    """Every swap against one final candidate: all screened, the best tested on other replicates."""
    possible: list[Swap] = []
    candidates: list[Candidate] = []
    excluded: list[AuditSwap] = []
    for swap in planned:
        settings, why = swapped(final.settings, swap.changes, context.runs.trainable.space.complete)
        if settings is None:
            excluded.append(_record(swap, None, (), judging.untried(swap.label, why)))
        elif settings.effective() != final.settings.effective():
            possible.append(swap)
            candidates.append(context.maker.make(swap.label, changed(final.declared, swap.changes)))
    num_screening, num_confirming = judging.replicates_of(len(context.replicates))
    if not context.in_time(len(context.spec.stage), len(candidates) * num_screening):
        context.runs.notify(Note("The budget leaves no time for the chain audit."))
        return excluded
    if not possible:
        return excluded
    runs = context.train(STAGE, [final, *candidates], context.replicates[:num_screening])
    final_values, *values = (_values(context, one) for one in runs)
    best = judging.screen(final_values, values, context.rule)
    judged = [
        judging.screened(
            final_values, one, label=swap.label, rule=context.rule, best=number in best
        )
        for number, (swap, one) in enumerate(zip(possible, values, strict=True))
    ]
    num_left = (1 + len(best)) * num_confirming
    if best and num_confirming and context.in_time(len(context.spec.stage), num_left):
        others = context.replicates[num_screening:]
        further = context.train(STAGE, [final, *(candidates[number] for number in best)], others)
        final_values, *values = (_values(context, one) for one in further)
        tested = judging.confirm(
            final_values,
            values,
            labels=[possible[number].label for number in best],
            rule=context.rule,
            sampling=context.sampling,
        )
        for number, more, judgement in zip(best, further[1:], tested, strict=True):
            runs[number + 1] += more
            judged[number] = judgement
    return [
        _record(swap, candidate, one, judgement)
        for swap, candidate, one, judgement in zip(
            possible, candidates, runs[1:], judged, strict=True
        )
    ] + excluded


def _values(context: StudyContext, runs: Sequence[Run]) -> Floats:
    """The metric of the finished runs, NaN for the others, shape (S,)."""
    values: Floats = metric_array([runs], context.rule.metric.name, len(runs))[0]
    return values


def _record(
    swap: Swap, candidate: Candidate | None, runs: Sequence[Run], judged: SwapJudgement
) -> AuditSwap:
    return AuditSwap(
        kind=swap.kind,
        stage=swap.stage,
        label=swap.label,
        candidate=candidate,
        runs=tuple(runs),
        comparison=judged.comparison,
        confirmed=judged.confirmed,
        sentence=judged.sentence,
    )
