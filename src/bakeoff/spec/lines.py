"""On which line of a TOML text each key stands, which ``tomllib`` does not tell.

One pass over the marks that structure a text that ``tomllib`` accepted; the keys themselves are
read by ``tomllib``.
"""

from __future__ import annotations

import re
import tomllib

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
