"""bakeoff's native engine: one run on the calling thread."""

from __future__ import annotations

from typing import Any

import numpy as np

import bakeoff
from bakeoff.dense.base import Job, Scaling, Watch
from bakeoff.dense.jobs import new_job
from bakeoff.dense.native import NativeEngine
from bakeoff.dense.settings import DenseSettings
from bakeoff.streams import order
from benchmarks.clock import EpochClock
from benchmarks.workloads import Arrays, Workload


def versions() -> dict[str, str]:
    return {"bakeoff": bakeoff.__version__, "engine": NativeEngine().name}


def make_job(workload: Workload, arrays: Arrays, epochs: int, rate: float, seed: int) -> Job:
    """A run without validation part: the other peers do not validate while they are timed."""
    num_train = len(arrays.labels)
    settings = DenseSettings(
        hidden=workload.hidden,
        activation="leaky_relu",
        negative_slope=0.1,
        optimizer=workload.optimizer,
        learning_rate=rate,
        batch_size=workload.batch_size,
        epochs=epochs,
    )
    return new_job(
        settings,
        arrays.features,
        arrays.labels,
        np.arange(num_train, dtype=np.int32),
        np.zeros(0, np.int32),
        arrays.num_classes,
        scaling=Scaling(arrays.shift, arrays.factor),
        study_seed=seed,
        replicate=0,
        order=lambda epoch: order(seed, 0, epoch, num_train),
    )


def trainer(workload: Workload, arrays: Arrays) -> Any:
    engine = NativeEngine()

    def train(rate: float, seed: int, clock: EpochClock) -> None:
        # The accuracy needs weights, which an engine gives at the end of a run only: the warm-up
        # is a run of its own, and the timed epochs are those of a second, identical one.
        job = make_job(workload, arrays, clock.check_epochs, rate, seed)
        warm = engine.train(job, Watch())

        def accuracy() -> float:
            logits = engine.logits(job.settings, warm.layers, job.scaling, arrays.val_features)
            return float((logits.argmax(axis=1) == arrays.val_labels).mean())

        for _ in range(clock.check_epochs):
            clock.begin()
            go_on = clock.end(accuracy)
        if not go_on:
            return
        watch = Watch()

        def on_epoch(*_: float) -> None:
            if not clock.end(accuracy):
                watch.cancel()
            clock.begin()

        watch.on_epoch = on_epoch
        clock.begin()
        engine.train(make_job(workload, arrays, clock.max_timed, rate, seed), watch)

    return train
