"""The position scanner finds what tomllib found, on the right line, and never fails."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.spec import from_dict
from bakeoff.spec.positions import KeyPath, positions
from bakeoff.spec.writing import toml_value
from strategies import TEXT, study_dicts

DOCUMENT = """\
# a comment = "with a pair"
format = 1
name = 'single'   # trailing
"quoted key" = 1
'literal'.dotted . "deep\\u0041" = [ 1, 2 ]
text = \"\"\"
[not.a.header]
a = 1
\"\"\"
raw = '''x ] = '''
quotes = \"\"\"a\"\"\"\"\"
dates = [1979-05-27T07:32:00Z, 1979-05-27 07:32:00, 07:32:00]

[data]
path = "x"

[[stage]]
name = "one"
vary.scale = [
  "none",  # comment, with ] and ,
  "unit",
]
tune.learning_rate = { low = 1e-3, high = 1, inner = { a = [[], [1]] } }

  [[stage.candidate]]
  hidden = [64, 64]
  published = {test_accuracy = .5}

  [[stage.candidate]]
  hidden = []

  [stage.carry]
  hidden = []

[[stage]]
name = "two"
stage.x = 1
"""


def places(text: str) -> dict[KeyPath, tuple[tuple[int, int], tuple[int, int]]]:
    return {path: (place.key, place.value) for path, place in positions(text).items()}


def test_every_kind_of_key_and_value_has_its_place() -> None:
    text = DOCUMENT.replace(".5}", "0.5}")
    tomllib.loads(text)
    found = places(text)
    assert found["format",] == ((2, 1), (2, 10))
    assert found["name",] == ((3, 1), (3, 8))
    assert found["quoted key",] == ((4, 1), (4, 16))
    assert found["literal", "dotted", "deepA"] == ((5, 20), (5, 35))
    assert found["literal", "dotted", "deepA", 1] == ((5, 40), (5, 40))
    assert found["text",] == ((6, 1), (6, 8))
    assert ("a",) not in found
    assert found["dates", 1] == ((12, 32), (12, 32))
    assert found["dates", 2] == ((12, 53), (12, 53))
    assert found["data",] == ((14, 2), (14, 1))
    assert found["stage",] == ((17, 3), (17, 1))
    assert found["stage", 0] == ((17, 3), (17, 1))
    assert found["stage", 0, "name"] == ((18, 1), (18, 8))
    assert found["stage", 0, "vary", "scale", 1] == ((21, 3), (21, 3))
    assert found["stage", 0, "tune", "learning_rate", "low"] == ((23, 24), (23, 30))
    assert found["stage", 0, "tune", "learning_rate", "inner", "a", 1, 0][1] == (23, 66)
    assert found["stage", 0, "candidate", 1, "hidden"] == ((30, 3), (30, 12))
    assert found["stage", 0, "candidate", 0, "published", "test_accuracy"][1] == (27, 32)
    assert found["stage", 0, "carry", "hidden"][0] == (33, 3)
    assert found["stage", 1, "name"] == ((36, 1), (36, 8))
    assert found["stage", 1, "stage", "x"] == ((37, 7), (37, 11))


def test_windows_line_ends_change_no_place() -> None:
    assert places(DOCUMENT.replace("\n", "\r\n")) == places(DOCUMENT)


def paths_of(value: Any, path: KeyPath = ()) -> list[KeyPath]:
    """Every key path of a document that has a place of its own."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, one in value.items():
            found += paths_of(one, (*path, key))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            found += paths_of(one, (*path, number))
    return found


VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=15,
)


@st.composite
def toml_texts(draw: st.DrawFn) -> str:
    """TOML in many layouts: blank lines, comments, spaces, headers, arrays of tables."""
    space = st.sampled_from(["", " ", "\t", "  "])
    filler = st.sampled_from(["", "\n", "# a = [\n", "  # ]]\n\n"])

    def pairs(table: dict[str, Any]) -> str:
        return "".join(
            f"{draw(filler)}{draw(space)}{toml_value(key)}{draw(space)}={draw(space)}"
            f"{toml_value(value).replace(', ', ',' + draw(space))}{draw(space)}\n"
            for key, value in table.items()
        )

    keys = draw(st.lists(TEXT, min_size=3, max_size=3, unique=True))
    text = pairs(draw(st.dictionaries(TEXT.filter(lambda key: key not in keys), VALUES)))
    text += f"{draw(filler)}[{draw(space)}{toml_value(keys[0])}{draw(space)}]\n"
    text += pairs(draw(st.dictionaries(TEXT, VALUES)))
    for _ in range(draw(st.integers(0, 3))):
        text += f"{draw(filler)}[[{draw(space)}{toml_value(keys[1])} ]]{draw(space)}\n"
        text += pairs(draw(st.dictionaries(TEXT.map(lambda key: key + "1"), VALUES)))
        for _ in range(draw(st.integers(0, 2))):
            text += f"[[{toml_value(keys[1])}.{toml_value('2')}]]\n"
            text += pairs(draw(st.dictionaries(TEXT, VALUES)))
    return text


@given(toml_texts())
def test_every_path_that_tomllib_reads_has_a_place_and_no_other_has_one(text: str) -> None:
    document = tomllib.loads(text)
    found = positions(text)
    assert sorted(map(repr, found)) == sorted(map(repr, paths_of(document)))


@given(toml_texts())
def test_a_value_cut_out_at_its_place_is_the_value(text: str) -> None:
    """The text from a value's place on begins with that value, as tomllib reads it."""
    document = tomllib.loads(text)
    lines = text.split("\n")
    for path, place in positions(text).items():
        value = document
        for part in path:
            value = value[part]
        if isinstance(value, str | bool | int):
            line, column = place.value
            assert lines[line - 1][column - 1 :].startswith(toml_value(value))


@given(study_dicts())
def test_a_written_study_has_every_place(document: dict[str, Any]) -> None:
    text = from_dict(document).to_toml()
    read = tomllib.loads(text)
    assert set(paths_of(read)) == set(positions(text))


@given(st.text(st.sampled_from("[]{}=.,\"'#\\ \n\tab1_-"), max_size=60))
def test_it_never_fails_on_text_that_is_no_toml(text: str) -> None:
    found = positions(text)
    num_lines = text.count("\n") + 1
    assert all(1 <= place.value[0] <= num_lines for place in found.values())


@given(st.text(max_size=200))
def test_it_never_fails_on_any_text(text: str) -> None:
    positions(text)


@pytest.mark.parametrize("opening", ["a = " + "[" * 100_000, "a = " + "{a=" * 100_000, "[" * 10**6])
def test_it_stops_at_endless_nesting(opening: str) -> None:
    assert len(positions(opening)) < 200
