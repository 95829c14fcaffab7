"""What goes wrong below the store, in bakeoff's words; knows SQLite's error codes and no records."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bakeoff.errors import StoreError, StoreFullError, StoreLockedError
from bakeoff.files import FULL

# Primary result codes, https://www.sqlite.org/rescode.html; the low byte of an extended code.
_BUSY = sqlite3.SQLITE_BUSY
_LOCKED = sqlite3.SQLITE_LOCKED
_READONLY = sqlite3.SQLITE_READONLY
_IOERR = sqlite3.SQLITE_IOERR
_CORRUPT = sqlite3.SQLITE_CORRUPT
_FULL = sqlite3.SQLITE_FULL
_CANTOPEN = sqlite3.SQLITE_CANTOPEN
_PROTOCOL = sqlite3.SQLITE_PROTOCOL
_NOTADB = sqlite3.SQLITE_NOTADB

# Where the schema itself is damaged, Python fails to decode what SQLite says of it.
ERRORS = (sqlite3.Error, UnicodeDecodeError)
# A probe of a few pages tells a full disk from a broken one.
_PROBE_BYTES = 64 * 1024
# How near to a limit on the size of files a store has met it: its log grows by less at a time.
_LIMIT_MARGIN_BYTES = 1 << 20


def code_of(error: sqlite3.Error | UnicodeDecodeError) -> int:
    """Primary result code of an SQLite error; -1 where it has none."""
    if isinstance(error, UnicodeDecodeError):
        return _CORRUPT
    extended = getattr(error, "sqlite_errorcode", None)
    return -1 if extended is None else int(extended) & 0xFF


def is_passing(error: sqlite3.Error | UnicodeDecodeError) -> bool:
    """Whether trying again may help: another connection was in the way for a moment."""
    return code_of(error) in (_BUSY, _LOCKED, _PROTOCOL)


@contextlib.contextmanager
def translated(path: str | Path) -> Iterator[None]:
    """Turns what SQLite and the operating system raise into ``StoreError`` and its children."""
    try:
        yield
    except ERRORS as error:
        raise explain(error, path) from error
    except OSError as error:
        raise explain_os(error, path) from error


def explain(error: sqlite3.Error | UnicodeDecodeError, path: str | Path) -> StoreError:
    """The ``StoreError`` that says what an SQLite error means for the user."""
    code = code_of(error)
    if code == _FULL or (code in (_IOERR, _CANTOPEN) and _is_full(path)):
        return _full(path)
    if is_passing(error):
        return StoreLockedError(
            f"{path}: another program keeps the database busy ({error}); close it and try again"
        )
    if code == _NOTADB:
        return StoreError(
            f"{path}: must be a results store, but is not an SQLite database; "
            "nothing was changed; give another path with --store"
        )
    if code == _CORRUPT:
        return StoreError(
            f"{path}: the store is damaged or cut short ({error}); nothing was changed; take a backup, "
            "or bring what can still be read into a new one: bakeoff store merge"
        )
    if code == _READONLY:
        return StoreError(
            f"{path}: must be writable, but is read-only; "
            "change its permissions or give another path with --store"
        )
    if code == _CANTOPEN:
        return StoreError(
            f"{path}: cannot be opened ({error}); check the folder and its permissions"
        )
    return StoreError(f"{path}: reading or writing the store failed: {error}")


def explain_os(error: OSError, path: str | Path) -> StoreError:
    """The ``StoreError`` that says what an error of the operating system means for the user."""
    if error.errno in FULL:
        return _full(path)
    what = error.strerror or str(error)
    if isinstance(error, FileNotFoundError):
        return StoreError(f"{path}: the folder must exist, but there is none; make it first")
    if error.errno == errno.EROFS:
        return StoreError(
            f"{path}: is on a read-only disk: it can be shown, but must be writable for this; "
            "give another path with --store"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return StoreError(
            f"{path}: must be readable, and with its folder writable for a writer, but got: {what}; "
            "change its permissions or give another path with --store"
        )
    return StoreError(f"{path}: cannot be opened: {what}")


def _full(path: str | Path) -> StoreFullError:
    return StoreFullError(
        f"{path}: no space left to write to; every run finished before is kept; "
        "free some space and run the same command again"
    )


def _is_full(path: str | Path) -> bool:
    """Whether the place of the store takes no more bytes.

    SQLite reports ENOSPC as "full" but a quota (EDQUOT) and a file size limit (EFBIG) as a plain
    I/O error, and hides the number; so the same is tried beside it.
    """
    if str(path) == ":memory:":
        return False
    folder = Path(path).parent
    if _at_size_limit(Path(path)):
        return True
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".bakeoff-probe-") as probe:
            probe.write(os.urandom(_PROBE_BYTES))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return error.errno in FULL
    try:
        return shutil.disk_usage(folder).free < _PROBE_BYTES
    except OSError:
        return False


def _at_size_limit(path: Path) -> bool:
    """Whether the store or its log is about as large as this process may make a file."""
    if sys.platform == "win32":
        return False
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit == resource.RLIM_INFINITY:
        return False
    largest = 0
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            size = path.with_name(path.name + suffix).stat().st_size
            largest = max(largest, size)
    return largest + _LIMIT_MARGIN_BYTES >= limit
