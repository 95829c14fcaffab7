"""Runs as a pandas data frame, one row each, and as CSV and Parquet; pandas comes when asked for."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from bakeoff.data.splits import FIRST_SCREENING_INDEX
from bakeoff.errors import StoreError, UsageError
from bakeoff.files import write_whole
from bakeoff.records import Run, StudyResult
from bakeoff.settings import Settings
from bakeoff.store import runs

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("key", "replicate", "state", "reason", "train_seconds", "engine", "recorded_at")
_PARTS = ("train", "val", "test")


def runs_frame(
    connection: sqlite3.Connection, study_id: int | None, *, writer_alive: bool
) -> pd.DataFrame:
    """One row per run; of a study, one per run and stage it served.

    Columns: ``stage`` and ``label`` (of a study), what the run is, its metrics (``train_loss``,
    ``val_accuracy``, …; NaN where one was not measured), then one per setting, named
    ``settings.learning_rate`` and so on, widths as ``64-64``. Damaged runs are left out.

    Args:
        study_id: of one study; None for every run of the store.
        writer_alive: whether a driver is at work, else "running" rows read as interrupted.
    """
    of_run = ", ".join(f"run.{name}" for name in runs.COLUMNS)
    if study_id is None:
        rows = connection.execute(f"SELECT {of_run} FROM run ORDER BY id")  # noqa: S608
    else:
        rows = connection.execute(
            f"SELECT {of_run}, study_run.stage, label FROM study_run "  # noqa: S608
            "JOIN run ON run.id = run_id "
            "LEFT JOIN stage AS answered ON answered.study_id = study_run.study_id "
            "AND answered.name = study_run.stage "
            "WHERE study_run.study_id = ? "
            "ORDER BY answered.position IS NULL, answered.position, stage, label, replicate, run.id",
            (study_id,),
        )
    heads, metrics, settings = [], [], []
    width = len(runs.COLUMNS)
    for row in rows:
        stored = dict(zip(runs.COLUMNS, row, strict=False))
        try:
            run = runs.from_row(row[:width], reused=True)
            declared = json.loads(stored["settings"] or "{}")
        except (StoreError, ValueError):
            continue
        head = {name: stored[name] for name in _COLUMNS}
        if not writer_alive and head["state"] == "running":
            head["state"] = "interrupted"
        if study_id is not None:
            head = {"stage": row[width], "label": row[width + 1], **head}
        heads.append(head)
        metrics.append(run.metrics)
        settings.append({f"settings.{name}": flat(value) for name, value in declared.items()})
    columns = _COLUMNS if study_id is None else ("stage", "label", *_COLUMNS)
    return _joined(columns, heads, metrics, settings)


class RunOfStudy(NamedTuple):
    """A run with what it was trained for; ``step`` is as in ``Result.to_frame``."""

    stage: str
    step: str
    label: str
    run: Run
    settings: Settings


def runs_of(result: StudyResult) -> Iterator[RunOfStudy]:
    """Every run of a result, once for every purpose that it served."""
    for stage in result.stages:
        for point in stage.tuning:
            # A point of a search that does not compete differs from those that do in its values alone.
            known = [one for one in stage.candidates if one.label == point.candidate]
            candidate = (known or stage.candidates)[0].settings
            tuned = Settings({**candidate, **point.values}, candidate.inert)
            for run in point.runs:
                yield RunOfStudy(stage.name, "tuning", point.candidate, run, tuned)
        for declared, of_candidate in zip(stage.candidates, stage.runs, strict=True):
            for run in of_candidate:
                yield RunOfStudy(stage.name, "stage", declared.label, run, declared.settings)
    for swap in result.audit:
        if swap.candidate is not None:
            for run in swap.runs:
                yield RunOfStudy(swap.stage, "audit", swap.label, run, swap.candidate.settings)
    for simple in result.baselines:
        for run in simple.runs:
            yield RunOfStudy("baselines", "baseline", simple.label, run, Settings({}))
    if result.final is not None:
        for run in result.final.runs:
            yield RunOfStudy("final", "final", "final", run, result.final.settings)


def result_frame(result: StudyResult) -> pd.DataFrame:
    """One row per run of a result: stages, their tuning, the chain audit, simple models, the final step."""
    columns = ("stage", "step", "candidate", "replicate", "status")
    taken = (*columns, "train_seconds", "key")  # a setting may have the name of a column
    heads, metrics, settings = [], [], []
    for stage, step, label, run, values in runs_of(result):
        names = {"stage": stage, "step": step, "candidate": label}
        heads.append({**names, "replicate": run.replicate, "status": run.status})
        metrics.append(run.metrics)
        told = {"train_seconds": run.train_seconds, "key": run.key}
        named = {f"settings.{name}" if name in taken else name: one for name, one in values.items()}
        settings.append({**told, **{name: flat(value) for name, value in named.items()}})
    return _joined(columns, heads, metrics, settings)


def _joined(
    columns: Iterable[str],
    heads: list[dict[str, Any]],
    metrics: list[Mapping[str, float]],
    settings: list[dict[str, Any]],
) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(heads, columns=list(columns))
    if "train_seconds" in frame:
        frame["train_seconds"] = frame["train_seconds"].astype("float64")
    measured = pd.DataFrame(metrics, frame.index).astype("float64")
    names = sorted(measured.columns, key=_place_of_part)
    # A program may give a metric the name of a column.
    taken = {name: f"metrics.{name}" for name in (*frame.columns, "train_seconds", "key")}
    parts = [frame, measured[names].rename(columns=taken), pd.DataFrame(settings, frame.index)]
    return pd.concat(parts, axis="columns")


def _place_of_part(name: str) -> int:
    """Metrics of the training part come first, then validation, then test, then the rest."""
    part = name.partition("_")[0]
    return _PARTS.index(part) if part in _PARTS else len(_PARTS)


def flat(value: Any) -> Any:
    """A setting as one cell: widths as ``64-64``, other lists as their JSON."""
    if not isinstance(value, list | tuple):
        return json.dumps(value) if isinstance(value, Mapping) else value
    if all(isinstance(item, int | str) for item in value):
        return "-".join(map(str, value))
    return json.dumps(value)


def which_replicate(index: int) -> str:
    """``replicate 3``, counted from 1 as in every report; or one of those that only tune."""
    if index >= FIRST_SCREENING_INDEX:
        return f"screening {index % FIRST_SCREENING_INDEX + 1}"
    return f"replicate {index + 1}"


def csv_text(frame: pd.DataFrame) -> str:
    """One header line, one line per run; numbers with all their digits, gaps empty."""
    text: str = frame.to_csv(index=False, lineterminator="\n")
    return text


def write_parquet(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """One row per run, a column per name, read by pandas, polars, DuckDB, R.

    Raises:
        UsageError: pyarrow is not installed, or the file cannot be written.
        StoreFullError: no space; what was at ``path`` before is still there.
    """
    if find_spec("pyarrow") is None:
        raise UsageError(
            f"{os.fspath(path)}: writing Parquet needs pyarrow, which is not installed; "
            'run `pip install "bakeoff[parquet]"`, or write CSV'
        )
    # A column of Parquet has one type; models of several kinds share names, not what they mean by them.
    mixed = {
        str(name): column.map(str, na_action="ignore")
        for name, column in frame.items()
        if column.dtype == object and column.dropna().map(type).nunique() > 1
    }
    write_whole(path, frame.assign(**mixed).to_parquet(index=False, engine="pyarrow"))
