"""Comparisons without a study file: a few models on one dataset, or a few programs."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from numpy.typing import ArrayLike

from bakeoff.data.study_data import StudyData
from bakeoff.errors import RunsFailedError, UsageError
from bakeoff.evidence.intervals import gain, turned
from bakeoff.execution.events import nobody
from bakeoff.execution.models import study_model
from bakeoff.execution.runs import RunService
from bakeoff.records import Replicate, Run, StageResult
from bakeoff.result import Result
from bakeoff.stop import Stop
from bakeoff.store.sqlite import Store
from bakeoff.study import Study
from bakeoff.tasks.base import Task
from bakeoff.tasks.classification import metric_of
from bakeoff.trainables.mixed import Mixed

STAGE = "comparison"

_MORE: tuple[str, ...] = (
    "acc",
    "auc",
    "f1",
    "precision",
    "recall",
    "score",
    "reward",
    "return",
    "r2",
    "bleu",
)
_MORE += ("rouge", "iou", "dice", "ndcg", "correct", "elo", "win", "likelihood", "elbo")
_LESS: tuple[str, ...] = (
    "loss",
    "err",
    "error",
    "rmse",
    "mse",
    "mae",
    "mape",
    "ppl",
    "perplexity",
    "nll",
)
_LESS += ("cer", "wer", "fid", "regret", "cost", "bpb", "bpc", "entropy", "deviance")


def compare(
    models: Mapping[str, Any],
    X: Any,
    y: ArrayLike,
    *,
    store: str | Path | Store = ":memory:",
    replicates: int | None = None,
    on: str | None = None,
    address: str | None = None,
    name: str = "comparison",
    task: str | None = None,
    seed: int | None = None,
    metric: str | None = None,
    split: Literal["folds", "last", "time"] | None = None,
    folds: int | None = None,
    looks: Sequence[int] | None = None,
    delta: float | None = None,
    baselines: bool | None = None,
    final_replicates: int | None = None,
) -> Result:
    """Which of a few models is best on some data.

    Args:
        models: label → estimator, its class, a function, or a table as in a study file.
        X: features, shape (num_examples, num_features).
        y: labels, shape (num_examples,).
        store: where runs are kept; nowhere by default.
        replicates: at most so many per model.
        on: where runs happen, as in ``Study.run``.
        address: of a Ray cluster, as there.
        name: of the study.
        task: as for ``Study``, as is all that follows.

    Raises:
        UsageError: fewer than two models, or something that is none.

    Examples:
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.naive_bayes import GaussianNB
        >>> from sklearn.tree import DecisionTreeClassifier
        >>> models = {"tree": DecisionTreeClassifier(), "bayes": GaussianNB()}
        >>> result = compare(models, *load_iris(return_X_y=True), replicates=3)
        >>> result.verdicts["comparison"].labels
        ('tree', 'bayes')
    """
    if len(models) < 2:
        raise UsageError(f"models: at least two are compared, but got {len(models)}")
    first, *_ = models.values()
    study = Study(
        (X, y),
        model=first,
        name=name,
        task=task,
        seed=seed,
        metric=metric,
        split=split,
        folds=folds,
        looks=looks,
        delta=delta,
        audit=False,
        baselines=baselines,
        final_replicates=final_replicates,
    )
    entries = [{"label": label, "model": model} for label, model in models.items()]
    study.stage(STAGE, "Which model is best?", candidates=entries)
    return study.run(store=store, replicates=replicates, on=on, address=address)


def programs_study(
    commands: Sequence[str],
    metrics: Mapping[str, str],
    *,
    labels: Sequence[str] = (),
    name: str = "ab",
    timeout: float | None = None,
    seed: int | None = None,
    delta: float | None = None,
) -> Study:
    """A study of one stage that compares programs.

    Args:
        commands: two or more, each with ``{seed}`` where its seed goes.
        metrics: what they print → ``min`` or ``max``; the first decides.
        labels: what tables call them; by default A, B, …
        name: of the study.
        timeout: seconds a run may take.
        seed: of the study.
        delta: smallest difference that matters, in units of the metric.

    Raises:
        UsageError: fewer than two commands, the same one twice, or too many labels.
    """
    if len(commands) < 2:
        raise UsageError(f"at least two commands are compared, but got {len(commands)}")
    if len(set(commands)) < len(commands):
        raise UsageError("the same command is there twice; nothing could be told apart")
    if len(labels) > len(commands):
        raise UsageError(f"--label: {len(labels)} labels, but {len(commands)} commands")
    made = [chr(ord("A") + i) if i < 26 else str(i + 1) for i in range(len(commands))]
    tables = [
        {"command": one, "metrics": dict(metrics)} | ({"timeout": timeout} if timeout else {})
        for one in commands
    ]
    study = Study(model=tables[0], name=name, audit=False, seed=seed, delta=delta)
    entries = [
        {"label": label, "model": table}
        for label, table in zip([*labels, *made[len(labels) :]], tables, strict=True)
    ]
    return study.stage(STAGE, "Which program is better?", candidates=entries)


def first_metrics(
    study: Study, store: Store, *, on: str | None = None, address: str | None = None
) -> Mapping[str, float]:
    """What the first program of a study prints: of its stored first run, else of one made now.

    The run is kept, so that the study itself has it already.

    Raises:
        RunsFailedError: that run failed, or printed no number.
        Interrupted: the study was asked to end.
    """
    model = study_model(study.spec, study.brought)
    assert isinstance(model.trainable, Mixed)  # noqa: S101  (two programs or more)
    silent = Task(kind="declared", metrics=())
    members = {
        name: replace(one, task=silent)  # type: ignore[type-var]
        for name, one in model.trainable.members.items()
    }
    spec = study.spec
    data = StudyData(
        study.load_data(), study_seed=spec.seed, split=spec.split, num_folds=spec.folds
    )
    stop = Stop()
    trainable = Mixed(members)
    settings = trainable.space.complete({})
    where = model.executor(1, on, address, study.folder)
    with contextlib.closing(where) as executor, stop.on_signals():
        service = RunService(trainable, executor, data, store, 0, notify=nobody, stop=stop)
        request = service.request(STAGE, "A", settings, Replicate(0, 0, 0))
        found: dict[str, Run] = store.find_runs([request.key])
        run = found.get(request.key)
        if run is None or run.status != "finished":
            (made,) = service.refit([request])
            run = service.record(made.request, made.outcome)
            store.add_run(run)
    if run.status != "finished" or not run.metrics:
        reason = run.reason or "it printed no metric, such as `loss: 0.3` or a line of JSON"
        raise RunsFailedError(f"the first run of the first command failed: {reason}")
    return run.metrics


def guess_metric(found: Mapping[str, float]) -> tuple[str, str]:
    """The metric that probably decides, by its name, and its direction.

    Raises:
        UsageError: no name that says which of more and less is better.
    """
    names = [name for name in found if name.startswith("val_")]
    for name in (
        *(n for n in names if _speaks_of(n, _MORE)),
        *(n for n in names if _speaks_of(n, _LESS)),
    ):
        return name, "max" if _speaks_of(name, _MORE) else "min"
    listed = ", ".join(name.removeprefix("val_") for name in names) or "none"
    raise UsageError(
        f"--metric: the first run printed {listed}, which does not say whether more or less of it "
        "is better; name one, as in `--metric NAME:max`"
    )


def _speaks_of(name: str, words: Sequence[str]) -> bool:
    parts = re.split(r"[^a-z0-9]+", name.lower())
    return "test" not in parts and any(part.startswith(word) for part in parts for word in words)


def gate_passed(stage: StageResult, gate: str) -> bool:
    """Whether the last candidate is better than the first, or not worse.

    ``better``: the interval of their difference lies on its side. ``not-worse``: it lies above −δ,
    or the two were found equivalent. Who fails more often than the first passes neither.
    """
    verdict = stage.verdict
    first, last = 0, len(verdict.labels) - 1
    failed = [sum(run.status == "failed" for run in runs) for runs in stage.runs]
    if failed[last] > failed[first]:
        return False
    for one in verdict.comparisons:
        if {one.first, one.second} != {first, last}:
            continue
        pair = gain(one if one.first == last else turned(one), metric_of(verdict))
        if pair.low is None:
            return False
        if gate == "better":
            return pair.low > 0.0
        return pair.low > -verdict.delta or bool(one.equivalent)
    return False
