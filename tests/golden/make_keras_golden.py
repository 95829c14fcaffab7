"""Trains every golden configuration with real Keras and writes ``keras_golden.npz``, and those of
regressions and weighted examples, ``keras_values_golden.npz``.

Needs ``pip install keras jax`` beside bakeoff; run it from the repository's root::

    PYTHONPATH=src python tests/golden/make_keras_golden.py

Keras computes in float64 here, so that what remains between it and the reference engine is the
order of additions. Batch order and initial weights come from bakeoff's streams: the examples are
laid out in the epoch's order and ``fit`` is told not to shuffle. Optimizers, learning-rate
schedules, losses, regularizers, activations, metrics and the training loop are Keras's own; only
the dropout masks are bakeoff's, given to the model as inputs. Keras has no exponential or constant
schedule with a warm-up; for these two a ``LearningRateSchedule`` joins Keras's own pieces.
"""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"

import json
import sys
from typing import Any

import golden_cases
import jax
import keras
import numpy as np

from bakeoff.dense.base import Job, steps_per_epoch
from bakeoff.dense.network import keep_mask
from bakeoff.dense.reference import scaled
from bakeoff.dense.settings import KERNEL_INITIALIZERS, DenseSettings

CURVES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
INITIALIZER_SHAPE = (300, 200)


class AfterWarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up from zero, as ``CosineDecay`` has it, before another schedule."""

    def __init__(self, peak: float, num_warmup: int, after: Any) -> None:
        self.peak, self.num_warmup, self.after = peak, num_warmup, after

    def __call__(self, step: Any) -> Any:
        step = keras.ops.cast(step, "float64")
        warm = self.peak * step / self.num_warmup
        return keras.ops.where(step < self.num_warmup, warm, self.after(step - self.num_warmup))


def learning_rate(settings: DenseSettings, num_train: int) -> Any:
    per_epoch = steps_per_epoch(num_train, settings.batch_size)
    num_warmup = round(settings.warmup_epochs * per_epoch)
    # Keras wants at least one step of decay, also where the warm-up leaves none.
    num_decay = max(settings.epochs * per_epoch - num_warmup, 1)
    peak = settings.learning_rate
    schedules = keras.optimizers.schedules
    if settings.schedule == "cosine":
        if num_warmup:
            return schedules.CosineDecay(
                0.0, num_decay, warmup_target=peak, warmup_steps=num_warmup
            )
        return schedules.CosineDecay(peak, num_decay)
    if settings.schedule == "exponential":
        after: Any = schedules.ExponentialDecay(peak, num_decay, settings.decay_rate)
        return AfterWarmUp(peak, num_warmup, after) if num_warmup else after
    return AfterWarmUp(peak, num_warmup, lambda _: peak) if num_warmup else peak


def optimizer(settings: DenseSettings, num_train: int) -> keras.optimizers.Optimizer:
    rate = learning_rate(settings, num_train)
    match settings.optimizer:
        case "sgd":
            return keras.optimizers.SGD(
                rate, momentum=settings.momentum, nesterov=settings.nesterov
            )
        case "adam":
            return keras.optimizers.Adam(rate)
        case "adamw":
            return keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay)
        case "rmsprop":
            return keras.optimizers.RMSprop(rate)


def activation(settings: DenseSettings) -> Any:
    if settings.activation == "leaky_relu":
        return lambda x: keras.activations.leaky_relu(x, negative_slope=settings.negative_slope)
    return settings.activation


def model(job: Job) -> keras.Model:
    settings = job.settings
    regularizer = keras.regularizers.L2(settings.l2) if settings.l2 else None
    inputs = [keras.Input((job.features.shape[1],))]
    x = inputs[0]
    dense = []
    for width in settings.hidden:
        layer = keras.layers.Dense(
            width, activation=activation(settings), kernel_regularizer=regularizer
        )
        dense.append(layer)
        x = layer(x)
        if settings.dropout:
            inputs.append(keras.Input((width,)))
            x = keras.layers.Multiply()([x, inputs[-1]])
    dense.append(keras.layers.Dense(job.num_classes, kernel_regularizer=regularizer))
    made = keras.Model(inputs, dense[-1](x))
    for layer, initial in zip(dense, job.layers, strict=True):
        layer.set_weights([initial.kernel.astype(np.float64), initial.bias.astype(np.float64)])
    if job.targets is not None:
        made.compile(
            optimizer=optimizer(settings, job.num_train),
            loss="mse",
            metrics=[keras.metrics.MeanSquaredError(name="plain_loss")],
        )
        return made
    made.compile(
        optimizer=optimizer(settings, job.num_train),
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=settings.label_smoothing
        ),
        metrics=[
            keras.metrics.CategoricalCrossentropy(name="plain_loss", from_logits=True),
            keras.metrics.CategoricalAccuracy(name="accuracy"),
        ],
    )
    return made


def masks(job: Job, epoch: int) -> list[np.ndarray]:
    """One scaled mask per hidden layer, shape (num_train, width), in the epoch's order."""
    settings = job.settings
    if not settings.dropout:
        return []
    per_epoch = steps_per_epoch(job.num_train, settings.batch_size)
    parts: list[list[np.ndarray]] = [[] for _ in settings.hidden]
    for index in range(per_epoch):
        num_rows = min(settings.batch_size, job.num_train - index * settings.batch_size)
        for layer, width in enumerate(settings.hidden):
            mask = keep_mask(
                job.dropout_key,
                step=epoch * per_epoch + index,
                layer=layer,
                num_rows=num_rows,
                width=width,
                rate=settings.dropout,
            )
            parts[layer].append(mask / (1.0 - settings.dropout))
    return [np.concatenate(part) for part in parts]


