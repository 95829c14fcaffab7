"""What a study will do, before anything is trained: the plan that ``bakeoff check`` shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.data.dataset import Dataset
from bakeoff.evidence.power import expected_reach
from bakeoff.execution.candidates import (
    CandidateMaker,
    pinned_label,
    varied_names,
)
from bakeoff.execution.chain import (
    NUM_SCREENING,
    looks_for,
    metric_for,
    rule_for,
    sampling_for,
    split_of,
)
from bakeoff.records import Candidate, PlannedStage, StudyPlan
from bakeoff.spec import StudySpec, tuning_points
from bakeoff.trainables.base import StudyData, Trainable


def plan_study(
    spec: StudySpec,
    dataset: Dataset,
    trainable: Trainable,
    *,
    slots: int,
    replicates: int | None = None,
) -> StudyPlan:
    """The plan of a study on its data; trains nothing and never opens the test part."""
    looks = looks_for(spec, replicates)
    data = StudyData(dataset, study_seed=spec.seed, split=spec.split, num_folds=spec.folds).summary
    stages, counts = _stages(CandidateMaker(spec, data, trainable), looks)
    return StudyPlan(
        name=spec.name,
        kind=spec.kind,
        seed=spec.seed,
        metric=metric_for(spec, data, trainable.task).name,
        split=split_of(spec, trainable),
        num_folds=spec.folds,
        looks=looks,
        delta=spec.delta,
        data=data,
        stages=tuple(stages),
        min_runs=counts.min_runs,
        max_runs=counts.max_runs,
        estimated_seconds=counts.estimated(slots),
        detectable=expected_reach(
            rule_for(spec, data, trainable, looks), sampling_for(spec, data, trainable)
        ),
    )


@dataclass(slots=True)
class _Counts:
    """Fewest and most runs of a study, and their time on one core; None where nobody knows it."""

    min_runs: int = 0
    max_runs: int = 0
    min_seconds: float | None = 0.0
    max_seconds: float | None = 0.0

    def add(self, fewest: int, most: int, each: Sequence[tuple[float, float] | None]) -> None:
        """Counts so many runs, each of which takes one of these ranges."""
        self.min_runs += fewest
        self.max_runs += most
        known = [seconds for seconds in each if seconds is not None]
        if self.min_seconds is None or self.max_seconds is None or len(known) < len(each):
            self.min_seconds = self.max_seconds = None
            return
        self.min_seconds += fewest * min(low for low, _ in known)
        self.max_seconds += most * max(high for _, high in known)

    def estimated(self, slots: int) -> tuple[float, float] | None:
        if self.min_seconds is None or self.max_seconds is None:
            return None
        return self.min_seconds / slots, self.max_seconds / slots


def _stages(maker: CandidateMaker, looks: tuple[int, ...]) -> tuple[list[PlannedStage], _Counts]:
    """The planned stages, and how many runs they take."""
    spec, trainable = maker.spec, maker.trainable
    counts = _Counts()
    stages: list[PlannedStage] = []
    carried: Mapping[str, Any] = dict(spec.base)
    incumbent: Candidate | None = None
    seen: set[str] = set()
    for stage in spec.stage:
        candidates = maker.of_stage(stage, carried, None)
        pinned = pinned_label(stage, candidates)
        each = [trainable.seconds(one.settings, maker.data) for one in candidates]
        joins = incumbent is not None and spec.kind == "study"
        contenders = len(candidates) + joins
        grid = tuning_points(stage, trainable.space, seed=spec.seed) if stage.tune else []
        points = len(grid)
        screening = contenders * (points + min(2, points) * (NUM_SCREENING - 1))
        if spec.kind == "replication":
            # Models that are one configuration share their runs.
            new = {one.settings.fingerprint() for one in candidates} - seen
            seen |= new
            fewest = most = len(new) * looks[-1]
        else:
            fewest = len(candidates) * looks[0] + screening
            # Everyone also tries the values that an incumbent brings along.
            most = contenders * (looks[-1] + (joins and bool(grid))) + screening
        counts.add(fewest, most, each)
        stages.append(
            PlannedStage(
                name=stage.name,
                question=stage.question,
                varied=varied_names(candidates, tuple(stage.tune)),
                candidates=tuple(candidates),
                takes_incumbent=joins,
                tune={
                    name: tuple(dict.fromkeys(point[name] for point in grid)) for name in stage.tune
                },
                pinned=pinned,
            )
        )
        chosen = candidates[0] if pinned is None else _labelled(candidates, pinned)
        carried = chosen.declared
        incumbent = chosen
    if spec.kind == "study" and incumbent is not None and trainable.task.score is not None:
        refits = spec.final_replicates
        counts.add(refits, refits, [trainable.seconds(incumbent.settings, maker.data)])
    return stages, counts


def _labelled(candidates: list[Candidate], label: str) -> Candidate:
    return next(candidate for candidate in candidates if candidate.label == label)
