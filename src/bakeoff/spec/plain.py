"""From whatever Python hands over to plain tables, lists, text and numbers, as a file holds them.

Also the record of one broken rule, which every check of the package yields. Knows no study.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from bakeoff.spec.wording import Path, shown

MAX_DEPTH = 32


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
