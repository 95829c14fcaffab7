"""Every rule of a study that is about one key or one stage; finds all mistakes at once.

Works on the plain tables of a file, which may be wrong in any way. What stages do to each other
is in ``consistency``; lines and columns are added in ``reading``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeGuard

from pydantic import ValidationError

from bakeoff.settings import SETTING_NAMES, Settings
from bakeoff.spec.candidates import INTEGER_SETTINGS
from bakeoff.spec.model import (
    FORMAT,
    MAX_CANDIDATES,
    MAX_POINTS,
    CandidateSpec,
    DataSpec,
    PublishedSpec,
    StageSpec,
    StudySpec,
    TuneRange,
)
from bakeoff.spec.wording import Path, house_message, shown, unknown_name

MAX_DEPTH = 32
NUMERIC_SETTINGS = frozenset(
    name for name, field in Settings.model_fields.items() if type(field.default) in (int, float)
)

_TWICE = "values must differ, but {} is listed twice; remove one"
_ENTRY_KEYS = tuple(CandidateSpec.model_fields)

_MISSING = {
    "format": f"add `format = {FORMAT}` at the top",
    "name": 'add `name = "…"`, text in quotes',
    "data": 'add `data = "digits"`, or the name or path of your data',
    "stage": "add at least one `[[stage]]`",
    "path": 'add `path = "…"`, a file or folder',
    "low": "add `low = …`, the smallest value",
    "high": "add `high = …`, the largest value",
}


class Finding(NamedTuple):
    """One broken rule, before its place in the file is known.

    Attributes:
        path: where, as keys and 0-based numbers.
        message: rule, value found, what to do.
        at_key: True when the key is wrong, False when its value is.
    """

    path: Path
    message: str
    at_key: bool = False


class _Unusable:
    """Stands for a value that was already reported, so that no rule accepts it."""

    __slots__ = ()


def plain_document(value: Mapping[Any, Any], findings: list[Finding]) -> dict[str, Any]:
    """A copy in plain tables, lists, text, numbers and booleans; reports what can be none of them.

    Tuples become lists, NumPy scalars become numbers, and keys whose value is None are left out.
    """
    document = _plain(value, (), findings)
    return document if isinstance(document, dict) else {}


def _plain(value: Any, path: Path, findings: list[Finding]) -> Any:
    if len(path) > MAX_DEPTH:
        message = f"must not be nested deeper than {MAX_DEPTH} levels; flatten it"
        return _reject(findings, path[:2], message)
    if isinstance(value, Mapping):
        table = {}
        for key, one in value.items():
            if not isinstance(key, str):
                _reject(
                    findings, path, f"keys must be text, but got {shown(key)}; put it in quotes"
                )
            elif one is not None:
                table[key] = _plain(one, (*path, key), findings)
        return table
    if isinstance(value, list | tuple):
        return [_plain(one, (*path, i), findings) for i, one in enumerate(value)]
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        if -(2**63) <= value < 2**63:
            return value
        message = f"whole numbers must fit in 64 bits, but got {shown(value)}; give a smaller one"
        return _reject(findings, path, message)
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        message = f"numbers must be finite, but got {shown(value)}; give a number or leave it out"
        return _reject(findings, path, message)
    if isinstance(value, str):
        if not any("\ud800" <= character <= "\udfff" for character in value):
            return value
        return _reject(
            findings, path, "text must be valid Unicode, but a lone surrogate is in it; remove it"
        )
    kinds = "text, a number, true or false, a list or a table"
    return _reject(findings, path, f"must be {kinds}, but got {shown(value)}; put text in quotes")


def _reject(findings: list[Finding], path: Path, message: str) -> _Unusable:
    findings.append(Finding(path, message))
    return _Unusable()


def check_format(document: Mapping[str, Any]) -> Finding | None:
    """A file of another format, of which nothing else can be said."""
    number = document.get("format")
    if type(number) is int and number == FORMAT:
        return None
    if type(number) is int and number > FORMAT:
        message = (
            f"`format = {FORMAT}` is what this bakeoff reads, but got {shown(number)}, "
            "made for a newer bakeoff; upgrade bakeoff"
        )
        return Finding(("format",), message)
    return None


def check_document(document: Mapping[str, Any]) -> Iterator[Finding]:
    """All rules about single keys and single stages, in the order of the schema."""
    if "format" in document and type(document["format"]) is not int:
        # For Python, true and 1.0 equal 1; for a file they are something else.
        number = document["format"]
        yield Finding(("format",), f"must be {FORMAT}, but got {shown(number)}; write {FORMAT}")
    yield from _shape_findings(document)
    yield from _settings_findings(document.get("base"), ("base",))
    looks = document.get("looks")
    if _is_numbers(looks):
        for i in range(1, len(looks)):
            if looks[i] <= looks[i - 1]:
                message = f"looks must increase, but got {looks[i]} after {looks[i - 1]}; sort them"
                yield Finding(("looks", i), message)
    data = document.get("data")
    if isinstance(data, dict) and "test" in data and "test_fraction" in data:
        message = "`test` and `test_fraction` exclude each other, but both are given; keep one"
        yield Finding(("data", "test_fraction"), message, at_key=True)
    stages = document.get("stage")
    if not isinstance(stages, list):
        return
    first_use: dict[str, int] = {}
    for i, stage in enumerate(stages):
        if not isinstance(stage, dict):
            continue
        name = stage.get("name")
        if isinstance(name, str) and name in first_use:
            message = (
                f"stage names must be unique, but {shown(name)} is also stage[{first_use[name]}]; "
                "rename one"
            )
            yield Finding(("stage", i, "name"), message)
        elif isinstance(name, str):
            first_use[name] = i
        yield from _stage_findings(stage, i, replication=document.get("kind") == "replication")


def _is_numbers(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(one) is int for one in value)


def _shape_findings(document: Mapping[str, Any]) -> Iterator[Finding]:
    """What pydantic finds, in the words of the house."""
    try:
        StudySpec.model_validate(document)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            path = _without_tags(one["loc"])
            name = next((part for part in reversed(path) if isinstance(part, str)), "")
            if one["type"] == "missing":
                advice = _MISSING.get(name, f"add `{name} = …`")
                yield Finding(path, f"is missing; {advice}", at_key=True)
            elif one["type"] == "extra_forbidden":
                yield Finding(path, _unknown_key(path), at_key=True)
            elif one["type"] == "too_short" and len(one["input"]) >= one["ctx"]["min_length"]:
                continue  # pydantic does not count the entries it reports for themselves
            elif path == ("format",):
                yield Finding(path, f"must be {FORMAT}, but got {shown(one['input'])}; write 1")
            else:
                yield Finding(path, house_message(one, name))


def _without_tags(location: tuple[str | int, ...]) -> Path:
    """pydantic puts the tag of a union behind ``data`` and behind a tuned setting."""
    if location[0] == "data":
        return location[:1] + location[2:]
    if location[0] == "stage" and len(location) > 4 and location[2] == "tune":
        return location[:4] + location[5:]
    return location


def _unknown_key(path: Path) -> str:
    name = str(path[-1])
    models: dict[int, Any] = {1: StudySpec, 2: DataSpec, 3: StageSpec, 5: TuneRange}
    model = PublishedSpec if "published" in path[:-1] else models.get(len(path), StudySpec)
    known = tuple(model.model_fields)
    if name in SETTING_NAMES and model is StudySpec:
        return f"{shown(name)} is a setting, not a key of the study; move it to [base]"
    if name in SETTING_NAMES and model is StageSpec:
        return f"{shown(name)} is a setting; write `vary.{name} = […]` to vary it"
    return unknown_name("key", name, known)


def _settings_findings(table: object, path: Path, *, also: Iterable[str] = ()) -> Iterator[Finding]:
    """Unknown and wrong settings of one table."""
    if not isinstance(table, dict):
        return
    for name, value in table.items():
        if name not in SETTING_NAMES:
            message = unknown_name("setting", name, (*SETTING_NAMES, *also))
            if path == ("base",) and name in StudySpec.model_fields:
                message = f"{shown(name)} is a key of the study, not a setting; move it to the top"
            yield Finding((*path, name), message, at_key=True)
        else:
            yield from value_findings(name, value, (*path, name))


def value_findings(name: str, value: Any, path: Path) -> Iterator[Finding]:
    """What is wrong with one value of one setting, its place being ``path``."""
    try:
        Settings.model_validate({name: value})
    except ValidationError as error:
        for one in error.errors(include_url=False):
            # An error without a place is a rule that ties settings together: not decided here.
            if one["loc"] and one["loc"][0] == name:
                rest = tuple(one["loc"][1:])
                label = f"{name}[{rest[0]}]" if rest else name
                yield Finding((*path, *rest), house_message(one, label))


def _stage_findings(stage: dict[str, Any], i: int, *, replication: bool) -> Iterator[Finding]:
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
    yield from _vary_findings(stage.get("vary"), (*path, "vary"), replication)
    yield from _entries_findings(stage.get("candidate"), (*path, "candidate"), replication)
    yield from _tune_findings(stage, (*path, "tune"), replication)
    yield from _settings_findings(stage.get("carry"), (*path, "carry"))


def _vary_findings(vary: object, path: Path, replication: bool) -> Iterator[Finding]:
    if not isinstance(vary, dict):
        return
    for name, values in vary.items():
        if name not in SETTING_NAMES:
            yield Finding((*path, name), unknown_name("setting", name, SETTING_NAMES), at_key=True)
        elif isinstance(values, list):
            for j, value in enumerate(values):
                yield from value_findings(name, value, (*path, name, j))
                if not replication and value in values[:j]:
                    yield Finding((*path, name, j), _TWICE.format(shown(value)))
    count = math.prod(len(values) for values in vary.values() if isinstance(values, list))
    if count > MAX_CANDIDATES:
        message = (
            f"a stage has at most {MAX_CANDIDATES} candidates, but the product has {shown(count)}; "
            "split the stage or list fewer values"
        )
        yield Finding(path, message, at_key=True)


def _entries_findings(entries: object, path: Path, replication: bool) -> Iterator[Finding]:
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
        yield from _settings_findings(settings, (*path, j), also=_ENTRY_KEYS)
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


def _tune_findings(stage: dict[str, Any], path: Path, replication: bool) -> Iterator[Finding]:
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
        if name not in SETTING_NAMES:
            yield Finding(here, unknown_name("setting", name, SETTING_NAMES), at_key=True)
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
                yield from value_findings(name, value, (*here, j))
                if value in values[:j]:
                    yield Finding((*here, j), _TWICE.format(shown(value)))
        elif isinstance(values, dict):
            points = values.get("points", 8)
            count *= points if type(points) is int and points > 0 else 1
            yield from _range_findings(name, values, here)
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


def _range_findings(name: str, one: dict[str, Any], path: Path) -> Iterator[Finding]:
    if name not in NUMERIC_SETTINGS:
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
        elif name in INTEGER_SETTINGS and type(value) is not int:
            broken = True
            message = f"`{name}` is a whole number, but got {shown(value)}; write {round(value)}"
            yield Finding((*path, key), message)
        else:
            for finding in value_findings(name, value, (*path, key)):
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
