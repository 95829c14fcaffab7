"""Nuisance hyperparameters: each candidate finds its own best on screening replicates.

The procedure is a small race: every point on one screening replicate, the best two on all of
them, then one. Screening replicates never decide a stage.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from bakeoff.evidence.spreads import edge, is_number
from bakeoff.execution.context import StudyContext, metric_array
from bakeoff.records import Candidate, Metric, Run, TuningPoint
from bakeoff.spec import StageSpec, tuning_points

NUM_FINALISTS = 2


@dataclasses.dataclass(slots=True, eq=False)
class Point:
    """Some values for some settings of a candidate, and how they do on screening replicates.

    Attributes:
        candidate: with these values.
        values: setting → value.
        runs: so far.
    """

    candidate: Candidate
    values: Mapping[str, Any]
    runs: list[Run]

    @property
    def finished(self) -> bool:
        """Whether no run of it failed."""
        return all(run.status == "finished" for run in self.runs)


def rank(point: Point, metric: Metric) -> tuple[int, float, float]:
    """Smaller is better: runs that failed, then the metric's mean over the others, then the loss."""
    finished = [run for run in point.runs if run.status == "finished"]
    num_failed = len(point.runs) - len(finished)
    if not finished:
        return (num_failed, float("inf"), float("inf"))
    score = float(metric_array([finished], metric.name, len(finished)).mean())
    # A model that gives no probabilities has no loss: equals are then told apart by their order.
    losses = [value for run in finished if (value := run.value("val_loss")) is not None]
    loss = sum(losses) / len(losses) if losses else 0.0
    return (num_failed, -metric.sign * score, loss)


def tune(
    context: StudyContext, stage: StageSpec, candidates: Sequence[Candidate]
) -> tuple[list[Candidate], tuple[TuningPoint, ...]]:
    """Gives every candidate its own best nuisance values.

    All try the same points. What the incumbent was carried in with is one of them, so that it
    cannot lose by being tuned, and neither can it win by a point that its rivals were not given.

    Returns:
        the candidates with tuned settings, and every point that was tried.
    """
    grid = tuning_points(stage, context.runs.trainable.space, seed=context.spec.seed)
    for candidate in candidates:
        if candidate.incumbent:
            carried = {name: candidate.settings.plain()[name] for name in grid[0]}
            if carried not in grid:
                grid.append(carried)
    races = [
        [Point(_with(context, candidate, values), values, []) for values in grid]
        for candidate in candidates
    ]
    first, rest = context.screening[:1], context.screening[1:]
    everyone = [point for race in races for point in race]
    for point, runs in zip(
        everyone,
        context.train(stage.name, [point.candidate for point in everyone], first),
        strict=True,
    ):
        point.runs.extend(runs)

    def place(point: Point) -> tuple[int, float, float]:
        return rank(point, context.rule.metric)

    # `sorted` is stable: among equals the earlier declared point goes first.
    finalists = [_finalists(sorted(race, key=place)) for race in races]
    racing = [point for pair in finalists if len(pair) > 1 for point in pair]
    if racing and rest:
        for point, runs in zip(
            racing,
            context.train(stage.name, [point.candidate for point in racing], rest),
            strict=True,
        ):
            point.runs.extend(runs)
    chosen = [min(pair, key=place) for pair in finalists]
    points = tuple(
        TuningPoint(
            candidate=point.candidate.label,
            values=dict(point.values),
            runs=tuple(point.runs),
            chosen=point is best,
            at_edge=_edges(point.values, [other.values for other in race]) if point is best else (),
        )
        for race, best in zip(races, chosen, strict=True)
        for point in race
    )
    return [best.candidate for best in chosen], points


def _finalists(race: Sequence[Point]) -> list[Point]:
    """The best two that did not fail, or of points that all failed the first two."""
    alive = [point for point in race if point.finished]
    return list(alive or race)[:NUM_FINALISTS]


def _with(context: StudyContext, candidate: Candidate, values: Mapping[str, Any]) -> Candidate:
    return context.maker.make(
        candidate.label,
        {**candidate.declared, **values},
        incumbent=candidate.incumbent,
        published=candidate.published,
        tuned=values,
    )


def _edges(values: Mapping[str, Any], tried: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Names whose value is the smallest or largest tried; needs an order and three values."""
    edges = []
    for name, value in values.items():
        if edge(value, {point[name] for point in tried if is_number(point[name])}):
            edges.append(name)
    return tuple(edges)
