"""Nuisances: each candidate at its own best, on replicates that never decide."""

from __future__ import annotations

import pytest
from small_studies import make_study

from bakeoff.data.dataset import Dataset
from bakeoff.data.splits import FIRST_SCREENING_INDEX
from bakeoff.errors import RunsFailedError
from bakeoff.records import StageResult
from bakeoff.study import Study

QUICK = {"looks": [3], "folds": 6, "audit": False, "baselines": False}


def test_every_candidate_gets_its_own_best_value(clouds: Dataset) -> None:
    result = make_study(clouds).run(store=":memory:")
    stage = result.record.stages[-1]
    for candidate in stage.candidates:
        points = [point for point in stage.tuning if point.candidate == candidate.label]
        chosen = [point for point in points if point.chosen]
        assert len(chosen) == 1
        assert candidate.settings["learning_rate"] == chosen[0].values["learning_rate"]
        assert candidate.tuned == dict(chosen[0].values)
        best = max(
            sum(run.value("val_accuracy") or 0.0 for run in point.runs) / len(point.runs)
            for point in points
            if len(point.runs) == max(len(other.runs) for other in points)
        )
        accuracy = sum(run.value("val_accuracy") or 0.0 for run in chosen[0].runs) / len(
            chosen[0].runs
        )
        assert accuracy == best


def test_screening_replicates_never_decide(clouds: Dataset) -> None:
    result = make_study(clouds).run(store=":memory:")
    stage = result.record.stages[-1]
    screening = {run.replicate for point in stage.tuning for run in point.runs}
    deciding = {run.replicate for runs in stage.runs for run in runs}
    assert screening
    assert min(screening) >= FIRST_SCREENING_INDEX > max(deciding)


def test_every_candidate_tries_the_same_points_and_the_incumbents_own_is_one(
    clouds: Dataset,
) -> None:
    stage = make_study(clouds).run(store=":memory:").record.stages[-1]
    assert any(candidate.incumbent for candidate in stage.candidates)
    for candidate in stage.candidates:
        tried = [
            point.values["learning_rate"]
            for point in stage.tuning
            if point.candidate == candidate.label
        ]
        assert tried == [0.01, 0.1, 0.05]


def failing_study(clouds: Dataset, rates: list[float]) -> StageResult:
    study = Study(
        clouds,
        base={"hidden": [6], "activation": "linear", "epochs": 4},
        looks=[3],
        folds=6,
        audit=False,
        baselines=False,
        final_replicates=1,
    )
    study.stage("width", hidden=[[6], [12]], tune={"learning_rate": rates})
    return study.run(store=":memory:").record.stages[0]


def test_a_point_whose_screening_run_failed_comes_last(clouds: Dataset) -> None:
    stage = failing_study(clouds, [1e6, 5e5, 0.05])
    for point in stage.tuning:
        failed = point.values["learning_rate"] > 1.0
        assert all((run.status == "failed") == failed for run in point.runs)
        assert point.chosen != failed
        assert len(point.runs) == 1, "the one that is left need not race"


def test_where_every_point_failed_the_stage_says_so(clouds: Dataset) -> None:
    with pytest.raises(RunsFailedError, match="width"):
        failing_study(clouds, [1e6, 5e5])


def test_a_best_value_at_the_edge_is_marked(clouds: Dataset) -> None:
    study = Study(clouds, base={"hidden": [6], "epochs": 2}, **QUICK)
    study.stage(
        "activation", activation=["tanh", "relu"], tune={"learning_rate": [1e-5, 1e-4, 0.1]}
    )
    result = study.run(store=":memory:")
    chosen = [point for point in result.record.stages[0].tuning if point.chosen]
    assert all(point.values["learning_rate"] == 0.1 for point in chosen)
    assert all(point.at_edge == ("learning_rate",) for point in chosen)


def test_a_range_is_covered_by_points_inside_it(clouds: Dataset) -> None:
    study = Study(clouds, base={"hidden": [6], "epochs": 1}, **QUICK)
    study.stage(
        "activation",
        activation=["tanh", "relu"],
        tune={"learning_rate": {"low": 0.001, "high": 0.1, "points": 4}},
    )
    stage = study.run(store=":memory:").record.stages[0]
    rates = {point.values["learning_rate"] for point in stage.tuning}
    assert len(rates) == 4
    assert all(0.001 <= rate <= 0.1 for rate in rates)
