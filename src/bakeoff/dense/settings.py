"""What can be set of a dense network: every hyperparameter, its default and its rule.

Names, defaults and formulas are those of Keras 3 (https://keras.io/api/), because users check
against Keras. This module knows nothing of data, engines or studies.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bakeoff.settings import Settings
from bakeoff.spec.space import Space

Scale = Literal["none", "unit", "standard"]
Activation = Literal[
    "linear",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "softplus",
]
KernelInitializer = Literal[
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "random_uniform",
    "random_normal",
]
Optimizer = Literal["sgd", "adam", "adamw", "rmsprop"]
Schedule = Literal["constant", "cosine", "exponential"]

ACTIVATIONS: tuple[str, ...] = get_args(Activation)
KERNEL_INITIALIZERS: tuple[str, ...] = get_args(KernelInitializer)
OPTIMIZERS: tuple[str, ...] = get_args(Optimizer)
SCHEDULES: tuple[str, ...] = get_args(Schedule)

# keras.optimizers.SGD has 0.01; Adam, AdamW and RMSprop have 0.001.
DEFAULT_LEARNING_RATE: dict[str, float] = {
    "sgd": 0.01,
    "adam": 0.001,
    "adamw": 0.001,
    "rmsprop": 0.001,
}

# The constants of Keras's optimizers that are not settings (keras.optimizers.Adam and RMSprop).
ADAM_BETA_1 = 0.9
ADAM_BETA_2 = 0.999
RMSPROP_RHO = 0.9
OPTIMIZER_EPSILON = 1e-7

MAX_WIDTH = 65_536
MAX_DEPTH = 64


def _as_tuple(value: object) -> object:
    """TOML and JSON give lists where the frozen record holds a tuple."""
    return tuple(value) if isinstance(value, list) else value


Width = Annotated[int, Field(ge=1, le=MAX_WIDTH)]
Hidden = Annotated[tuple[Width, ...], Field(max_length=MAX_DEPTH), BeforeValidator(_as_tuple)]


class DenseSettings(BaseModel):
    """One full, frozen choice of the hyperparameters of a dense network, typed for its code.

    Attributes:
        scale: what happens to the features before the first layer: nothing, division of each by
            its largest absolute value in the training part (bytes by 255, other pixels by one
            number), or mean and standard deviation of the training part.
        hidden: widths of the hidden layers, from input to output; may be empty.
        activation: of every hidden layer (``keras.activations``); gelu is the exact one (erf).
        negative_slope: of leaky_relu (``keras.activations.leaky_relu`` has 0.2).
        kernel_initializer: of every layer's kernel (``keras.initializers``); biases start at 0.
        dropout: rate at which the output of each hidden layer is dropped (inverted dropout).
        l2: ``keras.regularizers.L2`` factor on every kernel: adds ``l2 · sum(w²)`` to the loss.
        optimizer: sgd, adam, adamw or rmsprop.
        momentum: of sgd.
        nesterov: whether sgd's momentum is Nesterov's.
        weight_decay: of adamw, applied to kernels and biases as Keras does.
        learning_rate: peak learning rate; left out, Keras's default for the optimizer.
        schedule: constant, cosine to zero, or exponential, over all steps of the run after the
            warm-up.
        decay_rate: exponential only: the factor reached at the end of the run.
        warmup_epochs: epochs of linear warm-up from zero; fractions allowed.
        batch_size: examples per step; the last, smaller batch of an epoch is trained on.
        epochs: passes over the training part; the most where ``patience`` ends it before.
        patience: 0 trains all epochs. Otherwise a tenth of the training part watches instead of
            training: after so many epochs without a lower loss on it the training ends, and the
            weights of the epoch with the lowest one are kept (``keras.callbacks.EarlyStopping``
            with ``restore_best_weights``).
        label_smoothing: of ``keras.losses.CategoricalCrossentropy``.
        class_weight: none, or balanced: each example counts n / (K · n_c) in the loss, as in
            ``sklearn.utils.class_weight``, over the training part.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    scale: Scale = "none"
    hidden: Hidden = (32,)
    activation: Activation = "relu"
    negative_slope: Annotated[float, Field(ge=0.0, le=1.0)] = 0.2
    kernel_initializer: KernelInitializer = "glorot_uniform"
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    l2: Annotated[float, Field(ge=0.0, le=1e6)] = 0.0
    optimizer: Optimizer = "sgd"
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    nesterov: bool = False
    weight_decay: Annotated[float, Field(ge=0.0, le=1e6)] = 0.004
    learning_rate: Annotated[float, Field(gt=0.0, le=1e6)] = 0.01
    schedule: Schedule = "constant"
    decay_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    warmup_epochs: Annotated[float, Field(ge=0.0, le=1e6)] = 0.0
    batch_size: Annotated[int, Field(ge=1, le=1_000_000_000)] = 32
    epochs: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    patience: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    class_weight: Literal["none", "balanced"] = "none"

    @model_validator(mode="before")
    @classmethod
    def _default_learning_rate(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and "learning_rate" not in values:
            optimizer = values.get("optimizer", "sgd")
            if isinstance(optimizer, str) and optimizer in DEFAULT_LEARNING_RATE:
                return {**values, "learning_rate": DEFAULT_LEARNING_RATE[optimizer]}
        return values

    @model_validator(mode="after")
    def _warm_up_fits(self) -> DenseSettings:
        if self.warmup_epochs > self.epochs:
            raise ValueError(
                f"`warmup_epochs <= epochs` must hold, but got {self.warmup_epochs:g} > {self.epochs}"
            )
        return self

    @classmethod
    def of(cls, settings: Settings) -> DenseSettings:
        """The typed view of settings that ``DENSE_SPACE`` made; they are not checked again."""
        return cls.model_construct(**settings)

    def layer_sizes(self, num_features: int, num_classes: int) -> tuple[int, ...]:
        """Widths from the input to the output, both included."""
        return (num_features, *self.hidden, num_classes)

    def num_parameters(self, num_features: int, num_classes: int) -> int:
        """Kernels and biases, as ``keras.Model.count_params`` counts them."""
        sizes = self.layer_sizes(num_features, num_classes)
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in itertools.pairwise(sizes))

    def operations_per_epoch(self, num_features: int, num_classes: int, num_train: int) -> int:
        """Multiplications and additions of one epoch, counted densely.

        Two per weight and example for the forward pass, two for the kernel's gradient, two for
        the gradient of the layer's input; the first layer needs no gradient of its input.
        """
        sizes = self.layer_sizes(num_features, num_classes)
        weights = [fan_in * fan_out for fan_in, fan_out in itertools.pairwise(sizes)]
        return num_train * (6 * sum(weights) - 2 * weights[0])


