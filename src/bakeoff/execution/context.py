"""What the steps of one study share: its spec, its runs, the rule, its time, the door to the test part."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bakeoff import words
from bakeoff.data.dataset import Dataset
from bakeoff.evidence.verdicts import Rule, Sampling
from bakeoff.execution.candidates import CandidateMaker
from bakeoff.execution.door import TestDoor
from bakeoff.execution.runs import RunService
from bakeoff.records import Candidate, Floats, Replicate, Run, StudyPlan
from bakeoff.spec import StudySpec
from bakeoff.trainables.base import Request


@dataclass(frozen=True, slots=True)
class Budget:
    """Time for a whole study, kept by asking for fewer replicates.

    The first look of every stage and the refits are trained in any case: without them there would
    be no verdict and no model.

    Attributes:
        seconds: wall time from now on.
        plan: of the study: the least that each stage takes.
    """

    seconds: float
    plan: StudyPlan
    started: float = field(default_factory=time.perf_counter)

    def allows(self, index: int, num_runs: int, num_trained: int) -> bool:
        """Whether so many more runs and the least that comes after them probably end in time.

        Args:
            index: 0-based number of the stage that wants them; the audit counts on.
            num_runs: that are wanted.
            num_trained: so far, which tells the pace.
        """
        elapsed = time.perf_counter() - self.started
        after = sum(stage.min_runs for stage in self.plan.stages[index + 1 :]) + self.plan.refits
        pace = elapsed / max(1, num_trained)
        return elapsed + pace * (num_runs + after) <= self.seconds

    def ended(self, num_replicates: int, most: int) -> str:
        """What is said of a stage that it ended."""
        return (
            f"The budget of {words.duration(self.seconds)} ended this question after "
            f"{num_replicates} of up to {most} replicates."
        )


@dataclass(frozen=True, slots=True, eq=False)
class StudyContext:
    """Set up once by the chain; the steps read it.

    Attributes:
        spec: the study.
        maker: makes candidate records.
        dataset: its data.
        runs: where runs come from, and who watches them.
        rule: looks, alpha, delta and metric of the verdicts.
        replicates: one per run of a candidate at the last look.
        screening: the replicates on which nuisances are tuned.
        sampling: how the replicates are drawn.
        door: to the test part.
        budget: how long the study may take; None for as long as it takes.
    """

    spec: StudySpec
    maker: CandidateMaker
    dataset: Dataset
    runs: RunService
    rule: Rule
    replicates: tuple[Replicate, ...]
    screening: tuple[Replicate, ...]
    sampling: Sampling
    door: TestDoor
    budget: Budget | None = None

    def in_time(self, index: int, num_runs: int) -> bool:
        """Whether there is time for so many more runs of a stage; see ``Budget.allows``."""
        return self.budget is None or self.budget.allows(index, num_runs, self.runs.num_trained)

    def request(self, stage: str, candidate: Candidate, replicate: Replicate) -> Request:
        """The run of a candidate on a replicate."""
        return self.runs.request(
            stage,
            candidate.label,
            candidate.settings,
            replicate,
            test=self.spec.kind == "replication",
        )

    def train(
        self, stage: str, candidates: Sequence[Candidate], replicates: Sequence[Replicate]
    ) -> list[list[Run]]:
        """Runs of the candidates on the replicates, axes candidate, replicate."""
        requests = [
            self.request(stage, candidate, replicate)
            for candidate in candidates
            for replicate in replicates
        ]
        runs = iter(self.runs.get(requests, door=self.door))
        return [[next(runs) for _ in replicates] for _ in candidates]


def metric_array(runs: Sequence[Sequence[Run]], metric: str, num_replicates: int) -> Floats:
    """A validation metric as float64, shape (num_candidates, num_replicates); NaN where absent.

    A run that did not finish has none.
    """
    values = np.full((len(runs), num_replicates), np.nan)
    for row, candidate_runs in enumerate(runs):
        for column, run in enumerate(candidate_runs):
            if run.status == "finished":
                values[row, column] = run.metrics.get(f"val_{metric}", np.nan)
    return values
