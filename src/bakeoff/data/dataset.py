"""The data of a study in memory: one feature matrix, labels, and the sealed test part."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from bakeoff.errors import DataError
from bakeoff.records import Column, Described


@dataclass(frozen=True, slots=True, eq=False)
class OpenTest:
    """The test part after it was opened.

    Attributes:
        features: shape (num_test, num_features), uint8 or float32, C-contiguous.
        labels: shape (num_test,): classes, int32; values, float64, in a regression.
    """

    features: NDArray[Any]
    labels: NDArray[Any]


class SealedTest:
    """The test part of a dataset; nothing can be read from it but its size and its hash.

    Only ``open_`` gives the examples, and the driver calls it once per study, after every
    choice (a replication: at its start, because its author measured every model on it). Each
    call is counted in ``num_openings``.
    """

    __slots__ = ("_features", "_labels", "hash", "num_examples", "num_openings")

    def __init__(self, features: NDArray[Any], labels: NDArray[Any], hash_: str) -> None:
        self._features = features
        self._labels = labels
        self.hash = hash_
        self.num_examples = len(labels)
        self.num_openings = 0

    def __len__(self) -> int:
        return self.num_examples

    def __repr__(self) -> str:
        return f"SealedTest({self.num_examples} examples, opened {self.num_openings} times)"

    def open_(self) -> OpenTest:
        """Breaks the seal and counts it; the caller must record the opening in the store."""
        self.num_openings += 1
        return OpenTest(self._features, self._labels)


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Everything a study needs to know of its data.

    Attributes:
        name: as in the study file.
        features: non-test examples, shape (num_examples, num_features), uint8 or float32,
            C-contiguous and read-only, perhaps memory-mapped. Bytes stay bytes.
        labels: shape (num_examples,), read-only: int32, 0 … num_classes - 1; in a regression the
            values to predict, float64.
        test: the sealed test part.
        class_names: shape (num_classes,); empty in a regression.
        feature_names: shape (num_features,); empty for images.
        image_shape: (height, width) or (height, width, channels), or None.
        hash: SHA-256 over features, labels, test part and their shapes, in hexadecimal.
        duplicates_across_splits: number of test examples whose features also occur outside the
            test part (counted when the data is loaded, by row hashes), or None if not counted.
        task: what is predicted.
        columns: what the columns of ``features`` hold, shape (num_features,), where some are
            categories or have gaps and must be encoded before a network can take them; empty
            where they are finite numbers.
        target: name of the column that is predicted; empty where there is no such name.
        weights: how much each example counts, float32, positive, shape (num_examples,), or None.
        groups: number of the group of each example, int32, shape (num_examples,): a group is
            never split between training and validation part; or None.
        folds: the author's own fold of each example, int32 from 0, shape (num_examples,), -1 where
            it always trains; or None.
        described: what each column of a table was taken for; empty for anything else.
        remarks: what else was done to the data that its owner should know.
    """

    name: str
    features: NDArray[Any]
    labels: NDArray[Any]
    test: SealedTest
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    image_shape: tuple[int, ...] | None
    hash: str
    duplicates_across_splits: int | None = None
    task: Literal["classification", "regression"] = "classification"
    columns: tuple[Column, ...] = ()
    target: str = ""
    weights: NDArray[np.float32] | None = None
    groups: NDArray[np.int32] | None = None
    folds: NDArray[np.int32] | None = None
    described: tuple[Described, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def num_examples(self) -> int:
        return len(self.labels)

    @property
    def num_features(self) -> int:
        return int(self.features.shape[1])

    @property
    def is_table(self) -> bool:
        """Whether its columns have ranges of their own: no pictures, no bytes."""
        return self.features.dtype != np.uint8 and self.image_shape is None

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def num_outputs(self) -> int:
        """What a network has at its end: one per class, or the value."""
        return 1 if self.task == "regression" else self.num_classes


def no_data(name: str) -> Dataset:
    """What a study has whose program reads its data itself: no example, nothing to seal."""
    features, labels = np.zeros((0, 0), np.float32), np.zeros(0, np.int32)
    whole, test_hash = hashes(features, labels, features, labels)
    sealed = SealedTest(features, labels, test_hash)
    return Dataset(name, features, labels, sealed, (), (), None, whole)


def assemble(
    name: str,
    features: NDArray[Any],
    labels: NDArray[Any],
    test_features: NDArray[Any],
    test_labels: NDArray[Any],
    *,
    class_names: tuple[str, ...],
    feature_names: tuple[str, ...] = (),
    image_shape: tuple[int, ...] | None = None,
    known_hashes: tuple[str, str] | None = None,
    **more: Any,
) -> Dataset:
    """Freezes, hashes and counts; the arrays were checked before (see ``from_arrays``).

    Args:
        known_hashes: what ``hashes`` gives for these arrays, where that is known already.
        **more: further fields of ``Dataset``.
    """
    if more.get("task") != "regression":
        check_classes(name, labels, class_names)
    parts = [read_only(part) for part in (features, labels, test_features, test_labels)]
    features, labels, test_features, test_labels = parts
    whole, test_hash = known_hashes or hashes(*parts, salt=_salt(**more))
    return Dataset(
        **more,
        name=name,
        features=features,
        labels=labels,
        test=SealedTest(test_features, test_labels, test_hash),
        class_names=class_names,
        feature_names=feature_names,
        image_shape=image_shape,
        hash=whole,
        duplicates_across_splits=count_duplicates(features, test_features),
    )


def check_classes(name: str, labels: NDArray[Any], class_names: tuple[str, ...]) -> None:
    """DataError unless at least two classes occur, each of them at least twice."""
    counts = np.bincount(labels, minlength=len(class_names))
    occurring = np.flatnonzero(counts)
    if len(occurring) < 2:
        only = repr(class_names[int(occurring[0])]) if len(occurring) else "none"
        raise DataError(
            f"{name}: at least 2 classes must occur, but found only {only}; check the label column"
        )
    rare = np.flatnonzero(counts == 1)
    if len(rare):
        told = [class_names[int(label)] for label in rare]
        numbers = all(name.lstrip("-").replace(".", "", 1).isdigit() for name in class_names)
        raise DataError(
            f"{name}: every class needs at least 2 examples outside the test part, but "
            f"{some_of(told)} "
            f"{'has' if len(rare) == 1 else 'have'} 1; bring more examples or leave the class out"
            + (", or say data.drop_unlabelled = true if it is no label" if "NA" in told else "")
            + (", or say task = 'regression' if it is a number to predict" if numbers else "")
        )


def _salt(
    *,
    task: str = "classification",
    columns: tuple[Column, ...] = (),
    weights: NDArray[Any] | None = None,
    groups: NDArray[Any] | None = None,
    folds: NDArray[Any] | None = None,
    **_others: Any,
) -> str:
    """What else determines the runs on some data; empty for plain numbers and classes."""
    told = [f"{task}"] if task != "classification" else []
    told += [repr(column) for column in columns]
    told += [
        f"{name} {hashlib.sha256(array.tobytes()).hexdigest()}"
        for name, array in (("weights", weights), ("groups", groups), ("folds", folds))
        if array is not None
    ]
    return "\n".join(told)


def hashes(
    features: NDArray[Any],
    labels: NDArray[Any],
    test_features: NDArray[Any],
    test_labels: NDArray[Any],
    *,
    salt: str = "",
) -> tuple[str, str]:
    """(hash of a dataset, hash of its test part): SHA-256 in hexadecimal."""
    test_hash = _hash(test_features, test_labels)
    return _hash(features, labels, salt=test_hash + salt), test_hash


def _hash(features: NDArray[Any], labels: NDArray[Any], salt: str = "") -> str:
    """SHA-256 over types, shapes and values, in hexadecimal."""
    header = f"bakeoff-data-1 {features.dtype} {features.shape} {labels.shape} {salt}\n"
    state = hashlib.sha256(header.encode())
    state.update(np.ascontiguousarray(features).data)
    state.update(np.ascontiguousarray(labels).data)
    return state.hexdigest()


def count_duplicates(features: NDArray[Any], test_features: NDArray[Any]) -> int:
    """Number of test examples whose features occur, byte for byte, outside the test part."""
    sums, test_sums = _row_sums(features), _row_sums(test_features)
    # Rows that are equal have equal sums, so only the few that share one are compared as they are.
    tests = [row.tobytes() for row in test_features[np.isin(test_sums, sums)]]
    others = {row.tobytes() for row in features[np.isin(sums, test_sums)]} if tests else set()
    return sum(row in others for row in tests)


def _row_sums(features: NDArray[Any]) -> NDArray[np.uint64]:
    """The sum of each row's bytes, eight (or as many as divide the row) at a time, modulo 2⁶⁴."""
    row_bytes = features.shape[1] * features.itemsize
    word = next(size for size in (8, 4, 2, 1) if row_bytes % size == 0)
    words = np.ascontiguousarray(features).view(f"u{word}")
    return cast("NDArray[np.uint64]", words.sum(axis=1, dtype=np.uint64))


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A C-contiguous array that cannot be written to; of a memory map another one."""
    view = array.view() if array.flags.c_contiguous else np.ascontiguousarray(array)
    view.setflags(write=False)
    return view


COARSEST = 0.1
"""Step between two neighbouring float32 numbers as a share of the sd, beyond which values are lost."""


def check_steps(values: NDArray[Any], place: str, instead: str = "") -> None:
    """DataError where float32, in which networks compute, cannot tell values apart.

    Args:
        values: shape (n,), before they become float32; NaN stands for a gap. Some of them are
            looked at.
        place: of the values in the message.
        instead: what else can be done.
    """
    values = np.asarray(values[:: max(1, len(values) // 1_000)], np.float64)
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return
    with np.errstate(over="ignore", invalid="ignore"):
        largest, spread = np.abs(values).max(), float(values.std())
        step = float(np.spacing(np.float32(largest)))
    if 0.0 < COARSEST * spread < step < np.inf:
        middle = float(values.mean())
        raise DataError(
            f"{place}: values near {middle:.6g} that differ by about {spread:.2g} are too close together for "
            f"float32, whose step there is {step:.2g}; subtract {middle:.6g} from them{instead}"
        )


def some_of(words: Sequence[str], limit: int = 5) -> str:
    """The first few words, quoted, and how many more there are."""
    shown = ", ".join(repr(word) for word in words[:limit])
    return shown + (f" and {len(words) - limit} more" if len(words) > limit else "")
