"""Everything the driver writes, one function per transaction's content; opens and locks nothing.

Each function expects to be called inside ``connect.transaction``.
"""

from __future__ import annotations

import dataclasses
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bakeoff.errors import StoreError
from bakeoff.records import (
    DataSummary,
    Environment,
    Run,
    StageResult,
    StudyResult,
    TestOpening,
)
from bakeoff.settings import Settings
from bakeoff.store.arrays import pack
from bakeoff.store.encode import FORMAT, Arrays, content_hash, to_json
from bakeoff.store.rows import RUN_COLUMNS, run_to_row

RESULT_COLUMNS = frozenset(
    ("name", "kind", "spec", "seed", "data", "engine", "environment", "started_at", "stages")
)
"""Fields of ``StudyResult`` that are columns of ``study`` or rows of ``stage``."""

# An outcome gives way to a better one only, and to its own repetition: what was trained last is
# what its study reports. Measurements that the newer outcome lacks are kept.
_OUTCOME = [name for name in RUN_COLUMNS if name != "key"]
_KEPT = ("test",)
_ADD_RUN = f"""
INSERT INTO run ({", ".join(RUN_COLUMNS)}, recorded_at)
VALUES ({", ".join("?" * len(RUN_COLUMNS))}, ?)
ON CONFLICT (key) DO UPDATE SET
  {", ".join(f"{name} = excluded.{name}" for name in _OUTCOME if name not in _KEPT)},
  {", ".join(f"{name} = coalesce(excluded.{name}, {name})" for name in _KEPT)},
  recorded_at = excluded.recorded_at
WHERE CASE run.state WHEN 'finished' THEN excluded.state = 'finished'
                     WHEN 'failed' THEN excluded.state IN ('finished', 'failed')
                     ELSE 1 END
"""  # noqa: S608  (names of columns only)


def now() -> str:
    """The time, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def recover(connection: sqlite3.Connection) -> int:
    """Turns the "running" rows of a driver that died into interrupted ones; how many there were.

    Right only under the writer's lock: nobody else can be running anything.
    """
    cursor = connection.execute(
        "UPDATE run SET state = 'interrupted', reason = 'the driver ended before the run did' "
        "WHERE state = 'running'"
    )
    return cursor.rowcount


def begin_study(
    connection: sqlite3.Connection,
    name: str,
    spec: Mapping[str, Any],
    *,
    kind: str,
    seed: int,
    data: DataSummary,
    environment: Environment,
    engine: str,
    started_at: str,
) -> int:
    """Id of the latest unfinished study of the same making, or of a new one."""
    spec_hash = content_hash(spec)
    row = connection.execute(
        "SELECT id FROM study WHERE name = ? AND state = 'unfinished' AND spec_hash = ? "
        "AND data_hash = ? AND engine = ? AND kind = ? AND seed = ? ORDER BY id DESC LIMIT 1",
        (name, spec_hash, data.hash, engine, kind, seed),
    ).fetchone()
    if row is not None:
        connection.execute(
            "UPDATE study SET environment = ? WHERE id = ?", (to_json(environment), row[0])
        )
        return int(row[0])
    cursor = connection.execute(
        "INSERT INTO study (uid, name, kind, state, seed, engine, spec, spec_hash, data, data_hash,"
        " environment, started_at, format) VALUES (?, ?, ?, 'unfinished', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            uuid.uuid4().hex,
            name,
            kind,
            seed,
            engine,
            to_json(spec),
            spec_hash,
            to_json(data),
            data.hash,
            to_json(environment),
            started_at,
            FORMAT,
        ),
    )
    return int(cursor.lastrowid or 0)


def plan_runs(
    connection: sqlite3.Connection,
    study_id: int,
    runs: Sequence[tuple[str, Settings, int, str, str]],
) -> None:
    """Rows for the runs that the store does not know, and the study's links to all of them."""
    ids = {settings: _settings_id(connection, settings) for _, settings, *_ in runs}
    connection.executemany(
        "INSERT INTO run (key, settings_id, replicate, state) VALUES (?, ?, ?, 'planned') "
        "ON CONFLICT (key) DO UPDATE SET settings_id = excluded.settings_id "
        "WHERE settings_id IS NULL",
        [(key, ids[settings], replicate) for key, settings, replicate, _, _ in runs],
    )
    _link(connection, study_id, [(key, stage, label) for key, _, _, stage, label in runs])


