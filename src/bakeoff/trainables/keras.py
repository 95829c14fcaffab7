"""A Keras model as a trainable: a function builds it, settings of Keras's names train it.

``build(input_shape, num_classes, *, filters=32, …)`` returns a ``keras.Model``, compiled or not.
What it was not compiled with comes from the settings ``optimizer``, ``learning_rate``,
``batch_size`` and ``epochs``; parameters of ``build`` of these names are the same settings. Works
with every backend of Keras 3.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import cloudpickle
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from bakeoff.data.study_data import StudyData
from bakeoff.errors import DataError, UsageError
from bakeoff.tasks.base import Task
from bakeoff.trainables.attempts import RunError, cancelled, finished, probabilities, scores
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

Optimizer = Literal[
    "sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "ftrl", "lion"
]
FITTING: dict[str, tuple[Any, Any]] = {
    "optimizer": (Optimizer, "rmsprop"),
    "learning_rate": (Annotated[float, Field(gt=0.0)] | None, None),
    "batch_size": (Annotated[int, Field(ge=1)], 32),
    "epochs": (Annotated[int, Field(ge=1)], 1),
}
"""Settings of every Keras model, with the defaults of ``Model.compile`` and ``Model.fit``; the
learning rate is that of the model or of its optimizer where it is None."""

PREDICT_BATCH = 256


def brought_keras(
    build: Callable[..., Any] | str,
    task: Task,
    *,
    folder: Path | None = None,
    inputs: Sequence[str] = (),
) -> Brought:
    """A trainable of a function that builds a Keras model.

    Args:
        build: itself, or ``file.py:name`` or ``package.module:name``.
        task: what is predicted.
        folder: what paths start from.
        inputs: further files that determine its numbers.

    Raises:
        UsageError: it cannot be found, is no function of a shape and a number of classes, or
            Keras is not installed.
    """
    folder = folder or Path()
    _keras()
    found = load_object(build, folder, "keras") if isinstance(build, str) else build
    if not callable(found):
        raise UsageError(f"model.keras: {build} is a {type(found).__name__}, no function")
    parameters = list(inspect.signature(found).parameters)
    if len(parameters) < 2:
        raise UsageError(
            "model.keras: the function takes an input shape and a number of classes first, as in "
            "`build(input_shape, num_classes, *, filters=32)`"
        )
    what = build if isinstance(build, str) else getattr(found, "__name__", "build")
    source = source_of(found)
    backend = _keras().backend.backend()
    versions = versions_of(source or [], ["keras", backend, getattr(found, "__module__", "") or ""])
    own = signature_parameters(found, leave_out={*parameters[:2], "seed"})
    digest = hash_of([what, backend, *(source or []), *read_inputs(inputs, folder)])
    hashed = source is not None
    return Brought(
        name=name_of("keras", what, digest, versions, hashed=hashed),
        kind="keras",
        space=make_space(what, {**FITTING, **own}),
        task=task,
        learner=Keras(build, folder),
        versions=versions,
    )


@dataclass(frozen=True, eq=False)
class Keras:
    """Builds, compiles where needed, and fits; see ``Learner``.

    Attributes:
        build: the function, or the reference by which a worker finds it again.
        folder: what a reference starts from.
    """

    build: Callable[..., Any] | str
    folder: Path

    def learn(self, request: Request, data: StudyData, task: Task, watch: Watch) -> Outcome:
        keras = _keras()
        keras.utils.clear_session()  # a worker trains many models
        keras.utils.set_random_seed(request.seed % 2**32)
        dataset, settings = data.dataset, dict(request.settings)
        train_rows, val_rows = data.rows(request.replicate, request.refit)
        features = data.encoded(request.replicate, request.refit)
        x_train, x_val = (
            as_inputs(features[rows], dataset.image_shape) for rows in (train_rows, val_rows)
        )
        shape, num_classes = x_train.shape[1:], dataset.num_classes
        model = self._built(settings, shape, num_classes, request.seed)
        labels = data.targets
        targets = _targets(model, labels, num_classes)
        told = _Told(request, watch)
        model.fit(
            x_train,
            targets[train_rows],
            batch_size=settings["batch_size"],
            epochs=settings["epochs"],
            validation_data=(x_val, targets[val_rows]) if len(val_rows) else None,
            verbose=0,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=told.epoch_ended(model))],
        )
        curves = {name: np.array(values) for name, values in told.curves.items()}
        if told.diverged is not None:
            return Outcome(request.key, curves=curves, stopped="diverged", reason=told.diverged)
        if told.num_epochs < settings["epochs"] and watch.cancelled:
            return cancelled(request, curves=curves)
        metrics = {name: float(one[-1]) for name, one in curves.items() if name[:4] != "val_"}
        part, inputs, rows = (
            ("train", x_train, train_rows) if request.refit else ("val", x_val, val_rows)
        )
        metrics |= scores(task, _predicted(model, inputs), labels[rows], num_classes, part=part)
        kept: dict[str, NDArray[Any]] | None = None
        if request.keep:
            state = (settings, shape, num_classes, request.seed, model.get_weights())
            kept = {
                "live": np.frombuffer(cloudpickle.dumps(state), np.uint8),
                "file": np.frombuffer(keras_bytes(model), np.uint8),
            }
        notes: dict[str, Any] = {"parameters": int(model.count_params())}
        notes |= {"file_name": "model.keras"} if request.keep else {}
        return finished(request, metrics, curves=curves, notes=notes, model=kept)

    def predict(self, model: Model, features: NDArray[Any]) -> NDArray[Any]:
        """Probabilities, shape (n, num_classes)."""
        if "live" in model:
            *how, weights = cloudpickle.loads(model["live"].tobytes())
            built = self._built(*how)
            built.set_weights(weights)
            num_classes = how[2]
        else:
            built = opened(model["file"].tobytes())
            num_classes = 0 if "values" in model else max(2, built.output_shape[-1])
        inputs = np.asarray(features, np.float32).reshape(len(features), *built.input_shape[1:])
        return probabilities(_predicted(built, inputs), len(features), num_classes)[0]

    def _built(
        self, settings: Mapping[str, Any], shape: tuple[int, ...], num_classes: int, seed: int
    ) -> Any:
        """The compiled model of some settings."""
        keras = _keras()
        build = self.build
        if isinstance(build, str):
            build = load_object(build, self.folder, "keras")
        parameters = inspect.signature(build).parameters
        given = {name: value for name, value in settings.items() if name in parameters}
        given |= {"seed": seed} if "seed" in parameters else {}
        model = build(shape, num_classes or 1, **given)  # a regression has one output
        if not isinstance(model, keras.Model):
            raise RunError(f"returned a {type(model).__name__}, where a keras.Model is needed")
        rate = settings["learning_rate"]
        if not getattr(model, "compiled", False):
            optimizer = keras.optimizers.get(settings["optimizer"])
            if num_classes:
                model.compile(optimizer=optimizer, loss=_loss(keras, model), metrics=["accuracy"])
            else:
                model.compile(optimizer=optimizer, loss="mse")
        if rate is not None and "learning_rate" not in parameters:
            model.optimizer.learning_rate = rate
        return model


class _Told:
    """What a training tells at the end of each epoch, and whether it has to end there."""

    def __init__(self, request: Request, watch: Watch) -> None:
        self.curves: dict[str, list[float]] = {}
        self.diverged: str | None = None
        self.num_epochs = 0
        self._request, self._watch = request, watch

    def epoch_ended(self, model: Any) -> Callable[[int, Mapping[str, Any] | None], None]:
        """The callback, which may stop the model."""

        def on_epoch_end(epoch: int, logs: Mapping[str, Any] | None = None) -> None:
            metrics = {_name(name): float(value) for name, value in (logs or {}).items()}
            self.num_epochs = epoch + 1
            for name, value in metrics.items():
                if not math.isfinite(value):
                    self.diverged = f"{name} is {value} in epoch {epoch + 1}"
                    model.stop_training = True
                    return
                self.curves.setdefault(name, []).append(value)
            self._watch.epoch(self._request, epoch + 1, metrics)
            if self._watch.cancelled:
                model.stop_training = True

        return on_epoch_end


def as_inputs(features: NDArray[Any], image_shape: tuple[int, ...] | None) -> NDArray[np.float32]:
    """Features as Keras takes them: float32, images as (n, height, width, channels)."""
    inputs = np.array(features, np.float32)
    if image_shape is None:
        return inputs
    return inputs.reshape(len(inputs), *image_shape, *([1] if len(image_shape) == 2 else []))


def opened(content: bytes) -> Any:
    """The model in a ``.keras`` file; layers that would run code of the file are refused.

    Raises:
        DataError: it cannot be read.
    """
    keras = _keras()
    with tempfile.TemporaryDirectory(prefix="bakeoff-") as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(content)
        try:
            return keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:
            line = str(error).strip().partition("\n")[0]
            raise DataError(f"model file: cannot be read as a Keras model: {line}") from None


def keras_bytes(model: Any) -> bytes:
    """What Keras writes; it insists on a path that ends in .keras."""
    with tempfile.TemporaryDirectory(prefix="bakeoff-") as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()


def _predicted(model: Any, inputs: NDArray[np.float32]) -> Any:
    return model.predict(inputs, batch_size=PREDICT_BATCH, verbose=0)


def _loss(keras: Any, model: Any) -> Any:
    """The cross-entropy that fits the outputs: of one or of several units, scores or probabilities."""
    activation = getattr(getattr(model.layers[-1], "activation", None), "__name__", "linear")
    if model.output_shape[-1] == 1:
        return keras.losses.BinaryCrossentropy(from_logits=activation != "sigmoid")
    return keras.losses.SparseCategoricalCrossentropy(from_logits=activation != "softmax")


def _targets(model: Any, labels: NDArray[np.int64], num_classes: int) -> NDArray[Any]:
    """Classes as numbers, or one-hot where the loss that the model was compiled with needs that."""
    loss = model.loss if isinstance(model.loss, str) else getattr(model.loss, "name", "")
    if "categorical" in str(loss).lower() and "sparse" not in str(loss).lower():
        return np.eye(num_classes, dtype=np.float32)[labels]
    return labels


def _name(logged: str) -> str:
    """A metric of Keras by its full name here: what has no ``val_`` is of the training part."""
    part, name = ("val", logged[4:]) if logged.startswith("val_") else ("train", logged)
    usual = name in (
        "acc",
        "sparse_categorical_accuracy",
        "categorical_accuracy",
        "binary_accuracy",
    )
    return f"{part}_{'accuracy' if usual else name}"


def _keras() -> Any:
    """Keras, on the backend that the user chose, else on the first that is installed."""
    if "keras" not in sys.modules and "KERAS_BACKEND" not in os.environ:
        # Keras itself writes a keras.json that says tensorflow, wherever it finds none.
        wanted = [_configured_backend(), "tensorflow", "jax", "torch"]
        for backend in wanted:
            if backend and importlib.util.find_spec(backend) is not None:
                os.environ["KERAS_BACKEND"] = backend
                break
    try:
        import keras
    except ImportError as error:
        raise UsageError(
            f"model.keras: Keras cannot be imported ({error}); `pip install bakeoff[keras]`"
        ) from None
    return keras


def _configured_backend() -> str | None:
    """What the user's ``keras.json`` says."""
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    try:
        return str(json.loads((home / "keras.json").read_text())["backend"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
