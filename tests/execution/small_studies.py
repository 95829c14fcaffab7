"""A small dataset on which a study of several stages takes a fraction of a second."""

from __future__ import annotations

from typing import Any

import numpy as np

from bakeoff.data.arrays import from_arrays
from bakeoff.data.dataset import Dataset
from bakeoff.study import Study


def blobs(num_examples: int = 240, num_classes: int = 3, seed: int = 0) -> Dataset:
    """Gaussian clouds that a small network tells apart but not perfectly."""
    rng = np.random.default_rng(seed)
    labels = np.arange(num_examples) % num_classes
    centres = rng.normal(size=(num_classes, 5)) * 1.5
    features = centres[labels] + rng.normal(size=(num_examples, 5))
    return from_arrays(features.astype(np.float32), labels, name="blobs")


def make_study(dataset: Dataset, *, baselines: bool = False, **options: Any) -> Study:
    study = Study(
        dataset,
        name="small",
        baselines=baselines,
        base={"hidden": [6], "activation": "tanh", "learning_rate": 0.05, "epochs": 3},
        looks=[3, 4],
        folds=6,
        final_replicates=2,
        **options,
    )
    study.stage("scale", "Scale?", scale=["none", "standard"])
    study.stage("width", hidden=[[6], [12]])
    study.stage("activation", activation=["tanh", "relu"], tune={"learning_rate": [0.01, 0.1]})
    return study
