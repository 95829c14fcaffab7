"""From the layers, the optimizer and the call of ``fit`` to the settings of a dense network."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from bakeoff import words
from bakeoff.dense.settings import ACTIVATIONS, DENSE_SPACE, KERNEL_INITIALIZERS, OPTIMIZERS
from bakeoff.notebook.values import Data, Dotted, Part, Training

_WITHOUT_EFFECT = frozenset({"Flatten", "Input", "InputLayer", "Reshape"})
_ADVANCED = {"LeakyReLU": "leaky_relu", "ELU": "elu", "ReLU": "relu", "Softmax": "softmax"}
_OPTIMIZERS = {"SGD": "sgd", "Adam": "adam", "AdamW": "adamw", "RMSprop": "rmsprop"}
_SPELLINGS = {"swish": "silu", "leakyrelu": "leaky_relu", "none": "linear"}

_READ = {
    "Dense": {"units", "activation", "kernel_initializer", "kernel_regularizer"},
    "Dropout": {"rate", "seed", "noise_shape"},
    "LeakyReLU": {"negative_slope", "alpha"},
    "Activation": {"activation"},
    "L2": {"l2", "l"},
    "l2": {"l2", "l"},
    "EarlyStopping": {
        "monitor",
        "min_delta",
        "patience",
        "verbose",
        "restore_best_weights",
        "mode",
    },
    "fit": {"x", "y", "batch_size", "epochs", "nb_epoch", "callbacks", "verbose"}
    | {"validation_split", "validation_data", "validation_batch_size", "validation_freq"}
    | {"validation_steps", "workers", "use_multiprocessing", "max_queue_size"},
}
"""Arguments of Keras that are read, or change nothing."""
_DEFAULTS = {
    "use_bias": True,
    "bias_initializer": "zeros",
    "trainable": True,
    "shuffle": True,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "rho": 0.9,
    "momentum": 0.0,
    "epsilon": 1e-7,
    "amsgrad": False,
    "centered": False,
    "nesterov": False,
    "decay": 0.0,
    "initial_epoch": 0,
    "input_shape": ...,
    "input_dim": ...,
    "name": ...,
    "dtype": ...,
    "seed": ...,
    "from_logits": ...,
    "axis": ...,
}
"""Arguments that say nothing where they are these, or (``...``) whatever they are."""


@dataclass
class Reading:
    """Settings of one training while they are read, and what of it has no place in them."""

    settings: dict[str, Any] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    is_dense: bool = True
    rescaling: Any = None


def read_network(training: Training) -> Reading:
    """The settings of one training."""
    reading = Reading()
    _layers(training.layers, reading)
    _optimizer(training.optimizer, reading)
    _fit(training, reading)
    if isinstance(training.loss, Part):
        smoothing = training.loss.get(None, "label_smoothing")
        if isinstance(smoothing, float) and 0.0 < smoothing < 1.0:
            reading.settings["label_smoothing"] = smoothing
        _unread(training.loss, {"label_smoothing"}, reading)
    if training.loss is not None and "crossentropy" not in _name(training.loss).lower():
        reading.left.append(f"its loss {_name(training.loss)} is no cross-entropy")
        reading.is_dense = False
    if reading.is_dense:
        try:
            DENSE_SPACE.complete(reading.settings)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "settings"
            reading.left.append(f"its {place} is {str(first['input'])[:40]}: {first['msg']}")
            reading.is_dense = False
    return reading


def _unread(part: Any, read: Set[str], reading: Reading) -> None:
    """Says which arguments of a layer, an optimizer or a call have no place in the settings."""
    if not isinstance(part, Part):
        return
    for name, value in part.options.items():
        usual = _DEFAULTS.get(name)
        if name not in read and usual is not ... and value is not None and value != usual:
            reading.left.append(f"{name} of its {part.name} has no place in a dense network here")


def _layers(layers: Sequence[Part], reading: Reading) -> None:
    widths: list[int] = []
    activations: list[tuple[str, float | None]] = []
    rates: list[float] = []
    initializers, factors = set(), set()
    for layer in layers:
        _unread(layer, _READ.get(layer.name, set()), reading)
        if layer.name == "Rescaling":
            reading.rescaling = layer.get(0, "scale")
        elif layer.name == "Dense":
            units = layer.get(0, "units")
            if not isinstance(units, int) or isinstance(units, bool) or units < 1:
                reading.left.append("a layer whose width only a run can tell")
                reading.is_dense = False
                return
            widths.append(units)
            activations.append(_activation(layer.get(1, "activation")))
            initializer = layer.get(None, "kernel_initializer", default="glorot_uniform")
            initializers.add(_name(initializer))
            _unread(initializer, set(), reading)
            regularizer = layer.get(None, "kernel_regularizer")
            factors.add(_factor(regularizer))
            _unread(regularizer, _READ["L2"], reading)
            if regularizer is not None and _name(regularizer).lower() != "l2":
                reading.left.append(f"its regularizer {_name(regularizer)}")
        elif layer.name in ("Activation", *_ADVANCED) and widths:
            given = layer.get(0, "activation") if layer.name == "Activation" else layer
            activations[-1] = _activation(given)
        elif layer.name == "Dropout":
            rates.append(layer.get(0, "rate", default=0.0) if widths else -1.0)
        elif layer.name not in _WITHOUT_EFFECT:
            reading.left.append(
                f"its layer {layer.name} has no place in a dense network; bring the model with "
                "`[model] keras = …`"
            )
            reading.is_dense = False
            return
    if not widths:
        reading.left.append("it has no dense layer that can be followed")
        reading.is_dense = False
        return
    reading.settings["hidden"] = widths[:-1]
    if activations[-1][0] not in ("softmax", "linear"):
        reading.left.append(f"its output layer is {activations[-1][0]}; here it is softmax")
    _of_hidden(activations[:-1], reading)
    _same("kernel_initializer", _snake(initializers), KERNEL_INITIALIZERS, reading)
    if len(factors) == 1 and (factor := factors.pop()):
        reading.settings["l2"] = factor
    elif len(factors) > 1:
        reading.left.append("a regularizer on some of its layers only: none is taken")
    if rates and len(rates) == len(widths) - 1 and len(set(rates)) == 1 and rates[0] >= 0.0:
        reading.settings["dropout"] = float(rates[0])
    elif any(rates):
        reading.left.append("dropout that is not the same after every hidden layer: none is taken")


def _of_hidden(activations: Sequence[tuple[str, float | None]], reading: Reading) -> None:
    names = dict.fromkeys(name for name, _ in activations)
    if len(names) > 1:
        reading.left.append(f"activations {words.listing(list(names))}: the first is taken")
    for name in list(names)[:1]:
        if name not in ACTIVATIONS:
            reading.left.append(f"its activation {name} is none of {', '.join(ACTIVATIONS)}")
            reading.is_dense = False
            return
        reading.settings["activation"] = name
        slope = activations[0][1]
        if name == "leaky_relu" and slope is not None:
            reading.settings["negative_slope"] = float(slope)


def _activation(value: Any) -> tuple[str, float | None]:
    """Its name, and the slope of a leaky one."""
    name = _ADVANCED.get(_name(value), _name(value).lower())
    slope = None
    if isinstance(value, Part) and value.name == "LeakyReLU":
        slope = value.get(0, "negative_slope", "alpha", default=0.3)
        slope = slope if isinstance(slope, (int, float)) else None
    elif name == "leaky_relu":
        slope = 0.2
    return _SPELLINGS.get(name, name), slope


def _factor(value: Any) -> float:
    """Of ``keras.regularizers.L2``."""
    if isinstance(value, Part) and value.name.lower() == "l2":
        factor = value.get(0, "l2", "l", default=0.01)
        return float(factor) if isinstance(factor, (int, float)) else 0.0
    return 0.01 if value == "l2" else 0.0


def _snake(names: set[str]) -> set[str]:
    return {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() for name in names}


def _same(key: str, names: set[str], known: Sequence[str], reading: Reading) -> None:
    if names <= {"glorot_uniform"}:
        return
    if len(names) == 1 and names <= set(known):
        reading.settings[key] = names.pop()
    else:
        reading.left.append(
            f"{key.replace('_', ' ')} {words.listing(sorted(names))}: glorot_uniform is taken"
        )


def _optimizer(value: Any, reading: Reading) -> None:
    settings, name = reading.settings, _name(value)
    if value is None:
        name = "RMSprop"  # what Keras takes
    known = _OPTIMIZERS.get(name, name.lower())
    if known not in OPTIMIZERS:
        reading.left.append(f"its optimizer {name} is none of {', '.join(OPTIMIZERS)}")
        reading.is_dense = False
        return
    settings["optimizer"] = known
    if not isinstance(value, Part):
        return
    read = {"learning_rate", "lr", *({"momentum", "nesterov"} if known == "sgd" else ())}
    _unread(value, read | ({"weight_decay"} if known == "adamw" else set()), reading)
    rate = value.get(0, "learning_rate", "lr")
    if isinstance(rate, (int, float)) and not isinstance(rate, bool):
        settings["learning_rate"] = float(rate)
    elif rate is not None:
        reading.left.append("a learning rate that only a run can tell; Keras's default is taken")
    if known == "sgd":
        momentum = value.get(1, "momentum", default=0.0)
        if isinstance(momentum, (int, float)) and momentum:
            settings["momentum"] = float(momentum)
            if value.get(2, "nesterov") is True:
                settings["nesterov"] = True
    decay = value.get(None, "weight_decay")
    if known == "adamw" and isinstance(decay, (int, float)):
        settings["weight_decay"] = float(decay)


def _fit(training: Training, reading: Reading) -> None:
    settings, fit = reading.settings, training.fit
    for key, position, default in (("batch_size", 2, 32), ("epochs", 3, 1)):
        given = fit.get(position, key, *(("nb_epoch",) if key == "epochs" else ()), default=default)
        if isinstance(given, int) and given >= 1:
            settings[key] = given
        elif given is None:
            settings[key] = default
        else:
            settings[key] = default
            reading.left.append(f"a number of {key} that only a run can tell; {default} is taken")
    if isinstance(training.x, Data):
        settings["scale"] = training.x.scale
        if reading.rescaling is not None:
            told = isinstance(reading.rescaling, float) and 0.0 < reading.rescaling < 1 / 250
            if training.x.scale != "none":
                reading.left.append(f"Rescaling of scaled data: {training.x.scale} is taken")
            else:
                settings["scale"] = "unit"
                if not told:
                    reading.left.append("Rescaling to a scale of its own: unit is taken")
    else:
        settings["scale"] = "none"
        reading.left.append("data that only a run can tell")
    _unread(fit, _READ["fit"], reading)
    callbacks = fit.get(None, "callbacks", default=())
    for one in callbacks if isinstance(callbacks, (list, tuple)) else (callbacks,):
        if isinstance(one, Part) and one.name == "EarlyStopping":
            patience = one.get(2, "patience", default=0)
            settings["patience"] = max(1, patience) if isinstance(patience, int) else 1
            monitor, least = one.get(0, "monitor", default="val_loss"), one.get(1, "min_delta")
            if monitor != "val_loss" or least:
                reading.left.append("EarlyStopping by another rule than any gain in val_loss")
            _unread(one, _READ["EarlyStopping"], reading)
        else:
            reading.left.append(f"its callback {_name(one)}")
    if training.on_test:
        reading.left.append("the test part validated it: what was chosen by it saw the test part")


def _name(value: Any) -> str:
    if isinstance(value, Part):
        return value.name
    if isinstance(value, Dotted):
        return value.last
    return str(value) if isinstance(value, (str, type(None))) else type(value).__name__
