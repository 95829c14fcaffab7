"""A function as a trainable: its signature is its settings, what it returns is scored or believed.

``train(data, *, seed, learning_rate=0.01, …)`` is called with a ``TrainingData``. It returns
something that predicts (a callable, or an object with ``predict_proba`` or ``predict``), which is
scored here and examined on the sealed test part later; or a mapping of metric → number. A
generator yields a mapping per epoch before that.
"""

from __future__ import annotations

import inspect
import math
import shutil
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
from numpy.typing import NDArray

from bakeoff.data.study_data import StudyData
from bakeoff.errors import UsageError
from bakeoff.tasks.base import Task
from bakeoff.trainables.attempts import (
    RunError,
    cancelled,
    finished,
    fractions,
    measured,
    probabilities,
    scores,
)
from bakeoff.trainables.base import Model, Outcome, Request, Watch
from bakeoff.trainables.brought import Brought
from bakeoff.trainables.parameters import make_space, signature_parameters
from bakeoff.trainables.sources import (
    hash_of,
    load_object,
    name_of,
    read_inputs,
    source_of,
    versions_of,
)

GIVEN = ("seed", "replicate", "fold")
"""Parameters that are no settings: what a run is given."""


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What a function trains on.

    The arrays are its own, so that it may change them.

    Attributes:
        x_train, x_val: shape (n, num_features), as the data holds them.
        y_train, y_val: classes 0 … num_classes - 1, int64, shape (n,); values, float64, in a
            regression.
        num_classes, class_names, feature_names, image_shape: of the data.
        refit: whether this is the last training, on everything outside the test part; the
            validation part is then in the training part too, for code that looks at it.
    """

    x_train: NDArray[Any]
    y_train: NDArray[np.int64]
    x_val: NDArray[Any]
    y_val: NDArray[np.int64]
    num_classes: int
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    image_shape: tuple[int, ...] | None
    refit: bool = False
    task: str = "classification"

    @property
    def num_features(self) -> int:
        return int(self.x_train.shape[1])


def training_data(request: Request, data: StudyData) -> TrainingData:
    """The parts of one run, copied out of the data."""
    dataset = data.dataset
    train_rows, val_rows = data.rows(request.replicate, request.refit)
    if request.refit:
        _, val_rows = data.rows(request.replicate)
    labels, features = data.targets, data.encoded(request.replicate, request.refit)
    return TrainingData(
        x_train=np.array(features[train_rows]),
        y_train=labels[train_rows],
        x_val=np.array(features[val_rows]),
        y_val=labels[val_rows],
        num_classes=dataset.num_classes,
        class_names=dataset.class_names,
        feature_names=data.names(request.replicate, request.refit),
        image_shape=dataset.image_shape,
        refit=request.refit,
        task=dataset.task,
    )


def brought_function(
    function: Callable[..., Any] | str,
    task: Task,
    *,
    folder: Path | None = None,
    inputs: Sequence[str] = (),
) -> Brought:
    """A trainable of a function.

    Args:
        function: itself, or ``file.py:name`` or ``package.module:name``.
        task: what is predicted.
        folder: what paths start from.
        inputs: further files that determine its numbers.

    Raises:
        UsageError: it cannot be found, is no function, or its parameters cannot be settings.
    """
    folder = folder or Path()
    found = _found(function, folder)
    what = function if isinstance(function, str) else getattr(found, "__name__", "function")
    source = source_of(found)
    versions = versions_of(source or [], [getattr(found, "__module__", None) or ""])
    digest = hash_of([what, *(source or []), *read_inputs(inputs, folder)])
    hashed = source is not None
    return Brought(
        name=name_of("function", what, digest, versions, hashed=hashed),
        kind="function",
        space=make_space(
            what, signature_parameters(found, leave_out={*GIVEN, _data_parameter(found) or ""})
        ),
        task=task,
        learner=Function(function, folder),
        versions=versions,
        reads_data_itself=_data_parameter(found) is None,
    )


def takes_data(function: Callable[..., Any] | str, folder: Path) -> bool:
    """Whether a function is given the data of the study, or reads its own.

    Raises:
        UsageError: it cannot be found, or is no function.
    """
    return _data_parameter(_found(function, folder)) is not None


def _found(function: Callable[..., Any] | str, folder: Path) -> Callable[..., Any]:
    found = load_object(function, folder, "function") if isinstance(function, str) else function
    if not callable(found):
        raise UsageError(f"model.function: {function} is a {type(found).__name__}, no function")
    return found


@dataclass(frozen=True, eq=False)
class Function:
    """Calls a function; see ``Learner``.

    Attributes:
        function: itself, or the reference by which a worker finds it again.
        folder: what a reference starts from.
    """

    function: Callable[..., Any] | str
    folder: Path

    def learn(self, request: Request, data: StudyData, task: Task, watch: Watch) -> Outcome:
        function = self.function
        if isinstance(function, str):
            function = load_object(function, self.folder, "function")
        parameters = inspect.signature(function).parameters
        given: dict[str, Any] = {
            "seed": request.seed,
            "replicate": request.replicate.index,
            "fold": request.replicate.fold,
        }
        given = {name: value for name, value in given.items() if name in parameters}
        given |= {
            name: _as_declared(value, parameters[name]) for name, value in request.settings.items()
        }
        data_name = _data_parameter(function)
        parts = None if data.dataset is None else training_data(request, data)
        if data_name is None:
            returned = function(**given)
        elif parameters[data_name].kind is inspect.Parameter.KEYWORD_ONLY:
            returned = function(**given, data=parts)
        else:
            returned = function(parts, **given)
        curves: dict[str, list[float]] = {}
        if inspect.isgenerator(returned):
            try:
                returned = _exhaust(returned, request, watch, curves)
            except _Ended as end:
                return replace(end.outcome, curves=_whole(curves))
        return _outcome(request, task, parts, returned, _whole(curves))

    def predict(self, model: Model, features: NDArray[Any]) -> NDArray[Any]:
        predictor, num_classes = cloudpickle.loads(model["live"].tobytes())
        return probabilities(_predict(predictor, features), len(features), num_classes)[0]


def _outcome(
    request: Request,
    task: Task,
    parts: TrainingData | None,
    returned: Any,
    curves: Mapping[str, Any],
) -> Outcome:
    """The outcome of what the function returned."""
    if returned is None and curves:
        returned = {name: curve[-1] for name, curve in curves.items()}
    if isinstance(returned, Mapping):
        metrics = measured(returned, task)
        return finished(request, {} if request.refit else metrics, curves=curves)
    if task.score is None or parts is None:
        names = ", ".join(metric.name for metric in task.metrics)
        raise RunError(
            f"returned {_a(returned)}, where a mapping of metric → number is needed ({names})"
        )
    metrics = {name: float(curve[-1]) for name, curve in curves.items()}
    if request.refit:
        outputs, labels, part = _predict(returned, parts.x_train), parts.y_train, "train"
    else:
        outputs, labels, part = _predict(returned, parts.x_val), parts.y_val, "val"
    metrics |= scores(task, outputs, labels, parts.num_classes, part=part)
    kept = _kept(returned, parts.num_classes) if request.keep else (None, {})
    return finished(request, metrics, curves=curves, model=kept[0], notes=kept[1])


class _Ended(Exception):  # noqa: N818  (an ending, not an error)
    """A generator that was not exhausted; carries the outcome."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


