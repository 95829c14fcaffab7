"""Made-up records for the tests of evidence: stages, runs and studies of any outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import records
from bakeoff.evidence.rule import Sampling
from bakeoff.evidence.verdicts import Rule, decide, pin
from bakeoff.records import (
    Candidate,
    DataSummary,
    Metric,
    PlannedStage,
    Published,
    Run,
    StageResult,
    StudyPlan,
    StudyResult,
    Verdict,
)

MNIST = {"num_train": 55_000, "num_validation": 5_000}
SAMPLING = Sampling(**MNIST, num_effective=5_000.0, num_folds=12, chance=0.1)


def data_summary(**changes: Any) -> DataSummary:
    mnist: dict[str, Any] = {
        "name": "mnist",
        "hash": "0" * 64,
        "num_test": 10_000,
        "num_features": 784,
        "image_shape": (28, 28),
        "class_counts": (6000,) * 10,
        "zero_share": 0.81,
        "duplicates_across_splits": None,
        "feature_max": 255.0,
        **MNIST,
    }
    return records.data_summary(**(mnist | changes))


def history(
    final_accuracy: float,
    final_loss: float,
    *,
    val_accuracy: Sequence[float] | None = None,
    val_loss: Sequence[float] | None = None,
    train_loss: Sequence[float] | None = None,
    epochs: int = 10,
) -> dict[str, Any]:
    """Curves that have settled long before the end, unless given."""
    flat_accuracy = np.full(epochs, final_accuracy)
    flat_loss = np.full(epochs, final_loss)
    return {
        "train_loss": flat_loss.copy() if train_loss is None else np.array(train_loss),
        "train_accuracy": flat_accuracy.copy(),
        "val_loss": flat_loss if val_loss is None else np.array(val_loss),
        "val_accuracy": flat_accuracy if val_accuracy is None else np.array(val_accuracy),
    }


def run(
    replicate: int,
    accuracy: float | None,
    *,
    loss: float = 0.13,
    test_accuracy: float | None = None,
    test_loss: float | None = None,
    reason: str | None = None,
    health: Sequence[Mapping[str, float]] = (),
    curves: Mapping[str, Sequence[float]] | None = None,
) -> Run:
    """One run; failed where there is no accuracy."""
    finished = accuracy is not None
    shown = 0.0 if accuracy is None else accuracy
    metrics = {"train_loss": loss, "train_accuracy": shown}
    if finished:
        metrics |= {"val_loss": loss, "val_accuracy": shown, "val_balanced_accuracy": shown}
    if test_accuracy is not None:
        metrics["test_accuracy"] = test_accuracy
    if test_loss is not None:
        metrics["test_loss"] = test_loss
    return records.run(
        replicate,
        metrics,
        status="finished" if finished else "failed",
        reason=None if finished else (reason or "diverged: a loss or a weight became non-finite"),
        curves=history(shown, loss, **dict(curves or {})),
        notes={"health": list(health)},
        train_seconds=0.1,
        engine="reference/1",
    )


def runs(accuracies: Sequence[float | None], **options: Any) -> tuple[Run, ...]:
    return tuple(run(replicate, value, **options) for replicate, value in enumerate(accuracies))


def noisy(mean: float, *, seed: int = 0, size: int = 5, sd: float = 0.001) -> list[float]:
    """Accuracies around a mean, exactly centred on it."""
    noise = np.random.default_rng(seed).standard_normal(size)
    return list(mean + sd * (noise - noise.mean()))


def candidate(
    label: str,
    *,
    published: tuple[float | None, float | None] | None = None,
    incumbent: bool = False,
    tuned: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Candidate:
    declared = {"scale": "unit", "hidden": (64, 64), "activation": "sigmoid", **settings}
    return records.candidate(
        label,
        declared,
        num_features=784,
        incumbent=incumbent,
        published=None if published is None else Published(*published),
        tuned=tuned or {},
    )


def verdict_on(
    candidates: Sequence[Candidate],
    all_runs: Sequence[Sequence[Run]],
    *,
    rule: Rule | None = None,
    pinned: str | None = None,
) -> Verdict:
    size = max(len(own) for own in all_runs)
    values = np.full((len(candidates), size), np.nan)
    losses = values.copy()
    finished = np.zeros(values.shape, np.bool_)
    for k, own in enumerate(all_runs):
        for one in own:
            if one.status == "finished":
                values[k, one.replicate] = one.value("val_accuracy")
                losses[k, one.replicate] = one.value("val_loss")
                finished[k, one.replicate] = True
    verdict = decide(
        values,
        losses,
        finished=finished,
        labels=[one.label for one in candidates],
        costs=[tuple(count for _, count in one.cost) for one in candidates],
        rule=rule or Rule(looks=(size,)),
        num_replicates=size,
        sampling=SAMPLING,
        last=True,
    ).verdict
    assert verdict is not None
    return verdict if pinned is None else pin(verdict, pinned)


def stage(
    name: str,
    entries: Sequence[tuple[Candidate, Sequence[Run]]],
    *,
    varied: tuple[str, ...] = (),
    pinned: str | None = None,
    **options: Any,
) -> StageResult:
    candidates = tuple(one for one, _ in entries)
    all_runs = tuple(tuple(own) for _, own in entries)
    return StageResult(
        name=name,
        question=f"What about {name}?",
        varied=varied,
        candidates=candidates,
        runs=all_runs,
        verdict=verdict_on(candidates, all_runs, pinned=pinned),
        **options,
    )


def study(stages: Sequence[StageResult], **changes: Any) -> StudyResult:
    values: dict[str, Any] = {"name": "made-up", "spec": {}, "data": data_summary()}
    return records.study(stages, **(values | {"engine": "reference/1", "num_trained": 0} | changes))


def decided_by(result: StudyResult, metric: Metric) -> StudyResult:
    """The same study, whose verdicts are said to have fallen by another metric."""
    stages = tuple(
        replace(one, verdict=replace(one.verdict, metric=metric.name, measure=metric))
        for one in result.stages
    )
    return replace(result, metric=metric.name, stages=stages)


def planned(
    name: str,
    candidates: Sequence[Candidate],
    *,
    varied: tuple[str, ...] = (),
    takes_incumbent: bool = True,
    tune: Mapping[str, tuple[Any, ...]] | None = None,
    pinned: str | None = None,
) -> PlannedStage:
    return PlannedStage(
        name, f"What about {name}?", varied, tuple(candidates), takes_incumbent, tune or {}, pinned
    )


def plan(stages: Sequence[PlannedStage], **changes: Any) -> StudyPlan:
    values: dict[str, Any] = {
        "name": "made-up",
        "kind": "study",
        "seed": 0,
        "metric": "accuracy",
        "split": "folds",
        "num_folds": 12,
        "looks": (3, 5, 8, 12),
        "delta": None,
        "data": data_summary(),
        "stages": tuple(stages),
        "min_runs": 6,
        "max_runs": 24,
        "estimated_seconds": (1.0, 2.0),
        "detectable": 0.001,
        **changes,
    }
    return StudyPlan(**values)


def notebook(num_replicates: int = 5) -> StudyResult:
    """The notebook of 13 models as a replication with made-up runs around its known means."""
    seed = iter(range(1000))

    def ran(mean: float, loss: float, *, rising: float = 0.0, sd: float = 0.001) -> list[Run]:
        values = noisy(mean, seed=next(seed), size=num_replicates, sd=sd)
        steps = np.arange(-9, 1)
        return [
            run(
                replicate,
                value,
                loss=loss,
                test_accuracy=value,
                test_loss=loss + 0.001 * (replicate - 2),
                curves={
                    "val_accuracy": value + rising * steps,
                    "val_loss": loss - rising * steps,
                },
            )
            for replicate, value in enumerate(values)
        ]

    slow, leaky = {"learning_rate": 0.001}, {"activation": "leaky_relu", "negative_slope": 0.1}
    wide, fast = {"hidden": (128, 64)}, {"learning_rate": 0.1}
    first, middle = {"hidden": (32,), **fast}, {**leaky, **wide, "learning_rate": 0.01}
    rows = [
        (
            "scale",
            ("scale",),
            [
                (candidate("1", scale="none", published=(0.7044, 0.9166), **first), 0.735, 0.8, 0),
                (candidate("2", published=(0.9529, 0.1586), **first), 0.9549, 0.155, 0),
            ],
            "2",
        ),
        (
            "depth",
            ("hidden",),
            [
                (candidate("3a", published=(0.9616, 0.1274), **fast), 0.9603, 0.129, 0),
                (candidate("3b", hidden=(64, 64, 64), **fast), 0.9607, 0.131, 0),
            ],
            "3a",
        ),
        (
            "learning rate",
            ("learning_rate",),
            [
                (candidate("4a", published=(0.5315, 2.1220), **slow), 0.499, 2.129, 0.02),
                (candidate("4b", learning_rate=0.0001), 0.16, 2.291, 0.001),
            ],
            "4a",
        ),
        (
            "width",
            ("hidden",),
            [
                (candidate("5a", published=(0.5637, 2.0219), **wide, **slow), 0.532, 2.024, 0.02),
                (candidate("5b", hidden=(64, 128), **slow), 0.492, 2.148, 0.02),
            ],
            "5a",
        ),
        (
            "activation",
            ("activation",),
            [
                (
                    candidate("6a", activation="tanh", published=(0.9064, 0.3499), **wide, **slow),
                    0.9051,
                    0.349,
                    0.003,
                ),
                (candidate("6b", activation="relu", **wide, **slow), 0.9108, 0.317, 0.003),
                (candidate("6c", **leaky, **wide, **slow), 0.9095, 0.320, 0.003),
            ],
            "6c",
        ),
        (
            "learning rate again",
            (),
            [(candidate("7", published=(0.9604, 0.1319), **middle), 0.961, 0.131, 0)],
            "7",
        ),
        (
            "final",
            (),
            [(candidate("8", published=(0.9591, 0.1384), **middle), 0.961, 0.131, 0)],
            "8",
        ),
    ]
    stages = [
        stage(
            name,
            [(one, ran(mean, loss, rising=rising)) for one, mean, loss, rising in entries],
            varied=varied,
            pinned=pinned,
        )
        for name, varied, entries, pinned in rows
    ]
    # One configuration, one set of seeds: models 7 and 8 are the same runs.
    last = stages[-1]
    stages[-1] = stage("final", [(last.candidates[0], stages[-2].runs[0])], pinned="8")
    return study(stages, kind="replication", looks=(num_replicates,), split="last")
