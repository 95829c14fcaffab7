"""Data, requests and a watch for the tests of trainables."""

from __future__ import annotations

import atexit
from contextlib import nullcontext
from functools import cache

import numpy as np

from bakeoff.data.dataset import Dataset, SealedTest
from bakeoff.data.study_data import StudyData
from bakeoff.executors.processes import Processes
from bakeoff.records import Replicate
from bakeoff.trainables.base import Request, Training


@cache
def blobs(num_examples=240, num_classes=3, named=False):
    """Three clouds in four dimensions that overlap a little."""
    rng = np.random.default_rng(1)
    labels = np.arange(num_examples, dtype=np.int32) % num_classes
    centres = 2.0 * rng.standard_normal((num_classes, 4))
    features = (centres[labels] + rng.standard_normal((num_examples, 4))).astype(np.float32)
    features.flags.writeable = labels.flags.writeable = False
    dataset = Dataset(
        name="blobs",
        features=features,
        labels=labels,
        test=SealedTest(features[:30], labels[:30], "sealed"),
        class_names=tuple("abc"[:num_classes]),
        feature_names=tuple("wxyz") if named else (),
        image_shape=None,
        hash="blobs",
    )
    return StudyData(dataset, study_seed=0, split="folds", num_folds=6)


class Watch:
    """Asks to end after so many epochs."""

    def __init__(self, after=None):
        self.flag = np.zeros(1, np.int32)
        self.epochs = []
        self.after = after

    @property
    def cancelled(self):
        return self.after is not None and len(self.epochs) >= self.after

    def epoch(self, request, epoch, metrics):
        if epoch:
            self.epochs.append((request.key, epoch, dict(metrics)))
        self.flag[0] = self.cancelled


def request(trainable, settings=None, *, key="k", fold=0, seed=7, **more):
    return Request(
        key=key,
        stage="s",
        label="c",
        settings=trainable.space.complete(settings or {}),
        replicate=Replicate(fold, 0, fold),
        seed=seed,
        **more,
    )


def train(trainable, settings=None, data=None, watch=None, **more):
    """One run in this process."""
    one = request(trainable, settings, **more)
    (outcome,) = trainable.train([one], data or blobs(), watch or Watch())
    return outcome


@cache
def warm_workers():
    """Worker processes for all tests of this process: each has to import scikit-learn but once."""
    processes = Processes(2)
    atexit.register(processes.close)
    return processes


def train_in_processes(trainable, requests, data=None, timeout=None):
    """Runs in worker processes, by key."""
    outcomes = {}
    own = timeout is not None
    with Processes(2, timeout=timeout) if own else nullcontext(warm_workers()) as processes:
        processes.run(
            trainable.batches(requests, (data or blobs()).summary),
            Training(trainable, data or blobs()),
            Watch(),
            lambda outcome: outcomes.setdefault(outcome.key, outcome),
        )
    return outcomes
