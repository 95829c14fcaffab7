"""What Ray costs, and where one driver ends: ``python -m benchmarks.ray_runs [--runs 100000]``.

Runs that wait for a second, on two slots of Ray beside two worker processes; what a run of 10 ms costs
beyond its 10 ms in either; what Ray itself costs the driver; and a simulation: the driver, its store and
all that the executor does for 1,000 slots, of which only the far ends are made up. They finish runs as fast as
the driver hears them, so that it never waits. What making up costs is left out of what is told.
"""

from __future__ import annotations

import argparse
import os
import pickle
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np

import bakeoff
from bakeoff.data.study_data import StudyData
from bakeoff.dense.trainable import Dense, get_engine
from bakeoff.execution.environment import describe
from bakeoff.execution.runs import RunService
from bakeoff.executors import ray_round
from bakeoff.executors.base import Work
from bakeoff.executors.ray import Ray, SentWork
from bakeoff.executors.ray_round import Slot
from bakeoff.executors.threads import Threads
from bakeoff.records import Replicate
from bakeoff.stop import Stop
from bakeoff.store.sqlite import Store
from bakeoff.trainables.base import Outcome, Request, Watch
from benchmarks.brought import say, study, waits, wall
from benchmarks.tiny_runs import resident_mib

SLOTS = 1_000
EPOCHS = 10
RUNS_PER_STAGE = 10_000
MODEL = {"function": waits, "metrics": {"loss": "min"}}
NAMES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")


def outcome_of(request: Request, rng: np.random.Generator) -> Outcome:
    """Like that of a network of ten epochs."""
    curves = {name: rng.random(EPOCHS) for name in NAMES}
    metrics = {name: float(curve[-1]) for name, curve in curves.items()}
    return Outcome(request.key, metrics, curves, {"health": []}, seconds=1.0)


def at_once(batch: Sequence[Request], watch: Watch) -> Iterator[Outcome]:
    """Work that takes no time."""
    del watch
    rng = np.random.default_rng(0)
    for one in batch:
        yield outcome_of(one, rng)


class FarEnd:
    """A slot that has finished what it is given when it is asked; stands for an actor's methods."""

    def __init__(self, cluster: Simulated) -> None:
        self._cluster = cluster
        self.load = self.run = self.stop = self.close = self

    def options(self, **_: Any) -> FarEnd:
        return self

    def remote(self, *given: Any) -> Any:
        if isinstance(given[0], bytes):
            return ("node", None)
        return self._cluster.messages(given[0])


class Simulated(Ray):
    """The executor with far ends that are made up; all else is its own."""

    where = "nowhere"
    slots = SLOTS

    def __init__(self) -> None:
        self.spent = 0.0
        self.num_messages = 0
        self.all_slots = []
        self.ray = SimpleNamespace(
            exceptions=SimpleNamespace(RayError=RuntimeError),
            get=lambda one: pickle.loads(one) if isinstance(one, bytes) else one,
            wait=lambda some, num_returns=1, **_: (some[:num_returns], some[num_returns:]),
        )
        self._failed_starts, self._next_start = 0, 0.0
        self._rng = np.random.default_rng(0)

    def messages(self, parcel: Sequence[Sequence[Request]]) -> Iterator[bytes]:
        began = time.process_time()
        made = [("outcome", outcome_of(one, self._rng)) for batch in parcel for one in batch]
        content = pickle.dumps(made)
        self.num_messages += 1
        self.spent += time.process_time() - began
        yield content

    def sent(self, work: Work) -> SentWork:
        del work
        return SentWork("digest", b"work", (), ())

    def slot_count(self, watch: Any) -> int:
        del watch
        return SLOTS

    def new_slot(self) -> Slot:
        self.all_slots.append(Slot(FarEnd(self)))
        return self.all_slots[-1]

    def drop(self, slot: Slot) -> None:
        self.all_slots.remove(slot)

    def close(self) -> None:
        self.all_slots.clear()


def service_of(folder: Path, store: Store, executor: Any, notify: Any) -> RunService:
    from bakeoff.data.named import load_named

    data = StudyData(load_named("digits"), study_seed=0, split="folds", num_folds=12)
    trainable = Dense(get_engine())
    number = store.begin_study(
        "driver",
        {},
        kind="study",
        seed=0,
        data=data.summary,
        environment=describe(trainable.name, folder),
        engine=trainable.name,
        metric="accuracy",
        task="classification",
        model_kind="dense",
        started_at="2026-01-01T00:00:00Z",
    )
    return RunService(trainable, executor, data, store, number, notify=notify, stop=Stop())


