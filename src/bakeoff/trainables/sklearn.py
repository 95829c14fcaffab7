"""An estimator as a trainable: scikit-learn's own, a Pipeline, or any that speaks its contract.

Settings are what ``get_params`` gives, nested names too, checked by the estimator's own
``_parameter_constraints`` where it has them. ``random_state`` is no setting: it is the seed of the
run, wherever there is one.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
from numpy.typing import NDArray

from bakeoff.data.study_data import Rows, StudyData
from bakeoff.errors import DataError, UsageError
from bakeoff.settings import Settings
from bakeoff.tasks.base import Task
from bakeoff.trainables.attempts import finished, probabilities, scores
from bakeoff.trainables.base import Model, Outcome, Request, Watch
from bakeoff.trainables.brought import Brought
from bakeoff.trainables.sklearn_space import (
    estimator_space,
    is_estimator,
    is_seed,
    is_setting,
    owners_of,
    parameters_of,
)
from bakeoff.trainables.sources import (
    hash_of,
    let_pickle_find,
    load_object,
    name_of,
    read_inputs,
    source_of,
    versions_of,
)


def brought_estimator(
    estimator: Any,
    task: Task,
    *,
    folder: Path | None = None,
    inputs: Sequence[str] = (),
    raw: bool | None = None,
    threads: int | None = None,
) -> Brought:
    """A trainable of an estimator.

    Args:
        estimator: itself, its class, a function that returns one, or a reference to any of these:
            ``sklearn.svm.SVC``, ``models.py:make``.
        task: what is predicted.
        folder: what paths start from.
        inputs: further files that determine its numbers.
        raw: whether it takes the columns of a table as they are; by default where a
            ``ColumnTransformer`` in it picks columns itself.
        threads: that OpenMP may use in a fit; by default as many as its process may.

    Raises:
        UsageError: it cannot be found or made, or is no estimator for the task.
    """
    folder = folder or Path()
    found = load_object(estimator, folder, "sklearn") if isinstance(estimator, str) else estimator
    made = _made(found)
    if _kind_of(made) == "clusterer":
        raise UsageError(
            f"model.sklearn: {type(made).__name__} is a clusterer; take a classifier or a regressor"
        )
    values = parameters_of(made)
    parts = owners_of(made, values)
    code = [one for value in [made, *values.values()] for one in _code_of(value)]
    sources = [source for one in code for source in _own_source(one)]
    hashed = all(_library(one) or _own_source(one) for one in code)
    versions = versions_of(sources, (str(one.__module__) for one in code))
    versions = versions_of([], ["sklearn", "numpy"]) | versions
    made_of = [f"{name}={_path_of(type(part))}" for name, part in parts.items()]
    made_of += sorted(f"{name}={_said(v)}" for name, v in values.items() if not is_setting(name, v))
    made_of = [one for one in made_of if " at 0x" not in one]  # addresses differ in every process
    # Nor does it count where the user's own code lies: a module's name holds a hash of its path.
    for home in {one.__module__ for one in code if not _library(one)}:
        made_of = [re.sub(rf"(?<![\w.]){re.escape(home)}\.", "", one) for one in made_of]
    if raw is None:
        raw = any(_picks_columns(type(part)) for part in parts.values())
    if raw:
        made_of.append("raw columns")
    what = type(made).__qualname__
    digest = hash_of([*made_of, *sources, *read_inputs(inputs, folder)])
    return Brought(
        name=name_of("sklearn", what, digest, dict(sorted(versions.items())), hashed=hashed),
        kind="sklearn",
        space=estimator_space(made, values),
        task=task,
        learner=Estimator(made, raw, threads),
        raw=raw,
        versions=versions,
        only={"classifier": "classification", "regressor": "regression"}.get(_kind_of(made) or ""),
    )


@dataclass(frozen=True, eq=False)
class Estimator:
    """Fits copies of an estimator; see ``Learner``.

    Attributes:
        estimator: is copied.
        raw: whether it takes a table's columns as they are.
        threads: that OpenMP may use in a fit; None: as many as the process may.
    """

    estimator: Any
    raw: bool = False
    threads: int | None = None

    def learn(self, request: Request, data: StudyData, task: Task, watch: Watch) -> Outcome:
        del watch
        from sklearn.base import clone
        from threadpoolctl import threadpool_limits

        dataset = data.dataset
        train_rows, val_rows = data.rows(request.replicate, request.refit)
        held = parameters_of(self.estimator)
        settings = _plain(request.settings).items()
        # What it holds already is not said again: None may be refused, and True is no 1.
        changed = {
            name: v for name, v in settings if (type(v), v) != (type(held[name]), held[name])
        }
        estimator = clone(self.estimator).set_params(**changed)
        # One that tells only what it was given may have been given none.
        seeds = [name for name in estimator.get_params() if is_seed(name)]
        seeds = seeds or [name for name in held if name == "random_state"]
        estimator.set_params(**dict.fromkeys(seeds, request.seed))
        labels = data.targets
        part, rows = ("train", train_rows) if request.refit else ("val", val_rows)
        with threadpool_limits(self.threads, "openmp"):
            estimator.fit(self._inputs(request, data, train_rows), labels[train_rows])
        outputs = _outputs(estimator, self._inputs(request, data, rows), dataset.num_classes)
        metrics = scores(task, outputs, labels[rows], dataset.num_classes, part=part)
        if not request.keep:
            return finished(request, metrics)
        used = (one for value in held.values() for one in _code_of(value))
        let_pickle_find(one for one in used if inspect.isclass(one) and not _library(one))
        live = cloudpickle.dumps((estimator, dataset.num_classes))
        model, notes = {"live": np.frombuffer(live, np.uint8)}, {"file_name": "model.skops"}
        try:
            model["file"] = _dumped(estimator)
        except Exception as error:
            notes = {"not_saved": f"{type(error).__name__}: {error}"}
        return finished(request, metrics, model=model, notes=notes)

    def _inputs(self, request: Request, data: StudyData, rows: Rows) -> Any:
        """What it takes of some examples: an array, or a data frame where columns have names."""
        if self.raw and data.table is not None:
            return data.table.iloc[rows]
        features = data.encoded(request.replicate, request.refit)
        return _table(features[rows], data.names(request.replicate, request.refit))

    def predict(self, model: Model, features: Any) -> NDArray[Any]:
        if "live" in model:
            fitted, num_classes = cloudpickle.loads(model["live"].tobytes())
        else:
            fitted = opened(model["file"].tobytes())
            num_classes = len(getattr(fitted, "classes_", ()))
        if isinstance(features, np.ndarray):
            features = _table(features, getattr(fitted, "feature_names_in_", ()))
        outputs = _outputs(fitted, features, num_classes)
        return probabilities(outputs, len(features), num_classes)[0]


def _made(found: Any) -> Any:
    """The estimator itself: an instance, or what a class or a factory gives when it is called."""
    if is_estimator(found):
        return found
    if not callable(found):
        raise UsageError(f"model.sklearn: a {type(found).__name__} is no estimator")
    what = getattr(found, "__qualname__", repr(found))
    try:
        made = found()
    except Exception as error:
        raise UsageError(
            f"model.sklearn: {what}() fails: {type(error).__name__}: {error}; give an estimator, "
            "or a function without arguments that returns one"
        ) from None
    if not is_estimator(made):
        raise UsageError(f"model.sklearn: {what}() gives a {type(made).__name__}, no estimator")
    return made


def _picks_columns(kind: type) -> bool:
    from sklearn.compose import ColumnTransformer

    return issubclass(kind, ColumnTransformer)


def _kind_of(estimator: Any) -> str | None:
    from sklearn.base import is_classifier, is_clusterer, is_regressor

    if is_regressor(estimator):
        return "regressor"
    if is_clusterer(estimator):
        return "clusterer"
    return "classifier" if is_classifier(estimator) else None


def _code_of(value: Any) -> list[Any]:
    """The classes and functions that a parameter is, or is made of."""
    if isinstance(value, functools.partial):
        return _code_of(value.func)
    if inspect.isclass(value) or inspect.isroutine(value):
        return [value]
    return [type(value)] if is_estimator(value) or callable(value) else []


def _said(value: Any) -> str:
    """A parameter's value as text that is the same in every process."""
    if isinstance(value, functools.partial):
        return f"partial({_said(value.func)}, {value.args!r}, {value.keywords!r})"
    named = inspect.isclass(value) or inspect.isroutine(value)
    return _path_of(value) if named else repr(value)


