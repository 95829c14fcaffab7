"""How long a study may take: whether there is time to ask for more replicates."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from bakeoff import words
from bakeoff.records import StudyPlan


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
