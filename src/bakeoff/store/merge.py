"""Brings what another store holds into this one; trains nothing and overwrites no outcome."""

from __future__ import annotations

import sqlite3
from typing import Any

from bakeoff.store.rows import RUN_COLUMNS, MergeReport

_BATCH = 500
_STUDY_COLUMNS = (
    "uid",
    "name",
    "kind",
    "state",
    "seed",
    "engine",
    "spec",
    "spec_hash",
    "data",
    "data_hash",
    "environment",
    "started_at",
    "finished_at",
    "seconds",
    "format",
    "result",
)
# What an outcome of this store may lack and the same outcome of the other may have.
_EXTRAS = ("settings_id", "test")
_PARTS = {
    "stage": (
        "position",
        "name",
        "question",
        "verdict",
        "chosen",
        "reason",
        "num_replicates",
        "seconds",
        "json",
    ),
    "study_array": ("name", "data"),
    "opening": ("test_hash", "study", "purpose", "opened_at", "ordinal"),
}


def merge(into: sqlite3.Connection, other: sqlite3.Connection) -> MergeReport:
    """Adds the other store's settings, runs and studies; call inside ``connect.transaction``.

    A run that this store has an outcome for stays as it is; runs that the other store was still
    running come as interrupted. A study is the same in both when it was begun once (a copied
    store); then the finished one wins, else this store's.
    """
    settings = _merge_settings(into, other)
    added, already_there = _merge_runs(into, other, settings)
    names = _merge_studies(into, other)
    return MergeReport(added, already_there, names)


def _merge_settings(into: sqlite3.Connection, other: sqlite3.Connection) -> dict[int, int]:
    """The other store's settings ids → ours."""
    rows = other.execute("SELECT id, hash, json FROM settings").fetchall()
    into.executemany(
        "INSERT OR IGNORE INTO settings (hash, json) VALUES (?, ?)", [row[1:] for row in rows]
    )
    ours = dict(into.execute("SELECT hash, id FROM settings").fetchall())
    return {number: ours[digest] for number, digest, _ in rows}


def _merge_runs(
    into: sqlite3.Connection, other: sqlite3.Connection, settings: dict[int, int]
) -> tuple[int, int]:
    columns = (*RUN_COLUMNS, "recorded_at", "settings_id")
    state = columns.index("state")
    insert = (
        f"INSERT INTO run ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) "  # noqa: S608
        "ON CONFLICT (key) DO UPDATE SET "
        + ", ".join(f"{name} = excluded.{name}" for name in columns if name != "key")
        + " WHERE run.state NOT IN ('finished', 'failed') "
        "AND excluded.state IN ('finished', 'failed')"
    )
    complete = (
        f"UPDATE run SET {', '.join(f'{name} = coalesce({name}, ?)' for name in _EXTRAS)} "  # noqa: S608
        "WHERE key = ? AND state = ?"
    )
    known = {
        key for (key,) in into.execute("SELECT key FROM run WHERE state IN ('finished', 'failed')")
    }
    added = already_there = 0
    cursor = other.execute(f"SELECT {', '.join(columns)} FROM run ORDER BY id")  # noqa: S608
    while batch := cursor.fetchmany(_BATCH):
        rows: list[tuple[Any, ...]] = []
        extras: list[tuple[Any, ...]] = []
        for found in batch:
            row = list(found)
            row[-1] = settings.get(row[-1])
            has_outcome = row[state] in ("finished", "failed")
            if row[0] in known:
                already_there += has_outcome
                extras.append((*(row[columns.index(name)] for name in _EXTRAS), row[0], row[state]))
                continue
            added += has_outcome
            if row[state] == "running":
                row[state] = "interrupted"
            rows.append(tuple(row))
        into.executemany(insert, rows)
        into.executemany(complete, extras)
    return added, already_there


def _merge_studies(into: sqlite3.Connection, other: sqlite3.Connection) -> tuple[str, ...]:
    names = []
    columns = ", ".join(_STUDY_COLUMNS)
    for number, *values in other.execute(f"SELECT id, {columns} FROM study ORDER BY id"):  # noqa: S608
        study = dict(zip(_STUDY_COLUMNS, values, strict=True))
        ours = into.execute("SELECT id, state FROM study WHERE uid = ?", (study["uid"],)).fetchone()
        if ours is None:
            new = into.execute(
                f"INSERT INTO study ({columns}) VALUES ({_marks(_STUDY_COLUMNS)})",  # noqa: S608
                values,
            ).lastrowid
        elif ours[1] == "unfinished" and study["state"] == "finished":
            new = ours[0]
            into.execute(
                f"UPDATE study SET ({columns}) = ({_marks(_STUDY_COLUMNS)}) WHERE id = ?",  # noqa: S608
                (*values, new),
            )
            for table in _PARTS:
                into.execute(f"DELETE FROM {table} WHERE study_id = ?", (new,))  # noqa: S608
        else:
            continue
        names.append(study["name"])
        _copy_parts(into, other, number, new)
    return tuple(names)


def _copy_parts(
    into: sqlite3.Connection, other: sqlite3.Connection, theirs: int, ours: int | None
) -> None:
    for table, names in _PARTS.items():
        rows = other.execute(
            f"SELECT {', '.join(names)} FROM {table} WHERE study_id = ?",  # noqa: S608
            (theirs,),
        )
        into.executemany(
            f"INSERT INTO {table} (study_id, {', '.join(names)}) "  # noqa: S608
            f"VALUES (?, {_marks(names)})",
            ((ours, *row) for row in rows),
        )
    links = other.execute(
        "SELECT stage, label, key FROM study_run JOIN run ON run.id = run_id WHERE study_id = ?",
        (theirs,),
    )
    into.executemany(
        "INSERT OR IGNORE INTO study_run (study_id, stage, label, run_id) "
        "SELECT ?, ?, ?, id FROM run WHERE key = ?",
        ((ours, stage, label, key) for stage, label, key in links),
    )


def _marks(names: tuple[str, ...]) -> str:
    return ", ".join("?" * len(names))
