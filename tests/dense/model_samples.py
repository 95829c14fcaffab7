"""Small trained models for the tests of ``bakeoff.dense``."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from bakeoff.dense.base import Layer, Scaling
from bakeoff.dense.model import TrainedModel
from bakeoff.dense.settings import DenseSettings


def sample_model(
    num_features: int = 6,
    num_classes: int = 3,
    *,
    seed: int = 0,
    scale: str = "standard",
    class_names: tuple[str, ...] | None = None,
    feature_names: tuple[str, ...] = (),
    image_shape: tuple[int, ...] | None = None,
    provenance: dict[str, Any] | None = None,
    **settings: Any,
) -> TrainedModel:
    """A model with random weights of moderate size."""
    rng = np.random.default_rng(seed)
    chosen = DenseSettings(scale=scale, **{"hidden": (5, 4), **settings})
    sizes = chosen.layer_sizes(num_features, num_classes)
    layers = tuple(
        Layer(
            rng.normal(0, 1, (fan_in, fan_out)).astype(np.float32),
            rng.normal(0, 1, fan_out).astype(np.float32),
        )
        for fan_in, fan_out in itertools.pairwise(sizes)
    )
    size = num_features if scale == "standard" else 1
    shift = rng.normal(0, 1, size) if scale == "standard" else np.zeros(size)
    factor = rng.uniform(0.5, 2, size) if scale != "none" else np.ones(size)
    return TrainedModel(
        settings=chosen,
        scaling=Scaling(shift.astype(np.float32), factor.astype(np.float32)),
        layers=layers,
        class_names=class_names or tuple(f"class {k}" for k in range(num_classes)),
        feature_names=feature_names,
        image_shape=image_shape,
        provenance=provenance or {"data": "made up"},
    )


def examples(num: int = 50, num_features: int = 6, seed: int = 1) -> np.ndarray:
    """Random features, float32."""
    return np.random.default_rng(seed).normal(0, 2, (num, num_features)).astype(np.float32)