def _path_of(code: Any) -> str:
    return f"{code.__module__}.{code.__qualname__}"


def _library(code: Any) -> bool:
    """Whether a class or function comes with Python, or with a library whose version names it."""
    top = (code.__module__ or "builtins").partition(".")[0]
    return top in sys.stdlib_module_names - {"__main__"} or bool(versions_of([], [top]))


def _own_source(code: Any) -> list[str]:
    """Source of a class or function that the user wrote."""
    return [] if _library(code) else (source_of(code) or [])


def _plain(settings: Settings) -> dict[str, Any]:
    return {name: list(v) if isinstance(v, tuple) else v for name, v in settings.items()}


def _table(features: NDArray[Any], columns: Sequence[str]) -> Any:
    """Features as a data frame where the data named its columns."""
    if not len(columns):
        return np.array(features)
    import pandas as pd

    return pd.DataFrame(np.array(features), columns=list(columns))


def _outputs(estimator: Any, features: Any, num_classes: int) -> NDArray[Any]:
    """Probabilities, shape (n, num_classes), or classes where the estimator gives only them."""
    if not num_classes or not hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict(features))
    given = np.asarray(estimator.predict_proba(features))
    classes = getattr(estimator, "classes_", np.arange(num_classes))
    if given.ndim == 2 and given.shape[1] == len(classes) < num_classes:
        # A class that no training example had is given no probability.
        full = np.zeros((len(given), num_classes))
        full[:, np.asarray(classes, np.int64)] = given
        return full
    return given


