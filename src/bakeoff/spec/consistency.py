"""Rules that tie stages together: pins that name a candidate, candidates that repeat each other.

Works on stages whose own rules hold; knows nothing of files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from bakeoff.spec.candidates import changed, stage_candidates, stage_overrides
from bakeoff.spec.messages import Finding, Path, shown
from bakeoff.spec.model import Range, StageSpec
from bakeoff.spec.space import AnySpace


def check_chain(
    base: Mapping[str, Any],
    stages: Sequence[StageSpec | None],
    space: AnySpace,
    *,
    replication: bool,
) -> Iterator[Finding]:
    """What the stages break together.

    Args:
        base: checked settings.
        stages: in order; None for a stage that has mistakes of its own.
        space: what can be set.
        replication: whether every choice must be pinned and models may repeat.
    """
    settled = dict(base)  # what is surely carried in
    open_settings: set[str] = set()  # what the evidence will choose
    couples = [_couple(base, space)]  # every combination of coupled settings that may be carried in
    finding = _broken_couple(base, couples[0], space)
    if finding is not None:
        yield finding
        return  # every candidate would repeat it
    for i, stage in enumerate(stages):
        if stage is None:
            open_settings |= set(space.names)
            continue
        overrides = list(stage_overrides(stage))
        broken, couples = _coupled(stage, i, overrides, couples, space)
        if broken is not None:
            yield broken
            open_settings |= set(space.names)
            continue
        if not replication:
            knows_switches = not (open_settings | set(stage.found)) & space.switches
            yield from _repeats(stage, i, settled, overrides, space, knows_switches=knows_switches)
        asked = {name for _, change in overrides for name in change}
        if stage.carry is None:
            open_settings |= asked | set(stage.found)
            if replication and len(overrides) > 1:
                message = (
                    "a replication pins every choice, but this stage has no `carry`; "
                    "add `carry = {…}` with what its author went on with"
                )
                yield Finding(("stage", i), message)
            continue
        stray = next((name for name in stage.carry if name not in asked), None)
        if stray is not None:
            message = (
                f"`carry` names settings that the stage asks about, but {shown(stray)} is none of "
                f"{', '.join(sorted(asked))}; remove it"
            )
            yield Finding(("stage", i, "carry", stray), message)
            open_settings |= asked
            continue
        pinned = _pinned(stage, settled, overrides, space)
        if pinned is None:
            labels = [shown(one.label) for one in stage_candidates(stage, settled)]
            message = (
                f"`carry` must match a candidate of the stage, but {shown(stage.carry)} is "
                f"none of {', '.join(labels[:20])}; pin the settings of one of them"
            )
            yield Finding(("stage", i, "carry"), message)
            open_settings |= asked
        else:
            settled = changed(settled, pinned)
            open_settings = (open_settings | set(stage.found)) - asked
            couples = [_couple(changed(couple, pinned), space) for couple in couples]


def _couple(settings: Mapping[str, Any], space: AnySpace) -> dict[str, Any]:
    return {name: settings[name] for name in space.coupled if name in settings}


def _broken_couple(
    base: Mapping[str, Any], couple: Mapping[str, Any], space: AnySpace
) -> Finding | None:
    message = space.broken_rule(couple)
    if message is None:
        return None
    name = next(name for name in space.coupled if name in base)
    return Finding(("base", name), f"{message}; change one of them")


def _coupled(
    stage: StageSpec,
    i: int,
    overrides: Sequence[tuple[tuple[int, ...], dict[str, Any]]],
    carried: list[dict[str, Any]],
    space: AnySpace,
) -> tuple[Finding | None, list[dict[str, Any]]]:
    """Tries every combination of coupled settings the stage can meet.

    Returns:
        the first broken one with its place, and every combination that may go on.
    """
    names = {name for _, change in overrides for name in change} | set(stage.found)
    if not names & set(space.coupled):
        return None, carried
    goes_on = list(carried)
    met = {_hashable(couple) for couple in carried}
    # What a stage replaces anyway need not be told apart: else combinations multiply by stages.
    always = set(stage.found).union(set.intersection(*(set(change) for _, change in overrides)))
    differing = {
        _hashable(kept): kept
        for couple in carried
        for kept in [{name: value for name, value in couple.items() if name not in always}]
    }.values()
    for numbers, change in overrides:
        for tuned_path, tuned in _tuned_couples(stage, space):
            for couple in differing:
                new = _couple(changed(couple, change), space) | tuned
                if (key := _hashable(new)) in met:
                    continue
                met.add(key)
                message = space.broken_rule(new)
                if message is not None:
                    path = _couple_path(stage, i, numbers, change, tuned_path, space)
                    return Finding(path, f"{message}; change one of them"), carried
                goes_on.append(new)
    return None, goes_on


def _tuned_couples(stage: StageSpec, space: AnySpace) -> list[tuple[Path, dict[str, Any]]]:
    """Every tuned combination of the coupled settings (a range: its ends), with its place."""
    found: list[tuple[Path, dict[str, Any]]] = [((), {})]
    for name in space.coupled:
        if name not in stage.found:
            continue
        values = stage.found[name]
        here: list[tuple[Path, Any]] = (
            [((name, "low"), values.low), ((name, "high"), values.high)]
            if isinstance(values, Range)
            else [((name, j), value) for j, value in enumerate(values)]
        )
        found = [
            (path or place, {**couple, name: value})
            for path, couple in found
            for place, value in here
        ]
    return found


def _couple_path(
    stage: StageSpec,
    i: int,
    numbers: tuple[int, ...],
    change: Mapping[str, Any],
    tuned_path: Path,
    space: AnySpace,
) -> Path:
    """The place of the first coupled setting that the stage itself brings in."""
    name = next((name for name in space.coupled if name in change), None)
    if name is None:
        return ("stage", i, "vary" if stage.search else "tune", *tuned_path)
    if stage.candidate:
        return ("stage", i, "candidate", numbers[0], name)
    return ("stage", i, "vary", name, numbers[list(stage.vary).index(name)])


def _pinned(
    stage: StageSpec,
    settled: Mapping[str, Any],
    overrides: Sequence[tuple[tuple[int, ...], dict[str, Any]]],
    space: AnySpace,
) -> dict[str, Any] | None:
    """What the first candidate with all settings of ``carry`` changes; None without one."""
    for _, change in overrides:
        try:
            values = space.complete(changed(settled, change)).plain()
        except ValidationError:  # of another model than what an open choice will carry in
            continue
        if stage.carry is not None and all(values.get(k) == v for k, v in stage.carry.items()):
            return change
    return None


def _repeats(
    stage: StageSpec,
    i: int,
    settled: Mapping[str, Any],
    overrides: Sequence[tuple[tuple[int, ...], dict[str, Any]]],
    space: AnySpace,
    *,
    knows_switches: bool,
) -> Iterator[Finding]:
    """Candidates of one stage that would train the same network in the same way.

    Where the evidence of an earlier stage decides whether a setting has an effect, only
    candidates that are equal in every word count.
    """
    seen: dict[object, int] = {}
    labels = [one.label for one in stage_candidates(stage, settled)]
    reported: set[Path] = set()
    for k, (numbers, change) in enumerate(overrides):
        same: object = _hashable(change)
        if knows_switches:
            try:
                same = space.complete(changed(settled, change)).fingerprint()
            except ValidationError as error:
                yield from _incomplete(stage, i, numbers, error)
                return
        if same not in seen:
            seen[same] = k
            continue
        path = _repeat_path(stage, i, overrides[seen[same]][0], numbers)
        if path not in reported:
            reported.add(path)
            message = (
                f"candidates must differ, but {shown(labels[k])} trains the same network as "
                f"{shown(labels[seen[same]])}; remove one, or vary what has an effect"
            )
            yield Finding(path, message)


def _incomplete(
    stage: StageSpec, i: int, numbers: tuple[int, ...], error: ValidationError
) -> Iterator[Finding]:
    """Settings without a default that neither base nor stage gives."""
    for one in error.errors(include_url=False):
        name = str(one["loc"][0]) if one["loc"] else ""
        if one["type"] == "missing" and name not in stage.found:
            path: Path = ("stage", i, "candidate", numbers[0]) if stage.candidate else ("stage", i)
            message = f"{shown(name)} has no default, so it must be given; add it to [base]"
            yield Finding(path, message)


def _hashable(value: Any) -> Any:
    """The same for equal values only, in whatever order a table has its keys."""
    return json.dumps(value, sort_keys=True)


def _repeat_path(stage: StageSpec, i: int, first: tuple[int, ...], second: tuple[int, ...]) -> Path:
    """The value or entry that brings nothing new."""
    if stage.candidate:
        return ("stage", i, "candidate", second[0])
    for name, old, new in zip(stage.vary, first, second, strict=True):
        if old != new:
            return ("stage", i, "vary", name, new)
    return ("stage", i, "vary")
