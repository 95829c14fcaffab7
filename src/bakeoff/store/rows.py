"""Rows of the store as frozen records and back; knows the columns of schema.sql and no queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bakeoff.errors import StoreError
from bakeoff.records import NO_SCORES, History, LayerHealth, Run, Scores
from bakeoff.store.arrays import pack, unpack
from bakeoff.store.encode import from_json, to_json

RunState = Literal["planned", "running", "finished", "failed", "interrupted"]

RUN_COLUMNS = (
    "key",
    "replicate",
    "state",
    "reason",
    "measures",
    "test",
    "history",
    "val_predictions",
    "train_seconds",
    "engine",
)
"""Columns of ``run`` that make a ``Run``, in the order of ``run_to_row``."""


@dataclass(frozen=True, slots=True)
class _Measures:
    """What is written as JSON of a run."""

    train: Scores
    val: Scores
    health: tuple[LayerHealth, ...]


_NOTHING = _Measures(NO_SCORES, NO_SCORES, ())


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
        to_json(_Measures(run.train, run.val, run.health)),
        None if run.test is None else to_json(run.test),
        pack(_curves(run)),
        None if run.val_predictions is None else pack(_compact(run)),
        float(run.train_seconds),
        run.engine,
    )


def row_to_run(row: tuple[Any, ...], *, reused: bool) -> Run:
    """The run of a row of ``RUN_COLUMNS``; one without an outcome yet reads as interrupted.

    Raises:
        StoreError: a row that does not decode.
    """
    key, replicate, state, reason, measures, test, history, predictions, seconds, engine = row
    if state in ("planned", "running"):
        state, reason = "interrupted", reason or f"{state}, no outcome yet"
    try:
        measured = _NOTHING if measures is None else from_json(measures, _Measures)
        curves = np.empty((4, 0)) if history is None else unpack(history)
        return Run(
            key=key,
            replicate=replicate,
            status=state,
            reason=reason,
            train=measured.train,
            val=measured.val,
            test=None if test is None else from_json(test, Scores),
            history=History(*curves),
            health=measured.health,
            train_seconds=0.0 if seconds is None else seconds,
            engine=engine or "",
            val_predictions=None if predictions is None else unpack(predictions).astype(np.uint16),
            reused=reused,
        )
    except (ValueError, TypeError, StoreError) as error:
        raise StoreError(f"run {key}: the stored row does not decode: {error}") from error


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
