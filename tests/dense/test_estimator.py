"""The scikit-learn face: its contract, its parameters, its randomness."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from bakeoff import BakeoffClassifier, BakeoffRegressor
from bakeoff.dense.model import TrainedModel
from bakeoff.dense.settings import DENSE_SPACE, DenseSettings
from bakeoff.errors import EngineError, RunsFailedError, UsageError

QUICK = {"scale": "standard", "learning_rate": 0.1, "epochs": 20, "engine": "reference"}


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


# A part of the checks warns on purpose (wrong shapes, unfitted calls).
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("kind", "check"),
    [
        pytest.param(kind, check, id=f"{kind.__name__}-{getattr(check, 'func', check).__name__}")
        for kind in (BakeoffClassifier, BakeoffRegressor)
        for _, check in estimator_checks_generator(kind(engine="reference"))
        if getattr(check, "func", check).__name__ != "check_array_api_input"  # needs a switch
    ],
)
def test_it_keeps_scikit_learns_contract(kind, check) -> None:
    check(kind(engine="reference"))


def test_its_parameters_are_the_settings_with_their_defaults() -> None:
    parameters = inspect.signature(BakeoffClassifier).parameters
    assert tuple(parameters) == (*DENSE_SPACE.names, "random_state", "engine")
    defaults = DenseSettings()
    for name in set(DENSE_SPACE.names) - {"learning_rate"}:
        assert parameters[name].default == getattr(defaults, name)
    assert parameters["learning_rate"].default is None


def test_it_learns_and_its_model_can_be_taken_away(iris, tmp_path) -> None:
    x, y = iris
    classifier = BakeoffClassifier(**QUICK, random_state=0).fit(x, y)
    assert classifier.score(x, y) > 0.93
    classifier.model_.save(tmp_path / "m.safetensors")
    loaded = TrainedModel.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(loaded.predict(x), classifier.predict(x))
    np.testing.assert_array_equal(loaded.predict_proba(x), classifier.predict_proba(x))
    assert classifier.history_.num_epochs == 20
    assert np.isnan(classifier.history_.val_loss).all()


def test_the_random_state_decides_everything_random(iris) -> None:
    x, y = iris
    fits = [
        BakeoffClassifier(**QUICK, dropout=0.2, random_state=state).fit(x, y).predict_proba(x)
        for state in (3, 3, 4)
    ]
    np.testing.assert_array_equal(fits[0], fits[1])
    assert (fits[0] != fits[2]).any()


def test_generators_and_none_are_random_states_and_the_global_generator_is_left_alone(iris) -> None:
    x, y = iris
    before = np.random.get_state()[1].copy()  # noqa: NPY002  (that it is not used is the point)
    options = {**QUICK, "epochs": 1}
    for make in (np.random.default_rng, np.random.RandomState):
        first, second = (
            BakeoffClassifier(**options, random_state=make(0)).fit(x, y).predict_proba(x)
            for _ in range(2)
        )
        np.testing.assert_array_equal(first, second)
    free = [BakeoffClassifier(**options).fit(x, y).predict_proba(x) for _ in range(2)]
    assert (free[0] != free[1]).any()
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_it_works_in_pipelines_clones_and_grids_of_numpy_values(iris) -> None:
    x, y = iris
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    pipeline = make_pipeline(
        StandardScaler(), BakeoffClassifier(epochs=5, engine="reference", random_state=0)
    )
    search = GridSearchCV(
        pipeline,
        {
            "bakeoffclassifier__learning_rate": np.array([0.01, 0.3]),
            "bakeoffclassifier__hidden": [(4,), np.array([8])],
        },
        cv=2,
        error_score="raise",
    )
    search.fit(x, names)
    assert search.best_params_["bakeoffclassifier__learning_rate"] == 0.3
    assert set(search.predict(x)) == {"setosa", "versicolor", "virginica"}
    assert clone(search.best_estimator_[-1]).get_params()["epochs"] == 5


def test_data_frames_give_the_model_its_feature_names() -> None:
    frame = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0)[::-1]})
    classifier = BakeoffClassifier(epochs=1, engine="reference").fit(frame, [0, 1] * 10)
    assert classifier.model_.feature_names == ("a", "b")


def test_bytes_stay_bytes_for_the_unit_scale() -> None:
    x = np.random.default_rng(0).integers(0, 100, (30, 4)).astype(np.uint8)
    options = {"scale": "unit", "epochs": 1, "engine": "reference"}
    as_bytes = BakeoffClassifier(**options).fit(x, [0, 1, 2] * 10)
    assert as_bytes.model_.scaling.factor == np.float32(1 / 255)
    as_floats = BakeoffClassifier(**options).fit(x.astype(float), [0, 1, 2] * 10)
    largest = x.max(axis=0).astype(float)
    np.testing.assert_array_equal(as_floats.model_.scaling.factor, (1 / largest).astype(np.float32))


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"activation": "reLU"}, UsageError, "activation: .*but got 'reLU'"),
        ({"hidden": (0,)}, UsageError, "hidden"),
        ({"epochs": 2.5}, UsageError, "epochs"),
        ({"warmup_epochs": 99}, UsageError, "warmup_epochs <= epochs"),
        ({"random_state": -1}, UsageError, "an int from 0"),
        ({"random_state": "one"}, UsageError, "an int from 0"),
        ({"engine": "warp"}, EngineError, "warp"),
        ({"learning_rate": 1e6, "activation": "linear"}, RunsFailedError, "diverged in epoch"),
    ],
)
def test_wrong_parameters_say_what_is_wrong(iris, parameters, error, message) -> None:
    with pytest.raises(error, match=message) as caught:
        BakeoffClassifier(**{**QUICK, **parameters}).fit(*iris)
    assert "\n" not in str(caught.value)


def test_a_single_class_and_prediction_before_fitting_are_refused(iris) -> None:
    x, _ = iris
    with pytest.raises(ValueError, match="only one class"):
        BakeoffClassifier(**QUICK).fit(x, np.zeros(len(x)))
    with pytest.raises(NotFittedError):
        BakeoffClassifier(**QUICK).predict(x)
