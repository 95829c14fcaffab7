"""What a task is: the metrics it knows and how outputs are scored; knows no model and no study."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from bakeoff.records import ClassificationExam, Metric, RegressionExam

__all__ = ["Metric", "Task", "TaskKind"]

TaskKind = Literal["classification", "regression", "declared"]


@dataclass(frozen=True, slots=True)
class Task:
    """What is predicted.

    Attributes:
        kind: classification, regression, or declared (a program measures itself).
        metrics: the first decides where a study names none.
        score: (outputs, targets) → metric name → finite value, for every metric that exists.
            Outputs are shape (n, num_classes) probabilities or scores in a classification, (n,)
            values in a regression. None where the program measures itself.
        baseline: targets → metric name → value of knowing nothing (always the most frequent
            class; the mean).
        exam: (outputs, targets, features) of the opened test part → what the page shows of it.
    """

    kind: TaskKind
    metrics: tuple[Metric, ...]
    score: Callable[[NDArray[Any], NDArray[Any]], Mapping[str, float]] | None = None
    baseline: Callable[[NDArray[Any]], Mapping[str, float]] | None = None
    exam: (
        Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], ClassificationExam | RegressionExam]
        | None
    ) = None

    def metric(self, name: str) -> Metric:
        """The metric of that name; KeyError if the task knows none."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(name)
