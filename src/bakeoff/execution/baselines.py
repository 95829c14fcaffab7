"""What simple models reach on the same folds: nobody should be proud of a network that they beat.

Logistic or ridge regression on standardised columns, and boosted trees at scikit-learn's defaults. They
compete in no stage: they are trained on the replicates of the first look and held against the
candidate that was chosen.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bakeoff.data.dataset import Dataset
from bakeoff.evidence.intervals import paired_comparison
from bakeoff.execution.context import StudyContext, metric_array
from bakeoff.execution.events import Note, StageStarted
from bakeoff.records import Baseline, Candidate, DataSummary
from bakeoff.spec import StudySpec
from bakeoff.tasks.base import Task
from bakeoff.trainables.base import Trainable

STAGE = "baselines"
LEVEL = 0.95

BOOSTED = "boosted trees"

MOST_CELLS = 25_000_000
"""Examples × inputs × outputs beyond which they would take longer than many a study."""

MOST_SECONDS = 30.0
"""Of all boosted trees on one core, beyond which they are left out."""


def simple_models(
    spec: StudySpec,
    trainable: Trainable,
    dataset: Dataset,
    data: DataSummary,
    num_replicates: int,
) -> dict[str, float]:
    """Which simple models a study trains, and about how many seconds all runs of each take.

    A study that says nothing of them trains them beside networks on a table. Seconds are of one core,
    from times that scikit-learn's defaults took: boosted trees bin each column, and grow a tree per
    class and round.
    """
    wanted = spec.baselines
    if wanted is None:
        wanted = trainable.kind == "dense" and dataset.is_table
    if not wanted or spec.kind != "study" or trainable.task.score is None:
        return {}
    num_inputs = data.num_inputs or data.num_features
    cells, outputs = data.num_train * num_inputs, max(1, data.num_classes)
    if cells * outputs > MOST_CELLS:
        return {}
    linear = "ridge regression" if trainable.task.kind == "regression" else "logistic regression"
    found = {linear: num_replicates * (0.02 + 5e-8 * cells * outputs)}
    trees = outputs if outputs > 2 else 1
    leaves = min(1.0, data.num_train / 600)  # of the 31 that a tree may have, each of 20 examples
    seconds = num_replicates * trees * (0.03 + leaves * (0.1 + 6e-7 * cells + 5e-3 * num_inputs))
    return found | ({BOOSTED: seconds} if seconds <= MOST_SECONDS else {})


def train_baselines(context: StudyContext, chosen: Candidate) -> tuple[Baseline, ...]:
    """Trains the baselines of the study and compares the chosen candidate with each.

    Raises:
        Interrupted: the study was asked to end.
    """
    service, data = context.runs, context.runs.data.summary
    replicates = context.replicates[: context.rule.looks[0]]
    models = simple_models(context.spec, service.trainable, context.dataset, data, len(replicates))
    if not models:
        if context.spec.baselines:
            service.notify(
                Note("No baselines: on so much data they would take longer than the study.")
            )
        return ()
    service.notify(
        StageStarted(
            len(context.spec.stage), STAGE, "What do simple models reach on the same folds?"
        )
    )
    from bakeoff.trainables.sklearn import brought_estimator

    (ours,) = context.train(context.spec.stage[-1].name, [chosen], replicates)
    found = []
    for label in models:
        task = service.trainable.task
        trainable = brought_estimator(_estimator(label, task), task, threads=1)
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


def _estimator(label: str, task: Task) -> Any:
    from sklearn import ensemble, linear_model
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = task.kind == "regression"
    if label == BOOSTED:
        if regression:
            return ensemble.HistGradientBoostingRegressor()
        return ensemble.HistGradientBoostingClassifier()
    logistic = linear_model.LogisticRegression(max_iter=1_000)
    return make_pipeline(StandardScaler(), linear_model.Ridge() if regression else logistic)
