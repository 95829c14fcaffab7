"""The JSON schema for editors is current, complete, and agrees with the checks."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from bakeoff.dense.settings import DENSE_SPACE
from bakeoff.errors import SpecError
from bakeoff.spec import BUILT_IN, built_in_text, from_dict, json_schema, load
from bakeoff.spec.schema import setting_descriptions
from strategies import study_dicts

DOCS = Path(__file__).parents[2] / "docs"
VALIDATOR = jsonschema.Draft202012Validator(json_schema(DENSE_SPACE))


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema(DENSE_SPACE))


def test_the_schema_in_the_docs_is_what_the_code_gives() -> None:
    """Make it current with ``python -m bakeoff.spec.schema > docs/study.schema.json``."""
    command = [sys.executable, "-W", "error", "-m", "bakeoff.spec.schema"]
    made = subprocess.run(command, capture_output=True, check=True, text=True, encoding="utf-8")
    assert made.stdout == (DOCS / "study.schema.json").read_text(encoding="utf-8")
    assert json.loads(made.stdout) == json_schema(DENSE_SPACE)


def test_every_key_and_every_setting_is_explained() -> None:
    assert set(setting_descriptions(DENSE_SPACE)) == set(DENSE_SPACE.names)
    schema = json_schema(DENSE_SPACE)
    for name, definition in {"study": schema, **schema["$defs"]}.items():
        assert definition["description"], name
        for key, one in definition.get("properties", {}).items():
            assert "$ref" in one or one["description"], (name, key)


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_built_in_studies_follow_it(name: str) -> None:
    VALIDATOR.validate(tomllib.loads(load(name).text))


def test_the_template_follows_it() -> None:
    VALIDATOR.validate(tomllib.loads(built_in_text("template")))


@given(study_dicts())
def test_every_study_that_passes_the_checks_follows_it(document: dict[str, Any]) -> None:
    VALIDATOR.validate(document)
    VALIDATOR.validate(from_dict(document).to_dict())


GOOD: dict[str, Any] = {
    "format": 1,
    "name": "x",
    "data": "digits",
    "stage": [{"name": "a", "vary": {"scale": ["none"]}}],
}


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"name": ""},
        {"name": " "},
        {"data": 3},
        {"data": {"path": "x", "image_shape": [1]}},
        {"data": {"target": "x"}},
        {"folds": 1},
        {"looks": []},
        {"base": {"lr": 0.1}},
        {"base": {"hidden": 64}},
        {"base": {"learning_rate": 0}},
        {"stage": []},
        {"stage": [{"name": "a"}]},
        {"stage": [{"name": "a", "vary": {"scale": []}}]},
        {"stage": [{"name": "a", "vary": {"scale": ["x"]}}]},
        {"stage": [{"name": "a", "vary": {"scale": "unit"}}]},
        {"stage": [{"name": "a", "vary": {"scale": ["unit"]}, "candidate": [{}]}]},
        {"stage": [{"name": "a", "candidate": [{"lr": 1}]}]},
        {"stage": [{"name": "a", "vary": {"scale": ["unit"]}, "tune": {"scale": {"low": 1}}}]},
        {"unknown": 1},
    ],
)
def test_what_the_schema_refuses_the_checks_refuse_too(change: dict[str, Any]) -> None:
    VALIDATOR.validate(GOOD)
    from_dict(GOOD)
    assert not VALIDATOR.is_valid(GOOD | change)
    with pytest.raises(SpecError, match=r"Study\(\.\.\.\): "):
        from_dict(GOOD | change)
