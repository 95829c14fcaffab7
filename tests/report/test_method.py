"""How it was made: commands that make the same study again, and no other."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from importlib import resources

import build
import pytest

from bakeoff.evidence.summary import summarise
from bakeoff.report import html, method
from bakeoff.spec import from_dict


def digits() -> dict[str, object]:
    text = (resources.files("bakeoff.studies") / "digits.toml").read_text("utf-8")
    return from_dict(tomllib.loads(text), source="").to_dict()


def test_a_built_in_study_is_made_again_by_its_name() -> None:
    result = replace(build.winner(), spec=digits())
    assert method.commands(result) == ["bakeoff run digits", "bakeoff report digits"]


def test_another_study_of_a_built_in_ones_name_is_not_called_by_it() -> None:
    result = replace(build.winner(), spec={**digits(), "seed": 7})
    first, _ = method.commands(result)
    assert first == "bakeoff run digits.toml  # the study file is below"


@pytest.mark.parametrize(
    ("name", "quoted"), [("my study", "'my study'"), ("it's; rm -rf", "'it'\"'\"'s; rm -rf'")]
)
def test_names_are_quoted_for_the_shell(name: str, quoted: str) -> None:
    run, report = method.commands(replace(build.winner(), name=name))
    assert report == f"bakeoff report {quoted}"
    assert "my study.toml'" in run or "rm -rf.toml'" in run


def test_a_name_that_begins_with_a_dash_is_no_option() -> None:
    assert method.commands(replace(build.winner(), name="-x"))[1] == "bakeoff report -- -x"


def test_the_study_file_below_is_one_that_can_be_run() -> None:
    result = replace(build.winner(), spec={**digits(), "name": "mine"})
    text = method.spec_text(result)
    assert from_dict(tomllib.loads(text), source="").to_dict() == {**digits(), "name": "mine"}
    page = html.render(result)
    assert "[[stage]]" in page


def test_a_study_that_no_file_can_say_is_shown_as_json() -> None:
    assert method.spec_text(build.hostile()).startswith("{")


def test_the_last_split_is_said_to_be_that_split_alone() -> None:
    said = " ".join(method.method(summarise(replace(build.winner(), split="last"))))
    assert "holds for this split alone" in said
    bars = " ".join(method.error_bars(summarise(replace(build.winner(), split="last"))))
    assert "a new split" not in bars


def test_a_program_that_splits_its_own_data_has_no_validation_part_of_ours() -> None:
    text = " ".join(method.method(summarise(replace(build.brought(), split="own"))))
    assert "it reads and splits its data itself" in text
    assert "Keras" not in text


def test_the_level_of_the_bars_is_told_of_several_looks_and_of_one() -> None:
    several = replace(build.winner(), looks=(3, 5))
    assert "looking up to 2 times" in " ".join(method.error_bars(summarise(several)))
    one = " ".join(method.error_bars(summarise(replace(several, looks=(3,)))))
    assert "1 time" not in one
    assert "a single look spends half of 5 %" in one
