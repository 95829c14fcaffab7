"""A study file as a document: on which line each key stands, plain values, one key set anew.

``tomllib`` does not tell lines; one pass over the marks that structure a text it accepted finds
them. Knows nothing of what the keys mean.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from bakeoff.errors import UsageError
from bakeoff.spec.messages import Finding, shown

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
