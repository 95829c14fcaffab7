"""A study survives every form it can take: dict, TOML text, file."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from bakeoff.dense.settings import DENSE_SPACE
from bakeoff.spec import BUILT_IN, from_dict, from_toml, load, stage_candidates, tuning_points
from bakeoff.spec.document import toml_value
from strategies import NAME, study_dicts


@given(study_dicts())
def test_dict_and_toml_give_the_same_study_back(document: dict[str, Any]) -> None:
    spec = from_dict(document)
    assert from_dict(spec.to_dict()) == spec
    assert from_toml(spec.to_toml()) == spec
    assert from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@given(study_dicts())
def test_writing_is_stable(document: dict[str, Any]) -> None:
    """A study that was written and read is written the same way again."""
    text = from_dict(document).to_toml()
    assert from_toml(text).to_toml() == text


@given(study_dicts())
def test_from_dict_takes_tuples_for_lists_and_leaves_its_argument_alone(
    document: dict[str, Any],
) -> None:
    before = json.dumps(document)
    spec = from_dict(document)
    assert json.dumps(document) == before
    tupled = {
        key: tuple(value) if isinstance(value, list) else value for key, value in document.items()
    }
    assert from_dict(tupled) == spec


@given(study_dicts())
def test_the_labels_of_a_stage_are_unique_and_its_candidates_keep_what_was_carried(
    document: dict[str, Any],
) -> None:
    spec = from_dict(document)
    for stage in spec.stage:
        candidates = stage_candidates(stage, spec.base)
        labels = [candidate.label for candidate in candidates]
        assert len(set(labels)) == len(labels) > 0
        for candidate in candidates:
            untouched = set(spec.base) - set(stage.vary)
            untouched -= {name for entry in stage.candidate for name in entry.settings}
            assert all(candidate.declared[name] == spec.base[name] for name in untouched)


@given(study_dicts())
def test_tuning_points_lie_inside_what_was_declared(document: dict[str, Any]) -> None:
    for stage in from_dict(document).stage:
        points = tuning_points(stage, DENSE_SPACE, seed=0)
        assert bool(points) == bool(stage.tune)
        for point in points:
            assert list(point) == list(stage.tune)
            for name, values in stage.tune.items():
                if isinstance(values, list):
                    assert point[name] in values
                else:
                    assert values.low <= point[name] <= values.high
        assert all(points.count(point) == 1 for point in points)


@given(NAME)
def test_any_text_survives_toml(text: str) -> None:
    assert tomllib.loads(f"key = {toml_value(text)}") == {"key": text}
    table = toml_value({text: text})
    assert tomllib.loads(f"key = {table}") == {"key": {text: text}}


def test_toml_holds_nothing_but_plain_values() -> None:
    with pytest.raises(TypeError, match="but got object"):
        toml_value(object())
    assert toml_value(None) == '"none"'  # as settings spell it


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_built_in_studies_round_trip(name: str, tmp_path: Path) -> None:
    loaded = load(name)
    assert loaded.spec.name == name
    assert loaded.folder is None
    file = tmp_path / "copy.toml"
    file.write_text(loaded.spec.to_toml(), encoding="utf-8")
    again = load(file)
    assert again.spec == loaded.spec
    assert again.folder == tmp_path
