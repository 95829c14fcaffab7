"""Networks that predict numbers, and examples that count differently: Keras, reference, native."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import golden_cases
import numpy as np
import pandas as pd
import pytest
from native_samples import KINDS, flat, relative_difference, run_settings, sample_job
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.utils.class_weight import compute_sample_weight

from bakeoff import BakeoffRegressor, Study, TrainedModel
from bakeoff.data.arrays import from_arrays
from bakeoff.data.study_data import StudyData
from bakeoff.dense.base import Job, TrainedRun, Watch
from bakeoff.dense.jobs import JobMaker, class_weights, in_units, mean_and_sd
from bakeoff.dense.native import NativeEngine, available_instruction_sets
from bakeoff.dense.reference import ReferenceEngine
from bakeoff.dense.settings import ACTIVATIONS, DENSE_SPACE, DenseSettings
from bakeoff.dense.trainable import Dense, get_engine
from bakeoff.errors import EngineError, UsageError
from bakeoff.records import Replicate
from bakeoff.tasks.regression import REGRESSION
from bakeoff.trainables.base import Request

CASES = golden_cases.value_cases()
SETS = available_instruction_sets()


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(golden_cases.VALUES_GOLDEN) as arrays:
        return dict(arrays)


def golden_job(name: str) -> Job:
    settings, values, weighted = CASES[name]
    return golden_cases.value_job(settings, values=values, weighted=weighted)


@pytest.mark.parametrize("name", CASES)
def test_weights_and_losses_are_those_that_keras_trains(name: str, golden) -> None:
    job = golden_job(name)
    weights = np.concatenate(
        [part.ravel() for pair in ReferenceEngine().weights(job) for part in pair]
    )
    theirs = golden[f"{name}:weights"]
    assert np.linalg.norm(weights - theirs) / np.linalg.norm(theirs) < 1e-7
    history = ReferenceEngine().train(job, Watch()).history
    ours = [history.train_loss, history.val_loss]
    np.testing.assert_allclose(ours, golden[f"{name}:curves"][[0, 2]], rtol=1e-6, atol=1e-7)


def with_targets(job: Job, seed: int = 3) -> Job:
    """A job of the native engine's tests, with a number to predict and weights."""
    draw = np.random.default_rng(seed)
    count = len(job.labels)
    first = job.features[:, 0].astype(np.float32)
    targets = (first - first.mean()) / (first.std() + 1e-3) + draw.normal(0, 0.3, count)
    kernel = job.layers[-1].kernel[:, :1].copy()
    last = replace(job.layers[-1], kernel=kernel, bias=np.zeros(1, np.float32))
    return replace(
        job,
        labels=np.zeros(count, np.int32),
        num_classes=1,
        layers=(*job.layers[:-1], last),
        targets=targets.astype(np.float32),
        weights=draw.uniform(0.2, 3.0, count).astype(np.float32) if seed % 2 else None,
    )


@functools.cache
def reference_run(settings: DenseSettings, kind: str, seed: int) -> tuple[Job, TrainedRun]:
    """A job and what the reference makes of it, once for all instruction sets."""
    job = with_targets(sample_job(settings, kind), seed)
    return job, ReferenceEngine().train(job, Watch())


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "changes",
    [
        *({"activation": name} for name in ACTIVATIONS),
        {"optimizer": "adam", "learning_rate": 0.005, "dropout": 0.3},
        {"optimizer": "rmsprop", "l2": 0.01},
        {"momentum": 0.9, "nesterov": True, "schedule": "cosine"},
        {"hidden": ()},
        {"hidden": (1,), "batch_size": 1},
        {"batch_size": 149},
        {"batch_size": 10_000},
    ],
    ids=str,
)
def test_native_is_the_reference(instruction_set: str, kind: str, changes: dict[str, Any]) -> None:
    engine = NativeEngine(instruction_set)
    for seed in (2, 3):
        job, theirs = reference_run(run_settings(**{"learning_rate": 0.01, **changes}), kind, seed)
        ours = engine.train(job, Watch())
        assert ours.stopped is theirs.stopped is None
        assert relative_difference(ours.layers, theirs.layers) < 1e-4
        for curve in ("train_loss", "val_loss"):
            np.testing.assert_allclose(
                getattr(ours.history, curve), getattr(theirs.history, curve), rtol=1e-4
            )


