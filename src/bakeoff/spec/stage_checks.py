"""The rules of settings, wherever they stand, and of one stage; finds all mistakes at once.

Works on the plain tables of a file, which may be wrong in any way.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError

from bakeoff.spec.model import (
    MAX_CANDIDATES,
    MAX_POINTS,
    CandidateSpec,
    StageSpec,
    StudySpec,
)
from bakeoff.spec.plain import Finding
from bakeoff.spec.space import Space
from bakeoff.spec.wording import Path, house_message, shown, unknown_name

_TWICE = "values must differ, but {} is listed twice; remove one"
_ENTRY_KEYS = tuple(CandidateSpec.model_fields)


def settings_findings(
    table: object, path: Path, space: Space, *, also: Iterable[str] = ()
) -> Iterator[Finding]:
    """Unknown and wrong settings of one table."""
    if not isinstance(table, dict):
        return
    for name, value in table.items():
        if name not in space.names:
            message = unknown_name("setting", name, (*space.names, *also))
            if path == ("base",) and name in StudySpec.model_fields:
                message = f"{shown(name)} is a key of the study, not a setting; move it to the top"
            yield Finding((*path, name), message, at_key=True)
        else:
            yield from value_findings(name, value, (*path, name), space)


def value_findings(name: str, value: Any, path: Path, space: Space) -> Iterator[Finding]:
    """What is wrong with one value of one setting, its place being ``path``."""
    try:
        space.model.model_validate({name: value})
    except ValidationError as error:
        for one in error.errors(include_url=False):
            # An error without a place is a rule that ties settings together: not decided here.
            if one["loc"] and one["loc"][0] == name:
                rest = tuple(one["loc"][1:])
                label = f"{name}[{rest[0]}]" if rest else name
                yield Finding((*path, *rest), house_message(one, label))


def stage_findings(
    stage: dict[str, Any], i: int, space: Space, *, replication: bool
) -> Iterator[Finding]:
    """What is wrong with one stage.

    Args:
        stage: its table.
        i: its 0-based number.
        space: what can be set.
        replication: whether the study is one.
    """
    path: Path = ("stage", i)
    given = [key for key in ("vary", "candidate") if key in stage]
    # A key that is unknown is probably the missing one, misspelt, and is reported as such.
    if not given and set(stage) <= set(StageSpec.model_fields):
        message = "a stage needs `vary` or `candidate`, but has neither; add `vary.<setting> = […]`"
        yield Finding(path, message, at_key=True)
    if len(given) == 2:
        message = "`vary` and `candidate` exclude each other, but both are given; keep one"
        yield Finding((*path, "candidate"), message, at_key=True)
    for key in ("vary", "candidate", "tune", "carry"):
        if key in stage and stage[key] in ({}, []):
            message = (
                f"`{key}` must not be empty, but got {shown(stage[key])}; fill it or remove it"
            )
            yield Finding((*path, key), message)
    yield from _vary_findings(stage.get("vary"), (*path, "vary"), space, replication)
    yield from _entries_findings(stage.get("candidate"), (*path, "candidate"), space, replication)
    yield from _tune_findings(stage, (*path, "tune"), space, replication)
    yield from settings_findings(stage.get("carry"), (*path, "carry"), space)


def _vary_findings(vary: object, path: Path, space: Space, replication: bool) -> Iterator[Finding]:
    if not isinstance(vary, dict):
        return
    for name, values in vary.items():
        if name not in space.names:
            yield Finding((*path, name), unknown_name("setting", name, space.names), at_key=True)
        elif isinstance(values, list):
            for j, value in enumerate(values):
                yield from value_findings(name, value, (*path, name, j), space)
                if not replication and value in values[:j]:
                    yield Finding((*path, name, j), _TWICE.format(shown(value)))
    count = math.prod(len(values) for values in vary.values() if isinstance(values, list))
    if count > MAX_CANDIDATES:
        message = (
            f"a stage has at most {MAX_CANDIDATES} candidates, but the product has {shown(count)}; "
            "split the stage or list fewer values"
        )
        yield Finding(path, message, at_key=True)


def _entries_findings(
    entries: object, path: Path, space: Space, replication: bool
) -> Iterator[Finding]:
    if not isinstance(entries, list):
        return
    if len(entries) > MAX_CANDIDATES:
        message = (
            f"a stage has at most {MAX_CANDIDATES} candidates, but got {len(entries)}; split it"
        )
        yield Finding(path, message, at_key=True)
        return
    first_use: dict[str, int] = {}
    for j, entry in enumerate(entries):
        if not isinstance(entry, dict):
            continue
        settings = {name: value for name, value in entry.items() if name not in _ENTRY_KEYS}
        yield from settings_findings(settings, (*path, j), space, also=_ENTRY_KEYS)
        label = entry.get("label")
        if isinstance(label, str) and label in first_use:
            message = (
                f"labels must be unique within a stage, but {shown(label)} is also "
                f"candidate[{first_use[label]}]; rename one"
            )
            yield Finding((*path, j, "label"), message)
        elif isinstance(label, str):
            first_use[label] = j
        if "published" in entry and not replication:
            message = (
                "published numbers belong to a replication, but this is a study; "
                'set `kind = "replication"` or remove them'
            )
            yield Finding((*path, j, "published"), message, at_key=True)


def _tune_findings(
    stage: dict[str, Any], path: Path, space: Space, replication: bool
) -> Iterator[Finding]:
    tune = stage.get("tune")
    if not isinstance(tune, dict):
        return
    if replication and tune:
        message = (
            "a replication trains its author's models as they are, but `tune` is given; "
            "remove it, or make it a study"
        )
        yield Finding(path, message, at_key=True)
    taken = _asked_settings(stage)
    count = 1
    for name, values in tune.items():
        here = (*path, name)
        if name not in space.names:
            yield Finding(here, unknown_name("setting", name, space.names), at_key=True)
            continue
        if name in taken:
            message = (
                f"a setting is either asked about or tuned, but {shown(name)} is also "
                f"in `{taken[name]}`; remove one"
            )
            yield Finding(here, message, at_key=True)
        if isinstance(values, list):
            count *= len(values)
            for j, value in enumerate(values):
                yield from value_findings(name, value, (*here, j), space)
                if value in values[:j]:
                    yield Finding((*here, j), _TWICE.format(shown(value)))
        elif isinstance(values, dict):
            points = values.get("points", 8)
            count *= points if type(points) is int and points > 0 else 1
            yield from _range_findings(name, values, here, space)
    if count > MAX_POINTS:
        message = f"at most {MAX_POINTS} points are tuned over, but got {shown(count)}; list fewer"
        yield Finding(path, message, at_key=True)


def _asked_settings(stage: dict[str, Any]) -> dict[str, str]:
    """Which settings the stage asks about, and under which key."""
    vary, entries = stage.get("vary"), stage.get("candidate")
    taken = dict.fromkeys(vary, "vary") if isinstance(vary, dict) else {}
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            taken |= dict.fromkeys((name for name in entry if name not in _ENTRY_KEYS), "candidate")
    return taken


def _range_findings(name: str, one: dict[str, Any], path: Path, space: Space) -> Iterator[Finding]:
    if name not in space.numeric:
        message = (
            f"a range needs a setting that is a number, but {shown(name)} is none; list values"
        )
        yield Finding(path, message)
        return
    low, high = one.get("low"), one.get("high")
    broken = False
    for key, value in (("low", low), ("high", high)):
        if isinstance(value, bool) or not isinstance(value, int | float):
            broken = True  # missing or of a wrong type: the shape says so
        elif name in space.integers and type(value) is not int:
            broken = True
            message = f"`{name}` is a whole number, but got {shown(value)}; write {round(value)}"
            yield Finding((*path, key), message)
        else:
            for finding in value_findings(name, value, (*path, key), space):
                broken = True
                yield finding
    if broken or low is None or high is None:
        return
    if low >= high:
        message = f"`low < high` must hold, but got {shown(low)} >= {shown(high)}; swap them"
        yield Finding((*path, "high"), message)
    elif low <= 0 and one.get("scale", "log") == "log":
        message = f'`low > 0` must hold for `scale = "log"`, but got {shown(low)}; use "linear"'
        yield Finding((*path, "low"), message)
