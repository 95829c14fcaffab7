"""What is predicted, and how well it is done: metrics, scores, baselines, the exam."""

from bakeoff.tasks.base import Task
from bakeoff.tasks.classification import CLASSIFICATION
from bakeoff.tasks.more import with_metric
from bakeoff.tasks.regression import REGRESSION

__all__ = ["task_of"]


def task_of(kind: str, metric: str = "auto") -> Task:
    """The task of data whose target is of that kind: classification or regression.

    Args:
        kind: what is predicted.
        metric: what decides; one of scikit-learn's is scored in addition to the task's own.
    """
    task = REGRESSION if kind == "regression" else CLASSIFICATION
    if metric == "auto":
        return task
    try:
        return with_metric(task, metric)
    except KeyError:  # of the other kind, or a declared one: whoever asks for it says so
        return task
