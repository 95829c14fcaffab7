"""A search as a stage: what it finds competes on replicates that had no part in finding it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_chain import Counting, text_of

from bakeoff.data.arrays import from_arrays
from bakeoff.data.dataset import Dataset
from bakeoff.data.splits import FIRST_SCREENING_INDEX
from bakeoff.errors import EngineError, Interrupted, RunsFailedError, UsageError
from bakeoff.execution.search import num_points
from bakeoff.records import StageResult
from bakeoff.result import Result
from bakeoff.spec import SearchSpec, from_toml
from bakeoff.study import Study

pytest.importorskip("optuna")

RATES = {"low": 0.001, "high": 3.0}


def searching(
    clouds: Dataset, search: dict[str, Any] | None = None, *, first: bool = False, **options: Any
) -> Study:
    """A study that searches in its second stage, or in its first."""
    base = {"hidden": [6], "activation": "tanh", "learning_rate": 0.01, "epochs": 3}
    options = {"base": base, "looks": [3, 4], "folds": 6, "final_replicates": 2, **options}
    study = Study(clouds, name="searching", baselines=False, **options)
    if not first:
        study.stage("scale", scale=["none", "standard"])
    return study.stage(
        "search",
        search=search or {"runs": 26, "batch": 5},
        learning_rate=RATES,
        hidden=[[6], [12], [12, 6]],
        batch_size={"low": 8, "high": 64},
    )


def last(study: Study, **options: Any) -> StageResult:
    return study.run(store=":memory:", **options).record.stages[-1]


def test_the_best_three_compete_with_the_incumbent(clouds: Dataset) -> None:
    stage = last(searching(clouds))
    points = {point.candidate: point for point in stage.tuning}
    chosen = [label for label, point in points.items() if point.chosen]
    labels = [one.label for one in stage.candidates]
    assert sorted(chosen) == sorted(labels[:3])
    assert labels[3:] == ["incumbent"]
    assert stage.candidates[3].incumbent
    for one in stage.candidates[:3]:
        assert all(
            one.settings.plain()[key] == value for key, value in points[one.label].values.items()
        )
    assert "the best 3 of 18 points that a search (tpe, 26 runs)" in stage.verdict.reason


def test_runs_are_counted_and_the_best_were_tried_on_every_screening_replicate(
    clouds: Dataset,
) -> None:
    stage = last(searching(clouds))
    assert sum(len(point.runs) for point in stage.tuning) == 26
    assert sorted(len(point.runs) for point in stage.tuning) == [1] * 14 + [3] * 4
    assert all(len(point.runs) == 3 for point in stage.tuning if point.chosen)
    screening = {run.replicate for point in stage.tuning for run in point.runs}
    deciding = {run.replicate for runs in stage.runs for run in runs}
    assert min(screening) >= FIRST_SCREENING_INDEX > max(deciding)


@pytest.mark.parametrize(
    ("runs", "points"), [(60, (48, 6)), (36, (24, 6)), (24, (16, 4)), (23, (23, 0)), (4, (4, 0))]
)
def test_most_runs_try_a_point_and_the_rest_try_the_best_again(runs, points) -> None:
    assert num_points(SearchSpec(runs=runs), 3) == points
    once, again = points
    assert once + 2 * again == runs


def test_values_lie_in_what_was_declared(clouds: Dataset) -> None:
    for sampler in ("tpe", "random"):
        stage = last(searching(clouds, {"sampler": sampler, "runs": 20}))
        for point in stage.tuning:
            assert 0.001 <= point.values["learning_rate"] <= 3.0
            assert type(point.values["batch_size"]) is int
            assert 8 <= point.values["batch_size"] <= 64
            assert point.values["hidden"] in ([6], [12], [12, 6])
        assert len({point.values["learning_rate"] for point in stage.tuning}) > 15


def test_a_search_learns_from_what_it_is_told(clouds: Dataset) -> None:
    """At a rate of 0.001 three epochs learn nothing: TPE leaves the small ones."""
    tuning = last(searching(clouds, {"runs": 60})).tuning
    rates = [point.values["learning_rate"] for point in tuning]
    assert sum(rate < 0.02 for rate in rates[-16:]) < sum(rate < 0.02 for rate in rates[:16])


def test_less_is_better_of_a_loss(clouds: Dataset) -> None:
    stage = last(searching(clouds, metric="loss"))
    means = {
        point.candidate: sum(run.metrics["val_loss"] for run in point.runs) / 3
        for point in stage.tuning
        if len(point.runs) == 3
    }
    best = sorted(means, key=means.__getitem__)[:3]
    assert [one.label for one in stage.candidates[:3]] == best


@pytest.fixture(scope="module")
def undisturbed(clouds: Dataset) -> Result:
    """What the study comes to on one worker and without an interruption."""
    return searching(clouds).run(store=":memory:", workers=1)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_number_of_workers_changes_nothing(
    clouds: Dataset, undisturbed: Result, workers: int
) -> None:
    other = searching(clouds).run(store=":memory:", workers=workers)
    assert text_of(undisturbed) == text_of(other)


@pytest.mark.parametrize("stop_after", [1, 8, 17, 25, 33, 40])
def test_an_interrupted_search_goes_on_and_trains_nothing_twice(
    clouds: Dataset, undisturbed: Result, tmp_path: Path, stop_after: int
) -> None:
    store = tmp_path / "runs.sqlite"
    first, second = Counting(stop_after), Counting()
    with pytest.raises(Interrupted):
        searching(clouds).run(store=store, observer=first, workers=2)
    resumed = searching(clouds).run(store=store, observer=second, workers=2)
    assert text_of(resumed) == text_of(undisturbed)
    trained = [(one.key, one.refit) for one in (*first.trained, *second.trained) if not one.refit]
    assert len(trained) == len(set(trained))
    num_refits = len(undisturbed.record.final.runs)
    assert len(trained) == undisturbed.record.num_trained - num_refits
    again = searching(clouds).run(store=store)
    assert again.record.num_trained == 0


def test_the_first_stage_may_search(clouds: Dataset) -> None:
    stage = last(searching(clouds, first=True))
    assert [one.incumbent for one in stage.candidates] == [False] * 3


def test_points_that_fail_do_not_compete(clouds: Dataset) -> None:
    options = {"looks": [3], "folds": 6, "audit": False, "baselines": False}
    study = Study(clouds, base={"activation": "linear"}, **options)
    study.stage(
        "search",
        search={"runs": 30, "sampler": "random"},
        learning_rate={"low": 0.01, "high": 1e6},
        epochs=[3],
    )
    stage = last(study)
    failed = {p.candidate for p in stage.tuning if any(run.status == "failed" for run in p.runs)}
    assert failed
    assert not failed & {one.label for one in stage.candidates}


def test_where_every_point_failed_the_stage_says_so(clouds: Dataset) -> None:
    study = Study(
        clouds, base={"activation": "linear", "epochs": 4}, looks=[3], folds=6, audit=False
    )
    study.stage("search", search={"runs": 5}, learning_rate={"low": 5e5, "high": 1e6})
    with pytest.raises(RunsFailedError, match="stage search: "):
        study.run(store=":memory:")


def test_fewer_points_than_three_compete_as_they_are(clouds: Dataset) -> None:
    """Values that repeat are trained once."""
    study = Study(clouds, looks=[3], folds=6, audit=False, baselines=False, final_replicates=1)
    study.stage("search", search={"runs": 12}, activation=["tanh", "relu"])
    counting = Counting()
    result = study.run(store=":memory:", observer=counting)
    stage = result.record.stages[0]
    assert {one.settings["activation"] for one in stage.candidates} == {"tanh", "relu"}
    assert len(counting.trained) == 2 * 1 + 2 * 3 + 1


def test_what_a_search_chose_is_carried_on(clouds: Dataset) -> None:
    study = searching(clouds, first=True).stage("scale", scale=["none", "standard"])
    search, scale = study.run(store=":memory:").record.stages
    chosen = search.candidate(search.verdict.chosen).settings
    assert all(one.settings["learning_rate"] == chosen["learning_rate"] for one in scale.candidates)


def test_the_plan_counts_the_runs_of_a_search(clouds: Dataset) -> None:
    plan = searching(clouds).check().stages[1]
    assert (plan.search, plan.min_runs, plan.max_runs) == (26, 26 + 3 * 3, 26 + 4 * 4)
    assert plan.varied == ("batch_size", "hidden", "learning_rate")


def test_every_view_of_a_result_has_the_search(clouds: Dataset, tmp_path: Path) -> None:
    result = searching(clouds).run(store=tmp_path / "runs.sqlite")
    frame = result.to_frame()
    assert len(frame[(frame.stage == "search") & (frame.step == "tuning")]) == 26
    points = result.to_dict()["stages"][1]["tuning"]
    assert [one["candidate"] for one in points] == [f"point {k}" for k in range(1, 19)]
    page = tmp_path / "page.html"
    result.report(page)
    text = page.read_text()
    assert "Searched: learning_rate" in text
    assert "Tuned value by candidate" not in text


def test_a_study_that_searches_is_written_and_read_back() -> None:
    text = """format = 1
