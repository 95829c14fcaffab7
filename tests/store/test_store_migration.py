"""Stores of older versions show the same numbers, and their runs are found again."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from bakeoff import Study
from bakeoff.records import Verdict
from bakeoff.report.html import write
from bakeoff.store import migration
from bakeoff.store.codec import from_json
from bakeoff.store.sqlite import Store

GOLDEN = Path(__file__).parents[1] / "golden_stores"


@pytest.fixture(params=migration.UPGRADES)
def version(request) -> int:
    """Of a golden store of whole studies."""
    return int(request.param)


@pytest.fixture
def studies(tmp_path, version) -> Path:
    """A copy of the golden store of whole studies of that version."""
    path = tmp_path / "studies.sqlite"
    path.write_bytes((GOLDEN / f"studies{version}.sqlite").read_bytes())
    return path


def test_every_number_of_a_run_is_what_it_was(studies, version) -> None:
    before = pd.read_csv(GOLDEN / f"studies{version}.csv").rename(
        columns=lambda name: name.replace("macro_recall", "balanced_accuracy")
    )
    with Store.open(studies, write=False) as store:
        after = store.runs()
    # What learned little was put aside as failed; it is a measurement like any other.
    little = before["reason"].astype("object").fillna("").str.startswith("learned next to nothing")
    before.loc[little, ["state", "reason"]] = ["finished", None]
    for name in before.columns:
        if before[name].notna().any():
            pd.testing.assert_series_equal(
                after[name], before[name], check_dtype=False, check_exact=name != "settings.hidden"
            )


def test_the_studies_are_what_they_were(studies, tmp_path) -> None:
    with Store.open(studies) as store:
        assert store.check() == []
        rows = store.studies()
        results = {row.name: store.load_result(row.id) for row in rows}
    assert [(row.name, row.state, row.num_runs, row.num_failed) for row in rows] == [
        ("chosen", "finished", 38, 0),
        ("replicated", "finished", 6, 0),
        ("interrupted", "unfinished", 18, 0),
    ]
    assert [result.metric for result in results.values()] == [
        "balanced_accuracy",
        "accuracy",
        "accuracy",
    ]
    chosen = results["chosen"]
    assert [stage.verdict.chosen for stage in chosen.stages] == ["tanh", "6", "0.3"]
    assert len(chosen.stages[0].tuning) == 4
    assert len(chosen.audit) == 5
    assert chosen.final is not None
    assert len(chosen.final.runs) == 5
    assert chosen.num_trained == 33
    assert [claim.outcome for claim in results["replicated"].claims][:2] == ["holds", "holds"]
    for name, result in results.items():
        assert "so there is no verdict" not in write(result, tmp_path / f"{name}.html").read_text()


@pytest.mark.parametrize("name", ["chosen", "replicated"])
def test_the_same_study_again_trains_nothing(studies, name) -> None:
    result = Study.from_file(GOLDEN / f"{name}.toml").run(store=studies).record
    assert result.num_trained == 0
    assert result.num_reused > 0


def test_an_interrupted_study_goes_on_with_what_it_had(studies) -> None:
    result = Study.from_file(GOLDEN / "interrupted.toml").run(store=studies).record
    with Store.open(studies) as store:
        assert [row.state for row in store.studies()] == ["finished"] * 3
    assert result.num_reused >= 17


@pytest.mark.parametrize(
    ("kind", "tied", "eliminated", "best", "beaten"),
    [
        ("winner", [], ["c"], ("a",), ("c", "b")),
        ("tie", ["a", "b"], ["c"], ("a", "b"), ("c",)),
        ("undecided", [], ["c"], ("a", "b"), ("c",)),
    ],
)
def test_a_verdict_that_names_the_tied_and_the_eliminated_is_read_as_best_and_beaten(
    kind: str, tied: list[str], eliminated: list[str], best: tuple[str], beaten: tuple[str]
) -> None:
    old = {
        "kind": kind,
        "chosen": "a",
        "leader": "a",
        "reason": "As it was.",
        "comparison": None,
        "comparisons": {"$tuple": []},
        "eliminated": {"$tuple": eliminated},
        "failed": {"$tuple": ["d"]},
        "tied": {"$tuple": tied},
        "num_replicates": 12,
        "metric": "accuracy",
        "delta": 0.002,
        "labels": {"$tuple": ["a", "b", "c", "d"]},
    }
    verdict = from_json(json.dumps(migration._verdict(old)), Verdict)
    assert (verdict.best, verdict.beaten, verdict.failed) == (best, beaten, ("d",))
