"""What simple models reach on the same folds: nobody should be proud of a network that they beat.

Logistic or ridge regression on standardised columns, and boosted trees at scikit-learn's defaults. They
compete in no stage: they are trained on the replicates of the first look and held against the
candidate that was chosen.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bakeoff.evidence.intervals import paired_comparison
from bakeoff.execution.context import StudyContext, metric_array
from bakeoff.execution.events import Note, StageStarted
from bakeoff.records import Baseline, Candidate
from bakeoff.tasks.base import Task
from bakeoff.trainables.brought import Brought

STAGE = "baselines"
LEVEL = 0.95

MOST_CLASSES = 10

MOST_CELLS = 25_000_000
"""Examples × inputs × outputs beyond which they would take longer than many a study."""


def train_baselines(context: StudyContext, chosen: Candidate) -> tuple[Baseline, ...]:
    """Trains the baselines of the task and compares the chosen candidate with each.

    Raises:
        Interrupted: the study was asked to end.
    """
    service, data = context.runs, context.runs.data.summary
    cells = data.num_train * (data.num_inputs or data.num_features) * max(1, data.num_classes)
    if cells > MOST_CELLS:
        service.notify(Note("No baselines: on so much data they would take longer than the study."))
        return ()
    service.notify(
        StageStarted(
            len(context.spec.stage), STAGE, "What do simple models reach on the same folds?"
        )
    )
    replicates = context.replicates[: context.rule.looks[0]]
    (ours,) = context.train(context.spec.stage[-1].name, [chosen], replicates)
    found = []
    for label, trainable in _trainables(service.trainable.task, data.num_classes).items():
        own = service.beside(trainable)
        settings = trainable.space.complete({})
        runs = own.get([own.request(STAGE, label, settings, one) for one in replicates])
        service.num_trained += own.num_trained
        service.num_reused += own.num_reused
        metric = context.rule.metric
        values = metric_array([ours, runs], metric.name, len(replicates))
        both = np.isfinite(values).all(axis=0)
        pair = None
        if both.any():
            pair = paired_comparison(
                values[0, both],
                values[1, both],
                first=0,
                second=1,
                sampling=context.sampling,
                level=LEVEL,
                share=metric.share,
            )
        found.append(Baseline(label, tuple(runs), pair))
    return tuple(found)


def _trainables(task: Task, num_classes: int) -> dict[str, Brought]:
    """What is trained, by what it is called; boosted trees grow a tree per class and round."""
    from sklearn import ensemble, linear_model
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from bakeoff.trainables.sklearn import brought_estimator

    if task.kind == "regression":
        models: dict[str, Any] = {
            "ridge regression": make_pipeline(StandardScaler(), linear_model.Ridge()),
            "boosted trees": ensemble.HistGradientBoostingRegressor(),
        }
    else:
        logistic = linear_model.LogisticRegression(max_iter=1_000)
        models = {"logistic regression": make_pipeline(StandardScaler(), logistic)}
        if num_classes <= MOST_CLASSES:
            models["boosted trees"] = ensemble.HistGradientBoostingClassifier()
    return {label: brought_estimator(model, task) for label, model in models.items()}
