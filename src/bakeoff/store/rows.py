"""Rows of the store as frozen records and back; knows the columns of schema.sql and no queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bakeoff.errors import StoreError
from bakeoff.records import NO_SCORES, History, LayerHealth, Run, RunStatus, Scores
from bakeoff.store.arrays import pack, unpack
from bakeoff.store.encode import from_json, to_json

RunState = Literal["planned", "running", "finished", "failed", "interrupted"]

RUN_COLUMNS = (
    "key",
    "replicate",
    "state",
    "reason",
    "train_loss",
    "train_accuracy",
    "train_macro_recall",
    "val_loss",
    "val_accuracy",
    "val_macro_recall",
    "test_measured",
    "test_loss",
    "test_accuracy",
    "test_macro_recall",
    "history",
    "health",
    "val_predictions",
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
        ValueError: curves of different lengths, or predictions that are no class indices.
    """
    return (
        run.key,
        int(run.replicate),
        run.status,
        run.reason,
        *_scores_to_row(run.train),
        *_scores_to_row(run.val),
        int(run.test is not None),
        *_scores_to_row(NO_SCORES if run.test is None else run.test),
        pack(_curves(run)),
        to_json(run.health),
        None if run.val_predictions is None else pack(_compact(run)),
        float(run.train_seconds),
        run.engine,
    )


def row_to_run(row: tuple[Any, ...], *, reused: bool) -> Run:
    """The run of a row of ``RUN_COLUMNS``; one without an outcome yet reads as interrupted.

    Raises:
        StoreError: a row that does not decode.
    """
    try:
        state, reason = row[2], row[3]
        status: RunStatus = state
        if state in ("planned", "running"):
            status, reason = "interrupted", reason or f"{state}, no outcome yet"
        curves = np.empty((4, 0)) if row[14] is None else unpack(row[14])
        train_loss, train_accuracy, val_loss, val_accuracy = curves
        predictions = None if row[16] is None else unpack(row[16]).astype(np.uint16)
        return Run(
            key=row[0],
            replicate=row[1],
            status=status,
            reason=reason,
            train=Scores(*row[4:7]),
            val=Scores(*row[7:10]),
            test=Scores(*row[11:14]) if row[10] else None,
            history=History(train_loss, train_accuracy, val_loss, val_accuracy),
            health=_health(row[15]),
            train_seconds=0.0 if row[17] is None else row[17],
            engine=row[18] or "",
            val_predictions=predictions,
            reused=reused,
        )
    except (ValueError, TypeError) as error:
        raise StoreError(f"run {row[0]}: the stored row does not decode: {error}") from error


def _health(text: str | None) -> tuple[LayerHealth, ...]:
    if text is None:
        return ()
    health: tuple[LayerHealth, ...] = from_json(text, tuple[LayerHealth, ...])
    return health


def _scores_to_row(scores: Scores) -> tuple[float | None, float | None, float | None]:
    return (_number(scores.loss), _number(scores.accuracy), _number(scores.macro_recall))


def _number(value: float | None) -> float | None:
    # float(): a numpy scalar would be stored as bytes.
    return None if value is None else float(value)


def _curves(run: Run) -> np.ndarray[Any, np.dtype[np.float64]]:
    history = run.history
    curves = (history.train_loss, history.train_accuracy, history.val_loss, history.val_accuracy)
    lengths = [len(curve) for curve in curves]
    if len(set(lengths)) != 1:
        raise ValueError(
            f"run {run.key}: the four curves of a history must be equally long, but got {lengths}"
        )
    return np.stack([np.asarray(curve, np.float64) for curve in curves])


def _compact(run: Run) -> np.ndarray[Any, Any]:
    """Predicted classes in the smallest type that holds them."""
    predictions = np.asarray(run.val_predictions)
    if predictions.ndim != 1 or predictions.dtype.kind not in "iu":
        raise ValueError(
            f"run {run.key}: predictions must be one class index per validation example, "
            f"but got {predictions.dtype} of shape {predictions.shape}"
        )
    small = predictions.size == 0 or int(predictions.max()) < 256
    return predictions.astype(np.uint8 if small else np.uint16)
