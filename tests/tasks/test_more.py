"""Metrics by scikit-learn's names, as what decides a study."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bakeoff
from bakeoff import Study
from bakeoff.errors import SpecError, UsageError
from bakeoff.tasks import task_of
from bakeoff.tasks.further import CLASSIFICATION, REGRESSION
from bakeoff.tasks.more import scores

DRAW = np.random.default_rng(0)


def outputs(num_classes: int, n: int = 80) -> tuple[np.ndarray, np.ndarray]:
    given = DRAW.dirichlet(np.ones(num_classes), n)
    return given, DRAW.integers(0, num_classes, n)


def test_two_classes_are_scored_as_scikit_learn_does() -> None:
    given, labels = outputs(2)
    found = scores("classification", given, labels)
    assert set(found) == {one.name for one in CLASSIFICATION}
    guess = given.argmax(axis=1)
    assert found["roc_auc"] == metrics.roc_auc_score(labels, given[:, 1])
    assert found["average_precision"] == metrics.average_precision_score(labels, given[:, 1])
    assert found["f1"] == metrics.f1_score(labels, guess)
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(labels, given[:, 1]))


def test_several_classes_are_averaged() -> None:
    given, labels = outputs(4)
    found = scores("classification", given, labels)
    assert found["roc_auc"] == metrics.roc_auc_score(labels, given, multi_class="ovr")
    assert found["f1"] == metrics.f1_score(labels, given.argmax(axis=1), average="macro")


def test_numbers_are_scored_as_scikit_learn_does() -> None:
    wanted = DRAW.normal(size=30)
    guess = wanted + DRAW.normal(size=30)
    found = scores("regression", guess, wanted)
    assert set(found) == {one.name for one in REGRESSION}
    assert found["max_error"] == metrics.max_error(wanted, guess)


def test_what_cannot_be_told_is_left_out() -> None:
    given, _ = outputs(2, 5)
    assert "roc_auc" not in scores("classification", given, np.zeros(5, int))


def test_a_task_knows_the_metric_that_decides() -> None:
    assert task_of("classification", "roc_auc").metrics[-1].name == "roc_auc"
    assert task_of("classification", "accuracy") is task_of("classification")
    assert task_of("regression", "roc_auc") is task_of("regression")


@pytest.mark.parametrize("metric", ["roc_auc", "f1", "brier"])
def test_any_of_them_decides_networks_and_estimators_alike(metric: str) -> None:
    x, y = load_breast_cancer(return_X_y=True)
    study = Study((x, y), base={"epochs": 2, "optimizer": "adam"}, metric=metric, looks=[3])
    study.stage(
        "model",
        candidates=[{"hidden": []}, {"label": "bayes", "model": GaussianNB()}],
    )
    record = study.run(store=":memory:", on="threads").record
    assert (record.metric, record.stages[0].verdict.metric) == (metric, metric)
    for runs in record.stages[0].runs:
        assert all(f"val_{metric}" in run.metrics for run in runs)
    assert record.final is not None
    test = record.final.runs[0].metrics
    assert {f"test_{one.name}" for one in CLASSIFICATION} <= set(test)


def test_a_run_that_was_stored_without_it_is_not_taken(tmp_path) -> None:
    def run(metric: str) -> bakeoff.Result:
        options = {"looks": [3], "audit": False, "baselines": False}
        study = Study((x, y), base={"epochs": 1}, metric=metric, **options)
        return study.stage("width", hidden=[[], [3]]).run(store=tmp_path / "s.sqlite")

    x, y = load_iris(return_X_y=True)
    run("accuracy")
    assert run("roc_auc").record.num_reused == 0
    assert run("roc_auc").record.num_trained == 0


def test_a_metric_of_the_other_task_is_refused() -> None:
    x, y = load_diabetes(return_X_y=True)
    study = Study((x, y), task="regression", metric="roc_auc").stage("width", hidden=[[], [3]])
    with pytest.raises(UsageError, match="does not measure roc_auc; it has rmse, mae, r2, median"):
        study.check()


@pytest.mark.parametrize(
    ("metric", "meant"), [("log_loss", "loss"), ("rocauc", "roc_auc"), ("MCC", "matthews_corrcoef")]
)
def test_a_metric_by_another_name_is_known(metric: str, meant: str) -> None:
    x, y = load_iris(return_X_y=True)
    with pytest.raises(SpecError, match=rf'got "{metric}"; did you mean "{meant}"\?'):
        Study((x, y), metric=metric).stage("width", hidden=[[], [3]]).check()


@pytest.mark.parametrize("metric", ["brier", "matthews_corrcoef"])
def test_what_decided_leads_on_the_page(metric: str, tmp_path) -> None:
    x, y = load_breast_cancer(return_X_y=True)
    study = Study(
        (x, y), base={"epochs": 2}, metric=metric, looks=[3], audit=False, baselines=False
    )
    result = study.stage("width", hidden=[[], [3]]).run(store=":memory:")
    name = metric.replace("_", " ")
    assert f"Test {name} 0." in str(result)
    assert f"<dt>Test {name}</dt>" in result.report(tmp_path / "page.html").read_text()


def test_a_model_that_only_names_classes_still_has_its_f1() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    models = {"ridge": make_pipeline(StandardScaler(), RidgeClassifier()), "bayes": GaussianNB()}
    record = bakeoff.compare(models, x, y, metric="f1", replicates=3, on="threads").record
    assert all(run.value("val_f1") for runs in record.stages[0].runs for run in runs)
