"""The result document, ``"format": 1``: what ``--json`` writes and other programs read.

Keys may be added; the ones that are there stay. Numbers that do not exist are null, never NaN.
Apart from the times (``train_seconds``, ``seconds``) two calls of the same study write the same bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bakeoff.records import (
    AuditSwap,
    Candidate,
    Claim,
    Comparison,
    Final,
    Run,
    StageResult,
    StudyResult,
    TuningPoint,
    Verdict,
)

FORMAT = 1


def result_document(result: StudyResult) -> dict[str, Any]:
    """The result as plain JSON values."""
    data = result.data
    return {
        "format": FORMAT,
        "study": result.name,
        "kind": result.kind,
        "seed": result.seed,
        "metric": result.metric,
        "split": result.split,
        "looks": list(result.looks),
        "data": {
            "name": data.name,
            "hash": data.hash,
            "num_train": data.num_train,
            "num_validation": data.num_validation,
            "num_test": data.num_test,
            "num_features": data.num_features,
            "num_classes": data.num_classes,
        },
        "engine": result.engine,
        "stages": [_stage(stage) for stage in result.stages],
        "audit": [_swap(swap) for swap in result.audit],
        "lint": [
            {
                "code": finding.code,
                "level": finding.level,
                "text": finding.text,
                "remedy": finding.remedy,
                "stage": finding.stage,
            }
            for finding in result.lint
        ],
        "claims": [_claim(claim) for claim in result.claims],
        "final": _final(result.final) if result.final else _authors_last(result),
        "seconds": result.seconds,
    }


def dumps(result: StudyResult) -> str:
    """The result document as indented JSON text, ending in a line feed."""
    return json.dumps(result_document(result), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _stage(stage: StageResult) -> dict[str, Any]:
    return {
        "name": stage.name,
        "question": stage.question,
        "varied": list(stage.varied),
        "candidates": [
            _candidate(candidate, runs)
            for candidate, runs in zip(stage.candidates, stage.runs, strict=True)
        ],
        "tuning": [_point(point) for point in stage.tuning],
        "verdict": _verdict(stage.verdict),
        "seconds": stage.seconds,
    }


def _candidate(candidate: Candidate, runs: Sequence[Run]) -> dict[str, Any]:
    published = candidate.published
    return {
        "label": candidate.label,
        "settings": candidate.settings.model_dump(mode="json"),
        "num_parameters": candidate.num_parameters,
        "incumbent": candidate.incumbent,
        "tuned": dict(candidate.tuned),
        "published": None
        if published is None
        else {"test_accuracy": published.test_accuracy, "test_loss": published.test_loss},
        "test": _summary(runs),
        "runs": [_run(run) for run in runs],
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "replicate": run.replicate,
        "train_loss": run.value("train_loss"),
        "train_accuracy": run.value("train_accuracy"),
        "val_loss": run.value("val_loss"),
        "val_accuracy": run.value("val_accuracy"),
        "val_balanced_accuracy": run.value("val_balanced_accuracy"),
        "test_loss": run.value("test_loss"),
        "test_accuracy": run.value("test_accuracy"),
        "metrics": dict(run.metrics),
        "train_seconds": run.train_seconds,
        "status": run.status,
        "reason": run.reason,
        "history": {
            name: [_number(value) for value in curve.tolist()] for name, curve in run.curves.items()
        },
    }


def _summary(runs: Sequence[Run]) -> dict[str, Any] | None:
    """Mean, sd (ddof 1) and count over runs that have a test score; null without any."""
    accuracies = [value for run in runs if (value := run.value("test_accuracy")) is not None]
    losses = [value for run in runs if (value := run.value("test_loss")) is not None]
    if not accuracies:
        return None
    return {
        "accuracy_mean": float(np.mean(accuracies)),
        "accuracy_sd": float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else None,
        "loss_mean": float(np.mean(losses)) if losses else None,
        "num_replicates": len(accuracies),
    }


NO_TEST = {"accuracy_mean": None, "accuracy_sd": None, "loss_mean": None, "num_replicates": 0}


def _comparison(comparison: Comparison, labels: Sequence[str] | None) -> dict[str, Any]:
    return {
        "first": labels[comparison.first] if labels else comparison.first,
        "second": labels[comparison.second] if labels else comparison.second,
        "num_replicates": comparison.num_replicates,
        "mean": _number(comparison.mean),
        "sd": _number(comparison.sd),
        "se": _number(comparison.se),
        "low": _number(comparison.low),
        "high": _number(comparison.high),
        "level": comparison.level,
        "equivalent": comparison.equivalent,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    comparison = verdict.comparison
    return {
        "kind": verdict.kind,
        "chosen": verdict.chosen,
        "leader": verdict.leader,
        "reason": verdict.reason,
        "interval": None
        if comparison is None
        else {
            "mean": _number(comparison.mean),
            "low": _number(comparison.low),
            "high": _number(comparison.high),
            "level": comparison.level,
        },
        "num_replicates": verdict.num_replicates,
        "metric": verdict.metric,
        "delta": _number(verdict.delta),
        "provisional": verdict.provisional,
        "pinned": verdict.pinned,
        "best": list(verdict.best),
        "beaten": list(verdict.beaten),
        "failed": list(verdict.failed),
        "comparisons": [_comparison(one, None) for one in verdict.comparisons],
        "power_note": verdict.power_note,
    }


def _point(point: TuningPoint) -> dict[str, Any]:
    return {
        "candidate": point.candidate,
        "values": dict(point.values),
        "chosen": point.chosen,
        "at_edge": list(point.at_edge),
        "runs": [_run(run) for run in point.runs],
    }


def _swap(swap: AuditSwap) -> dict[str, Any]:
    return {
        "kind": swap.kind,
        "stage": swap.stage,
        "label": swap.label,
        "settings": None
        if swap.candidate is None
        else swap.candidate.settings.model_dump(mode="json"),
        "comparison": None if swap.comparison is None else _comparison(swap.comparison, None),
        "confirmed": swap.confirmed,
        "text": swap.sentence,
        "runs": [_run(run) for run in swap.runs],
    }


def _claim(claim: Claim) -> dict[str, Any]:
    return {
        "kind": claim.kind,
        "text": claim.text,
        "stage": claim.stage,
        "candidate": claim.candidate,
        "published": _number(claim.published),
        "measured_mean": _number(claim.measured_mean),
        "measured_sd": _number(claim.measured_sd),
        "low": _number(claim.low),
        "high": _number(claim.high),
        "outcome": claim.outcome,
        "sentence": claim.sentence,
    }


def _final(final: Final) -> dict[str, Any]:
    return {
        "settings": final.settings.model_dump(mode="json"),
        "num_parameters": final.num_parameters,
        "test": _summary(final.runs) or dict(NO_TEST),
        "calibration_error": _number(final.calibration_error),
        "confusion": None if final.confusion is None else final.confusion.tolist(),
        "runs": [_run(run) for run in final.runs],
        "model_path": final.model_path,
    }


def _authors_last(result: StudyResult) -> dict[str, Any] | None:
    """Of a replication: the model its author ended with, measured over our replicates."""
    if not result.stages:
        return None
    stage = result.stages[-1]
    chosen = stage.candidate(stage.verdict.chosen)
    runs = stage.runs[stage.candidates.index(chosen)]
    return {
        "settings": chosen.settings.model_dump(mode="json"),
        "num_parameters": chosen.num_parameters,
        "test": _summary(runs) or dict(NO_TEST),
        "model_path": None,
    }
