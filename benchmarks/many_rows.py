"""From a large CSV to a verdict: ``python -m benchmarks.many_rows [--rows 1000000]``.

A table of 20 columns (numbers, three of them with gaps; categories; a date; an identifier) and a class to
predict is written, then ``bakeoff run table.csv --target y`` runs as a process of its own. Printed are its wall
time, its processor time, its peak memory and what it found.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import bakeoff

GAPS = 0.05


def table(rows: int) -> pd.DataFrame:
    """Twelve numbers, five categories, a date, an identifier, and the class, from a sum and a product."""
    draw = np.random.default_rng(0)
    cells: dict[str, object] = {f"n{i}": draw.normal(size=rows).round(4) for i in range(12)}
    for i in range(3):
        cells[f"n{i}"][draw.random(rows) < GAPS] = np.nan
    for i, words in enumerate((3, 8, 30, 5, 12)):
        cells[f"c{i}"] = draw.choice([f"w{j}" for j in range(words)], rows)
    days = pd.to_timedelta(draw.integers(0, 1500, rows), "D")
    cells["day"] = (pd.Timestamp("2020-01-01") + days).strftime("%Y-%m-%d")
    cells["id"] = np.arange(rows) + 1_000_000
    score = np.nan_to_num(cells["n0"]) + cells["n5"] * cells["n6"] + (cells["c0"] == "w1")
    cells["y"] = np.where(score + draw.normal(size=rows) > 0.5, "yes", "no")
    return pd.DataFrame(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        table(rows).to_csv(path, index=False)
        size = path.stat().st_size / 2**20
        command = [sys.executable, "-m", "bakeoff", "run", path.name, "--target", "y"]
        began = time.perf_counter()
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        wall = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{rows:,} rows, 20 columns, {size:.0f} MiB: {wall:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of "
        f"processor time, {used.ru_maxrss / 2**20:.2f} GiB at most"
    )
    print(next(line for line in done.stdout.splitlines() if line.startswith("Test ")))


if __name__ == "__main__":
    print(
        f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, bakeoff "
        f"{bakeoff.__version__}, pandas {pd.__version__}"
    )
    main()
