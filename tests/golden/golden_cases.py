"""The configurations that are trained once by real Keras and ever after by bakeoff's engines.

Shared by ``make_keras_golden.py``, which needs Keras, and by the tests, which do not.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.dense.base import Job, Scaling
from bakeoff.dense.jobs import initial_layers, learning_rates
from bakeoff.dense.settings import ACTIVATIONS, DenseSettings
from bakeoff.streams import dropout_key, order

GOLDEN = Path(__file__).with_name("keras_golden.npz")
VALUES_GOLDEN = Path(__file__).with_name("keras_values_golden.npz")
"""Of regressions and of weighted examples."""

STUDY_SEED, REPLICATE = 20, 1
NUM_FEATURES, NUM_CLASSES, NUM_TRAIN, NUM_VALIDATION = 6, 3, 37, 20
BASE: dict[str, Any] = {"hidden": [7, 5], "batch_size": 8, "epochs": 3, "learning_rate": 0.1}

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {},
    "momentum": {"momentum": 0.9, "learning_rate": 0.03},
    "nesterov": {"momentum": 0.9, "nesterov": True, "learning_rate": 0.03},
    "adam": {"optimizer": "adam", "learning_rate": 0.01},
    "adamw": {"optimizer": "adamw", "learning_rate": 0.01, "weight_decay": 0.1},
    "rmsprop": {"optimizer": "rmsprop", "learning_rate": 0.01},
}
SCHEDULES: dict[str, dict[str, Any]] = {
    "cosine": {"schedule": "cosine"},
    "exponential": {"schedule": "exponential", "decay_rate": 0.3},
    "cosine-warm-up": {"schedule": "cosine", "warmup_epochs": 1.5},
    "constant-warm-up": {"warmup_epochs": 0.8},
    "exponential-warm-up": {"schedule": "exponential", "decay_rate": 0.5, "warmup_epochs": 1.0},
    "only-warm-up": {"schedule": "cosine", "warmup_epochs": 3.0},
}
SHAPES: dict[str, dict[str, Any]] = {
    "no-hidden-layer": {"hidden": []},
    "width-1": {"hidden": [1, 4]},
    "four-layers": {"hidden": [5, 9, 4, 6]},
    "batch-1": {"batch_size": 1, "learning_rate": 0.03},
    "batch-37": {"batch_size": 37},
    "batch-larger-than-the-data": {"batch_size": 64},
}


def cases() -> dict[str, DenseSettings]:
    """Name → settings of every golden configuration."""
    changes: dict[str, dict[str, Any]] = {}
    for activation in ACTIVATIONS:
        changes[f"{activation}/sgd"] = {"activation": activation}
        changes[f"{activation}/adam"] = {"activation": activation, **OPTIMIZERS["adam"]}
    changes["leaky_relu/slope"] = {"activation": "leaky_relu", "negative_slope": 0.1}
    for name, optimizer in OPTIMIZERS.items():
        for activation in ("tanh", "leaky_relu"):
            changes[f"{name}/{activation}"] = {"activation": activation, **optimizer}
        changes[f"{name}/l2"] = {"l2": 0.02, "activation": "elu", **optimizer}
        changes[f"{name}/everything"] = {
            "activation": "gelu",
            "l2": 0.003,
            "label_smoothing": 0.1,
            "schedule": "cosine",
            "warmup_epochs": 0.5,
            **optimizer,
        }
    for name, schedule in SCHEDULES.items():
        changes[f"sgd/{name}"] = {"activation": "tanh", **schedule}
        changes[f"adamw/{name}"] = {"activation": "tanh", **OPTIMIZERS["adamw"], **schedule}
    for name, shape in SHAPES.items():
        changes[f"sgd/{name}"] = {"activation": "tanh", **shape}
        changes[f"adam/{name}"] = {"activation": "softplus", **OPTIMIZERS["adam"], **shape}
    changes["sgd/label-smoothing"] = {"activation": "tanh", "label_smoothing": 0.2}
    changes["sgd/dropout"] = {"activation": "tanh", "dropout": 0.3}
    changes["adam/dropout"] = {"activation": "relu", "dropout": 0.5, **OPTIMIZERS["adam"]}
    return {name: DenseSettings(**{**BASE, **change}) for name, change in changes.items()}


def data() -> tuple[np.ndarray, np.ndarray]:
    """Bytes, some of them zero, and labels that can partly be learned from them."""
    rng = np.random.Generator(np.random.PCG64(7))
    num_examples = NUM_TRAIN + NUM_VALIDATION
    features = rng.integers(0, 256, (num_examples, NUM_FEATURES)).astype(np.uint8)
    features[rng.random(features.shape) < 0.3] = 0
    noisy = features[:, :NUM_CLASSES] + rng.normal(0.0, 60.0, (num_examples, NUM_CLASSES))
    return features, noisy.argmax(axis=1).astype(np.int32)


def job(settings: DenseSettings) -> Job:
    """The run of one golden configuration; training and validation rows are interleaved."""
    features, labels = data()
    rows = np.random.Generator(np.random.PCG64(8)).permutation(len(labels)).astype(np.int32)
    # Neither part of the map is trivial, so that an engine that forgets one cannot pass.
    scaling = Scaling(np.array([64.0], np.float32), np.array([1.0 / 128.0], np.float32))
    return Job(
        settings=settings,
        features=features,
        labels=labels,
        train_rows=np.sort(rows[:NUM_TRAIN]),
        val_rows=np.sort(rows[NUM_TRAIN:]),
        num_classes=NUM_CLASSES,
        scaling=scaling,
        layers=initial_layers(
            settings, NUM_FEATURES, NUM_CLASSES, study_seed=STUDY_SEED, replicate=REPLICATE
        ),
        order=lambda epoch: order(STUDY_SEED, REPLICATE, epoch, NUM_TRAIN),
        learning_rates=learning_rates(settings, NUM_TRAIN),
        dropout_key=dropout_key(STUDY_SEED, REPLICATE),
    )


def value_cases() -> dict[str, tuple[DenseSettings, bool, bool]]:
    """Name → settings, whether a number is predicted, and whether examples count differently."""
    changes: dict[str, tuple[dict[str, Any], bool, bool]] = {}
    for activation in ACTIVATIONS:
        changes[f"values/{activation}"] = ({"activation": activation}, True, False)
    for name, optimizer in OPTIMIZERS.items():
        changes[f"values/{name}"] = ({"activation": "tanh", "l2": 0.02, **optimizer}, True, False)
        weighted = {"activation": "elu", "l2": 0.003, **optimizer}
        changes[f"values/weighted/{name}"] = (weighted, True, True)
        changes[f"classes/weighted/{name}"] = ({**weighted, "label_smoothing": 0.1}, False, True)
    for name, shape in SHAPES.items():
        changes[f"values/{name}"] = ({"activation": "tanh", **shape}, True, False)
    changes["values/schedule"] = (
        {"activation": "tanh", **SCHEDULES["cosine-warm-up"]},
        True,
        False,
    )
    changes["values/dropout"] = ({"activation": "tanh", "dropout": 0.3}, True, False)
    rate = {"learning_rate": 0.03}
    return {
        name: (DenseSettings(**{**BASE, **rate, **change}), values, weighted)
        for name, (change, values, weighted) in changes.items()
    }


def value_job(settings: DenseSettings, *, values: bool, weighted: bool) -> Job:
    """The run of one of ``value_cases``."""
    made = job(settings)
    rng = np.random.Generator(np.random.PCG64(9))
    count = len(made.labels)
    weights = rng.uniform(0.2, 3.0, count).astype(np.float32) if weighted else None
    if not values:
        return replace(made, weights=weights)
    targets = (made.features[:, 0] / 90.0 - made.features[:, 1] / 120.0).astype(np.float32)
    return replace(
        made,
        labels=np.zeros(count, np.int32),
        num_classes=1,
        layers=initial_layers(
            settings, NUM_FEATURES, 1, study_seed=STUDY_SEED, replicate=REPLICATE
        ),
        targets=targets + rng.normal(0.0, 0.3, count).astype(np.float32),
        weights=weights,
    )
