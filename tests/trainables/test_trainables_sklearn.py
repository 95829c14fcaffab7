"""An estimator as a trainable: its parameters, its rules, its seeds, its file."""

from __future__ import annotations

import os
import pickle
from functools import partial

import cloudpickle
import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import check_array
from trainable_work import blobs, request, train, train_in_processes

from bakeoff.errors import DataError, UsageError
from bakeoff.tasks.classification import CLASSIFICATION
from bakeoff.trainables.sklearn import brought_estimator, opened
from bakeoff.trainables.sources import load_object


def of(estimator, **more):
    return brought_estimator(estimator, CLASSIFICATION, **more)


class Recorder(ClassifierMixin, BaseEstimator):
    """Notes what it is fitted on."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        self.x_, self.y_ = x, y
        return self

    def predict(self, x):
        return np.zeros(len(x), int)


PIPELINE = make_pipeline(StandardScaler(), LogisticRegression())


@pytest.mark.parametrize(
    "estimator",
    [
        "sklearn.ensemble.RandomForestClassifier",
        "sklearn.ensemble:RandomForestClassifier",
        RandomForestClassifier,
        RandomForestClassifier(),
        lambda: RandomForestClassifier(),
        PIPELINE,
        SVC,
        HistGradientBoostingClassifier(max_iter=10),
    ],
)
def test_an_estimator_in_any_form_is_scored(estimator):
    outcome = train(of(estimator))
    assert outcome.reason is None
    assert outcome.metrics["val_accuracy"] > 0.7


def test_a_loss_needs_probabilities():
    assert "val_loss" in train(of(PIPELINE)).metrics
    assert "val_loss" not in train(of(SVC)).metrics


def test_settings_are_the_parameters_with_nested_names_and_defaults():
    space = of(PIPELINE).space
    assert space.defaults["logisticregression__C"] == 1.0
    assert space.defaults["standardscaler__with_mean"] is True
    assert not any("random_state" in name for name in space.names)
    assert "logisticregression" not in space.names
    forest = of(RandomForestClassifier).space
    assert "n_estimators" in forest.integers
    assert "max_depth" in forest.integers
    assert "max_features" in forest.numeric - forest.integers
    assert "criterion" not in forest.numeric


def test_every_mistake_is_found_by_the_estimators_own_rules_before_anything_is_trained():
    with pytest.raises(ValidationError) as caught:
        of(PIPELINE).space.complete(
            {"logisticregression__C": -1.0, "logisticregression__solver": "newton", "scaler": 3}
        )
    texts = {error["loc"]: error["msg"] for error in caught.value.errors()}
    assert (
        "must be a float in the range (0.0, inf], but got -1.0" in texts["logisticregression__C",]
    )
    assert "must be a str among" in texts["logisticregression__solver",]
    assert ("scaler",) in texts


def test_none_is_spelled_as_text():
    space = of(RandomForestClassifier).space
    assert space.complete({"max_depth": "none", "max_features": "none"})["max_depth"] is None
    assert space.complete({"max_features": "sqrt"})["max_features"] == "sqrt"


def test_settings_reach_the_estimator():
    deep = train(of(DecisionTreeClassifier), {"max_depth": "none"}).metrics
    assert deep != train(of(DecisionTreeClassifier), {"max_depth": 1}).metrics


def test_the_seed_is_set_wherever_there_is_one():
    bagging = of(BaggingClassifier(DecisionTreeClassifier(splitter="random"), n_estimators=3))
    same = [train(bagging, seed=3, keep=True) for _ in range(2)]
    assert same[0].metrics == same[1].metrics
    features = blobs().dataset.features
    given = [bagging.predict(None, one.model, features) for one in same]
    np.testing.assert_array_equal(*given)
    other = train(bagging, seed=4, keep=True)
    assert (bagging.predict(None, other.model, features) != given[0]).any()


def test_columns_with_names_reach_it_as_a_data_frame():
    import cloudpickle

    outcome = train(of(Recorder), data=blobs(named=True), keep=True)
    fitted = cloudpickle.loads(outcome.model["live"].tobytes())[0]
    assert list(fitted.x_.columns) == list("wxyz")
    assert fitted.y_.dtype == np.int64
    assert fitted.random_state == 7


def test_a_regressor_on_classes_is_a_usage_error():
    with pytest.raises(UsageError, match="is a regressor, but the data has classes"):
        of(LinearRegression).on(CLASSIFICATION)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        ("sklearn.ensemble.RandomForestClasifier", "did you mean .*RandomForestClassifier"),
        ("sklearn.nowhere.Forest", "importing sklearn.nowhere fails"),
        (lambda: 3, "gives a int, no estimator"),
        (lambda depth: 3, "without arguments"),
        (3, "a int is no estimator"),
    ],
)
def test_what_is_no_estimator_is_a_usage_error(estimator, message):
    with pytest.raises(UsageError, match=message):
        of(estimator)


def test_the_name_says_what_computes():
    import sklearn

    first = of(SVC)
    assert f"scikit-learn-{sklearn.__version__}" in first.name
    assert first.name == of("sklearn.svm.SVC").name
    assert first.name != of(make_pipeline(SVC())).name
    assert first.name == of(SVC(C=3.0)).name  # its parameters are settings
    assert of(SVC(C=3.0)).space.defaults["C"] == 3.0


def test_a_file_keeps_the_fitted_estimator_and_opens_without_pickle():
    pytest.importorskip("skops")
    trainable = of(PIPELINE)
    outcome = train(trainable, keep=True, refit=True)
    features = blobs().dataset.features
    fitted = opened(outcome.model["file"].tobytes())
    assert np.mean(fitted.predict(features) == blobs().dataset.labels) > 0.8
    from_file = trainable.predict(None, {"file": outcome.model["file"]}, features)
    np.testing.assert_allclose(from_file, trainable.predict(None, outcome.model, features))


def test_raw_columns_are_another_model_and_the_choice_where_columns_are_picked():
    assert of(SVC()).name == of(SVC(), raw=False).name != of(SVC(), raw=True).name
    picking = ColumnTransformer([("all", StandardScaler(), ["a"])])
    assert of(make_pipeline(picking, SVC())).raw
    assert not of(make_pipeline(picking, SVC()), raw=False).raw
    assert not of(PIPELINE).raw


def call_it(self, x):
    """Stands in a file for what must not run."""


def test_a_file_may_hold_no_partial_but_the_trees_own_check():
    skops = pytest.importorskip("skops.io")
    tree = DecisionTreeClassifier().fit([[0.0], [1.0]], [0, 1])
    tree.check = partial(check_array, dtype=float)
    assert opened(skops.dumps(tree)).check.keywords == {"dtype": float}
    for function in (call_it, os.system):
        tree.check = partial(function, "true")
        with pytest.raises(DataError, match=r"no library that is trusted|cannot be read"):
            opened(skops.dumps(tree))


def test_a_file_with_strange_types_is_not_opened():
    skops = pytest.importorskip("skops.io")
    with pytest.raises(DataError, match="Recorder, which is of no library that is trusted"):
        opened(skops.dumps(Recorder()))
    with pytest.raises(DataError, match="cannot be read"):
        opened(b"PK\x03\x04garbage")


def test_runs_in_processes_are_the_same():
    trainable = of(RandomForestClassifier(n_estimators=10))
    requests = [request(trainable, key=str(fold), fold=fold) for fold in range(4)]
    outcomes = train_in_processes(trainable, requests)
    for one in requests:
        assert outcomes[one.key].metrics == train(trainable, fold=one.replicate.fold).metrics


def test_a_class_in_a_file_of_the_study_reaches_the_workers(tmp_path):
    (tmp_path / "constants.py").write_text("DEPTH = 3\n")
    (tmp_path / "models.py").write_text(
        "from constants import DEPTH\n"
        "from sklearn.tree import DecisionTreeClassifier\n"
        "class Mine(DecisionTreeClassifier):\n"
        "    def fit(self, x, y):\n"
        "        self.max_depth = DEPTH\n"
        "        return super().fit(x, y)\n"
    )
    trainable = of("models.py:Mine", folder=tmp_path)
    outcome = train_in_processes(trainable, [request(trainable)])["k"]
    assert outcome.metrics == train(of(DecisionTreeClassifier(max_depth=3))).metrics


def test_on_another_machine_it_computes_with_the_same_libraries_or_not_at_all(monkeypatch):
    sent = cloudpickle.dumps(of(DecisionTreeClassifier()))
    assert pickle.loads(sent).versions.keys() == {"numpy", "scikit-learn"}
    monkeypatch.setattr("importlib.metadata.version", lambda _: "0.1")
    with pytest.raises(UsageError, match=r"it has \S+ 0\.1, the driver .*; install the same"):
        pickle.loads(sent)


MODELS = """
import pickle
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.naive_bayes import GaussianNB

