"""Records made up for tests: whole by default, any field by name.

What a room's tests need beyond is built on these: stages with a verdict by the rule in
``made_up_studies``, studies of every situation in ``build``. The store's samples are their own: stores
of earlier versions hold them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bakeoff.dense.settings import DENSE_SPACE, DenseSettings
from bakeoff.records import Candidate, DataSummary, Environment, Run, StageResult, StudyResult

STARTED_AT = "2026-01-02T03:04:00Z"


def environment(**changes: Any) -> Environment:
    values: dict[str, Any] = {
        "bakeoff": "0.1.0",
        "python": "3.11.2",
        "numpy": "2.4.0",
        "platform": "Linux x86-64",
        "cpu": "Example CPU",
        "num_cores": 2,
        "engine": "native/1/avx2",
    }
    return Environment(**(values | changes))


def data_summary(**changes: Any) -> DataSummary:
    """Images of ten digits, 8 × 8."""
    values: dict[str, Any] = {
        "name": "digits",
        "hash": "d" * 64,
        "num_train": 1_300,
        "num_validation": 118,
        "num_test": 359,
        "num_features": 64,
        "num_classes": 10,
        "class_names": tuple("0123456789"),
        "feature_names": (),
        "image_shape": (8, 8),
        "class_counts": (142,) * 10,
        "zero_share": 0.49,
        "duplicates_across_splits": 0,
    }
    return DataSummary(**(values | changes))


def run(replicate: int, metrics: Mapping[str, float], **changes: Any) -> Run:
    """A finished run that measured this."""
    values: dict[str, Any] = {
        "key": f"run-{replicate}",
        "status": "finished",
        "reason": None,
        "curves": {},
        "notes": {},
        "train_seconds": 0.7,
        "engine": "native/1/avx2",
    }
    return Run(replicate=replicate, metrics=metrics, **(values | changes))


def candidate(
    label: str,
    settings: Mapping[str, Any],
    *,
    num_features: int = 64,
    num_classes: int = 10,
    **changes: Any,
) -> Candidate:
    """A dense network of these settings, and what it costs."""
    full = DENSE_SPACE.complete(dict(settings))
    size = DenseSettings.of(full).num_parameters(num_features, num_classes)
    values: dict[str, Any] = {"declared": dict(settings), "cost": (("parameters", float(size)),)}
    return Candidate(label=label, settings=full, **(values | changes))


def study(stages: Sequence[StageResult], **changes: Any) -> StudyResult:
    """A study of these stages, without a final step."""
    values: dict[str, Any] = {
        "name": "digits",
        "kind": "study",
        "spec": {
            "format": 1,
            "name": "digits",
            "data": "digits",
            "stage": [{"name": stage.name} for stage in stages],
        },
        "seed": 0,
        "metric": "accuracy",
        "split": "folds",
        "looks": (3, 5, 8, 12),
        "engine": "native/1/avx2",
        "audit": (),
        "lint": (),
        "claims": (),
        "final": None,
        "openings": (),
        "num_trained": sum(len(runs) for stage in stages for runs in stage.runs),
        "num_reused": 0,
        "seconds": 12.3,
        "started_at": STARTED_AT,
    }
    values |= {"data": data_summary(), "environment": environment(), "stages": tuple(stages)}
    return StudyResult(**(values | changes))
