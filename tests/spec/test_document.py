"""The line of every key is found, whatever strings, comments and dots stand around it."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bakeoff.spec import from_dict
from bakeoff.spec.document import KeyPath, lines_of
from strategies import TEXT, study_dicts

DOCUMENT = """\
# a comment = "with a pair"
format = 1
name = 'single'   # trailing = [
"quoted key" = 1
'literal'.dotted . "deep\\u0041" = [ 1, 2 ]
text = \"\"\"
[not.a.header]
a = 1
\"\"\"
raw = '''x ] = '''
quotes = \"\"\"a\"\"\"\"\"

[data]
path = "x]="

[[stage]]
name = "one"
vary.scale = [
  "none",  # comment, with ] and ,
  "unit",
]
tune.learning_rate = { low = 1e-3, high = [
  1] }

[[stage.candidate]]
label = "a"

[[stage.candidate]]
label = "b"

[[stage]]
name = "two"
"""


def test_every_key_of_a_file_has_its_line() -> None:
    lines = lines_of(DOCUMENT)
    found = {path: line for path, line in lines.items() if path[0] != "stage"}
    assert found == {
        ("format",): 2,
        ("name",): 3,
        ("quoted key",): 4,
        ("literal",): 5,
        ("literal", "dotted"): 5,
        ("literal", "dotted", "deepA"): 5,
        ("text",): 6,
        ("raw",): 10,
        ("quotes",): 11,
        ("data",): 13,
        ("data", "path"): 14,
    }
    assert lines["stage", 0] == 16
    assert lines["stage", 0, "vary", "scale"] == 18
    assert lines["stage", 0, "tune", "learning_rate"] == 22
    assert lines["stage", 0, "candidate", 0, "label"] == 26
    assert lines["stage", 0, "candidate", 1] == 28
    assert lines["stage", 1, "name"] == 32


def test_windows_line_ends_count_once() -> None:
    assert lines_of(DOCUMENT.replace("\n", "\r\n")) == lines_of(DOCUMENT)


@given(study_dicts())
def test_the_line_of_every_key_of_a_study_begins_with_it(document: dict[str, Any]) -> None:
    text = from_dict(document).to_toml()
    lines, rows = lines_of(text), text.split("\n")
    for path in _keys(tomllib.loads(text)):
        # Inside an inline table the nearest key above speaks.
        if path in lines:
            last = next(part for part in reversed(path) if isinstance(part, str))
            assert last in rows[lines[path] - 1]
        else:
            assert path[:-1] in lines or len(path) > 3


@given(st.text("[]{}='\"#\n\\a.", max_size=60) | TEXT)
def test_any_text_at_all_has_lines_or_none(text: str) -> None:
    assert all(1 <= line <= text.count("\n") + 1 for line in lines_of(text).values())


def _keys(node: Any, path: KeyPath = ()) -> list[KeyPath]:
    if isinstance(node, dict):
        return [
            one
            for key, inner in node.items()
            for one in [(*path, key), *_keys(inner, (*path, key))]
        ]
    if isinstance(node, list) and node and isinstance(node[0], dict):
        return [one for i, inner in enumerate(node) for one in _keys(inner, (*path, i))]
    return []