class Part:
    def scaled(self, x):
        return x * 2

class Kind(GaussianNB):
    def fit(self, x, y):
        self.part = Part()
        return super().fit(self.part.scaled(x), y)

    def predict_proba(self, x):
        return super().predict_proba(self.part.scaled(x))

class Own(ClassifierMixin, BaseEstimator):
    def __init__(self, kind=Kind):
        self.kind = kind

    def fit(self, x, y):
        self.inner_ = self.kind().fit(x, y)
        self.classes_ = self.inner_.classes_
        return self

    def predict_proba(self, x):
        return self.inner_.predict_proba(x)

    def predict(self, x):
        return self.inner_.predict(x)

    def __getstate__(self):
        return {"pickled": pickle.dumps(vars(self)) if hasattr(self, "inner_") else vars(self)}

    def __setstate__(self, state):
        given = state["pickled"]
        vars(self).update(pickle.loads(given) if isinstance(given, bytes) else given)

class Frugal(GaussianNB):
    def __init__(self, smoothing=None, random_state=None, **more):
        self.given = dict(more)
        for name, value in (("smoothing", smoothing), ("random_state", random_state)):
            if value is not None:
                self.given[name] = value

    def get_params(self, deep=True):
        return dict(self.given)

    def set_params(self, **values):
        assert None not in values.values()
        self.given |= values
        return self

    def fit(self, x, y):
        assert "random_state" in self.given
        self.var_smoothing = self.given.get("smoothing", 1e-9)
        self.priors = None
        return super().fit(x, y)
