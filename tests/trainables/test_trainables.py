"""What every trainable owes the driver, whatever it is."""

from __future__ import annotations

import importlib.util
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trainable_work import Watch, blobs, request, train, train_in_processes

from bakeoff.dense.trainable import Dense, get_engine
from bakeoff.tasks.classification import CLASSIFICATION
from bakeoff.trainables.base import Trainable
from bakeoff.trainables.brought import declared_task
from bakeoff.trainables.command import brought_command
from bakeoff.trainables.function import brought_function
from bakeoff.trainables.mixed import Mixed
from bakeoff.trainables.sklearn import brought_estimator


@dataclass
class Case:
    """A trainable, and settings that make it do what a test needs; None where it cannot."""

    trainable: Trainable
    usual: dict[str, Any]
    other: dict[str, Any]
    long: dict[str, Any] | None = None
    diverging: dict[str, Any] | None = None
    raising: dict[str, Any] | None = None
    predicts: bool = True
    accuracy: str = "val_accuracy"
    epochs: int = 0
    more: dict[str, Any] = field(default_factory=dict)


def learn(data, *, seed, epochs=3, rate=0.1, fail=False):
    """Softmax regression by gradient descent."""
    if fail:
        raise RuntimeError("as asked")
    rng = np.random.default_rng(seed)
    weights = 0.01 * rng.standard_normal((data.x_train.shape[1], data.num_classes))
    hot = np.eye(data.num_classes)[data.y_train]

    def predict(x):
        scores = x @ weights
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)

    for _ in range(epochs):
        with np.errstate(all="ignore"):
            step = data.x_train.T @ (predict(data.x_train) - hot) / len(hot)
            weights -= rate * step
            loss = float(-np.mean(np.log((predict(data.x_train) * hot).sum(axis=1))))
        yield {"train_loss": loss}
    return predict


PROGRAM = """
import random, sys
epochs, rate, seed, fold = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
if rate == 7:
    sys.exit("as asked")
draw = random.Random(seed * 100 + fold)
for epoch in range(1, epochs + 1):
    accuracy = float("nan") if rate > 1e6 else min(1.0, 0.5 + rate) - draw.random() / 100
    print(f"epoch {epoch} val_accuracy={accuracy}", flush=True)
"""


def dense_case(_folder):
    usual = {"hidden": [8], "epochs": 3, "learning_rate": 0.1, "batch_size": 16}
    return Case(
        Dense(get_engine("reference")),
        usual,
        {**usual, "hidden": [9]},
        long={**usual, "epochs": 100_000},
        diverging={**usual, "learning_rate": 1e6, "activation": "linear", "epochs": 50},
        epochs=3,
    )


def estimator_case(_folder):
    from sklearn.linear_model import SGDClassifier  # here: a worker that trains `learn` needs none

    return Case(
        brought_estimator(SGDClassifier(loss="log_loss"), CLASSIFICATION),
        {"max_iter": 5, "tol": "none"},
        {"max_iter": 6, "tol": "none"},
        raising={"early_stopping": True, "validation_fraction": 0.0001},
    )


def function_case(_folder):
    return Case(
        brought_function(learn, CLASSIFICATION),
        {"epochs": 3},
        {"epochs": 4},
        long={"epochs": 10_000_000},
        diverging={"epochs": 50, "rate": 1e200},
        raising={"fail": True},
        epochs=3,
    )


def command_case(folder):
    (folder / "program.py").write_text(textwrap.dedent(PROGRAM))
    command = f"{sys.executable} program.py {{epochs}} {{rate}} {{seed}} {{fold}}"
    task = declared_task({"val_accuracy": "max"})
    usual = {"epochs": 3, "rate": 0.4}
    return Case(
        brought_command(command, task, folder=folder),
        usual,
        {**usual, "rate": 0.3},
        long={**usual, "epochs": 10**9},
        diverging={**usual, "rate": 1e7},
        raising={**usual, "rate": 7},
        predicts=False,
        epochs=3,
    )


def keras_case(_folder):
    if importlib.util.find_spec("keras") is None:
        pytest.skip("Keras is not installed")
    from bakeoff.trainables.keras import brought_keras

    usual = {"epochs": 2, "learning_rate": 0.01}
    return Case(
        brought_keras("keras_models.py:build", CLASSIFICATION, folder=Path(__file__).parent),
        usual,
        {**usual, "hidden": 17},
        long={**usual, "epochs": 100_000},
        diverging={**usual, "optimizer": "sgd", "learning_rate": 1e30, "epochs": 20},
        raising={**usual, "fail": "as asked"},
        epochs=2,
    )


def mixed_case(folder):
    members = {"function": function_case(folder), "estimator": estimator_case(folder)}
    mixed = Mixed({name: case.trainable for name, case in members.items()})
    return Case(
        mixed,
        {"model": "estimator", "max_iter": 5, "tol": "none"},
        {"epochs": 3},
        long={"epochs": 10_000_000},
        diverging={"epochs": 50, "rate": 1e200},
        raising={"fail": True},
    )


