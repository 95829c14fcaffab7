"""The native engine: the compiled kernels behind the ``Engine`` protocol.

One native call trains one epoch without the GIL; the loop over epochs and the talk with the watch
are here. This module must not know how the kernels work (``docs/engine.md`` does).
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bakeoff import _native
from bakeoff.dense.base import (
    History,
    Job,
    Layer,
    LayerHealth,
    Scaling,
    TrainedRun,
    Watch,
)
from bakeoff.dense.settings import ACTIVATIONS, OPTIMIZERS, DenseSettings
from bakeoff.dense.stopping import EarlyStop, loss_of
from bakeoff.errors import EngineError

# Part of the engine's name: raise it with any change that can change a bit of a result.
NUMERIC_VERSION = 2

ISA_VARIABLE = "BAKEOFF_ISA"

# Above this share of non-zero entries the dense kernels are faster: a non-zero entry costs the sparse
# passes about twice what any entry costs the dense ones (docs/engine.md).
MAX_SPARSE_DENSITY = 0.4

_OUTCOMES: dict[int, Literal["diverged", "cancelled"] | None] = {
    0: None,
    1: "diverged",
    2: "cancelled",
}


def available_instruction_sets() -> tuple[str, ...]:
    """The instruction sets that are compiled in and that this machine runs, best one last."""
    return tuple(_native.instruction_sets())


class NativeEngine:
    """Trains every ``DenseSettings`` with the kernels of one instruction set.

    Args:
        instruction_set: one of ``available_instruction_sets()``. Left out, the environment
            variable ``BAKEOFF_ISA`` decides, and without it the best one.

    Raises:
        EngineError: an instruction set that is unknown or that this machine does not have.
    """

    def __init__(self, instruction_set: str | None = None) -> None:
        allowed = available_instruction_sets()
        place = "instruction_set"
        if instruction_set is None and os.environ.get(ISA_VARIABLE):
            place, instruction_set = ISA_VARIABLE, os.environ[ISA_VARIABLE]
        if instruction_set is None:
            instruction_set = allowed[-1]
        if instruction_set not in allowed:
            raise EngineError(
                f"{place}: must be an instruction set that this machine runs, but got "
                f"{instruction_set!r}; choose one of {', '.join(allowed)}"
            )
        self._instruction_set = instruction_set

    def __getstate__(self) -> dict[str, str]:
        return {"instruction_set": self._instruction_set, "name": self.name}

    def __setstate__(self, state: dict[str, str]) -> None:
        """On another machine it is the same engine, or none: its name stands in the runs' keys."""
        try:
            self.__init__(state["instruction_set"])  # type: ignore[misc]
        except EngineError:
            raise EngineError(
                f"its processor does not have the instruction set of {state['name']}; set "
                f"{ISA_VARIABLE}={available_instruction_sets()[-1]} for the driver, and it takes part"
            ) from None
        if self.name != state["name"]:
            raise EngineError(
                f"its engine is {self.name}, the driver's {state['name']}; install the same bakeoff"
            )

    @property
    def name(self) -> str:
        """Engine, numeric version and instruction set."""
        return f"native/{NUMERIC_VERSION}/{self._instruction_set}"

    @property
    def instruction_set(self) -> str:
        """The instruction set in use."""
        return self._instruction_set

    def refuses(self, settings: DenseSettings) -> str | None:  # noqa: ARG002  (it can do all of them)
        """None: the kernels cover every setting."""
        return None

    def train(self, job: Job, watch: Watch) -> TrainedRun:
        """Trains one run on the calling thread; see ``Engine.train``.

        Raises:
            EngineError: arrays whose shapes, types or values contradict each other.
        """
        settings = job.settings
        try:
            run = self._start(job)
            rows: list[tuple[float, float, float, float]] = []
            stopped: Literal["diverged", "cancelled"] | None = None
            early = EarlyStop(settings.patience)
            for epoch in range(settings.epochs):
                if watch.cancelled:
                    stopped = "cancelled"
                    break
                outcome, *values = run.epoch(
                    _contiguous(job.order(epoch), np.int32),
                    _contiguous(job.learning_rates(epoch), np.float64),
                    watch.cancel_flag,
                    epoch + 1 == settings.epochs or job.watching_rows is not None,
                )
                stopped = _OUTCOMES[outcome]
                if stopped is not None:
                    break
                train_loss, train_accuracy, val_loss, val_accuracy = values
                rows.append((train_loss, train_accuracy, val_loss, val_accuracy))
                if watch.on_epoch is not None:
                    watch.on_epoch(epoch, train_loss, train_accuracy, val_loss, val_accuracy)
                if job.watching_rows is not None:
                    ended = _ended(run)
                    if early.ends(self._loss(job, ended[0]), ended):
                        break
        except (ValueError, TypeError) as error:
            raise EngineError(_one_line("job", error)) from error
        columns = np.array(rows, np.float64).reshape(-1, 4).T
        history = History(*(np.ascontiguousarray(column) for column in columns))
        layers, predictions, health = _ended(run)
        if stopped is None and job.watching_rows is not None:
            history, (layers, predictions, health) = history.first(early.num_epochs), early.best
        measured = stopped is None and len(job.val_rows) > 0
        return TrainedRun(
            layers=layers,
            history=history,
            stopped=stopped,
            val_predictions=predictions if measured else np.zeros(0, np.uint16),
            health=health if measured else (),
        )

    def _loss(self, job: Job, layers: tuple[Layer, ...]) -> float:
        """Of the examples that watch."""
        rows = job.watching_rows
        assert rows is not None  # noqa: S101  (asked only where some watch)
        outputs = self.logits(job.settings, layers, job.scaling, job.features, rows)
        return loss_of(outputs, rows, job.labels, job.targets)

    def logits(
        self,
        settings: DenseSettings,
        layers: tuple[Layer, ...],
        scaling: Scaling,
        features: NDArray[Any],
        rows: NDArray[np.int32] | None = None,
    ) -> NDArray[np.float32]:
        """Outputs before the softmax; see ``Engine.logits``.

        Raises:
            EngineError: arrays whose shapes, types or values contradict each other.
        """
        features = _matrix(features)
        chosen = np.arange(len(features), dtype=np.int32) if rows is None else rows
        try:
            return _native.logits(
                instruction_set=self._instruction_set,
                features=features,
                sparse=scaling.keeps_zeros and _is_sparse(features),
                rows=_contiguous(chosen, np.int32),
                shift=_contiguous(scaling.shift, np.float32),
                factor=_contiguous(scaling.factor, np.float32),
                layers=_plain(layers),
                activation=ACTIVATIONS.index(settings.activation),
                negative_slope=settings.negative_slope,
            )
        except (ValueError, TypeError) as error:
            raise EngineError(_one_line("logits", error)) from error

    def _start(self, job: Job) -> _native.Run:
        settings = job.settings
        features = _matrix(job.features)
        return _native.Run(
            instruction_set=self._instruction_set,
            features=features,
            sparse=job.scaling.keeps_zeros and _is_sparse(features),
            labels=_contiguous(job.labels, np.int32),
            train_rows=_contiguous(job.train_rows, np.int32),
            val_rows=_contiguous(job.val_rows, np.int32),
            shift=_contiguous(job.scaling.shift, np.float32),
            factor=_contiguous(job.scaling.factor, np.float32),
            layers=_plain(job.layers),
            activation=ACTIVATIONS.index(settings.activation),
            negative_slope=settings.negative_slope,
            dropout=settings.dropout if settings.hidden else 0.0,
            dropout_key=job.dropout_key,
            optimizer=OPTIMIZERS.index(settings.optimizer),
            momentum=settings.momentum if settings.optimizer == "sgd" else 0.0,
            nesterov=settings.nesterov,
            weight_decay=settings.weight_decay if settings.optimizer == "adamw" else 0.0,
            l2=settings.l2,
            label_smoothing=settings.label_smoothing,
            batch_size=settings.batch_size,
            targets=None if job.targets is None else _contiguous(job.targets, np.float32),
            weights=None if job.weights is None else _contiguous(job.weights, np.float32),
        )


