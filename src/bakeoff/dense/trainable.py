"""Dense networks as a trainable: a request becomes an engine's job, what it gives an outcome."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bakeoff.dense.base import Engine, TrainedRun, layers_of, model_arrays, scaling_of
from bakeoff.dense.base import Watch as EngineWatch
from bakeoff.dense.jobs import JobMaker
from bakeoff.dense.settings import DENSE_SPACE, DenseSettings
from bakeoff.dense.timing import Stopwatch
from bakeoff.errors import EngineError
from bakeoff.records import DataSummary
from bakeoff.settings import Settings
from bakeoff.spec.space import Space
from bakeoff.tasks import task_of
from bakeoff.tasks.base import Task
from bakeoff.tasks.classification import CLASSIFICATION, balanced_accuracy, score_logits, softmax
from bakeoff.trainables.base import Model, Outcome, Request, StudyData, Watch

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
        return self.engine.refuses(DenseSettings.of(settings))

    def cost(self, settings: Settings, data: DataSummary) -> tuple[tuple[str, float], ...]:
        """Parameters, then counted operations of a whole run."""
        network, shape = DenseSettings.of(settings), (data.num_features, data.num_classes)
        operations = network.operations_per_epoch(*shape, data.num_train) * network.epochs
        return (
            ("parameters", float(network.num_parameters(*shape))),
            ("operations", float(operations)),
        )

    def seconds(self, settings: Settings, data: DataSummary) -> float:
        """What a run takes on one core, told from a short training on made-up examples."""
        return self._stopwatch.seconds(DenseSettings.of(settings), data)

    def batches(self, requests: Sequence[Request], data: DataSummary) -> list[Sequence[Request]]:
        """One by one, the longest first: that keeps the cores busy to the end."""

        def expected(request: Request) -> float:
            # A sparse first layer costs its share of non-zero features.
            network = DenseSettings.of(request.settings)
            non_zero = 1.0 if network.scale == "standard" else 1.0 - data.zero_share
            first = network.layer_sizes(data.num_features, data.num_classes)[1]
            skipped = 4.0 * data.num_features * first * data.num_train * (1.0 - non_zero)
            counted = dict(self.cost(request.settings, data))["operations"]
            return counted - skipped * network.epochs

        return [(request,) for request in sorted(requests, key=expected, reverse=True)]

    def train(self, batch: Sequence[Request], data: StudyData, watch: Watch) -> Iterator[Outcome]:
        """Trains on the calling thread; the native engine releases the GIL."""
        jobs = self._jobs_of(data)
        for request in batch:
            watch.epoch(request, 0, {})
            started = time.perf_counter()
            trained = self.engine.train(
                jobs.make(request), EngineWatch(_teller(request, watch), watch.flag)
            )
            seconds = time.perf_counter() - started
            yield _outcome(request, trained, jobs, seconds)

    def predict(self, settings: Settings, model: Model, features: NDArray[Any]) -> NDArray[Any]:
        """Probabilities, shape (n, num_classes)."""
        return softmax(self._logits(settings, model, features))

    def measure(
        self, settings: Settings, model: Model, features: NDArray[Any], targets: NDArray[Any]
    ) -> tuple[Mapping[str, float], NDArray[Any]]:
        """Scores from the logits: no probability is rounded to 0 on the way to a loss."""
        logits = self._logits(settings, model, features)
        return score_logits(logits, targets), softmax(logits)

    def _logits(self, settings: Settings, model: Model, features: NDArray[Any]) -> NDArray[Any]:
        typed = DenseSettings.of(settings)
        return self.engine.logits(typed, layers_of(model), scaling_of(model), features)

    def _jobs_of(self, data: StudyData) -> JobMaker:
        with self._lock:
            if self._jobs is None or self._jobs.data is not data:
                self._jobs = JobMaker(data)
            return self._jobs

    def __getstate__(self) -> dict[str, Any]:
        return {"engine": self.engine, "kind": self.task.kind}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["engine"], task_of(state["kind"]))  # type: ignore[misc]


def _teller(request: Request, watch: Watch) -> Any:
    def on_epoch(epoch: int, *values: float) -> None:
        names = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
        found = zip(names, values, strict=True)
        watch.epoch(request, epoch + 1, {name: v for name, v in found if math.isfinite(v)})

    return on_epoch


def _outcome(request: Request, trained: TrainedRun, jobs: JobMaker, seconds: float) -> Outcome:
    curves = trained.history.curves()
    # What a run that ended early learned on the way is shown; its validation is not.
    metrics = {
        name: float(curve[-1])
        for name, curve in curves.items()
        if trained.stopped is None or name.startswith("train_")
    }
    if "val_accuracy" in metrics:
        _, val_rows = jobs.data.rows(request.replicate, refit=request.refit)
        dataset = jobs.data.dataset
        metrics["val_balanced_accuracy"] = balanced_accuracy(
            dataset.labels[val_rows], trained.val_predictions, dataset.num_classes
        )
    reason = None
    if trained.stopped == "diverged":
        epoch = trained.history.num_epochs + 1
        reason = f"diverged: a loss or a weight became non-finite in epoch {epoch}"
    elif trained.stopped == "cancelled":
        reason = "interrupted before its last epoch"
    scale = DenseSettings.of(request.settings).scale
    return Outcome(
        key=request.key,
        metrics={name: value for name, value in metrics.items() if np.isfinite(value)},
        curves=curves,
        notes={
            "health": [{"dead": one.dead, "saturated": one.saturated} for one in trained.health]
        },
        model=model_arrays(
            trained.layers, jobs.scaling(request.replicate, scale, refit=request.refit)
        )
        if request.keep and trained.stopped is None
        else None,
        stopped=trained.stopped,
        reason=reason,
        seconds=seconds,
    )


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
