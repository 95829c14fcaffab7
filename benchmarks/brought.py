"""What a brought model costs beyond its training: ``python -m benchmarks.brought [--seconds 1]``.

Whole studies through driver, worker processes and store: functions that return at once, a program
beside its own start, two workers beside one on runs that wait (so that it says what sending runs
out costs, on a busy machine too), and the memory of driver and workers over many small runs. Each
number stands beside the one it must not exceed (or fall below).
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sklearn.naive_bayes import GaussianNB

import bakeoff
from bakeoff.records import Run
from bakeoff.trainables.programs import descendants

MAX_FUNCTION_MS = 20.0
MAX_COMMAND_MS = 30.0
MIN_TWO_WORKERS = 1.9
MAX_GROWTH_MIB = 30.0


def at_once(*, seed, number: int = 0):
    return {"loss": number + seed % 7}


def waits(*, seed, number: int = 0, seconds: float = 1.0):
    time.sleep(seconds)
    return {"loss": number + seed % 7}


def study(model, name, **vary):
    made = bakeoff.Study(model=model, name=name, looks=[3], audit=False)
    return made.stage("all", **vary)


def wall(made, folder, **options) -> tuple[float, list[Run]]:
    """Seconds of a study from its first to its last run, and its runs."""
    stamps: list[float] = []

    def notify(event: object) -> None:
        if type(event).__name__ in ("EpochEnded", "RunFinished"):
            stamps.append(time.perf_counter())

    store = Path(tempfile.mkdtemp(dir=folder)) / "runs.sqlite"
    record = made.run(store=store, observer=notify, **options).record
    runs = [run for stage in record.stages for group in stage.runs for run in group]
    return stamps[-1] - stamps[0], runs


def program_ms(words: list[str], count: int = 30) -> float:
    """Median time of the program alone."""
    took = []
    for _ in range(count):
        started = time.perf_counter()
        subprocess.run(words, check=True, capture_output=True)
        took.append(time.perf_counter() - started)
    return 1e3 * statistics.median(took)


def say(what: str, value: float, bound: float, *, unit: str, least: bool = False) -> None:
    kept = value >= bound if least else value <= bound
    sign = "≥" if least else "≤"
    print(f"{what:<58}{value:8.2f} {unit:<4} {sign} {bound:g}  {'ok' if kept else 'MISSED'}")


def memory_mib(process: int) -> float:
    """Resident memory."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a run that waits")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bakeoff-benchmark-"))
    try:
        _overheads(folder)
        _two_workers(folder, arguments.seconds)
        _memory(folder)
    finally:
        shutil.rmtree(folder)


def _overheads(folder: Path) -> None:
    numbers = list(range(100))
    made = study({"function": at_once, "metrics": {"loss": "min"}}, "once", number=numbers)
    seconds, runs = wall(made, folder, workers=1)
    trained = sum(run.train_seconds for run in runs)
    each = 1e3 * (seconds - trained) / len(runs)
    say("a function, per run, beyond its training", each, MAX_FUNCTION_MS, unit="ms")
    metrics = {"loss": "min"}
    words = ["sh", "-c", "echo loss=1", "7"]
    alone = program_ms(words)
    command = "sh -c 'echo loss=1' {number}"
    made = study({"command": command, "metrics": metrics}, "program", number=numbers)
    seconds, runs = wall(made, folder, workers=1)
    say(
        f"a program, per run, beyond its own {alone:.1f} ms",
        1e3 * seconds / len(runs) - alone,
        MAX_COMMAND_MS,
        unit="ms",
    )


def _two_workers(folder: Path, seconds: float) -> None:
    model = {"function": waits, "metrics": {"loss": "min"}}
    took = []
    for workers in (1, 2):
        made = study(model, f"waits-{workers}", number=[1, 2, 3, 4], seconds=[seconds])
        took.append(wall(made, folder, workers=workers)[0])
    say(
        f"two workers beside one, runs of {seconds:g} s",
        took[0] / took[1],
        MIN_TWO_WORKERS,
        unit="×",
        least=True,
    )


def _memory(folder: Path) -> None:
    made = bakeoff.Study("digits", model=GaussianNB, name="memory", looks=[5], audit=False)
    made.stage("smoothing", var_smoothing=[10.0**-n for n in range(1, 41)])
    seen: list[float] = []

    def notify(event: object) -> None:
        if type(event).__name__ == "RunFinished":
            processes = [os.getpid(), *descendants(os.getpid())]
            seen.append(sum(map(memory_mib, processes)))

    made.run(store=folder / "memory.sqlite", observer=notify, workers=1)
    growth = seen[200 - 1] - seen[20] if len(seen) >= 200 else float("nan")
    say(
        f"memory of {len(seen)} runs of a small estimator: growth",
        growth,
        MAX_GROWTH_MIB,
        unit="MiB",
    )


if __name__ == "__main__":
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, bakeoff {bakeoff.__version__}")
    main()
