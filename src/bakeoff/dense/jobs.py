"""From a request to the arrays an engine takes: scaling, initial weights, order, learning rates.

What the runs of a replicate share is made once and shared between the threads.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bakeoff import streams
from bakeoff.dense.base import Job, Scaling
from bakeoff.dense.initial import initial_layers
from bakeoff.dense.scaling import fit_scaling
from bakeoff.dense.schedules import learning_rates
from bakeoff.dense.settings import DenseSettings
from bakeoff.records import Replicate
from bakeoff.trainables.base import Request, StudyData

# Enough for the orders of twelve replicates of ten epochs of MNIST, and a bound for larger data.
ORDER_CACHE_BYTES = 64 * 2**20
NUM_SCALINGS = 64


class JobMaker:
    """Makes the jobs of one study on one dataset; safe to call from several threads."""

    def __init__(self, data: StudyData) -> None:
        self.data = data
        orders = ORDER_CACHE_BYTES // (4 * max(1, data.dataset.num_examples))
        self._order = lru_cache(max(2, orders))(self._new_order)
        self._scaling = lru_cache(NUM_SCALINGS)(self._fitted)

    def scaling(self, replicate: Replicate, scale: str, *, refit: bool = False) -> Scaling:
        """The scaling fitted on the training part of a replicate."""
        # The seed has no part in it: replicates of one fold share it.
        part = Replicate(0, replicate.partition, replicate.fold)
        return self._scaling(Replicate(0, 0, 0) if refit else part, scale, refit)

    def _fitted(self, part: Replicate, scale: str, refit: bool) -> Scaling:
        rows, _ = self.data.rows(part, refit=refit)
        return fit_scaling(self.data.dataset.features, rows, scale)

    def _new_order(self, replicate: int, epoch: int, num_train: int) -> NDArray[np.int32]:
        return streams.order(self.data.study_seed, replicate, epoch, num_train)

    def make(self, request: Request) -> Job:
        """The arrays of one run."""
        dataset, replicate = self.data.dataset, request.replicate
        settings = DenseSettings.of(request.settings)
        train_rows, val_rows = self.data.rows(replicate, refit=request.refit)
        num_train = len(train_rows)
        return Job(
            settings=settings,
            features=dataset.features,
            labels=dataset.labels,
            train_rows=train_rows,
            val_rows=val_rows,
            num_classes=dataset.num_classes,
            scaling=self.scaling(replicate, settings.scale, refit=request.refit),
            layers=initial_layers(
                settings,
                dataset.num_features,
                dataset.num_classes,
                study_seed=self.data.study_seed,
                replicate=replicate.index,
            ),
            order=lambda epoch: self._order(replicate.index, epoch, num_train),
            learning_rates=learning_rates(settings, num_train),
            dropout_key=streams.dropout_key(self.data.study_seed, replicate.index),
        )
