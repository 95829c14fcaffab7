"""What a study will do, before anything is trained: the plan that ``bakeoff check`` shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.data.dataset import Dataset
from bakeoff.data.study_data import StudyData
from bakeoff.evidence.audit import replicates_of
from bakeoff.evidence.power import expected_reach
from bakeoff.execution.baselines import num_replicates, simple_models
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
from bakeoff.execution.search import NUM_FINALISTS, check_searches, planned
from bakeoff.records import Candidate, DataSummary, PlannedStage, StudyPlan
from bakeoff.spec import StudySpec, tuning_points
from bakeoff.trainables.base import Trainable

SECONDS_PER_RUN = 0.001
"""Of driver and store, one run after the other."""

SECONDS_OVERHEAD = 0.7
"""Of the start, the report and the model file."""

SECONDS_TO_IMPORT = 1.5
"""Of scikit-learn, where simple models are trained."""


def plan_study(
    spec: StudySpec,
    dataset: Dataset,
    trainable: Trainable,
    *,
    slots: int,
    replicates: int | None = None,
    timed: bool = True,
) -> StudyPlan:
    """The plan of a study on its data; trains none of it and never opens the test part.

    Args:
        slots: runs at the same time.
        replicates: at most so many per candidate.
        timed: whether it is told how long the runs take, which takes up to two seconds.
    """
    check_searches(spec)
    looks = looks_for(spec, replicates)
    data = StudyData(dataset, study_seed=spec.seed, split=spec.split, num_folds=spec.folds).summary
    stages = _stages(CandidateMaker(spec, data, trainable), looks)
    clock = _Clock(trainable, data) if timed else _Clock(trainable, data, None, None)
    min_runs = max_runs = 0
    for stage in stages:
        min_runs, max_runs = min_runs + stage.min_runs, max_runs + stage.max_runs
        clock.add(stage.min_runs, stage.max_runs, stage.candidates)
    closing, refits = (0, 0), 0
    if spec.kind == "study" and stages:
        audit = _audit_runs(stages, looks) if spec.audit else (0, 0)
        refits = spec.final_replicates if trainable.task.score is not None else 0
        closing = (audit[0] + refits, audit[1] + refits)
        clock.add(*closing, stages[-1].candidates)
        simple = simple_models(spec, trainable, dataset, data, looks[0])
        if simple:
            most = num_replicates(simple, looks[0], looks[-1])
            each = sum(simple.values())
            clock.overhead += SECONDS_TO_IMPORT
            clock.add_seconds(looks[0] * each, most * each)
            closing = (closing[0] + looks[0] * len(simple), closing[1] + most * len(simple))
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
        min_runs=min_runs + closing[0],
        max_runs=max_runs + closing[1],
        estimated_seconds=clock.estimated(slots, min_runs, max_runs),
        detectable=expected_reach(
            rule_for(spec, data, trainable, looks), sampling_for(spec, data, trainable)
        ),
        refits=refits,
    )


@dataclass(slots=True)
class _Clock:
    """Fewest and most seconds of runs on one slot, and those of what is no run; None where nobody knows."""

    trainable: Trainable
    data: DataSummary
    low: float | None = 0.0
    high: float | None = 0.0
    overhead: float = SECONDS_OVERHEAD

    def add(self, fewest: float, most: float, candidates: Sequence[Candidate]) -> None:
        """Counts so many runs of these candidates, evenly."""
        if self.low is None or self.high is None:
            return
        each = [self.trainable.seconds(one.settings, self.data) for one in candidates]
        known = [seconds for seconds in each if seconds is not None]
        if len(known) < len(each) or not known:
            self.low = self.high = None
            return
        mean = sum(known) / len(known)
        self.low += fewest * mean
        self.high += most * mean

    def add_seconds(self, low: float, high: float) -> None:
        """Counts what is no run of a candidate."""
        if self.low is not None and self.high is not None:
            self.low, self.high = self.low + low, self.high + high

    def estimated(self, slots: int, min_runs: int, max_runs: int) -> tuple[float, float] | None:
        if self.low is None or self.high is None:
            return None
        return (
            self.overhead + min_runs * SECONDS_PER_RUN + self.low / slots,
            self.overhead + max_runs * SECONDS_PER_RUN + self.high / slots,
        )


def _stages(maker: CandidateMaker, looks: tuple[int, ...]) -> list[PlannedStage]:
    """The planned stages, and how many runs they take."""
    spec, trainable = maker.spec, maker.trainable
    stages: list[PlannedStage] = []
    carried: Mapping[str, Any] = dict(spec.base)
    incumbent: Candidate | None = None
    seen: set[str] = set()
    for stage in spec.stage:
        found = [planned(stage, carried, trainable.space)] if stage.search else None
        candidates = maker.of_stage(stage, carried, None, found=found)
        pinned = pinned_label(stage, candidates)
        joins = incumbent is not None and spec.kind == "study"
        contenders = len(candidates) + joins
        grid = tuning_points(stage, trainable.space, seed=spec.seed) if stage.tune else []
        points = len(grid)
        screening = points + min(2, points) * (NUM_SCREENING - 1)  # of one contender
        # Models that are one configuration share their runs.
        ours = {one.settings.fingerprint() for one in candidates}
        new = ours - seen
        seen |= ours
        if spec.kind == "replication":
            fewest = most = len(new) * looks[-1]
        else:
            # Who was there before may be the incumbent, which is tuned once.
            fewest = len(new) * looks[0] + (contenders - (new != ours)) * screening
            # Everyone also tries the values that an incumbent brings along.
            most = contenders * (looks[-1] + (joins and bool(grid)) + screening)
        if stage.search:
            fewest = stage.search.runs + NUM_FINALISTS * looks[0]
            most = stage.search.runs + (NUM_FINALISTS + joins) * looks[-1]
        varied = varied_names(candidates, tuple(stage.tune), before=incumbent)
        stages.append(
            PlannedStage(
                name=stage.name,
                question=stage.question,
                varied=tuple(sorted(stage.vary)) if stage.search else varied,
                candidates=tuple(candidates),
                takes_incumbent=joins,
                tune={
                    name: tuple(dict.fromkeys(point[name] for point in grid)) for name in stage.tune
                },
                pinned=pinned,
                min_runs=fewest,
                max_runs=most,
                search=stage.search.runs if stage.search else 0,
            )
        )
        chosen = _middling(candidates) if pinned is None else _labelled(candidates, pinned)
        carried = chosen.declared
        incumbent = chosen
    return stages


def _audit_runs(stages: Sequence[PlannedStage], looks: tuple[int, ...]) -> tuple[int, int]:
    """About the fewest and most runs of a chain audit: every other candidate, swapped back."""
    swaps = sum(len(stage.candidates) - 1 for stage in stages[:-1])
    if not swaps:
        return 0, 0
    screening, confirming = replicates_of(looks[-1])
    return swaps * screening, 2 * swaps * screening + 2 * confirming


def _labelled(candidates: list[Candidate], label: str) -> Candidate:
    return next(candidate for candidate in candidates if candidate.label == label)


def _middling(candidates: list[Candidate]) -> Candidate:
    """The one of middling cost: nobody knows yet which goes on, and the first is often the cheapest."""
    costs = [dict(one.cost).get("operations", 0.0) for one in candidates]
    return candidates[costs.index(sorted(costs)[(len(costs) - 1) // 2])]
