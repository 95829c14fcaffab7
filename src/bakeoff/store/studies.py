"""The tables of studies: what they hold, their checksums, and how a study is found.

The functions expect to be called inside a transaction or a snapshot of ``connect``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from bakeoff.errors import NotStoredError, StoreError, StoreVersionError, UsageError
from bakeoff.records import TestOpening
from bakeoff.store.arrays import checksum
from bakeoff.store.codec import FORMAT, content_hash, from_json, to_json

COLUMNS = (
    "uid",
    "name",
    "kind",
    "state",
    "seed",
    "engine",
    "task",
    "model_kind",
    "metric",
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
    "parts",
    "checksum",
)
"""Columns of ``study`` but its id; the last is the checksum of all before."""

PARTS = {
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
"""Tables whose rows belong to one study, with their columns; the first column orders them."""


def write(connection: sqlite3.Connection, number: int | None, values: Mapping[str, Any]) -> int:
    """Makes a study (None) or changes columns of one; afterwards its checksums hold again."""
    if number is None:
        cursor = connection.execute(
            f"INSERT INTO study ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",  # noqa: S608
            tuple(values.values()),
        )
        number = int(cursor.lastrowid or 0)
    elif values:
        changes = ", ".join(f"{name} = ?" for name in values)
        connection.execute(f"UPDATE study SET {changes} WHERE id = ?", (*values.values(), number))  # noqa: S608
    row = (*_row(connection, number)[:-2], _parts_checksum(connection, number))
    connection.execute(
        "UPDATE study SET parts = ?, checksum = ? WHERE id = ?", (row[-1], checksum(row), number)
    )
    return number


def is_sound(connection: sqlite3.Connection, number: int) -> bool:
    """Whether a study is as it was written."""
    try:
        sound_row(connection, number, whole=True)
    except StoreError:
        return False
    return True


def must_exist(connection: sqlite3.Connection, number: int) -> None:
    """Raises StoreError where no study has that id."""
    _row(connection, number)


def _row(connection: sqlite3.Connection, number: int) -> tuple[Any, ...]:
    row = connection.execute(
        f"SELECT {', '.join(COLUMNS)} FROM study WHERE id = ?",  # noqa: S608
        (number,),
    ).fetchone()
    if row is None:
        raise StoreError(f"study {number}: begin_study must come first, but there is none")
    return tuple(row)


def _parts_checksum(connection: sqlite3.Connection, number: int) -> bytes:
    """Over everything that belongs to the study alone; runs have checksums of their own."""
    sums = []
    for table, names in PARTS.items():
        rows = connection.execute(
            f"SELECT {', '.join(names)} FROM {table} WHERE study_id = ? ORDER BY {names[0]}",  # noqa: S608
            (number,),
        )
        sums += [table, *(checksum(row) for row in rows)]
    links = connection.execute(
        "SELECT stage, label, group_concat(key) FROM (SELECT stage, label, key FROM study_run "
        "JOIN run ON run.id = run_id WHERE study_id = ? ORDER BY stage, label, key) "
        "GROUP BY stage, label ORDER BY stage, label",
        (number,),
    )
    sums += ["study_run", *(checksum(row) for row in links)]
    return checksum(sums)


def sound_row(connection: sqlite3.Connection, number: int, *, whole: bool) -> dict[str, Any]:
    """The columns of a study by name.

    Args:
        whole: whether its stages, arrays, openings and links are looked through too.

    Raises:
        StoreVersionError: made by a newer bakeoff.
        StoreError: it is damaged.
    """
    row = _row(connection, number)
    values = dict(zip(COLUMNS, row, strict=True))
    name = values["name"]
    if row[-1] != checksum(row[:-1]) or (
        whole and values["parts"] != _parts_checksum(connection, number)
    ):
        raise StoreError(f"study {number} ({name!r}): damaged; its command makes it again")
    if values["format"] > FORMAT:
        raise StoreVersionError(
            f"study {name!r}: made by a newer bakeoff (record format {values['format']}, this one knows "
            f"up to {FORMAT}); upgrade bakeoff"
        )
    return values


def record_opening(
    connection: sqlite3.Connection, number: int, row: tuple[str, str, str, str]
) -> TestOpening:
    """A study's opening of the test set; one that is resumed gets the opening it had.

    Args:
        row: hash of the test data, name of the study, purpose, time.
    """
    must_exist(connection, number)
    connection.execute(
        "INSERT INTO opening (study_id, test_hash, study, purpose, opened_at, ordinal) "
        "SELECT ?, ?, ?, ?, ?, 1 + count(*) FROM opening WHERE test_hash = ? "
        "ON CONFLICT (study_id, purpose) DO NOTHING",
        (number, *row, row[0]),
    )
    found = connection.execute(
        f"SELECT {', '.join(PARTS['opening'])} FROM opening WHERE study_id = ? AND purpose = ?",  # noqa: S608
        (number, row[2]),
    ).fetchone()
    write(connection, number, {})
    return TestOpening(*found)


def link(
    connection: sqlite3.Connection, number: int, links: Iterable[tuple[str, str, str]]
) -> None:
    """Notes which runs a study asked for: (key, stage, label of the candidate)."""
    connection.executemany(
        "INSERT OR IGNORE INTO study_run (study_id, stage, label, run_id) "
        "SELECT ?, ?, ?, id FROM run WHERE key = ?",
        [(number, stage, label, key) for key, stage, label in links],
    )


def tags(connection: sqlite3.Connection, number: int) -> tuple[str, ...]:
    """What a study was tagged with, ascending."""
    found = connection.execute("SELECT tag FROM tag WHERE study_id = ? ORDER BY tag", (number,))
    return tuple(tag for (tag,) in found)


def set_tags(connection: sqlite3.Connection, number: int, wanted: Iterable[str]) -> None:
    """Gives a study these tags instead of those it has."""
    connection.execute("DELETE FROM tag WHERE study_id = ?", (number,))
    connection.executemany(
        "INSERT OR IGNORE INTO tag (study_id, tag) VALUES (?, ?)",
        [(number, one) for one in wanted],
    )


def rename(connection: sqlite3.Connection, number: int, name: str) -> None:
    """Gives a study another name; its file is then to say so too if it is run again.

    Raises:
        UsageError: it has no character that can be seen, or more than 1,000.
    """
    if not name.strip() or len(name) > 1_000:
        raise UsageError("a study's name must have 1 to 1,000 characters, not all of them blank")
    spec = json.loads(sound_row(connection, number, whole=True)["spec"])
    text = to_json({**spec, "name": name})
    write(
        connection,
        number,
        {"name": name, "spec": text, "spec_hash": content_hash(from_json(text, Mapping[str, Any]))},
    )


def delete(connection: sqlite3.Connection, number: int) -> int:
    """Takes a study out, with the runs that no other study asked for.

    What it opened of a test part stays on record.

    Returns:
        how many runs went with it.
    """
    must_exist(connection, number)
    own = [
        run
        for (run,) in connection.execute(
            "SELECT DISTINCT run_id FROM study_run AS mine WHERE study_id = ? AND NOT EXISTS "
            "(SELECT 1 FROM study_run WHERE run_id = mine.run_id AND study_id != mine.study_id)",
            (number,),
        )
    ]
    connection.execute("DELETE FROM study WHERE id = ?", (number,))
    connection.executemany("DELETE FROM run WHERE id = ?", [(run,) for run in own])
    return len(own)


def find_unfinished(connection: sqlite3.Connection, same: Mapping[str, Any]) -> int | None:
    """Id of the latest sound, unfinished study with these values in its columns."""
    found = connection.execute(
        f"SELECT id FROM study WHERE {' AND '.join(f'{name} = ?' for name in same)} "  # noqa: S608
        "AND state = 'unfinished' ORDER BY id DESC",
        tuple(same.values()),
    ).fetchall()
    return next((number for (number,) in found if is_sound(connection, number)), None)


def find(connection: sqlite3.Connection, name_or_id: str | int) -> int:
    """Id of the latest study of that name, or of the study with that id.

    Raises:
        NotStoredError: there is none.
    """
    if isinstance(name_or_id, str):
        row = connection.execute(
            "SELECT max(id) FROM study WHERE name = ?", (name_or_id,)
        ).fetchone()
        if row[0] is not None:
            return int(row[0])
    if isinstance(name_or_id, int) or (name_or_id.isdecimal() and len(name_or_id) < 19):
        row = connection.execute("SELECT id FROM study WHERE id = ?", (int(name_or_id),)).fetchone()
        if row is not None:
            return int(row[0])
    names = [row[0] for row in connection.execute("SELECT DISTINCT name FROM study ORDER BY name")]
    there = ", ".join(map(repr, names)) or "none yet"
    raise NotStoredError(f"study {name_or_id!r}: not in the store; it has: {there}")


def with_final(connection: sqlite3.Connection, key: str) -> list[int]:
    """Ids of the finished studies whose final step has a refit of that key, latest first."""
    found = connection.execute(
        "SELECT study.id FROM run JOIN study_run ON run_id = run.id JOIN study ON study.id = study_id "
        "WHERE run.key = ? AND stage = 'final' AND study.state = 'finished' ORDER BY study.id DESC",
        (key,),
    )
    return [int(number) for (number,) in found]
