"""Dense networks as a trainable: a request becomes an engine's job, what it gives an outcome."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.encoding import Encoding
from bakeoff.data.study_data import StudyData
from bakeoff.dense.base import Engine, TrainedRun, layers_of, model_arrays, scaling_of
from bakeoff.dense.base import Watch as EngineWatch
from bakeoff.dense.jobs import JobMaker, in_units
from bakeoff.dense.settings import DENSE_SPACE, DenseSettings
from bakeoff.dense.timing import Stopwatch
from bakeoff.errors import EngineError
from bakeoff.records import DataSummary
from bakeoff.settings import Settings
from bakeoff.spec.space import Space
from bakeoff.tasks import task_of
from bakeoff.tasks.base import Task
from bakeoff.tasks.classification import CLASSIFICATION, balanced_accuracy, score_logits, softmax
from bakeoff.tasks.regression import score_values
from bakeoff.trainables.base import Model, Outcome, Request, Watch

ENGINE_NAMES = ("auto", "native", "reference")


class Dense:
    """Dense networks, trained by one of the engines on the thread that asks.

    Args:
        engine: ``reference`` or ``native``.
        task: what is predicted.
    """

    kind = "dense"
    reads_data_itself = False
    lane: Literal["thread", "process"] = "thread"
    space: Space = DENSE_SPACE

    def __init__(self, engine: Engine, task: Task = CLASSIFICATION) -> None:
        self.engine = engine
        self.task = task
        self._stopwatch = Stopwatch(engine)
        self._lock = threading.Lock()
        self._jobs: JobMaker | None = None

    @property
    def name(self) -> str:
        """Engine, numeric version and instruction set, such as ``native/2/avx512``."""
        return self.engine.name

    def named(self, settings: Settings) -> str:
        """The same for all settings."""
        del settings
        return self.name

    def refuses(self, settings: Settings) -> str | None:
        """Why the engine cannot train these settings, or None if it can."""
        if self.task.kind == "regression":
            for name, default in (("label_smoothing", 0.0), ("class_weight", "none")):
                if settings[name] != default:
                    return f"{name} is of classes, but a number is predicted; leave it out"
        return self.engine.refuses(DenseSettings.of(settings))

    def cost(self, settings: Settings, data: DataSummary) -> tuple[tuple[str, float], ...]:
        """Parameters, then counted operations of a whole run."""
        network, shape = DenseSettings.of(settings), _shape(data)
        operations = network.operations_per_epoch(*shape, data.num_train) * network.epochs
        return (
            ("parameters", float(network.num_parameters(*shape))),
            ("operations", float(operations)),
        )

    def seconds(self, settings: Settings, data: DataSummary) -> float | None:
        """What a run takes on one core, told from a short training on made-up examples."""
        return self._stopwatch.seconds(DenseSettings.of(settings), data)

    def batches(self, requests: Sequence[Request], data: DataSummary) -> list[Sequence[Request]]:
        """One by one, the longest first: that keeps the cores busy to the end."""

        def expected(request: Request) -> float:
            # A sparse first layer costs its share of non-zero features.
            network = DenseSettings.of(request.settings)
            non_zero = 1.0 if network.scale == "standard" else 1.0 - data.zero_share
            first = network.layer_sizes(*_shape(data))[1]
            skipped = 4.0 * _shape(data)[0] * first * data.num_train * (1.0 - non_zero)
            counted = dict(self.cost(request.settings, data))["operations"]
            return counted - skipped * network.epochs

        return [(request,) for request in sorted(requests, key=expected, reverse=True)]

    def train(self, batch: Sequence[Request], data: StudyData, watch: Watch) -> Iterator[Outcome]:
        """Trains on the calling thread; the native engine releases the GIL."""
        jobs = self._jobs_of(data)
        for request in batch:
            watch.epoch(request, 0, {})
            started = time.perf_counter()
            train_rows, _ = data.rows(request.replicate, request.refit)
            scale = None
            if self.task.kind == "regression":
                scale = jobs.target_scale(train_rows)
            trained = self.engine.train(
                jobs.make(request), EngineWatch(_teller(request, watch, scale), watch.flag)
            )
            if scale is not None:
                trained = replace(trained, layers=in_units(trained.layers, *scale))
            seconds = time.perf_counter() - started
            yield self._outcome(request, trained, jobs, seconds, scale)

    def _outcome(
        self,
        request: Request,
        trained: TrainedRun,
        jobs: JobMaker,
        seconds: float,
        scale: tuple[float, float] | None,
    ) -> Outcome:
        """What became of a run; ``scale`` is that of the target in a regression."""
        data, settings = jobs.data, DenseSettings.of(request.settings)
        scaling = jobs.scaling(request.replicate, settings.scale, refit=request.refit)
        _, val_rows = data.rows(request.replicate, refit=request.refit)
        curves = trained.history.curves()
        if scale is not None:
            curves = {
                name.replace("loss", "rmse"): _rmse(values, scale)
                for name, values in curves.items()
                if name.endswith("loss")
            }
        # What a run that ended early learned on the way is shown; its validation is not.
        metrics = {
            name: float(curve[-1])
            for name, curve in curves.items()
            if trained.stopped is None or name.startswith("train_")
        }
        if trained.stopped is None and len(val_rows):
            metrics |= {
                f"val_{name}": value for name, value in self._scores(trained, jobs, request).items()
            }
        if trained.stopped is None and settings.patience:
            metrics["epochs"] = float(trained.history.num_epochs)
        reason = None
        if trained.stopped == "diverged":
            epoch = trained.history.num_epochs + 1
            reason = f"diverged: a loss or a weight became non-finite in epoch {epoch}"
        elif trained.stopped == "cancelled":
            reason = "interrupted before its last epoch"
        model = None
        if request.keep and trained.stopped is None:
            model = model_arrays(trained.layers, scaling)
            encoding = data.encoding(request.replicate, request.refit)
            if encoding is not None:
                model["encoding"] = encoding.to_array()
        health = [{"dead": one.dead, "saturated": one.saturated} for one in trained.health]
        return Outcome(
            key=request.key,
            metrics={name: value for name, value in metrics.items() if np.isfinite(value)},
            curves=curves,
            notes={"health": health},
            model=model,
            stopped=trained.stopped,
            reason=reason,
            seconds=seconds,
        )

    def _scores(self, trained: TrainedRun, jobs: JobMaker, request: Request) -> Mapping[str, float]:
        """Of the validation part, as far as the engine has not measured it."""
        data, dataset = jobs.data, jobs.data.dataset
        _, val_rows = data.rows(request.replicate, refit=request.refit)
        labels = dataset.labels[val_rows]
        asked = len(self.task.metrics) > len(task_of(self.task.kind).metrics)
        if self.task.kind != "regression" and not asked:
            right = balanced_accuracy(labels, trained.val_predictions, dataset.num_classes)
            return {"balanced_accuracy": right}
        settings = DenseSettings.of(request.settings)
        outputs = self.engine.logits(
            settings,
            trained.layers,
            jobs.scaling(request.replicate, settings.scale, refit=request.refit),
            data.encoded(request.replicate, request.refit),
            val_rows,
        )
        assert self.task.score is not None  # noqa: S101  (data has targets)
        if self.task.kind == "regression":
            return self.task.score(outputs[:, 0], labels)
        return {**self.task.score(softmax(outputs), labels), **score_logits(outputs, labels)}

    def predict(self, settings: Settings, model: Model, features: NDArray[Any]) -> NDArray[Any]:
        """Probabilities, shape (n, num_classes), or values, shape (n,)."""
        outputs = self._logits(settings, model, features)
        return outputs[:, 0] if self.task.kind == "regression" else softmax(outputs)

    def measure(
        self, settings: Settings, model: Model, features: NDArray[Any], targets: NDArray[Any]
    ) -> tuple[Mapping[str, float], NDArray[Any]]:
        """Scores from the logits: no probability is rounded to 0 on the way to a loss."""
        logits = self._logits(settings, model, features)
        if self.task.kind == "regression":
            return score_values(logits[:, 0], targets), logits[:, 0]
        return score_logits(logits, targets), softmax(logits)

    def _logits(self, settings: Settings, model: Model, features: NDArray[Any]) -> NDArray[Any]:
        typed, encoding = DenseSettings.of(settings), Encoding.of(model)
        if encoding is not None:
            features = encoding.apply(features)
        return self.engine.logits(typed, layers_of(model), scaling_of(model), features)

    def _jobs_of(self, data: StudyData) -> JobMaker:
        with self._lock:
            if self._jobs is None or self._jobs.data is not data:
                self._jobs = JobMaker(data)
            return self._jobs

    def __getstate__(self) -> dict[str, Any]:
        return {"engine": self.engine, "task": self.task.kind, "metric": self.task.metrics[-1].name}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["engine"], task_of(state["task"], state["metric"]))  # type: ignore[misc]


def _teller(request: Request, watch: Watch, scale: tuple[float, float] | None) -> Any:
    def on_epoch(epoch: int, *values: float) -> None:
        if scale is not None:
            values = tuple(_rmse(value, scale) for value in values[::2])
        found = zip(_NAMES if scale is None else _VALUE_NAMES, values, strict=True)
        watch.epoch(request, epoch + 1, {name: v for name, v in found if math.isfinite(v)})

    return on_epoch


_NAMES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
_VALUE_NAMES = ("train_rmse", "val_rmse")


def _rmse(loss: Any, scale: tuple[float, float]) -> Any:
    """In units of the target, of the mean squared error of the standardised one."""
    return np.sqrt(loss) * scale[1]


def _shape(data: DataSummary) -> tuple[int, int]:
    """Inputs and outputs of a network on some data."""
    return data.num_inputs or data.num_features, data.num_classes or 1


def get_engine(name: str = "auto") -> Engine:
    """The engine of that name.

    Args:
        name: ``native``, ``reference``, or ``auto`` for the native engine where its extension can
            be loaded, else the reference.

    Raises:
        EngineError: an unknown name, an extension that cannot be loaded, or a ``BAKEOFF_ISA`` that
            this machine does not run.
    """
    if name not in ENGINE_NAMES:
        raise EngineError(
            f"engine: must be one of {', '.join(ENGINE_NAMES)}, but got {name!r}; choose one of them"
        )
    if name != "reference":
        try:
            from bakeoff.dense.native import NativeEngine
        except ImportError as error:
            if name == "native":
                raise EngineError(
                    f"engine: native needs the compiled extension, but loading it failed ({error}); "
                    "reinstall bakeoff, or choose reference"
                ) from error
        else:
            return NativeEngine()
    from bakeoff.dense.reference import ReferenceEngine

    return ReferenceEngine()


def available_instruction_sets() -> tuple[str, ...]:
    """The native engine's instruction sets on this machine, best one last; empty without it."""
    try:
        from bakeoff.dense import native
    except ImportError:
        return ()
    return native.available_instruction_sets()
