"""Jobs for the native engine's tests: small data of every kind, and how far two runs lie apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from bakeoff import streams
from bakeoff.dense.base import Job, Layer, Scaling
from bakeoff.dense.jobs import initial_layers, learning_rates
from bakeoff.dense.settings import DenseSettings

# bytes and floats, mostly zeros (the sparse first layer) and without zeros (the dense one).
KINDS = ("sparse bytes", "full bytes", "sparse floats", "full floats")


def sample_job(
    settings: DenseSettings,
    kind: str = "sparse bytes",
    *,
    num_train: int = 150,
    num_validation: int = 40,
    num_features: int = 37,
    num_classes: int = 5,
    seed: int = 0,
) -> Job:
    """A job on random data that a network can learn a little from."""
    draw = np.random.default_rng(seed)
    num_examples = num_train + num_validation
    labels = draw.integers(0, num_classes, num_examples).astype(np.int32)
    shape = (num_examples, num_features)
    centres = draw.normal(size=(num_classes, num_features))
    values = draw.normal(size=shape) + centres[labels]
    if kind.endswith("bytes"):
        features = np.clip(values * 40 + 128, 1, 255).astype(np.uint8)
    else:
        features = values.astype(np.float32)
    if kind.startswith("sparse"):
        features[draw.random(shape) < 0.8] = 0
    match kind:
        case "sparse bytes":
            scaling = Scaling(np.zeros(1, np.float32), np.full(1, 1 / 255, np.float32))
        case "full bytes":
            scaling = Scaling(np.full(1, 128, np.float32), np.full(1, 1 / 60, np.float32))
        case "sparse floats":
            factor = draw.uniform(0.5, 1.5, num_features).astype(np.float32)
            scaling = Scaling(np.zeros(num_features, np.float32), factor)
        case _:
            scaling = Scaling(
                features.mean(axis=0, dtype=np.float64).astype(np.float32),
                (1 / features.std(axis=0, dtype=np.float64).clip(1e-3)).astype(np.float32),
            )
    rows = draw.permutation(num_examples).astype(np.int32)
    features.setflags(write=False)
    return Job(
        settings=settings,
        features=features,
        labels=labels,
        train_rows=rows[:num_train].copy(),
        val_rows=rows[num_train:].copy(),
        num_classes=num_classes,
        scaling=scaling,
        layers=initial_layers(settings, num_features, num_classes, study_seed=1, replicate=0),
        order=lambda epoch: streams.order(1, 0, epoch, num_train),
        learning_rates=learning_rates(settings, num_train),
        dropout_key=streams.dropout_key(1, 0),
    )


def flat(layers: tuple[Layer, ...]) -> np.ndarray:
    """All weights in one float64 array."""
    parts = [part.ravel() for layer in layers for part in (layer.kernel, layer.bias)]
    return np.concatenate(parts).astype(np.float64)


def relative_difference(a: tuple[Layer, ...], b: tuple[Layer, ...]) -> float:
    """The largest ‖a - b‖ / ‖b‖ over the kernels, and over all weights together."""
    pairs = [
        (x.kernel.astype(np.float64), y.kernel.astype(np.float64))
        for x, y in zip(a, b, strict=True)
    ]
    pairs.append((flat(a), flat(b)))
    return max(float(np.linalg.norm(x - y) / np.linalg.norm(y)) for x, y in pairs)


def run_settings(**values: Any) -> DenseSettings:
    """Three epochs of a small network, with the values that a test asks for."""
    return DenseSettings(**{"hidden": (19, 33), "epochs": 3, **values})
