"""The plan: what a study will cost, known before anything is trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_studies import make_study

from bakeoff.data.arrays import from_arrays
from bakeoff.data.dataset import Dataset, SealedTest
from bakeoff.data.study_data import StudyData
from bakeoff.dense import timing
from bakeoff.dense.trainable import Dense, get_engine
from bakeoff.execution import plan
from bakeoff.execution.baselines import BOOSTED, simple_models
from bakeoff.execution.events import Event, RunFinished
from bakeoff.report.text import result_text
from bakeoff.study import Study


def test_a_study_takes_no_fewer_and_no_more_runs_than_planned(clouds: Dataset) -> None:
    study = make_study(clouds, audit=False)
    planned = study.check()
    trained = 0

    def count(event: Event) -> None:
        nonlocal trained
        trained += isinstance(event, RunFinished)

    study.run(store=":memory:", observer=count)
    assert planned.min_runs <= trained <= planned.max_runs


@pytest.mark.parametrize(
    "second",
    [
        {"activation": ["relu", "tanh"], "tune": {"learning_rate": [0.01, 0.1, 0.3]}},
        {"learning_rate": [0.1, 0.3], "hidden": [[6], [12]]},
        {"learning_rate": [0.3, 1.0]},
    ],
)
def test_what_an_earlier_question_trained_is_planned_once(clouds: Dataset, second: dict) -> None:
    options = {"audit": False, "baselines": False, "looks": [3], "final_replicates": 1}
    study = Study(clouds, base={"hidden": [6], "activation": "relu", "epochs": 1}, **options)
    study.stage("rate", learning_rate=[0.1, 0.3]).stage("second", **second)
    plan, result = study.check(timed=False), study.run(store=":memory:")
    assert plan.min_runs <= result.record.num_trained <= plan.max_runs


def test_without_times_no_network_is_timed(
    clouds: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a network was timed")

    monkeypatch.setattr("bakeoff.dense.timing.Stopwatch._timed", refuse)
    assert make_study(clouds).check(timed=False).estimated_seconds is None


def test_a_network_that_has_no_room_has_a_plan_without_times(
    clouds: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("bakeoff.dense.timing.Stopwatch._timed", no_room)
    plan = make_study(clouds).check()
    assert plan.estimated_seconds is None
    assert plan.max_runs > 0


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


def test_a_replication_takes_exactly_its_runs(clouds: Dataset) -> None:
    study = Study(
        clouds,
        kind="replication",
        base={"hidden": [4], "epochs": 1},
        looks=[3],
        folds=6,
        final_replicates=1,
    )
    study.stage("width", hidden=[[4], [6]], carry={"hidden": [6]})
    study.stage("rate", learning_rate=[0.01, 0.1], carry={"learning_rate": 0.1})
    plan, trained = study.check(), 0

    def count(event: Event) -> None:
        nonlocal trained
        trained += isinstance(event, RunFinished)

    study.run(store=":memory:", observer=count)
    # Three models: the second stage's 0.01 is what the first stage carried.
    assert (plan.min_runs, plan.max_runs, trained) == (9, 9, 9)


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ("folds", "6 stratified folds"),
        ("last", "last part validates"),
        ("time", "later rows validate"),
    ],
)
def test_a_plan_says_how_it_splits(clouds: Dataset, split: str, words: str) -> None:
    assert f"Split: {words}" in repr(make_study(clouds, split=split).check(timed=False))


def test_fewer_replicates_make_a_cheaper_plan(clouds: Dataset) -> None:
    study = make_study(clouds)
    assert study.check(replicates=1).max_runs < study.check().max_runs


def test_simple_models_are_counted_where_they_are_trained(clouds: Dataset) -> None:
    without, with_them = (make_study(clouds, baselines=one).check() for one in (False, True))
    assert with_them.min_runs - without.min_runs == 2 * 3
    assert with_them.max_runs - without.max_runs == 2 * 4  # looks 3, 4
    assert with_them.estimated_seconds[0] > without.estimated_seconds[0]
    wide = from_arrays(np.zeros((90, 5_000), np.float32) + np.eye(90, 5_000), np.arange(90) % 2)
    spec = make_study(wide, baselines=True).spec
    data = StudyData(wide, study_seed=0, split="folds", num_folds=6).summary
    trainable = Dense(get_engine("reference"))
    assert list(simple_models(spec, trainable, wide, data, 3)) == ["logistic regression", BOOSTED]
    assert list(simple_models(spec, trainable, wide, replace(data, num_train=5_000), 3)) == []
    assert list(simple_models(spec, trainable, wide, replace(data, num_train=2_000), 3)) == [
        "logistic regression"
    ]


def test_the_time_is_told_within_a_factor_of_three(clouds: Dataset) -> None:
    data = {
        "base": {"scale": "standard", "hidden": [64, 64], "epochs": 60},
        "audit": False,
        "looks": [3],
        "baselines": False,
    }
    study = Study(clouds, **data).stage("l2", l2=[0.0, 1e-9])
    low, high = study.check(workers=1).estimated_seconds
    result = study.run(store=":memory:", workers=1).record
    trained = sum(run.train_seconds for runs in result.stages[0].runs for run in runs)
    trained += sum(run.train_seconds for run in result.final.runs)
    # Half a minute of a busy machine is nothing to judge by: the training itself is compared.
    beside = plan.SECONDS_OVERHEAD + 11 * plan.SECONDS_PER_RUN
    assert trained / 6.0 < low - beside <= high - beside < trained * 6.0


def test_networks_beyond_the_time_for_measuring_are_told_from_the_others(
    clouds: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "MOST_SECONDS", 1e-9)
    study = Study(clouds, audit=False).stage("width", hidden=[[8], [16], [512, 512]])
    trainable = Dense(get_engine("reference"))
    data = StudyData(clouds, study_seed=0, split="folds", num_folds=12).summary
    seconds = [
        trainable.seconds(one.settings, data)
        for one in study.check(timed=False).stages[0].candidates
    ]
    assert 0.0 < seconds[0] < seconds[2]


def test_a_candidate_that_is_alone_is_told_by_what_it_changes(clouds: Dataset) -> None:
    study = Study(
        clouds,
        kind="replication",
        base={"hidden": [4], "learning_rate": 0.01, "epochs": 1},
        looks=[3],
        folds=6,
    )
    study.stage("first", candidates=[{"label": "6", "activation": "tanh"}])
    study.stage("rate", candidates=[{"label": "7", "learning_rate": 0.1}])
    study.stage("again", candidates=[{"label": "8", "learning_rate": 0.1}])
    plan = study.check(timed=False)
    assert [stage.varied for stage in plan.stages] == [(), ("learning_rate",), ()]
    result = study.run(store=":memory:").record
    assert [stage.varied for stage in result.stages] == [(), ("learning_rate",), ()]
    assert "\n  7 (learning_rate 0.1) " in repr(plan)
    assert "\nrate   only candidate  7 (learning_rate 0.1)\n" in result_text(result)


def test_what_comes_after_an_open_question_is_planned_at_middling_cost(clouds: Dataset) -> None:
    study = Study(clouds, base={"epochs": 1})
    study.stage("size", hidden=[[], [64, 64], [16]])
    study.stage("rate", learning_rate=[0.1, 0.2])
    (_, after) = study.check(timed=False).stages
    assert {one.settings["hidden"] for one in after.candidates} == {(16,)}
