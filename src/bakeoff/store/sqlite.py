"""The results store as one object: opens the file, guards it, and hands out records.

Knows how a store is shared between threads, processes and failures; what is written and read is
said in ``write``, ``read``, ``merge``, ``frames`` and ``upkeep``.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

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
from bakeoff.store import connect, faults, locking, merge, read, upkeep, write
from bakeoff.store.rows import MergeReport, StudyRow

if TYPE_CHECKING:
    import pandas as pd

# A commit always survives the death of the process. It survives the loss of power once it was
# forced to the disk, which costs milliseconds on many disks; so runs, and the verdicts drawn from
# them, wait for the first commit after this many seconds, and that is the most that a loss of power
# can take.
_UNFORCED_SECONDS = 1.0


class Store:
    """One results store; see ``Store.open``. Its methods may be called from any thread.

    Attributes:
        path: of the database file, links resolved; None for one in memory.
        writable: whether this process is its one writer.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        path: Path | None,
        lock: locking.WriterLock | None,
        writable: bool,
        beside: contextlib.ExitStack,
    ) -> None:
        self.path = path
        self.writable = writable
        self._connection: sqlite3.Connection | None = connection
        self._lock = lock
        self._beside = beside
        self._guard = threading.RLock()
        self._forced_at = time.monotonic()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        write: bool = True,
        wait: bool = False,
        timeout_s: float | None = None,
    ) -> Store:
        """Opens a store, and with ``write`` makes it if there is none.

        A writer turns the "running" rows of a driver that died into interrupted ones.

        Args:
            path: of the file, or ``":memory:"``.
            write: False for a reader, which works while a driver writes.
            wait: whether a writer waits for another to finish.
            timeout_s: longest wait in seconds; None waits for ever.

        Raises:
            StoreLockedError: another process writes to it.
            StoreVersionError: made by a newer bakeoff.
            StoreFullError: no space to make it.
            StoreError: not a store, damaged, or not to be read or written.
        """
        if os.fspath(path) == connect.MEMORY:
            return cls(
                connect.open_memory(),
                path=None,
                lock=None,
                writable=write,
                beside=contextlib.ExitStack(),
            )
        place = Path(path).resolve()
        with contextlib.ExitStack() as beside:
            if not write:
                connection = connect.open_reader(place, beside)
                lock = None
            else:
                with faults.translated(place):
                    if place.exists():
                        connect.must_be_a_file(place)  # before a lock file appears beside it
                    lock = locking.WriterLock.acquire(place, wait=wait, timeout_s=timeout_s)
                beside.callback(lock.release)
                connection = connect.open_writer(place)
            store = cls(connection, path=place, lock=lock, writable=write, beside=beside.pop_all())
        if write:
            try:
                store._recover()
            except BaseException:
                store.close()
                raise
        return store

    def close(self) -> None:
        """Moves the log into the file, closes it and gives the lock back; twice does no harm."""
        with self._guard:
            connection, self._connection = self._connection, None
            if connection is None:
                return
            try:
                if self.writable and self.path is not None:
                    connect.checkpoint(connection)
                with contextlib.suppress(sqlite3.Error):
                    connection.close()
            finally:
                self._beside.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._connection is None else "write" if self.writable else "read"
        return f"Store({str(self.path or connect.MEMORY)!r}, {state})"

    # What the driver writes.

    def begin_study(
        self,
        name: str,
        spec: Mapping[str, Any],
        *,
        kind: Literal["study", "replication"],
        seed: int,
        data: DataSummary,
        environment: Environment,
        engine: str,
        started_at: str,
    ) -> int:
        """Begins a study, or goes on with the latest unfinished one of the same making.

        The same making: name, kind, seed, study file, data and engine.

        Returns:
            the study's id.
        """
        with self._writing(durable=True) as connection:
            return write.begin_study(
                connection,
                name,
                spec,
                kind=kind,
                seed=seed,
                data=data,
                environment=environment,
                engine=engine,
                started_at=started_at,
            )

    def plan_runs(self, study_id: int, runs: Iterable[tuple[str, Settings, int, str, str]]) -> None:
        """Notes which runs a study is going to need; those the store knows are only linked.

        Args:
            runs: (key, settings, index of the replicate, name of the stage, label) each.
        """
        with self._writing() as connection:
            write.plan_runs(connection, study_id, list(runs))

    def mark_running(self, keys: Iterable[str]) -> None:
        """Says that planned or interrupted runs have begun; one with an outcome keeps it."""
        with self._writing() as connection:
            write.mark_running(connection, keys)

    def add_run(self, run: Run) -> None:
        """Stores the outcome of one run, in one transaction.

        Once it returns, no death of the process can take the run, and a loss of power only within
        a second. A key that is there: its repetition replaces it; an interrupted one never
        replaces an outcome, a failed one never a finished one.

        Raises:
            StoreFullError: no space; everything before is kept, and the store goes on working
                once there is space.
        """
        with self._writing(durable=self._is_due()) as connection:
            write.add_runs(connection, [run])

    def save_stage(self, study_id: int, index: int, stage: StageResult) -> None:
        """Stores an answered question (0-based ``index``), over one saved before.

        As durable as the runs it follows from: the stages of a replication fall together, and
        forcing each of them to the disk would guard nothing that they cannot be worked out from.
        """
        with self._writing(durable=self._is_due()) as connection:
            write.save_stage(connection, study_id, index, stage)

    def record_opening(
        self,
        study_id: int,
        test_hash: str,
        *,
        study: str,
        purpose: Literal["final", "replication"],
        opened_at: str,
    ) -> TestOpening:
        """Notes that a study opens the test set; on the disk when it returns.

        Its ordinal counts over the whole store. A study that is resumed gets the opening it had.
        """
        with self._writing(durable=True) as connection:
            return write.record_opening(
                connection,
                study_id,
                test_hash,
                study=study,
                purpose=purpose,
                opened_at=opened_at,
            )

    def finish_study(self, study_id: int, result: StudyResult) -> None:
        """Stores all of a study's result and marks it finished; on the disk when it returns."""
        with self._writing(durable=True) as connection:
            write.finish_study(connection, study_id, result)

    def forget_failed(self, keys: Iterable[str]) -> int:
        """Makes failed runs planned again, so that they are retried; returns how many there were."""
        with self._writing() as connection:
            return write.forget_failed(connection, keys)

    # What anybody reads.

    def find_runs(self, keys: Iterable[str]) -> dict[str, Run]:
        """Those of the runs that have finished or failed, by key, with ``reused`` set."""
        with self._reading() as connection:
            return read.find_runs(connection, keys)

    def run(self, key_or_prefix: str) -> Run:
        """The one run whose key begins so; one without an outcome yet reads as interrupted.

        Raises:
            StoreError: none, or several.
        """
        with self._reading() as connection:
            return read.find_run(connection, key_or_prefix)

    def settings_of(self, key: str) -> Mapping[str, Any]:
        """The full settings a run was trained with, by name; empty where they were not kept."""
        with self._reading() as connection:
            return read.settings_of(connection, key)

    def studies(self) -> list[StudyRow]:
        """All studies at a glance, oldest first."""
        with self._reading() as connection:
            return read.studies(connection)

    def studies_with_final(self, key: str) -> list[int]:
        """Ids of the finished studies whose final step has a refit of that key, latest first."""
        with self._reading() as connection:
            return read.studies_with_final(connection, key)

    def load_result(self, name_or_id: str | int) -> StudyResult:
        """The result of the study with that id, or of the latest of that name.

        An unfinished one comes as far as it got, ``final`` None.

        Raises:
            StoreError: there is none.
        """
        with self._reading() as connection:
            return read.load_result(connection, name_or_id)

    def runs(self, study: str | int | None = None) -> pd.DataFrame:
        """One row per run, of one study or of the whole store; see ``frames.runs_frame``."""
        from bakeoff.store.frames import runs_frame

        with self._reading() as connection:
            number = None if study is None else read.study_id(connection, study)
            return runs_frame(connection, number, writer_alive=self._writer_alive())

    # Upkeep.

    def check(self) -> list[str]:
        """What is wrong with the store, one sentence each; empty when it is sound."""
        with self._reading() as connection:
            return upkeep.check(connection)

    def vacuum(self) -> None:
        """Packs the file."""
        with self._guard, faults.translated(self._shown()):
            upkeep.vacuum(self._for_writing())

    def merge(self, other_path: str | os.PathLike[str]) -> MergeReport:
        """Brings in what the store at another path holds: all of it, or nothing."""
        place = Path(other_path).resolve()
        if place == self.path:
            raise StoreError(f"{place}: two stores must be given to merge, but this is one")
        with (
            Store.open(place, write=False) as other,
            other._reading() as source,
            self._writing(durable=True) as connection,
        ):
            return merge.merge(connection, source)

    # How all of them touch the database.

    def _recover(self) -> None:
        with self._writing() as connection:
            write.recover(connection)

    def _is_due(self) -> bool:
        return time.monotonic() - self._forced_at >= _UNFORCED_SECONDS

    @contextlib.contextmanager
    def _writing(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        with self._guard, faults.translated(self._shown()):
            connection = self._for_writing()
            with connect.transaction(connection, durable=durable):
                yield connection
            if durable:
                self._forced_at = time.monotonic()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._guard, faults.translated(self._shown()):
            connection = self._opened()
            with connect.snapshot(connection):
                yield connection

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError(f"{self._shown()}: the store must be open, but was closed")
        return self._connection

    def _for_writing(self) -> sqlite3.Connection:
        connection = self._opened()
        if not self.writable:
            raise StoreError(
                f"{self._shown()}: must be open for writing, but was opened with write=False"
            )
        return connection

    def _writer_alive(self) -> bool:
        if self.writable or self.path is None:
            return True
        return locking.is_held(self.path)

    def _shown(self) -> str:
        return str(self.path or connect.MEMORY)
