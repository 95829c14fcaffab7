"""What simple models reach on the same folds: nobody should be proud of a network that they beat.

Logistic or ridge regression on standardised columns, and boosted trees at scikit-learn's defaults. They
compete in no stage: they are trained on the replicates on which the last choice was made and held
against the candidate that was chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bakeoff.data.dataset import Dataset
from bakeoff.evidence.intervals import compare_runs
from bakeoff.execution.context import StudyContext
from bakeoff.execution.events import Note, StageStarted
from bakeoff.records import Baseline, Candidate, DataSummary
from bakeoff.spec import StudySpec
from bakeoff.tasks.base import Task
from bakeoff.trainables.base import Trainable

STAGE = "baselines"

BOOSTED = "boosted trees"

MOST_CELLS = 25_000_000
"""Examples × inputs × outputs beyond which they would take longer than many a study."""

MOST_SECONDS = 30.0
"""Of one core: beyond it there are fewer replicates, and in the end no boosted trees."""

LEAK_SHARE = 0.95
MOST_LOOKED_AT = 200
MOST_ROWS_LOOKED_AT = 4_000
FEWEST_ROWS_LOOKED_AT = 50


def simple_models(
    spec: StudySpec,
    trainable: Trainable,
    dataset: Dataset,
    data: DataSummary,
    fewest: int,
) -> dict[str, float]:
    """Which simple models a study trains, and about how many seconds one run of each takes.

    A study that says nothing of them trains them beside networks on a table. Seconds are of one core,
    from times that scikit-learn's defaults took: boosted trees bin each column, and grow a tree per
    class and round.

    Args:
        fewest: replicates that they are trained on at least.
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
    found = {linear: 0.02 + 5e-8 * cells * outputs}
    trees = outputs if outputs > 2 else 1
    leaves = min(1.0, data.num_train / 600)  # of the 31 that a tree may have, each of 20 examples
    seconds = trees * (0.03 + leaves * (0.1 + 6e-7 * cells + 5e-3 * num_inputs))
    return found | ({BOOSTED: seconds} if fewest * seconds <= MOST_SECONDS else {})


def num_replicates(models: Mapping[str, float], fewest: int, most: int) -> int:
    """On how many replicates simple models are trained: as many as the time for them allows.

    Args:
        models: seconds per run of each.
        fewest: replicates of the first look.
        most: those on which the choice was made.
    """
    return max(fewest, min(most, int(MOST_SECONDS / sum(models.values()))))


def leaks(dataset: Dataset) -> tuple[tuple[str, float], ...]:
    """Columns from which a small tree tells nearly all of the target: (name, how much).

    How much is the accuracy above that of the most frequent class as a share of what there is to
    gain, or R², on examples outside the test part that the tree has not seen.
    """
    if not dataset.feature_names or dataset.num_features > MOST_LOOKED_AT:
        return ()
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    rows = np.random.default_rng(0).permutation(dataset.num_examples)[:MOST_ROWS_LOOKED_AT]
    half = len(rows) // 2
    labels, features = dataset.labels[rows], dataset.features[rows]
    is_regression = dataset.task == "regression"
    if half < FEWEST_ROWS_LOOKED_AT:
        return ()
    kind = DecisionTreeRegressor if is_regression else DecisionTreeClassifier
    most = 0.0 if is_regression else np.bincount(labels[half:]).max() / len(labels[half:])
    found = []
    for number, name in enumerate(dataset.feature_names):
        column = np.nan_to_num(features[:, [number]].astype(np.float64), nan=-1e30)
        tree = kind(max_leaf_nodes=64, random_state=0).fit(column[:half], labels[:half])
        score = float(tree.score(column[half:], labels[half:]))
        share = (score - most) / (1.0 - most) if most < 1.0 else 0.0
        if share >= LEAK_SHARE:
            found.append((name, share))
    return tuple(found)


def train_baselines(
    context: StudyContext, chosen: Candidate, num_decided: int
) -> tuple[Baseline, ...]:
    """Trains the baselines of the study and compares the chosen candidate with each.

    Args:
        num_decided: replicates on which the last choice was made.

    Raises:
        Interrupted: the study was asked to end.
    """
    service, data = context.runs, context.runs.data.summary
    fewest = context.rule.looks[0]
    models = simple_models(context.spec, service.trainable, context.dataset, data, fewest)
    if not models:
        on_tables = service.trainable.kind == "dense" and context.dataset.is_table
        if context.spec.baselines or (context.spec.baselines is None and on_tables):
            service.notify(
                Note("No baselines: on so much data they would take longer than the study.")
            )
        return ()
    replicates = context.replicates[: num_replicates(models, fewest, num_decided)]
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
        own = service.for_another(trainable)
        settings = trainable.space.complete({})
        runs = own.get([own.request(STAGE, label, settings, one) for one in replicates])
        service.num_trained += own.num_trained
        service.num_reused += own.num_reused
        pair = compare_runs(ours, runs, context.rule.metric, context.sampling)
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
