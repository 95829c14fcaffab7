"""Every write fails once: what was finished is kept, and the store goes on afterwards."""

from __future__ import annotations

import gc
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from store_samples import assert_same, begin, key_of, sample_result, sample_run, sample_stage
from test_store_sharing import play

from bakeoff.dense.settings import DENSE_SPACE
from bakeoff.errors import StoreError, StoreFullError, StoreLockedError
from bakeoff.records import StudyResult
from bakeoff.store import connect, locking, sqlite_errors
from bakeoff.store.sqlite import Store

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="the scenes fork")

FULL = (sqlite3.SQLITE_FULL, StoreFullError)
BROKEN = (sqlite3.SQLITE_IOERR_WRITE, StoreError)


class Faulty(sqlite3.Connection):
    """A connection whose n-th statement from now on fails as SQLite would."""

    left: ClassVar[int | None] = None
    code: ClassVar[int] = sqlite3.SQLITE_FULL
    count: ClassVar[int] = 0

    interrupts: ClassVar[bool] = False

    def _due(self) -> bool:
        if Faulty.left is None:
            return False
        Faulty.left -= 1
        if Faulty.left:
            return False
        Faulty.left = None
        return True

    def _tick(self) -> None:
        Faulty.count += 1
        if not Faulty.interrupts and self._due():
            error = sqlite3.OperationalError("injected")
            error.sqlite_errorcode = Faulty.code  # type: ignore[misc]
            raise error

    def _tock(self, done: sqlite3.Cursor) -> sqlite3.Cursor:
        """Instead of failing before a statement, Ctrl-C may come after it."""
        if Faulty.interrupts and self._due():
            raise KeyboardInterrupt
        return done

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self._tick()
        return self._tock(super().execute(*arguments))

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        self._tick()
        return self._tock(super().executemany(*arguments))

    def executescript(self, script: str) -> sqlite3.Cursor:
        self._tick()
        return super().executescript(script)

    def backup(self, *arguments: Any, **words: Any) -> None:
        self._tick()
        super().backup(*arguments, **words)


@pytest.fixture(autouse=True)
def faulty(monkeypatch) -> Iterator[None]:
    monkeypatch.setattr(connect, "connection_class", Faulty)
    yield
    Faulty.left, Faulty.interrupts = None, False


def statements(work: Any) -> int:
    """How many statements some work takes."""
    before = Faulty.count
    work()
    return Faulty.count - before


@pytest.mark.parametrize(("code", "kind"), [FULL, BROKEN], ids=["full", "broken"])
def test_every_statement_of_opening_may_fail(tmp_path, code, kind) -> None:
    path = tmp_path / "a.sqlite"
    Faulty.code = code
    num_failed = 0
    for moment in range(1, 200):
        path.unlink(missing_ok=True)
        Faulty.left = moment
        try:
            Store.open(path).close()
        except StoreError as error:
            assert type(error) is kind, error
            num_failed += 1
        ended, Faulty.left = Faulty.left is not None, None
        assert not locking.is_held(path)
        with Store.open(path) as store:
            assert store.check() == []
        assert [entry.name for entry in tmp_path.iterdir()] == ["a.sqlite"]
        if ended:
            break
    assert num_failed >= 8


@pytest.mark.parametrize(("code", "kind"), [FULL, BROKEN], ids=["full", "broken"])
@pytest.mark.parametrize("durable", [False, True], ids=["not forced", "forced"])
def test_every_statement_of_a_run_may_fail(tmp_path, code, kind, durable) -> None:
    Faulty.code = code
    with Store.open(tmp_path / "a.sqlite") as store:
        number = begin(store)

        def one_run(run: int) -> None:
            store.plan_runs(
                number, [(key_of(run), DENSE_SPACE.complete({"hidden": (run,)}), 0, "width", "a")]
            )
            store.mark_running([key_of(run)])
            if durable:
                store._access.forced_at = -1e9
            store.add_run(sample_run(run))

        total = statements(lambda: one_run(1))
        kept = [1]
        for moment in range(1, total + 1):
            run = 1 + moment
            Faulty.left = moment
            with pytest.raises(kind):
                one_run(run)
            assert Faulty.left is None
            found = store.find_runs([*map(key_of, kept), key_of(run)])
            assert set(map(key_of, kept)) <= set(found)
            if key_of(run) in found:
                assert_same(store.run(key_of(run)).curves, sample_run(run).curves)
            one_run(run)
            kept.append(run)
        assert store.check() == []
    with Store.open(tmp_path / "a.sqlite", write=False) as store:
        assert len(store.find_runs(map(key_of, kept))) == len(kept)


