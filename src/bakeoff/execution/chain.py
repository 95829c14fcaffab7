"""The study from its first question to its last: stages, audit, final, and the record of it all."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bakeoff import words
from bakeoff.data.dataset import Dataset
from bakeoff.data.splits import make_replicates, screening_replicates
from bakeoff.data.study_data import StudyData
from bakeoff.errors import UsageError
from bakeoff.evidence.claims import claims
from bakeoff.evidence.lint_runs import lint_result
from bakeoff.evidence.rule import Sampling, looks_until, sampling_of
from bakeoff.evidence.verdicts import Rule
from bakeoff.execution.audit import audit_chain
from bakeoff.execution.baselines import leaks, train_baselines
from bakeoff.execution.candidates import CandidateMaker, pinned_label
from bakeoff.execution.context import Budget, StudyContext
from bakeoff.execution.door import TestDoor
from bakeoff.execution.environment import describe
from bakeoff.execution.events import Observer, StageStarted, StudyStarted, nobody
from bakeoff.execution.final import final_requests, refit_and_open
from bakeoff.execution.runs import RunService
from bakeoff.execution.search import check_searches
from bakeoff.execution.stages import run_stage
from bakeoff.executors.base import Executor
from bakeoff.records import (
    AuditSwap,
    Baseline,
    Candidate,
    DataSummary,
    Final,
    StageResult,
    StudyResult,
)
from bakeoff.spec import StudySpec
from bakeoff.stop import Stop
from bakeoff.store.sqlite import Store
from bakeoff.tasks.base import Metric, Task
from bakeoff.tasks.classification import default_metric
from bakeoff.tasks.further import further
from bakeoff.trainables.base import Request, Trainable

NUM_SCREENING = 3


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a study is run, as opposed to what it asks.

    Attributes:
        replicates: at most this many per candidate; None for the study's last look.
        fresh: ignore runs that are in the store.
        retry_failed: train failed runs again.
        follow_audit: take what the audit confirms and audit again, at most this many times.
        budget: how long it may take; None for as long as it takes.
    """

    replicates: int | None = None
    fresh: bool = False
    retry_failed: bool = False
    follow_audit: int = 0
    budget: Budget | None = None


def looks_for(spec: StudySpec, replicates: int | None) -> tuple[int, ...]:
    """The looks of a study; cut at, and ending with, the given number of replicates."""
    if spec.kind == "replication":
        return (replicates or spec.looks[-1],)
    if replicates is None:
        return tuple(spec.looks)
    return looks_until(spec.looks, replicates)


def metric_for(spec: StudySpec, data: DataSummary, task: Task) -> Metric:
    """The metric that decides: the author's; else by the balance of the classes, or the task's first.

    Raises:
        UsageError: the model does not measure the author's.
    """
    name = spec.metric
    if name == "auto":
        balanced = task.kind == "classification"
        name = default_metric(data.class_counts) if balanced else task.metrics[0].name
    try:
        return task.metric(name.removeprefix("val_") if task.kind == "declared" else name)
    except KeyError:
        known = [metric.name for metric in task.metrics]
        if task.kind != "declared":
            known += [one.name for one in further(task.kind) if one.name not in known]
        raise UsageError(
            f"metric: the model does not measure {name}; it has {', '.join(known)}"
        ) from None


def split_of(spec: StudySpec, trainable: Trainable) -> Literal["folds", "last", "own", "time"]:
    """How the replicates differ in their examples; a program that reads its data splits it itself."""
    return "own" if trainable.reads_data_itself else spec.split


def rule_for(
    spec: StudySpec, data: DataSummary, trainable: Trainable, looks: tuple[int, ...]
) -> Rule:
    """The decision rule of a study."""
    return Rule(looks, delta=spec.delta, metric=metric_for(spec, data, trainable.task))


def sampling_for(spec: StudySpec, data: DataSummary, trainable: Trainable) -> Sampling:
    """How the replicates of a study are drawn."""
    return sampling_of(
        data,
        metric=metric_for(spec, data, trainable.task).name,
        split=split_of(spec, trainable),
        num_folds=spec.folds,
    )


