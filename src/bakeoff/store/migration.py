"""Stores of older versions brought up to date: read as they were written, written as of today.

A new database is made in memory and takes the place of the old one in a single transaction (see
``connect``), so a death in the middle leaves the old version whole.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bakeoff.errors import StoreError, UsageError
from bakeoff.records import Run
from bakeoff.store import runs, studies
from bakeoff.store.arrays import unpack
from bakeoff.store.codec import DECODING_ERRORS, FORMAT

_CURVES_1 = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
# Why runs were put aside that are measurements like any other.
_LEARNED_LITTLE = "learned next to nothing"
_STUDY_1 = (
    "uid, name, kind, state, seed, engine, spec, spec_hash, data, data_hash, environment, "
    "started_at, finished_at, seconds, result"
)


def from_version_1(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """Copies a store of version 1 into an empty one.

    Ids stay. A run that does not decode comes without an outcome and so is trained again.
    """
    for number, *columns in old.execute(
        "SELECT run.id, key, replicate, state, reason, measures, test, history, train_seconds, engine,"
        " recorded_at, json FROM run LEFT JOIN settings ON settings.id = settings_id"
    ):
        row = _run(columns)
        new.execute(
            f"INSERT INTO run (id, {', '.join(runs.COLUMNS)}) "  # noqa: S608
            f"VALUES (?, {', '.join('?' * len(runs.COLUMNS))})",
            (number, *row),
        )
    names = _STUDY_1.split(", ")
    for number, *columns in old.execute(f"SELECT id, {_STUDY_1} FROM study"):  # noqa: S608
        study = dict(zip(names, columns, strict=True))
        texts = [
            text
            for (text,) in old.execute(
                "SELECT json FROM stage WHERE study_id = ? ORDER BY position", (number,)
            )
        ]
        try:
            stages = [_stage(json.loads(text)) for text in texts]
            result = None if study["result"] is None else _result(json.loads(study["result"]))
            metric = _metric(result, stages, json.loads(study["spec"]))
        except (*DECODING_ERRORS, UsageError) as error:
            raise StoreError(
                f"study {number} ({study['name']}): does not decode: {error}"
            ) from error
        study |= {
            "id": number,
            "task": "classification",
            "model_kind": "dense",
            "metric": metric,
            "format": FORMAT,
            "result": None if result is None else _text(result),
        }
        studies.write(new, None, study)
        for table, columns_of in studies.PARTS.items():
            found = old.execute(
                f"SELECT {', '.join(columns_of)} FROM {table} WHERE study_id = ? ORDER BY rowid"  # noqa: S608
                if table != "stage"
                else f"SELECT {', '.join(columns_of)} FROM stage WHERE study_id = ? ORDER BY position",  # noqa: S608
                (number,),
            ).fetchall()
            if table == "stage":
                found = [
                    (*row[:-1], _text(stage)) for row, stage in zip(found, stages, strict=True)
                ]
            new.executemany(
                f"INSERT INTO {table} (study_id, {', '.join(columns_of)}) "  # noqa: S608
                f"VALUES (?, {', '.join('?' * len(columns_of))})",
                ((number, *row) for row in found),
            )
        new.executemany(
            "INSERT INTO study_run (study_id, stage, label, run_id) VALUES (?, ?, ?, ?)",
            old.execute(
                "SELECT study_id, stage, label, run_id FROM study_run WHERE study_id = ?", (number,)
            ),
        )
        studies.write(new, number, {})


def from_version_2(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """Copies a store of version 2 into an empty one: every table has the columns it had."""
    for table in ("run", "study", "stage", "study_run", "study_array", "opening"):
        names = [row[1] for row in old.execute(f"PRAGMA table_info({table})")]
        new.executemany(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",  # noqa: S608
            old.execute(f"SELECT {', '.join(names)} FROM {table}"),  # noqa: S608
        )


UPGRADES: dict[int, Callable[[sqlite3.Connection, sqlite3.Connection], None]] = {
    1: from_version_1,
    2: from_version_2,
}
"""What copies a store of an older version into an empty one of the newest, by the old version."""


def _text(plain: object) -> str:
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def _run(columns: list[Any]) -> runs.Row:
    key, replicate, state, reason, measures, test, history, seconds, engine, at, settings = columns
    without_outcome = (key, replicate, state, reason, *[None] * 7, settings, None)
    if state not in ("finished", "failed") and measures is None:
        return without_outcome
    if state == "failed" and (reason or "").startswith(_LEARNED_LITTLE):
        state, reason = "finished", None
    try:
        parts = json.loads(measures)
        parts["test"] = None if test is None else json.loads(test)
        run = Run(
            key=key,
            replicate=replicate,
            status=state,
            reason=reason,
            metrics=_metrics(parts),
            curves={
                name: curve
                for name, curve in zip(_CURVES_1, unpack(history), strict=True)
                if not np.isnan(curve).all()
            },
            notes=_notes(parts),
            train_seconds=seconds,
            engine=engine,
        )
        return runs.to_row(run, settings, at)
    except DECODING_ERRORS:
        return (key, replicate, "planned", *without_outcome[3:])


def _metrics(parts: Mapping[str, Any]) -> dict[str, float]:
    """``{"val": {"accuracy": .9, …}, …}`` by flat names; only numbers, and only finite ones."""
    return {
        f"{part}_{_renamed(name)}": float(value)
        for part in ("train", "val", "test")
        for name, value in (parts[part] or {}).items()
        if isinstance(value, int | float)
    }


def _notes(parts: Mapping[str, Any]) -> dict[str, Any]:
    health = parts.get("health", {"$tuple": []})["$tuple"]
    return {"health": health} if health else {}


def _renamed(metric: str) -> str:
    return "balanced_accuracy" if metric == "macro_recall" else metric


def _metric(result: Any, stages: list[Any], spec: Mapping[str, Any]) -> str:
    """What decided: as the study or its first verdict says, else as its file does."""
    if result is not None:
        return str(result["metric"])
    if stages:
        return str(stages[0]["verdict"]["metric"])
    declared = spec.get("metric", "accuracy")
    return "accuracy" if declared == "auto" else _renamed(declared)


def _stage(plain: Any) -> Any:
    candidates = [_candidate(one) for one in plain["candidates"]["$tuple"]]
    return {
        **plain,
        "candidates": {"$tuple": candidates},
        "verdict": _verdict(plain["verdict"]),
    }


def _candidate(plain: Any) -> Any:
    """Its cost were two fields, the operations those of an epoch."""
    operations = plain["operations_per_epoch"] * plain["settings"]["epochs"]
    return {
        **plain,
        "settings": _settings(plain["settings"]),
        "cost": _cost(parameters=plain["num_parameters"], operations=operations),
    }


def _cost(**counts: float) -> Any:
    return {"$tuple": [{"$tuple": [name, float(count)]} for name, count in counts.items()]}


def _settings(plain: Any) -> Any:
    """The first version knew dense networks alone, whose values say which have no effect."""
    from bakeoff.dense.settings import DENSE_SPACE  # late: only old stores need what it imports

    made = DENSE_SPACE.complete(plain)
    values = {name: value for name, value in made.plain().items() if name in plain}
    return {"values": values, "inert": sorted(made.inert & values.keys())}


def _verdict(plain: Any) -> Any:
    """Who was not beaten, and who was, from the tied and those beaten before the last look."""
    labels = plain.get("labels", {"$tuple": []})["$tuple"]
    beaten, failed = plain["eliminated"]["$tuple"], plain["failed"]["$tuple"]
    best = plain["tied"]["$tuple"]
    if plain["kind"] == "winner":
        best = [plain["leader"]]
        beaten = beaten + [one for one in labels if one not in (*best, *beaten, *failed)]
    elif not best:
        best = [one for one in labels if one not in (*beaten, *failed)]
    return {
        **plain,
        "best": {"$tuple": best},
        "beaten": {"$tuple": beaten},
        "metric": _renamed(plain["metric"]),
    }


def _result(plain: Any) -> Any:
    audit = [
        {**swap, "candidate": _candidate(swap["candidate"])} for swap in plain["audit"]["$tuple"]
    ]
    return {
        **plain,
        "metric": _renamed(plain["metric"]),
        "audit": {"$tuple": audit},
        "final": None if plain["final"] is None else _final(plain["final"]),
    }


def _final(plain: Any) -> Any:
    """It was a dense network's: layers, scaling and what the exam showed were its own fields."""
    model = {
        f"layers/{number}/{part}": layer[part]
        for number, layer in enumerate(plain["layers"]["$tuple"])
        for part in ("kernel", "bias")
    }
    model |= {f"scaling/{part}": plain["scaling"][part] for part in ("shift", "factor")}
    shown = ("confusion", "reliability", "calibration_error", "mistakes", "examples")
    exam = {name: plain[name] for name in shown if name in plain}
    return {
        **plain,
        "settings": _settings(plain["settings"]),
        "cost": _cost(parameters=plain["num_parameters"]),
        "delivered": 0,
        "model": model,
        "exam": None if plain["confusion"] is None else exam,
    }
