"""Keras 3's ``fit`` on the backend that ``KERAS_BACKEND`` names."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Any

import keras

from benchmarks.clock import EpochClock
from benchmarks.workloads import Arrays, Workload

BACKEND = keras.backend.backend()

if BACKEND == "torch" and os.environ.get("OMP_NUM_THREADS"):
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def versions() -> dict[str, str]:
    return {"keras": keras.__version__, BACKEND: version(BACKEND)}


class _Reporter(keras.callbacks.Callback):
    def __init__(self, clock: EpochClock, arrays: Arrays) -> None:
        super().__init__()
        self.clock, self.arrays = clock, arrays

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.clock.begin()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.model.stop_training = not self.clock.end(self._accuracy)

    def _accuracy(self) -> float:
        logits = self.model.predict(self.arrays.val_scaled, batch_size=1000, verbose=0)
        return float((logits.argmax(axis=1) == self.arrays.val_labels).mean())


def trainer(workload: Workload, arrays: Arrays) -> Any:
    def train(rate: float, seed: int, clock: EpochClock) -> None:
        keras.utils.set_random_seed(seed)
        layers: list[Any] = [keras.Input((arrays.scaled.shape[1],))]
        for width in workload.hidden:
            layers += [keras.layers.Dense(width), keras.layers.LeakyReLU(negative_slope=0.1)]
        model = keras.Sequential([*layers, keras.layers.Dense(arrays.num_classes)])
        optimizer = keras.optimizers.Adam if workload.optimizer == "adam" else keras.optimizers.SGD
        model.compile(
            optimizer=optimizer(rate),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        model.fit(
            arrays.scaled,
            arrays.labels,
            batch_size=workload.batch_size,
            epochs=clock.max_epochs,
            verbose=0,
            callbacks=[_Reporter(clock, arrays)],
        )

    return train
