"""A search as the beginning of a stage: one of Optuna's samplers proposes what competes.

It is asked and told in batches, on screening replicates, which never decide a stage: most runs try a
point each on the first of them, the rest try the best again on the others, because the best of many is
ahead by luck. The sampler is seeded by the study and a batch is no matter of how many workers there
are, so that an interrupted search, begun again, asks for the same runs and finds them in the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bakeoff import streams
from bakeoff.errors import UsageError
from bakeoff.execution.context import StudyContext
from bakeoff.execution.tuning import Point, rank
from bakeoff.records import TuningPoint
from bakeoff.spec import (
    DeclaredCandidate,
    Range,
    SearchSpec,
    StageSpec,
    StudySpec,
    changed,
    is_whole,
    rounded,
    value_at,
)
from bakeoff.spec.space import AnySpace

NUM_FINALISTS = 3
MOST_AGAIN = 6
"""Points that are tried on every screening replicate."""


def load_optuna(what: str) -> Any:
    """The package, which is an extra.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise UsageError(
            f"{what}: Optuna is not installed; install it with `pip install 'bakeoff[optuna]'`"
        ) from error
    if optuna.logging.get_verbosity() < optuna.logging.WARNING:  # it tells of every study it makes
        optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def check_searches(spec: StudySpec) -> None:
    """Imports Optuna where a stage searches, before anything is trained.

    Raises:
        UsageError: it is not installed.
    """
    for stage in spec.stage:
        if stage.search:
            load_optuna(f"stage {stage.name}")


def num_points(search: SearchSpec, num_screening: int) -> tuple[int, int]:
    """How many points are tried once, and how many of them on every screening replicate."""
    again = min(MOST_AGAIN, search.runs // MOST_AGAIN)
    if again <= NUM_FINALISTS or num_screening < 2:
        return search.runs, 0
    return search.runs - again * (num_screening - 1), again


def search_candidates(
    context: StudyContext,
    index: int,
    stage: StageSpec,
    search: SearchSpec,
    carried: Mapping[str, Any],
) -> tuple[list[DeclaredCandidate], tuple[TuningPoint, ...]]:
    """The best points of a search, to be compared on other replicates.

    Args:
        index: 0-based number of the stage.
        stage, search: its declaration, and that of its search.
        carried: declared settings over which it searches.

    Returns:
        at most three candidates that differ, the best first, and every point that was tried.
    """
    once, again = num_points(search, len(context.screening))
    points = _asked(context, index, stage, search, carried, once)

    def place(point: Point) -> tuple[int, float, float]:
        return rank(point, context.rule.metric)

    unlike: dict[str, Point] = {}
    for point in points:
        unlike.setdefault(point.candidate.settings.fingerprint(), point)
    # `sorted` is stable: among equals the point that was asked first goes first.
    best = sorted(unlike.values(), key=place)
    tried = [point for point in best[:again] if point.finished]
    if tried:
        _try(context, stage, tried, slice(1, None))
    alive = [point for point in sorted(tried, key=place) if point.finished]
    alive += [point for point in best if point not in tried]
    chosen = (alive or best)[:NUM_FINALISTS]
    return (
        [DeclaredCandidate(one.candidate.label, one.candidate.declared) for one in chosen],
        tuple(
            TuningPoint(one.candidate.label, dict(one.values), tuple(one.runs), one in chosen)
            for one in points
        ),
    )


def _asked(
    context: StudyContext,
    index: int,
    stage: StageSpec,
    search: SearchSpec,
    carried: Mapping[str, Any],
    num: int,
) -> list[Point]:
    """So many points, each with its run on the first screening replicate."""
    optuna = load_optuna(f"stage {stage.name}")
    seed = streams.sequence(context.spec.seed, streams.Stream.TUNING, 0, index + 1)
    make = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
    sampler = make[search.sampler](seed=int(seed.generate_state(1)[0]))
    study = optuna.create_study(sampler=sampler, direction="maximize")
    space = _Space(stage, context.runs.trainable.space, optuna.distributions)
    metric, points = context.rule.metric, list[Point]()
    while len(points) < num:
        asked = [
            study.ask(space.distributions) for _ in range(min(search.batch, num - len(points)))
        ]
        batch = []
        for number, one in enumerate(asked, len(points) + 1):
            values = space.values(one.params)
            candidate = context.maker.make(f"point {number}", changed(carried, values))
            batch.append(Point(candidate, values, []))
        _try(context, stage, batch, slice(0, 1))
        for one, point in zip(asked, batch, strict=True):
            value = point.runs[0].value(f"val_{metric.name}") if point.finished else None
            if value is None:
                study.tell(one, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(one, metric.sign * value)
        points += batch
    return points


def _try(context: StudyContext, stage: StageSpec, points: Sequence[Point], part: slice) -> None:
    """Trains points on some of the screening replicates."""
    candidates = [point.candidate for point in points]
    runs = context.train(stage.name, candidates, context.screening[part])
    for point, more in zip(points, runs, strict=True):
        point.runs.extend(more)


class _Space:
    """What a stage varies, as Optuna's distributions; values of a list go by their number."""

    def __init__(self, stage: StageSpec, space: AnySpace, kinds: Any) -> None:
        self._vary = stage.vary
        self._whole = {
            name
            for name, one in stage.vary.items()
            if isinstance(one, Range) and is_whole(name, one, space)
        }
        self.distributions: dict[str, Any] = {}
        for name, one in stage.vary.items():
            if not isinstance(one, Range):
                made = kinds.CategoricalDistribution(list(range(len(one))))
            elif name in self._whole:
                made = kinds.IntDistribution(int(one.low), int(one.high), log=one.scale == "log")
            else:
                made = kinds.FloatDistribution(one.low, one.high, log=one.scale == "log")
            self.distributions[name] = made

    def values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that Optuna's parameters stand for."""
        return {
            name: rounded(one, params[name], whole=name in self._whole)
            if isinstance(one, Range)
            else one[params[name]]
            for name, one in self._vary.items()
        }


def said(search: SearchSpec, points: Sequence[TuningPoint]) -> str:
    """What a verdict says of where its candidates come from."""
    chosen = sum(point.chosen for point in points)
    return (
        f"The candidates are the best {chosen} of {len(points)} points that a search "
        f"({search.sampler}, {search.runs} runs) tried on replicates that decide nothing."
    )


def planned(stage: StageSpec, carried: Mapping[str, Any], space: AnySpace) -> DeclaredCandidate:
    """What stands in a plan for what a search will find: the middle of what is varied."""
    values = {
        name: value_at(one, 0.5, whole=is_whole(name, one, space))
        if isinstance(one, Range)
        else one[len(one) // 2]
        for name, one in stage.vary.items()
    }
    return DeclaredCandidate("the best points", changed(carried, values))