def train(job: Job) -> tuple[np.ndarray, np.ndarray]:
    """Final weights as one vector and the curves, shape (4, epochs)."""
    settings = job.settings
    trained = model(job)
    wanted: Any = np.eye(job.num_classes)[job.labels]
    if job.targets is not None:
        wanted = job.targets.astype(np.float64)[:, None]
    val_x = [scaled(job.features, job.val_rows, job.scaling)]
    if settings.dropout:
        val_x += [np.ones((len(job.val_rows), width)) for width in settings.hidden]
    curves = []
    for epoch in range(settings.epochs):
        rows = job.train_rows[job.order(epoch)]
        history = trained.fit(
            [scaled(job.features, rows, job.scaling), *masks(job, epoch)],
            wanted[rows],
            batch_size=settings.batch_size,
            shuffle=False,
            sample_weight=None if job.weights is None else job.weights[rows].astype(np.float64),
            validation_data=(val_x, wanted[job.val_rows]),
            verbose=0,
        ).history
        names = ("plain_loss", "accuracy", "val_plain_loss", "val_accuracy")
        curves.append([history.get(name, [0.0])[0] for name in names])
    weights = np.concatenate([weight.ravel() for weight in trained.get_weights()])
    return weights.astype(np.float64), np.array(curves).T


def main() -> None:
    keras.config.set_floatx("float64")
    arrays: dict[str, np.ndarray] = {}
    settings_of = {}
    for name, settings in golden_cases.cases().items():
        keras.utils.set_random_seed(0)
        weights, curves = train(golden_cases.job(settings))
        arrays[f"{name}:weights"], arrays[f"{name}:curves"] = weights, curves
        settings_of[name] = settings.model_dump(mode="json")
        print(name, curves[:, -1].round(4))  # noqa: T201  (a script)
    moments = []
    for name in KERNEL_INITIALIZERS:
        kernel = np.asarray(keras.initializers.get(name)(INITIALIZER_SHAPE))
        moments.append([kernel.std(), np.abs(kernel).max()])
    about = {
        "keras": keras.__version__,
        "backend": f"jax {jax.__version__}",
        "settings": settings_of,
        "curves": CURVES,
        "initializers": KERNEL_INITIALIZERS,
    }
    np.savez_compressed(
        golden_cases.GOLDEN,
        about=np.array(json.dumps(about)),
        initializer_moments=np.array(moments, np.float64),
        **arrays,
    )
    print(golden_cases.GOLDEN, golden_cases.GOLDEN.stat().st_size, "bytes")  # noqa: T201


def values() -> None:
    """Those of regressions and weighted examples."""
    keras.config.set_floatx("float64")
    arrays: dict[str, np.ndarray] = {}
    for name, (settings, is_number, weighted) in golden_cases.value_cases().items():
        keras.utils.set_random_seed(0)
        job = golden_cases.value_job(settings, values=is_number, weighted=weighted)
        weights, curves = train(job)
        arrays[f"{name}:weights"], arrays[f"{name}:curves"] = weights, curves
        print(name, curves[:, -1].round(4))  # noqa: T201
    np.savez_compressed(golden_cases.VALUES_GOLDEN, **arrays)


if __name__ == "__main__":
    if "values" not in sys.argv[1:]:
        main()
    values()