def _exhaust(
    generator: Generator[Any, Any, Any],
    request: Request,
    watch: Watch,
    curves: dict[str, list[float]],
) -> Any:
    """What a generator returns; its yields become curves on the way.

    Raises:
        _Ended: the study was asked to end, or a number is not finite.
        RunError: it yields something that is no mapping of numbers.
    """
    epoch = 0
    while True:
        try:
            told = next(generator)
        except StopIteration as end:
            return end.value
        epoch += 1
        if not isinstance(told, Mapping):
            raise RunError(f"yielded {_a(told)}, where a mapping of metric → number is needed")
        metrics = measured(told)
        for name, value in metrics.items():
            if not math.isfinite(value):
                reason = f"{name} is {value} in epoch {epoch}"
                generator.close()
                raise _Ended(Outcome(request.key, stopped="diverged", reason=reason))
            curves.setdefault(name, []).append(value)
        watch.epoch(request, epoch, metrics)
        if watch.cancelled:
            generator.close()
            raise _Ended(cancelled(request))


def _whole(curves: Mapping[str, list[float]]) -> dict[str, NDArray[np.float64]]:
    """The curves that have a value for every epoch."""
    longest = max(map(len, curves.values()), default=0)
    return {name: fractions(name, one) for name, one in curves.items() if len(one) == longest}


def _predict(predictor: Any, features: NDArray[Any]) -> Any:
    for method in ("predict_proba", "predict", "__call__"):
        if hasattr(predictor, method):
            return getattr(predictor, method)(features)
    raise RunError(
        f"returned {_a(predictor)}, where something that predicts is needed (a callable, or an "
        "object with `predict_proba` or `predict`), or a mapping of metric → number"
    )


def _kept(predictor: Any, num_classes: int) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """The model as arrays: ``live`` for this study's own predictions, ``file`` for its user.

    ``live`` is a pickle between this worker and its own driver; it is never stored.
    """
    try:
        live = cloudpickle.dumps((predictor, num_classes))
    except Exception as error:
        return None, {"not_kept": f"its model cannot be sent to the test part: {error}"}
    model = {"live": np.frombuffer(live, np.uint8)}
    notes = {}
    if not callable(getattr(predictor, "save", None)):
        notes["not_saved"] = "what the function gave has no `save(path)`"
    else:
        try:
            model["file"], notes["file_name"] = saved(predictor.save)
        except Exception as error:
            notes["not_saved"] = f"save(path) failed: {type(error).__name__}: {error}"
    return model, notes


def saved(save: Callable[[str], Any], name: str = "model") -> tuple[NDArray[np.uint8], str]:
    """What ``save(path)`` makes, as bytes, and the name of the file.

    A folder, or several files, becomes a zip archive. Where a library adds an ending to the name
    (as ``model.pt``), it is kept.
    """
    with tempfile.TemporaryDirectory(prefix="bakeoff-") as folder:
        save(str(Path(folder) / name))
        made = sorted(Path(folder).iterdir())
        if len(made) != 1 or made[0].is_dir():
            archive = shutil.make_archive(str(Path(folder) / f"{name}-all"), "zip", folder)
            made = [Path(archive)]
        return np.frombuffer(made[0].read_bytes(), np.uint8), made[0].name


def _data_parameter(function: Callable[..., Any]) -> str | None:
    """Name of the parameter that takes the data: ``data``, else the first one without default."""
    parameters = inspect.signature(function).parameters
    if "data" in parameters:
        return "data"
    first = next(iter(parameters.values()), None)
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if first is not None and first.kind in positional and first.default is first.empty:
        return first.name
    return None


def _as_declared(value: Any, parameter: inspect.Parameter) -> Any:
    """Settings hold tuples; a function gets a list unless it asks for a tuple."""
    wants = parameter.annotation
    is_tuple = isinstance(parameter.default, tuple) or "tuple" in str(wants).lower()
    return list(value) if isinstance(value, tuple) and not is_tuple else value


def _a(value: Any) -> str:
    return "nothing" if value is None else f"a value of type {type(value).__name__}"
