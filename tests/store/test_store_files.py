"""Which files open as a store, and what is said of those that do not."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from store_samples import assert_same, begin, key_of, sample_result, sample_run

from bakeoff.errors import StoreError, StoreLockedError, StoreVersionError
from bakeoff.store import connect, migration
from bakeoff.store.sqlite import Store

GOLDEN = Path(__file__).parents[1] / "golden_stores"
MODES = pytest.mark.parametrize("write", [True, False], ids=["writer", "reader"])


def refused(path: Path, write: bool, match: str, kind: type[StoreError] = StoreError) -> None:
    """Opening fails as said and leaves the folder as it was."""
    before = {entry: entry.is_file() and entry.read_bytes() for entry in path.parent.iterdir()}
    with pytest.raises(kind, match=match) as caught:
        Store.open(path, write=write)
    assert "\n" not in str(caught.value)
    assert str(path.name) in str(caught.value)
    after = {entry: entry.is_file() and entry.read_bytes() for entry in path.parent.iterdir()}
    assert after == before


@MODES
def test_a_text_file_is_refused(tmp_path, write) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a store\n" * 500)
    refused(path, write, "is not an SQLite database")


@MODES
def test_a_short_text_file_is_refused(tmp_path, write) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    refused(path, write, "is not an SQLite database")


@MODES
def test_an_empty_file_is_refused(tmp_path, write) -> None:
    path = tmp_path / "a.sqlite"
    path.touch()
    refused(path, write, "must be a results store, but is empty")


@MODES
def test_a_folder_is_refused(tmp_path, write) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    refused(path, write, "must be a file, but is a folder")


@MODES
@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in the file system")
def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path, write) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(StoreError, match="must be a regular file"):
        Store.open(path, write=write)


@MODES
def test_the_database_of_another_program_is_refused(tmp_path, write) -> None:
    path = tmp_path / "bookmarks.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmark (url TEXT)")
    connection.close()
    refused(path, write, "SQLite database of another program")


@MODES
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_store_that_was_cut_short_is_refused(tmp_path, write, share) -> None:
    path = tmp_path / "a.sqlite"
    with Store.open(path) as store:
        for number in range(50):
            store.add_run(sample_run(number))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refused(path, write, "damaged or cut short")


@MODES
def test_a_store_cut_within_its_first_page_is_refused(tmp_path, write) -> None:
    path = tmp_path / "a.sqlite"
    Store.open(path).close()
    path.write_bytes(path.read_bytes()[:300])
    refused(path, write, "damaged or cut short|is not an SQLite database")


@MODES
def test_a_store_from_the_future_is_refused(tmp_path, write) -> None:
    path = tmp_path / "future.sqlite"
    path.write_bytes((GOLDEN / "future.sqlite").read_bytes())
    refused(path, write, "made by a newer bakeoff .store version 999", StoreVersionError)


@MODES
@pytest.mark.parametrize("version", migration.UPGRADES)
def test_the_golden_store_of_an_older_version_opens(tmp_path, write, version) -> None:
    path = tmp_path / "old.sqlite"
    path.write_bytes((GOLDEN / f"v{version}.sqlite").read_bytes())
    with Store.open(path, write=write) as store:
        assert store.check() == []
        assert_same(store.load_result("digits"), sample_result())
        states = list(store.runs()["state"])
        assert (states.count("finished"), states.count("failed")) == (7, 1)
        assert states.count("interrupted") == 1
        assert store.run(key_of(2000)).reason == "diverged in epoch 2"


def test_every_older_version_has_a_golden_store_and_an_upgrade() -> None:
    older = set(range(1, connect.SCHEMA_VERSION))
    versions = {int(path.stem[1:]) for path in GOLDEN.glob("v*.sqlite")}
    assert versions >= older
    assert set(migration.UPGRADES) == older


@pytest.fixture(params=migration.UPGRADES)
def old(tmp_path, request) -> Path:
    """A copy of the golden store of an older version."""
    path = tmp_path / f"v{request.param}.sqlite"
    path.write_bytes((GOLDEN / f"v{request.param}.sqlite").read_bytes())
    return path


def version_of(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def columns_of(path: Path | str) -> dict[str, list[str]]:
    """Tables and views of a store with their columns."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        names = [
            row[0] for row in connection.execute("SELECT name FROM sqlite_master ORDER BY name")
        ]
        return {
            name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
            for name in names
        }


def test_a_writer_brings_an_older_store_up_to_date(tmp_path, old) -> None:
    Store.open(tmp_path / "new.sqlite").close()
    for _ in range(2):
        with Store.open(old) as store:
            assert_same(store.load_result("digits"), sample_result())
            assert store.check() == []
    assert columns_of(old) == columns_of(tmp_path / "new.sqlite")
    assert [entry.name for entry in tmp_path.iterdir() if old.stem in entry.name] == [old.name]


