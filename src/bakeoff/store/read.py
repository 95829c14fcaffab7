"""Everything that is read from the store, as records; writes nothing.

Each function expects to be called inside ``connect.snapshot``.
"""

from __future__ import annotations

import json
import sqlite3
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from bakeoff.errors import StoreError, StoreVersionError
from bakeoff.records import (
    DataSummary,
    Environment,
    Run,
    StageResult,
    StudyResult,
    TestOpening,
)
from bakeoff.store.arrays import unpack
from bakeoff.store.encode import FORMAT, from_json, run_keys
from bakeoff.store.rows import RUN_COLUMNS, StudyRow, row_to_run
from bakeoff.store.write import RESULT_COLUMNS, chunks, marks

_RUN_SELECT = f"SELECT {', '.join(RUN_COLUMNS)} FROM run"  # noqa: S608
_RESULT_TYPES = typing.get_type_hints(StudyResult)
# What a study has decided by when the file leaves it out; `StudySpec` has the same defaults.
_DEFAULT_METRIC = "accuracy"
_DEFAULT_SPLIT = "folds"
_DEFAULT_LOOKS = (3, 5, 8, 12)


def find_runs(
    connection: sqlite3.Connection,
    keys: Iterable[str],
    *,
    outcomes_only: bool = True,
) -> dict[str, Run]:
    """The runs of those keys, as reused ones, in the order of the keys.

    Args:
        outcomes_only: whether to leave out all but finished and failed ones.
    """
    wanted = list(dict.fromkeys(keys))
    condition = " AND state IN ('finished', 'failed')" if outcomes_only else ""
    found: dict[str, Run] = {}
    for part in chunks(wanted):
        rows = connection.execute(f"{_RUN_SELECT} WHERE key IN ({marks(part)}){condition}", part)
        found.update((row[0], row_to_run(row, reused=True)) for row in rows)
    return {key: found[key] for key in wanted if key in found}


def find_run(connection: sqlite3.Connection, prefix: str) -> Run:
    """The one run whose key begins so.

    Raises:
        StoreError: none, or several.
    """
    # A range instead of LIKE or GLOB: it uses the index and has no wildcards.
    rows = connection.execute(
        f"{_RUN_SELECT} WHERE key >= ? AND key < ? || char(1114111) ORDER BY key LIMIT 2",
        (prefix, prefix),
    ).fetchall()
    exact = [row for row in rows if row[0] == prefix]
    if not exact and len(rows) != 1:
        how_many = "several begin" if rows else "none begins"
        raise StoreError(
            f"run {prefix!r}: the beginning of one run's key must be given, but {how_many} so; "
            "`bakeoff show` lists them"
        )
    return row_to_run((exact or rows)[0], reused=True)


def settings_of(connection: sqlite3.Connection, key: str) -> dict[str, Any]:
    """The full settings of one run, by name; empty where they were not kept."""
    row = connection.execute(
        "SELECT settings.json FROM run JOIN settings ON settings.id = settings_id WHERE key = ?",
        (key,),
    ).fetchone()
    return {} if row is None else dict(from_json(row[0], Mapping[str, Any]))


def studies(connection: sqlite3.Connection) -> list[StudyRow]:
    """All studies, oldest first."""
    rows = connection.execute(
        """
        WITH linked AS (SELECT DISTINCT study_id, run_id FROM study_run),
        counts AS (
            SELECT study_id, count(*) AS runs, sum(state = 'finished') AS finished,
                   sum(state = 'failed') AS failed
            FROM linked JOIN run ON run.id = run_id GROUP BY study_id
        )
        SELECT id, name, kind, state, seed, engine, json_extract(data, '$.name'), data_hash,
               (SELECT count(*) FROM stage WHERE study_id = study.id),
               coalesce(runs, 0), coalesce(finished, 0), coalesce(failed, 0),
               started_at, finished_at, seconds
        FROM study LEFT JOIN counts ON counts.study_id = study.id ORDER BY id
        """
    )
    return [StudyRow(*row) for row in rows]


def study_id(connection: sqlite3.Connection, name_or_id: str | int) -> int:
    """Id of the latest study of that name, or of the study with that id.

    Raises:
        StoreError: there is none.
    """
    if isinstance(name_or_id, str):
        row = connection.execute(
            "SELECT max(id) FROM study WHERE name = ?", (name_or_id,)
        ).fetchone()
        if row[0] is not None:
            return int(row[0])
    if isinstance(name_or_id, int) or name_or_id.isdecimal():
        row = connection.execute("SELECT id FROM study WHERE id = ?", (int(name_or_id),)).fetchone()
        if row is not None:
            return int(row[0])
    names = [row[0] for row in connection.execute("SELECT DISTINCT name FROM study ORDER BY name")]
    there = ", ".join(map(repr, names)) or "none yet"
    raise StoreError(f"study {name_or_id!r}: not in the store; it has: {there}")


