"""Classification: scores of outputs against classes, in float64; knows arrays, no models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bakeoff.records import ClassificationExam, Example, Mistaken, StudyResult, Verdict
from bakeoff.tasks.base import Metric, Task

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]

IMBALANCE_RATIO = 3.0
"""Most frequent ÷ rarest class above which plain accuracy mostly measures the frequent ones."""

NUM_MISTAKES = 24
MOST_EXAMPLES = 20
RELIABILITY_BINS = 15
"""As in Guo et al. (2017), "On calibration of modern neural networks"."""


def confusion(labels: Ints, predictions: Ints, num_classes: int) -> NDArray[np.int64]:
    """Counts of every (actual, predicted) pair.

    Args:
        labels, predictions: classes 0 … num_classes - 1, shape (n,), any integer type.
        num_classes: number of classes.

    Returns:
        shape (num_classes, num_classes), axes actual, predicted.
    """
    pairs = np.asarray(labels).astype(np.int64) * num_classes + np.asarray(predictions)
    counts = np.bincount(pairs.astype(np.int64), minlength=num_classes * num_classes)
    return counts.reshape(num_classes, num_classes).astype(np.int64)


def balanced_accuracy(labels: Ints, predictions: Ints, num_classes: int) -> float:
    """Mean over the classes that occur of the share recognised.

    The same as scikit-learn's ``balanced_accuracy_score``; NaN without examples.

    Args:
        labels, predictions: classes 0 … num_classes - 1, shape (n,), any integer type.
        num_classes: number of classes.
    """
    counts = confusion(labels, predictions, num_classes)
    per_class = counts.sum(axis=1)
    occurs = per_class > 0
    if not occurs.any():
        return float("nan")
    return float(np.mean(np.diag(counts)[occurs] / per_class[occurs]))


def softmax(logits: NDArray[Any]) -> Floats:
    """Probabilities in float64, shape as given, without overflow for any finite logits."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted


def score_logits(logits: NDArray[Any], labels: Ints) -> dict[str, float]:
    """Loss, accuracy and balanced accuracy of one set of outputs.

    The loss is the mean softmax cross-entropy in nats by the log-sum-exp formula. Where an output
    is not finite there is no loss.

    Args:
        logits: outputs before the softmax, shape (n, num_classes); logarithms of probabilities
            will do.
        labels: shape (n,).

    Returns:
        metric name → value; empty without examples.
    """
    if not len(labels):
        return {}
    outputs = logits.astype(np.float64)
    predictions = outputs.argmax(axis=1)
    scores = {
        "accuracy": float(np.mean(predictions == labels)),
        "balanced_accuracy": balanced_accuracy(labels, predictions, outputs.shape[1]),
    }
    if np.isfinite(outputs).all():
        top = outputs.max(axis=1)
        log_sum = top + np.log(np.exp(outputs - top[:, None]).sum(axis=1))
        scores["loss"] = float(np.mean(log_sum - outputs[np.arange(len(labels)), labels]))
    return scores


SMALLEST_PROBABILITY = float(np.finfo(np.float64).eps)
"""What a probability of 0 counts as in a loss, as in ``sklearn.metrics.log_loss``."""


def score_probabilities(probabilities: NDArray[Any], labels: Ints) -> Mapping[str, float]:
    """As ``score_logits``, of probabilities of shape (n, num_classes)."""
    given = np.asarray(probabilities, np.float64)
    clipped = np.where(np.isnan(given), np.nan, np.clip(given, SMALLEST_PROBABILITY, None))
    return score_logits(np.log(clipped), labels)


def reliability(
    probabilities: NDArray[Any], labels: Ints, bins: int = RELIABILITY_BINS
) -> tuple[Floats, float]:
    """How far a model's confidence can be taken at its word.

    Bins are equal, open on the left: (0, 1/bins], … Expected calibration error as in Naeini,
    Cooper & Hauskrecht (2015), "Obtaining well calibrated probabilities using Bayesian binning":
    the mean over examples of |accuracy − confidence| of their bin.

    Args:
        probabilities: shape (n, num_classes), rows summing to 1.
        labels: shape (n,).
        bins: number of bins.

    Returns:
        shape (bins, 3): per bin the count, the mean confidence and the accuracy (both 0 in an
        empty bin); and the expected calibration error (0 without examples).
    """
    table = np.zeros((bins, 3))
    if not len(labels):
        return table, 0.0
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    index = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(index, minlength=bins).astype(np.float64)
    filled = count > 0
    table[:, 0] = count
    table[filled, 1] = np.bincount(index, confidence, bins)[filled] / count[filled]
    table[filled, 2] = np.bincount(index, right, bins)[filled] / count[filled]
    error = float(np.sum(count * np.abs(table[:, 1] - table[:, 2])) / len(labels))
    return table, error


