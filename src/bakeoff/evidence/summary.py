"""Every mean, spread, interval and gain of a study's result, computed once.

Page, terminal, notebook and JSON read these numbers and compute none: a number that two of them show
is the same number. Knows records and intervals, no words beyond the names of candidates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bakeoff.evidence.final_summary import FinalSummary, summarise_final
from bakeoff.evidence.rule import sampling_of_result
from bakeoff.evidence.spreads import spreads
from bakeoff.evidence.stage_summary import (
    BaselineSummary,
    StageSummary,
    summarise_baseline,
    summarise_stage,
)
from bakeoff.records import Metric, StudyResult
from bakeoff.tasks.classification import is_unbalanced, metric_of


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """A result with all that is computed from it.

    Attributes:
        settings: of the model that the study ends with; None without a finished stage.
        baseline: share of the most frequent class, what knowing nothing scores; None where the
            classes are not known.
        unbalanced: whether balanced accuracy must stand beside accuracy.
        baselines: simple models on the same folds.
    """

    result: StudyResult
    metric: Metric
    stages: tuple[StageSummary, ...]
    final: FinalSummary | None
    settings: Mapping[str, Any] | None
    baseline: float | None
    unbalanced: bool
    baselines: tuple[BaselineSummary, ...]

    @property
    def num_failed(self) -> int:
        """Failed runs of the stages, of what has no verdict yet, and of the refits."""
        refits = self.final.num_failed if self.final else 0
        pending = sum(run.status == "failed" for run in self.result.pending)
        return sum(stage.num_failed for stage in self.stages) + pending + refits

    def swapped(self, stage: str) -> list[tuple[str, float]]:
        """Means of the final settings with the choice of a stage swapped back, by label.

        Another learning rate answers another question; of those only what beat the final counts.
        """
        found = []
        for swap in self.result.audit:
            if swap.stage == stage and (swap.kind == "runner-up" or swap.confirmed):
                value = spreads(swap.runs).get(f"val_{self.metric.name}")
                found += [] if value is None else [(swap.label, value.mean)]
        return found

    @property
    def replicates(self) -> list[int]:
        """All replicates that occur, sorted."""
        return sorted({r.replicate for s in self.result.stages for runs in s.runs for r in runs})


def summarise(result: StudyResult) -> Summary:
    """Everything that is computed from a result."""
    metric, data = metric_of(result), result.data
    sampling = sampling_of_result(result, metric.name)
    settings: Mapping[str, Any] | None = None
    if result.final is not None:
        settings = result.final.settings.effective()
    elif result.stages:
        settings = result.stages[-1].chosen.settings.effective()
    counts = data.class_counts
    baselines = tuple(summarise_baseline(one, metric) for one in result.baselines)
    return Summary(
        result=result,
        metric=metric,
        stages=tuple(
            summarise_stage(result, number, metric, sampling, settings or {}, baselines)
            for number in range(len(result.stages))
        ),
        final=summarise_final(result, metric),
        settings=settings,
        baseline=max(counts) / sum(counts) if sum(counts) else None,
        unbalanced=is_unbalanced(counts),
        baselines=baselines,
    )