name = "a"
data = "digits"

[[stage]]
name = "rates"
search = { sampler = "random", runs = 60 }
vary.learning_rate = { low = 0.001, high = 1.0 }
vary.hidden = [[8], [16]]
"""
    spec = from_toml(text)
    assert from_toml(spec.to_toml()) == spec
    assert "search = {" in spec.to_toml()


def test_without_optuna_it_is_said_before_anything_is_trained(
    clouds: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    store, counting = tmp_path / "runs.sqlite", Counting()
    with pytest.raises(UsageError, match=r"stage search: Optuna .*pip install 'bakeoff\[optuna\]'"):
        searching(clouds).run(store=store, observer=counting)
    assert not counting.trained


def test_whole_ends_of_a_range_mean_whole_values_where_either_may_be() -> None:
    """``min_samples_leaf`` is a count or a share: 4.5 is neither."""
    from sklearn.tree import DecisionTreeClassifier

    options: dict[str, Any] = {"looks": [3], "audit": False, "final_replicates": 1}
    study = Study("digits", model=DecisionTreeClassifier, **options)
    study.stage("count", search={"runs": 8}, min_samples_leaf={"low": 1, "high": 20})
    study.stage(
        "share",
        tune={"min_samples_leaf": {"low": 0.01, "high": 0.2, "points": 4}},
        splitter=["best"],
    )
    study.stage(
        "again", tune={"min_samples_leaf": {"low": 1, "high": 20, "points": 4}}, splitter=["best"]
    )
    counts, shares, again = study.run(store=":memory:", on="threads").record.stages
    for stage, kind in ((counts, int), (shares, float)):
        kinds = {type(point.values["min_samples_leaf"]) for point in stage.tuning}
        assert kind in kinds
    assert {type(point.values["min_samples_leaf"]) for point in counts.tuning} == {int}
    assert sum(type(point.values["min_samples_leaf"]) is int for point in again.tuning) >= 4


def test_a_value_within_a_range_that_breaks_a_rule_is_one_line() -> None:
    from sklearn.tree import DecisionTreeClassifier

    study = Study("digits", model=DecisionTreeClassifier, looks=[3])
    study.stage("a", search={"runs": 8}, min_samples_leaf={"low": 0.5, "high": 20})
    with pytest.raises(
        EngineError, match=r"cannot train point \d+: `min_samples_leaf` must be an int"
    ):
        study.run(store=":memory:")


@pytest.mark.slow
def test_the_best_of_sixty_points_of_noise_are_not_called_better() -> None:
    """What a search chose by luck must not look better on replicates that it did not see."""
    better = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        features = rng.normal(size=(240, 8)).astype(np.float32)
        noise = from_arrays(features, rng.permutation(np.arange(240) % 3), name="noise")
        base = {"hidden": [8], "learning_rate": 0.05, "epochs": 4}
        study = Study(noise, base=base, audit=False, baselines=False, final_replicates=1, seed=seed)
        study.stage("first", activation=["relu"])
        study.stage("search", search={"runs": 60}, learning_rate=RATES, hidden=[[4], [8], [16]])
        stage = last(study)
        better += any(
            one.incumbent and one.label in stage.verdict.beaten for one in stage.candidates
        )
    assert better <= 5  # at 5 % more than five of 40 have a probability of 1.4 %
