"""The data of a study as a trainable may see it; knows no model and no test part."""

from __future__ import annotations

import dataclasses
import threading
import warnings
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.dataset import Dataset, SealedTest
from bakeoff.data.encoding import Encoding, fit
from bakeoff.data.splits import split_rows
from bakeoff.records import DataSummary, Replicate

Rows = NDArray[np.int32]
NUM_SPLITS = 64
ENCODED_BYTES = 512 * 2**20
NUM_ENCODED = 2
"""Encoded tables are kept up to so many bytes, and at least so many of them."""


class StudyData:
    """The data of a study as a trainable may see it: everything but the test part.

    Pickles without the test part, so that no worker process ever holds it.

    Args:
        dataset: features, labels, names and classes.
        study_seed: of the study.
        split, num_folds: which rows validate, see ``data.splits``.
    """

    def __init__(self, dataset: Dataset, *, study_seed: int, split: str, num_folds: int) -> None:
        self.dataset = dataset
        self.study_seed = study_seed
        self.split = split
        self.num_folds = num_folds
        self._split = lru_cache(NUM_SPLITS)(self._new_split)
        self._encoding = lru_cache(NUM_SPLITS)(self._new_encoding)
        self._encoded: dict[tuple[int | None, int], NDArray[Any]] = {}
        self._lock = threading.Lock()

    def rows(self, replicate: Replicate, refit: bool = False) -> tuple[Rows, Rows]:
        """Rows of the training and of the validation part, int32, ascending.

        Args:
            replicate: whose fold validates.
            refit: all rows train, none validates.
        """
        if refit:
            return self._split(None, 0)
        return self._split(replicate.partition, replicate.fold)

    def encoded(self, replicate: Replicate, refit: bool = False) -> NDArray[Any]:
        """All examples as numbers that a network can take, fitted on the training part alone.

        Args:
            replicate, refit: as in ``rows``.

        Returns:
            shape (num_examples, num_inputs), uint8 or float32, finite; the features themselves
            where the data needs no encoding.
        """
        encoding = self.encoding(replicate, refit)
        if encoding is None:
            return self.dataset.features
        key = (None, 0) if refit else (replicate.partition, replicate.fold)
        with self._lock:
            if key not in self._encoded:
                made = encoding.apply(self.dataset.features)
                most = max(NUM_ENCODED, ENCODED_BYTES // max(1, made.nbytes))
                while len(self._encoded) >= most:
                    self._encoded.pop(next(iter(self._encoded)))
                self._encoded[key] = made
            return self._encoded[key]

    @cached_property
    def as_they_are(self) -> Encoding | None:
        """For a model that takes the columns themselves; nothing is fitted."""
        return Encoding(self.dataset.columns, ()) if self.dataset.columns else None

    @cached_property
    def table(self) -> Any:
        """All examples with the columns as they are: a data frame; None where nothing is encoded."""
        whole = self.as_they_are
        return None if whole is None else whole.apply(self.dataset.features)

    @cached_property
    def targets(self) -> NDArray[Any]:
        """Classes as int64 or values as float64, shape (num_examples,)."""
        labels = self.dataset.labels
        return labels if labels.dtype.kind == "f" else labels.astype(np.int64)

    def names(self, replicate: Replicate, refit: bool = False) -> tuple[str, ...]:
        """Of the columns of ``encoded``; empty for images."""
        encoding = self.encoding(replicate, refit)
        return self.dataset.feature_names if encoding is None else encoding.names

    def encoding(self, replicate: Replicate, refit: bool = False) -> Encoding | None:
        """How ``encoded`` is made; None where the data needs no encoding."""
        if not self.dataset.columns:
            return None
        return self._encoding(
            None if refit else replicate.partition, 0 if refit else replicate.fold
        )

    def _new_encoding(self, partition: int | None, fold: int) -> Encoding:
        rows, _ = self._split(partition, fold)
        return fit(self.dataset.columns, self.dataset.features, rows)

    @cached_property
    def summary(self) -> DataSummary:
        """What the records say of the data."""
        dataset = self.dataset
        train_rows, val_rows = self._split(0, 0)
        is_regression = dataset.task == "regression"
        classes = np.zeros(0, np.int32) if is_regression else dataset.labels
        counts = np.bincount(classes, minlength=dataset.num_classes)
        values = dataset.labels if is_regression else np.zeros(0)
        zeros = dataset.features.size - np.count_nonzero(dataset.features)
        encoding = self.encoding(Replicate(0, 0, 0), refit=True)
        return DataSummary(
            name=dataset.name,
            hash=dataset.hash,
            num_train=len(train_rows),
            num_validation=len(val_rows),
            num_test=len(dataset.test),
            num_features=dataset.num_features,
            num_classes=dataset.num_classes,
            class_names=dataset.class_names,
            feature_names=dataset.feature_names,
            image_shape=dataset.image_shape,
            class_counts=tuple(int(count) for count in counts),
            zero_share=float(zeros / max(1, dataset.features.size)),
            duplicates_across_splits=dataset.duplicates_across_splits,
            feature_max=_largest(dataset.features),
            num_inputs=dataset.num_features if encoding is None else encoding.width,
            target=dataset.target,
            target_range=tuple(
                float(one) for one in (values.min(), values.mean(), values.max(), values.std())
            )
            if len(values)
            else (),
            ranges=_ranges(dataset),
            remarks=dataset.remarks,
            columns=dataset.columns,
        )

    def _new_split(self, partition: int | None, fold: int) -> tuple[Rows, Rows]:
        if partition is None or not self.dataset.num_examples:
            return np.arange(self.dataset.num_examples, dtype=np.int32), np.zeros(0, np.int32)
        return split_rows(
            self.dataset.labels,
            Replicate(0, partition, fold),
            split=self.split,
            num_folds=self.num_folds,
            study_seed=self.study_seed,
            groups=self.dataset.groups,
            folds=self.dataset.folds,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        sealed = self.dataset
        nothing = SealedTest(sealed.features[:0], sealed.labels[:0], sealed.test.hash)
        state = (
            dataclasses.replace(sealed, test=nothing),
            self.study_seed,
            self.split,
            self.num_folds,
        )
        return _study_data, state


def _largest(features: NDArray[Any]) -> float | None:
    """Largest absolute feature, without a copy; None for an empty matrix."""
    if not features.size:
        return None
    if features.dtype.kind == "u":
        return float(features.max())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column of gaps alone
        found = max(float(np.nanmax(features)), -float(np.nanmin(features)))
    return found if np.isfinite(found) else None


def _ranges(dataset: Dataset) -> tuple[tuple[str, float], ...]:
    """Of the numbers that vary: name and range of the smallest and of the largest range."""
    features = dataset.features
    if not dataset.is_table or not features.size:
        return ()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column of gaps alone
        ranges = np.nanmax(features, axis=0).astype(np.float64) - np.nanmin(features, axis=0)
    kinds = [column.kind for column in dataset.columns] or ["number"] * len(ranges)
    names = dataset.feature_names or [f"x{number}" for number in range(len(ranges))]
    found = sorted(
        (float(spread), name)
        for spread, name, kind in zip(ranges, names, kinds, strict=True)
        if kind == "number" and np.isfinite(spread) and spread > 0.0
    )
    return tuple((name, spread) for spread, name in (found[0], found[-1])) if found[1:] else ()


def _study_data(dataset: Dataset, study_seed: int, split: str, num_folds: int) -> StudyData:
    return StudyData(dataset, study_seed=study_seed, split=split, num_folds=num_folds)
