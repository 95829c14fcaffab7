"""The rules of the study's own keys, and every rule of its stages; finds all mistakes at once.

Works on the plain tables of a file, which may be wrong in any way. What stages do to each other
is in ``consistency``; lines are added in ``reading``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeGuard

from pydantic import ValidationError

from bakeoff.spec.messages import (
    Finding,
    Path,
    house_message,
    key_path,
    one_of,
    shown,
    unknown_name,
)
from bakeoff.spec.model import (
    FORMAT,
    MAX_MODELS,
    METRICS,
    PublishedSpec,
    Range,
    SearchSpec,
    StageSpec,
    StudySpec,
    TuneRange,
)
from bakeoff.spec.parts import DENSE, MODEL_KINDS, DataSpec, ModelSpec
from bakeoff.spec.space import MODEL, Space
from bakeoff.spec.stage_checks import (
    Models,
    models_in,
    name_of,
    settings_findings,
    stage_findings,
)

_MISSING = {
    "format": f"add `format = {FORMAT}` at the top",
    "name": 'add `name = "…"`, text in quotes',
    "data": 'add `data = "digits"`, or the name or path of your data',
    "stage": "add at least one `[[stage]]`",
    "path": 'add `path = "…"`, a file or folder',
    "low": "add `low = …`, the smallest value",
    "high": "add `high = …`, the largest value",
    "runs": "add `runs = 60`, or how many the search may train",
}


LAST_STEPS = ("baselines", "audit", "final")
"""What follows the stages; its runs are kept under these names beside the stages' own."""


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


def check_document(
    document: Mapping[str, Any], spaces: Mapping[str, Space | None]
) -> Iterator[Finding]:
    """Every mistake within a key or a stage; several may be about one place.

    Args:
        document: plain tables.
        spaces: name → space of every model in it, the study's own first; None where there is none.
    """
    models = Models(spaces, (name_of(document.get("model", DENSE)) or next(iter(spaces)),))
    if "format" in document and type(document["format"]) is not int:
        # For Python, true and 1.0 equal 1; for a file they are something else.
        number = document["format"]
        yield Finding(("format",), f"must be {FORMAT}, but got {shown(number)}; write {FORMAT}")
    yield from _shape_findings(document, models)
    yield from _model_findings(document)
    yield from settings_findings(document.get("base"), ("base",), models)
    looks = document.get("looks")
    if _is_numbers(looks):
        for i in range(1, len(looks)):
            if looks[i] <= looks[i - 1]:
                message = f"looks must increase, but got {looks[i]} after {looks[i - 1]}; sort them"
                yield Finding(("looks", i), message)
    data = document.get("data")
    if isinstance(data, dict) and "test" in data and "test_fraction" in data:
        message = "`test` and `test_fraction` exclude each other, but both are given; keep one"
        yield Finding(("data", "test_fraction"), message)
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
            stage, i, models, replication=document.get("kind") == "replication"
        )
        carry = stage.get("carry")
        pinned = carry.get(MODEL) if isinstance(carry, dict) else None
        here = models_in(stage, models.here)
        if isinstance(pinned, str) and pinned in spaces:
            here = (pinned,)
        models = replace(models, here=here)


_OF_ONE_KIND = (
    ("settings", "command", "a command"),
    ("shell", "command", "a command"),
    ("columns", "sklearn", "an estimator"),
)