def test_a_reader_of_an_older_store_leaves_it_as_it_is(old) -> None:
    with Store.open(old, write=False) as store:
        assert_same(store.load_result("digits"), sample_result())
    assert old.read_bytes() == (GOLDEN / old.name).read_bytes()


def test_an_upgrade_that_fails_leaves_the_old_version_whole(old, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise StoreError("in the middle")

    version = version_of(old)

    def upgrade(source: sqlite3.Connection, newest: sqlite3.Connection) -> None:
        whole(source, newest)
        fail()

    whole = migration.UPGRADES[version]
    monkeypatch.setitem(migration.UPGRADES, version, upgrade)
    with pytest.raises(StoreError, match="in the middle"):
        Store.open(old)
    monkeypatch.undo()
    assert version_of(old) == version
    with Store.open(old) as store:
        assert store.check() == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kills")
def test_an_upgrade_that_is_killed_leaves_the_old_version_or_the_new_one(tmp_path, old) -> None:
    """Somewhere in the time that the first took; forked, as a new process would mostly import."""
    program = (
        "import os, signal, sys, time; from bakeoff.store.sqlite import Store\n"
        "whole = None\n"
        "for share in sys.stdin:\n"
        "    started = time.monotonic()\n"
        "    writer = os.fork()\n"
        "    if not writer:\n"
        "        Store.open(sys.argv[1]).close()\n"
        "        os._exit(0)\n"
        "    if whole is not None:\n"
        "        time.sleep(float(share) * whole)\n"
        "        os.kill(writer, signal.SIGKILL)\n"
        "    os.waitpid(writer, 0)\n"
        "    whole = whole or time.monotonic() - started\n"
        "    print('ended', flush=True)\n"
    )
    versions = set()
    with subprocess.Popen(
        [sys.executable, "-c", program, old],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as killing:
        assert killing.stdin is not None
        assert killing.stdout is not None
        for attempt in range(17):
            old.write_bytes((GOLDEN / old.name).read_bytes())
            killing.stdin.write(f"{attempt / 8}\n")
            killing.stdin.flush()
            assert killing.stdout.readline() == "ended\n"
            versions.add(version_of(old))
            with Store.open(old) as store:
                assert_same(store.load_result("digits"), sample_result())
                assert store.check() == []
            for entry in tmp_path.iterdir():
                entry.unlink()
        killing.stdin.close()
    assert connect.SCHEMA_VERSION in versions  # of the first, which nobody killed
    assert versions <= {int(old.stem[1:]), connect.SCHEMA_VERSION}


def test_a_reader_does_not_make_a_store(tmp_path) -> None:
    with pytest.raises(StoreError, match="there is no store; run a study first"):
        Store.open(tmp_path / "a.sqlite", write=False)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path) -> None:
    with pytest.raises(StoreError, match="the folder must exist"):
        Store.open(tmp_path / "nowhere" / "a.sqlite")


def test_a_closed_store_is_one_file(tmp_path) -> None:
    with Store.open(tmp_path / "a.sqlite") as store:
        store.add_run(sample_run(1))
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.sqlite"]


def test_leftovers_of_a_killed_creation_are_cleared_away(tmp_path) -> None:
    (tmp_path / "a.sqlite.new").write_text("half a store")
    (tmp_path / "a.sqlite.lock").write_text('{"pid": 1}')
    Store.open(tmp_path / "a.sqlite").close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.sqlite"]


@pytest.mark.parametrize("name", ["a b.sqlite", "a?b#c%41.sqlite", "größe ✓.sqlite", "'\".sqlite"])
@pytest.mark.skipif(sys.platform == "win32", reason="names that Windows forbids")
def test_odd_file_names_are_taken_as_they_are(tmp_path, name) -> None:
    with Store.open(tmp_path / name) as store:
        store.add_run(sample_run(1))
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    with Store.open(tmp_path / name, write=False) as store:
        assert store.run(key_of(1)).status == "finished"


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_to_a_store_is_the_store(tmp_path) -> None:
    real, link = tmp_path / "real.sqlite", tmp_path / "link.sqlite"
    Store.open(real).close()
    link.symlink_to(real)
    with Store.open(link), pytest.raises(StoreLockedError):
        Store.open(real)


def test_a_store_in_memory_is_private_and_complete() -> None:
    with Store.open(":memory:") as first, Store.open(":memory:") as second:
        first.finish_study(begin(first), sample_result())
        first.vacuum()
        assert first.check() == []
        assert second.studies() == []


def test_an_sql_prompt_sees_scores_in_the_view() -> None:
    with Store.open(":memory:") as store:
        store.add_run(sample_run(1))
        assert store._access.is_open
        row = (
            store._access.connection(write=False)
            .execute("SELECT val_accuracy, state FROM run_scores")
            .fetchone()
        )
    assert row == (pytest.approx(sample_run(1).value("val_accuracy")), "finished")
