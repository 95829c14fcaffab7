"""One stage: its candidates, its looks, its verdict."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bakeoff.errors import RunsFailedError
from bakeoff.evidence.verdicts import Decision, decide, pin
from bakeoff.execution.candidates import (
    costs,
    pinned_label,
    refuse_what_cannot_be_trained,
    spoken_names,
    varied_names,
)
from bakeoff.execution.context import StudyContext, finished_array, metric_array
from bakeoff.execution.events import StageFinished, StageStarted
from bakeoff.execution.tuning import tune
from bakeoff.records import Candidate, Run, StageResult, TuningPoint, Verdict
from bakeoff.spec import StageSpec
from bakeoff.trainables.base import Request


def run_stage(
    context: StudyContext,
    index: int,
    stage: StageSpec,
    carried: Mapping[str, Any],
    incumbent: Candidate | None,
) -> StageResult:
    """Asks one question.

    Args:
        context: see there.
        index: 0-based number of the stage.
        stage: its declaration.
        carried: declared settings over which the stage varies.
        incumbent: the candidate chosen in the stage before, or None in the first.

    Raises:
        RunsFailedError: when no candidate can compete.
    """
    started = time.perf_counter()
    context.runs.notify(StageStarted(index, stage.name, stage.question))
    candidates = context.maker.of_stage(stage, carried, incumbent)
    refuse_what_cannot_be_trained(context.runs.trainable, candidates)
    points: tuple[TuningPoint, ...] = ()
    if stage.tune:
        candidates, points = tune(context, stage, candidates)
    try:
        if context.spec.kind == "replication":
            runs, verdict = _measure_all(context, stage, candidates)
        else:
            runs, verdict = _race(context, stage, candidates, tuned=bool(points))
    except RunsFailedError as error:
        raise RunsFailedError(f"stage {stage.name}: {error}") from None
    varied = varied_names(candidates, tuple(stage.tune))
    pinned = pinned_label(stage, candidates)
    if pinned is not None:
        verdict = pin(
            verdict,
            pinned,
            names=spoken_names(candidates, varied),
        )
    caveat = context.sampling.caveat
    if caveat and verdict.comparison is not None:
        verdict = replace(verdict, reason=f"{verdict.reason} {caveat}")
    result = StageResult(
        name=stage.name,
        question=stage.question,
        varied=varied,
        candidates=tuple(candidates),
        runs=tuple(tuple(candidate_runs) for candidate_runs in runs),
        verdict=verdict,
        tuning=points,
        seconds=_seconds(context, runs, time.perf_counter() - started),
    )
    context.runs.check()
    context.runs.store.save_stage(context.runs.study_id, index, result)
    context.runs.notify(StageFinished(index, result))
    return result


def _seconds(context: StudyContext, runs: list[list[Run]], elapsed: float) -> float:
    """Wall time of a stage; of a replication, whose stages train in one go, its runs' share."""
    if context.spec.kind != "replication":
        return elapsed
    return sum(run.train_seconds for group in runs for run in group) / context.runs.executor.slots


def _race(
    context: StudyContext, stage: StageSpec, candidates: Sequence[Candidate], *, tuned: bool
) -> tuple[list[list[Run]], Verdict]:
    """Look after look until the verdict falls; the eliminated get no more runs."""
    runs: list[list[Run]] = [[] for _ in candidates]
    decision: Decision | None = None
    trained = 0
    for look in context.rule.looks:
        still_in = decision.still_in if decision else range(len(candidates))
        racing = [candidates[i] for i in still_in]
        new = context.train(stage.name, racing, context.replicates[trained:look])
        for i, more in zip(still_in, new, strict=True):
            runs[i].extend(more)
        trained = look
        decision = _look(
            context,
            candidates,
            runs,
            look,
            stage=stage,
            before=decision,
            last=look == context.rule.looks[-1],
            tuned=tuned,
        )
        if decision.verdict is not None:
            return runs, decision.verdict
    raise AssertionError("the last look always gives a verdict")


def _look(
    context: StudyContext,
    candidates: Sequence[Candidate],
    runs: Sequence[Sequence[Run]],
    num_replicates: int,
    *,
    stage: StageSpec,
    last: bool,
    before: Decision | None = None,
    tuned: bool = False,
) -> Decision:
    """What the evidence says at one look."""
    return decide(
        metric_array(runs, context.rule.metric.name, num_replicates),
        metric_array(runs, "loss", num_replicates),
        finished=finished_array(runs, num_replicates),
        labels=[candidate.label for candidate in candidates],
        costs=costs(candidates),
        rule=context.rule,
        num_replicates=num_replicates,
        sampling=context.sampling,
        before=before,
        last=last,
        tuned=tuple(stage.tune) if tuned else False,
        names=spoken_names(candidates, varied_names(candidates, tuple(stage.tune))),
        incumbent=next((k for k, one in enumerate(candidates) if one.incumbent), None),
    )


def _measure_all(
    context: StudyContext, stage: StageSpec, candidates: Sequence[Candidate]
) -> tuple[list[list[Run]], Verdict]:
    """A replication measures every model on every replicate, then says what the evidence says."""
    runs = context.train(stage.name, candidates, context.replicates)
    num = len(context.replicates)
    try:
        decision = _look(context, candidates, runs, num, stage=stage, last=True)
    except RunsFailedError as error:
        # The author went on regardless; a replication reports it and follows.
        label = candidates[0].label
        return runs, Verdict(
            kind="undecided",
            chosen=label,
            leader=label,
            reason=str(error),
            comparison=None,
            comparisons=(),
            best=(),
            beaten=(),
            failed=tuple(candidate.label for candidate in candidates),
            num_replicates=num,
            metric=context.rule.metric.name,
            delta=context.rule.delta or 0.0,
            provisional=True,
            labels=tuple(candidate.label for candidate in candidates),
            measure=context.rule.metric,
        )
    if decision.verdict is None:
        raise AssertionError("the last look always gives a verdict")
    return runs, decision.verdict


def all_requests(
    context: StudyContext, stages: Sequence[tuple[StageSpec, Sequence[Candidate]]]
) -> list[Request]:
    """Every run of a study whose choices are all pinned, so that no core waits for a stage."""
    return [
        context.request(stage.name, candidate, replicate)
        for stage, candidates in stages
        for candidate, replicate in itertools.product(candidates, context.replicates)
    ]
