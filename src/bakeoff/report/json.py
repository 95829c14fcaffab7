"""The result document, ``"format": 1``: what ``--json`` writes and other programs read.

Keys may be added; the ones that are there stay. Numbers that do not exist are null, never NaN.
Apart from the times (``train_seconds``, ``seconds``) two calls of the same study write the same bytes.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

from bakeoff.evidence.final_summary import FinalSummary
from bakeoff.evidence.spreads import Spread
from bakeoff.evidence.stage_summary import CandidateSummary, StageSummary
from bakeoff.evidence.summary import Summary, summarise
from bakeoff.records import AuditSwap, Run, StudyResult, TuningPoint, Verdict

FORMAT = 1


def result_document(result: StudyResult) -> dict[str, Any]:
    """The result as plain JSON values."""
    summary, data = summarise(result), result.data
    sizes = ("num_train", "num_validation", "num_test", "num_features", "num_classes")
    # A program that reads its data itself knows them alone.
    counts = {name: None if result.split == "own" else getattr(data, name) for name in sizes}
    return {
        "format": FORMAT,
        "study": result.name,
        "kind": result.kind,
        "seed": result.seed,
        "metric": summary.metric.name,
        "split": result.split,
        "looks": list(result.looks),
        "data": {
            "name": data.name,
            "hash": data.hash,
            **counts,
        },
        "model": {"kind": result.model_kind, "name": result.engine},
        "task": result.task,
        "engine": result.engine,
        "stages": [_stage(stage) for stage in summary.stages],
        "audit": [_swap(swap) for swap in result.audit],
        "baselines": [
            {
                "label": one.label,
                "comparison": None if one.comparison is None else _plain(one.comparison),
                "runs": [_run(run) for run in one.runs],
            }
            for one in result.baselines
        ],
        "leaks": [{"column": name, "share": share} for name, share in result.leaks],
        "lint": [_plain(finding) for finding in result.lint],
        "claims": [_plain(claim) for claim in result.claims],
        "final": _final(summary.final) if summary.final else _authors_last(summary),
        "seconds": result.seconds,
    }


def dumps(result: StudyResult) -> str:
    """The result document as indented JSON text, ending in a line feed."""
    return json.dumps(result_document(result), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _settings(settings: Any) -> dict[str, Any]:
    values: dict[str, Any] = settings.plain()
    return values


def _stage(stage: StageSummary) -> dict[str, Any]:
    record = stage.stage
    return {
        "name": record.name,
        "question": record.question,
        "varied": list(record.varied),
        "candidates": [_candidate(candidate) for candidate in stage.candidates],
        "tuning": [_point(point, mean) for point, mean in stage.tuning],
        "verdict": _verdict(record.verdict),
        "seconds": record.seconds,
    }


def _candidate(one: CandidateSummary) -> dict[str, Any]:
    candidate, published = one.candidate, one.candidate.published
    return {
        "label": candidate.label,
        "settings": candidate.settings.plain(),
        "num_parameters": candidate.num_parameters,
        "incumbent": candidate.incumbent,
        "tuned": dict(candidate.tuned),
        "published": None
        if published is None
        else {"test_accuracy": published.test_accuracy, "test_loss": published.test_loss},
        "metrics": {name: _spread(spread) for name, spread in one.metrics.items()},
        "test": _test(one.metrics) if "test_accuracy" in one.metrics else None,
        "num_failed": len(one.failed),
        "runs": [_run(run) for run in one.runs],
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


def _spread(spread: Spread) -> dict[str, Any]:
    return {"mean": spread.mean, "sd": spread.sd, "num_replicates": spread.num}


def _test(
    metrics: Mapping[str, Spread], intervals: Mapping[str, tuple[float, float]] | None = None
) -> dict[str, Any]:
    """Mean and sd (ddof 1) over the finished runs of everything measured on the test part."""
    accuracy, loss = metrics.get("test_accuracy"), metrics.get("test_loss")
    known = {name[5:]: one for name, one in metrics.items() if name.startswith("test_")}
    return {
        "accuracy_mean": accuracy.mean if accuracy else None,
        "accuracy_sd": accuracy.sd if accuracy else None,
        "loss_mean": loss.mean if loss else None,
        "num_replicates": accuracy.num if accuracy else 0,
        "metrics": {
            name: {**_spread(one), "interval": list(ends) if ends else None}
            for name, one in known.items()
            for ends in [(intervals or {}).get(name)]
        },
    }


def _plain(record: Any) -> dict[str, Any]:
    """The fields of a flat record; numbers that are not finite are null."""
    values = dataclasses.asdict(record)
    return {k: _number(v) if isinstance(v, float) else v for k, v in values.items()}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    values, pair = _plain(verdict), verdict.comparison
    del values["comparison"], values["labels"]
    ends = None if pair is None else _plain(pair)
    values["interval"] = ends and {key: ends[key] for key in ("mean", "low", "high", "level")}
    return values


def _point(point: TuningPoint, mean: float | None) -> dict[str, Any]:
    return {
        "candidate": point.candidate,
        "values": dict(point.values),
        "chosen": point.chosen,
        "at_edge": list(point.at_edge),
        "mean": mean,
        "runs": [_run(run) for run in point.runs],
    }


def _swap(swap: AuditSwap) -> dict[str, Any]:
    return {
        "kind": swap.kind,
        "stage": swap.stage,
        "label": swap.label,
        "settings": swap.candidate.settings.plain() if swap.candidate else None,
        "comparison": None if swap.comparison is None else _plain(swap.comparison),
        "confirmed": swap.confirmed,
        "text": swap.sentence,
        "runs": [_run(run) for run in swap.runs],
    }


def _final(one: FinalSummary) -> dict[str, Any]:
    final, again = one.final, one.again
    return {
        "settings": final.settings.plain(),
        "num_parameters": final.num_parameters,
        "test": _test(one.metrics, one.test),
        "one_more_training": None if again is None else list(again),
        "num_failed": one.num_failed,
        "delivered": None if one.delivered is None else one.delivered.replicate,
        "calibration_error": _number(one.calibration_error),
        "confusion": None if one.confusion is None else one.confusion.tolist(),
        "runs": [_run(run) for run in final.runs],
        "model_path": final.model_path,
    }


def _authors_last(summary: Summary) -> dict[str, Any] | None:
    """Of a replication: the model its author ended with, measured over our replicates."""
    if not summary.stages:
        return None
    chosen = summary.stages[-1].chosen
    return {
        "settings": chosen.candidate.settings.plain(),
        "num_parameters": chosen.candidate.num_parameters,
        "test": _test(chosen.metrics),
        "model_path": None,
    }
