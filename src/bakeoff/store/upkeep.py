"""Is the store sound, and how does it get its space back; changes no record."""

from __future__ import annotations

import sqlite3

from bakeoff.errors import StoreError
from bakeoff.store import connect, read
from bakeoff.store.rows import RUN_COLUMNS, row_to_run


def check(connection: sqlite3.Connection) -> list[str]:
    """What is wrong with the store, one sentence each; empty when it is sound.

    SQLite's own integrity check, references between tables, and every run and study decoded.
    """
    rows = connection.execute("PRAGMA integrity_check").fetchall()
    problems = [f"database: {row[0]}" for row in rows if row[0] != "ok"]
    problems += [
        f"{table}: row {row} points to a {parent} that is not there"
        for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check")
    ]
    query = f"SELECT {', '.join(RUN_COLUMNS)} FROM run ORDER BY id"  # noqa: S608
    for row in connection.execute(query):
        try:
            run = row_to_run(row, reused=True)
        except StoreError as error:
            problems.append(str(error))
            continue
        if row[2] == "finished" and run.num_epochs == 0:
            problems.append(f"run {run.key}: finished, but has no history")
    for number, name in connection.execute("SELECT id, name FROM study ORDER BY id").fetchall():
        try:
            read.load_result(connection, int(number))
        except StoreError as error:
            problems.append(f"study {number} ({name}): {error}")
    return problems


def vacuum(connection: sqlite3.Connection) -> None:
    """Packs the file: gives free pages back to the disk and empties the log."""
    connect.retried(lambda: connection.execute("VACUUM"))
    connect.checkpoint(connection)
