"""A metric that a program declares, of which less is better, from the decision to every sentence."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

import numpy as np
from made_up_studies import candidate, runs, study

from bakeoff.evidence.audit import closest, summary
from bakeoff.evidence.claims import claims
from bakeoff.evidence.compare import compare_studies
from bakeoff.evidence.lint_runs import lint_result
from bakeoff.evidence.rule import Rule, Sampling
from bakeoff.evidence.summary import summarise
from bakeoff.evidence.verdicts import decide, pin
from bakeoff.records import (
    AuditSwap,
    Comparison,
    Metric,
    Run,
    StageResult,
    StudyResult,
    Verdict,
)
from bakeoff.store.codec import from_json, to_json
from bakeoff.tasks.classification import metric_of

LATENCY = Metric("latency", higher_is_better=False, unit="ms")
OWN = Sampling(0, 0, split="own")
SIZE = 8


def timed(mean: float, seed: int) -> tuple[Run, ...]:
    """Runs that report a latency around a mean and nothing else."""
    noise = np.random.default_rng(seed).normal(0.0, 0.5, SIZE)
    return tuple(
        dataclasses.replace(
            run, key=f"{mean}/{seed}/{run.replicate}", metrics={"val_latency": value}, curves={}
        )
        for run, value in zip(runs([0.9] * SIZE), mean + noise, strict=True)
    )


def stage(
    name: str, means: Sequence[float], *, seed: int, widths: Sequence[int] = (8, 16)
) -> StageResult:
    entries = [candidate(f"{width}", hidden=(width,)) for width in widths]
    group = tuple(timed(mean, seed + k) for k, mean in enumerate(means))
    values = np.array([[run.value("val_latency") for run in own] for own in group])
    verdict = decide(
        values,
        np.full(values.shape, np.nan),
        finished=np.ones(values.shape, bool),
        labels=[one.label for one in entries],
        costs=[tuple(count for _, count in one.cost) for one in entries],
        rule=Rule(looks=(SIZE,), metric=LATENCY),
        sampling=OWN,
        num_replicates=SIZE,
    ).verdict
    assert verdict is not None
    return StageResult(name, f"Which {name}?", ("hidden",), tuple(entries), group, verdict)


def studied(*stages: StageResult, **changes: object) -> StudyResult:
    return study(stages, metric="latency", split="own", task="declared", **changes)


def test_the_faster_one_wins_and_the_sentence_says_so_in_its_unit() -> None:
    verdict = stage("width", [20.0, 12.0], seed=1).verdict
    assert (verdict.kind, verdict.leader, verdict.best) == ("winner", "16", ("16",))
    assert "`16` undercut `8` by " in verdict.reason
    assert " ms (" in verdict.reason
    assert "points" not in verdict.reason
    assert metric_of(verdict) == LATENCY


def test_a_pinned_slower_one_was_worse() -> None:
    reason = pin(stage("width", [20.0, 12.0], seed=1).verdict, "8").reason
    assert "but `16` was better" in reason
    assert "`16` was ahead of `8` by " in reason


def test_the_audits_closest_is_the_one_of_the_lowest_latency() -> None:
    def swap(label: str, mean: float) -> AuditSwap:
        pair = Comparison(1, 0, 5, mean, 1.0, 0.5, mean - 2.0, mean + 2.0, 0.98)
        return AuditSwap("runner-up", "width", label, candidate(label), (), pair, False, label)

    result = studied(
        stage("width", [20.0, 12.0], seed=1), audit=(swap("slow", 1.0), swap("fast", -0.1))
    )
    assert closest(result).label == "fast"
    assert " ms would probably (80 %) have been found." in summary(result)[1]


def test_the_chain_regresses_where_it_becomes_slower_and_not_where_it_becomes_faster() -> None:
    first, slower = stage("width", [20.0, 12.0], seed=1), stage("depth", [31.0, 30.0], seed=5)
    faster = stage("depth", [6.0, 5.0], seed=5)

    def codes(*stages: StageResult) -> set[str]:
        return {finding.code for finding in lint_result(studied(*stages))}

    assert "L004" in codes(first, slower)
    assert "L004" not in codes(first, faster)
    (found,) = (one for one in lint_result(studied(first, slower)) if one.code == "L004")
    assert " ms from `hidden 16`" in found.text


def test_of_two_studies_the_faster_one_is_better() -> None:
    slow = studied(stage("width", [21.0, 20.0], seed=1, widths=(8, 16)))
    fast = studied(stage("width", [13.0, 12.0], seed=7, widths=(9, 17)))
    choice = compare_studies(slow, fast)[0]
    assert choice.comparison.mean < 0.0
    assert choice.sentence.startswith("the second is better than the first by ")
    assert choice.sentence.endswith("winner: the second")
    assert compare_studies(fast, slow)[0].sentence.endswith("winner: the first")


def test_an_order_holds_where_the_carried_one_is_faster() -> None:
    one = stage("width", [20.0, 12.0], seed=1)
    for label, outcome in (("16", "holds"), ("8", "does not hold")):
        pinned = dataclasses.replace(one, verdict=pin(one.verdict, label))
        (claim,) = claims([pinned], "replication", sampling=OWN)
        assert claim.outcome == outcome
        assert " ms over 8 paired replicates" in claim.sentence
        assert claim.sentence.startswith(f"`hidden {label}` is better than ")
        assert claim.sentence.endswith(", over seeds alone.")


def test_a_summary_knows_the_metric_as_it_was_declared() -> None:
    assert summarise(studied(stage("width", [20.0, 12.0], seed=1))).metric == LATENCY


def test_a_stored_verdict_keeps_the_metric_and_an_older_one_is_read_by_name() -> None:
    verdict = stage("width", [20.0, 12.0], seed=1).verdict
    text = to_json(verdict)
    assert metric_of(from_json(text, Verdict)) == LATENCY
    plain = json.loads(text) | {"metric": "loss"}
    del plain["measure"]
    assert not metric_of(from_json(json.dumps(plain), Verdict)).higher_is_better
