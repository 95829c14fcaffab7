"""The reference engine: NumPy, float64, never clever.

The oracle of the tests and the fallback where there is no compiled kernel. It must not know how
the native engine works, only what both have to compute: the equations are in
``bakeoff.dense.network``, here is what surrounds them, the loop over epochs and steps.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from bakeoff.dense.base import (
    History,
    Job,
    Layer,
    LayerHealth,
    Scaling,
    TrainedRun,
    Watch,
    steps_per_epoch,
)
from bakeoff.dense.network import Floats, Network
from bakeoff.dense.settings import Activation, DenseSettings
from bakeoff.dense.stopping import EarlyStop, loss_of

# Examples per matrix product where nothing is trained: bounds the memory.
EVALUATION_ROWS = 4096

# Within 1 % of the range of an end: sigmoid runs from 0 to 1, tanh from -1 to 1.
SATURATED_MARGIN = {"sigmoid": 0.49, "tanh": 0.98}
MIDDLE = {"sigmoid": 0.5, "tanh": 0.0}

Stopped = Literal["diverged", "cancelled"] | None


class ReferenceEngine:
    """Trains any ``DenseSettings`` in float64; results are handed out in float32.

    A run counts as diverged when a training loss is not finite or, at the end of an epoch, a
    weight is not a finite float32. A stopped run has no validation predictions and no health.
    """

    @property
    def name(self) -> str:
        """Engine, numeric version and arithmetic."""
        return "reference/1/float64"

    def refuses(self, settings: DenseSettings) -> str | None:  # noqa: ARG002  (it can do all of them)
        """None: the reference covers every setting."""
        return None

    def train(self, job: Job, watch: Watch) -> TrainedRun:
        """Trains one run on the calling thread; see ``Engine.train``."""
        network, history, stopped = _train(job, watch)
        if stopped is not None or len(job.val_rows) == 0:
            predictions = np.zeros(0, np.uint16)
            health: tuple[LayerHealth, ...] = ()
        else:
            predictions = _predictions(job, network)
            health = _health(job, network)
        return TrainedRun(network.layers(), history, stopped, predictions, health)

    def weights(self, job: Job) -> list[tuple[Floats, Floats]]:
        """(kernel, bias) of every layer after training, in float64 as they were computed."""
        return _train(job, Watch())[0].weights()

    def logits(
        self,
        settings: DenseSettings,
        layers: tuple[Layer, ...],
        scaling: Scaling,
        features: NDArray[Any],
        rows: NDArray[np.int32] | None = None,
    ) -> NDArray[np.float32]:
        """Outputs before the softmax; see ``Engine.logits``."""
        network = Network(settings, layers)
        chosen = np.arange(len(features), dtype=np.int32) if rows is None else rows
        outputs = np.empty((len(chosen), len(layers[-1].bias)), np.float32)
        for start in range(0, len(chosen), EVALUATION_ROWS):
            x = scaled(features, chosen[start : start + EVALUATION_ROWS], scaling)
            outputs[start : start + len(x)] = network.logits(network.hidden_outputs(x)[-1])
        return outputs


def scaled(features: NDArray[Any], rows: NDArray[np.int32], scaling: Scaling) -> Floats:
    """The examples as the first layer sees them, float64, shape (len(rows), num_features)."""
    shift, factor = scaling.shift.astype(np.float64), scaling.factor.astype(np.float64)
    return np.asarray((features[rows].astype(np.float64) - shift) * factor)


def _train(job: Job, watch: Watch) -> tuple[Network, History, Stopped]:
    network = Network(job.settings, job.layers)
    rows: list[tuple[float, float, float, float]] = []
    early = EarlyStop(job.settings.patience)
    for epoch in range(job.settings.epochs):
        # Divergence is an outcome to report, not a warning: the checks below see it.
        with np.errstate(all="ignore"):
            train, stopped = _train_epoch(job, watch, network, epoch)
            if stopped is None and not network.is_finite():
                stopped = "diverged"
            if stopped is not None:
                return network, _history(rows), stopped
            val = _evaluate(job, network)
        rows.append((*train, *val))
        if watch.on_epoch is not None:
            watch.on_epoch(epoch, *train, *val)
        if job.watching_rows is not None and early.ends(_watched(job, network), network.weights()):
            break
    if job.watching_rows is None:
        return network, _history(rows), None
    network.set_weights(early.best)
    return network, _history(rows).first(early.num_epochs), None


def _watched(job: Job, network: Network) -> float:
    """The loss of the examples that watch."""
    assert job.watching_rows is not None  # noqa: S101  (asked only where some watch)
    parts = [
        network.logits(network.hidden_outputs(scaled(job.features, rows, job.scaling))[-1])
        for rows in _batches(job.watching_rows)
    ]
    return loss_of(np.concatenate(parts), job.watching_rows, job.labels, job.targets)


def _train_epoch(
    job: Job, watch: Watch, network: Network, epoch: int
) -> tuple[tuple[float, float], Stopped]:
    """One pass over the training part; (mean loss, accuracy) and why it stopped."""
    batch_size = job.settings.batch_size
    num_steps = steps_per_epoch(job.num_train, batch_size)
    order, rates = job.order(epoch), job.learning_rates(epoch)
    total_loss, total_right = 0.0, 0
    for index in range(num_steps):
        if watch.cancelled:
            return (np.nan, np.nan), "cancelled"
        batch = job.train_rows[order[index * batch_size : (index + 1) * batch_size]]
        loss, num_right = network.train_step(
            scaled(job.features, batch, job.scaling),
            job.labels[batch],
            float(rates[index]),
            epoch * num_steps + index,
            job.dropout_key,
            targets=None if job.targets is None else job.targets[batch],
            weights=None if job.weights is None else job.weights[batch],
        )
        if not np.isfinite(loss):
            return (np.nan, np.nan), "diverged"
        total_loss += loss
        total_right += num_right
    return (total_loss / job.num_train, total_right / job.num_train), None


def _batches(rows: NDArray[np.int32]) -> list[NDArray[np.int32]]:
    return [rows[start : start + EVALUATION_ROWS] for start in range(0, len(rows), EVALUATION_ROWS)]


def _evaluate(job: Job, network: Network) -> tuple[float, float]:
    """(mean loss, accuracy) on the validation part, dropout off; NaN without one."""
    if len(job.val_rows) == 0:
        return np.nan, np.nan
    total_loss, total_right = 0.0, 0
    for rows in _batches(job.val_rows):
        labels = job.labels[rows]
        x = scaled(job.features, rows, job.scaling)
        logits = network.logits(network.hidden_outputs(x)[-1])
        if job.targets is not None:
            total_loss += float(np.square(logits[:, 0] - job.targets[rows]).sum())
            continue
        total_loss -= float(log_softmax(logits, axis=1)[np.arange(len(rows)), labels].sum())
        total_right += int((logits.argmax(axis=1) == labels).sum())
    return total_loss / len(job.val_rows), total_right / len(job.val_rows)


def _predictions(job: Job, network: Network) -> NDArray[np.uint16]:
    parts = []
    for rows in _batches(job.val_rows):
        x = scaled(job.features, rows, job.scaling)
        parts.append(network.logits(network.hidden_outputs(x)[-1]).argmax(axis=1))
    return np.concatenate(parts).astype(np.uint16)


def _health(job: Job, network: Network) -> tuple[LayerHealth, ...]:
    activation: Activation = job.settings.activation
    num_hidden = len(job.settings.hidden)
    alive = [np.zeros(width, bool) for width in job.settings.hidden]
    num_saturated = np.zeros(num_hidden)
    for rows in _batches(job.val_rows):
        x = scaled(job.features, rows, job.scaling)
        for index, output in enumerate(network.hidden_outputs(x)[1:]):
            alive[index] |= (output != 0.0).any(axis=0)
            if activation in SATURATED_MARGIN:
                distance = np.abs(output - MIDDLE[activation])
                num_saturated[index] += (distance > SATURATED_MARGIN[activation]).sum()
    return tuple(
        LayerHealth(
            dead=float(1.0 - alive[index].mean()) if activation == "relu" else 0.0,
            saturated=float(num_saturated[index] / (len(job.val_rows) * width)),
        )
        for index, width in enumerate(job.settings.hidden)
    )


def _history(rows: list[tuple[float, float, float, float]]) -> History:
    columns = np.array(rows, np.float64).reshape(-1, 4).T
    return History(*(np.ascontiguousarray(column) for column in columns))
