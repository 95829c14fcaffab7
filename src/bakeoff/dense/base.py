"""What every engine is: a function from (settings, arrays, initial weights, batch order) to
(weights, history). Knows nothing of studies, stages and stores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bakeoff.dense.settings import DenseSettings


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Weights of one dense layer: ``output = activation(input @ kernel + bias)``.

    Attributes:
        kernel: shape (fan_in, fan_out), float32, C-contiguous.
        bias: shape (fan_out,), float32.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """The affine map of the features before the first layer: ``(x - shift) * factor``.

    Attributes:
        shift: float32, shape (1,) or (num_features,).
        factor: float32, same shape as ``shift``.
    """

    shift: NDArray[np.float32]
    factor: NDArray[np.float32]

    @property
    def keeps_zeros(self) -> bool:
        """Whether an exact zero stays an exact zero."""
        return not self.shift.any()


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """Everything one run needs, as plain arrays. Engines never write into them.

    Attributes:
        settings: of the candidate.
        features: the shared data matrix, shape (num_examples, num_features), uint8 or float32,
            C-contiguous.
        labels: shape (num_examples,), int32, 0 … num_classes - 1.
        train_rows: rows of the training part, shape (num_train,), int32.
        val_rows: rows of the validation part, shape (num_validation,), int32; may be empty (the
            refit), then the validation history is NaN.
        num_classes: width of the output layer.
        scaling: see ``Scaling``.
        layers: initial weights, float32, one per layer, output layer last.
        order: epoch (0-based) → permutation of 0 … num_train - 1, int32; the example of step
            position p is ``train_rows[order(epoch)[p]]``.
        learning_rates: epoch (0-based) → one float64 learning rate per step of that epoch.
        dropout_key: two 32-bit words, the Philox key of the run's dropout masks.
        targets: in a regression the standardised value of every example, float32, shape
            (num_examples,): the loss is then the mean squared error of the one output.
        weights: how much each example counts in the loss that is minimised, float32, shape
            (num_examples,), or None; as Keras's ``sample_weight``.
        watching_rows: rows whose loss ends the training early (see ``stopping``), int32; None
            where it is not to end early.
    """

    settings: DenseSettings
    features: NDArray[Any]
    labels: NDArray[np.int32]
    train_rows: NDArray[np.int32]
    val_rows: NDArray[np.int32]
    num_classes: int
    scaling: Scaling
    layers: tuple[Layer, ...]
    order: Callable[[int], NDArray[np.int32]]
    learning_rates: Callable[[int], NDArray[np.float64]]
    dropout_key: tuple[int, int]
    targets: NDArray[np.float32] | None = None
    weights: NDArray[np.float32] | None = None
    watching_rows: NDArray[np.int32] | None = None

    @property
    def num_train(self) -> int:
        return len(self.train_rows)


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The training curve of one run: one float64 value per finished epoch, shape (epochs,).

    Losses are the plain softmax cross-entropy in nats, or the mean squared error of the
    standardised target, without L2 penalty, label smoothing and weights, so that candidates that
    differ in those compare. In a regression accuracies are 0. As in Keras, the training values are means over
    the epoch while the weights change and with dropout on; the validation values are measured
    after the epoch with dropout off.
    """

    train_loss: NDArray[np.float64]
    train_accuracy: NDArray[np.float64]
    val_loss: NDArray[np.float64]
    val_accuracy: NDArray[np.float64]

    @property
    def num_epochs(self) -> int:
        return len(self.train_loss)

    def first(self, num_epochs: int) -> History:
        """The curve of the first epochs."""
        return History(
            self.train_loss[:num_epochs],
            self.train_accuracy[:num_epochs],
            self.val_loss[:num_epochs],
            self.val_accuracy[:num_epochs],
        )

    def curves(self) -> dict[str, NDArray[np.float64]]:
        """The four curves by the names that records give them; those that were measured."""
        named = {
            "train_loss": self.train_loss,
            "train_accuracy": self.train_accuracy,
            "val_loss": self.val_loss,
            "val_accuracy": self.val_accuracy,
        }
        return {name: curve for name, curve in named.items() if not np.isnan(curve).all()}


@dataclass(frozen=True, slots=True)
class LayerHealth:
    """What the validation examples see of one hidden layer after training.

    Attributes:
        dead: share of its units whose output is exactly zero for every example (relu only; else 0).
        saturated: share of (unit, example) pairs within 1 % of the range of an end of sigmoid
            (below .01 or above .99) or tanh (beyond ±.98); 0 for other activations.
    """

    dead: float
    saturated: float


