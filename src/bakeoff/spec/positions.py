"""Where every key and value of a TOML text stands, which ``tomllib`` does not tell.

Follows the grammar of TOML 1.0 (https://toml.io/en/v1.0.0) just as far as places need it. It
reads text that ``tomllib`` accepted; on any other text it stops early and never fails.
"""

from __future__ import annotations

import bisect
import contextlib
import re
from typing import NamedTuple

KeyPath = tuple[str | int, ...]

_MAX_DEPTH = 64
_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_SPACES = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}\n#]+")
_STRINGS = (
    # A closing run of quotes may begin with one or two that belong to the text.
    re.compile(r'"""(?:\\.|[^\\])*?"""(?:"{0,2})', re.DOTALL),
    re.compile(r"'''.*?'''(?:'{0,2})", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\\n])*"'),
    re.compile(r"'[^'\n]*'"),
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


class Place(NamedTuple):
    """1-based (line, column) of a key and of its value; equal for an element of a list."""

    key: tuple[int, int]
    value: tuple[int, int]


Places = dict[KeyPath, Place]


class _Stop(Exception):  # noqa: N818  (a way out, not an error)
    """The text is not what TOML allows here."""


def positions(text: str) -> Places:
    """The place of every key, value and list element.

    Args:
        text: of a TOML document; what comes after a mistake is not looked at.

    Returns:
        key path → place; list elements and tables of an array of tables have numbers from 0.
    """
    scanner = _Scanner(text.replace("\r\n", "\n"))
    with contextlib.suppress(_Stop):
        scanner.document()
    return scanner.places()


class _Scanner:
    """One pass over a document, from offset to offset."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._offsets: dict[KeyPath, tuple[int, int]] = {}
        self._counts: dict[KeyPath, int] = {}

    def places(self) -> Places:
        starts = [0, *(found.end() for found in re.finditer("\n", self._text))]

        def line_and_column(offset: int) -> tuple[int, int]:
            line = bisect.bisect_right(starts, offset)
            return line, offset - starts[line - 1] + 1

        return {
            path: Place(line_and_column(key), line_and_column(value))
            for path, (key, value) in self._offsets.items()
        }

    def document(self) -> None:
        table: KeyPath = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._peek("[["):
                table = self._header("[[", "]]")
            elif self._peek("["):
                table = self._header("[", "]")
            else:
                self._pair(table, depth=0)
            self._skip(_BLANK)

    def _header(self, opening: str, closing: str) -> KeyPath:
        start = self._at
        self._expect(opening)
        keys = self._dotted_key()
        self._expect(closing)
        path: KeyPath = ()
        for key, offset in keys[:-1]:
            path = self._inside((*path, key), offset)
        key, offset = keys[-1]
        path = (*path, key)
        self._offsets.setdefault(path, (offset, start))
        if opening == "[[":
            number = self._counts.get(path, 0)
            self._counts[path] = number + 1
            path = (*path, number)
            self._offsets[path] = (offset, start)
        return path

    def _inside(self, path: KeyPath, offset: int) -> KeyPath:
        """A table, or the last table of an array of tables."""
        self._offsets.setdefault(path, (offset, offset))
        return (*path, self._counts[path] - 1) if path in self._counts else path

    def _pair(self, table: KeyPath, *, depth: int) -> None:
        keys = self._dotted_key()
        self._expect("=")
        self._skip(_SPACES)
        path = table
        for key, offset in keys[:-1]:
            path = (*path, key)
            self._offsets.setdefault(path, (offset, offset))
        key, offset = keys[-1]
        path = (*path, key)
        self._offsets.setdefault(path, (offset, self._at))
        self._value(path, depth)

    def _dotted_key(self) -> list[tuple[str, int]]:
        """The parts of ``a."b".c`` with their offsets."""
        keys = []
        while True:
            self._skip(_SPACES)
            start = self._at
            if self._peek('"') or self._peek("'"):
                keys.append((_unquoted(self._string()), start))
            else:
                keys.append((self._match(_BARE_KEY), start))
            self._skip(_SPACES)
            if not self._peek("."):
                return keys
            self._at += 1

    def _value(self, path: KeyPath, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise _Stop
        if self._peek("["):
            self._list(path, depth)
        elif self._peek("{"):
            self._inline_table(path, depth)
        elif self._peek('"') or self._peek("'"):
            self._string()
        else:
            self._match(_SCALAR)

    def _list(self, path: KeyPath, depth: int) -> None:
        self._expect("[")
        number = 0
        while True:
            self._skip(_BLANK)
            if self._peek("]"):
                break
            element = (*path, number)
            self._offsets[element] = (self._at, self._at)
            self._value(element, depth + 1)
            number += 1
            self._skip(_BLANK)
            if not self._peek(","):
                break
            self._at += 1
        self._expect("]")

    def _inline_table(self, path: KeyPath, depth: int) -> None:
        self._expect("{")
        while True:
            self._skip(_BLANK)
            if self._peek("}"):
                break
            self._pair(path, depth=depth + 1)
            self._skip(_BLANK)
            if not self._peek(","):
                break
            self._at += 1
        self._expect("}")

    def _string(self) -> str:
        for pattern in _STRINGS:
            found = pattern.match(self._text, self._at)
            if found:
                self._at = found.end()
                return found.group()
        raise _Stop

    def _peek(self, expected: str) -> bool:
        return self._text.startswith(expected, self._at)

    def _expect(self, expected: str) -> None:
        if not self._peek(expected):
            raise _Stop
        self._at += len(expected)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if not found:
            raise _Stop
        self._at = found.end()
        return found.group()


def _unquoted(key: str) -> str:
    """The text of a key in single or double quotes."""
    if key.startswith("'"):
        return key[1:-1]
    return _ESCAPE.sub(_unescaped, key[1:-1])


def _unescaped(found: re.Match[str]) -> str:
    number = found.group(1) or found.group(2)
    if number is not None:
        code = int(number, 16)
        return chr(code) if code <= 0x10FFFF else "\ufffd"
    return _ESCAPED.get(found.group(3), found.group(3))
