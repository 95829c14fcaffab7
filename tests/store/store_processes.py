"""Scenes with several processes, run as a program of its own so that it may fork and kill.

    python store_processes.py SCENE FOLDER [ARGUMENT …]

Each scene prints one JSON object with what it saw; a test judges it. An exception ends it loudly.
"""

from __future__ import annotations

import json
import os
import random
import resource
import select
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from store_samples import begin, difference, key_of, sample_result, sample_run

from bakeoff.dense.settings import DENSE_SPACE
from bakeoff.errors import StoreError, StoreFullError, StoreLockedError
from bakeoff.records import Run
from bakeoff.store import locking
from bakeoff.store.sqlite import Store


def fork(work: Callable[[], None]) -> int:
    """Runs ``work`` in a child, which exits with 0, or 1 and a traceback; its process id."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def succeeded(child: int) -> bool:
    return os.waitpid(child, 0)[1] == 0


def integrity(path: Path) -> str:
    connection = sqlite3.connect(path, timeout=30)
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()


def torn(store: Store, numbers: list[int], **arguments: Any) -> list[int]:
    """Those of the numbered sample runs that the store lacks or holds differently."""
    found = store.find_runs(key_of(number) for number in numbers)
    return [
        number
        for number in numbers
        if key_of(number) not in found
        or difference(_unused(found[key_of(number)]), sample_run(number, **arguments))
    ]


def _unused(run: Run) -> Run:
    import dataclasses

    return dataclasses.replace(run, reused=False)


def crowd(folder: Path, num_writers: str, num_runs: str) -> dict[str, Any]:
    """Writers that all start at once on a store that is not there yet, and two readers."""
    path = folder / "crowd.sqlite"
    writers, runs = int(num_writers), int(num_runs)
    gate_out, gate_in = os.pipe()
    done_out, done_in = os.pipe()

    def write(writer: int) -> None:
        os.close(gate_in)
        os.read(gate_out, 1)  # returns when the parent opens the gate
        own = range(writer * runs, (writer + 1) * runs)
        for part in (own[: runs // 2], own[runs // 2 :]):
            with Store.open(path, wait=True, timeout_s=120) as store:
                number = begin(store, f"study {writer}")
                for run in part:
                    store.plan_runs(
                        number, [(key_of(run), DENSE_SPACE.complete({}), 0, "width", "a")]
                    )
                    store.mark_running([key_of(run)])
                    store.add_run(sample_run(run))

    def read() -> None:
        os.close(gate_in)
        os.close(done_in)
        os.read(gate_out, 1)
        os.set_blocking(done_out, False)
        seen = 0
        while True:
            try:
                with Store.open(path, write=False) as store:
                    finished = sum(row.num_finished for row in store.studies())
                    store.find_runs(key_of(run) for run in range(10))
            except StoreError as error:
                if "there is no store" not in str(error):
                    raise
                finished = 0
            if finished < seen:
                raise AssertionError(f"{seen} finished runs became {finished}")
            seen = finished
            try:
                if os.read(done_out, 1) == b"":
                    return
            except BlockingIOError:
                continue

    children = [fork(lambda writer=writer: write(writer)) for writer in range(writers)]
    readers = [fork(read) for _ in range(2)]
    os.close(gate_in)
    written = [succeeded(child) for child in children]
    os.close(done_in)
    read_well = [succeeded(child) for child in readers]
    with Store.open(path, write=False) as store:
        lost = torn(store, list(range(writers * runs)))
        problems = store.check()
        studies = len(store.studies())
    return {
        "written": written,
        "read": read_well,
        "lost": lost,
        "problems": problems,
        "studies": studies,
        "integrity": integrity(path),
        "left": sorted(entry.name for entry in folder.iterdir()),
    }


def kills(folder: Path, num_kills: str, seed: str) -> dict[str, Any]:
    """A writer that is killed with SIGKILL at random moments and started again."""
    path = folder / "kills.sqlite"
    moments = random.Random(int(seed))
    acknowledged: list[int] = []
    told: set[int] = set()
    bad: list[str] = []
    killed_at_work = 0

    def write(first: int, pipe: int) -> None:
        # Closing moves the log into the file: be killed there too.
        for start in range(first, first + 100_000, 16):
            with Store.open(path) as store:
                number = begin(store)
                for run in range(start, start + 16):
                    store.plan_runs(
                        number, [(key_of(run), DENSE_SPACE.complete({}), 0, "width", "a")]
                    )
                    store.mark_running([key_of(run)])
                    store.add_run(sample_run(run))
                    os.write(pipe, run.to_bytes(4, "little"))

    for attempt in range(int(num_kills)):
        out, into = os.pipe()
        first = attempt * 100_000
        child = fork(lambda first=first, into=into: write(first, into))
        os.close(into)
        if moments.random() < 0.8:  # else it may die while it opens the store
            select.select([out], [], [], 30)
        time.sleep(moments.uniform(0.0, 0.04))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        answer = b""
        while chunk := os.read(out, 65536):
            answer += chunk
        os.close(out)
        fresh = [int.from_bytes(answer[i : i + 4], "little") for i in range(0, len(answer) - 3, 4)]
        acknowledged += fresh
        told.update(fresh)
        killed_at_work += bool(fresh)
        if not path.exists():
            continue
        verdict = integrity(path)
        if verdict != "ok":
            bad.append(f"kill {attempt}: {verdict}")
        with Store.open(path, write=False) as store:
            missing = torn(store, fresh)
            if missing:
                bad.append(f"kill {attempt}: lost or torn {missing}")
    with Store.open(path) as store:
        bad += [f"in the end: {number}" for number in torn(store, acknowledged)]
        bad += store.check()
    return {
        "bad": bad,
        "acknowledged": len(told),
        "killed_at_work": killed_at_work,
        "left": sorted(entry.name for entry in folder.iterdir()),
    }


def size_limits(folder: Path, step: str, largest: str) -> dict[str, Any]:
    """A limit on the size of files at every step from nothing on: each write fails in turn."""
    bad: list[str] = []
    refused_at_opening = refused_later = 0
    for limit in range(0, int(largest), int(step)):
        path = folder / f"{limit}.sqlite"
        kept: list[int] = []
        store: Store | None = None
        _limit_files(limit)
        try:
            try:
                store = Store.open(path)
                number = begin(store)
                for run in range(200):
                    store.add_run(sample_run(run, epochs=60))
                    kept.append(run)
                store.finish_study(number, sample_result())
            finally:
                _limit_files(None)
        except StoreFullError as error:
            refused_later += store is not None
            refused_at_opening += store is None
            if "\n" in str(error) or "no space left" not in str(error):
                bad.append(f"limit {limit}: {error}")
        if store is not None:
            # The same store goes on as soon as there is room.
            store.add_run(sample_run(777, epochs=60))
            kept.append(777)
            store.close()
        with Store.open(path) as again:
            lost = torn(again, kept, epochs=60)
            if lost:
                bad.append(f"limit {limit}: lost {lost}")
            bad += [f"limit {limit}: {problem}" for problem in again.check()]
            again.finish_study(begin(again), sample_result())
        if integrity(path) != "ok":
            bad.append(f"limit {limit}: {integrity(path)}")
    return {
        "bad": bad,
        "refused_at_opening": refused_at_opening,
        "refused_later": refused_later,
        "left": sorted({entry.suffix for entry in folder.iterdir()}),
    }


def _limit_files(size: int | None) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


def full_disk(folder: Path) -> dict[str, Any]:
    """Runs until the file system of the folder is full, then makes room and goes on."""
    path = folder / "a.sqlite"
    ballast = folder / "ballast"
    ballast.write_bytes(os.urandom(256 * 1024))
    kept: list[int] = []
    refusals: list[str] = []
    with Store.open(path) as store:
        number = begin(store)
        try:
            for run in range(10_000):
                store.add_run(sample_run(run, epochs=60))
                kept.append(run)
        except StoreFullError as error:
            refusals.append(str(error))
        try:
            store.finish_study(number, sample_result())
        except StoreFullError as error:
            refusals.append(str(error))
        with Store.open(path, write=False) as reader:
            lost = torn(reader, kept, epochs=60)
    other = None
    try:
        Store.open(folder / "other.sqlite").close()
    except StoreFullError as error:
        other = str(error)
    ballast.unlink()
    with Store.open(path) as store:
        lost += torn(store, kept, epochs=60)
        store.finish_study(begin(store), sample_result())
        problems = store.check()
    return {
        "kept": len(kept),
        "refusals": refusals,
        "other": other,
        "lost": lost,
        "problems": problems,
        "integrity": integrity(path),
    }


def ordinary_user(folder: Path) -> dict[str, Any]:
    """What someone meets who may not write: to the file, to the folder, to either with a log."""
    answers: dict[str, str] = {}

    def attempt(name: str, path: Path, write: bool) -> None:
        try:
            with Store.open(path, write=write) as store:
                answers[name] = f"{len(store.find_runs([key_of(1), key_of(2)]))} runs"
        except StoreError as error:
            answers[name] = f"{type(error).__name__}: {error}"

    locked_file, locked_folder, with_log = (folder / name for name in ("file", "folder", "log"))
    for place in (locked_file, locked_folder, with_log):
        place.mkdir()
        with Store.open(place / "a.sqlite") as store:
            store.add_run(sample_run(1))
    child = fork(lambda: _die_with_a_log(with_log / "a.sqlite"))
    os.waitpid(child, 0)
    has_log = (with_log / "a.sqlite-wal").stat().st_size > 0
    (with_log / "a.sqlite-shm").unlink()
    (locked_file / "a.sqlite").chmod(0o444)
    for place in (locked_folder, with_log):
        for entry in place.iterdir():
            entry.chmod(0o444)
        place.chmod(0o555)
    secret = folder / "secret.sqlite"
    Store.open(secret).close()
    secret.chmod(0)
    if os.getuid() == 0:
        locked_file.chmod(0o777)
        folder.chmod(0o755)
        os.seteuid(65534)  # nobody, on Linux; root may write anywhere
    try:
        attempt("read file", locked_file / "a.sqlite", False)
        attempt("write file", locked_file / "a.sqlite", True)
        attempt("read folder", locked_folder / "a.sqlite", False)
        attempt("write folder", locked_folder / "a.sqlite", True)
        attempt("new in folder", locked_folder / "b.sqlite", True)
        attempt("read log", with_log / "a.sqlite", False)
        attempt("read secret", secret, False)
        attempt("write secret", secret, True)
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        for place in (locked_folder, with_log):
            place.chmod(0o755)
    return {"answers": answers, "has_log": has_log}


def _die_with_a_log(path: Path) -> None:
    store = Store.open(path)
    store.add_run(sample_run(2))
    os.kill(os.getpid(), signal.SIGKILL)


def hold(folder: Path) -> dict[str, Any]:
    """Holds the writer's lock until it is killed or its input ends."""
    with Store.open(folder / "a.sqlite") as store:
        number = begin(store)
        store.plan_runs(number, [(key_of(1), DENSE_SPACE.complete({}), 0, "width", "a")])
        store.mark_running([key_of(1)])
        print("held", flush=True)  # noqa: T201
        sys.stdin.read()
    return {}


def orphan(folder: Path) -> dict[str, Any]:
    """A child that outlives the driver that forked it must not keep the driver's lock."""
    path = folder / "a.sqlite"
    out, into = os.pipe()
    store = Store.open(path)

    def wait() -> None:
        assert store.writable
        os.close(into)
        os.read(out, 1)

    child = fork(wait)
    # As the kernel does for a driver that dies: its descriptors are closed, nothing is unlocked.
    (lock,) = locking._HELD
    os.close(lock._descriptor)
    try:
        Store.open(path).close()
        free = True
    except StoreLockedError:
        free = False
    os.close(into)
    return {"free": free, "child": succeeded(child)}


SCENES: dict[str, Callable[..., dict[str, Any]]] = {
    scene.__name__: scene
    for scene in (crowd, kills, size_limits, full_disk, ordinary_user, hold, orphan)
}

if __name__ == "__main__":
    print(json.dumps(SCENES[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])))  # noqa: T201
