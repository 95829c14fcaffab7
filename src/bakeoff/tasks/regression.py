"""Regression: scores of predicted values against true ones, in float64; knows arrays, no models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.tasks.base import Metric, Task


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


REGRESSION = Task(
    kind="regression",
    metrics=(
        Metric("rmse", higher_is_better=False),
        Metric("mae", higher_is_better=False),
        Metric("r2", higher_is_better=True),
    ),
    score=score_values,
    baseline=always_mean,
)
