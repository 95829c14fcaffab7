"""The rules of settings, wherever they stand, and of one stage; finds all mistakes at once.

Works on the plain tables of a file, which may be wrong in any way.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from bakeoff.spec.messages import Finding, Path, house_message, one_of, shown, unknown_name
from bakeoff.spec.model import MAX_CANDIDATES, MAX_POINTS, CandidateSpec, StageSpec, StudySpec
from bakeoff.spec.parts import MODEL_KINDS
from bakeoff.spec.space import MODEL, Space

_TWICE = "values must differ, but {} is listed twice; remove one"
_ENTRY_KEYS = tuple(CandidateSpec.model_fields)


@dataclass(frozen=True, slots=True)
class Models:
    """The spaces that a table of settings must fit.

    Attributes:
        every: name of the model → its space, None where it cannot be had, of the whole study.
        here: names of those that the table may meet.
    """

    every: Mapping[str, Space | None]
    here: tuple[str, ...]

    @property
    def spaces(self) -> list[tuple[str, Space]]:
        """Those here whose settings are known."""
        found = ((name, self.every[name]) for name in self.here)
        return [(name, space) for name, space in found if space is not None]

    @property
    def mixed(self) -> bool:
        """Whether the study has several."""
        return len(self.every) > 1

    def numeric(self, name: str) -> bool:
        """Whether a range of this setting makes sense."""
        return all(name in space.numeric for _, space in self.spaces)

    def whole(self, name: str) -> bool:
        """Whether its values must be whole numbers."""
        return any(name in space.integers for _, space in self.spaces)

    def unknown(self, name: str, also: Iterable[str] = ()) -> str | None:
        """What to say of a name that some model here does not know; None if all know it."""
        for model, space in self.spaces:
            if name not in space.names and not (self.mixed and name == MODEL):
                of = f" of {shown(model)}" if self.mixed else ""
                return unknown_name("setting", name, (*space.names, *also), of=of)
        return None


def settings_findings(
    table: object, path: Path, models: Models, *, also: Iterable[str] = ()
) -> Iterator[Finding]:
    """Unknown and wrong settings of one table."""
    if not isinstance(table, dict):
        return
    for name, value in table.items():
        message = models.unknown(name, also)
        if message is not None:
            if path == ("base",) and name in StudySpec.model_fields:
                message = f"{shown(name)} is a key of the study, not a setting; move it to the top"
            yield Finding((*path, name), message)
        else:
            yield from value_findings(name, value, (*path, name), models)


def value_findings(name: str, value: Any, path: Path, models: Models) -> Iterator[Finding]:
    """What is wrong with one value of one setting, its place being ``path``."""
    if models.mixed and name == MODEL:
        if value not in models.every:
            yield Finding(path, one_of(tuple(models.every), value))
        return
    for _, space in models.spaces:
        try:
            space.model.model_validate({name: value})
        except ValidationError as error:
            for one in error.errors(include_url=False):
                # An error without a place is a rule that ties settings together: not decided here.
                if one["loc"] and one["loc"][0] == name:
                    rest = tuple(part for part in one["loc"][1:] if isinstance(part, int))
                    label = f"{name}[{rest[0]}]" if rest else name
                    yield Finding((*path, *rest), house_message(one, label))
            return


def stage_findings(
    stage: dict[str, Any], i: int, models: Models, *, replication: bool
) -> Iterator[Finding]:
    """What is wrong with one stage.

    Args:
        stage: its table.
        i: its 0-based number.
        models: what can be set; here: what may be carried in.
        replication: whether the study is one.
    """
    path: Path = ("stage", i)
    given = [key for key in ("vary", "candidate") if key in stage]
    # A key that is unknown is probably the missing one, misspelt, and is reported as such.
    if not given and set(stage) <= set(StageSpec.model_fields):
        message = "a stage needs `vary` or `candidate`, but has neither; add `vary.<setting> = […]`"
        yield Finding(path, message)
    if len(given) == 2:
        message = "`vary` and `candidate` exclude each other, but both are given; keep one"
        yield Finding((*path, "candidate"), message)
    for key in ("vary", "candidate", "tune", "carry"):
        if key in stage and stage[key] in ({}, []):
            message = (
                f"`{key}` must not be empty, but got {shown(stage[key])}; fill it or remove it"
            )
            yield Finding((*path, key), message)
    yield from _search_findings(stage, path, replication)
    yield from _vary_findings(stage, (*path, "vary"), models, replication)
    yield from _entries_findings(stage.get("candidate"), (*path, "candidate"), models, replication)
    meets = replace(models, here=models_in(stage, models.here))
    yield from _tune_findings(stage, (*path, "tune"), meets, replication)
    if isinstance(carry := stage.get("carry"), dict) and carry.get(MODEL) in models.every:
        meets = replace(models, here=(carry[MODEL],))
    yield from settings_findings(carry, (*path, "carry"), meets)


def models_in(stage: Mapping[str, Any], carried: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the models that may compete in a stage, those of the incumbent included."""
    entries = stage.get("candidate")
    own = [
        name
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and (name := name_of(entry.get("model"))) is not None
    ]
    return tuple(dict.fromkeys([*carried, *own]))


