"""The result of a study, or what there is of it, into the tables and back.

The functions expect to be called inside a transaction or a snapshot of ``connect``.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bakeoff import words
from bakeoff.errors import StoreError
from bakeoff.records import (
    DataSummary,
    Environment,
    StageResult,
    StudyResult,
    TestOpening,
)
from bakeoff.store import runs, studies
from bakeoff.store.arrays import pack, unpack
from bakeoff.store.codec import (
    DECODING_ERRORS,
    FORMAT,
    Arrays,
    content_hash,
    fields_from_json,
    fields_to_json,
    from_json,
    run_keys,
    to_json,
)

# Fields of ``StudyResult`` that are columns of ``study`` or rows of ``stage``.
_COLUMN_FIELDS = frozenset(
    (
        *("name", "kind", "task", "model_kind", "metric", "spec", "seed", "data"),
        *("engine", "environment", "started_at", "stages"),
    )
)
_REST = tuple(
    field.name
    for field in dataclasses.fields(StudyResult)
    if field.name not in _COLUMN_FIELDS and field.name != "pending"
)
# What a study has decided by when the file leaves it out; `StudySpec` has the same defaults.
_DEFAULT_SPLIT = "folds"
_DEFAULT_LOOKS = (3, 5, 8, 12)


def save_stage(
    connection: sqlite3.Connection, number: int, position: int, stage: StageResult
) -> None:
    """An answered question, and whichever of its runs the store does not have."""
    for candidate, of_candidate in zip(stage.candidates, stage.runs, strict=True):
        runs.keep(connection, of_candidate, to_json(candidate.settings.plain()))
        studies.link(
            connection, number, [(run.key, stage.name, candidate.label) for run in of_candidate]
        )
    for point in stage.tuning:
        runs.keep(connection, point.runs)
        studies.link(
            connection, number, [(run.key, stage.name, point.candidate) for run in point.runs]
        )
    verdict = stage.verdict
    names = ("study_id", *studies.PARTS["stage"])
    connection.execute(
        f"INSERT OR REPLACE INTO stage ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",  # noqa: S608
        (
            number,
            position,
            stage.name,
            stage.question,
            verdict.kind,
            verdict.chosen,
            verdict.reason,
            verdict.num_replicates,
            float(stage.seconds),
            to_json(stage),
        ),
    )


def finish(connection: sqlite3.Connection, number: int, result: StudyResult) -> None:
    """The whole result; what stages were saved before are replaced by its own."""
    studies.must_exist(connection, number)
    connection.execute("DELETE FROM stage WHERE study_id = ?", (number,))
    for position, stage in enumerate(result.stages):
        save_stage(connection, number, position, stage)
    for swap in result.audit:
        settings = None if swap.candidate is None else to_json(swap.candidate.settings.plain())
        runs.keep(connection, swap.runs, settings)
        studies.link(connection, number, [(run.key, "audit", swap.label) for run in swap.runs])
    for one in result.baselines:
        runs.keep(connection, one.runs)
        studies.link(connection, number, [(run.key, "baselines", one.label) for run in one.runs])
    if result.final is not None:
        runs.keep(connection, result.final.runs, to_json(result.final.settings.plain()))
        studies.link(connection, number, [(run.key, "final", "final") for run in result.final.runs])
    arrays: Arrays = {}
    rest = fields_to_json(result, _REST, arrays)
    connection.execute("DELETE FROM study_array WHERE study_id = ?", (number,))
    connection.executemany(
        "INSERT INTO study_array (study_id, name, data) VALUES (?, ?, ?)",
        ((number, name, pack(array)) for name, array in arrays.items()),
    )
    changes = {
        "name": result.name,
        "kind": result.kind,
        "state": "finished",
        "seed": result.seed,
        "engine": result.engine,
        "task": result.task,
        "model_kind": result.model_kind,
        "metric": result.metric,
        "spec": to_json(result.spec),
        "spec_hash": content_hash(result.spec),
        "data": to_json(result.data),
        "data_hash": result.data.hash,
        "environment": to_json(result.environment),
        "started_at": result.started_at,
        "finished_at": words.now(),
        "seconds": float(result.seconds),
        "format": FORMAT,
        "result": rest,
    }
    studies.write(connection, number, changes)


def load(connection: sqlite3.Connection, number: int) -> StudyResult:
    """The result of a study; an unfinished one as far as it got, with ``final`` None.

    Raises:
        StoreError: a part of it is damaged, missing or does not decode.
    """
    study = studies.sound_row(connection, number, whole=True)
    texts = [
        text
        for (text,) in connection.execute(
            "SELECT json FROM stage WHERE study_id = ? ORDER BY position", (number,)
        )
    ]
    encoded = [*texts, *([study["result"]] if study["result"] else [])]
    of_study = dict(runs.find(connection, {key for text in encoded for key in run_keys(text)}))
    try:
        stages = tuple([from_json(text, StageResult, runs=of_study) for text in texts])
        columns = {name: study[name] for name in _COLUMN_FIELDS & set(studies.COLUMNS)}
        columns |= {
            "spec": from_json(study["spec"], Mapping[str, Any]),
            "data": from_json(study["data"], DataSummary),
            "environment": from_json(study["environment"], Environment),
        }
        if study["result"] is None:
            rest = _so_far(connection, number, columns, stages)
        else:
            blobs = connection.execute(
                "SELECT name, data FROM study_array WHERE study_id = ?", (number,)
            )
            arrays = {name: unpack(blob) for name, blob in blobs}
            rest = fields_from_json(study["result"], StudyResult, arrays=arrays, runs=of_study)
    except (*DECODING_ERRORS, StoreError) as error:
        raise StoreError(
            f"study {number} ({study['name']!r}): {error}; its command makes it again"
        ) from error
    return StudyResult(**{**rest, **columns, "stages": stages})


def _so_far(
    connection: sqlite3.Connection,
    number: int,
    study: Mapping[str, Any],
    stages: tuple[StageResult, ...],
) -> dict[str, Any]:
    """The fields that have no column of their own, of a study that has not finished."""
    asked = {run.key: run for stage in stages for part in stage.runs for run in part}
    for stage in stages:
        asked.update((run.key, run) for point in stage.tuning for run in point.runs)
    older = dict(
        connection.execute(
            "SELECT key, recorded_at < ? FROM run WHERE state IN ('finished', 'failed') "
            "AND id IN (SELECT run_id FROM study_run WHERE study_id = ?) ORDER BY id",
            (study["started_at"], number),
        )
    )
    found = dict(runs.find(connection, [key for key in older if key not in asked]))
    pending = tuple([replace(found[key], reused=bool(older[key])) for key in older if key in found])
    num_reused = sum(run.reused for run in (*asked.values(), *pending))
    openings = connection.execute(
        f"SELECT {', '.join(studies.PARTS['opening'])} FROM opening WHERE study_id = ? ORDER BY id",  # noqa: S608
        (number,),
    )
    spec = study["spec"]
    # A program that reads its data itself leaves no examples to split.
    own = study["task"] == "declared" and not study["data"].num_train
    return {
        "split": "own" if own else spec.get("split", _DEFAULT_SPLIT),
        "looks": tuple(spec.get("looks", _DEFAULT_LOOKS)),
        "audit": (),
        "lint": (),
        "claims": (),
        "final": None,
        "openings": tuple([TestOpening(*row) for row in openings]),
        "num_trained": len(asked) + len(pending) - num_reused,
        "num_reused": num_reused,
        "seconds": sum(stage.seconds for stage in stages),
        "pending": pending,
    }