def exam(probabilities: NDArray[Any], labels: Ints, features: NDArray[Any]) -> ClassificationExam:
    """What a model got right and wrong on the opened test part.

    Args:
        probabilities: shape (n, num_classes).
        labels: shape (n,).
        features: shape (n, num_features), as the data holds them.
    """
    table, error = reliability(probabilities, labels)
    num_classes = probabilities.shape[1]
    return ClassificationExam(
        confusion=confusion(labels, probabilities.argmax(axis=1), num_classes),
        reliability=table,
        calibration_error=error,
        mistakes=worst_mistakes(probabilities, labels, features),
        examples=first_examples(labels, features, num_classes),
    )


def worst_mistakes(
    probabilities: NDArray[Any], labels: Ints, features: NDArray[Any]
) -> tuple[Mistaken, ...]:
    """The wrong predictions the model was surest of, at most 24, surest first."""
    predictions = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predictions != labels)
    surest = probabilities[wrong, predictions[wrong]]
    worst = wrong[np.argsort(-surest, kind="stable")][:NUM_MISTAKES]
    return tuple(
        Mistaken(
            row=int(row),
            predicted=int(predictions[row]),
            actual=int(labels[row]),
            probability=float(probabilities[row, predictions[row]]),
            features=features[row].copy(),
        )
        for row in worst
    )


def first_examples(labels: Ints, features: NDArray[Any], num_classes: int) -> tuple[Example, ...]:
    """The first test example of each class, at most 20: what trying the model starts from."""
    rows = [np.flatnonzero(labels == label)[:1] for label in range(num_classes)]
    return tuple(
        Example(row=int(row[0]), actual=label, features=features[row[0]].copy())
        for label, row in enumerate(rows[:MOST_EXAMPLES])
        if len(row)
    )


def is_unbalanced(class_counts: Sequence[int]) -> bool:
    """Whether the most frequent class has over 3 times as many examples as the rarest one.

    Classes without an example are left out: nothing can be measured on them. MNIST's digits are
    at 1.2, Fashion-MNIST at 1.0, a 70 : 30 two-class problem at 2.3.
    """
    present = [count for count in class_counts if count > 0]
    return bool(present) and max(present) > IMBALANCE_RATIO * min(present)


def default_metric(class_counts: Sequence[int]) -> Literal["accuracy", "balanced_accuracy"]:
    """What decides when the study file names no metric: balanced accuracy where unbalanced.

    Args:
        class_counts: examples per class outside the test part.
    """
    return "balanced_accuracy" if is_unbalanced(class_counts) else "accuracy"


def majority(labels: NDArray[Any]) -> Mapping[str, float]:
    """What always naming the most frequent class scores; empty without examples."""
    counts = np.bincount(np.asarray(labels, np.int64)) if len(labels) else np.zeros(0, np.int64)
    present = counts[counts > 0]
    if not len(present):
        return {}
    return {
        "accuracy": float(present.max() / present.sum()),
        "balanced_accuracy": 1.0 / len(present),
    }


CLASSIFICATION = Task(
    kind="classification",
    metrics=(
        Metric("accuracy", higher_is_better=True, share=True),
        Metric("balanced_accuracy", higher_is_better=True, share=True),
        Metric("loss", higher_is_better=False),
    ),
    score=score_probabilities,
    baseline=majority,
    exam=exam,
)

ACCURACY, BALANCED_ACCURACY, LOSS = CLASSIFICATION.metrics


def metric_named(name: str) -> Metric:
    """The metric of that name; one that is not known is a plain number, the larger the better."""
    try:
        return CLASSIFICATION.metric(name)
    except KeyError:
        return Metric(name, higher_is_better=True)


def metric_of(record: Verdict | StudyResult) -> Metric:
    """What decided, as its task declared it; known by its name where an older store holds it."""
    if isinstance(record, Verdict):
        return record.measure or metric_named(record.metric)
    return metric_of(record.stages[0].verdict) if record.stages else metric_named(record.metric)