@pytest.mark.parametrize(("code", "kind"), [FULL, BROKEN], ids=["full", "broken"])
def test_every_statement_of_a_result_may_fail(tmp_path, code, kind) -> None:
    Faulty.code = code
    result: StudyResult = sample_result()
    with Store.open(tmp_path / "a.sqlite") as store:
        total = statements(
            lambda: store.finish_study(begin(store, "first"), sample_result("first"))
        )
        number = begin(store)
        store.save_stage(number, 0, sample_stage())
        for moment in range(1, total + 1):
            Faulty.left = moment
            try:
                store.finish_study(number, result)
            except kind:
                assert Faulty.left is None
            else:
                break
            so_far = store.load_result(number)
            assert_same(so_far.stages, (sample_stage(),))
        Faulty.left = None
        store.finish_study(number, result)
        assert_same(store.load_result(number), result)
        assert store.check() == []


def test_what_follows_from_the_runs_is_forced_to_the_disk_as_seldom_as_they_are(tmp_path) -> None:
    """Openings of the test part and results always are, and take along what came before."""
    with Store.open(tmp_path / "a.sqlite") as store:
        number = begin(store)
        said: list[str] = []
        store._access.connection(write=True).set_trace_callback(said.append)

        def is_forced(write: Any) -> bool:
            said.clear()
            write()
            return "PRAGMA synchronous = FULL" in said

        steps = [
            lambda: store.add_run(sample_run(1)),
            lambda: store.save_stage(number, 0, sample_stage()),
        ]
        for step in steps:
            store._access.forced_at = float("inf")  # as if something was forced just now
            assert not is_forced(step)
            store._access.forced_at = -1e9  # and long ago
            assert is_forced(step)
        opening = lambda: store.record_opening(  # noqa: E731
            number, "hash", study="study", purpose="final", opened_at="2026-01-01T00:00:00+00:00"
        )
        assert is_forced(opening)
        assert is_forced(lambda: store.finish_study(number, sample_result()))


def test_a_checkpoint_that_fails_at_closing_loses_nothing(tmp_path) -> None:
    path = tmp_path / "a.sqlite"
    store = Store.open(path)
    store.add_run(sample_run(1))
    Faulty.left, Faulty.code = 1, sqlite3.SQLITE_FULL
    store.close()
    assert Faulty.left is None
    assert not locking.is_held(path)
    with Store.open(path, write=False) as reader:
        assert reader.run(key_of(1)).status == "finished"


def test_a_passing_lock_is_waited_out_and_a_lasting_one_explained(tmp_path, monkeypatch) -> None:
    with Store.open(tmp_path / "a.sqlite") as store:
        Faulty.left, Faulty.code = 1, sqlite3.SQLITE_BUSY
        store.mark_running([key_of(1)])
        assert Faulty.left is None
        monkeypatch.setattr(connect, "_BUSY_SECONDS", 0.0)
        Faulty.left = 1
        with pytest.raises(StoreLockedError, match="another program keeps the database busy"):
            store.mark_running([key_of(1)])


