"""One writer, many readers, any number of processes; and death at any moment."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from store_samples import key_of, sample_run

from bakeoff.errors import StoreError, StoreLockedError
from bakeoff.store import locking
from bakeoff.store.sqlite import Store

SCENES = Path(__file__).with_name("store_processes.py")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the scenes fork and send signals")


def play(scene: str, folder: Path, *arguments: object, timeout: float = 300) -> dict[str, Any]:
    """What a scene saw."""
    finished = subprocess.run(
        [sys.executable, SCENES, scene, folder, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert finished.returncode == 0, finished.stderr
    assert "Traceback" not in finished.stderr, finished.stderr
    seen: dict[str, Any] = json.loads(finished.stdout)
    return seen


@pytest.fixture
def holder(tmp_path):
    """Another process that writes to ``a.sqlite``."""
    process = subprocess.Popen(
        [sys.executable, SCENES, "hold", tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_writer_is_told_who_the_first_is(tmp_path, holder) -> None:
    with pytest.raises(StoreLockedError) as caught:
        Store.open(tmp_path / "a.sqlite")
    message = str(caught.value)
    assert f"process {holder.pid} on {socket.gethostname()}" in message
    assert "--wait" in message
    assert "\n" not in message


def test_waiting_ends_when_the_time_is_up(tmp_path, holder) -> None:
    with pytest.raises(StoreLockedError, match=r"still after waiting 0\.1 s"):
        Store.open(tmp_path / "a.sqlite", wait=True, timeout_s=0.1)


def test_a_reader_reads_beside_a_writer_of_another_process(tmp_path, holder) -> None:
    with Store.open(tmp_path / "a.sqlite", write=False) as reader:
        assert list(reader.runs()["state"]) == ["running"]


def test_the_lock_of_a_killed_writer_is_free_and_its_running_rows_are_interrupted(
    tmp_path, holder
) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with Store.open(tmp_path / "a.sqlite", write=False) as reader:
        assert list(reader.runs()["state"]) == ["interrupted"]
    with Store.open(tmp_path / "a.sqlite") as store:
        assert list(store.runs()["state"]) == ["interrupted"]
        assert store.run(key_of(1)).reason == "the driver ended before the run did"


def test_a_waiting_writer_gets_the_store_when_it_is_free(tmp_path) -> None:
    path = tmp_path / "a.sqlite"
    first = Store.open(path)
    waited: list[str] = []

    def wait() -> None:
        with Store.open(path, wait=True, timeout_s=60) as store:
            waited.append(store.run(key_of(1)).status)

    thread = threading.Thread(target=wait)
    thread.start()
    first.add_run(sample_run(1))
    assert waited == []
    first.close()
    thread.join()
    assert waited == ["finished"]


def test_two_writers_in_one_process_are_two_writers(tmp_path) -> None:
    with Store.open(tmp_path / "a.sqlite"), pytest.raises(StoreLockedError):
        Store.open(tmp_path / "a.sqlite")
    Store.open(tmp_path / "a.sqlite").close()


def test_asking_whether_a_writer_is_alive_stands_in_nobodys_way(tmp_path) -> None:
    path = tmp_path / "a.sqlite"
    stop = threading.Event()
    asked = [0]

    def ask() -> None:
        while not stop.is_set():
            locking.is_held(path)
            asked[0] += 1

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(100):
            lock = locking.WriterLock.acquire(path)
            assert locking.is_held(path)
            lock.release()
    finally:
        stop.set()
        thread.join()
    assert asked[0] > 0
    assert not locking.is_held(path)


def test_a_child_that_outlives_its_driver_does_not_keep_the_lock(tmp_path) -> None:
    assert play("orphan", tmp_path) == {"free": True, "child": True}


def test_a_refused_opening_gives_the_lock_back(tmp_path) -> None:
    path = tmp_path / "a.sqlite"
    path.write_text("no store")
    with pytest.raises(StoreError):
        Store.open(path)
    assert not locking.is_held(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.sqlite"]


def test_threads_share_one_store(tmp_path) -> None:
    with Store.open(tmp_path / "a.sqlite") as store:

        def work(first: int) -> None:
            for number in range(first, first + 25):
                store.add_run(sample_run(number))
                assert len(store.find_runs([key_of(number)])) == 1

        threads = [threading.Thread(target=work, args=(25 * index,)) for index in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(store.find_runs(key_of(number) for number in range(100))) == 100


@pytest.mark.parametrize(
    ("num_writers", "num_runs"),
    [(2, 6), pytest.param(8, 40, marks=pytest.mark.slow)],
    ids=["two", "eight"],
)
def test_writers_that_start_at_once_lose_nothing_and_readers_never_stumble(
    tmp_path, num_writers, num_runs
) -> None:
    seen = play("crowd", tmp_path, num_writers, num_runs)
    assert seen == {
        "written": [True] * num_writers,
        "read": [True, True],
        "lost": [],
        "problems": [],
        "studies": num_writers,
        "integrity": "ok",
        "left": ["crowd.sqlite"],
    }


@pytest.mark.parametrize(
    ("num_kills", "seed"),
    [(5, 1), pytest.param(60, 2, marks=pytest.mark.slow)],
    ids=["a few", "sixty"],
)
def test_a_killed_writer_loses_nothing_it_had_finished(tmp_path, num_kills, seed) -> None:
    seen = play("kills", tmp_path, num_kills, seed)
    assert seen["bad"] == []
    assert seen["killed_at_work"] >= num_kills // 2
    assert seen["acknowledged"] >= num_kills // 2
    assert seen["left"] == ["kills.sqlite"]