def _ended(
    run: _native.Run,
) -> tuple[tuple[Layer, ...], NDArray[np.uint16], tuple[LayerHealth, ...]]:
    """Weights, predictions and health after the last examined epoch."""
    health = tuple(LayerHealth(*pair) for pair in run.health())
    layers = tuple(Layer(kernel, bias) for kernel, bias in run.layers())
    return layers, run.predictions(), health


def fma_peak(seconds: float, instruction_set: str | None = None) -> float:
    """GFLOP/s of one core in a loop of independent multiply-adds, measured for so many seconds."""
    return _native.fma_peak(seconds, instruction_set)


def _contiguous(array: NDArray[Any], dtype: type[np.generic]) -> NDArray[Any]:
    """The array itself where it already has the type and layout that the kernels read."""
    return np.require(array, dtype, ["C", "A"])


def _plain(layers: tuple[Layer, ...]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    return [
        (_contiguous(layer.kernel, np.float32), _contiguous(layer.bias, np.float32))
        for layer in layers
    ]


def _matrix(features: NDArray[Any]) -> NDArray[Any]:
    if features.dtype not in (np.uint8, np.float32) or features.ndim != 2:
        raise EngineError(
            "features: must be a matrix of uint8 or float32, but got "
            f"{features.ndim} dimensions of {features.dtype}; convert it first"
        )
    return np.require(features, requirements=["C", "A"])


def _one_line(place: str, error: Exception) -> str:
    return f"{place}: {str(error).splitlines()[0]}"


class _DensityCache:
    """The density of each data matrix, measured once and shared by all runs and threads.

    An entry lives as long as its array. A writable array could have been changed since, so it is
    recognised by a checksum as well; a read-only one is trusted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[int, tuple[weakref.ref[NDArray[Any]], int, float]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, features: NDArray[Any]) -> float:
        """Share of entries that are not zero."""
        key = id(features)
        with self._lock:
            stamp = _native.checksum(features) if features.flags.writeable else 0
            entry = self._entries.get(key)
            if entry is not None and entry[0]() is features and entry[1] == stamp:
                return entry[2]
            density = _native.density(features)
            self._entries[key] = (weakref.ref(features, self._forgetter(key)), stamp, density)
            return density

    def _forgetter(self, key: int) -> Any:
        entries = self._entries

        def forget(reference: weakref.ref[NDArray[Any]]) -> None:
            entry = entries.get(key)
            if entry is not None and entry[0] is reference:
                del entries[key]

        return forget


density_cache = _DensityCache()


def _is_sparse(features: NDArray[Any]) -> bool:
    return density_cache.get(features) <= MAX_SPARSE_DENSITY
