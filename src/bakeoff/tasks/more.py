"""Metrics by scikit-learn's names, computed by it: imported only where one of them is asked for."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.tasks.base import Task
from bakeoff.tasks.further import further

Score = Callable[[Any, NDArray[Any], NDArray[Any]], float]


def _positive(outputs: NDArray[Any]) -> NDArray[Any]:
    """Of two classes the probability of the second, as scikit-learn takes it."""
    return outputs[:, 1] if outputs.shape[1] == 2 else outputs


def _average(outputs: NDArray[Any]) -> str:
    """Two classes: of the second one; more: the mean over the classes."""
    return "binary" if outputs.shape[1] == 2 else "macro"


def _roc_auc(m: Any, outputs: NDArray[Any], labels: NDArray[Any]) -> float:
    several = {"multi_class": "ovr", "labels": np.arange(outputs.shape[1])}
    return float(
        m.roc_auc_score(labels, _positive(outputs), **(several if outputs.shape[1] > 2 else {}))
    )


def _average_precision(m: Any, outputs: NDArray[Any], labels: NDArray[Any]) -> float:
    if outputs.shape[1] == 2:
        return float(m.average_precision_score(labels, outputs[:, 1]))
    one_hot = np.eye(outputs.shape[1])[labels]
    return float(
        m.average_precision_score(one_hot[:, one_hot.any(axis=0)], outputs[:, one_hot.any(axis=0)])
    )


def _of_classes(name: str) -> Score:
    def score(m: Any, outputs: NDArray[Any], labels: NDArray[Any]) -> float:
        guess = outputs.argmax(axis=1)
        return float(getattr(m, name)(labels, guess, average=_average(outputs), zero_division=0))

    return score


def _brier(m: Any, outputs: NDArray[Any], labels: NDArray[Any]) -> float:
    del m  # the mean over examples of the squared distance, of two classes half of it as ever
    distance = float(np.square(outputs - np.eye(outputs.shape[1])[labels]).sum(axis=1).mean())
    return distance / 2.0 if outputs.shape[1] == 2 else distance


_SCORES: dict[str, Score] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "f1": _of_classes("f1_score"),
    "precision": _of_classes("precision_score"),
    "recall": _of_classes("recall_score"),
    "matthews_corrcoef": lambda m, outputs, labels: float(
        m.matthews_corrcoef(labels, outputs.argmax(axis=1))
    ),
    "brier": _brier,
    "median_absolute_error": lambda m, outputs, labels: float(
        m.median_absolute_error(labels, outputs)
    ),
    "max_error": lambda m, outputs, labels: float(m.max_error(labels, outputs)),
    "mape": lambda m, outputs, labels: float(m.mean_absolute_percentage_error(labels, outputs)),
}


def with_metric(task: Task, name: str) -> Task:
    """The task with one more metric that it scores, where it is none of its own.

    Raises:
        KeyError: scikit-learn's metrics of that kind have no such name.
    """
    if any(metric.name == name for metric in task.metrics) or task.score is None:
        return task
    metric = {one.name: one for one in further(task.kind)}[name]
    core = task.score

    def score(outputs: NDArray[Any], targets: NDArray[Any]) -> Mapping[str, float]:
        return {**core(outputs, targets), **scores(task.kind, outputs, targets, (name,))}

    return replace(task, metrics=(*task.metrics, metric), score=score)


def scores(
    kind: str, outputs: NDArray[Any], targets: NDArray[Any], names: tuple[str, ...] | None = None
) -> dict[str, float]:
    """Metrics of some outputs by scikit-learn; those that cannot be told are left out.

    Args:
        kind: classification or regression.
        outputs: probabilities, shape (n, num_classes), or values, shape (n,).
        targets: shape (n,).
        names: which; all by default.
    """
    from sklearn import metrics

    found = {}
    for name in names or tuple(one.name for one in further(kind)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a class that does not occur, say
            try:
                value = _SCORES[name](metrics, np.asarray(outputs), np.asarray(targets))
            except ValueError:  # one class only, say: there is no such number
                continue
        if np.isfinite(value):
            found[name] = value
    return found