def lightgbm_case(_folder):
    if importlib.util.find_spec("lightgbm") is None:
        pytest.skip("LightGBM is not installed")
    from lightgbm import LGBMClassifier

    usual = {"learning_rate": 0.3, "min_child_samples": 2, "subsample_freq": 1, "subsample": 0.5}
    return Case(
        brought_estimator(LGBMClassifier(n_estimators=3, verbose=-1, n_jobs=1), CLASSIFICATION),
        usual,
        {**usual, "learning_rate": 0.05},
        raising={"objective": "nonsense"},
    )


def xgboost_case(_folder):
    if importlib.util.find_spec("xgboost") is None:
        pytest.skip("XGBoost is not installed")
    from xgboost import XGBClassifier

    usual = {"learning_rate": 0.3, "subsample": 0.5}
    return Case(
        brought_estimator(XGBClassifier(n_estimators=3, n_jobs=1), CLASSIFICATION),
        usual,
        {**usual, "learning_rate": 0.05},
        raising={"booster": "nonsense"},
    )


CASES = {
    "dense": dense_case,
    "sklearn": estimator_case,
    "lightgbm": lightgbm_case,
    "xgboost": xgboost_case,
    "function": function_case,
    "command": command_case,
    "keras": keras_case,
    "mixed": mixed_case,
}


# Keras takes seconds to compile a model, and its saving warns of itself.
MARKS = {"keras": [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]}


@pytest.fixture(
    params=[pytest.param(name, marks=MARKS.get(name, ())) for name in CASES], scope="module"
)
def case(request, tmp_path_factory):
    return CASES[request.param](tmp_path_factory.mktemp(request.param))


def test_a_request_has_one_outcome_with_finite_metrics_and_the_time_it_took(case):
    outcome = train(case.trainable, case.usual, key="mine")
    assert outcome.reason is None
    assert (outcome.key, outcome.stopped) == ("mine", None)
    assert 0.5 < outcome.metrics[case.accuracy] <= 1.0
    assert all(np.isfinite(value) for value in outcome.metrics.values())
    assert outcome.seconds > 0
    assert outcome.model is None
    for name, curve in outcome.curves.items():
        assert (curve.shape, name.split("_")[0] in ("train", "val")) == ((case.epochs,), True)
    assert bool(outcome.curves) == bool(case.epochs)


def test_the_same_request_gives_the_same_metrics(case):
    first, second = (train(case.trainable, case.usual).metrics for _ in range(2))
    assert first == second


def test_another_replicate_or_other_settings_give_other_metrics(case):
    usual = train(case.trainable, case.usual).metrics
    assert train(case.trainable, case.usual, fold=1, seed=8).metrics != usual
    assert train(case.trainable, case.other).metrics != usual


def test_other_settings_have_another_fingerprint_and_the_same_ones_the_same(case):
    complete = case.trainable.space.complete
    assert complete(case.usual).fingerprint() == complete(case.usual).fingerprint()
    assert complete(case.usual).fingerprint() != complete(case.other).fingerprint()


def test_every_epoch_is_told_after_the_start(case):
    seen = []
    watch = Watch()
    watch.epoch = lambda one, epoch, metrics: seen.append((one.key, epoch))
    train(case.trainable, case.usual, watch=watch)
    assert seen == [("k", epoch) for epoch in range(case.epochs + 1)]


def test_a_cancelled_run_says_so(case):
    if case.long is None:
        pytest.skip("has no epochs to end at")
    assert train(case.trainable, case.long, watch=Watch(after=1)).stopped == "cancelled"


def test_numbers_that_are_not_finite_are_a_failed_run(case):
    if case.diverging is None:
        pytest.skip("cannot diverge")
    outcome = train(case.trainable, case.diverging)
    assert outcome.stopped == "diverged"
    assert outcome.reason
    assert all(np.isfinite(value) for value in outcome.metrics.values())


def test_a_raise_is_a_failed_run_that_says_why(case):
    if case.raising is None:
        pytest.skip("raises nothing")
    outcome = train(case.trainable, case.raising)
    assert outcome.stopped == "raised"
    assert outcome.reason


def test_a_kept_model_predicts_what_was_scored(case):
    if not case.predicts:
        pytest.skip("measures itself")
    trainable, data = case.trainable, blobs()
    outcome = train(trainable, case.usual, keep=True)
    _, rows = data.rows(request(trainable, case.usual).replicate)
    settings = trainable.space.complete(case.usual)
    dataset = data.dataset
    scores, outputs = trainable.measure(
        settings, outcome.model, dataset.features[rows], dataset.labels[rows]
    )
    assert outputs.shape == (len(rows), 3)
    np.testing.assert_allclose(outputs.sum(axis=1), 1.0, atol=1e-5)
    assert scores["accuracy"] == pytest.approx(outcome.metrics["val_accuracy"])
    given = trainable.predict(settings, outcome.model, dataset.features[rows])
    np.testing.assert_allclose(given, outputs)


def test_a_refit_has_no_validation_part(case):
    if not case.predicts:
        pytest.skip("measures itself")
    metrics = train(case.trainable, case.usual, refit=True, keep=True).metrics
    assert "train_accuracy" in metrics
    assert not any(name.startswith("val_") for name in metrics)


def test_a_worker_process_gives_the_same(case):
    outcome = train_in_processes(case.trainable, [request(case.trainable, case.usual)])["k"]
    assert outcome.reason is None
    assert outcome.metrics == pytest.approx(train(case.trainable, case.usual).metrics, rel=1e-6)