"""


@pytest.fixture
def models(tmp_path):
    (tmp_path / "models.py").write_text(MODELS)
    return tmp_path


def test_a_library_that_pickles_by_itself_finds_the_classes_of_the_study(models):
    trainable = of("models.py:Own", folder=models)
    outcome = train_in_processes(trainable, [request(trainable, keep=True)])["k"]
    assert outcome.reason is None
    features = blobs().dataset.features
    given = trainable.predict(request(trainable).settings, outcome.model, features)
    here = train(trainable, keep=True)
    np.testing.assert_array_equal(
        given, trainable.predict(request(trainable).settings, here.model, features)
    )


def test_a_class_or_function_that_is_a_parameter_is_part_of_the_identity(models, tmp_path):
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (moved / "models.py").write_text(MODELS)
    name = of("models.py:Own", folder=models).name
    assert of("models.py:Own", folder=moved).name == name
    (moved / "models.py").write_text(MODELS.replace("x * 2", "x * 3"))
    assert of("models.py:Own", folder=moved).name != name
    functions = (
        np.mean,
        np.median,
        np.log1p,
        np.exp,
        call_it,
        partial(call_it, 3),
        partial(call_it, 4),
    )
    names = [of(make_pipeline(FunctionTransformer(one), SVC())).name for one in functions]
    assert len(set(names)) == len(functions)
    assert names == [of(make_pipeline(FunctionTransformer(one), SVC())).name for one in functions]


def test_an_estimator_that_tells_only_what_it_was_given_has_the_settings_of_its_signature(models):
    trainable = of("models.py:Frugal", folder=models)
    assert trainable.space.names == ("smoothing",)
    outcomes = [train(trainable, {"smoothing": value}) for value in ("none", 10.0)]
    assert [one.reason for one in outcomes] == [None, None]
    assert outcomes[0].metrics != outcomes[1].metrics


NET = """
import torch
from skorch import NeuralNetClassifier

class Net(torch.nn.Module):
    def __init__(self, hidden, *, slope: float = 0.1):
        super().__init__()
        self.body = torch.nn.Sequential(
            torch.nn.LazyLinear(hidden), torch.nn.LeakyReLU(slope), torch.nn.Linear(hidden, 3)
        )

    def forward(self, x):
        return torch.softmax(self.body(x.float()), dim=-1)

def make():
    return NeuralNetClassifier(Net, max_epochs=3, verbose=0, train_split=None)
"""


def test_a_skorch_network_has_the_settings_of_its_module(tmp_path):
    pytest.importorskip("skorch")
    (tmp_path / "nets.py").write_text(NET)
    trainable = of("nets.py:make", folder=tmp_path)
    assert {"module__hidden", "module__slope", "optimizer__weight_decay"} <= {
        *trainable.space.names
    }
    assert {"skorch", "torch"} <= trainable.versions.keys()
    with pytest.raises(ValidationError, match="module__hidden"):
        trainable.space.complete({})
    values = {"module__hidden": 8, "lr": 0.1}
    outcome = train_in_processes(trainable, [request(trainable, values, keep=True)])["k"]
    assert outcome.reason is None
    assert outcome.metrics == train(trainable, values).metrics
    assert len(trainable.predict({}, outcome.model, blobs().dataset.features)) == len(
        blobs().dataset.features
    )


def test_a_file_of_a_study_has_the_name_that_import_gives_it(models, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "models_of_mine.py").write_text(MODELS)
    (models / "models_of_mine.py").write_text(MODELS)
    first = load_object("models_of_mine.py:Own", models, "sklearn")
    assert first.__module__ == "models_of_mine"
    # A second file of that name is another module.
    other = load_object("models_of_mine.py:Own", elsewhere, "sklearn")
    assert other.__module__.startswith("bakeoff_models_of_mine_")
