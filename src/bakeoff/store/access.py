"""One open database, shared by threads: one transaction at a time, errors in bakeoff's words."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import threading
import time
from pathlib import Path
from types import FrameType, TracebackType

from bakeoff.errors import StoreError
from bakeoff.store import connect, sqlite_errors

# A commit always survives the death of the process. It survives the loss of power once it was
# forced to the disk, which costs milliseconds on many disks; so runs, and the verdicts drawn from
# them, wait for the first commit after this many seconds, and that is the most that a loss of power
# can take.
_UNFORCED_SECONDS = 1.0


class Access:
    """A connection and the right to use it.

    Args:
        path: of the database file; None for one in memory.
        writable: whether this process is its one writer.
        at_close: what to undo afterwards, such as the writer's lock.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path | None,
        writable: bool,
        at_close: contextlib.ExitStack,
    ) -> None:
        self.path = path
        self.writable = writable
        self.shown = str(path or connect.MEMORY)
        self.guard = threading.RLock()
        self.caller: FrameType | None = None  # in whose `with` statement a transaction is open
        self.forced_at = time.monotonic()
        self._connection: sqlite3.Connection | None = connection
        self._at_close = at_close

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def close(self) -> None:
        """Moves the log into the file, closes it and undoes ``at_close``; twice does no harm."""
        with self.guard:
            connection, self._connection = self._connection, None
            if connection is None:
                return
            try:
                if self.writable and self.path is not None:
                    connect.checkpoint(connection)
                with contextlib.suppress(sqlite3.Error):
                    connection.close()
            finally:
                self._at_close.close()

    def reading(self) -> Transaction:
        """Several reads that all see the same state, whatever a writer does meanwhile."""
        return Transaction(self, connect.snapshot(self.connection(write=False)))

    def writing(self, *, durable: bool = False, soon: bool = False) -> Transaction:
        """One write: all of it or nothing.

        Args:
            durable: whether it, and everything before it, is on the disk on return.
            soon: the same, but at most once a second.
        """
        connection = self.connection(write=True)
        durable = durable or (soon and time.monotonic() - self.forced_at >= _UNFORCED_SECONDS)
        return Transaction(self, connect.transaction(connection, durable=durable), durable)

    def connection(self, *, write: bool) -> sqlite3.Connection:
        """The connection; StoreError where it was closed or is not for writing."""
        if self._connection is None:
            raise StoreError(f"{self.shown}: the store must be open, but was closed")
        if write and not self.writable:
            raise StoreError(
                f"{self.shown}: must be open for writing, but was opened with write=False"
            )
        return self._connection


class Transaction:
    """A transaction of ``Access``, as a context manager that gives the connection.

    Within one, no other may begin on the same thread: it would end the outer one. An interruption
    can strike so that a transaction is left without its end; its caller is then no longer running,
    and the next transaction clears it away.
    """

    def __init__(
        self,
        access: Access,
        begun: contextlib.AbstractContextManager[sqlite3.Connection],
        durable: bool = False,
    ) -> None:
        self._access = access
        self._parts = contextlib.ExitStack()
        self._begun = begun
        self._durable = durable

    def __enter__(self) -> sqlite3.Connection:
        access = self._access
        access.guard.acquire()
        caller = sys._getframe(1)
        if access.caller is not None:
            access.guard.release()
            if _is_running(access.caller, caller):
                raise RuntimeError("a transaction of the store was begun within another one")
        try:
            access.caller = caller
            self._parts.enter_context(sqlite_errors.translated(access.shown))
            return self._parts.enter_context(self._begun)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._parts.__exit__(kind, error, traceback)
            if self._durable and error is None:
                self._access.forced_at = time.monotonic()
        finally:
            self._access.caller = None
            self._access.guard.release()


def _is_running(frame: FrameType, innermost: FrameType) -> bool:
    """Whether a call is among those that the innermost one was made by."""
    at: FrameType | None = innermost
    while at is not None and at is not frame:
        at = at.f_back
    return at is frame