def _dumped(estimator: Any) -> NDArray[np.uint8]:
    """The fitted estimator as a skops file, which opens without running what it holds."""
    from skops.io import dumps

    return np.frombuffer(dumps(estimator), np.uint8)


def opened(content: bytes) -> Any:
    """The estimator in a skops file.

    Raises:
        UsageError: skops is not installed.
        DataError: the file is damaged, or holds types of libraries that are not trusted.
    """
    try:
        from skops.io import get_untrusted_types, loads
    except ImportError:
        raise UsageError(
            "opening a scikit-learn model needs skops; `pip install bakeoff[sklearn-models]`"
        ) from None
    try:
        untrusted = get_untrusted_types(data=content)
        strangers = [name for name in untrusted if not _is_library_class(name)]
        if not strangers:
            return loads(content, trusted=untrusted)
    except Exception as error:
        raise DataError(f"model file: cannot be read: {error}") from None
    names = ", ".join(strangers[:5])
    raise DataError(
        f"model file: holds {names}, which is of no library that is trusted; open it yourself with "
        "`skops.io.load(path, trusted=[…])` if you trust its maker"
    )


_TRUSTED = ("sklearn", "numpy", "scipy", "xgboost", "lightgbm", "catboost")
"""Libraries whose classes are made again by themselves alone, from numbers and text."""

_HARMLESS = (
    "collections.OrderedDict",
    "functools.partial",
    "sklearn.utils.validation.check_array",
)
"""What boosted trees hold: a dictionary, and a check of their input with its arguments. What else a
file would put into a ``partial`` is a name of its own, which is not trusted for that."""


def _is_library_class(name: str) -> bool:
    """Whether a name is a class of a library that is trusted, such as scikit-learn's compiled trees.

    skops itself trusts the classes that pickle plainly. To make an object of another class of these
    libraries runs nothing but the library; a function of theirs could do anything it is told.
    """
    if name in _HARMLESS:
        return True
    module, _, last = name.rpartition(".")
    if name.partition(".")[0] not in _TRUSTED:
        return False
    try:
        return isinstance(getattr(importlib.import_module(module), last), type)
    except (ImportError, AttributeError):
        return False
