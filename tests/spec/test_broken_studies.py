"""Every broken study file is refused with its own words, and nothing ever ends in a traceback.

``broken/expected.txt`` holds what is said of each file in ``broken/``, line by line.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.errors import Mistake, SpecError, UsageError
from bakeoff.spec import StudySpec, from_dict, from_toml, load
from bakeoff.spec.reading import MAX_BYTES
from strategies import TEXT, study_dicts

BROKEN = Path(__file__).parent / "broken"


def _expected() -> dict[str, list[str]]:
    lines = defaultdict(list)
    for line in (BROKEN / "expected.txt").read_text(encoding="utf-8").splitlines():
        lines[line.partition(":")[0]].append(line)
    return lines


EXPECTED = _expected()


@pytest.mark.parametrize("file", sorted(path.name for path in BROKEN.glob("*.toml")))
def test_a_broken_file_is_refused_in_these_words(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(BROKEN)
    with pytest.raises(SpecError) as caught:
        load(file)
    assert caught.value.lines() == EXPECTED[file]
    assert str(caught.value) == "\n".join(EXPECTED[file])
    assert caught.value.exit_code == 2


def test_there_are_many_of_them_and_each_is_told_apart() -> None:
    assert set(EXPECTED) == {path.name for path in BROKEN.glob("*.toml")}
    assert len({line.partition(": ")[2] for lines in EXPECTED.values() for line in lines}) >= 100


def test_a_message_is_one_line_and_says_what_to_do() -> None:
    for lines in EXPECTED.values():
        for line in lines:
            assert line.isprintable()
            assert "; " in line, "rule and value come first, then what to do"


# Files that no one would call a study.


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "study.toml: a study file must not be empty; start from `bakeoff init`"),
        (b" \n\t\n", "study.toml: a study file must not be empty; start from `bakeoff init`"),
        (
            b'format = 1\nname = "caf\xe9"\n',
            "study.toml:2: must be UTF-8 text, but byte 22 is 0xe9; save it as UTF-8",
        ),
        (
            'format = 1\nname = "x"\n'.encode("utf-16"),
            "study.toml:1: must be UTF-8 text, but byte 0 is 0xff; save it as UTF-8",
        ),
        (
            b'format = 1\nname = "a\0b"\n',
            "study.toml:2: must be valid TOML, but: a NUL byte; "
            "text values stand in quotes, lists in brackets",
        ),
        (
            b"a = " + b"[" * 20_000,
            "study.toml: must not be nested deeper than 32 levels; flatten it",
        ),
        (
            b"x" * (MAX_BYTES + 1),
            "study.toml: a study file has at most 1 MiB, but this one is larger; "
            "is it the data itself?",
        ),
    ],
    ids=["empty", "blank", "latin-1", "utf-16", "nul", "nested", "huge"],
)
def test_a_file_that_is_no_text_is_refused_in_these_words(
    content: bytes, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study.toml").write_bytes(content)
    with pytest.raises(SpecError) as caught:
        load("study.toml")
    assert caught.value.lines() == [words]


def test_a_comment_alone_misses_everything_at_once(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text("# later\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load(file)
    assert [mistake.path for mistake in caught.value.mistakes] == [
        "format",
        "name",
        "data",
        "stage",
    ]


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistake(tmp_path: Path) -> None:
    text = (
        'format = 1\nname = "x"\ndata = "digits"\n\n[[stage]]\nname = "a"\nvary.scale = ["unit"]\n'
    )
    file = tmp_path / "study.toml"
    file.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load(file).spec == from_toml(text)


# Paths that lead to no file.


def test_a_misspelt_built_in_study_gets_the_right_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        load("minst")
    assert str(caught.value) == (
        "a study is a file or one of digits, mnist, mnist-notebook, but there is no "
        '"minst"; did you mean "mnist"?'
    )
    assert caught.value.exit_code == 2


def test_a_misspelt_file_gets_the_name_of_its_neighbour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("activations.toml").touch()
    with pytest.raises(UsageError, match=r'"activation.toml"; did you mean "activations.toml"\?$'):
        load("activation.toml")


def test_a_name_like_nothing_is_told_how_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"`bakeoff init` writes one to start from$"):
        load("quux")


@pytest.mark.parametrize(
    "path",
    ["", ".", "a\0b", "n" * 5_000, "x/" * 3_000, "\x1b[31mred", "missing/study.toml", "\udcff"],
)
def test_an_impossible_path_is_one_printable_line(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        load(path)
    assert str(caught.value).isprintable()
    assert "; " in str(caught.value)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.touch(mode=0o000)
    with pytest.raises(UsageError, match=r"Permission denied; check its path and permissions$"):
        load(file)


# Whatever Python hands over.


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({1: 2}, "Study(...): keys must be text, but got 1; put it in quotes"),
        (
            {"seed": object()},
            "Study(...): seed: must be text, a number, true or false, a list or a table, "
            "but got a object; put text in quotes",
        ),
        (
            {"name": "\ud800"},
            "Study(...): name: text must be valid Unicode, but a lone surrogate is in it; remove it",
        ),
        ({"base": {"hidden": {3}}}, None),
        (
            {"base": None, "stage": None},
            "Study(...): stage: is missing; add at least one `[[stage]]`",
        ),
        ({"seed": np.float64("nan")}, None),
        ({"looks": np.array([3, 5])}, None),
        ({"seed": 2**20_000}, None),
        ({"seed": 1j}, None),
        ({"seed": b"1"}, None),
    ],
)
def test_values_that_no_file_can_hold_are_refused(
    change: dict[Any, Any], words: str | None
) -> None:
    good = {
        "format": 1,
        "name": "x",
        "data": "digits",
        "stage": [{"name": "a", "vary": {"scale": ["unit"]}}],
    }
    assert from_dict(good).seed == 0
    with pytest.raises(SpecError) as caught:
        from_dict(good | change)
    (line,) = caught.value.lines()
    assert line.isprintable()
    assert words is None or line == words


def test_a_table_that_holds_itself_is_refused() -> None:
    study: dict[str, Any] = {"format": 1, "name": "x", "data": "digits"}
    study["base"] = study
    with pytest.raises(SpecError, match="nested deeper than 32 levels"):
        from_dict(study)


def test_numpy_numbers_are_numbers() -> None:
    study = {
        "format": 1,
        "name": "x",
        "data": "digits",
        "seed": np.int64(3),
        "stage": [{"name": "a", "vary": {"learning_rate": tuple(np.array([0.1, 0.2]))}}],
    }
    spec = from_dict(study)
    assert type(spec.seed) is int
    assert spec.stage[0].vary == {"learning_rate": [0.1, 0.2]}


# Anything at all.

ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        TEXT,
        st.dates(),
        st.sampled_from(["scale", "unit", "vary", "hidden"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(TEXT, st.sampled_from(["low", "high", "scale", "hidden", "epochs", "label"])),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    return [(value, key) for key in keys] + [p for key in keys for p in _places(value[key])]


@st.composite
def damaged_studies(draw: st.DrawFn) -> dict[str, Any]:
    """A valid study in which one to three places were overwritten, renamed or removed."""
    study = draw(study_dicts())
    for _ in range(draw(st.integers(1, 3))):
        places = _places(study)
        if not places:
            break
        container, key = draw(st.sampled_from(places))
        action = draw(st.sampled_from(["replace", "remove", "rename"]))
        if action == "replace" or isinstance(container, list):
            container[key] = draw(ANYTHING)
        elif action == "remove":
            del container[key]
        else:
            container[draw(TEXT)] = container.pop(key)
    return study


def _accepts_or_says_why(make: Callable[[], StudySpec]) -> None:
    try:
        spec = make()
    except SpecError as error:
        assert error.mistakes
        assert len({(one.path, one.line) for one in error.mistakes}) == len(error.mistakes)
        assert all(line.isprintable() for line in error.lines())
        assert all(len(line) < 1_500 for line in error.lines())
    else:
        assert from_dict(spec.to_dict()) == spec


@given(damaged_studies())
def test_a_damaged_study_is_refused_in_words_or_is_still_one(document: dict[str, Any]) -> None:
    _accepts_or_says_why(lambda: from_dict(document))


@given(ANYTHING)
def test_a_document_of_anything_is_refused_in_words(value: Any) -> None:
    document = value if isinstance(value, dict) else {"stage": value, "base": value, "data": value}
    _accepts_or_says_why(lambda: from_dict({"format": 1, **document}))


@given(study_dicts(), st.data())
def test_a_study_file_with_a_hole_in_it_is_refused_in_words(
    document: dict[str, Any], data: st.DataObject
) -> None:
    text = from_dict(document).to_toml()
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 8))
    put = data.draw(st.sampled_from(["", '"', "[", "]", "{", "=", "\n", "\0", "'''", "9" * 30]))
    _accepts_or_says_why(lambda: from_toml(text[:start] + put + text[start + length :]))


@given(content=st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "bytes.toml"
    file.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        load(file)
    assert all(line.isprintable() for line in caught.value.lines())


def test_mistakes_of_a_hostile_file_are_shown_not_executed() -> None:
    error = SpecError("\x1b]0;title\x07.toml", [Mistake("a", "got \x9b31m\u202e\n")])
    assert str(error) == "␛]0;title␇.toml: a: got \\u009b31m\\u202e "