def requests_of(service: RunService, stage: int, count: int) -> list[Request]:
    """A stage's, of ten replicates a candidate."""
    complete = service.trainable.space.complete
    return [
        service.request(
            f"stage {stage}",
            str(candidate),
            complete({"learning_rate": 1e-7 * (1 + RUNS_PER_STAGE * stage + candidate)}),
            Replicate(index, index // 12, index % 12),
        )
        for candidate in range(count // 10)
        for index in range(10)
    ]


def driver(folder: Path, num_runs: int) -> None:
    """The driver, its store and the executor on so many outcomes."""
    path, executor = folder / "driver.sqlite", Simulated()
    ends: list[float] = []
    memory: list[float] = []

    def notify(event: object) -> None:
        if type(event).__name__ == "RunFinished":
            ends.append(time.process_time() - executor.spent)
            if len(ends) % 1_000 == 0:
                memory.append(resident_mib())

    with Store.open(path) as store:
        service = service_of(folder, store, executor, notify)
        before, begun = resident_mib(), time.process_time()
        asked = 0.0
        for stage in range(max(1, num_runs // RUNS_PER_STAGE)):
            count = min(num_runs, RUNS_PER_STAGE)
            began = time.process_time()
            requests = requests_of(service, stage, count)
            asked += time.process_time() - began
            service.get(requests)
        total = time.process_time() - begun - executor.spent
    tenth = max(1, len(ends) // 10)
    first, last = (1e3 * (ends[b] - ends[a]) / (b - a) for a, b in ((0, tenth), (-tenth, -1)))
    print(f"driver, store and executor, {len(ends):,} runs of {SLOTS:,} simulated slots:")
    print(
        f"  {len(ends) / total:,.0f} runs a second of processor time, {executor.num_messages:,} messages;"
    )
    print(
        f"  of a run {1e3 * total / len(ends):.2f} ms ({first:.2f} in the first tenth, {last:.2f} in the last), "
        f"of that {1e3 * asked / len(ends):.2f} to name it;"
    )
    print(f"  memory {before:.0f} → {memory[0]:.0f} after 1,000 → {memory[-1]:.0f} MiB at the end;")
    size = path.stat().st_size
    print(f"  file {size / 2**20:.0f} MiB ({size / len(ends):,.0f} bytes a run)")


def library(folder: Path, num_runs: int = 20_000) -> None:
    """What Ray itself costs the driver, on two real slots whose runs take no time."""
    told = SimpleNamespace(flag=np.zeros(1, np.int32), cancelled=False)
    told.epoch = told.say = lambda *_: None
    with Store.open(folder / "names.sqlite") as store:
        requests = requests_of(service_of(folder, store, None, None), 0, num_runs)
    one = len(pickle.dumps(requests[0])), len(pickle.dumps(next(at_once(requests[:1], told))))
    print(f"bytes a run: its request {one[0]:,}, its outcome {one[1]:,} with {EPOCHS} epochs")
    executor = Ray(partial(Threads, 1), 2)
    try:
        for what, most in (("in parcels", ray_round.MOST_IN_A_PARCEL), ("one by one", 1)):
            batches = [[one] for one in requests[: num_runs if most > 1 else num_runs // 10]]
            with patch.object(ray_round, "MOST_IN_A_PARCEL", most):
                executor.run(batches[:10], at_once, told, told.say)  # the slots start
                count: list[Outcome] = []
                spent, began = time.process_time(), time.perf_counter()
                executor.run(batches, at_once, told, count.append)
                spent, seconds = time.process_time() - spent, time.perf_counter() - began
            print(
                f"Ray, {len(count):,} runs that take no time, {what}: {len(count) / seconds:,.0f} a "
                f"second, {1e3 * spent / len(count):.2f} ms of the driver's processor time each"
            )
    finally:
        executor.close()


def beside(folder: Path) -> None:
    """Two slots of Ray beside two worker processes."""
    took = {}
    for on in ("processes", "ray"):
        made = study(MODEL, f"waits-{on}", number=list(range(8)), seconds=[1.0])
        took[on] = wall(made, folder, workers=2, on=on)[0]
    say(
        "two slots of Ray beside two processes, runs of 1 s",
        took["processes"] / took["ray"],
        0.9,
        unit="×",
        least=True,
    )
    for on in ("processes", "ray"):
        each = []
        for attempt in range(3):
            made = study(MODEL, f"short-{on}-{attempt}", number=list(range(200)), seconds=[0.01])
            seconds, runs = wall(made, folder, workers=2, on=on)
            each.append(1e3 * (2 * seconds - sum(run.train_seconds for run in runs)) / len(runs))
        print(
            f"{f'{on}: a run of 10 ms costs a slot beyond its training':<58}{statistics.median(each):8.2f} ms"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000, help="of the driver alone")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bakeoff-benchmark-"))
    try:
        driver(folder, arguments.runs)
        library(folder)
        beside(folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, bakeoff {bakeoff.__version__}")
    main()
