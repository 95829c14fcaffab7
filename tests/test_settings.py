"""Settings: a frozen mapping that stands alone, and equality by values."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

import bakeoff
from bakeoff.settings import Settings

GOLDEN = Path(__file__).parent / "golden"


def sample() -> Settings:
    return Settings({"widths": [64, [8]], "rate": 0.1, "depth": None}, inert=["depth", "unknown"])


def test_settings_are_a_mapping_in_the_order_they_were_given() -> None:
    assert dict(sample()) == {"widths": (64, (8,)), "rate": 0.1, "depth": None}
    assert list(sample()) == ["widths", "rate", "depth"]
    assert len(sample()) == 3


def test_plain_values_are_json_and_a_copy() -> None:
    settings = sample()
    settings.plain()["widths"].append(1)
    assert settings.plain() == {"widths": [64, [8]], "rate": 0.1, "depth": None}
    assert json.loads(json.dumps(settings.plain())) == settings.plain()


def test_what_is_inert_is_neither_effective_nor_in_the_fingerprint() -> None:
    settings = sample()
    assert settings.inert == {"depth"}
    assert settings.effective() == {"widths": [64, [8]], "rate": 0.1}
    other = Settings({**settings, "depth": 3}, settings.inert)
    assert other.fingerprint() == settings.fingerprint()
    assert other != settings


def test_settings_come_back_from_a_pickle() -> None:
    again = pickle.loads(pickle.dumps(sample()))
    assert again == sample()
    assert again.inert == sample().inert
    assert hash(again) == hash(sample())


def test_one_and_one_point_nought_and_true_are_three_settings() -> None:
    # `max_features=1` of a forest is one feature, `max_features=1.0` all of them.
    assert len({Settings({"x": value}) for value in (1, 1.0, True)}) == 3


def test_settings_are_frozen() -> None:
    settings = sample()
    with pytest.raises(AttributeError, match="frozen"):
        settings.rate = 0.2  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="frozen"):
        settings._values = {}
    with pytest.raises(TypeError):
        settings["rate"] = 0.2  # type: ignore[index]


def test_runs_are_known_by_the_keys_that_the_first_version_gave_them(tmp_path: Path) -> None:
    """So that what an earlier version trained is found again in its store."""
    golden = json.loads((GOLDEN / "run_keys.json").read_text())
    study = bakeoff.Study.from_file(GOLDEN / "run_keys.toml")
    stage = study.run(engine="reference", store=tmp_path / "store.sqlite").record.stages[0]
    keys = {
        candidate.label: [run.key for run in runs[: len(golden[candidate.label])]]
        for candidate, runs in zip(stage.candidates, stage.runs, strict=True)
    }
    assert keys == golden
