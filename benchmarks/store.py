"""What the results store costs: ``python -m benchmarks.store [--runs 10000]``.

Writes a study as the driver does (plan, mark as running, add, one verdict per stage), reads it
back in every way, and prints each number beside the one it must not exceed. The runs are like
MNIST's: 10 epochs of four curves.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.dense.settings import DENSE_SPACE
from bakeoff.records import (
    Candidate,
    DataSummary,
    Environment,
    Run,
    StageResult,
    Verdict,
)
from bakeoff.settings import Settings
from bakeoff.store.sqlite import Store

NAMES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
NUM_EPOCHS = 10
NUM_VALIDATION = 5000
NUM_CANDIDATES = 20
NUM_REPLICATES = 10
MAX_INSERT_MS = 1.0
MAX_SHOW_SECONDS = 0.5
MAX_MEBIBYTES = 30.0

DATA = DataSummary(
    name="mnist",
    hash="d" * 64,
    num_train=55_000,
    num_validation=NUM_VALIDATION,
    num_test=10_000,
    num_features=784,
    num_classes=10,
    class_names=tuple("0123456789"),
    feature_names=(),
    image_shape=(28, 28),
    class_counts=(6000,) * 10,
    zero_share=0.81,
)


def key_of(number: int) -> str:
    """A key as long as the driver's."""
    return f"{number:08x}".ljust(64, "0")


def make_run(number: int) -> Run:
    """A run whose numbers do not repeat, so that nothing compresses better than in life."""
    generator = np.random.default_rng(number)
    curves = [generator.random(NUM_EPOCHS) for _ in range(4)]
    return Run(
        key=key_of(number),
        replicate=number % NUM_REPLICATES,
        status="finished",
        reason=None,
        metrics={name: float(curve[-1]) for name, curve in zip(NAMES, curves, strict=True)},
        curves=dict(zip(NAMES, curves, strict=True)),
        notes={"health": [{"dead": 0.0, "saturated": float(generator.random())}] * 2},
        train_seconds=float(generator.random()),
        engine="native/1/avx512",
    )


def make_stage(index: int, runs: list[Run]) -> StageResult:
    """The verdict over the runs of a stage."""
    candidates = tuple(
        Candidate(
            label=f"learning_rate={number}",
            settings=settings_of(index, number),
            declared={"learning_rate": (number + 1) / 1000},
            cost=(("parameters", 109_386.0), ("operations", 1e11)),
        )
        for number in range(NUM_CANDIDATES)
    )
    return StageResult(
        name=f"stage {index}",
        question="How fast should it learn?",
        varied=("learning_rate",),
        candidates=candidates,
        runs=tuple(
            tuple(runs[start : start + NUM_REPLICATES])
            for start in range(0, len(runs), NUM_REPLICATES)
        ),
        verdict=Verdict(
            kind="undecided",
            chosen=candidates[0].label,
            leader=candidates[0].label,
            reason="Nothing to tell apart.",
            comparison=None,
            comparisons=(),
            best=(),
            beaten=(),
            failed=(),
            num_replicates=NUM_REPLICATES,
            metric="accuracy",
            delta=0.002,
        ),
    )


def settings_of(stage: int, candidate: int) -> Settings:
    return DENSE_SPACE.complete(
        {"hidden": (128, 64), "learning_rate": (candidate + 1) / 1000, "epochs": stage + 1}
    )


def cost(work: Callable[[], Any], *, repeat: int = 1) -> tuple[float, float]:
    """Wall time and processor time (children included) of some work, least of several.

    The first of several warms up and counts for nothing.
    """
    costs = []
    for _ in range(repeat):
        began, busy = time.perf_counter(), sum(os.times()[:4])
        work()
        costs.append((time.perf_counter() - began, sum(os.times()[:4]) - busy))
    return min(costs[1:] or costs)