def test_an_interruption_within_a_write_leaves_nothing_half_written(tmp_path, monkeypatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with Store.open(tmp_path / "a.sqlite") as store:
        number = begin(store)
        with monkeypatch.context() as patched:
            patched.setattr("bakeoff.store.studies.link", interrupted)
            with pytest.raises(KeyboardInterrupt):
                store.plan_runs(number, [(key_of(1), DENSE_SPACE.complete({}), 0, "width", "a")])
        assert len(store.runs()) == 0
        store.add_run(sample_run(1))


@pytest.mark.parametrize("durable", [False, True], ids=["not forced", "forced"])
def test_ctrl_c_after_any_statement_leaves_the_store_working(tmp_path, durable) -> None:
    """The driver adds the run it had in hand once more, in its `except` block."""
    Faulty.interrupts = True
    with Store.open(tmp_path / "a.sqlite") as store:

        def one_run(run: int) -> None:
            if durable:
                store._access.forced_at = -1e9
            store.find_runs([key_of(run)])
            store.add_run(sample_run(run))

        total = statements(lambda: one_run(0))
        assert total >= 5
        for run in range(1, total + 1):
            Faulty.left = run
            try:
                one_run(run)
            except KeyboardInterrupt:
                one_run(run)
            else:
                pytest.fail("nothing was interrupted")
        assert len(store.find_runs(map(key_of, range(total + 1)))) == total + 1
        assert store.check() == []


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
def test_an_interruption_at_any_instant_leaves_the_store_working(tmp_path) -> None:
    """As Ctrl-C: the driver adds the run it had in hand once more, in its `except` block."""
    moments = random.Random(3)
    interrupted = 0

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    # Hypothesis times the garbage collector by a callback, in which an exception only becomes a warning.
    gc.disable()
    try:
        with Store.open(tmp_path / "a.sqlite") as store:
            for number in range(400):
                run = sample_run(number)
                try:
                    signal.setitimer(signal.ITIMER_REAL, moments.uniform(1e-5, 4e-4))
                    store.find_runs([run.key])
                    store.add_run(run)
                    signal.setitimer(signal.ITIMER_REAL, 0)
                except KeyboardInterrupt:
                    interrupted += 1
                    store.add_run(run)
                    assert list(store.find_runs([run.key])) == [run.key]
            assert len(store.find_runs(key_of(number) for number in range(400))) == 400
            assert store.check() == []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    assert interrupted >= 20


@needs_posix
def test_a_limit_on_file_sizes_is_survived_wherever_it_bites(tmp_path) -> None:
    seen = play("size_limits", tmp_path, 40_960, 400_000)
    assert seen["bad"] == []
    assert seen["refused_at_opening"] >= 2
    assert seen["refused_later"] >= 5
    assert seen["left"] == [".sqlite"]


@needs_posix
@pytest.mark.slow
def test_a_limit_on_file_sizes_is_survived_at_every_page(tmp_path) -> None:
    seen = play("size_limits", tmp_path, 4096, 800_000)
    assert seen["bad"] == []
    assert seen["refused_later"] >= 100


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system of two mebibytes; only root may mount one."""
    if not hasattr(os, "getuid") or os.getuid() != 0:
        pytest.skip("mounting needs root; the limit on file sizes covers the rest")
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder]
    if subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("this system does not let root mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_keeps_what_was_finished_and_goes_on_with_room(small_disk) -> None:
    seen = play("full_disk", small_disk)
    assert seen["kept"] > 100
    assert len(seen["refusals"]) >= 1
    assert all("no space left" in refusal for refusal in seen["refusals"])
    assert seen["other"] is not None
    assert (seen["lost"], seen["problems"], seen["integrity"]) == ([], [], "ok")


@needs_posix
def test_who_may_not_write_may_read_and_is_told_what_is_wrong(tmp_path_factory) -> None:
    import shutil
    import tempfile

    # pytest's own folders are closed to the ordinary user that the scene becomes under root.
    folder = Path(tempfile.mkdtemp(prefix="bakeoff-test-"))
    try:
        seen = play("ordinary_user", folder)
    finally:
        shutil.rmtree(folder)
    answers = seen["answers"]
    assert seen["has_log"]
    assert answers["read file"] == answers["read folder"] == "1 runs"
    assert answers["read log"] == "2 runs"
    for name in ("write file", "write folder", "new in folder", "write secret"):
        assert answers[name].startswith("StoreError: ")
        assert "writable" in answers[name]
    assert "readable" in answers["read secret"]


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (sqlite3.SQLITE_FULL, StoreFullError, "no space left"),
        (sqlite3.SQLITE_READONLY, StoreError, "read-only"),
        (sqlite3.SQLITE_CORRUPT, StoreError, "damaged"),
        (sqlite3.SQLITE_NOTADB, StoreError, "not an SQLite database"),
        (sqlite3.SQLITE_CANTOPEN, StoreError, "cannot be opened"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreLockedError, "busy"),
        (sqlite3.SQLITE_TOOBIG, StoreError, "failed: what SQLite says"),
    ],
)
def test_each_error_of_sqlite_is_said_in_one_line(tmp_path, code, kind, words) -> None:
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorcode = code  # type: ignore[misc]
    explained = sqlite_errors.explain(error, tmp_path / "a.sqlite")
    assert type(explained) is kind
    assert words in str(explained)
    assert str(explained).startswith(str(tmp_path / "a.sqlite"))
    assert "\n" not in str(explained)