@pytest.mark.parametrize("instruction_set", SETS)
def test_weights_of_classes_are_the_references(instruction_set: str) -> None:
    for kind in KINDS:
        job = sample_job(run_settings(), kind)
        job = replace(job, weights=np.linspace(0.1, 2.0, len(job.labels)).astype(np.float32))
        ours = NativeEngine(instruction_set).train(job, Watch())
        theirs = ReferenceEngine().train(job, Watch())
        assert relative_difference(ours.layers, theirs.layers) < 1e-4
        plain = NativeEngine(instruction_set).train(replace(job, weights=None), Watch())
        assert relative_difference(ours.layers, plain.layers) > 1e-3


def test_weights_of_one_change_no_bit() -> None:
    job = sample_job(run_settings())
    ones = replace(job, weights=np.ones(len(job.labels), np.float32))
    engine = NativeEngine()
    np.testing.assert_array_equal(
        flat(engine.train(job, Watch()).layers), flat(engine.train(ones, Watch()).layers)
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"targets": np.zeros(3, np.float32)}, "`targets` must have one finite value per example"),
        ({"weights": np.zeros(3, np.float32)}, "`weights` must have one finite value per example"),
        ({"targets": np.full(190, np.nan, np.float32)}, "`targets` must have one finite value"),
        ({"weights": np.full(190, np.inf, np.float32)}, "`weights` must have one finite value"),
    ],
)
def test_arrays_that_do_not_fit_are_errors(changes: dict[str, Any], message: str) -> None:
    job = with_targets(sample_job(run_settings()))
    with pytest.raises(EngineError, match=message):
        NativeEngine().train(replace(job, **changes), Watch())
    several = replace(sample_job(run_settings()), targets=np.zeros(190, np.float32))
    with pytest.raises(EngineError, match="a regression must have one output"):
        NativeEngine().train(several, Watch())


def test_a_target_that_explodes_is_a_diverged_run() -> None:
    job = with_targets(sample_job(run_settings(learning_rate=1e6)))
    for engine in (NativeEngine(), ReferenceEngine()):
        assert engine.train(job, Watch()).stopped == "diverged"


def diabetes(scale: float = 1.0, shift: float = 0.0) -> Any:
    x, y = load_diabetes(return_X_y=True)
    return from_arrays(x, y * scale + shift, task="regression", name="diabetes")


SETTINGS = DENSE_SPACE.complete(
    {"hidden": [], "scale": "standard", "optimizer": "adam", "learning_rate": 0.01, "epochs": 60}
)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_scores_and_predictions_are_in_the_targets_own_units(engine: str) -> None:
    dataset = diabetes(scale=1000.0, shift=5e4)
    data = StudyData(dataset, study_seed=0, split="folds", num_folds=12)
    trainable = Dense(get_engine(engine), REGRESSION)
    request = Request("k", "s", "c", SETTINGS, Replicate(0, 0, 0), 0, keep=True)

    class Silent:
        flag = np.zeros(1, np.int32)
        cancelled = False

        def epoch(self, *_: Any) -> None:
            pass

    (outcome,) = trainable.train([request], data, Silent())
    train_rows, val_rows = data.rows(request.replicate)
    x, y = dataset.features, dataset.labels
    fitted = LinearRegression().fit(x[train_rows], y[train_rows])
    off = np.sqrt(np.mean(np.square(fitted.predict(x[val_rows]) - y[val_rows])))
    assert outcome.metrics["val_rmse"] == pytest.approx(off, rel=0.1)
    assert set(outcome.metrics) == {"train_rmse", "val_rmse", "val_mae", "val_r2"}
    assert outcome.curves["val_rmse"][-1] == pytest.approx(outcome.metrics["val_rmse"], rel=1e-4)
    predicted = trainable.predict(SETTINGS, outcome.model, x[val_rows])
    assert np.sqrt(np.mean(np.square(predicted - y[val_rows]))) == pytest.approx(
        outcome.metrics["val_rmse"], rel=1e-6
    )


def test_a_target_that_does_not_vary_is_predicted() -> None:
    mean, sd = mean_and_sd(np.full(9, 7.5))
    assert (mean, sd) == (7.5, 1.0)
    x = np.random.default_rng(0).normal(size=(60, 3))
    options = {"task": "regression", "looks": [3], "audit": False, "baselines": False}
    result = Study((x, np.full(60, 7.5)), **options)
    result.stage("width", hidden=[[], [4]])
    record = result.run(store=":memory:").record
    assert record.final is not None
    assert record.final.runs[0].value("test_rmse") < 2.0


