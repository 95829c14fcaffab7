"""Studies on a Ray cluster of two nodes: the same result, whatever is lost on the way."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from executor_work import Watch, request, work

from bakeoff.errors import UsageError
from bakeoff.executors.processes import Processes
from bakeoff.executors.threads import Threads
from bakeoff.report.json import dumps
from bakeoff.store.sqlite import Store
from bakeoff.study import Study
from bakeoff.trainables.base import Outcome

# A cluster leaves the outputs of its processes open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

TIMES = {"seconds", "started_at", "finished_at", "opened_at", "environment", "train_seconds"}


def test_without_ray_one_line_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'bakeoff\[ray\]'"):
        Study("digits").stage("s", epochs=[1, 2]).run(store=":memory:", on="ray")


def test_an_address_without_ray_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="say on = ray as well"):
        Study("digits").stage("s", epochs=[1, 2]).run(store=":memory:", address="auto")


@pytest.mark.slow
@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:99999", "nowhere"])
def test_a_cluster_that_is_not_there_is_one_line(address) -> None:
    pytest.importorskip("ray")
    with pytest.raises(UsageError, match=rf"ray: .*{address}.*check the address"):
        dense().run(store=":memory:", on="ray", address=address)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    made = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "include_dashboard": False, "object_store_memory": 10**8},
    )
    made.add_node(num_cpus=1, object_store_memory=10**8)
    made.wait_for_nodes()
    yield made
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.shutdown()
        made.shutdown()
        del made
        gc.collect()


@pytest.fixture
def new_executor(cluster):
    """Makes executors on the cluster; what one leaves open would be in the way of the next test."""
    pytest.importorskip("ray")
    from bakeoff.executors.ray import Ray

    with contextlib.ExitStack() as stack:
        yield lambda *given, **more: stack.enter_context(
            contextlib.closing(Ray(*given, address=cluster.address, **more))
        )


def _plain(result) -> object:
    def strip(value):
        if isinstance(value, dict):
            return {key: strip(one) for key, one in value.items() if key not in TIMES}
        return [strip(one) for one in value] if isinstance(value, list) else value

    return strip(json.loads(dumps(result.record)))


def dense() -> Study:
    study = Study("digits", base={"scale": "unit", "learning_rate": 0.3, "epochs": 4}, looks=[3])
    return study.stage("width", hidden=[[8], [32]], tune={"learning_rate": [0.1, 0.5]})


def estimator() -> Study:
    from sklearn.tree import DecisionTreeClassifier

    study = Study("digits", model=DecisionTreeClassifier, looks=[3])
    return study.stage("depth", max_depth=[3, 8])


def trained(data, *, width: int = 3, seed: int = 0):
    """A model that knows the nearest of some examples."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(data.x_train))[: 10 * width]
    known, labels = data.x_train[chosen].astype(float), data.y_train[chosen]
    far = ((data.x_val[:, None].astype(float) - known) ** 2).sum(axis=2)
    return {"accuracy": float((labels[far.argmin(axis=1)] == data.y_val).mean())}


def function() -> Study:
    study = Study("digits", model={"function": trained, "metrics": {"accuracy": "max"}}, looks=[3])
    return study.stage("width", width=[1, 20])


@pytest.mark.slow
@pytest.mark.parametrize("make", [dense, estimator, function])
def test_the_result_is_the_same_as_on_this_machine(cluster, make) -> None:
    here = make().run(store=":memory:")
    there = make().run(store=":memory:", on="ray", address=cluster.address)
    assert _plain(there) == _plain(here)


@pytest.mark.slow
def test_what_a_crash_a_timeout_and_much_output_cost(new_executor) -> None:
    executor = new_executor(partial(Processes, 1, timeout=2.0))
    outcomes = []
    does = ["finish", "exit", "raise", "sleep", "print", "finish"]
    batches = [[request(number, does=what)] for number, what in enumerate(does)]
    executor.run(batches, work, Watch(), outcomes.append)
    executor.close()
    found = {one.key: one for one in outcomes}
    assert len(outcomes) == len(found) == len(does)
    assert [found[str(n)].stopped for n in range(6)] == [
        None,
        "crashed",
        "raised",
        "timeout",
        None,
        None,
    ]
    assert found["4"].notes["output"] == "hello from 4\ntrouble"


@pytest.mark.slow
def test_a_new_executor_without_a_batch_returns(new_executor) -> None:
    executor, outcomes = new_executor(partial(Threads, 1)), []
    executor.run([], work, Watch(), outcomes.append)
    executor.run(iter(()), work, Watch(), outcomes.append)
    executor.close()
    assert outcomes == []


