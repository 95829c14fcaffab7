"""Scores of predictions against labels, in float64; knows arrays, nothing of models or data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bakeoff.records import Scores

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]

IMBALANCE_RATIO = 3.0
"""Most frequent ÷ rarest class above which plain accuracy mostly measures the frequent ones."""

RELIABILITY_BINS = 15
"""As in Guo et al. (2017), "On calibration of modern neural networks"."""

METRICS: dict[str, bool] = {"accuracy": True, "macro_recall": True, "loss": False}
"""Name of every metric a study can decide by → whether higher is better."""

SHARES = frozenset({"accuracy", "macro_recall"})
"""Metrics that are shares between 0 and 1, spoken of in points (hundredths)."""


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


def macro_recall(labels: Ints, predictions: Ints, num_classes: int) -> float:
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


def scores_from_logits(logits: NDArray[Any], labels: Ints, num_classes: int) -> Scores:
    """Loss, accuracy and macro-recall of one set of outputs.

    The loss is the mean softmax cross-entropy in nats by the log-sum-exp formula. A row with a
    non-finite logit makes the loss None: it does not exist.

    Args:
        logits: outputs before the softmax, shape (n, num_classes).
        labels: shape (n,).
        num_classes: number of classes.

    Returns:
        scores, all None without examples.
    """
    if not len(labels):
        return Scores(None, None, None)
    outputs = logits.astype(np.float64)
    predictions = outputs.argmax(axis=1)
    loss: float | None = None
    if np.isfinite(outputs).all():
        top = outputs.max(axis=1)
        log_sum = top + np.log(np.exp(outputs - top[:, None]).sum(axis=1))
        loss = float(np.mean(log_sum - outputs[np.arange(len(labels)), labels]))
    return Scores(
        loss=loss,
        accuracy=float(np.mean(predictions == labels)),
        macro_recall=macro_recall(labels, predictions, num_classes),
    )


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


def is_unbalanced(class_counts: Sequence[int]) -> bool:
    """Whether the most frequent class has over 3 times as many examples as the rarest one.

    Classes without an example are left out: nothing can be measured on them. MNIST's digits are
    at 1.2, Fashion-MNIST at 1.0, a 70 : 30 two-class problem at 2.3.
    """
    present = [count for count in class_counts if count > 0]
    return bool(present) and max(present) > IMBALANCE_RATIO * min(present)


def default_metric(class_counts: Sequence[int]) -> Literal["accuracy", "macro_recall"]:
    """What decides when the study file names no metric: macro-recall where unbalanced.

    Args:
        class_counts: examples per class outside the test part.
    """
    return "macro_recall" if is_unbalanced(class_counts) else "accuracy"
