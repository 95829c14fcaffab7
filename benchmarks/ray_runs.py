"""What Ray costs, and where one driver ends: ``python -m benchmarks.ray_runs [--runs 100000]``.

Runs that wait for a second, on two slots of Ray beside two worker processes; what a run of 10 ms costs
beyond its 10 ms in either; and the driver with its store alone, which is given outcomes as fast as it
takes them, as 1,000 slots would: runs a second, processor time and memory.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import bakeoff
from bakeoff.dense.trainable import Dense, get_engine
from bakeoff.execution.environment import describe
from bakeoff.execution.runs import RunService
from bakeoff.records import Replicate
from bakeoff.stop import Stop
from bakeoff.store.sqlite import Store
from bakeoff.trainables.base import Outcome, Request, StudyData
from benchmarks.brought import say, study, waits, wall
from benchmarks.tiny_runs import resident_mib

SLOTS = 1_000
EPOCHS = 10
MODEL = {"function": waits, "metrics": {"loss": "min"}}


class Arriving:
    """An executor whose runs are finished when they are asked for."""

    slots = SLOTS
    where = "nowhere"

    def run(
        self, batches: Iterable[Sequence[Request]], work: Any, watch: Any, on_outcome: Any
    ) -> None:
        del work, watch
        rng = np.random.default_rng(0)
        names = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
        for batch in batches:
            for one in batch:
                curves = {name: rng.random(EPOCHS) for name in names}
                metrics = {name: float(curve[-1]) for name, curve in curves.items()}
                on_outcome(Outcome(one.key, metrics, curves, {"health": []}, seconds=1.0))

    def close(self) -> None:
        """Nothing was opened."""


def driver(folder: Path, num_runs: int) -> None:
    """The driver and its store on so many outcomes."""
    from bakeoff.data.named import load_named

    data = StudyData(load_named("digits"), study_seed=0, split="folds", num_folds=12)
    trainable = Dense(get_engine())
    path = folder / "driver.sqlite"
    with Store.open(path) as store:
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
        ends: list[float] = []
        memory: list[float] = []

        def notify(event: object) -> None:
            if type(event).__name__ == "RunFinished":
                ends.append(time.process_time())
                if len(ends) % 1_000 == 0:
                    memory.append(resident_mib())

        service = RunService(trainable, Arriving(), data, store, number, notify=notify, stop=Stop())
        began, before = time.perf_counter(), resident_mib()
        # A stage of a hundred candidates at a time, each on ten replicates.
        for stage in range(num_runs // 1_000):
            requests = [
                service.request(
                    f"stage {stage}",
                    str(candidate),
                    trainable.space.complete(
                        {"learning_rate": 1e-6 * (1 + 100 * stage + candidate)}
                    ),
                    Replicate(index, index // 12, index % 12),
                )
                for candidate in range(100)
                for index in range(10)
            ]
            service.get(requests)
        seconds = time.perf_counter() - began
    tenth = max(1, len(ends) // 10)
    first = 1e3 * (ends[tenth - 1] - ends[0]) / (tenth - 1)
    last = 1e3 * (ends[-1] - ends[-tenth]) / (tenth - 1)
    print(f"driver and store, {len(ends):,} runs as from {SLOTS:,} slots:")
    print(
        f"  {len(ends) / seconds:,.0f} runs a second; processor time of a run {first:.2f} ms in the"
    )
    print(f"  first tenth, {last:.2f} ms in the last; memory {before:.0f} → {memory[-1]:.0f} MiB;")
    print(
        f"  file {path.stat().st_size / 2**20:.0f} MiB ({path.stat().st_size / len(ends):,.0f} bytes a run)"
    )


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
        beside(folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, bakeoff {bakeoff.__version__}")
    main()
