"""Regression: scores of predicted values against true ones, in float64; knows arrays, no models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.records import Missed, RegressionExam
from bakeoff.tasks.base import Metric, Task

MOST_POINTS = 2_000
NUM_WORST = 24
NUM_EXAMPLES = 6


def score_values(predicted: NDArray[Any], targets: NDArray[Any]) -> Mapping[str, float]:
    """Root mean squared error, mean absolute error and R², each as in ``sklearn.metrics``.

    Args:
        predicted, targets: shape (n,), in the target's own units.

    Returns:
        metric name → value; no R² where the targets do not vary, nothing without examples.
    """
    if not len(targets):
        return {}
    wanted = np.asarray(targets, np.float64)
    error = np.asarray(predicted, np.float64) - wanted
    scores = {
        "rmse": float(np.sqrt(np.mean(np.square(error)))),
        "mae": float(np.mean(np.abs(error))),
    }
    total = float(np.sum(np.square(wanted - wanted.mean())))
    if total > 0.0:
        scores["r2"] = 1.0 - float(np.sum(np.square(error))) / total
    return scores


def always_mean(targets: NDArray[Any]) -> Mapping[str, float]:
    """What always predicting the mean scores; empty without examples."""
    if not len(targets):
        return {}
    return score_values(np.full(len(targets), np.mean(targets, dtype=np.float64)), targets)


def exam(predicted: NDArray[Any], targets: NDArray[Any], features: NDArray[Any]) -> RegressionExam:
    """What a model predicts of the opened test part.

    Args:
        predicted, targets: shape (n,).
        features: shape (n, num_features), as the data holds them.
    """
    predicted, wanted = np.asarray(predicted, np.float64), np.asarray(targets, np.float64)
    order = np.argsort(wanted, kind="stable")
    shown = order[np.linspace(0, len(order) - 1, min(len(order), MOST_POINTS)).astype(np.intp)]
    tried = order[np.linspace(0, len(order) - 1, min(len(order), NUM_EXAMPLES)).astype(np.intp)]

    def told(rows: NDArray[np.intp]) -> tuple[Missed, ...]:
        return tuple(
            Missed(int(row), float(predicted[row]), float(wanted[row]), features[row].copy())
            for row in rows
        )

    worst = np.argsort(-np.abs(predicted - wanted), kind="stable")[:NUM_WORST]
    return RegressionExam(
        predicted=predicted[shown],
        actual=wanted[shown],
        worst=told(worst),
        examples=told(tried),
    )


REGRESSION = Task(
    kind="regression",
    metrics=(
        Metric("rmse", higher_is_better=False),
        Metric("mae", higher_is_better=False),
        Metric("r2", higher_is_better=True),
    ),
    score=score_values,
    baseline=always_mean,
    exam=exam,
)
