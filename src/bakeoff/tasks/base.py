"""What a task is: the metrics it knows and how outputs are scored; knows no model and no study."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from bakeoff.records import ClassificationExam

TaskKind = Literal["classification", "regression", "declared"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One number that says how good a model is.

    Attributes:
        name: as in records and study files, without a part, such as ``accuracy``.
        higher_is_better: its direction.
        share: whether it lies between 0 and 1 and is spoken of in points (hundredths).
        unit: of a number that is no share, such as ``€``; empty where there is none.
    """

    name: str
    higher_is_better: bool
    share: bool = False
    unit: str = ""

    @property
    def sign(self) -> float:
        """1 where higher is better, else −1: ``sign * value`` is always better when larger."""
        return 1.0 if self.higher_is_better else -1.0

    @property
    def words(self) -> str:
        """In running text, such as ``balanced accuracy``."""
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Task:
    """What is predicted.

    Attributes:
        kind: classification, regression, or declared (a program measures itself).
        metrics: the first decides where a study names none.
        score: (outputs, targets) → metric name → finite value, for every metric that exists.
            Outputs are shape (n, num_classes) probabilities or scores in a classification, (n,)
            values in a regression. None where the program measures itself.
        strata: targets → the group of each example, shape (n,), that folds are balanced over.
        baseline: targets → metric name → value of knowing nothing (always the most frequent
            class; the mean).
        exam: (outputs, targets, features) of the opened test part → what the page shows of it.
    """

    kind: TaskKind
    metrics: tuple[Metric, ...]
    score: Callable[[NDArray[Any], NDArray[Any]], Mapping[str, float]] | None = None
    strata: Callable[[NDArray[Any]], NDArray[Any]] | None = None
    baseline: Callable[[NDArray[Any]], Mapping[str, float]] | None = None
    exam: Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], ClassificationExam] | None = None

    def metric(self, name: str) -> Metric:
        """The metric of that name; KeyError if the task knows none."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(name)
