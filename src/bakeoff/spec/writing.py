"""From a study to the text of a study file; knows nothing of reading one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bakeoff.spec.model import StageSpec, StudySpec
from bakeoff.spec.parts import ModelSpec, plain

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f"}
_ESCAPES["\r"] = "\\r"


def study_to_toml(spec: StudySpec) -> str:
    """The study as a study file, without the keys that have their defaults."""
    values = spec.to_dict()
    defaults = {name: field.default for name, field in StudySpec.model_fields.items()}
    blocks = [
        [
            f"{name} = {toml_value(values[name])}"
            for name in StudySpec.model_fields
            if name in values
            and name not in ("base", "stage")
            and not isinstance(values[name], dict)
            and getattr(spec, name) != defaults[name]
        ]
    ]
    for name in ("model", "data", "base"):
        table = values.get(name)
        if name == "model" and isinstance(table, dict):
            usual = {key: one.default for key, one in ModelSpec.model_fields.items()}
            table = {key: one for key, one in table.items() if one != plain(usual[key])}
        if isinstance(table, dict) and table:
            blocks.append([f"[{name}]", *_pairs(table)])
    for stage, record in zip(values["stage"], spec.stage, strict=True):
        blocks.append(list(_stage_lines(stage, record)))
        blocks.extend(
            ["[[stage.candidate]]", *_pairs(entry)] for entry in stage.get("candidate", ())
        )
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _stage_lines(stage: Mapping[str, Any], record: StageSpec) -> Iterator[str]:
    yield "[[stage]]"
    yield f"name = {toml_value(stage['name'])}"
    if record.question:
        yield f"question = {toml_value(record.question)}"
    if record.search:
        yield f"search = {toml_value(stage['search'])}"
    for key in ("vary", "tune"):
        for name, values in stage.get(key, {}).items():
            yield f"{key}.{_key(name)} = {toml_value(values)}"
    if "carry" in stage:
        yield f"carry = {toml_value(stage['carry'])}"


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    for name, value in table.items():
        yield f"{_key(name)} = {toml_value(value)}"


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else toml_value(name)


def toml_value(value: Any) -> str:
    """One value as TOML writes it: text, a number, a boolean, a list or an inline table.

    Raises:
        TypeError: for anything else.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return '"' + "".join(_escaped(character) for character in value) + '"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(one) for one in value) + "]"
    if isinstance(value, Mapping):
        pairs = ", ".join(_pairs(value))
        return f"{{ {pairs} }}" if pairs else "{}"
    if value is None:  # TOML has no null; this is how settings spell it
        return '"none"'
    raise TypeError(f"TOML holds text, numbers, lists and tables, but got {type(value).__name__}")


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character < " " or character == "\x7f":
        return f"\\u{ord(character):04x}"
    return character
