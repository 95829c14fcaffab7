"""A dense network in float64: the equations as one reads them, one batch at a time.

Forward, loss, backward and update of the reference engine; knows nothing of epochs, watches and
histories. Formulas are Keras 3's (https://keras.io/api/), with the slope of relu, leaky_relu and
selu at exactly zero taken from the left, as TensorFlow and PyTorch do for the first two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, expit, log_softmax

from bakeoff.dense.base import Layer
from bakeoff.dense.settings import (
    ADAM_BETA_1,
    ADAM_BETA_2,
    OPTIMIZER_EPSILON,
    RMSPROP_RHO,
    DenseSettings,
)

Floats = NDArray[np.float64]

# Klambauer et al. 2017, "Self-normalizing neural networks", as keras.activations.selu has them.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805

# The multipliers and the Weyl constants of Philox4x32 (Salmon et al. 2011, table 2 and section 4).
MULTIPLIER_0 = 0xD2511F53
MULTIPLIER_1 = 0xCD9E8D57
WEYL_0 = 0x9E3779B9
WEYL_1 = 0xBB67AE85
NUM_ROUNDS = 10

_LOW_32 = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def activate(settings: DenseSettings, z: Floats) -> Floats:
    """Output of a hidden layer for its weighted sums ``z``, any shape."""
    match settings.activation:
        case "linear":
            return z
        case "sigmoid":
            return np.asarray(expit(z))
        case "tanh":
            return np.tanh(z)
        case "relu":
            return np.where(z > 0, z, 0.0)
        case "leaky_relu":
            return np.where(z > 0, z, settings.negative_slope * z)
        case "elu":
            return np.where(z > 0, z, np.expm1(np.minimum(z, 0.0)))
        case "selu":
            negative = SELU_ALPHA * np.expm1(np.minimum(z, 0.0))
            return SELU_SCALE * np.where(z > 0, z, negative)
        case "gelu":
            return z * normal_distribution(z)
        case "silu":
            return np.asarray(z * expit(z))
        case "softplus":
            return np.logaddexp(0.0, z)


def slope(settings: DenseSettings, z: Floats) -> Floats:
    """Derivative of ``activate`` at ``z``."""
    match settings.activation:
        case "linear":
            return np.ones_like(z)
        case "sigmoid":
            return np.asarray(expit(z) * expit(-z))
        case "tanh":
            return 1.0 - np.tanh(z) ** 2
        case "relu":
            return np.where(z > 0, 1.0, 0.0)
        case "leaky_relu":
            return np.where(z > 0, 1.0, settings.negative_slope)
        case "elu":
            return np.where(z > 0, 1.0, np.exp(np.minimum(z, 0.0)))
        case "selu":
            negative = SELU_ALPHA * np.exp(np.minimum(z, 0.0))
            return SELU_SCALE * np.where(z > 0, 1.0, negative)
        case "gelu":
            density = np.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi)
            return normal_distribution(z) + z * density
        case "silu":
            return np.asarray(expit(z) * (1.0 + z * expit(-z)))
        case "softplus":
            return np.asarray(expit(z))


def normal_distribution(z: Floats) -> Floats:
    """Distribution function of the standard normal."""
    return np.asarray(0.5 * (1.0 + erf(z / math.sqrt(2.0))))


@dataclass
class Weight:
    """One kernel or bias while it is trained: its value and the optimizer's memory of it.

    Attributes:
        value: shape (fan_in, fan_out) or (fan_out,), float64.
        first: momentum of sgd, or Adam's mean of the gradient.
        second: Adam's or RMSprop's mean of the squared gradient.
    """

    value: Floats
    first: Floats = field(init=False)
    second: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.first = np.zeros_like(self.value)
        self.second = np.zeros_like(self.value)


def update(
    settings: DenseSettings, weight: Weight, gradient: Floats, rate: float, step: int
) -> None:
    """One step of the optimizer, by the formulas of ``keras.optimizers``.

    Args:
        settings: of the candidate.
        weight: changed in place.
        gradient: of the loss with its L2 penalty; same shape as the weight.
        rate: learning rate of this step.
        step: 0-based over the whole run.
    """
    match settings.optimizer:
        case "sgd":
            if settings.momentum == 0.0:
                weight.value -= rate * gradient
                return
            weight.first = settings.momentum * weight.first - rate * gradient
            if settings.nesterov:
                weight.value += settings.momentum * weight.first - rate * gradient
            else:
                weight.value += weight.first
        case "adam" | "adamw":
            if settings.optimizer == "adamw":
                weight.value -= weight.value * settings.weight_decay * rate
            weight.first += (gradient - weight.first) * (1.0 - ADAM_BETA_1)
            weight.second += (gradient**2 - weight.second) * (1.0 - ADAM_BETA_2)
            unbiased = math.sqrt(1.0 - ADAM_BETA_2 ** (step + 1)) / (
                1.0 - ADAM_BETA_1 ** (step + 1)
            )
            weight.value -= (
                rate * unbiased * weight.first / (np.sqrt(weight.second) + OPTIMIZER_EPSILON)
            )
        case "rmsprop":
            weight.second = RMSPROP_RHO * weight.second + (1.0 - RMSPROP_RHO) * gradient**2
            weight.value -= rate * gradient / np.sqrt(weight.second + OPTIMIZER_EPSILON)


class Network:
    """A dense network in float64 that can be trained, one batch at a time."""

    def __init__(self, settings: DenseSettings, layers: tuple[Layer, ...]) -> None:
        self.settings = settings
        self.kernels = [Weight(layer.kernel.astype(np.float64)) for layer in layers]
        self.biases = [Weight(layer.bias.astype(np.float64)) for layer in layers]

    def hidden_outputs(self, x: Floats) -> list[Floats]:
        """``x`` and the outputs of every hidden layer, dropout off."""
        outputs = [x]
        for kernel, bias in zip(self.kernels[:-1], self.biases[:-1], strict=True):
            outputs.append(activate(self.settings, outputs[-1] @ kernel.value + bias.value))
        return outputs

    def logits(self, last_hidden: Floats) -> Floats:
        """Outputs before the softmax, from the last hidden layer's outputs."""
        return last_hidden @ self.kernels[-1].value + self.biases[-1].value

    def train_step(
        self,
        x: Floats,
        labels: NDArray[np.int32],
        rate: float,
        step: int,
        key: tuple[int, int],
        *,
        targets: NDArray[np.float32] | None = None,
        weights: NDArray[np.float32] | None = None,
    ) -> tuple[float, int]:
        """Forward, backward, update.

        Args:
            x: scaled features of the batch, shape (num_rows, num_features).
            labels: shape (num_rows,).
            rate: learning rate.
            step: 0-based over the whole run.
            key: of the dropout masks.
            targets: in a regression the values of the batch, shape (num_rows,).
            weights: how much each example counts, shape (num_rows,).

        Returns:
            summed plain cross-entropy or squared error before the update, and how many were right.
        """
        settings = self.settings
        num_hidden = len(self.kernels) - 1
        inputs, sums, keeps = [x], [], []
        for layer in range(num_hidden):
            z = inputs[-1] @ self.kernels[layer].value + self.biases[layer].value
            keep: Floats = np.ones_like(z)
            if settings.dropout > 0.0:
                mask = keep_mask(
                    key,
                    step=step,
                    layer=layer,
                    num_rows=z.shape[0],
                    width=z.shape[1],
                    rate=settings.dropout,
                )
                keep = mask / (1.0 - settings.dropout)
            inputs.append(activate(settings, z) * keep)
            sums.append(z)
            keeps.append(keep)
        logits = self.logits(inputs[-1])

        if targets is None:
            loss, num_right, delta = self._cross_entropy(logits, labels)
        else:
            error = logits[:, 0] - targets
            loss, num_right, delta = float(np.square(error).sum()), 0, 2.0 * error[:, None]
        delta = delta / len(labels)
        if weights is not None:
            delta = delta * weights[:, None].astype(np.float64)
        gradients = []
        for layer in range(num_hidden, -1, -1):
            kernel = self.kernels[layer].value
            gradient = inputs[layer].T @ delta + 2.0 * settings.l2 * kernel
            gradients.append((layer, gradient, delta.sum(axis=0)))
            if layer > 0:
                delta = (delta @ kernel.T) * keeps[layer - 1] * slope(settings, sums[layer - 1])
        for layer, kernel_gradient, bias_gradient in gradients:
            update(settings, self.kernels[layer], kernel_gradient, rate, step)
            update(settings, self.biases[layer], bias_gradient, rate, step)
        return loss, num_right

    def _cross_entropy(
        self, logits: Floats, labels: NDArray[np.int32]
    ) -> tuple[float, int, Floats]:
        """Sum of the losses, how many are right, and the loss of each by its logits."""
        log_probabilities = log_softmax(logits, axis=1)
        loss = -float(log_probabilities[np.arange(len(labels)), labels].sum())
        num_right = int((logits.argmax(axis=1) == labels).sum())
        one_hot = np.eye(logits.shape[1])[labels]
        smoothing = self.settings.label_smoothing
        target = one_hot * (1.0 - smoothing) + smoothing / logits.shape[1]
        return loss, num_right, np.exp(log_probabilities) - target

    def weights(self) -> list[tuple[Floats, Floats]]:
        """(kernel, bias) of every layer, float64, output layer last."""
        pairs = zip(self.kernels, self.biases, strict=True)
        return [(kernel.value.copy(), bias.value.copy()) for kernel, bias in pairs]

    def set_weights(self, weights: list[tuple[Floats, Floats]]) -> None:
        """Takes back what ``weights`` gave."""
        for kernel, bias, (of_kernel, of_bias) in zip(
            self.kernels, self.biases, weights, strict=True
        ):
            kernel.value, bias.value = of_kernel, of_bias

    def layers(self) -> tuple[Layer, ...]:
        """The weights in float32; values beyond its range become infinite."""
        with np.errstate(over="ignore"):
            return tuple(
                Layer(kernel.astype(np.float32), bias.astype(np.float32))
                for kernel, bias in self.weights()
            )

    def is_finite(self) -> bool:
        """Whether every weight is a finite float32."""
        return all(
            np.isfinite(layer.kernel).all() and np.isfinite(layer.bias).all()
            for layer in self.layers()
        )