def name_of(model: object) -> str | None:
    """What an unchecked model is called; None where that is not to be seen."""
    if isinstance(model, dict):
        model = next((model[kind] for kind in MODEL_KINDS if kind in model), None)
    return model if isinstance(model, str) else None


def _search_findings(stage: dict[str, Any], path: Path, replication: bool) -> Iterator[Finding]:
    """What cannot stand beside a search."""
    if "search" not in stage:
        return
    if replication:
        message = (
            "a replication trains its author's models as they are, but `search` is given; remove it, "
            "or make it a study"
        )
        yield Finding((*path, "search"), message)
    for key in ("candidate", "tune", "carry"):
        if key in stage:
            message = (
                f"a search finds its candidates in what is varied, but `{key}` is given; remove it, "
                "or ask that in a stage of its own"
            )
            yield Finding((*path, key), message)


def _vary_findings(
    stage: dict[str, Any], path: Path, models: Models, replication: bool
) -> Iterator[Finding]:
    vary, searched = stage.get("vary"), "search" in stage
    if not isinstance(vary, dict):
        return
    for name, values in vary.items():
        message = models.unknown(name)
        if message is not None:
            yield Finding((*path, name), message)
        elif isinstance(values, list) and len(values) <= MAX_CANDIDATES:
            for j, value in enumerate(values):
                yield from value_findings(name, value, (*path, name, j), models)
                if not replication and value in values[:j]:
                    yield Finding((*path, name, j), _TWICE.format(shown(value)))
        elif isinstance(values, dict) and searched:
            yield from _range_findings(name, values, (*path, name), models)
        elif isinstance(values, dict):
            message = (
                "a range belongs to a search, but this stage has none; list values, or add "
                '`search = { sampler = "tpe", runs = 60 }`'
            )
            yield Finding((*path, name), message)
    if searched:
        return
    count = math.prod(len(values) for values in vary.values() if isinstance(values, list))
    if count > MAX_CANDIDATES:
        message = (
            f"a stage has at most {MAX_CANDIDATES} candidates, but the product has {shown(count)}; "
            "split the stage or list fewer values"
        )
        yield Finding(path, message)


def _entries_findings(
    entries: object, path: Path, models: Models, replication: bool
) -> Iterator[Finding]:
    if not isinstance(entries, list):
        return
    if len(entries) > MAX_CANDIDATES:
        message = (
            f"a stage has at most {MAX_CANDIDATES} candidates, but got {len(entries)}; split it"
        )
        yield Finding(path, message)
        return
    first_use: dict[str, int] = {}
    for j, entry in enumerate(entries):
        if not isinstance(entry, dict):
            continue
        settings = {name: value for name, value in entry.items() if name not in _ENTRY_KEYS}
        own = name_of(entry.get("model"))
        meets = models if own is None or own not in models.every else replace(models, here=(own,))
        yield from settings_findings(settings, (*path, j), meets, also=_ENTRY_KEYS)
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
            yield Finding((*path, j, "published"), message)


def _tune_findings(
    stage: dict[str, Any], path: Path, models: Models, replication: bool
) -> Iterator[Finding]:
    tune = stage.get("tune")
    if not isinstance(tune, dict):
        return
    if replication and tune:
        message = (
            "a replication trains its author's models as they are, but `tune` is given; "
            "remove it, or make it a study"
        )
        yield Finding(path, message)
    taken = _asked_settings(stage)
    count = 1
    for name, values in tune.items():
        here = (*path, name)
        unknown = models.unknown(name)
        if unknown is not None:
            yield Finding(here, unknown)
            continue
        if name in taken:
            message = (
                f"a setting is either asked about or tuned, but {shown(name)} is also "
                f"in `{taken[name]}`; remove one"
            )
            yield Finding(here, message)
        if isinstance(values, list):
            count *= len(values)
            if len(values) > MAX_POINTS:
                continue
            for j, value in enumerate(values):
                yield from value_findings(name, value, (*here, j), models)
                if value in values[:j]:
                    yield Finding((*here, j), _TWICE.format(shown(value)))
        elif isinstance(values, dict):
            points = values.get("points", 8)
            count *= points if type(points) is int and points > 0 else 1
            yield from _range_findings(name, values, here, models)
    if count > MAX_POINTS:
        message = f"at most {MAX_POINTS} points are tuned over, but got {shown(count)}; list fewer"
        yield Finding(path, message)


def _asked_settings(stage: dict[str, Any]) -> dict[str, str]:
    """Which settings the stage asks about, and under which key."""
    vary, entries = stage.get("vary"), stage.get("candidate")
    taken = dict.fromkeys(vary, "vary") if isinstance(vary, dict) else {}
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            taken |= dict.fromkeys((name for name in entry if name not in _ENTRY_KEYS), "candidate")
    return taken


def _range_findings(
    name: str, one: dict[str, Any], path: Path, models: Models
) -> Iterator[Finding]:
    if not models.numeric(name):
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
        elif models.whole(name) and type(value) is not int:
            broken = True
            message = f"`{name}` is a whole number, but got {shown(value)}; write {round(value)}"
            yield Finding((*path, key), message)
        else:
            for finding in value_findings(name, value, (*path, key), models):
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
