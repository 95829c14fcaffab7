"""The rules of the study's own keys, and every rule of its stages; finds all mistakes at once.

Works on the plain tables of a file, which may be wrong in any way. What stages do to each other
is in ``consistency``; lines and columns are added in ``reading``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from pydantic import ValidationError

from bakeoff.spec.model import (
    FORMAT,
    DataSpec,
    PublishedSpec,
    StageSpec,
    StudySpec,
    TuneRange,
)
from bakeoff.spec.plain import Finding
from bakeoff.spec.space import Space
from bakeoff.spec.stage_checks import settings_findings, stage_findings
from bakeoff.spec.wording import Path, house_message, shown, unknown_name

_MISSING = {
    "format": f"add `format = {FORMAT}` at the top",
    "name": 'add `name = "…"`, text in quotes',
    "data": 'add `data = "digits"`, or the name or path of your data',
    "stage": "add at least one `[[stage]]`",
    "path": 'add `path = "…"`, a file or folder',
    "low": "add `low = …`, the smallest value",
    "high": "add `high = …`, the largest value",
}


LAST_STEPS = ("audit", "final")
"""What follows the stages; their runs are kept under these names beside the stages' own."""


def check_format(document: Mapping[str, Any]) -> Finding | None:
    """A file of a later format, of which nothing else can be said."""
    number = document.get("format")
    if type(number) is int and number > FORMAT:
        message = (
            f"`format = {FORMAT}` is what this bakeoff reads, but got {shown(number)}, "
            "made for a newer bakeoff; upgrade bakeoff"
        )
        return Finding(("format",), message)
    return None


def check_document(document: Mapping[str, Any], space: Space) -> Iterator[Finding]:
    """Every mistake within a key or a stage; several may be about one place."""
    if "format" in document and type(document["format"]) is not int:
        # For Python, true and 1.0 equal 1; for a file they are something else.
        number = document["format"]
        yield Finding(("format",), f"must be {FORMAT}, but got {shown(number)}; write {FORMAT}")
    yield from _shape_findings(document, space)
    yield from settings_findings(document.get("base"), ("base",), space)
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
        elif name in LAST_STEPS:
            message = (
                f"a stage may not take the name of a step that every study has, but got "
                f"{shown(name)}; rename it"
            )
            yield Finding(("stage", i, "name"), message)
        elif isinstance(name, str):
            first_use[name] = i
        yield from stage_findings(
            stage, i, space, replication=document.get("kind") == "replication"
        )


def _is_numbers(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(one) is int for one in value)


def _shape_findings(document: Mapping[str, Any], space: Space) -> Iterator[Finding]:
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
                yield Finding(path, _unknown_key(path, space), at_key=True)
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


def _unknown_key(path: Path, space: Space) -> str:
    name = str(path[-1])
    models: dict[int, Any] = {1: StudySpec, 2: DataSpec, 3: StageSpec, 5: TuneRange}
    model = PublishedSpec if "published" in path[:-1] else models.get(len(path), StudySpec)
    known = tuple(model.model_fields)
    if name in space.names and model is StudySpec:
        return f"{shown(name)} is a setting, not a key of the study; move it to [base]"
    if name in space.names and model is StageSpec:
        return f"{shown(name)} is a setting; write `vary.{name} = […]` to vary it"
    return unknown_name("key", name, known)
