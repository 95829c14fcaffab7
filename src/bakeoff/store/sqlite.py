"""The results store as one object: opens the file, and takes and hands out records.

How a run or a study becomes rows is said in ``runs``, ``studies`` and ``results``; how threads share
it, in ``access``.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bakeoff.errors import StoreError
from bakeoff.records import (
    DataSummary,
    Environment,
    Final,
    Run,
    StageResult,
    StudyResult,
    TestOpening,
)
from bakeoff.settings import Settings
from bakeoff.store import (
    connect,
    listing,
    locking,
    maintenance,
    results,
    runs,
    sqlite_errors,
    studies,
)
from bakeoff.store.access import Access
from bakeoff.store.codec import FORMAT, content_hash, to_json
from bakeoff.store.listing import StudyRow
from bakeoff.store.maintenance import MergeReport

if TYPE_CHECKING:
    import pandas as pd


class Store:
    """One results store; see ``Store.open``. Its methods may be called from any thread.

    Attributes:
        path: of the database file, links resolved; None for one in memory.
        writable: whether this process is its one writer.
    """

    def __init__(self, access: Access) -> None:
        self.path = access.path
        self.writable = access.writable
        self._access = access

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
            return cls(Access(connect.open_memory(), None, write, contextlib.ExitStack()))
        place = Path(path).resolve()
        with contextlib.ExitStack() as at_close:
            if not write:
                connection = connect.open_reader(place, at_close)
            else:
                with sqlite_errors.translated(place):
                    if place.exists():
                        connect.must_be_a_file(place)  # before a lock file appears beside it
                    lock = locking.WriterLock.acquire(place, wait=wait, timeout_s=timeout_s)
                at_close.callback(lock.release)
                connection = connect.open_writer(place)
            store = cls(Access(connection, place, write, at_close.pop_all()))
        if write:
            try:
                store._recover()
            except BaseException:
                store.close()
                raise
        return store

    def close(self) -> None:
        """Moves the log into the file, closes it and gives the lock back; twice does no harm."""
        self._access.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "write" if self.writable else "read"
        return f"Store({self._access.shown!r}, {state if self._access.is_open else 'closed'})"

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
        metric: str = "accuracy",
        task: str = "classification",
        model_kind: str = "dense",
    ) -> int:
        """Begins a study, or goes on with the latest unfinished one of the same making.

        The same making: name, kind, seed, study file, data and engine.

        Args:
            metric: what decides, resolved; as the other fields of ``StudyResult``.

        Returns:
            the study's id.
        """
        with self._access.writing(durable=True) as connection:
            same = {"name": name, "kind": kind, "seed": seed, "engine": engine}
            same |= {"spec_hash": content_hash(spec), "data_hash": data.hash}
            number = studies.find_unfinished(connection, same)
            columns: dict[str, Any] = {"metric": metric, "task": task, "model_kind": model_kind}
            columns |= {"environment": to_json(environment)}
            if number is None:
                columns |= same | {"uid": uuid.uuid4().hex, "state": "unfinished", "format": FORMAT}
                columns |= {"spec": to_json(spec), "data": to_json(data), "started_at": started_at}
            return studies.write(connection, number, columns)

    def plan_runs(
        self, study_id: int, planned: Iterable[tuple[str, Settings, int, str, str]]
    ) -> None:
        """Notes which runs a study is going to need; those the store knows are only linked.

        Args:
            planned: (key, settings, index of the replicate, name of the stage, label) each.
        """
        wanted = list(planned)
        with self._access.writing() as connection:
            runs.plan(
                connection, [(key, to_json(one.plain()), index) for key, one, index, *_ in wanted]
            )
            links = [(key, stage, label) for key, _, _, stage, label in wanted]
            studies.link(connection, study_id, links)
            studies.write(connection, study_id, {})

    def mark_running(self, keys: Iterable[str]) -> None:
        """Says that planned or interrupted runs have begun; one with an outcome keeps it."""
        with self._access.writing() as connection:
            runs.mark_running(connection, keys)

    def add_run(self, run: Run) -> None:
        """Stores the outcome of one run, in one transaction.

        Once it returns, no death of the process can take the run, and a loss of power only within
        a second. A key that is there: its repetition replaces it; an interrupted one never
        replaces an outcome, a failed one never a finished one.

        Raises:
            StoreFullError: no space; everything before is kept, and the store goes on working
                once there is space.
        """
        with self._access.writing(soon=True) as connection:
            runs.add(connection, [run])

    def save_stage(self, study_id: int, index: int, stage: StageResult) -> None:
        """Stores an answered question (0-based ``index``), over one saved before.

        As durable as the runs it follows from: the stages of a replication fall together, and
        forcing each of them to the disk would guard nothing that they cannot be worked out from.
        """
        with self._access.writing(soon=True) as connection:
            results.save_stage(connection, study_id, index, stage)
            studies.write(connection, study_id, {})

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
        with self._access.writing(durable=True) as connection:
            row = (test_hash, study, purpose, opened_at)
            return studies.record_opening(connection, study_id, row)

    def finish_study(self, study_id: int, result: StudyResult) -> None:
        """Stores all of a study's result and marks it finished; on the disk when it returns."""
        with self._access.writing(durable=True) as connection:
            results.finish(connection, study_id, result)

    def forget_failed(self, keys: Iterable[str]) -> int:
        """Makes failed runs planned again, so that they are retried; returns how many there were."""
        with self._access.writing() as connection:
            return runs.forget_failed(connection, keys)

    # What anybody reads.

    def find_runs(self, keys: Iterable[str]) -> dict[str, Run]:
        """Those of the runs that have finished or failed, in this order, with ``reused`` set."""
        wanted = list(dict.fromkeys(keys))
        with self._access.reading() as connection:
            found = dict(runs.find(connection, wanted))
        return {
            key: found[key] for key in wanted if key in found and found[key].status != "interrupted"
        }

    def run(self, key_or_prefix: str) -> Run:
        """The one run whose key begins so; one without an outcome yet reads as interrupted.

        Raises:
            StoreError: none, several, or a damaged one.
        """
        with self._access.reading() as connection:
            return runs.find_one(connection, key_or_prefix)

    def settings_of(self, key: str) -> Mapping[str, Any]:
        """The full settings a run was trained with, by name; empty where they were not kept."""
        with self._access.reading() as connection:
            return runs.settings_of(connection, key)

    def studies(self) -> list[StudyRow]:
        """All studies at a glance, oldest first; those that are damaged are left out."""
        with self._access.reading() as connection:
            return listing.rows(connection)

    def damaged_studies(self) -> list[str]:
        """A sentence for each study that ``studies`` leaves out."""
        with self._access.reading() as connection:
            return listing.damaged(connection)

    def find_final(self, keys: Sequence[str]) -> Final | None:
        """The latest final step whose refits have exactly these keys; None if there is none."""
        with self._access.reading() as connection:
            for number in studies.with_final(connection, keys[0]):
                with contextlib.suppress(StoreError):  # a damaged one is left out
                    final = results.load(connection, number).final
                    if final is not None and [run.key for run in final.runs] == list(keys):
                        return final
        return None

    def load_result(self, name_or_id: str | int) -> StudyResult:
        """The result of the study with that id, or of the latest of that name.

        An unfinished one comes as far as it got, ``final`` None.

        Raises:
            StoreError: there is none, or it is damaged.
        """
        with self._access.reading() as connection:
            return results.load(connection, studies.find(connection, name_or_id))

    def runs(self, study: str | int | None = None) -> pd.DataFrame:
        """One row per run, of one study or of the whole store; see ``frames.runs_frame``."""
        from bakeoff.store.frames import runs_frame

        alive = self.writable or self.path is None or locking.is_held(self.path)
        with self._access.reading() as connection:
            number = None if study is None else studies.find(connection, study)
            return runs_frame(connection, number, writer_alive=alive)

    # Maintenance.

    def check(self) -> list[str]:
        """What is wrong with the store, one sentence each; empty when it is sound."""
        with self._access.reading() as connection:
            return maintenance.check(connection)

    def delete(self, study: str | int) -> int:
        """Takes a study out with the runs that no other study asked for; returns how many runs.

        What it opened of a test part stays on record: what was seen cannot be made unseen.
        """
        with self._access.writing(durable=True) as connection:
            return studies.delete(connection, studies.find(connection, study))

    def rename(self, study: str | int, name: str) -> None:
        """Gives a study another name."""
        with self._access.writing(durable=True) as connection:
            studies.rename(connection, studies.find(connection, study), name)

    def tag(
        self, study: str | int, add: Iterable[str] = (), remove: Iterable[str] = ()
    ) -> tuple[str, ...]:
        """Adds and removes tags of a study; returns those it then has, ascending."""
        with self._access.writing(durable=True) as connection:
            number = studies.find(connection, study)
            wanted = ({*studies.tags(connection, number)} | {*add}) - {*remove}
            studies.set_tags(connection, number, wanted)
            return studies.tags(connection, number)

    def vacuum(self) -> None:
        """Packs the file: gives free pages back to the disk and empties the log."""
        with self._access.guard, sqlite_errors.translated(self._access.shown):
            connection = self._access.connection(write=True)
            connect.retried(lambda: connection.execute("VACUUM"))
            connect.checkpoint(connection)

    def merge(self, other_path: str | os.PathLike[str]) -> MergeReport:
        """Brings in what the store at another path holds: all of it, or nothing."""
        place = Path(other_path).resolve()
        if place == self.path:
            raise StoreError(f"{place}: two stores must be given to merge, but this is one")
        with (
            Store.open(place, write=False) as other,
            other._access.reading() as source,
            self._access.writing(durable=True) as connection,
        ):
            return maintenance.merge(connection, source)

    def _recover(self) -> None:
        """Right only under the writer's lock: nobody else can be running anything."""
        with self._access.writing() as connection:
            runs.interrupt_running(connection)
