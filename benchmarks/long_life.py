"""A store that grows old: ``python -m benchmarks.long_life [--runs 1000 10000 20000]``.

For every size a new store is filled by one process, study by study (a hundred tiny runs each); then the
commands that read it are timed as a user waits for them, Python's start included, and the first study is
run again, which finds all its runs. Memory is that of the process that filled the store.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.tiny_runs import RUNS_PER_STUDY

REPEAT = 3


def seconds(folder: Path, *words: str) -> float:
    """Wall time of a command in a folder, least of several."""
    command = [sys.executable, *words]
    times = []
    for _ in range(REPEAT):
        began = time.perf_counter()
        subprocess.run(command, cwd=folder, env=_environment(), check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return min(times)


def _environment() -> dict[str, str]:
    root = str(Path(__file__).parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}


def measure(num_runs: int, folder: Path) -> dict[str, str]:
    """What a store of so many runs costs, by what is measured."""
    store = folder / "old.sqlite"
    fill = [sys.executable, "-m", "benchmarks.tiny_runs", str(num_runs), str(store)]
    done = subprocess.run(fill, env=_environment(), check=True, stdout=subprocess.PIPE, text=True)
    told = json.loads(done.stdout)
    memory = [mib for _, mib in told["memory"]]
    tenth = max(1, num_runs // 10)
    spent = told["cpu_ends"]
    bakeoff = ("-m", "bakeoff")
    return {
        "one run, first tenth": f"{1e3 * (spent[tenth - 1] - spent[0]) / (tenth - 1):.2f} ms",
        "one run, last tenth": f"{1e3 * (spent[-1] - spent[-tenth]) / (tenth - 1):.2f} ms",
        "memory after the first thousand": f"{memory[min(9, len(memory) - 1)]:.0f} MiB",
        "memory at the end": f"{memory[-1]:.0f} MiB",
        "file": f"{store.stat().st_size / 2**20:.1f} MiB",
        "`bakeoff show`": f"{seconds(folder, *bakeoff, 'show', '--store', store.name):.2f} s",
        "`bakeoff show STUDY`": (
            f"{seconds(folder, *bakeoff, 'show', 'tiny-0', '--store', store.name):.2f} s"
        ),
        "`bakeoff report STUDY`": (
            f"{seconds(folder, *bakeoff, 'report', 'tiny-0', '--store', store.name):.2f} s"
        ),
        "`bakeoff compare STUDY STUDY`": (
            f"{seconds(folder, *bakeoff, 'compare', 'tiny-0', 'tiny-1', '--store', store.name):.2f} s"
        ),
        "`bakeoff store check`": f"{seconds(folder, *bakeoff, 'store', 'check', '--store', store.name):.2f} s",
        "a finished study again": (
            f"{seconds(folder, '-m', 'benchmarks.tiny_runs', str(RUNS_PER_STUDY), store.name):.2f} s"
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_life", description=__doc__)
    parser.add_argument("--runs", type=int, nargs="+", default=[1_000, 10_000, 20_000])
    sizes = parser.parse_args().runs
    columns = []
    for num_runs in sizes:
        with tempfile.TemporaryDirectory(prefix="bakeoff-long-life-") as folder:
            columns.append(measure(num_runs, Path(folder)))
    load = os.getloadavg()[0]
    print(
        f"{os.cpu_count()} cores, load {load:.1f}; processor time per run, wall time per command\n"
    )
    print(f"| runs in the store | {' | '.join(f'{size:,}' for size in sizes)} |")
    print(f"|---|{'---:|' * len(sizes)}")
    for name in columns[0]:
        print(f"| {name} | {' | '.join(column[name] for column in columns)} |")


if __name__ == "__main__":
    main()
