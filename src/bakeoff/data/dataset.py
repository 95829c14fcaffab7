"""The data of a study in memory: one feature matrix, labels, and the sealed test part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class OpenTest:
    """The test part after it was opened.

    Attributes:
        features: shape (num_test, num_features), uint8 or float32, C-contiguous.
        labels: shape (num_test,), int32.
    """

    features: NDArray[Any]
    labels: NDArray[np.int32]


class SealedTest:
    """The test part of a dataset; nothing can be read from it but its size and its hash.

    Only ``open_`` gives the examples, and the driver calls it once per study, after every
    choice (a replication: at its start, because its author measured every model on it). Each
    call is counted in ``num_openings``.
    """

    __slots__ = ("_features", "_labels", "hash", "num_examples", "num_openings")

    def __init__(self, features: NDArray[Any], labels: NDArray[np.int32], hash_: str) -> None:
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
            C-contiguous and read-only. Bytes stay bytes.
        labels: shape (num_examples,), int32, 0 … num_classes - 1, read-only.
        test: the sealed test part.
        class_names: shape (num_classes,).
        feature_names: shape (num_features,); empty for images.
        image_shape: (height, width) or (height, width, channels), or None.
        hash: SHA-256 over features, labels, test part and their shapes, in hexadecimal.
        duplicates_across_splits: number of test examples whose features also occur outside the
            test part (counted when the data is loaded, by row hashes), or None if not counted.
    """

    name: str
    features: NDArray[Any]
    labels: NDArray[np.int32]
    test: SealedTest
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    image_shape: tuple[int, ...] | None
    hash: str
    duplicates_across_splits: int | None = None
    _cache: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def num_examples(self) -> int:
        return len(self.labels)

    @property
    def num_features(self) -> int:
        return int(self.features.shape[1])

    @property
    def num_classes(self) -> int:
        return len(self.class_names)
