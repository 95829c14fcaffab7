"""Rows of the store as frozen records and back; knows the columns of schema.sql and no queries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bakeoff.errors import StoreError
from bakeoff.records import Run
from bakeoff.store.arrays import pack, unpack

RunState = Literal["planned", "running", "finished", "failed", "interrupted"]

RUN_COLUMNS = (
    "key",
    "replicate",
    "state",
    "reason",
    "measures",
    "test",
    "history",
    "train_seconds",
    "engine",
)
"""Columns of ``run`` that make a ``Run``, in the order of ``run_to_row``."""


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One study of the store at a glance.

    Attributes:
        id: what ``load_result`` takes besides the name.
        name, kind, seed, engine, started_at: as in ``StudyResult``.
        state: finished or unfinished.
        data_name, data_hash: of the dataset.
        num_stages: stages with a verdict.
        num_runs: runs it asked for, whoever trained them.
        num_finished, num_failed: of those.
        finished_at: ISO 8601, UTC; None while unfinished.
        seconds: wall time; None while unfinished.
    """

    id: int
    name: str
    kind: str
    state: Literal["finished", "unfinished"]
    seed: int
    engine: str
    data_name: str
    data_hash: str
    num_stages: int
    num_runs: int
    num_finished: int
    num_failed: int
    started_at: str
    finished_at: str | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What a merge brought.

    Attributes:
        added: finished and failed runs that this store did not have.
        already_there: finished and failed runs of the other store that this one had.
        studies: names of the studies that were added or that the other store had finished.
    """

    added: int
    already_there: int
    studies: tuple[str, ...]


def run_to_row(run: Run) -> tuple[Any, ...]:
    """The values of ``RUN_COLUMNS``.

    Raises:
        ValueError: curves of different lengths.
    """
    return (
        run.key,
        int(run.replicate),
        run.status,
        run.reason,
        json.dumps({**_scores(run, "train", "val"), **run.notes}),
        json.dumps(_scores(run, "test")["test"]) if _has_test(run) else None,
        pack(_curves(run)),
        float(run.train_seconds),
        run.engine,
    )


LEARNED_LITTLE = "learned next to nothing"
"""Why version 0.1 put runs aside that are measurements like any other."""


def row_to_run(row: tuple[Any, ...], *, reused: bool) -> Run:
    """The run of a row of ``RUN_COLUMNS``; one without an outcome yet reads as interrupted.

    Raises:
        StoreError: a row that does not decode.
    """
    key, replicate, state, reason, measures, test, history, seconds, engine = row
    if state in ("planned", "running"):
        state, reason = "interrupted", reason or f"{state}, no outcome yet"
    if state == "failed" and (reason or "").startswith(LEARNED_LITTLE):
        state, reason = "finished", None
    try:
        parts = {} if measures is None else json.loads(measures, object_hook=_as_list)
        parts["test"] = None if test is None else json.loads(test)
        curves = np.empty((4, 0)) if history is None else unpack(history)
        return Run(
            key=key,
            replicate=replicate,
            status=state,
            reason=reason,
            metrics=_metrics(parts),
            curves={
                name: curve
                for name, curve in zip(_CURVES, curves, strict=True)
                if not np.isnan(curve).all()
            },
            notes={name: value for name, value in parts.items() if name not in _PARTS},
            train_seconds=0.0 if seconds is None else seconds,
            engine=engine or "",
            reused=reused,
        )
    except (ValueError, TypeError, AttributeError, StoreError) as error:
        raise StoreError(f"run {key}: the stored row does not decode: {error}") from error


_PARTS = ("train", "val", "test")
_CURVES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
# The first version of the store has a name of its own for it.
_STORED_NAMES = {"balanced_accuracy": "macro_recall"}


def _as_list(node: dict[str, Any]) -> Any:
    """Tuples were tagged once."""
    return node.get("$tuple", node)


def _has_test(run: Run) -> bool:
    return any(name.startswith("test_") for name in run.metrics)


def _scores(run: Run, *parts: str) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {part: {} for part in parts}
    for name, value in run.metrics.items():
        part, _, metric = name.partition("_")
        if part in found:
            found[part][_STORED_NAMES.get(metric, metric)] = float(value)
    return found


def _metrics(parts: Mapping[str, Any]) -> dict[str, float]:
    names = {stored: name for name, stored in _STORED_NAMES.items()}
    return {
        f"{part}_{names.get(metric, metric)}": float(value)
        for part in _PARTS
        for metric, value in (parts.get(part) or {}).items()
        if isinstance(value, int | float)
    }


def _curves(run: Run) -> np.ndarray[Any, np.dtype[np.float64]]:
    num_epochs = run.num_epochs
    nothing = np.full(num_epochs, np.nan)
    curves = [np.asarray(run.curves.get(name, nothing), np.float64) for name in _CURVES]
    lengths = [len(curve) for curve in curves]
    if len(set(lengths)) != 1:
        raise ValueError(
            f"run {run.key}: the curves of a run must be equally long, but got {lengths}"
        )
    return np.stack(curves)
