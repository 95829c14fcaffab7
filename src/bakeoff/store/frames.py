"""Runs as a pandas data frame, one row each; pandas is imported when it is asked for."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("key", "replicate", "state", "reason", "train_seconds", "engine", "recorded_at")


def runs_frame(
    connection: sqlite3.Connection, study_id: int | None, *, writer_alive: bool
) -> pd.DataFrame:
    """One row per run; of a study, one per run and stage it served.

    Columns: ``stage`` and ``label`` (of a study), what the run is, its scores
    (``train_loss``, ``val_accuracy``, …; NaN where there is none), then one per hyperparameter,
    named ``settings.learning_rate`` and so on, widths as ``64-64``.

    Args:
        study_id: of one study; None for every run of the store.
        writer_alive: whether a driver is at work, else "running" rows read as interrupted.
    """
    import pandas as pd

    of_run = ", ".join(f"run.{name}" for name in _COLUMNS)
    if study_id is None:
        head: tuple[str, ...] = _COLUMNS
        rows = connection.execute(
            f"SELECT {of_run}, measures, test, settings_id FROM run ORDER BY id"  # noqa: S608
        ).fetchall()
    else:
        head = ("stage", "label", *_COLUMNS)
        rows = connection.execute(
            f"SELECT stage, label, {of_run}, measures, test, settings_id FROM study_run "  # noqa: S608
            "JOIN run ON run.id = run_id "
            "LEFT JOIN stage AS answered ON answered.study_id = study_run.study_id "
            "AND answered.name = study_run.stage "
            "WHERE study_run.study_id = ? "
            "ORDER BY answered.position IS NULL, answered.position, stage, label, replicate, run.id",
            (study_id,),
        ).fetchall()
    settings = {
        number: _flat(json.loads(text))
        for number, text in connection.execute("SELECT id, json FROM settings")
    }
    width = len(head)
    frame = pd.DataFrame([row[:width] for row in rows], columns=list(head))
    if not writer_alive:
        frame["state"] = frame["state"].replace("running", "interrupted")
    scores = pd.DataFrame([_scores(row[width], row[width + 1]) for row in rows], frame.index)
    scores = scores.reindex(columns=list(_SCORES)).astype("float64")
    declared = pd.DataFrame([settings.get(row[width + 2], {}) for row in rows], frame.index)
    frame["train_seconds"] = frame["train_seconds"].astype("float64")
    return pd.concat([frame, scores, declared], axis="columns")


_PARTS = ("train", "val", "test")
_METRICS = ("loss", "accuracy", "balanced_accuracy")
_SCORES = tuple(f"{part}_{metric}" for part in _PARTS for metric in _METRICS)


def _scores(measures: str | None, test: str | None) -> dict[str, float | None]:
    found: dict[str, Any] = {} if measures is None else json.loads(measures)
    if test is not None:
        found["test"] = json.loads(test)
    return {
        f"{part}_{'balanced_accuracy' if name == 'macro_recall' else name}": (
            float(value["$float"]) if isinstance(value, dict) else value
        )
        for part in _PARTS
        for name, value in found.get(part, {}).items()
    }


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    return {
        f"settings.{name}": "-".join(map(str, value)) if isinstance(value, list) else value
        for name, value in settings.items()
    }
