"""From a stage and what was carried in to its candidates, their labels and the points they tune.

Pure and deterministic; knows nothing of files, data and runs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bakeoff import words
from bakeoff.records import Published
from bakeoff.settings import Settings
from bakeoff.spec.model import CandidateSpec, Range, StageSpec, TuneRange
from bakeoff.spec.parts import model_name
from bakeoff.spec.space import MODEL, AnySpace
from bakeoff.streams import Stream, generator


@dataclass(frozen=True, slots=True)
class DeclaredCandidate:
    """A candidate as its author declared it.

    Attributes:
        label: short and unique within its stage: the value alone (``relu``, ``64-64``) when one
            setting varies, ``key=value, key=value`` for several, or the author's own.
        declared: the settings the author gave (base, carried and varied), without defaults.
        published: in a replication, the author's numbers.
    """

    label: str
    declared: Mapping[str, Any]
    published: Published | None = None


def stage_candidates(stage: StageSpec, carried: Mapping[str, Any]) -> list[DeclaredCandidate]:
    """The declared candidates of a stage, in declared order, the incumbent not included.

    Args:
        stage: of a study that was checked.
        carried: all declared settings that the stage starts from: the base in the first stage,
            the chosen candidate's ``declared`` after it.
    """
    overrides = [change for _, change in stage_overrides(stage)]
    return [
        DeclaredCandidate(label, changed(carried, change), published)
        for label, change, published in zip(
            _labels(stage, overrides), overrides, _published(stage), strict=False
        )
    ]


def changed(carried: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Declared settings with a change; a change of the model leaves nothing of the other one's."""
    if MODEL in change and change[MODEL] != carried.get(MODEL):
        return dict(change)
    return {**carried, **change}


def stage_overrides(stage: StageSpec) -> Iterator[tuple[tuple[int, ...], dict[str, Any]]]:
    """What each candidate changes, with its place: value numbers in ``vary``, or entry number.

    What a search will find is not known: it stands there as one that changes nothing.
    """
    if stage.search:
        yield (), {}
        return
    if stage.candidate:
        for number, entry in enumerate(stage.candidate):
            own = {} if entry.model is None else {MODEL: model_name(entry.model)}
            yield (number,), own | entry.settings
        return
    numbered = [
        list(enumerate(values)) for values in stage.vary.values() if not isinstance(values, Range)
    ]
    for combination in itertools.product(*numbered):
        numbers = tuple(number for number, _ in combination)
        values = [value for _, value in combination]
        yield numbers, dict(zip(stage.vary, values, strict=True))


def label_of(stage: StageSpec, settings: Settings) -> str | None:
    """What a stage's table would call these settings; None where candidates are listed or found."""
    if not stage.vary or stage.search:
        return None
    return _label({name: settings[name] for name in stage.vary})


def tuning_points(stage: StageSpec, space: AnySpace, *, seed: int) -> list[dict[str, Any]]:
    """Every combination of nuisance values that each candidate tries; empty without ``tune``.

    Lists make a grid. Ranges are covered together by one scrambled Sobol sequence
    (scipy.stats.qmc.Sobol; Owen 1998), as long as the largest ``points`` among them; each Sobol
    point meets each point of the grid.

    Args:
        stage: of a study that was checked.
        space: of the study; it tells which settings must be whole numbers.
        seed: of the study; it scrambles the sequence. All candidates share the points.
    """
    if not stage.tune:
        return []
    grids = {name: list(v) for name, v in stage.tune.items() if not isinstance(v, TuneRange)}
    ranges = {name: v for name, v in stage.tune.items() if isinstance(v, TuneRange)}
    swept = _sobol(ranges, space, seed) if ranges else [{}]
    points: list[dict[str, Any]] = []
    for values in itertools.product(*grids.values()):
        cell = dict(zip(grids, values, strict=True))
        for sweep in swept:
            point = {name: (cell | sweep)[name] for name in stage.tune}
            if point not in points:  # whole numbers of a narrow range may repeat
                points.append(point)
    return points


