"""One stage: its candidates, its looks, its verdict."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bakeoff import words
from bakeoff.errors import RunsFailedError
from bakeoff.evidence.verdicts import Decision, decide, pin
from bakeoff.execution.candidates import pinned_label, varied_names
from bakeoff.execution.context import StudyContext, metric_array
from bakeoff.execution.events import StageFinished, StageStarted
from bakeoff.execution.search import said, search_candidates
from bakeoff.execution.tuning import tune
from bakeoff.records import Candidate, Run, StageResult, TuningPoint, Verdict
from bakeoff.spec import DeclaredCandidate, StageSpec


def run_stage(
    context: StudyContext,
    index: int,
    stage: StageSpec,
    carried: Mapping[str, Any],
    incumbent: Candidate | None,
) -> StageResult:
    """Asks one question.

    Args:
        index: 0-based number of the stage.
        stage: its declaration.
        carried: declared settings over which the stage varies.
        incumbent: the candidate chosen in the stage before, or None in the first.

    Raises:
        RunsFailedError: when no candidate can compete.
    """
    started = time.perf_counter()
    context.runs.notify(StageStarted(index, stage.name, stage.question))
    points: tuple[TuningPoint, ...] = ()
    found: list[DeclaredCandidate] | None = None
    if stage.search:
        found, points = search_candidates(context, index, stage, stage.search, carried)
    candidates = context.maker.of_stage(stage, carried, incumbent, found=found)
    if stage.tune:
        candidates, points = tune(context, stage, candidates)
    varied = varied_names(candidates, tuple(stage.tune), before=incumbent)
    names = [words.candidate(one.label, varied, one.settings) for one in candidates]
    try:
        if context.spec.kind == "replication":
            runs, verdict = _measure_all(context, stage, candidates, names)
        else:
            runs, verdict = _race(context, index, stage, candidates, names)
    except RunsFailedError as error:
        why = context.runs.first_failure
        ending = f"; the first failed: {why}" if why else ""
        raise RunsFailedError(f"stage {stage.name}: {error}{ending}") from None
    pinned = pinned_label(stage, candidates)
    if pinned is not None:
        verdict = pin(verdict, pinned, names=names)
    caveat = context.sampling.caveat
    if caveat and verdict.comparison is not None:
        verdict = replace(verdict, reason=f"{verdict.reason} {caveat}")
    if stage.search:
        verdict = replace(verdict, reason=f"{verdict.reason} {said(stage.search, points)}")
    elapsed = time.perf_counter() - started
    if context.spec.kind == "replication":  # its stages train in one go
        trained = sum(run.train_seconds for group in runs for run in group)
        elapsed = trained / context.runs.executor.slots
    result = StageResult(
        name=stage.name,
        question=stage.question,
        varied=varied,
        candidates=tuple(candidates),
        runs=tuple(tuple(candidate_runs) for candidate_runs in runs),
        verdict=verdict,
        tuning=points,
        seconds=elapsed,
    )
    context.runs.check()
    context.runs.store.save_stage(context.runs.study_id, index, result)
    context.runs.notify(StageFinished(index, result))
    return result


def _race(
    context: StudyContext,
    index: int,
    stage: StageSpec,
    candidates: Sequence[Candidate],
    names: Sequence[str],
) -> tuple[list[list[Run]], Verdict]:
    """Look after look until the verdict falls or time is up; the eliminated get no more runs."""
    runs: list[list[Run]] = [[] for _ in candidates]
    decision: Decision | None = None
    trained = 0
    looks = context.rule.looks
    for number, look in enumerate(looks):
        still_in = decision.still_in if decision else range(len(candidates))
        racing = [candidates[i] for i in still_in]
        new = context.train(stage.name, racing, context.replicates[trained:look])
        for i, more in zip(still_in, new, strict=True):
            runs[i].extend(more)
        trained, before = look, decision
        decision = _look(context, stage, candidates, names, runs, look, before=before)
        if decision.verdict is not None:
            return runs, decision.verdict
        wanted = len(decision.still_in) * (looks[number + 1] - look)
        if context.budget is not None and not context.in_time(index, wanted):
            verdict = _look(
                context, stage, candidates, names, runs, look, before=before, last=True
            ).verdict
            if verdict is not None:
                said = context.budget.ended(look, looks[-1])
                return runs, replace(verdict, reason=f"{verdict.reason} {said}")
    raise AssertionError("the last look always gives a verdict")


def _look(
    context: StudyContext,
    stage: StageSpec,
    candidates: Sequence[Candidate],
    names: Sequence[str],
    runs: Sequence[Sequence[Run]],
    num_replicates: int,
    *,
    before: Decision | None = None,
    last: bool = False,
) -> Decision:
    """What the evidence says at one look."""
    values = metric_array(runs, context.rule.metric.name, num_replicates)
    return decide(
        values,
        metric_array(runs, "loss", num_replicates),
        finished=np.isfinite(values),
        labels=[candidate.label for candidate in candidates],
        costs=[candidate.price for candidate in candidates],
        rule=context.rule,
        num_replicates=num_replicates,
        sampling=context.sampling,
        before=before,
        last=last or num_replicates == context.rule.looks[-1],
        tuned=tuple(stage.tune),
        names=names,
        incumbent=next((k for k, one in enumerate(candidates) if one.incumbent), None),
    )


def _measure_all(
    context: StudyContext,
    stage: StageSpec,
    candidates: Sequence[Candidate],
    names: Sequence[str],
) -> tuple[list[list[Run]], Verdict]:
    """A replication measures every model on every replicate, then says what the evidence says."""
    runs = context.train(stage.name, candidates, context.replicates)
    num = len(context.replicates)
    try:
        decision = _look(context, stage, candidates, names, runs, num)
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