@pytest.mark.slow
def test_a_run_that_ends_its_slot_each_time_costs_no_other(new_executor) -> None:
    executor, watch, outcomes = new_executor(partial(Threads, 1), 1), Watch(), []
    batches = [
        [request(number, does="exit" if number == 150 else "finish")] for number in range(300)
    ]
    executor.run(batches, work, watch, outcomes.append)
    executor.close()
    assert sorted(int(one.key) for one in outcomes) == list(range(300))
    (crashed,) = [one for one in outcomes if one.stopped]
    assert (crashed.key, crashed.stopped) == ("150", "crashed")
    assert "its slot was lost 3 times" in crashed.reason
    # The first of them may be put on a run that was done and not yet told.
    assert sum("was lost" in line for line in watch.said) in (3, 4)


@pytest.mark.slow
def test_two_runs_share_a_gpu(cluster, new_executor) -> None:
    node = cluster.add_node(num_cpus=2, num_gpus=1, object_store_memory=10**8)
    cluster.wait_for_nodes()
    try:
        executor = new_executor(partial(Processes, 1, gpus=0.5), gpus=0.5)
        assert executor.slots == 2
        outcomes = []
        batches = [[request(number, does="environment")] for number in range(4)]
        executor.run(batches, work, Watch(), outcomes.append)
        executor.close()
        seen = {one.notes["environment"]["CUDA_VISIBLE_DEVICES"] for one in outcomes}
        assert (len(outcomes), seen) == (4, {"0"})
        with pytest.raises(UsageError, match="no node of the Ray cluster has what a run needs"):
            new_executor(partial(Processes, 1), gpus=2.0)
    finally:
        cluster.remove_node(node)


@pytest.mark.slow
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_large_array_lies_on_a_node_once_and_not_for_longer_than_it_is_used(
    new_executor, order
) -> None:
    array = np.asarray(np.arange(60_000.0).reshape(300, 200), order=order)
    executor, outcomes = new_executor(partial(Processes, 1)), []
    batches = [[request(number)] for number in range(40)]
    executor.run(batches, partial(file_of, array), Watch(), outcomes.append)
    assert {one.stopped for one in outcomes} == {None}
    assert {one.metrics["sum"] for one in outcomes} == {float((array[7] * np.arange(200)).sum())}
    (file,) = {one.notes["file"] for one in outcomes}
    assert Path(file).stat().st_size == array.nbytes
    assert len({one.notes["pid"] for one in outcomes}) == 2
    executor.close()
    assert not Path(file).exists()


def file_of(array, batch, _watch):
    """Where an array is mapped from, told by a worker process."""
    base = array
    while not isinstance(base, np.memmap):
        base = base.base
    total = float((array[7] * np.arange(200)).sum())
    for one in batch:
        time.sleep(0.1)
        notes = {"file": str(base.filename), "pid": os.getpid()}
        yield Outcome(one.key, {"sum": total}, notes=notes)


FILES = {
    "helper.py": "WHERE = __file__",
    "train.py": """
import helper
def train(*, seed, number: int = 0):
    return {"unpacked": float(all("_ray_pkg_" in one for one in (__file__, helper.WHERE)))}
""",
    "program.py": "import os; print('unpacked:', float('_ray_pkg_' in os.getcwd()))",
}

