"""A study that may take only so long asks for fewer replicates, and says so."""

from __future__ import annotations

import pytest

from bakeoff.data.dataset import Dataset
from bakeoff.errors import UsageError
from bakeoff.execution import context
from bakeoff.execution.events import Note
from bakeoff.report.text import result_text
from bakeoff.study import Study


def undecided_study(data: Dataset) -> Study:
    """One whose candidates are the same in all but name, so that no look decides it."""
    study = Study(
        data, base={"scale": "standard", "hidden": [8], "epochs": 2}, delta=0.0, baselines=False
    )
    study.stage("l2", l2=[0.0, 1e-9])
    return study.stage("again", l2=[0.0, 2e-9])


def test_without_time_every_question_ends_at_its_first_look(clouds: Dataset) -> None:
    notes = []
    result = (
        undecided_study(clouds)
        .run(
            store=":memory:",
            budget=1e-6,
            observer=lambda event: notes.append(event.text) if isinstance(event, Note) else None,
        )
        .record
    )
    for stage in result.stages:
        assert stage.verdict.kind == "undecided"
        assert stage.verdict.num_replicates == 3
        assert stage.verdict.reason.endswith("ended this question after 3 of up to 12 replicates.")
        assert stage.verdict.power_note is not None
    told = "The budget ended l2 after 3 and again after 3 of up to 12 replicates"
    assert told in result_text(result)
    assert result.audit == ()
    assert "The budget leaves no time for the chain audit." in notes
    assert result.final is not None
    assert len(result.final.runs) == 5


def test_with_time_enough_nothing_changes(clouds: Dataset) -> None:
    with_budget = undecided_study(clouds).run(store=":memory:", budget=3600.0).record
    without = undecided_study(clouds).run(store=":memory:").record
    assert [stage.verdict.reason for stage in with_budget.stages] == [
        stage.verdict.reason for stage in without.stages
    ]
    assert with_budget.stages[0].verdict.num_replicates == 12
    assert "The budget ended" not in result_text(with_budget)


def test_time_for_the_rest_is_kept_back(clouds: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = undecided_study(clouds).check(timed=False)
    assert [stage.min_runs for stage in plan.stages] == [6, 3]  # the incumbent is there
    assert plan.refits == 5
    now = 0.0
    monkeypatch.setattr(context.time, "perf_counter", lambda: now)
    kept = context.Budget(30.0, plan, started=0.0)
    now = 6.0  # six runs took a second each; four more, three of the next stage, five refits: 18 s
    assert kept.allows(0, 4, num_trained=6)
    assert kept.allows(0, 16, num_trained=6)
    assert not kept.allows(0, 17, num_trained=6)
    assert kept.allows(1, 19, num_trained=6)
    assert not kept.allows(1, 20, num_trained=6)


def test_the_same_study_goes_on_without_a_budget(clouds: Dataset, tmp_path) -> None:
    store = tmp_path / "store.sqlite"
    undecided_study(clouds).run(store=store, budget=1e-6)
    result = undecided_study(clouds).run(store=store).record
    assert result.num_reused >= 6
    assert result.stages[0].verdict.num_replicates == 12


def test_a_budget_must_be_a_time(clouds: Dataset) -> None:
    with pytest.raises(UsageError, match="`budget > 0` must hold, but got -1 seconds"):
        undecided_study(clouds).run(store=":memory:", budget=-1)