def studies_with_final(connection: sqlite3.Connection, key: str) -> list[int]:
    """Ids of the finished studies whose final step has a refit of that key, latest first."""
    rows = connection.execute(
        "SELECT study.id FROM run JOIN study_run ON run_id = run.id JOIN study ON study.id = study_id "
        "WHERE run.key = ? AND stage = 'final' AND study.state = 'finished' ORDER BY study.id DESC",
        (key,),
    )
    return [int(number) for (number,) in rows]


def load_result(connection: sqlite3.Connection, name_or_id: str | int) -> StudyResult:
    """The result of a study; an unfinished one as far as it got, with ``final`` None.

    Raises:
        StoreError: there is none, or a part of it is missing or does not decode.
    """
    number = study_id(connection, name_or_id)
    row = connection.execute(
        "SELECT name, kind, spec, seed, data, engine, environment, started_at, format, result "
        "FROM study WHERE id = ?",
        (number,),
    ).fetchone()
    name, kind, spec_text, seed, data, engine, environment, started_at, version, result = row
    if version > FORMAT:
        raise StoreVersionError(
            f"study {name!r}: made by a newer bakeoff (record format {version}, this one knows up "
            f"to {FORMAT}); upgrade bakeoff"
        )
    stage_texts = [
        text
        for (text,) in connection.execute(
            "SELECT json FROM stage WHERE study_id = ? ORDER BY position", (number,)
        )
    ]
    runs = _runs_of(connection, [*stage_texts, *([result] if result else [])])
    stages = tuple([from_json(text, StageResult, runs=runs) for text in stage_texts])
    spec = from_json(spec_text, Mapping[str, Any])
    if result is None:
        rest = _so_far(spec, stages, _openings(connection, number))
    else:
        arrays = {
            array_name: unpack(blob)
            for array_name, blob in connection.execute(
                "SELECT name, data FROM study_array WHERE study_id = ?", (number,)
            )
        }
        rest = _decode_rest(result, arrays, runs)
    return StudyResult(
        name=name,
        kind=kind,
        spec=spec,
        seed=seed,
        data=from_json(data, DataSummary),
        engine=engine,
        environment=from_json(environment, Environment),
        started_at=started_at,
        stages=stages,
        **rest,
    )


def _runs_of(connection: sqlite3.Connection, texts: Iterable[str]) -> dict[str, Run]:
    """The runs that some encoded records refer to."""
    keys = [key for text in texts for key in run_keys(text)]
    return find_runs(connection, keys, outcomes_only=False)


def _decode_rest(text: str, arrays: Mapping[str, Any], runs: Mapping[str, Run]) -> dict[str, Any]:
    """The fields of a finished study that have no column of their own."""
    return {
        field: from_json(json.dumps(plain), _RESULT_TYPES[field], arrays=arrays, runs=runs)
        for field, plain in json.loads(text).items()
        if field in _RESULT_TYPES and field not in RESULT_COLUMNS
    }


def _so_far(
    spec: Mapping[str, Any], stages: tuple[StageResult, ...], openings: tuple[TestOpening, ...]
) -> dict[str, Any]:
    """The same fields of a study that has not finished."""
    runs = {run.key: run for stage in stages for part in stage.runs for run in part}
    for stage in stages:
        runs.update((run.key, run) for point in stage.tuning for run in point.runs)
    num_reused = sum(run.reused for run in runs.values())
    return {
        "metric": spec.get("metric", _DEFAULT_METRIC),
        "split": spec.get("split", _DEFAULT_SPLIT),
        "looks": tuple(spec.get("looks", _DEFAULT_LOOKS)),
        "audit": (),
        "lint": (),
        "claims": (),
        "final": None,
        "openings": openings,
        "num_trained": len(runs) - num_reused,
        "num_reused": num_reused,
        "seconds": sum(stage.seconds for stage in stages),
    }


def _openings(connection: sqlite3.Connection, number: int) -> tuple[TestOpening, ...]:
    rows = connection.execute(
        "SELECT test_hash, study, purpose, opened_at, ordinal FROM opening "
        "WHERE study_id = ? ORDER BY id",
        (number,),
    )
    return tuple([TestOpening(*row) for row in rows])
