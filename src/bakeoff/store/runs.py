"""The table of runs: rows as records and back, what may replace what, and checksums.

The functions expect to be called inside a transaction or a snapshot of ``connect``.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bakeoff import words
from bakeoff.errors import NotStoredError, StoreError
from bakeoff.records import Floats, Run
from bakeoff.store.arrays import checksum, pack, unpack
from bakeoff.store.codec import DECODING_ERRORS, from_json, to_json

COLUMNS = (
    "key",
    "replicate",
    "state",
    "reason",
    "metrics",
    "curve_lengths",
    "curves",
    "notes",
    "train_seconds",
    "engine",
    "recorded_at",
    "settings",
    "checksum",
)
"""Columns of ``run`` but its id; the last is the checksum of all before."""

SELECT = f"SELECT {', '.join(COLUMNS)} FROM run"  # noqa: S608
UPSERT = f"""
INSERT INTO run ({", ".join(COLUMNS)}) VALUES ({", ".join("?" * len(COLUMNS))})
ON CONFLICT (key) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])}
"""  # noqa: S608
_STATE = COLUMNS.index("state")
_SETTINGS = COLUMNS.index("settings")
_RECORDED_AT = COLUMNS.index("recorded_at")
# An outcome gives way to a better one only, and to its own repetition.
_RANK = {"planned": 0, "running": 0, "interrupted": 0, "failed": 1, "finished": 2}

Row = tuple[Any, ...]


def to_row(run: Run, settings: str | None, recorded_at: str | None = None) -> Row:
    """The row of a run's outcome.

    Args:
        settings: JSON text of the settings it was trained with, where they are known.
        recorded_at: now, if not given.
    """
    names = list(run.curves)
    curves = [np.asarray(run.curves[name], np.float64).ravel() for name in names]
    values = (
        run.key,
        int(run.replicate),
        run.status,
        run.reason,
        to_json(dict(run.metrics)),
        to_json({name: len(curve) for name, curve in zip(names, curves, strict=True)}),
        pack(np.concatenate([np.empty(0), *curves])),
        to_json(dict(run.notes)) if run.notes else None,
        float(run.train_seconds) if math.isfinite(run.train_seconds) else None,
        run.engine,
        recorded_at or words.now(),
        settings,
    )
    return (*values, checksum(values))


def is_sound(row: Row) -> bool:
    """Whether a row is as it was written. A run without an outcome has nothing to protect."""
    if row[-1] is None:
        return row[_STATE] in ("planned", "running", "interrupted")
    return bool(row[-1] == checksum(row[:-1]))


def from_row(row: Row, *, reused: bool) -> Run:
    """The run of a row; one without an outcome yet reads as interrupted.

    Raises:
        StoreError: a row that is damaged or does not decode.
    """
    key, replicate, state, reason, metrics, lengths, curves, notes, seconds, engine = row[:10]
    if not is_sound(row):
        raise StoreError(f"run {key}: damaged; the command that trained it trains it again")
    if row[-1] is None:
        reason = reason or f"{state}, no outcome yet"
        return Run(key, replicate, "interrupted", reason, {}, {}, {}, 0.0, engine or "", reused)
    try:
        return Run(
            key=key,
            replicate=replicate,
            status=state,
            reason=reason,
            metrics=json.loads(metrics),
            curves=_split(json.loads(lengths), unpack(curves)),
            notes=_notes(notes),
            train_seconds=0.0 if seconds is None else seconds,
            engine=engine or "",
            reused=reused,
        )
    except (*DECODING_ERRORS, StoreError) as error:
        raise StoreError(f"run {key}: the stored row does not decode: {error}") from error


def _notes(text: str | None) -> Mapping[str, Any]:
    """Plain JSON nearly always; what has tags is decoded with more care."""
    if text is None:
        return {}
    notes: Mapping[str, Any] = (
        from_json(text, Mapping[str, Any]) if "$" in text else json.loads(text)
    )
    return notes


def _split(lengths: Mapping[str, int], values: Floats) -> dict[str, Floats]:
    if sum(lengths.values()) != values.size:
        raise ValueError(f"{sum(lengths.values())} values of curves must follow, not {values.size}")
    ends = list(itertools.accumulate(lengths.values()))
    return {
        name: values[end - length : end]
        for (name, length), end in zip(lengths.items(), ends, strict=True)
    }


def add(connection: sqlite3.Connection, runs: Iterable[Run], settings: str | None = None) -> None:
    """Stores outcomes of runs.

    A sound outcome that is there stays, unless the new one is at least as good: an interrupted run
    replaces no outcome, a failed one no finished one, a repetition takes the place of the first.

    Args:
        settings: of all of them, for runs that were not planned.
    """
    for run in runs:
        there = connection.execute(f"{SELECT} WHERE key = ?", (run.key,)).fetchone()
        if there is None or not is_sound(there):
            connection.execute(UPSERT, to_row(run, settings))
        elif _RANK[run.status] >= _RANK[there[_STATE]]:
            # The same key is the same training: what only the first was asked to measure still holds.
            old = from_row(there, reused=True).metrics if there[_STATE] == run.status else {}
            run = dataclasses.replace(run, metrics={**old, **run.metrics})
            connection.execute(UPSERT, to_row(run, there[_SETTINGS] or settings))


def complete(connection: sqlite3.Connection, there: Row, other: Row) -> None:
    """Gives an outcome that is there the metrics and settings that it lacks and another has."""
    ours, theirs = from_row(there, reused=True), from_row(other, reused=True)
    metrics = {**theirs.metrics, **ours.metrics}
    settings = there[_SETTINGS] or other[_SETTINGS]
    if ours.status == theirs.status and (
        len(metrics) > len(ours.metrics) or settings != there[_SETTINGS]
    ):
        run = dataclasses.replace(ours, metrics=metrics)
        connection.execute(UPSERT, to_row(run, settings, there[_RECORDED_AT]))


def keep(connection: sqlite3.Connection, runs: Iterable[Run], settings: str | None = None) -> None:
    """Adds those runs that the store has not, or not so."""
    by_key = {run.key: run for run in runs}
    there = dict(find(connection, by_key))
    add(
        connection,
        (run for key, run in by_key.items() if not _holds(there.get(key), run)),
        settings,
    )


def _holds(there: Run | None, run: Run) -> bool:
    return (
        there is not None and there.status == run.status and set(there.metrics) >= set(run.metrics)
    )


def find(connection: sqlite3.Connection, keys: Iterable[str]) -> Iterator[tuple[str, Run]]:
    """The runs of those keys that are there and sound, as reused ones."""
    for part in _chunks(list(keys)):
        marks = ", ".join("?" * len(part))
        for row in connection.execute(f"{SELECT} WHERE key IN ({marks})", part):
            try:
                yield row[0], from_row(row, reused=True)
            except StoreError:
                continue  # it is trained again; `check` names it


def find_one(connection: sqlite3.Connection, prefix: str) -> Run:
    """The one run whose key begins so.

    Raises:
        NotStoredError: none, or several.
        StoreError: it is damaged.
    """
    # A range instead of LIKE or GLOB: it uses the index and has no wildcards.
    rows = connection.execute(
        f"{SELECT} WHERE key >= ? AND key < ? || char(1114111) ORDER BY key LIMIT 2",
        (prefix, prefix),
    ).fetchall()
    exact = [row for row in rows if row[0] == prefix]
    if not exact and len(rows) != 1:
        how_many = "several begin" if rows else "none begins"
        raise NotStoredError(
            f"run {prefix!r}: the beginning of one run's key must be given, but {how_many} so; "
            "`bakeoff show` lists them"
        )
    return from_row((exact or rows)[0], reused=True)


def settings_of(connection: sqlite3.Connection, key: str) -> Mapping[str, Any]:
    """The full settings of one run, by name; empty where they were not kept or are damaged."""
    row = connection.execute(f"{SELECT} WHERE key = ?", (key,)).fetchone()
    if row is None or row[_SETTINGS] is None or not is_sound(row):
        return {}
    return dict(from_json(row[_SETTINGS], Mapping[str, Any]))


def plan(connection: sqlite3.Connection, runs: Iterable[tuple[str, str, int]]) -> None:
    """Rows for the runs that the store does not know: (key, JSON of the settings, replicate).

    A damaged row makes room; nothing that it holds can be told from what was stored.
    """
    for key, settings, replicate in runs:
        there = connection.execute(f"{SELECT} WHERE key = ?", (key,)).fetchone()
        if there is None:
            connection.execute(
                "INSERT INTO run (key, settings, replicate, state) VALUES (?, ?, ?, 'planned')",
                (key, settings, replicate),
            )
        elif not is_sound(there):
            nothing = (None,) * (_SETTINGS - _STATE - 1)
            connection.execute(UPSERT, (key, replicate, "planned", *nothing, settings, None))
        elif there[_SETTINGS] is None or (there[-1] is None and there[_SETTINGS] != settings):
            row = (*there[:_SETTINGS], settings)
            sealed = None if there[-1] is None else checksum(row)
            connection.execute(UPSERT, (*row, sealed))


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    """Parts of a list of keys that fit one statement (SQLite's default limit was once 999)."""
    for start in range(0, len(keys), 500):
        yield keys[start : start + 500]


def mark_running(connection: sqlite3.Connection, keys: Iterable[str]) -> None:
    """Planned or interrupted runs have begun; one with an outcome keeps it."""
    connection.executemany(
        "UPDATE run SET state = 'running', checksum = NULL "
        "WHERE key = ? AND state IN ('planned', 'interrupted')",
        [(key,) for key in keys],
    )


def forget_failed(connection: sqlite3.Connection, keys: Iterable[str]) -> int:
    """Makes failed runs planned again; returns how many there were."""
    cursor = connection.executemany(
        "UPDATE run SET state = 'planned', reason = NULL, checksum = NULL "
        "WHERE key = ? AND state = 'failed'",
        [(key,) for key in keys],
    )
    return cursor.rowcount


def interrupt_running(connection: sqlite3.Connection) -> None:
    """The driver of all running runs has died."""
    connection.execute(
        "UPDATE run SET state = 'interrupted', checksum = NULL, "
        "reason = 'the driver ended before the run did' WHERE state = 'running'"
    )