def test_balanced_classes_are_weighted_as_scikit_learn_does() -> None:
    labels = np.array([0] * 30 + [1] * 6 + [2] * 4)
    settings = DenseSettings(class_weight="balanced")
    ours = class_weights(settings, labels, np.arange(40, dtype=np.int32), 3)
    np.testing.assert_allclose(ours, compute_sample_weight("balanced", labels), rtol=1e-6)
    assert class_weights(DenseSettings(), labels, np.arange(40, dtype=np.int32), 3) is None


def test_the_authors_weights_and_the_balance_are_multiplied() -> None:
    x = np.random.default_rng(0).normal(size=(60, 2))
    y = np.array([0] * 50 + [1] * 10)
    given = np.linspace(0.5, 1.5, 60).astype(np.float32)
    dataset = from_arrays(x, y, weights=given)
    data = StudyData(dataset, study_seed=0, split="folds", num_folds=5)
    replicate = Replicate(0, 0, 0)
    jobs = JobMaker(data)
    balanced = DENSE_SPACE.complete({"class_weight": "balanced"})
    job = jobs.make(Request("k", "s", "c", balanced, replicate, 0))
    plain = jobs.make(Request("k", "s", "c", DENSE_SPACE.complete({}), replicate, 0))
    np.testing.assert_array_equal(plain.weights, dataset.weights)
    counts = np.bincount(dataset.labels[job.train_rows])
    of_class = len(job.train_rows) / (2 * counts)
    np.testing.assert_allclose(job.weights, dataset.weights * of_class[dataset.labels], rtol=1e-6)


@pytest.mark.parametrize("name", ["label_smoothing", "class_weight"])
def test_what_is_of_classes_is_refused_in_a_regression(name: str) -> None:
    values = {"label_smoothing": [0.0, 0.1], "class_weight": ["none", "balanced"]}[name]
    study = Study(diabetes()).stage("x", **{name: values})
    with pytest.raises(EngineError, match=f"{name} is of classes, but a number is predicted"):
        study.check()


def test_a_model_of_numbers_is_saved_and_opened(tmp_path) -> None:
    x, y = load_diabetes(return_X_y=True)
    regressor = BakeoffRegressor(scale="standard", epochs=30, random_state=0).fit(x, y)
    assert regressor.score(x, y) > 0.4
    regressor.model_.save(tmp_path / "m.safetensors")
    opened = TrainedModel.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(opened.predict(x), regressor.model_.predict(x))
    np.testing.assert_allclose(regressor.predict(x), opened.predict(x), rtol=1e-6)
    with pytest.raises(UsageError, match="predicts a number, which has no probability"):
        opened.predict_proba(x)


def test_the_last_layer_takes_the_units() -> None:
    job = with_targets(sample_job(run_settings()))
    layers = ReferenceEngine().train(job, Watch()).layers
    settings, scaling = job.settings, job.scaling
    plain = ReferenceEngine().logits(settings, layers, scaling, job.features)
    scaled = ReferenceEngine().logits(settings, in_units(layers, 30.0, 4.0), scaling, job.features)
    np.testing.assert_allclose(scaled, plain * 4.0 + 30.0, rtol=1e-5)


def test_an_exported_model_gives_the_same_values(tmp_path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    from bakeoff.dense.export import to_onnx

    x, y = load_diabetes(return_X_y=True)
    model = BakeoffRegressor(scale="standard", epochs=3, random_state=0).fit(x, y).model_
    to_onnx(model, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    (values,) = session.run(["values"], {"features": x.astype(np.float32)})
    np.testing.assert_allclose(values[:, 0], model.predict(x), rtol=1e-4)


def test_a_model_that_encodes_columns_is_not_exported(tmp_path) -> None:
    from bakeoff.dense.export import keras_model, to_onnx

    table = pd.DataFrame({"a": [1.0, 2.0] * 30, "c": ["x", "y", "y"] * 20})
    options = {"base": {"epochs": 1}, "looks": [3], "audit": False, "baselines": False}
    study = Study((table, np.array([0, 1] * 30)), **options)
    model = study.stage("width", hidden=[[], [2]]).run(store=":memory:").model
    for write in (lambda: to_onnx(model, tmp_path / "m.onnx"), lambda: keras_model(model)):
        with pytest.raises(UsageError, match="encodes the columns of a table"):
            write()