def philox4x32(counter: NDArray[np.uint32], key: tuple[int, int]) -> NDArray[np.uint32]:
    """Philox4x32 with ten rounds.

    Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).

    Args:
        counter: shape (num_blocks, 4), uint32.
        key: two 32-bit words.

    Returns:
        shape (num_blocks, 4), uint32.
    """
    # Products of two 32-bit words need 64 bits; everything is held in those.
    c0, c1, c2, c3 = (counter[:, word].astype(np.uint64) for word in range(4))
    k0, k1 = key
    for _ in range(NUM_ROUNDS):
        product_0 = c0 * np.uint64(MULTIPLIER_0)
        product_1 = c2 * np.uint64(MULTIPLIER_1)
        c0, c1, c2, c3 = (
            (product_1 >> _32) ^ c1 ^ np.uint64(k0),
            product_1 & _LOW_32,
            (product_0 >> _32) ^ c3 ^ np.uint64(k1),
            product_0 & _LOW_32,
        )
        k0 = (k0 + WEYL_0) & 0xFFFFFFFF
        k1 = (k1 + WEYL_1) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)


def keep_mask(
    key: tuple[int, int], *, step: int, layer: int, num_rows: int, width: int, rate: float
) -> NDArray[np.bool_]:
    """Which outputs of a hidden layer are kept in one training step.

    The masks are a pure function of the run's key and of the place, so that no engine has to agree
    with another on the order in which it draws. With the key (k0, k1)::

        counter = (block, layer, step mod 2^32, step div 2^32)
        element = row in the batch · width + unit;  block = element div 4;  lane = element mod 4
        kept    ⇔ word[lane] ≥ floor(rate · 2^32)

    Kept outputs are to be multiplied by ``1 / (1 - rate)`` (inverted dropout, as
    ``keras.layers.Dropout``).

    Args:
        key: of the run, see ``bakeoff.streams.dropout_key``.
        step: 0-based training step over the whole run.
        layer: 0-based hidden layer.
        num_rows: examples in the batch.
        width: units of the layer.
        rate: share that is dropped, in [0, 1).

    Returns:
        shape (num_rows, width), True where the output is kept.
    """
    num_elements = num_rows * width
    counter = np.empty((-(-num_elements // 4), 4), np.uint32)
    counter[:, 0] = np.arange(len(counter), dtype=np.uint32)
    counter[:, 1] = layer
    counter[:, 2] = step & 0xFFFFFFFF
    counter[:, 3] = step >> 32
    words = philox4x32(counter, key).reshape(-1)[:num_elements]
    threshold = math.floor(rate * 2.0**32)
    return (words >= threshold).reshape(num_rows, width)
