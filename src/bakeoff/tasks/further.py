"""Metrics of scikit-learn's that may decide besides a task's own: their names and directions."""

from __future__ import annotations

from bakeoff.records import Metric

CLASSIFICATION = (
    Metric("roc_auc", higher_is_better=True, share=True),
    Metric("average_precision", higher_is_better=True, share=True),
    Metric("f1", higher_is_better=True, share=True),
    Metric("precision", higher_is_better=True, share=True),
    Metric("recall", higher_is_better=True, share=True),
    Metric("matthews_corrcoef", higher_is_better=True),
    Metric("brier", higher_is_better=False),
)
REGRESSION = (
    Metric("median_absolute_error", higher_is_better=False),
    Metric("max_error", higher_is_better=False),
    Metric("mape", higher_is_better=False),
)


def further(kind: str) -> tuple[Metric, ...]:
    """Of a classification or a regression."""
    return REGRESSION if kind == "regression" else CLASSIFICATION
