"""Constructed StudyResults, from plain numbers, for the tests of the report."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import t as student

import records
from bakeoff.dense.base import Layer, Scaling, model_arrays
from bakeoff.dense.settings import DENSE_SPACE, DenseSettings
from bakeoff.records import (
    AuditSwap,
    Candidate,
    Claim,
    ClassificationExam,
    Comparison,
    DataSummary,
    Example,
    Final,
    LintFinding,
    Metric,
    Mistaken,
    Published,
    Run,
    StageResult,
    StudyResult,
    TestOpening,
    TuningPoint,
    Verdict,
)
from bakeoff.settings import Settings

HOSTILE = "</script><img src=x onerror=alert(1)>"
CONTROL = "red\x1b[31m\x07 and \u202eright-to-left\u200b"


def history(epochs: int, accuracy: float, rng: np.random.Generator) -> dict[str, Any]:
    rise = 1 - 0.7 * np.exp(-np.arange(1, epochs + 1) / max(1.0, epochs / 4))
    noise = rng.normal(0, 0.002, epochs)
    val = np.clip(accuracy * rise / rise[-1] + noise, 0, 1)
    val[-1] = accuracy
    train = np.clip(val + 0.01 * rise, 0, 1)
    return {
        "train_loss": -np.log(np.clip(train, 0.01, 0.999)),
        "train_accuracy": train,
        "val_loss": -np.log(np.clip(val, 0.01, 0.999)),
        "val_accuracy": val,
    }


def run(
    replicate: int,
    accuracy: float,
    *,
    epochs: int = 10,
    status: str = "finished",
    reason: str | None = None,
    test: float | None = None,
    seed: int = 0,
) -> Run:
    rng = np.random.default_rng([seed, replicate])
    curve = history(epochs, accuracy, rng)
    if status == "failed":
        curve = {name: series[: epochs // 2] for name, series in curve.items()}
        curve["train_loss"][-1] = math.nan
    metrics = {name: float(series[-1]) for name, series in curve.items()}
    metrics |= {"val_accuracy": accuracy, "val_balanced_accuracy": accuracy}
    if test is not None:
        metrics |= {
            "test_loss": -math.log(test),
            "test_accuracy": test,
            "test_balanced_accuracy": test,
        }
    return records.run(
        replicate,
        {name: value for name, value in metrics.items() if math.isfinite(value)},
        key=f"{seed}-{replicate}-{accuracy}",
        status=status,
        reason=reason,
        curves=curve,
        notes={"health": [{"dead": 0.01, "saturated": 0.02}]},
    )


def refit(made: Run) -> Run:
    """The same without a validation part."""
    return replace(
        made,
        metrics={name: v for name, v in made.metrics.items() if not name.startswith("val_")},
        curves={name: v for name, v in made.curves.items() if not name.startswith("val_")},
    )


def candidate(
    label: str,
    settings: Mapping[str, Any] | None = None,
    *,
    incumbent: bool = False,
    published: Published | None = None,
    tuned: Mapping[str, Any] | None = None,
    num_features: int = 64,
    num_classes: int = 10,
) -> Candidate:
    return records.candidate(
        label,
        settings or {},
        num_features=num_features,
        num_classes=num_classes,
        incumbent=incumbent,
        published=published,
        tuned=tuned or {},
    )


def comparison(
    first: int,
    second: int,
    a: Sequence[Run],
    b: Sequence[Run],
    *,
    equivalent: bool | None = None,
    level: float = 0.9875,
    metric: str = "accuracy",
) -> Comparison:
    name = f"val_{metric}"
    other = {r.replicate: r.metrics[name] for r in b if r.status == "finished"}
    d = np.array(
        [
            r.metrics[name] - other[r.replicate]
            for r in a
            if r.status == "finished" and r.replicate in other
        ]
    )
    if len(d) < 2:
        mean = float(d.mean()) if len(d) else 0.0
        return Comparison(first, second, len(d), mean, None, None, None, None, level)
    sd = max(float(d.std(ddof=1)), 1e-4)
    se = sd * (1 / len(d) + 1 / 11) ** 0.5
    half = float(student.ppf(0.5 + level / 2, len(d) - 1)) * se
    mean = float(d.mean())
    return Comparison(
        first, second, len(d), mean, sd, se, mean - half, mean + half, level, equivalent
    )


def stage(
    name: str,
    labels: Sequence[str],
    means: Sequence[float],
    *,
    num: int = 5,
    kind: str = "winner",
    chosen: int | None = None,
    spread: float = 0.002,
    settings: Sequence[Mapping[str, Any]] | None = None,
    incumbent: int | None = None,
    failed: Sequence[int] = (),
    pinned: bool = False,
    tests: Sequence[float] | None = None,
    published: Sequence[Published | None] | None = None,
    epochs: int = 10,
    varied: Sequence[str] = (),
    tuning: tuple[TuningPoint, ...] = (),
    question: str | None = None,
    power_note: str | None = None,
    delta: float = 0.002,
    num_features: int = 64,
    eliminated: Sequence[int] = (),
    tuned: Sequence[Mapping[str, Any]] | None = None,
) -> StageResult:
    """One stage: candidate i has mean ``means[i]``; luck of the replicate is shared."""
    rng = np.random.default_rng(len(name) + 17 * len(labels))
    luck = rng.normal(0, spread * 2, num)
    luck -= luck.mean()
    settings = settings or [{"hidden": [16 + i]} for i in range(len(labels))]
    candidates, runs = [], []
    for i, (label, mean) in enumerate(zip(labels, means, strict=True)):
        own = rng.normal(0, spread, num)
        own -= own.mean()
        rows = []
        for s in range(num):
            if i in eliminated and s >= 3:
                break
            value = float(np.clip(mean + luck[s] + own[s], 0, 1)) if num > 1 else mean
            bad = i in failed
            rows.append(
                run(
                    s,
                    0.1 if bad else value,
                    epochs=epochs,
                    seed=1000 * i + len(name),
                    status="failed" if bad else "finished",
                    reason="loss became non-finite in epoch 5" if bad else None,
                    test=None if tests is None else float(tests[i] + luck[s] + own[s]),
                )
            )
        candidates.append(
            candidate(
                label,
                settings[i],
                incumbent=i == incumbent,
                num_features=num_features,
                published=published[i] if published else None,
                tuned=tuned[i] if tuned else None,
            )
        )
        runs.append(tuple(rows))
    alive = [i for i in range(len(labels)) if i not in failed]
    order = sorted(alive, key=lambda i: -means[i])
    leader = order[0] if order else 0
    pick = leader if chosen is None else chosen
    rival = order[1] if len(order) > 1 else None
    left = [i for i in order if i not in eliminated]
    best, lost = (left[:1], left[1:]) if kind == "winner" else (left, [])
    if pick != leader and pick in alive:
        rival = pick
    pairs = tuple(
        comparison(a, b, runs[a], runs[b], equivalent=True if kind == "tie" else None)
        for k, a in enumerate(alive)
        for b in alive[k + 1 :]
    )
    main = comparison(leader, rival, runs[leader], runs[rival]) if rival is not None else None
    return StageResult(
        name=name,
        question=question or f"Which {name} is best?",
        varied=tuple(varied) or (name,),
        candidates=tuple(candidates),
        runs=tuple(runs),
        verdict=Verdict(
            kind=kind,  # type: ignore[arg-type]
            chosen=labels[pick],
            leader=labels[leader],
            reason=f"Over {num} paired replicates, {labels[leader]} was first.",
            comparison=main,
            comparisons=pairs,
            best=tuple(labels[i] for i in best),
            beaten=tuple(labels[i] for i in [*eliminated, *lost]),
            failed=tuple(labels[i] for i in failed),
            num_replicates=num,
            metric="accuracy",
            delta=delta,
            provisional=kind == "undecided" and not pinned,
            pinned=pinned,
            power_note=power_note,
        ),
        tuning=tuning,
        seconds=3.4,
    )


def data_summary(name: str = "digits", side: int = 8, num_classes: int = 10) -> DataSummary:
    return records.data_summary(
        name=name,
        num_features=side * side,
        num_classes=num_classes,
        class_names=tuple(str(i) for i in range(num_classes)),
        image_shape=(side, side),
        class_counts=(142,) * num_classes,
    )


def layers(sizes: Sequence[int], seed: int = 3) -> tuple[Layer, ...]:
    rng = np.random.default_rng(seed)
    return tuple(
        Layer(
            (rng.normal(0, (2 / a) ** 0.5, (a, b))).astype(np.float32),
            rng.normal(0, 0.1, b).astype(np.float32),
        )
        for a, b in itertools.pairwise(sizes)
    )


def final(
    data: DataSummary,
    settings: Settings,
    *,
    accuracy: float = 0.972,
    num_runs: int = 3,
    weights: tuple[Layer, ...] | None = None,
    scaling: Scaling | None = None,
    opened: bool = True,
    peak: float = 255.0,
) -> Final:
    rng = np.random.default_rng(11)
    k = data.num_classes
    confusion = np.zeros((k, k), np.int64)
    for actual in range(k):
        confusion[actual, actual] = round(data.num_test / k * 0.96)
        for other in rng.choice(k, 2, replace=False):
            confusion[actual, other] += 1
    reliability = np.zeros((15, 3))
    for b in range(5, 15):
        reliability[b] = (4 + 3 * b, (b + 0.5) / 15, min(1.0, (b + 0.2) / 15))
    side = data.image_shape
    mistakes = []
    for i in range(24):
        features = np.zeros(data.num_features, np.float32)
        if side:
            image = np.zeros(side)
            image[1:-1, side[1] // 2 - 1 : side[1] // 2 + 1] = peak
            image[i % (side[0] - 2) + 1, 1:-1] = peak * 0.8
            features = image.ravel()
        mistakes.append(
            Mistaken(
                i * 3,
                i % k,
                (i + 1) % k,
                0.99 - i * 0.01,
                features.astype(np.uint8 if peak == 255.0 else np.float32),
            )
        )
    stats = np.tile([0.0, peak, peak / 4, peak / 3], (data.num_features, 1))
    runs = tuple(refit(run(s, 0.97, test=accuracy + 0.001 * (s - 1))) for s in range(num_runs))
    typed = DenseSettings.of(settings)
    return Final(
        settings=settings,
        cost=(("parameters", float(typed.num_parameters(data.num_features, k))),),
        runs=runs,
        delivered=0,
        opening=TestOpening("e" * 64, "digits", "final", "2026-01-02T03:04:05Z", 1)
        if opened
        else None,
        model=model_arrays(
            weights or layers(typed.layer_sizes(data.num_features, k)),
            scaling or Scaling(np.zeros(1, np.float32), np.full(1, 1 / peak, np.float32)),
        ),
        exam=ClassificationExam(
            confusion=confusion,
            reliability=reliability,
            calibration_error=0.013,
            mistakes=tuple(mistakes),
            examples=tuple(Example(m.row, m.actual, m.features) for m in mistakes[:3]),
        )
        if opened
        else None,
        model_path="models/digits.safetensors",
        feature_stats=stats,
    )


study = records.study


def winner() -> StudyResult:
    return study([scale_stage()])


def scale_stage(num: int = 3) -> StageResult:
    return stage(
        "scale",
        ["scale=none", "scale=unit"],
        [0.735, 0.955],
        num=num,
        settings=[{"scale": "none"}, {"scale": "unit"}],
        spread=0.004,
    )


def tie() -> StudyResult:
    return study(
        [
            scale_stage(),
            stage(
                "depth",
                ["hidden=64-64", "hidden=64-64-64"],
                [0.9603, 0.9605],
                num=12,
                kind="tie",
                chosen=0,
                varied=["hidden"],
                spread=0.0004,
                incumbent=0,
                delta=0.004,
                settings=[{"scale": "unit"}, {"scale": "unit", "hidden": [64, 64, 64]}],
            ),
        ]
    )


def undecided() -> StudyResult:
    return study(
        [
            stage(
                "width",
                ["hidden=32", "hidden=64"],
                [0.951, 0.9535],
                num=12,
                kind="undecided",
                chosen=0,
                varied=["hidden"],
                spread=0.004,
                power_note="About 30 more replicates would probably decide it.",
            ),
        ]
    )


def failed_runs() -> StudyResult:
    return study(
        [
            stage(
                "learning_rate",
                ["learning_rate=0.1", "learning_rate=10", "learning_rate=0.01"],
                [0.96, 0.1, 0.94],
                num=5,
                failed=[1],
                settings=[{"learning_rate": 0.1}, {"learning_rate": 10.0}, {"learning_rate": 0.01}],
            ),
        ]
    )


def regression() -> StudyResult:
    """A chain whose pinned learning-rate stage forgot its incumbent."""
    return study(
        [
            stage(
                "depth",
                ["hidden=64-64", "hidden=64-64-64"],
                [0.9603, 0.9611],
                num=5,
                kind="tie",
                chosen=0,
                pinned=True,
                varied=["hidden"],
                spread=0.0005,
                tests=[0.9603, 0.9611],
                published=[Published(0.9616, 0.1274), Published()],
                settings=[{"hidden": [64, 64]}, {"hidden": [64, 64, 64]}],
            ),
            stage(
                "learning rate",
                ["learning_rate=0.001", "learning_rate=0.0001"],
                [0.54, 0.12],
                num=5,
                pinned=True,
                varied=["learning_rate"],
                tests=[0.5, 0.122],
                spread=0.01,
                published=[Published(0.5315, 2.122), Published()],
                settings=[
                    {"hidden": [64, 64], "learning_rate": 0.001},
                    {"hidden": [64, 64], "learning_rate": 0.0001},
                ],
            ),
        ],
        kind="replication",
        name="mnist-notebook",
        claims=(
            Claim(
                "number",
                "2×64 reaches .9616",
                0.9616,
                0.9603,
                0.001,
                0.9575,
                0.9631,
                "holds",
                "The published .9616 lies inside what a single run gives (.9575 to .9631).",
                "depth",
                "hidden=64-64",
            ),
            Claim(
                "order",
                "2×64 is better than 3×64",
                0.001,
                -0.0008,
                0.0009,
                -0.003,
                0.0014,
                "cannot be told",
                "The difference is −0.08 points.",
                "depth",
                None,
            ),
            Claim(
                "number",
                "lr .001 reaches .5315",
                0.5315,
                0.40,
                0.034,
                0.36,
                0.44,
                "does not hold",
                "The published number lies outside.",
                "learning rate",
                None,
            ),
        ),
        lint=(
            LintFinding(
                "L001", "error", "Selection read the test set.", "Select on validation.", "l001"
            ),
            LintFinding(
                "L002",
                "error",
                "Stage learning rate lost its incumbent.",
                "Let it compete.",
                "l002",
                "learning rate",
            ),
        ),
        openings=(
            TestOpening("e" * 64, "mnist-notebook", "replication", "2026-01-02T03:04:05Z", 1),
        ),
    )


def one_replicate() -> StudyResult:
    return study([scale_stage(num=1)])


def tuned() -> StageResult:
    labels = ["activation=relu", "activation=tanh", "activation=sigmoid"]
    rates = [0.01, 0.03, 0.1, 0.3]
    best = {0: 0.1, 1: 0.1, 2: 0.3}
    points = []
    for i, label in enumerate(labels):
        for j, rate in enumerate(rates):
            value = 0.965 - 0.004 * i - 0.01 * abs(np.log10(rate / best[i]))
            points.append(
                TuningPoint(
                    label,
                    {"learning_rate": rate},
                    tuple(run(100 + s, float(value + 0.001 * s), seed=i + j) for s in range(2)),
                    rate == best[i],
                    ("learning_rate",) if rate == best[i] == 0.3 else (),
                )
            )
    return stage(
        "activation",
        labels,
        [0.9652, 0.9601, 0.9547],
        num=8,
        kind="winner",
        eliminated=[2],
        tuning=tuple(points),
        spread=0.001,
        settings=[
            {"activation": label.split("=")[1], "learning_rate": best[i]}
            for i, label in enumerate(labels)
        ],
        tuned=[{"learning_rate": best[i]} for i in range(3)],
    )


def full(**changes: Any) -> StudyResult:
    """A complete study: winner, tie, tuned, undecided, audit, lint and final."""
    data = changes.pop("data", None) or data_summary()
    settings = DENSE_SPACE.complete(
        {"hidden": [64, 32], "activation": "relu", "learning_rate": 0.1, "scale": "unit"}
    )
    stages = [*tie().stages, tuned(), undecided().stages[0]]
    rows = tuple(run(s, 0.9702 + 0.0005 * s) for s in range(3))
    audit = (
        AuditSwap(
            "runner-up",
            "activation",
            "activation=tanh",
            candidate("activation=tanh", {"activation": "tanh"}),
            rows,
            Comparison(1, 0, 3, -0.004, 0.001, 0.0006, -0.0075, -0.0005, 0.9875),
            None,
            "Going back to tanh at the final settings costs 0.40 points.",
        ),
        AuditSwap(
            "learning-rate",
            "depth",
            "learning_rate=0.3",
            candidate("learning_rate=0.3", {"learning_rate": 0.3}),
            rows,
            Comparison(1, 0, 12, 0.003, 0.001, 0.0006, 0.001, 0.005, 0.9875),
            True,
            "learning_rate=0.3 beats the final by 0.30 points: an interaction.",
        ),
    )
    lint = (
        LintFinding(
            "L010", "error", "The chain regressed.", "Let the incumbent compete.", "l010", "depth"
        ),
        LintFinding(
            "L004",
            "warning",
            "The best learning_rate 0.3 is at the edge.",
            "Try larger values.",
            "l004",
            "activation",
        ),
        LintFinding("L005", "info", "Still improving at the last epoch.", "Train longer.", "l005"),
    )
    return study(
        stages,
        **{
            "audit": audit,
            "lint": lint,
            "final": final(data, settings),
            "openings": (TestOpening("e" * 64, "digits", "final", "2026-01-02T03:04:05Z", 1),),
            "data": data,
            **changes,
        },
    )


def collapsed() -> StudyResult:
    """The first refit learned nothing; the second is delivered."""
    result = full()
    assert result.final is not None
    first, *rest = result.final.runs
    tests = {"test_accuracy": 0.1, "test_balanced_accuracy": 0.1, "test_loss": 2.3}
    dead = replace(first, metrics={**first.metrics, **tests})
    return replace(result, final=replace(result.final, runs=(dead, *rest), delivered=1))


def by_metric(result: StudyResult, metric: str) -> StudyResult:
    """The same runs, decided by another metric that they have."""
    stages = []
    for one in result.stages:
        pairs = tuple(
            comparison(c.first, c.second, one.runs[c.first], one.runs[c.second], metric=metric)
            for c in one.verdict.comparisons
        )
        main = one.verdict.comparison
        if main is not None:
            main = comparison(
                main.first, main.second, one.runs[main.first], one.runs[main.second], metric=metric
            )
        verdict = replace(one.verdict, metric=metric, comparisons=pairs, comparison=main)
        stages.append(replace(one, verdict=verdict))
    return replace(result, metric=metric, stages=tuple(stages))


def unbalanced() -> StudyResult:
    """A rare class: balanced accuracy decides and leads, accuracy stands beside it."""
    counts = (1_200, 24, *[120] * 8)
    result = by_metric(full(), "balanced_accuracy")
    assert result.final is not None
    assert result.final.exam is not None
    confusion = np.array(result.final.exam.confusion)
    confusion[1] = 0
    confusion[1, 1] = 3
    final = replace(result.final, exam=replace(result.final.exam, confusion=confusion))
    return replace(result, data=replace(result.data, class_counts=counts), final=final)


def by_loss() -> StudyResult:
    return by_metric(full(), "loss")


def interrupted() -> StudyResult:
    """One of three stages is there, and no final."""
    result = winner()
    return replace(result, spec={**result.spec, "stage": [{"name": n} for n in "abc"]})


def brought() -> StudyResult:
    """A program that measures itself: one metric, the lower the better, no curve and no test."""
    base = stage("rate", ["0.1", "0.01"], [0.9, 0.95], num=5, varied=["rate"], chosen=1)
    candidates = tuple(
        replace(one, settings=Settings({"rate": float(one.label)}), cost=(), declared={})
        for one in base.candidates
    )
    runs = tuple(
        tuple(
            replace(run, metrics={"val_rmse": 10 * (1 - run.metrics["val_accuracy"])}, curves={})
            for run in own
        )
        for own in base.runs
    )
    pair = base.verdict.comparison
    assert pair is not None
    pairs = (comparison(pair.first, pair.second, runs[1], runs[0], metric="rmse"),)
    verdict = replace(
        base.verdict,
        metric="rmse",
        measure=Metric("rmse", higher_is_better=False),
        comparison=pairs[0],
        comparisons=pairs,
        delta=0.1,
    )
    result = study(
        [replace(base, candidates=candidates, runs=runs, verdict=verdict)],
        metric="rmse",
        task="declared",
        model_kind="command",
        engine="command/3f2a",
    )
    model = {"command": "python train.py --rate {rate}", "metrics": {"val_rmse": "min"}}
    return replace(result, spec={**result.spec, "model": model})


def large(num_candidates: int = 60, num: int = 12, epochs: int = 100) -> StudyResult:
    settings = [{"hidden": [16 + i], "epochs": epochs} for i in range(num_candidates)]
    means = [0.90 + 0.06 * math.sin(i / 20) for i in range(num_candidates)]
    return study(
        [
            stage(
                "width",
                [f"hidden={16 + i}" for i in range(num_candidates)],
                means,
                num=num,
                kind="undecided",
                settings=settings,
                epochs=epochs,
                varied=["hidden"],
                spread=0.003,
            ),
        ],
        final=final(data_summary(), DENSE_SPACE.complete({"hidden": [64]})),
    )


def hostile() -> StudyResult:
    long = "x" * 200
    data = replace(data_summary(), name=HOSTILE, class_names=(HOSTILE, CONTROL, long, *"3456789"))
    stages = [
        stage(
            HOSTILE,
            [HOSTILE, CONTROL, long],
            [0.9, 0.93, 0.95],
            varied=[HOSTILE],
            question=f"{HOSTILE} {CONTROL} {long}",
        ),
        stage(long, [long, "b"], [0.95, 0.96]),
    ]
    return study(
        stages,
        name=HOSTILE + long,
        data=data,
        spec={"name": HOSTILE, "x": CONTROL},
        final=final(data, DENSE_SPACE.complete({})),
        lint=(LintFinding("L001", "error", HOSTILE, CONTROL, HOSTILE, long),),
    )


def twenty(num: int = 12, epochs: int = 30) -> StudyResult:
    """Twenty stages of four candidates, with long names and labels of an author."""
    stages = [
        stage(
            f"{number:02} a rather long name of a stage, about the width of its only hidden layer",
            [f"{number}{c} as its author calls it in so many words" for c in "abcd"],
            [0.93, 0.94, 0.95, 0.955],
            num=num,
            kind="undecided",
            incumbent=0,
            epochs=epochs,
            varied=["hidden"],
            question="Does the width still matter once all that was asked before has been settled?",
        )
        for number in range(1, 21)
    ]
    data = data_summary()
    return study(stages, data=data, final=final(data, DENSE_SPACE.complete({"hidden": [64]})))