def mark_running(connection: sqlite3.Connection, keys: Iterable[str]) -> None:
    """Planned and interrupted runs become running; one with an outcome keeps it."""
    connection.executemany(
        "UPDATE run SET state = 'running' WHERE key = ? AND state IN ('planned', 'interrupted')",
        [(key,) for key in keys],
    )


def forget_failed(connection: sqlite3.Connection, keys: Iterable[str]) -> int:
    """Failed runs become planned again; how many there were."""
    cursor = connection.executemany(
        "UPDATE run SET state = 'planned', reason = NULL WHERE key = ? AND state = 'failed'",
        [(key,) for key in keys],
    )
    return cursor.rowcount


def add_runs(connection: sqlite3.Connection, runs: Iterable[Run]) -> None:
    """The outcomes of runs; see ``_ADD_RUN`` for what happens to a key that is there."""
    recorded_at = now()
    connection.executemany(_ADD_RUN, ((*run_to_row(run), recorded_at) for run in runs))


def save_stage(
    connection: sqlite3.Connection, study_id: int, position: int, stage: StageResult
) -> None:
    """An answered question, and whichever of its runs the store does not have."""
    _must_exist(connection, study_id)
    keep_runs(connection, _stage_runs(stage))
    for candidate, runs in zip(stage.candidates, stage.runs, strict=True):
        _link(connection, study_id, [(run.key, stage.name, candidate.label) for run in runs])
        _set_settings(connection, candidate.settings, runs)
    for point in stage.tuning:
        links = [(run.key, stage.name, point.candidate) for run in point.runs]
        _link(connection, study_id, links)
    verdict = stage.verdict
    connection.execute(
        "INSERT OR REPLACE INTO stage (study_id, position, name, question, verdict, chosen, reason,"
        " num_replicates, seconds, json) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            study_id,
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


def record_opening(
    connection: sqlite3.Connection,
    study_id: int,
    test_hash: str,
    *,
    study: str,
    purpose: str,
    opened_at: str,
) -> TestOpening:
    """The study's opening of the test set; a resumed study gets the one it had."""
    _must_exist(connection, study_id)
    connection.execute(
        "INSERT INTO opening (study_id, test_hash, study, purpose, opened_at, ordinal) "
        "SELECT ?, ?, ?, ?, ?, 1 + count(*) FROM opening WHERE test_hash = ? "
        "ON CONFLICT (study_id, purpose) DO NOTHING",
        (study_id, test_hash, study, purpose, opened_at, test_hash),
    )
    row = connection.execute(
        "SELECT test_hash, study, purpose, opened_at, ordinal FROM opening "
        "WHERE study_id = ? AND purpose = ?",
        (study_id, purpose),
    ).fetchone()
    return TestOpening(*row)


def finish_study(connection: sqlite3.Connection, study_id: int, result: StudyResult) -> None:
    """The whole result; what stages were saved before are replaced by its own."""
    _must_exist(connection, study_id)
    connection.execute("DELETE FROM stage WHERE study_id = ?", (study_id,))
    for position, stage in enumerate(result.stages):
        save_stage(connection, study_id, position, stage)
    _save_last_steps(connection, study_id, result)
    arrays: Arrays = {}
    rest = {
        field.name: getattr(result, field.name)
        for field in dataclasses.fields(result)
        if field.name not in RESULT_COLUMNS
    }
    texts = [f'"{name}":{to_json(value, arrays, name)}' for name, value in rest.items()]
    connection.execute("DELETE FROM study_array WHERE study_id = ?", (study_id,))
    connection.executemany(
        "INSERT INTO study_array (study_id, name, data) VALUES (?, ?, ?)",
        ((study_id, name, pack(array)) for name, array in arrays.items()),
    )
    connection.execute(
        "UPDATE study SET name = ?, kind = ?, state = 'finished', seed = ?, engine = ?, spec = ?,"
        " spec_hash = ?, data = ?, data_hash = ?, environment = ?, started_at = ?, finished_at = ?,"
        " seconds = ?, format = ?, result = ? WHERE id = ?",
        (
            result.name,
            result.kind,
            result.seed,
            result.engine,
            to_json(result.spec),
            content_hash(result.spec),
            to_json(result.data),
            result.data.hash,
            to_json(result.environment),
            result.started_at,
            now(),
            float(result.seconds),
            FORMAT,
            "{" + ",".join(texts) + "}",
            study_id,
        ),
    )


def _save_last_steps(connection: sqlite3.Connection, study_id: int, result: StudyResult) -> None:
    """The runs of the chain audit and of the final refit."""
    for swap in result.audit:
        keep_runs(connection, swap.runs)
        _link(connection, study_id, [(run.key, "audit", swap.label) for run in swap.runs])
        if swap.candidate is not None:
            _set_settings(connection, swap.candidate.settings, swap.runs)
    if result.final is not None:
        runs = result.final.runs
        keep_runs(connection, runs)
        _link(connection, study_id, [(run.key, "final", "final") for run in runs])
        _set_settings(connection, result.final.settings, runs)


def keep_runs(connection: sqlite3.Connection, runs: Iterable[Run]) -> None:
    """Adds those runs whose outcome or test scores the store lacks."""
    by_key = {run.key: run for run in runs}
    known: dict[str, tuple[str, bool]] = {}
    for keys in chunks(list(by_key)):
        rows = connection.execute(
            "SELECT key, state, test IS NOT NULL FROM run "  # noqa: S608
            f"WHERE key IN ({marks(keys)})",
            keys,
        )
        known.update((key, (state, bool(test))) for key, state, test in rows)
    add_runs(connection, (run for key, run in by_key.items() if _adds_to(known.get(key), run)))


def _adds_to(known: tuple[str, bool] | None, run: Run) -> bool:
    if known is None or known[0] != run.status:
        return True
    return not known[1] and any(name.startswith("test_") for name in run.metrics)


def marks(values: Sequence[object]) -> str:
    """Placeholders for an IN list."""
    return ", ".join("?" * len(values))


def chunks(keys: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    """Parts of a list of keys that fit one statement (SQLite's default limit was once 999)."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def _stage_runs(stage: StageResult) -> Iterator[Run]:
    for runs in stage.runs:
        yield from runs
    for point in stage.tuning:
        yield from point.runs


def _settings_id(connection: sqlite3.Connection, settings: Settings) -> int:
    text = to_json(settings.plain())
    digest = content_hash(settings.plain())
    row = connection.execute("SELECT id FROM settings WHERE hash = ?", (digest,)).fetchone()
    if row is not None:
        return int(row[0])
    cursor = connection.execute("INSERT INTO settings (hash, json) VALUES (?, ?)", (digest, text))
    return int(cursor.lastrowid or 0)


def _set_settings(connection: sqlite3.Connection, settings: Settings, runs: Iterable[Run]) -> None:
    """For runs that were stored without having been planned."""
    number = _settings_id(connection, settings)
    connection.executemany(
        "UPDATE run SET settings_id = ? WHERE key = ? AND settings_id IS NULL",
        [(number, run.key) for run in runs],
    )


def _link(
    connection: sqlite3.Connection, study_id: int, links: Iterable[tuple[str, str, str]]
) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO study_run (study_id, stage, label, run_id) "
        "SELECT ?, ?, ?, id FROM run WHERE key = ?",
        [(study_id, stage, label, key) for key, stage, label in links],
    )


def _must_exist(connection: sqlite3.Connection, study_id: int) -> None:
    if connection.execute("SELECT 1 FROM study WHERE id = ?", (study_id,)).fetchone() is None:
        raise StoreError(f"study {study_id}: begin_study must come first, but there is none")
