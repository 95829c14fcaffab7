"""What is predicted, and how well it is done: metrics, scores, baselines, the exam."""

from bakeoff.tasks.base import Task
from bakeoff.tasks.classification import CLASSIFICATION
from bakeoff.tasks.regression import REGRESSION

__all__ = ["task_of"]


def task_of(kind: str) -> Task:
    """The task of data whose target is of that kind: classification or regression."""
    return REGRESSION if kind == "regression" else CLASSIFICATION
