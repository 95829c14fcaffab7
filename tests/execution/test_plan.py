"""The plan: what a study will cost, known before anything is trained."""

from __future__ import annotations

import pytest
from small_studies import make_study

from bakeoff.data.dataset import Dataset, SealedTest
from bakeoff.execution.events import RunRequest, Silent
from bakeoff.records import Run
from bakeoff.study import Study


def test_a_study_takes_no_fewer_and_no_more_runs_than_planned(clouds: Dataset) -> None:
    study = make_study(clouds, audit=False)
    plan = study.check()
    trained = 0

    class Count(Silent):
        def run_finished(self, request: RunRequest, run: Run) -> None:
            nonlocal trained
            trained += 1

    study.run(store=":memory:", observer=Count())
    # Fewer than the lower end only by what stages share, the incumbent's runs of every look.
    assert plan.min_runs - 3 * len(plan.stages) <= trained <= plan.max_runs


def test_planning_never_opens_the_test_part_and_trains_nothing(
    clouds: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_sealed: SealedTest) -> None:
        raise AssertionError("the plan opened the test part")

    monkeypatch.setattr(SealedTest, "open_", refuse)
    plan = make_study(clouds).check()
    assert [stage.name for stage in plan.stages] == ["scale", "width", "activation"]
    assert [stage.takes_incumbent for stage in plan.stages] == [False, True, True]
    assert dict(plan.stages[2].tune) == {"learning_rate": (0.01, 0.1)}
    assert plan.stages[1].candidates[1].num_parameters == 5 * 12 + 12 + 12 * 3 + 3
    assert plan.estimated_seconds[0] <= plan.estimated_seconds[1]
    assert plan.detectable is not None


def test_a_replication_takes_exactly_its_runs() -> None:
    study = Study.from_file("mnist-notebook")
    assert study.spec.kind == "replication"
    assert sum(len(stage.candidate) for stage in study.spec.stage) == 13


def test_fewer_replicates_make_a_cheaper_plan(clouds: Dataset) -> None:
    study = make_study(clouds)
    assert study.check(replicates=1).max_runs < study.check().max_runs
