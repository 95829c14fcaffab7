"""A study file as a document: on which line each key stands, plain values, one key set anew, its text.

``tomllib`` does not tell lines; one pass over the marks that structure a text it accepted finds
them. Knows nothing of what the keys mean, but which have their defaults and are not written.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from bakeoff.errors import UsageError
from bakeoff.spec.messages import Finding, shown
from bakeoff.spec.model import StageSpec, StudySpec
from bakeoff.spec.parts import ModelSpec, plain

KeyPath = tuple[str | int, ...]

MAX_DEPTH = 32  # of tables and lists in a study

_TEXT = (
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'"
)
# Whole strings and comments, so that what looks like a mark in them is none.
_MARK = re.compile(_TEXT + r"|#[^\n]*|[\[\]{}=\n]", re.DOTALL)
_STRING = re.compile(_TEXT, re.DOTALL)
_DEEP_KEY = re.compile(
    rf"(?<![\w-])(?:[\w-]+[ \t]*\.[ \t]*){{{MAX_DEPTH}}}",
    re.ASCII,
)

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f"}
_ESCAPES["\r"] = "\\r"


def has_deep_key(text: str) -> bool:
    """Whether a dotted key has more parts than tables may be nested.

    To be asked before ``tomllib``, whose time grows with the square of the parts.
    """
    return _DEEP_KEY.search(_STRING.sub("x", text)) is not None


def lines_of(text: str) -> dict[KeyPath, int]:
    """Key path → 1-based line, of tables and of keys outside inline tables.

    Args:
        text: of a TOML document; what comes after a mistake is not looked at.
    """
    text = text.replace("\r\n", "\n")
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    line, start, depth, in_value = 1, 0, 0, False
    for mark in _MARK.finditer(text):
        sign = mark[0]
        if sign == "\n" and depth == 0:
            start, in_value = mark.end(), False
        elif sign in ("[", "{"):
            depth += 1
        elif sign in ("]", "}"):
            depth -= 1
            if depth == 0 and not in_value:
                header = text[start : mark.end()].strip()
                table = _inside(counts, _keys(f"{header.strip('[]')}=0"))
                if header.startswith("[["):
                    counts[table] = counts.get(table, -1) + 1
                    lines.setdefault(table, line)
                    table = (*table, counts[table])
                _note(lines, table, line)
        elif sign == "=" and depth == 0 and not in_value:
            in_value = True
            _note(lines, (*table, *_keys(f"{text[start : mark.start()]}=0")), line)
        line += sign.count("\n")
    return lines


def _note(lines: dict[KeyPath, int], path: KeyPath, line: int) -> None:
    for length in range(1, min(len(path), MAX_DEPTH) + 1):
        lines.setdefault(path[:length], line)


def _keys(text: str) -> KeyPath:
    """The parts of a dotted key."""
    try:
        node = tomllib.loads(text.strip())
    except ValueError:
        return ()
    keys: list[str] = []
    while isinstance(node, dict):
        ((key, node),) = node.items()
        keys.append(key)
    return tuple(keys)


def _inside(counts: dict[KeyPath, int], keys: KeyPath) -> KeyPath:
    """The path of a header: within the newest table of each array of tables above it."""
    path: KeyPath = ()
    for number, key in enumerate(keys):
        path = (*path, key)
        if path in counts and number < len(keys) - 1:
            path = (*path, counts[path])
    return path


class _Unusable:
    """Stands for a value that was already reported, so that no rule accepts it."""

    __slots__ = ()


def plain_document(value: Mapping[Any, Any], findings: list[Finding]) -> dict[str, Any]:
    """A copy in plain tables, lists, text, numbers and booleans; reports what can be none of them.

    Tuples become lists, NumPy scalars become numbers, and keys whose value is None are left out.
    """
    document = _plain(value, (), findings)
    return document if isinstance(document, dict) else {}


def _plain(value: Any, path: KeyPath, findings: list[Finding]) -> Any:
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


def _reject(findings: list[Finding], path: KeyPath, message: str) -> _Unusable:
    findings.append(Finding(path, message))
    return _Unusable()


def override(document: dict[str, Any], text: str) -> KeyPath:
    """Sets one key of a study to another value, in place.

    Args:
        document: plain tables of a study.
        text: ``base.epochs=50``; a part that is a number counts the entries of a list from 0. A
            value that is no TOML is text.

    Returns:
        the key's path.

    Raises:
        UsageError: no ``=``, or a path through something that is no table and no list.
    """
    key, equals, value = text.partition("=")
    path: KeyPath = tuple(int(part) if part.isdecimal() else part for part in key.split("."))
    if not equals or "" in path:
        raise UsageError(
            f"--set: must be KEY=VALUE, but got {shown(text)}; write for example base.epochs=50"
        )
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        parsed = value
    node: Any = document
    for number, part in enumerate(path):
        last = number == len(path) - 1
        if isinstance(node, list) and isinstance(part, int) and part < len(node):
            pass
        elif isinstance(node, dict) and isinstance(part, str):
            node.setdefault(part, {})
        else:
            raise UsageError(
                f"--set: must name a key of the study, but there is no {shown(key)}; "
                "`bakeoff check` shows what there is"
            )
        if last:
            node[part] = parsed
        node = node[part]
    return path


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