def run_study(
    spec: StudySpec,
    dataset: Dataset,
    store: Store,
    trainable: Trainable,
    executor: Executor,
    *,
    options: RunOptions | None = None,
    observer: Observer | None = None,
    folder: Path | None = None,
) -> StudyResult:
    """Runs a study, or goes on with one that was interrupted.

    Args:
        spec: what to ask.
        dataset: on which data.
        store: where every finished run is kept at once, open for writing.
        trainable: what trains.
        executor: where.
        options: how.
        observer: who watches; nobody by default.
        folder: whose git commit is recorded; the current one by default.

    Raises:
        RunsFailedError: no verdict was possible in some stage.
        Interrupted: the study was asked to end; everything finished is in the store.
        DataError, StoreError, EngineError: see there.
        UsageError: a stage searches, and Optuna is not installed.
    """
    options = options or RunOptions()
    notify = observer or nobody
    started, started_at, stop = time.perf_counter(), words.now(), Stop()
    check_searches(spec)
    looks = looks_for(spec, options.replicates)
    environment = describe(trainable.name, folder or Path.cwd())
    study_data = StudyData(dataset, study_seed=spec.seed, split=spec.split, num_folds=spec.folds)
    data = study_data.summary
    identity = {**spec.to_dict(), "looks": list(looks)}
    study_id = store.begin_study(
        spec.name,
        identity,
        kind=spec.kind,
        seed=spec.seed,
        data=data,
        environment=environment,
        engine=trainable.name,
        metric=metric_for(spec, data, trainable.task).name,
        task=trainable.task.kind,
        model_kind=trainable.kind,
        started_at=started_at,
    )
    service = RunService(
        trainable,
        executor,
        study_data,
        store,
        study_id,
        notify=notify,
        stop=stop,
        fresh=options.fresh,
        retry_failed=options.retry_failed,
    )
    context = StudyContext(
        spec=spec,
        maker=CandidateMaker(spec, data, trainable),
        dataset=dataset,
        runs=service,
        rule=rule_for(spec, data, trainable, looks),
        replicates=make_replicates(looks[-1], num_folds=spec.folds, split=spec.split),
        screening=screening_replicates(NUM_SCREENING, num_folds=spec.folds, split=spec.split),
        sampling=sampling_for(spec, data, trainable),
        door=TestDoor(
            dataset.test,
            store,
            study_id,
            spec.name,
            "final" if spec.kind == "study" else "replication",
        ),
        budget=options.budget,
    )
    with stop.on_signals():
        slots, where, metric = executor.slots, executor.where, context.rule.metric.name
        notify(StudyStarted(spec.name, len(spec.stage), slots, where, metric))
        stages = _run_stages(context)
        audit: tuple[AuditSwap, ...] = ()
        final: Final | None = None
        earlier: Final | None = None
        baselines: tuple[Baseline, ...] = ()
        if spec.kind == "study":
            chosen = stages[-1].chosen
            if spec.audit:
                audit, chosen = audit_chain(context, stages, chosen, rounds=options.follow_audit)
            baselines = train_baselines(context, chosen, stages[-1].verdict.num_replicates)
            final = earlier = _earlier_final(context, chosen, fresh=options.fresh)
            if final is None and trainable.task.score is not None:
                notify(
                    StageStarted(
                        len(spec.stage), "final", "How good is the chosen model on unseen data?"
                    )
                )
                final = refit_and_open(context, chosen)
        service.check()
        opening = context.door.opening if final is None else final.opening
        # Refits are in the store only now, with the study that they end.
        num_refits = 0 if final is None else len(final.runs)
        result = StudyResult(
            name=spec.name,
            kind=spec.kind,
            spec=identity,
            seed=spec.seed,
            metric=context.rule.metric.name,
            split=split_of(spec, trainable),
            looks=looks,
            data=data,
            engine=trainable.name,
            stages=tuple(stages),
            audit=audit,
            lint=(),
            claims=claims(stages, spec.kind, sampling=sampling_for(spec, data, trainable)),
            final=final,
            openings=() if opening is None else (opening,),
            environment=environment,
            num_trained=service.num_trained + (num_refits if earlier is None else 0),
            num_reused=service.num_reused + (0 if earlier is None else num_refits),
            seconds=time.perf_counter() - started,
            started_at=started_at,
            task=trainable.task.kind,
            model_kind=trainable.kind,
            baselines=baselines,
            leaks=leaks(dataset) if baselines else (),
        )
        result = dataclasses.replace(result, lint=lint_result(result))
        store.finish_study(study_id, result)
    service.check()
    return result


def _run_stages(context: StudyContext) -> list[StageResult]:
    if context.spec.kind == "replication":
        _prefetch(context)
    stages: list[StageResult] = []
    carried: Mapping[str, Any] = dict(context.spec.base)
    incumbent: Candidate | None = None
    for index, stage in enumerate(context.spec.stage):
        stages.append(run_stage(context, index, stage, carried, incumbent))
        incumbent = stages[-1].chosen
        carried = incumbent.declared
    return stages


def _prefetch(context: StudyContext) -> None:
    """Trains all runs of a fully pinned study in one go: no core waits for a verdict."""
    requests: list[Request] = []
    carried: Mapping[str, Any] = dict(context.spec.base)
    for stage in context.spec.stage:
        candidates = context.maker.of_stage(stage, carried, None)
        pairs = itertools.product(candidates, context.replicates)
        requests += [context.request(stage.name, one, replicate) for one, replicate in pairs]
        label = pinned_label(stage, candidates)
        carried = next(one.declared for one in candidates if label in (None, one.label))
    context.runs.notify(
        StageStarted(
            len(context.spec.stage),
            "every model",
            "All choices are pinned, so all models train at once",
        )
    )
    context.runs.get(requests, door=context.door)


def _earlier_final(context: StudyContext, chosen: Candidate, *, fresh: bool) -> Final | None:
    """The final of an identical finished study: looking again would show the same numbers.

    Its refits have the same keys, so nothing is trained and the test part stays sealed.
    """
    if fresh:
        return None
    keys = [request.key for request in final_requests(context, chosen)]
    earlier = context.runs.store.find_final(keys)
    if earlier is None or earlier.runs[earlier.delivered].status != "finished":
        return None
    return earlier
