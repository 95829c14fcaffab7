"""Worker processes: what a run can do to them costs that run and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from executor_work import Watch, request, work

from bakeoff.errors import UsageError
from bakeoff.executors.processes import Processes


@pytest.fixture(scope="module")
def executor():
    with Processes(2) as made:
        yield made


def run(executor, *batches, watch=None):
    outcomes = []
    executor.run(batches, work, watch or Watch(), outcomes.append)
    return {outcome.key: outcome for outcome in outcomes}


def is_alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("exit", "ended its process with exit code 3 instead of returning"),
        ("segfault", "its process was ended by SIGSEGV (segmentation fault)"),
        ("kill", "its process was ended by SIGKILL (as the system does when memory runs out)"),
    ],
)
def test_a_crash_costs_one_run_and_says_what_happened(executor, does, reason):
    found = run(executor, [request(1, does=does)], [request(2)], [request(3)])
    assert (found["1"].stopped, found["1"].reason) == ("crashed", reason)
    assert [found[key].stopped for key in "23"] == [None, None]


def test_the_other_runs_of_a_batch_whose_worker_crashed_are_trained_all_the_same(executor):
    found = run(executor, [request(1), request(2, does="exit"), request(3), request(4)])
    assert {key: one.stopped for key, one in found.items()} == {
        "1": None,
        "2": "crashed",
        "3": None,
        "4": None,
    }


@pytest.mark.slow
def test_a_run_that_takes_too_long_is_ended_with_everything_it_started(tmp_path):
    child = tmp_path / "pid"
    with Processes(2, timeout=1.5) as executor:
        found = run(executor, [request(1, does="child", path=str(child))], [request(2)])
        assert (found["1"].stopped, found["1"].reason) == ("timeout", "took longer than 1.5 s")
        assert found["2"].stopped is None
        wait_until(lambda: not is_alive(int(child.read_text())))


def test_a_run_that_does_not_listen_is_ended_when_the_study_is(executor):
    watch = Watch(after=1)
    found = run(executor, [request(1, does="epochs")], [request(2, does="sleep")], watch=watch)
    assert {one.stopped for one in found.values()} == {"cancelled"}


def test_what_a_run_prints_is_in_its_notes_and_not_on_the_terminal(executor, capfd):
    found = run(executor, [request(1, does="print")], [request(2)])
    assert found["1"].notes["output"] == "hello from 1\ntrouble"
    assert found["2"].notes == {}
    assert capfd.readouterr() == ("", "")


def test_of_much_output_the_end_is_kept(executor):
    output = run(executor, [request(1, does="flood")])["1"].notes["output"]
    assert output.endswith("xthe end")
    assert len(output) <= 8_192


def test_a_forked_child_that_comes_back_is_not_a_second_worker(executor):
    found = run(executor, [request(1, does="fork")], [request(2)])
    assert found["1"].metrics == {"val_accuracy": 1.0}


def test_a_run_finds_the_folder_and_the_environment_of_the_driver(executor, tmp_path):
    found = run(
        executor,
        *[[request(i, does="leave")] for i in range(2)],
        *[[request(i + 2, does="where", folder=str(Path.cwd()))] for i in range(4)],
    )
    assert {one.stopped for one in found.values()} == {None}


def test_workers_stay_warm(executor):
    first = run(executor, [request(1, does="pid")])["1"].notes["pid"]
    assert first in {run(executor, [request(i, does="pid")])[str(i)].notes["pid"] for i in range(3)}


def test_an_idle_worker_that_was_killed_costs_no_run(executor):
    for pid in {run(executor, [request(i, does="pid")])[str(i)].notes["pid"] for i in range(3)}:
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: not is_alive(pid))
    assert run(executor, [request(1)])["1"].stopped is None


def test_large_arrays_are_mapped_from_one_file_and_cannot_be_written_to():
    array = np.arange(100_000.0)

    def look(batch, watch):
        for outcome in work(batch, watch):
            assert not array.flags.writeable
            assert type(array.base).__name__ == "memmap"
            assert array.sum() == 4_999_950_000.0
            yield outcome

    with Processes(1) as executor:
        outcomes = []
        executor.run([[request(1)]], look, Watch(), outcomes.append)
        assert outcomes[0].reason is None


def test_work_that_cannot_be_sent_is_a_usage_error(executor):
    import threading

    lock = threading.Lock()
    with pytest.raises(UsageError, match="cannot be sent to a worker process"):
        executor.run([[request(1)]], lambda *_: lock, Watch(), lambda _: None)


def test_threads_and_graphics_processors_are_what_the_driver_says(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7,8")
    with Processes(9, threads=3, gpus=2) as executor:
        assert executor.slots == 2
        runs = [[request(i, does="environment")] for i in range(4)]
        notes = [one.notes["environment"] for one in run(executor, *runs).values()]
    assert {one["OMP_NUM_THREADS"] for one in notes} == {"3"}
    assert {one["CUDA_VISIBLE_DEVICES"] for one in notes} <= {"4,5", "6,7"}
    with pytest.raises(UsageError, match="a run needs 6, but this machine has 5"):
        Processes(gpus=6)


def test_runs_that_share_a_graphics_processor_share_its_memory(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4, 5, -1, 6")
    with Processes(9, gpus=0.5) as executor:
        assert executor.slots == 4
        runs = [[request(i, does="environment")] for i in range(4)]
        notes = [one.notes["environment"] for one in run(executor, *runs).values()]
    assert {one["CUDA_VISIBLE_DEVICES"] for one in notes} <= {"4", "5"}
    assert {one["XLA_PYTHON_CLIENT_MEM_FRACTION"] for one in notes} == {"0.375"}


def test_a_share_of_memory_that_the_user_gave_jax_is_kept(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("XLA_CLIENT_MEM_FRACTION", "0.2")
    with Processes(1, gpus=0.5) as executor:
        seen = run(executor, [request(1, does="environment")])["1"].notes["environment"]
    assert seen["XLA_CLIENT_MEM_FRACTION"] == "0.2"
    assert "XLA_PYTHON_CLIENT_MEM_FRACTION" not in seen


def test_graphics_processors_are_those_that_the_driver_lists(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\necho 'GPU 0: A (UUID: x)'\necho '  MIG 1g.10gb Device 0: (UUID: y)'\n"
    )
    program.chmod(0o755)
    with pytest.raises(UsageError, match="a run needs 2, but this machine has 1"):
        Processes(gpus=2)
    Processes(gpus=1).close()


def started_within(folder):
    """Processes whose environment names the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes())
        except OSError:
            continue
    return found


DRIVER = """
import sys; sys.path.insert(0, {tests!r})
from executor_work import Watch, request, work
from bakeoff.executors.processes import Processes
run = request(1, does="child", path={path!r})
Processes(2).run([[run], [request(2, does="sleep")]], work, Watch(), print)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_killed_driver(tmp_path, number):
    path = tmp_path / "pid"
    code = DRIVER.format(tests=str(Path(__file__).parent), path=str(path))
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    driver = subprocess.Popen([sys.executable, "-c", code], env=environment)
    wait_until(lambda: path.exists() and path.read_text())
    child = int(path.read_text())
    worker = int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[1])
    assert is_alive(worker)
    driver.send_signal(number)
    driver.wait()
    wait_until(lambda: not is_alive(child) and not is_alive(worker), seconds=2.0)
    wait_until(lambda: not started_within(tmp_path), seconds=2.0)  # the child made a session too
    wait_until(lambda: not list(tmp_path.glob("bakeoff-*")), seconds=2.0)