def _inert(values: Mapping[str, Any]) -> frozenset[str]:
    """What has no effect: ``momentum`` under adam, ``negative_slope`` under relu, and so on."""
    inert: set[str] = set()
    if not values["hidden"]:
        inert |= {"activation", "dropout"}
    if values["activation"] != "leaky_relu" or not values["hidden"]:
        inert.add("negative_slope")
    if values["optimizer"] != "sgd":
        inert |= {"momentum", "nesterov"}
    elif values["momentum"] == 0.0:
        inert.add("nesterov")
    if values["optimizer"] != "adamw":
        inert.add("weight_decay")
    if values["schedule"] != "exponential":
        inert.add("decay_rate")
    # Settings that were not always there: runs made before have their keys.
    if values["class_weight"] == "none":
        inert.add("class_weight")
    if values["patience"] == 0:
        inert.add("patience")
    return frozenset(inert)


DENSE_SPACE = Space(
    DenseSettings,
    inert=_inert,
    # Whose best learning rate differs so much between values that comparing them at one says
    # little of them (Google's Tuning Playbook, "nuisance hyperparameters").
    retune=dict.fromkeys(
        (
            "activation",
            "batch_size",
            "kernel_initializer",
            "momentum",
            "nesterov",
            "optimizer",
            "scale",
            "schedule",
        ),
        "learning_rate",
    ),
    switches=frozenset(
        {"hidden", "activation", "optimizer", "momentum", "schedule", "class_weight", "patience"}
    ),
    coupled=("warmup_epochs", "epochs"),
)