@dataclass(frozen=True, slots=True, eq=False)
class TrainedRun:
    """What training gave.

    Attributes:
        layers: final weights, float32 arrays of their own.
        history: finished epochs only; where the training ended early those up to the epoch whose
            weights are kept.
        stopped: None when all epochs were trained; ``diverged`` when a training loss or a weight
            became non-finite (the engine stops there); ``cancelled`` when the watch asked for it.
        val_predictions: predicted class per row of ``val_rows`` after the last epoch, uint16.
        health: one entry per hidden layer, measured on the validation part after the last epoch;
            empty without a validation part.
    """

    layers: tuple[Layer, ...]
    history: History
    stopped: Literal["diverged", "cancelled"] | None
    val_predictions: NDArray[np.uint16]
    health: tuple[LayerHealth, ...]


class Watch:
    """The line between a run and whoever waits for it; safe to use from several threads.

    Attributes:
        cancel_flag: int32, shape (1,). Engines read it between steps and stop when it is not 0.
        on_epoch: called after every epoch with (epoch, train_loss, train_accuracy, val_loss,
            val_accuracy); must return quickly and not raise.
    """

    __slots__ = ("cancel_flag", "on_epoch")

    def __init__(
        self,
        on_epoch: Callable[[int, float, float, float, float], None] | None = None,
        cancel_flag: NDArray[np.int32] | None = None,
    ) -> None:
        self.cancel_flag = np.zeros(1, np.int32) if cancel_flag is None else cancel_flag
        self.on_epoch = on_epoch

    def cancel(self) -> None:
        """Asks every run that shares the flag to stop at its next step."""
        self.cancel_flag[0] = 1

    @property
    def cancelled(self) -> bool:
        return bool(self.cancel_flag[0])


class Engine(Protocol):
    """Trains dense networks. Two implementations: reference (NumPy, float64) and native (C++)."""

    @property
    def name(self) -> str:
        """Engine, numeric version and instruction set, such as ``native/2/avx512``.

        Two engines of the same name give the same bits for the same job.
        """
        ...

    def refuses(self, settings: DenseSettings) -> str | None:
        """Why the engine cannot train these settings, or None if it can."""
        ...

    def train(self, job: Job, watch: Watch) -> TrainedRun:
        """Trains one run on the calling thread; the native engine releases the GIL."""
        ...

    def logits(
        self,
        settings: DenseSettings,
        layers: tuple[Layer, ...],
        scaling: Scaling,
        features: NDArray[Any],
        rows: NDArray[np.int32] | None = None,
    ) -> NDArray[np.float32]:
        """Outputs before the softmax, shape (len(rows), num_classes), dropout off.

        Args:
            features: shape (num_examples, num_features), uint8 or float32.
            rows: which examples, in order; None for all.
        """
        ...


def model_arrays(layers: tuple[Layer, ...], scaling: Scaling) -> dict[str, NDArray[Any]]:
    """A trained network as named arrays: what the store keeps and a worker sends."""
    named: dict[str, NDArray[Any]] = {}
    for number, layer in enumerate(layers):
        named[f"layers/{number}/kernel"] = layer.kernel
        named[f"layers/{number}/bias"] = layer.bias
    return {**named, "scaling/shift": scaling.shift, "scaling/factor": scaling.factor}


def is_network(model: Mapping[str, NDArray[Any]]) -> bool:
    """Whether named arrays are those of ``model_arrays``, and not of another kind of model."""
    return "scaling/shift" in model


def layers_of(model: Mapping[str, NDArray[Any]]) -> tuple[Layer, ...]:
    """The layers of ``model_arrays``, from input to output."""
    number = sum(name.endswith("/kernel") for name in model)
    return tuple(
        Layer(model[f"layers/{one}/kernel"], model[f"layers/{one}/bias"]) for one in range(number)
    )


def scaling_of(model: Mapping[str, NDArray[Any]]) -> Scaling:
    """The scaling of ``model_arrays``."""
    return Scaling(model["scaling/shift"], model["scaling/factor"])


def steps_per_epoch(num_train: int, batch_size: int) -> int:
    """Batches of one epoch, the last, smaller one included."""
    return -(-num_train // batch_size)
