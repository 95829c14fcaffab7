"""The final model, its exam, and the openings of the test part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bakeoff.records.runs import Cost, Floats, Run, num_parameters
from bakeoff.settings import Settings


@dataclass(frozen=True, slots=True)
class TestOpening:
    """One reading of the test labels.

    Attributes:
        test_hash: SHA-256 of the test features and labels.
        study: name of the study that opened it.
        purpose: ``final``, or ``replication`` where the author measured every model on it.
        opened_at: ISO 8601, UTC.
        ordinal: how many openings of the same test data the store knows, this one included.
    """

    __test__ = False  # not a pytest class

    test_hash: str
    study: str
    purpose: Literal["final", "replication"]
    opened_at: str
    ordinal: int


@dataclass(frozen=True, slots=True, eq=False)
class Mistaken:
    """One test example that the final model got wrong.

    Attributes:
        row: index within the test part.
        predicted, actual: class indices.
        probability: what the model gave the predicted class.
        features: shape (num_features,), as the data holds them, unscaled.
    """

    row: int
    predicted: int
    actual: int
    probability: float
    features: NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One real test example to start from when the final model is tried by hand.

    Attributes:
        row: index within the test part.
        actual: class index.
        features: shape (num_features,), as the data holds them, unscaled.
    """

    row: int
    actual: int
    features: NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class ClassificationExam:
    """What the delivered model got right and wrong on the test part.

    Attributes:
        confusion: shape (num_classes, num_classes), counts; axes actual, predicted.
        reliability: shape (15, 3): per bin of the model's confidence the count, the mean confidence
            and the accuracy.
        calibration_error: expected calibration error, 15 equal bins (Naeini et al. 2015).
        mistakes: the worst mistakes, most confident first, at most 24.
        examples: a few real test examples, one per class.
    """

    confusion: NDArray[np.int64]
    reliability: Floats
    calibration_error: float
    mistakes: tuple[Mistaken, ...]
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Missed:
    """One predicted value of a test example, such as one that is far off.

    Attributes:
        row: in the test part, from 0.
        predicted, actual: in the target's units.
        features: of the example, as the data holds them.
    """

    row: int
    predicted: float
    actual: float
    features: NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class RegressionExam:
    """What the delivered model of a regression predicts of the test part.

    Attributes:
        predicted, actual: shape (n,), of at most 2,000 examples that are spread evenly over all.
        worst: the largest errors, at most 24, largest first.
        examples: a few from the smallest actual value to the largest, to start from when the
            model is tried by hand.
    """

    predicted: Floats
    actual: Floats
    worst: tuple[Missed, ...]
    examples: tuple[Missed, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Final:
    """The chosen settings, refitted on train + validation, and the one look at the test set.

    Attributes:
        settings: of the final candidate.
        cost: as in ``Candidate``.
        runs: the refits, in order of the replicate; they have ``test_…`` metrics and no ``val_…``.
            All of them count in what is reported, those that collapsed too.
        delivered: index into ``runs`` of the delivered refit: the first that has not collapsed.
        opening: the record of the opening of the test set.
        model: named arrays of the delivered model, as its trainable made them.
        exam: of the delivered model; None where the task has none.
        values: the same of a regression.
        model_path: where the delivered model was written, or None.
        feature_stats: shape (num_features, 4): minimum, maximum, mean and standard deviation of
            every feature over the examples outside the test part, unscaled; None where not kept.
    """

    settings: Settings
    cost: Cost
    runs: tuple[Run, ...]
    delivered: int
    opening: TestOpening | None
    model: Mapping[str, NDArray[Any]]
    exam: ClassificationExam | None = None
    values: RegressionExam | None = None
    model_path: str | None = None
    feature_stats: Floats | None = None

    @property
    def num_parameters(self) -> int | None:
        """As in ``Candidate``."""
        return num_parameters(self.cost)