STUDY = """
format = 1
name = "sent"
metric = "unpacked"
looks = [3]
audit = false
[model]
{model}
metrics = {{ unpacked = "max" }}
[[stage]]
name = "all"
vary.number = [1, 2]
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "model", [{"function": "train.py:train"}, {"command": "python program.py {number} {seed}"}]
)
def test_the_files_of_a_study_travel_to_the_nodes(cluster, tmp_path, model) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    lines = "\n".join(f"{key} = {value!r}" for key, value in model.items())
    (folder / "study.toml").write_text(STUDY.format(model=lines))
    study = Study.from_file(folder / "study.toml")
    result = study.run(store=":memory:", on="ray", address=cluster.address)
    runs = [run for group in result.record.stages[0].runs for run in group]
    assert [run.metrics["val_unpacked"] for run in runs] == [1.0] * 6


@pytest.mark.slow
def test_a_folder_that_is_too_large_is_one_line(cluster, tmp_path, monkeypatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setattr("ray._private.runtime_env.packaging.GCS_STORAGE_MAX_SIZE", 1000)
    (tmp_path / "large.bin").write_bytes(os.urandom(10_000))
    message = r"the study's folder .* cannot be sent \(Package size .* exceeds .*\); name what .*\.rayignore"
    with pytest.raises(UsageError, match=message):
        estimator().run(store=":memory:", on="ray", address=cluster.address)
    (tmp_path / ".rayignore").write_text("large.bin")
    assert estimator().run(store=":memory:", on="ray", address=cluster.address).verdicts


@pytest.mark.slow
def test_a_node_that_goes_costs_no_run_and_one_that_comes_takes_some(cluster, new_executor) -> None:
    node = cluster.add_node(num_cpus=1, object_store_memory=10**8)
    cluster.wait_for_nodes()
    executor, watch, outcomes = new_executor(partial(Processes, 1)), Watch(), []
    assert executor.slots == 3
    assert executor.where == "on 3 nodes of Ray"

    def take(outcome) -> None:
        outcomes.append(outcome)
        if len(outcomes) == 6:
            cluster.remove_node(node, allow_graceful=False)
        if len(outcomes) == 12:
            cluster.add_node(num_cpus=1, object_store_memory=10**8)

    batches = [[request(number, does="nap", seconds=0.4)] for number in range(40)]
    executor.run(batches, work, watch, take)
    executor.close()
    assert sorted(int(one.key) for one in outcomes) == list(range(40))
    assert {one.stopped for one in outcomes} == {None}
    assert any("was lost; its runs are sent again" in line for line in watch.said)
    assert any("has joined" in line for line in watch.said)


@pytest.mark.slow
def test_a_node_that_cannot_load_the_work_is_left_out(new_executor, tmp_path) -> None:
    executor, watch, outcomes = new_executor(partial(Processes, 1)), Watch(), []
    flag = tmp_path / "first"
    batches = [[request(number)] for number in range(6)]
    executor.run(batches, partial(work_of, Choosy(str(flag))), watch, outcomes.append)
    executor.close()
    assert len(outcomes) == 6
    assert {line for line in watch.said if "left out" in line} == {
        f"node {os.uname().nodename} is left out: RuntimeError: another processor"
    }
    with pytest.raises(
        UsageError, match="no node can do this work: RuntimeError: another processor"
    ):
        executor = new_executor(partial(Processes, 1))
        executor.run(batches, partial(work_of, Choosy("")), Watch(), outcomes.append)


class Choosy:
    """What only one of the nodes can load."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __setstate__(self, state: dict[str, str]) -> None:
        import ray

        self.path = state["path"]
        if not ray.is_initialized():  # the worker process of a slot, on a node that could load it
            return
        node = ray.get_runtime_context().get_node_id()
        if not self.path:
            raise RuntimeError("another processor")
        try:
            with Path(self.path).open("x") as file:
                file.write(node)
        except FileExistsError:
            if Path(self.path).read_text() != node:
                raise RuntimeError("another processor") from None


def work_of(_choosy, batch, watch):
    return work(batch, watch)


DRIVER = """
import sys
from bakeoff.study import Study
study = Study("digits", base={"scale": "unit", "learning_rate": 0.3, "epochs": 500}, looks=[5],
              name="killed")
study.stage("width", hidden=[[64], [96], [128]])
print("go", flush=True)
result = study.run(store=sys.argv[1], on="ray", address=sys.argv[2])
print(len(result.record.stages), flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_a_driver_that_ends_is_gone_on_with_and_leaves_nothing_behind(
    cluster, tmp_path, kill
) -> None:
    ray = pytest.importorskip("ray")
    store = tmp_path / "a.sqlite"
    command = [sys.executable, "-c", DRIVER, str(store), cluster.address]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    _wait(lambda: store.exists() and _num_runs(store) >= 2)
    driver.send_signal(kill)
    driver.wait(20)
    done = _num_runs(store)
    assert done < 15
    out = subprocess.run(command, capture_output=True, timeout=120, check=True).stdout
    assert out.split() == [b"go", b"1"]
    with Store.open(store) as opened:
        rows = opened.studies()
        assert rows[-1].num_finished >= 15
    if not ray.is_initialized():
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    # What the ended driver held is free again.
    _wait(lambda: ray.available_resources().get("CPU") == ray.cluster_resources().get("CPU"))
    ray.shutdown()


def _num_runs(store: Path) -> int:
    import sqlite3

    try:
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
            return int(
                connection.execute("SELECT count(*) FROM run WHERE state = 'finished'").fetchone()[
                    0
                ]
            )
    except sqlite3.Error:
        return 0


def _wait(condition, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
