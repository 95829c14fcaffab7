"""The chain audit: swaps earlier choices back at the final settings and trains what that takes.

What to swap and what the numbers mean is decided in ``evidence.audit``; this module runs it.
"""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.evidence.audit import Swap, SwapJudgement, judge_swap, plan_swaps
from bakeoff.execution.context import StudyContext, finished_array, metric_array
from bakeoff.records import AuditSwap, Candidate, Floats, Run, StageResult
from bakeoff.settings import Settings

STAGE = "audit"
# The first look of the audit: enough to drop what is plainly worse.
FIRST_LOOK = 3


def audit_chain(
    context: StudyContext, stages: Sequence[StageResult], chosen: Candidate, *, rounds: int
) -> tuple[tuple[AuditSwap, ...], Candidate]:
    """Audits the chain, and follows what it finds if asked to.

    Args:
        context: see there.
        stages: all of the study.
        chosen: the candidate of the last stage.
        rounds: how many times a confirmed swap may replace the final candidate (0: only say so).

    Returns:
        the swaps of all rounds, and the candidate that goes to the final step.
    """
    context.observer.stage_started(
        len(stages), STAGE, "Is every earlier choice still right at the final settings?"
    )
    planned = plan_swaps(stages)
    swaps: list[AuditSwap] = []
    for round_ in range(rounds + 1):
        found = _round(context, planned, chosen)
        swaps += found
        better = [swap for swap in found if swap.confirmed]
        if not better or round_ == rounds:
            break
        best = max(better, key=lambda swap: _gain(context, swap))
        context.observer.note(f"Following the audit: {best.label}")
        chosen = best.candidate
    return tuple(swaps), chosen


def _gain(context: StudyContext, swap: AuditSwap) -> float:
    if swap.comparison is None:
        return float("-inf")
    sign = 1.0 if context.rule.higher_is_better else -1.0
    return sign * swap.comparison.mean


def _round(context: StudyContext, planned: Sequence[Swap], final: Candidate) -> list[AuditSwap]:
    """Every swap against one final candidate: a first look, then full S for what looks better."""
    pairs = [
        (swap, candidate)
        for swap in planned
        if (candidate := _swapped(context, swap, final)) is not None
    ]
    if not pairs:
        return []
    first = min(FIRST_LOOK, len(context.replicates))
    everyone = [final, *(candidate for _, candidate in pairs)]
    looked = context.train(STAGE, everyone, context.replicates[:first])
    num_swaps = len(pairs)
    whole = len(context.replicates)
    results: dict[int, AuditSwap] = {}
    going_on: list[int] = []
    for number, (swap, candidate) in enumerate(pairs):
        runs = looked[number + 1]
        judged = _judge(context, looked[0], runs, swap, num_swaps, last=first == whole)
        results[number] = _record(swap, candidate, runs, judged)
        if judged.go_on:
            going_on.append(number)
    if going_on and whole > first:
        full = context.train(
            STAGE, [final, *(pairs[number][1] for number in going_on)], context.replicates
        )
        for position, number in enumerate(going_on):
            swap, candidate = pairs[number]
            runs = full[position + 1]
            judged = _judge(context, full[0], runs, swap, num_swaps, last=True)
            results[number] = _record(swap, candidate, runs, judged)
    return [results[number] for number in range(num_swaps)]


def _swapped(context: StudyContext, swap: Swap, final: Candidate) -> Candidate | None:
    """The final candidate with the swap's changes; None where that changes nothing or cannot be."""
    declared = {**final.declared, **swap.changes}
    try:
        settings = Settings.model_validate(declared)
    except ValueError:  # two choices that exclude each other
        return None
    if settings.effective() == final.settings.effective():
        return None
    return context.maker.make(swap.label, declared)


def _values(context: StudyContext, runs: Sequence[Run]) -> Floats:
    """The metric of the finished runs, NaN for the others, shape (S,)."""
    values: Floats = metric_array([runs], context.rule.metric, len(runs))[0]
    values[~finished_array([runs], len(runs))[0]] = float("nan")
    return values


def _judge(
    context: StudyContext,
    final_runs: Sequence[Run],
    runs: Sequence[Run],
    swap: Swap,
    num_swaps: int,
    *,
    last: bool,
) -> SwapJudgement:
    return judge_swap(
        _values(context, final_runs),
        _values(context, runs),
        label=swap.label,
        num_swaps=num_swaps,
        rule=context.rule,
        num_train=context.num_train,
        num_validation=context.num_validation,
        last=last,
    )


def _record(
    swap: Swap, candidate: Candidate, runs: Sequence[Run], judged: SwapJudgement
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