def fill(path: Path, num_runs: int) -> tuple[list[float], list[float]]:
    """Writes the study; milliseconds per ``add_run``, and per run for all the driver writes."""
    environment = Environment("0.1.0", platform.python_version(), np.__version__, "", "", 1, "")
    inserts: list[float] = []
    everything: list[float] = []
    per_stage = NUM_CANDIDATES * NUM_REPLICATES
    with Store.open(path) as store:
        study = store.begin_study(
            "big",
            {"name": "big"},
            kind="study",
            seed=0,
            data=DATA,
            environment=environment,
            engine="native/1/avx512",
            started_at="2025-01-01T00:00:00+00:00",
        )
        for index, first in enumerate(range(0, num_runs, per_stage)):
            runs = [make_run(number) for number in range(first, first + per_stage)]
            plans = [
                (run.key, settings_of(index, place // NUM_REPLICATES), run.replicate, "s", "l")
                for place, run in enumerate(runs)
            ]
            began = time.perf_counter()
            store.find_runs([run.key for run in runs])
            store.plan_runs(study, plans)
            store.mark_running([run.key for run in runs])
            for run in runs:
                before = time.perf_counter()
                store.add_run(run)
                inserts.append(1e3 * (time.perf_counter() - before))
            store.save_stage(study, index, make_stage(index, runs))
            everything.append(1e3 * (time.perf_counter() - began) / per_stage)
    return inserts, everything


def forced_write_ms(folder: Path) -> float:
    """Median time of forcing 4 KiB to this disk, which is what a forced commit waits for."""
    times = []
    with (folder / "forced").open("wb") as file:
        for _ in range(30):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            times.append(1e3 * (time.perf_counter() - began))
    return statistics.median(times)


def run_command(*words: str) -> tuple[float, float]:
    """Cost of a command, Python's start and all imports included."""
    command = [sys.executable, *words]
    return cost(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), repeat=4)


def line(what: str, value: str, limit: str = "", *, met: bool = True) -> None:
    print(f"{what:<50} {value:>24}   {limit}{'' if met else '   MISSED'}")


def cost_line(what: str, spent: tuple[float, float], limit: float | None = None) -> None:
    """Both times; on a machine with other work the processor's is held against the limit."""
    wall, busy = spent
    others = os.getloadavg()[0] > 1.5 if hasattr(os, "getloadavg") else False
    words = "" if limit is None else f"≤ {limit:g} s{' (processor)' if others else ''}"
    met = limit is None or (busy if others else wall) <= limit
    line(what, f"{wall:.3f} s ({busy:.3f} s cpu)", words, met=met)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000, help="a multiple of 200")
    num_runs = parser.parse_args().runs
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(
        f"n = {num_runs} runs of {NUM_EPOCHS} epochs; "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"NumPy {np.__version__}; {platform.machine()}, {os.cpu_count()} cores, load {load:.1f}\n"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "big.sqlite"
        forced = forced_write_ms(folder)
        inserts, everything = fill(path, num_runs)
        size = path.stat().st_size / 2**20
        median = statistics.median(inserts)
        tenth = max(1, len(inserts) // 10)
        line("add_run, median", f"{median:.3f} ms", "≤ 1 ms", met=median <= MAX_INSERT_MS)
        line("  of the first tenth", f"{statistics.median(inserts[:tenth]):.3f} ms")
        line("  of the last tenth", f"{statistics.median(inserts[-tenth:]):.3f} ms")
        line("  99 of 100 are below", f"{statistics.quantiles(inserts, n=100)[98]:.3f} ms")
        line("all the driver writes, per run (mean)", f"{statistics.mean(everything):.3f} ms")
        line("forcing 4 KiB to this disk, median", f"{forced:.3f} ms", "at most once a second")
        limit = MAX_MEBIBYTES * num_runs / 10_000
        line("file", f"{size:.1f} MiB", f"≤ {limit:.0f} MiB", met=size <= limit)

        def loaded() -> None:
            with Store.open(path, write=False) as store:
                store.studies()
                store.load_result("big")

        def framed() -> None:
            with Store.open(path, write=False) as store:
                store.runs()

        def found() -> None:
            with Store.open(path, write=False) as store:
                store.find_runs(key_of(number) for number in range(num_runs))

        cost_line("open, list, load the whole study", cost(loaded, repeat=5), MAX_SHOW_SECONDS)
        cost_line("open, find every run (a full resumption)", cost(found, repeat=4))
        cost_line("open, data frame of every run", cost(framed, repeat=4))
        show = ("-m", "bakeoff", "show", "--store", str(path))
        cost_line("`bakeoff show`, whole command", run_command(*show), MAX_SHOW_SECONDS)
        cost_line("`bakeoff show big`, whole command", run_command(*show, "big"))
        bare = run_command("-c", "import numpy, pydantic, rich")
        cost_line("  starting Python, NumPy, pydantic and rich", bare)

        def merged() -> None:
            with Store.open(folder / "merged.sqlite") as store:
                store.merge(path)

        cost_line("merge into an empty store", cost(merged))

        def checked() -> None:
            with Store.open(path, write=False) as store:
                assert store.check() == []

        cost_line("check", cost(checked))


if __name__ == "__main__":
    main()