def num_tuning_points(stage: StageSpec) -> int:
    """At most how many points ``tuning_points`` gives, without making them."""
    sizes = [len(values) for values in stage.tune.values() if not isinstance(values, TuneRange)]
    sweeps = [values.points for values in stage.tune.values() if isinstance(values, TuneRange)]
    return math.prod(sizes) * max(sweeps, default=1) if stage.tune else 0


def _sobol(ranges: Mapping[str, TuneRange], space: AnySpace, seed: int) -> list[dict[str, Any]]:
    """The joint Sobol points of the ranges, in the order of the sequence."""
    from scipy.stats import qmc  # here, because most studies need no scipy to be checked

    wanted = max(one.points for one in ranges.values())
    power = math.ceil(math.log2(wanted))
    rng = generator(seed, Stream.TUNING, 0)
    unit = qmc.Sobol(len(ranges), scramble=True, rng=rng).random_base2(power)[:wanted]
    return [
        {
            name: value_at(one, float(position), whole=is_whole(name, one, space))
            for (name, one), position in zip(ranges.items(), row, strict=True)
        }
        for row in unit
    ]


def is_whole(name: str, one: Range, space: AnySpace) -> bool:
    """Whether the values of a range are whole: where they must be, or may be and both ends are."""
    ends = type(one.low) is int and type(one.high) is int
    return name in space.integers or (ends and name in space.either)


def value_at(one: Range, position: float, *, whole: bool) -> int | float:
    """The value at a position between 0 and 1 of a range, to four significant digits."""
    if one.scale == "log":
        value = one.low * math.pow(one.high / one.low, position)
    else:
        value = one.low + (one.high - one.low) * position
    return rounded(one, value, whole=whole)


def rounded(one: Range, value: float, *, whole: bool) -> int | float:
    """A value of a range to four significant digits, or to a whole number."""
    if whole:
        return round(value)
    # Four digits keep labels readable; the ends keep the rounding inside the range.
    return min(max(float(f"{value:.4g}"), float(one.low)), float(one.high))


def _published(stage: StageSpec) -> Iterator[Published | None]:
    """One per candidate; endless Nones where candidates come from ``vary``."""
    for entry in stage.candidate:
        numbers = entry.published
        yield None if numbers is None else Published(numbers.test_accuracy, numbers.test_loss)
    while True:
        yield None


def _label(change: Mapping[str, Any]) -> str:
    if not change:
        return "as carried in"
    if len(change) == 1:
        return words.setting(next(iter(change.values())))
    return ", ".join(f"{name}={words.setting(value)}" for name, value in change.items())


def _labels(stage: StageSpec, overrides: list[dict[str, Any]]) -> list[str]:
    """Labels in order; a repeated one gets a number, as identical models of a replication need."""
    if stage.candidate:
        wanted = list(_entry_labels(stage.candidate, overrides))
    else:
        wanted = [_label(change) for change in overrides]
    # An author's own label is never renamed for the sake of one that was made here.
    taken = {entry.label for entry in stage.candidate if entry.label is not None}
    own = [entry.label is not None for entry in stage.candidate] or [False] * len(wanted)
    labels = []
    for label, is_own in zip(wanted, own, strict=True):
        unique = label
        numbers = itertools.count(2)
        while not is_own and unique in taken:
            unique = f"{label} ({next(numbers)})"
        taken.add(unique)
        labels.append(unique)
    return labels


def _entry_labels(
    entries: tuple[CandidateSpec, ...], overrides: list[dict[str, Any]]
) -> Iterator[str]:
    """The author's label, else the settings in which the entries differ."""
    names = list(dict.fromkeys(name for change in overrides for name in change))
    first = overrides[0]
    differing = [
        name
        for name in names
        if any(name not in change or change[name] != first.get(name) for change in overrides)
    ]
    for entry, change in zip(entries, overrides, strict=True):
        if entry.label is not None:
            yield entry.label
            continue
        shown = {name: change[name] for name in differing or names if name in change}
        if len(differing or names) == 1 or not shown:
            yield _label(shown)
        else:
            yield ", ".join(f"{name}={words.setting(value)}" for name, value in shown.items())
