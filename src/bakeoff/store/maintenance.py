"""Looking a store through, and bringing two together; trains nothing and overwrites no outcome."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bakeoff.errors import StoreError
from bakeoff.store import results, runs, studies
from bakeoff.store.sqlite_errors import ERRORS

_BATCH = 500
_OUTCOMES = ("finished", "failed")
_STATE = runs.COLUMNS.index("state")


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What a merge brought.

    Attributes:
        added: finished and failed runs that this store did not have.
        already_there: finished and failed runs of the other store that this one had.
        studies: names of the studies that were added or that the other store had finished.
        damaged: runs and studies of the other store that were left out.
    """

    added: int
    already_there: int
    studies: tuple[str, ...]
    damaged: int = 0


def check(connection: sqlite3.Connection) -> list[str]:
    """What is wrong with the store, one sentence each; empty when it is sound.

    SQLite's own integrity check, references between tables, and every run and study read, which
    compares its checksum.
    """
    try:
        rows = connection.execute("PRAGMA integrity_check").fetchall()
        problems = [f"database: {row[0]}" for row in rows if row[0] != "ok"]
        problems += [
            f"{table}: row {row} points to a {parent} that is not there"
            for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check")
        ]
    except ERRORS as error:
        problems = [f"database: {error}"]
    for row in _rows(connection, "run", runs.COLUMNS, problems):
        try:
            runs.from_row(row, reused=True)
        except StoreError as error:
            problems.append(str(error))
    for (number,) in _rows(connection, "study", ("id",), problems):
        try:
            results.load(connection, number)
        except StoreError as error:
            problems.append(str(error))
        except ERRORS as error:
            problems.append(f"study {number}: {error}")
    return problems


def merge(into: sqlite3.Connection, other: sqlite3.Connection) -> MergeReport:
    """Adds the other store's sound runs and studies; call inside ``connect.transaction``.

    A run that this store has an outcome for stays as it is; runs that the other store was still
    running come as interrupted. A study is the same in both when it was begun once (a copied
    store); then the finished one wins, else this store's. What is damaged there is left out, and
    where the file itself is damaged, what can still be read is brought.
    """
    damaged: list[str] = []
    added, already_there = _merge_runs(into, other, damaged)
    names = _merge_studies(into, other, damaged)
    _merge_openings(into, other, damaged)
    return MergeReport(added, already_there, names, len(damaged))


def _merge_runs(
    into: sqlite3.Connection, other: sqlite3.Connection, damaged: list[str]
) -> tuple[int, int]:
    added = already_there = 0
    for theirs in _rows(other, "run", runs.COLUMNS, damaged):
        if not runs.is_sound(theirs):
            damaged.append(f"run {theirs[0]}")
            continue
        has_outcome = theirs[_STATE] in _OUTCOMES
        ours = into.execute(f"{runs.SELECT} WHERE key = ?", (theirs[0],)).fetchone()
        if ours is not None and ours[_STATE] in _OUTCOMES and runs.is_sound(ours):
            already_there += has_outcome
            if has_outcome:  # measurements and settings that ours may lack
                runs.complete(into, ours, theirs)
            continue
        added += has_outcome
        if has_outcome or ours is None:
            row = list(theirs)
            if row[_STATE] == "running":
                row[_STATE] = "interrupted"
            into.execute(runs.UPSERT, row)
    return added, already_there


def _merge_studies(
    into: sqlite3.Connection, other: sqlite3.Connection, damaged: list[str]
) -> tuple[str, ...]:
    names = []
    for (number,) in _rows(other, "study", ("id",), damaged):
        try:
            results.load(other, number)  # with all its runs
            study = studies.sound_row(other, number, whole=True)
        except (StoreError, *ERRORS) as error:
            damaged.append(f"study {number}: {error}")
            continue
        ours = into.execute("SELECT id, state FROM study WHERE uid = ?", (study["uid"],)).fetchone()
        if ours is not None and (ours[1], study["state"]) != ("unfinished", "finished"):
            continue
        into.execute("SAVEPOINT study")
        try:
            new = _copy_study(into, other, None if ours is None else int(ours[0]), number, study)
            results.load(into, new)
        except (StoreError, UnicodeError) as error:  # one of its runs was left out
            into.execute("ROLLBACK TO study")
            damaged.append(str(error))
        else:
            names.append(study["name"])
        into.execute("RELEASE study")
    return tuple(names)


def _merge_openings(
    into: sqlite3.Connection, other: sqlite3.Connection, damaged: list[str]
) -> None:
    """What deleted studies of the other store had opened."""
    columns = studies.PARTS["opening"]
    for study_id, *row in _rows(other, "opening", ("study_id", *columns), damaged):
        if study_id is None:
            into.execute(
                f"INSERT INTO opening ({', '.join(columns)}) SELECT ?, ?, ?, ?, ? WHERE NOT EXISTS "  # noqa: S608
                "(SELECT 1 FROM opening WHERE test_hash = ? AND study = ? AND purpose = ? "
                "AND opened_at = ? AND ordinal = ?)",
                (*row, *row),
            )


def _copy_study(
    into: sqlite3.Connection,
    other: sqlite3.Connection,
    ours: int | None,
    theirs: int,
    study: dict[str, Any],
) -> int:
    """A study with all that belongs to it, new or over the one of this id; its id."""
    new = studies.write(into, ours, study)
    for table, columns in studies.PARTS.items():
        into.execute(f"DELETE FROM {table} WHERE study_id = ?", (new,))  # noqa: S608
        rows = other.execute(
            f"SELECT {', '.join(columns)} FROM {table} WHERE study_id = ?",  # noqa: S608
            (theirs,),
        )
        into.executemany(
            f"INSERT INTO {table} (study_id, {', '.join(columns)}) "  # noqa: S608
            f"VALUES (?, {', '.join('?' * len(columns))})",
            ((new, *row) for row in rows),
        )
    links = other.execute(
        "SELECT key, stage, label FROM study_run JOIN run ON run.id = run_id WHERE study_id = ?",
        (theirs,),
    )
    studies.link(into, new, links)
    studies.set_tags(into, new, {*studies.tags(into, new), *studies.tags(other, theirs)})
    studies.write(into, new, {})
    return new


def _rows(
    connection: sqlite3.Connection, table: str, columns: tuple[str, ...], problems: list[str]
) -> Iterator[tuple[Any, ...]]:
    """All rows of a table by their id; in a damaged file those that can still be read."""
    select = f"SELECT {', '.join(columns)} FROM {table}"  # noqa: S608
    last = 0
    while True:
        try:
            found = connection.execute(
                f"SELECT id, {', '.join(columns)} FROM {table} WHERE id > ? ORDER BY id LIMIT ?",  # noqa: S608
                (last, _BATCH),
            ).fetchall()
        except ERRORS as error:
            problems.append(f"{table}: {error}")
            break
        if not found:
            return
        latest = found[-1][0]
        if not isinstance(latest, int) or latest <= last:  # pages that lead in a circle
            problems.append(f"{table}: rows are not in order")
            break
        last = latest
        yield from (row[1:] for row in found)
    # One by one from there on, until nothing has come for a long time.
    missed = 0
    while missed < 4 * _BATCH:
        last += 1
        missed += 1
        try:
            row = connection.execute(f"{select} WHERE id = ?", (last,)).fetchone()
        except ERRORS:
            continue
        if row is not None:
            missed = 0
            yield row
