"""The JSON schema of the study file, with which editors complete, explain and check it.

``python -m bakeoff.spec.schema`` writes it to standard output; ``docs/study.schema.json`` is that
output. The schema knows each key's own rule; rules between keys are left to ``bakeoff check``.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from typing import Any

from bakeoff.spec.model import StudySpec
from bakeoff.spec.space import Space

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(space: Space) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a study file with a model of this space, as plain JSON values."""
    schema = StudySpec.model_json_schema()
    definitions = schema["$defs"]
    settings = _setting_schemas(space)
    given = {name: {"$ref": f"#/$defs/{name}"} for name in settings}
    with_defaults = {
        name: given[name] | ({"default": one.pop("default")} if "default" in one else {})
        for name, one in settings.items()
    }
    stage = definitions["StageSpec"]
    properties = stage["properties"]
    properties["vary"] |= _table(
        {name: _tuned(one, "Range", numeric=name in space.numeric) for name, one in given.items()},
        least=1,
    )
    properties["tune"] |= _table(
        {
            name: _tuned(one, "TuneRange", numeric=name in space.numeric)
            for name, one in given.items()
        },
        least=1,
    )
    note = properties["carry"]["description"]
    properties["carry"] = {"description": note, **_table(given, least=1)}
    properties["candidate"]["minItems"] = 1
    for key in ("vary", "candidate", "tune"):
        del properties[key]["default"]
    stage["oneOf"] = [{"required": ["vary"]}, {"required": ["candidate"]}]
    definitions["CandidateSpec"]["properties"] |= given
    definitions["CandidateSpec"]["additionalProperties"] = False
    schema["properties"]["base"] |= _table(with_defaults)
    for one in [schema, *definitions.values()]:
        one["description"] = one["description"].split("\n\n")[0].replace("\n", " ")
    tidy: dict[str, Any] = _tidy({**schema, "$defs": definitions | settings})
    return {"$schema": DIALECT, "title": "bakeoff study", **tidy}


def _setting_schemas(space: Space) -> dict[str, dict[str, Any]]:
    """One schema per setting, with its description and default."""
    properties = space.model.model_json_schema()["properties"]
    notes = setting_descriptions(space)
    # What is left out depends on the optimizer, so no single default would be true.
    del properties["learning_rate"]["default"]
    return {name: properties[name] | {"description": notes[name]} for name in space.names}


def setting_descriptions(space: Space) -> dict[str, str]:
    """The sentence on each setting in the docstring of the space's model."""
    text = inspect.cleandoc(space.model.__doc__ or "")
    notes = text.partition("Attributes:\n")[2]
    found = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", notes, re.MULTILINE)
    return {name: " ".join(note.split()) for name, note in found}


def _table(properties: dict[str, Any], *, least: int = 0) -> dict[str, Any]:
    table = {"type": "object", "properties": properties, "additionalProperties": False}
    return table | ({"minProperties": least} if least else {})


def _list_of(one: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": one, "minItems": 1}


def _tuned(one: dict[str, Any], kind: str, *, numeric: bool) -> dict[str, Any]:
    if not numeric:
        return _list_of(one)
    return {"oneOf": [_list_of(one), {"$ref": f"#/$defs/{kind}"}]}


def _tidy(schema: Any) -> Any:
    """Without null, which TOML has not, and without the titles that only repeat the names."""
    if isinstance(schema, list):
        return [_tidy(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    options = schema.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        rest = [one for one in options if one != {"type": "null"}]
        outer = {key: v for key, v in schema.items() if key not in ("anyOf", "default")}
        schema = {**rest[0], **outer} if len(rest) == 1 else {**outer, "anyOf": rest}
    return {
        key: _tidy(one)
        for key, one in schema.items()
        if not (key == "title" and isinstance(one, str))
    }


if __name__ == "__main__":
    from bakeoff.dense.settings import DENSE_SPACE

    sys.stdout.write(json.dumps(json_schema(DENSE_SPACE), indent=2, ensure_ascii=False) + "\n")