def model_tables(document: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Every model of a study and where it stands: its own first, then those of candidates."""
    yield ("model",), document.get("model", DENSE)
    stages = document.get("stage")
    for i, stage in enumerate(stages if isinstance(stages, list) else []):
        entries = stage.get("candidate") if isinstance(stage, dict) else None
        for j, entry in enumerate(entries if isinstance(entries, list) else []):
            if isinstance(entry, dict) and "model" in entry:
                yield ("stage", i, "candidate", j, "model"), entry["model"]


def _model_findings(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Rules of every model, and of what only some kinds need."""
    first: dict[str, tuple[Path, object]] = {}
    for path, model in model_tables(document):
        if isinstance(model, dict):
            given = [kind for kind in MODEL_KINDS if kind in model]
            if len(given) != 1:
                rule = f"a model is one of {', '.join(MODEL_KINDS)}"
                found = ", ".join(given) or "none of them"
                yield Finding(path, f"{rule}, but got {found}; name exactly one")
            for key, kind, whose in _OF_ONE_KIND:
                if model.get(key) and kind not in model and len(given) == 1:
                    message = f"`{key}` belongs to {whose}, but this is {given[0]}; remove it"
                    yield Finding((*path, key), message)
        name = name_of(model)
        if name is not None and first.setdefault(name, (path, model))[1] != model:
            message = (
                f"a model has one description, but {shown(name)} has another in "
                f"`{key_path(first[name][0])}`; make them equal"
            )
            yield Finding(path, message)
    own = document.get("model", DENSE)
    itself = isinstance(own, dict) and ("command" in own or "function" in own)
    if "data" not in document and not itself:
        yield Finding(("data",), f"is missing; {_MISSING['data']}")
    metric = document.get("metric")
    if isinstance(metric, str) and metric != "macro_recall":
        reported = own.get("metrics") if isinstance(own, dict) else None
        told = reported if isinstance(reported, dict) else {}
        known = (METRICS[0], *told) if told else METRICS
        asked = metric.removeprefix("val_") if told else metric
        is_known = asked in {str(name).removeprefix("val_") for name in known}
        if not is_known and not (itself and not reported):
            yield Finding(("metric",), one_of(known, metric))


def check_size(document: Mapping[str, Any]) -> Finding | None:
    """A study of more models than anybody meant, counted before any is made."""
    most = document.get("max_models", MAX_MODELS)
    stages = document.get("stage")
    if type(most) is not int or not isinstance(stages, list):
        return None
    total = 0
    for i, stage in enumerate(stages):
        if not isinstance(stage, dict):
            continue
        total += _num_models(stage)
        if total > most:
            message = (
                f"a study has at most {most} candidates, each counted once per tuning point, but "
                f"up to stage[{i}] there are {shown(total)}; split it, or raise `max_models`"
            )
            return Finding(("max_models",), message)
    return None


def _num_models(stage: Mapping[str, Any]) -> int:
    vary, entries, tune = stage.get("vary"), stage.get("candidate"), stage.get("tune")
    if isinstance(search := stage.get("search"), dict):
        return search["runs"] if type(search.get("runs")) is int else 1
    count = len(entries) if isinstance(entries, list) else 1
    if isinstance(vary, dict):
        count = math.prod(len(values) for values in vary.values() if isinstance(values, list))
    points, sweep = 1, 1
    for values in tune.values() if isinstance(tune, dict) else ():
        if isinstance(values, list):
            points *= len(values)
        elif isinstance(values, dict) and type(values.get("points", 8)) is int:
            sweep = max(sweep, values.get("points", 8))
    return count * points * sweep


def _is_numbers(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(one) is int for one in value)


def _shape_findings(document: Mapping[str, Any], models: Models) -> Iterator[Finding]:
    """What pydantic finds, in the words of the house."""
    try:
        StudySpec.model_validate(document)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            path = _without_tags(one["loc"])
            name = next((part for part in reversed(path) if isinstance(part, str)), "")
            if one["type"] == "missing":
                advice = _MISSING.get(name, f"add `{name} = …`")
                yield Finding(path, f"is missing; {advice}")
            elif one["type"] == "extra_forbidden":
                yield Finding(path, _unknown_key(path, models))
            elif one["type"] == "too_short" and len(one["input"]) >= one["ctx"]["min_length"]:
                continue  # pydantic does not count the entries it reports for themselves
            elif path == ("format",):
                yield Finding(path, f"must be {FORMAT}, but got {shown(one['input'])}; write 1")
            else:
                yield Finding(path, house_message(one, name))


def _without_tags(location: tuple[str | int, ...]) -> Path:
    """pydantic puts the tag of a union behind ``data``, ``model`` and a tuned setting."""
    if location[0] in ("data", "model"):
        return location[:1] + location[2:]
    if location[0] == "stage" and len(location) > 5 and location[4] == "model":
        return location[:5] + location[6:]
    if location[0] == "stage" and len(location) > 4 and location[2] in ("tune", "vary"):
        return location[:4] + location[5:]
    return location


def _unknown_key(path: Path, models: Models) -> str:
    name = str(path[-1])
    records: dict[int, Any] = {1: StudySpec, 2: DataSpec, 3: StageSpec, 4: SearchSpec, 5: TuneRange}
    model = records.get(len(path), StudySpec)
    if model is TuneRange and path[2] == "vary":
        model = Range
    if "published" in path[:-1]:
        model = PublishedSpec
    elif "model" in path[:-1]:
        model = ModelSpec
    known = tuple(model.model_fields)
    known_settings = {one for _, space in models.spaces for one in space.names}
    if name in known_settings and model is StudySpec:
        return f"{shown(name)} is a setting, not a key of the study; move it to [base]"
    if name in known_settings and model is StageSpec:
        return f"{shown(name)} is a setting; write `vary.{name} = […]` to vary it"
    return unknown_name("key", name, known)
