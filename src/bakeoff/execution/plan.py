"""What a study will do, before anything is trained: the plan that ``bakeoff check`` shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bakeoff.data.dataset import Dataset
from bakeoff.engines.base import Engine
from bakeoff.evidence.power import expected_reach
from bakeoff.execution.candidates import (
    CandidateMaker,
    pinned_label,
    refuse_what_the_engine_cannot,
    varied_names,
)
from bakeoff.execution.chain import (
    NUM_SCREENING,
    looks_for,
    metric_for,
    rule_for,
    sampling_for,
    summarise,
)
from bakeoff.execution.jobs import JobMaker
from bakeoff.execution.local import available_cores
from bakeoff.records import Candidate, PlannedStage, StudyPlan
from bakeoff.spec import StudySpec, tuning_points

# Counted operations per second of one core, (slow, fast): a small dense network and a sparse first
# layer, as `benchmarks/` measures them. The fast end is over the hardware's peak because a sparse
# first layer leaves out operations that are counted. Rough on purpose: a range is printed.
OPERATIONS_PER_SECOND = {
    "reference": (5e8, 8e9),
    "native/baseline": (4e9, 6e10),
    "native/avx2": (1e10, 2e11),
    "native/avx512": (2e10, 4e11),
    "native/neon": (4e9, 6e10),
}


def plan_study(
    spec: StudySpec,
    dataset: Dataset,
    engine: Engine,
    *,
    replicates: int | None = None,
    workers: int | None = None,
) -> StudyPlan:
    """The plan of a study on its data; trains nothing and never opens the test part."""
    looks = looks_for(spec, replicates)
    jobs = JobMaker(dataset, engine, study_seed=spec.seed, split=spec.split, num_folds=spec.folds)
    data = summarise(dataset, jobs, split=spec.split, folds=spec.folds)
    maker = CandidateMaker(spec, data)
    stages, counts = _stages(maker, looks, engine)
    min_runs, max_runs, min_operations, max_operations = counts
    slow, fast = _speed(engine.name)
    cores = workers or available_cores()
    return StudyPlan(
        name=spec.name,
        kind=spec.kind,
        seed=spec.seed,
        metric=metric_for(spec, data),
        split=spec.split,
        num_folds=spec.folds,
        looks=looks,
        delta=spec.delta,
        data=data,
        stages=tuple(stages),
        min_runs=min_runs,
        max_runs=max_runs,
        estimated_seconds=(min_operations / fast / cores, max_operations / slow / cores),
        detectable=expected_reach(rule_for(spec, data, looks), sampling_for(spec, data)),
    )


def _speed(engine_name: str) -> tuple[float, float]:
    family, _, rest = engine_name.partition("/")
    instruction_set = rest.partition("/")[2]
    for key in (f"{family}/{instruction_set}", family):
        if key in OPERATIONS_PER_SECOND:
            return OPERATIONS_PER_SECOND[key]
    return OPERATIONS_PER_SECOND["reference"]


def _stages(
    maker: CandidateMaker, looks: tuple[int, ...], engine: Engine
) -> tuple[list[PlannedStage], tuple[int, int, int, int]]:
    """The planned stages; fewest and most runs; fewest and most operations."""
    spec = maker.spec
    stages: list[PlannedStage] = []
    carried: Mapping[str, Any] = dict(spec.base)
    incumbent: Candidate | None = None
    min_runs = max_runs = min_operations = max_operations = 0
    seen: set[str] = set()
    for stage in spec.stage:
        candidates = maker.of_stage(stage, carried, None)
        refuse_what_the_engine_cannot(engine, candidates)
        pinned = pinned_label(stage, candidates)
        costs = [one.operations_per_epoch * one.settings.epochs for one in candidates]
        joins = incumbent is not None and spec.kind == "study"
        contenders = len(candidates) + joins
        points = len(tuning_points(stage, seed=spec.seed)) if stage.tune else 0
        screening = contenders * (points + min(2, points) * (NUM_SCREENING - 1))
        if spec.kind == "replication":
            # Models that are one configuration share their runs.
            new = {one.settings.fingerprint() for one in candidates} - seen
            seen |= new
            fewest = most = len(new) * looks[-1]
        else:
            fewest = len(candidates) * looks[0] + screening
            most = contenders * looks[-1] + screening
        mean = sum(costs) / len(costs)
        min_runs, max_runs = min_runs + fewest, max_runs + most
        min_operations += int(fewest * min(costs))
        max_operations += int(most * max(max(costs), mean))
        stages.append(
            PlannedStage(
                name=stage.name,
                question=stage.question,
                varied=varied_names(candidates, tuple(stage.tune)),
                candidates=tuple(candidates),
                takes_incumbent=joins,
                tune={
                    name: tuple(dict.fromkeys(point[name] for point in points_of))
                    for points_of in [tuning_points(stage, seed=spec.seed)]
                    for name in stage.tune
                }
                if stage.tune
                else {},
                pinned=pinned,
            )
        )
        chosen = candidates[0] if pinned is None else _labelled(candidates, pinned)
        carried = {**chosen.declared, **(stage.carry or {})}
        incumbent = chosen
    if spec.kind == "study" and incumbent is not None:
        cost = incumbent.operations_per_epoch * incumbent.settings.epochs
        min_runs += spec.final_replicates
        max_runs += spec.final_replicates
        min_operations += spec.final_replicates * cost
        max_operations += spec.final_replicates * cost
    return stages, (min_runs, max_runs, min_operations, max_operations)


def _labelled(candidates: list[Candidate], label: str) -> Candidate:
    return next(candidate for candidate in candidates if candidate.label == label)
