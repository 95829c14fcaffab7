"""Runs as a pandas data frame, one row each; pandas is imported when it is asked for."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = (
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
    "test_loss",
    "test_accuracy",
    "test_macro_recall",
    "train_seconds",
    "engine",
    "recorded_at",
)
_NUMBERS = tuple(
    name for name in _COLUMNS if name.endswith(("_loss", "_accuracy", "_recall", "_seconds"))
)


def runs_frame(
    connection: sqlite3.Connection, study_id: int | None, *, writer_alive: bool
) -> pd.DataFrame:
    """One row per run; of a study, one per run and stage it served.

    Columns: ``stage`` and ``label`` (of a study), then those of ``run`` without arrays, then one
    per hyperparameter, named ``settings.learning_rate`` and so on; widths as ``64-64``.

    Args:
        study_id: of one study; None for every run of the store.
        writer_alive: whether a driver is at work, else "running" rows read as interrupted.
    """
    import pandas as pd

    of_run = ", ".join(f"run.{name}" for name in _COLUMNS)
    if study_id is None:
        query = f"SELECT {of_run}, settings_id FROM run ORDER BY id"  # noqa: S608
        rows = connection.execute(query).fetchall()
        names = [*_COLUMNS, "settings_id"]
    else:
        query = (
            f"SELECT stage, label, {of_run}, settings_id FROM study_run "  # noqa: S608
            "JOIN run ON run.id = run_id "
            "LEFT JOIN stage AS answered ON answered.study_id = study_run.study_id "
            "AND answered.name = study_run.stage "
            "WHERE study_run.study_id = ? "
            "ORDER BY answered.position IS NULL, answered.position, stage, label, replicate, run.id"
        )
        rows = connection.execute(query, (study_id,)).fetchall()
        names = ["stage", "label", *_COLUMNS, "settings_id"]
    frame = pd.DataFrame(rows, columns=names)
    frame[list(_NUMBERS)] = frame[list(_NUMBERS)].astype("float64")
    if not writer_alive:
        frame["state"] = frame["state"].replace("running", "interrupted")
    settings = pd.DataFrame(
        {
            number: _flat(json.loads(text))
            for number, text in connection.execute("SELECT id, json FROM settings")
        }
    ).T.infer_objects()
    frame = frame.join(settings, on="settings_id")
    return frame.drop(columns="settings_id")


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    return {
        f"settings.{name}": "-".join(map(str, value)) if isinstance(value, list) else value
        for name, value in settings.items()
    }
