"""The chain of decisions and its audit as a reader sees them; knows neither charts nor pages."""

from __future__ import annotations

from dataclasses import dataclass

from bakeoff.records import AuditSwap, StudyResult
from bakeoff.report.view_runs import mean_interval
from bakeoff.report.view_stages import StageView
from bakeoff.report.words import Metric, finite, visible


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One stage in the chain of decisions.

    Attributes:
        mean, low, high: of the chosen candidate; 95 % interval of the mean.
        gain: against what was carried in, paired; None in the first stage.
        counterfactual: metric of the final settings with this stage's choice swapped back; None
            where the audit did not try.
    """

    anchor: str
    name: str
    chosen: str
    kept: bool
    mean: float | None
    low: float | None
    high: float | None
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    lost_incumbent: bool
    counterfactuals: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class AuditView:
    """One swap of the chain audit: swapped minus final, in units of the metric."""

    kind: str
    stage: str
    label: str
    mean: float | None
    low: float | None
    high: float | None
    level: float | None
    num_replicates: int
    confirmed: bool | None
    sentence: str


def _swap_means(result: StudyResult, stage: str, measure: Metric) -> tuple[tuple[str, float], ...]:
    means = []
    for swap in result.audit:
        # Another learning rate answers another question; only what beat the final is drawn.
        if swap.stage != stage or (swap.kind != "runner-up" and not swap.confirmed):
            continue
        values = [measure.value(run) for run in swap.runs if run.status == "finished"]
        mean, *_ = mean_interval([value for value in values if value is not None], 0.0)
        if mean is not None:
            means.append((visible(swap.label), mean))
    return tuple(means)


def build_link(result: StudyResult, stage: StageView, measure: Metric) -> ChainLink:
    """One stage's place in the chain."""
    chosen = stage.candidate(stage.chosen)
    first = stage.number == 1
    return ChainLink(
        anchor=stage.anchor,
        name=stage.name,
        chosen=stage.chosen,
        kept=stage.carried_label == stage.chosen,
        mean=chosen.mean,
        low=chosen.low,
        high=chosen.high,
        gain=None if first else stage.gain,
        gain_low=None if first else stage.gain_low,
        gain_high=None if first else stage.gain_high,
        lost_incumbent=not stage.has_incumbent,
        counterfactuals=_swap_means(result, result.stages[stage.number - 1].name, measure),
    )


def build_audit(swap: AuditSwap) -> AuditView:
    """One swap of the audit as the report shows it."""
    comparison = swap.comparison
    return AuditView(
        kind=swap.kind,
        stage=visible(swap.stage),
        label=visible(swap.label),
        mean=finite(comparison.mean) if comparison else None,
        low=finite(comparison.low) if comparison else None,
        high=finite(comparison.high) if comparison else None,
        level=comparison.level if comparison else None,
        num_replicates=comparison.num_replicates if comparison else len(swap.runs),
        confirmed=swap.confirmed,
        sentence=visible(swap.sentence),
    )
