"""Opening the database file: checks, creation, migration, transactions. Knows no records.

The file is never opened but through SQLite: closing any other descriptor of it would drop the
locks this process holds on it (https://www.sqlite.org/howtocorrupt.html, section 2.2).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import TypeVar

from bakeoff.errors import StoreError, StoreVersionError
from bakeoff.store import migration, sqlite_errors

APPLICATION_ID = 0x62616B65
SCHEMA_VERSION = 3

MEMORY = ":memory:"
_BUSY_SECONDS = 30.0
_FIRST_PAUSE_SECONDS = 0.002
_LONGEST_PAUSE_SECONDS = 0.2
_COPY_ATTEMPTS = 10
_LOG_HEAD_BYTES = 32  # https://www.sqlite.org/fileformat2.html, section 4.1

_T = TypeVar("_T")

connection_class: type[sqlite3.Connection] = sqlite3.Connection


def schema() -> str:
    """The SQL of the newest version."""
    return resources.files("bakeoff.store").joinpath("schema.sql").read_text(encoding="utf-8")


def open_memory() -> sqlite3.Connection:
    """A new store that lives as long as its connection."""
    connection = _connect(MEMORY)
    try:
        connection.executescript(schema())
    except BaseException:
        connection.close()
        raise
    return connection


def open_writer(path: Path) -> sqlite3.Connection:
    """A connection that may write; the caller holds the writer's lock. Makes a new store if none.

    Raises:
        StoreError: no regular file, not a store, damaged, read-only, newer, or no space.
    """
    with sqlite_errors.translated(path):
        new = path.with_name(path.name + ".new")
        new.unlink(missing_ok=True)  # a leftover of a writer that was killed while it made a store
        if not path.exists():
            _create(path, new)
        must_be_a_file(path)
        connection = _connect(f"{path.as_uri()}?mode=rw")
    try:
        with sqlite_errors.translated(path):
            version = _verified_version(connection, path)
            retried(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchone())
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA journal_size_limit = 4194304")
            if version < SCHEMA_VERSION:
                with contextlib.closing(_upgraded(connection, version)) as newest:
                    newest.backup(
                        connection
                    )  # one transaction: all of it, or the old version stays
            connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path, keep: contextlib.ExitStack) -> sqlite3.Connection:
    """A connection that cannot write; works beside a writer and where nothing may be written.

    Args:
        keep: closed by the caller after the connection; holds a copy's folder where one is needed.

    Raises:
        StoreError: no file, not a store, damaged or newer.
    """
    with sqlite_errors.translated(path):
        if not path.exists():
            raise StoreError(
                f"{path}: there is no store; run a study first, or give its path with --store"
            )
        must_be_a_file(path)
        if not os.access(path, os.R_OK):
            raise StoreError(f"{path}: must be readable; change its permissions")
    try:
        return _open_reader(path, path)
    except sqlite_errors.ERRORS as error:
        # The write-ahead log needs a shared-memory file beside the store; in a folder that cannot
        # be written a copy is read instead, log included.
        if sqlite_errors.code_of(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise sqlite_errors.explain(error, path) from error
    with sqlite_errors.translated(path):
        folder = Path(keep.enter_context(tempfile.TemporaryDirectory(prefix="bakeoff-store-")))
        return _open_reader(_copied(path, folder), path)


def _copied(path: Path, folder: Path) -> Path:
    """A copy of a store and its log, of one moment although a writer may be at work.

    The database file changes only when the log is moved into it, which then begins anew: if
    neither has happened meanwhile, the two belong together, whatever was added to the log.
    """
    copy = folder / "store.sqlite"
    parts = [(path.with_name(path.name + suffix), copy.name + suffix) for suffix in ("", "-wal")]
    for _ in range(_COPY_ATTEMPTS):
        before = _moment(path)
        for part, name in parts:
            (folder / name).unlink(missing_ok=True)
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(part, folder / name)
        if _moment(path) == before:
            return copy
    raise StoreError(f"{path}: a writer changes it all the time; try again when it has finished")


def _moment(path: Path) -> tuple[int, int, bytes]:
    """Size and time of the database file, and the beginning of its log, which names its round."""
    found = path.stat()
    try:
        with path.with_name(path.name + "-wal").open("rb") as log:
            head = log.read(_LOG_HEAD_BYTES)
    except FileNotFoundError:
        head = b""
    return found.st_size, found.st_mtime_ns, head


def _open_reader(path: Path, shown: Path) -> sqlite3.Connection:
    # Not mode=ro: such a connection leaves the log's files behind when it is the last to close.
    connection = _connect(f"{path.as_uri()}?mode=rw")
    try:
        version = _verified_version(connection, shown)
        if version < SCHEMA_VERSION:
            old = connection
            with contextlib.closing(old), snapshot(old):
                connection = _upgraded(old, version)  # in memory: a reader leaves the file as it is
        connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(target: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        target,
        timeout=_BUSY_SECONDS,
        isolation_level=None,  # transactions are begun and ended in `transaction` alone
        check_same_thread=False,  # the store has a lock of its own
        factory=connection_class,
        uri=target != MEMORY,
    )
    # Damaged text must not end the reading of what is around it; its checksum tells.
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    return connection


def must_be_a_file(path: Path) -> None:
    """Raises StoreError for what is no regular file, or an empty one."""
    if path.is_dir():
        raise StoreError(f"{path}: must be a file, but is a folder; give a file name in it")
    if not path.is_file():
        raise StoreError(f"{path}: must be a regular file; give another path with --store")
    if path.stat().st_size == 0:
        raise StoreError(
            f"{path}: must be a results store, but is empty; remove it or give another path"
        )


def _create(path: Path, new: Path) -> None:
    """Puts a whole, empty store in place in one step, so that nobody meets half a one."""
    try:
        with (
            contextlib.closing(open_memory()) as memory,
            contextlib.closing(_connect(f"{new.as_uri()}?mode=rwc")) as connection,
        ):
            connection.execute("PRAGMA journal_mode = MEMORY")
            memory.backup(connection)
        try:
            os.link(new, path)  # unlike a rename, never replaces a file that appeared meanwhile
        except FileExistsError:
            return
        except OSError:  # no hard links here
            if not path.exists():
                new.rename(path)
    finally:
        new.unlink(missing_ok=True)


def _verified_version(connection: sqlite3.Connection, path: Path) -> int:
    """Version of the store; raises unless the file is one that this bakeoff can read."""

    def pragma(name: str) -> int:
        row = retried(lambda: connection.execute(f"PRAGMA {name}").fetchone())
        return int(row[0])

    identity = pragma("application_id") & 0xFFFFFFFF
    if identity != APPLICATION_ID:
        raise StoreError(
            f"{path}: must be a results store, but is an SQLite database of another program "
            f"(application id {identity}); nothing was changed; give another path with --store"
        )
    version = pragma("user_version")
    if version > SCHEMA_VERSION:
        raise StoreVersionError(
            f"{path}: made by a newer bakeoff (store version {version}, this one knows up to "
            f"{SCHEMA_VERSION}); upgrade bakeoff or give another path with --store"
        )
    # Reading the schema makes SQLite compare the number of pages with what the header says; that
    # leaves a last page that is not whole, which only an unfinished checkpoint may have.
    retried(lambda: connection.execute("SELECT count(*) FROM sqlite_master").fetchone())
    log = path.with_name(path.name + "-wal")
    if path.stat().st_size % pragma("page_size") and not (log.exists() and log.stat().st_size):
        raise StoreError(
            f"{path}: the store is damaged or cut short (its last page is not whole); nothing was "
            "changed; take a backup of it, or give another path with --store"
        )
    return version


def _upgraded(old: sqlite3.Connection, version: int) -> sqlite3.Connection:
    """The contents of a store of an older version in one of the newest, in memory."""
    newest = open_memory()
    try:
        with transaction(newest):
            migration.UPGRADES[version](old, newest)
    except BaseException:
        newest.close()
        raise
    return newest


def retried(action: Callable[[], _T]) -> _T:
    """The action's value, tried again while another connection is in the way, up to half a minute.

    SQLite's own busy timeout leaves gaps: recovery after a crash and the removal of the log by the
    last connection can refuse a newcomer at once.
    """
    deadline = time.monotonic() + _BUSY_SECONDS
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return action()
        except sqlite3.Error as error:
            if not sqlite_errors.is_passing(error) or time.monotonic() >= deadline:
                raise
        # Processes that met once must not meet again, so each has a pace of its own.
        time.sleep(pause * (1 + os.getpid() % 16 / 16))
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


class transaction:  # noqa: N801  (read like a function: `with transaction(connection):`)
    """One write transaction: all of it or nothing, whatever raises inside.

    A class and not a generator, which would end itself some time after an interruption, and with
    it whatever transaction is open by then.

    Args:
        durable: whether it, and everything before it, has reached the disk on return.
    """

    def __init__(self, connection: sqlite3.Connection, *, durable: bool = False) -> None:
        self._connection = connection
        self._durable = durable

    def __enter__(self) -> sqlite3.Connection:
        _abandon(self._connection)
        try:
            if self._durable:
                self._connection.execute("PRAGMA synchronous = FULL")
            retried(lambda: self._connection.execute("BEGIN IMMEDIATE"))
        except BaseException:
            self._end()
            raise
        return self._connection

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        try:
            if error is None:
                self._connection.execute("COMMIT")
        finally:
            self._end()

    def _end(self) -> None:
        try:
            _abandon(self._connection)
        finally:
            if self._durable:
                self._connection.execute("PRAGMA synchronous = NORMAL")


class snapshot:  # noqa: N801
    """Several reads that all see the same state, whatever a writer does meanwhile."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> sqlite3.Connection:
        retried(self._begin)
        return self._connection

    def __exit__(self, *_: object) -> None:
        _abandon(self._connection)

    def _begin(self) -> None:
        _abandon(self._connection)
        self._connection.execute("BEGIN")
        self._connection.execute("SELECT 1 FROM run LIMIT 1").fetchone()  # it is taken here


def _abandon(connection: sqlite3.Connection) -> None:
    """Ends a transaction that is still open, if any.

    SQLite itself may have rolled back (a full disk), and Ctrl-C may have struck between the
    statements of this module, so what is open is asked and never assumed.
    """
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def checkpoint(connection: sqlite3.Connection) -> bool:
    """Moves the log into the database file; False where that must wait (a reader, a full disk).

    Nothing is lost then: the log stays beside the file and is read with it.
    """
    try:
        row = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error:
        return False
    return row is not None and int(row[0]) == 0
