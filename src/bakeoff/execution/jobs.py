"""From a request to the arrays an engine takes: splits, scaling, initial weights, order.

Everything that the runs of a replicate share is made once and shared between the threads.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bakeoff import streams
from bakeoff.data.dataset import Dataset
from bakeoff.data.scaling import fit_scaling
from bakeoff.data.splits import split_rows
from bakeoff.dense.settings import DenseSettings
from bakeoff.engines.base import Engine, Job
from bakeoff.engines.initial import initial_layers
from bakeoff.engines.schedules import learning_rates
from bakeoff.execution.events import RunRequest
from bakeoff.records import Replicate, Scaling

Value = TypeVar("Value")

# Enough for the orders of twelve replicates of ten epochs of MNIST, and a bound for larger data.
ORDER_CACHE_BYTES = 64 * 2**20
SPLIT_CACHE_ENTRIES = 64


class _Recent:
    """The most recently used values; each is made once, under a lock of its own key."""

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                found: Value = self._values[key]
                return found
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._values:
                    made_meanwhile: Value = self._values[key]
                    return made_meanwhile
            value = make()
            with self._lock:
                self._values[key] = value
                self._making.pop(key, None)
                while len(self._values) > self._max_entries:
                    self._values.popitem(last=False)
            return value


class JobMaker:
    """Makes the jobs of one study on one dataset; safe to call from several threads."""

    def __init__(
        self, dataset: Dataset, engine: Engine, *, study_seed: int, split: str, num_folds: int
    ) -> None:
        self.dataset = dataset
        self.engine = engine
        self.study_seed = study_seed
        self.split = split
        self.num_folds = num_folds
        self._splits = _Recent(SPLIT_CACHE_ENTRIES)
        self._scalings = _Recent(SPLIT_CACHE_ENTRIES)
        self._orders = _Recent(max(2, ORDER_CACHE_BYTES // (4 * max(1, dataset.num_examples))))
        self._nothing = np.zeros(0, np.int32)

    def key(self, request: RunRequest) -> str:
        """Content hash of everything that determines a run: SHA-256 in hexadecimal."""
        replicate = request.replicate
        identity = {
            "data": self.dataset.hash,
            "engine": self.engine.name,
            "folds": self.num_folds,
            "part": "refit" if request.refit else "train",
            "replicate": [replicate.index, replicate.partition, replicate.fold],
            "seed": self.study_seed,
            "settings": request.settings.effective(),
            "split": self.split,
            "test": request.test,
        }
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def rows(
        self, replicate: Replicate, *, refit: bool = False
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Rows of the training and the validation part, int32, ascending."""
        if refit:
            return self._splits.get(
                "refit",
                lambda: (np.arange(self.dataset.num_examples, dtype=np.int32), self._nothing),
            )
        return self._splits.get(
            (replicate.partition, replicate.fold),
            lambda: split_rows(
                self.dataset.labels,
                replicate,
                split=self.split,
                num_folds=self.num_folds,
                study_seed=self.study_seed,
            ),
        )

    def scaling(self, replicate: Replicate, scale: str, *, refit: bool = False) -> Scaling:
        """The scaling fitted on the training part of a replicate."""
        part: Hashable = "refit" if refit else (replicate.partition, replicate.fold)
        return self._scalings.get(
            (part, scale),
            lambda: fit_scaling(self.dataset.features, self.rows(replicate, refit=refit)[0], scale),
        )

    def make(self, request: RunRequest) -> Job:
        """The arrays of one run."""
        replicate, settings = request.replicate, DenseSettings.of(request.settings)
        train_rows, val_rows = self.rows(replicate, refit=request.refit)
        num_train = len(train_rows)

        def order(epoch: int) -> NDArray[np.int32]:
            return self._orders.get(
                (replicate.index, epoch, num_train),
                lambda: streams.order(self.study_seed, replicate.index, epoch, num_train),
            )

        return Job(
            settings=settings,
            features=self.dataset.features,
            labels=self.dataset.labels,
            train_rows=train_rows,
            val_rows=val_rows,
            num_classes=self.dataset.num_classes,
            scaling=self.scaling(replicate, settings.scale, refit=request.refit),
            layers=initial_layers(
                settings,
                self.dataset.num_features,
                self.dataset.num_classes,
                study_seed=self.study_seed,
                replicate=replicate.index,
            ),
            order=order,
            learning_rates=learning_rates(settings, num_train),
            dropout_key=streams.dropout_key(self.study_seed, replicate.index),
        )
