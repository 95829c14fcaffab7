"""What driver and store cost per run beyond training, over ten thousand tiny runs; and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from benchmarks.processes import command_seconds
from benchmarks.session import Session

NUM_RUNS = 10_000
SETTLED = 500
WINDOW = 1_000


def run(session: Session) -> None:
    section = session.begin("overhead")
    section["measurements"].clear()
    num_runs = 1_500 if session.quick else NUM_RUNS
    store = session.scratch / "tiny.sqlite"
    for leftover in session.scratch.glob("tiny.sqlite*"):
        leftover.unlink()
    command = [sys.executable, "-m", "benchmarks.tiny_runs", str(num_runs), str(store)]
    try:
        _, output = command_seconds(command, timeout=900)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        section["measurements"].append({"missing": str(error)[-300:]})
        print("overhead  missing:", str(error)[-300:])
        session.save()
        return
    answer = json.loads(output.strip().splitlines()[-1])
    entry = summary(answer)
    entry["store_mib"] = store.stat().st_size / 2**20
    section["measurements"].append(entry)
    print("overhead ", json.dumps(entry))
    session.save()


def summary(answer: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds per run beyond training, at the beginning, at the end and over all."""
    ends, trained = answer["ends"], answer["train_seconds"]

    def per_run(first: int, last: int) -> float:
        wall = ends[last - 1] - ends[first - 1]
        return 1e3 * (wall - sum(trained[first:last])) / (last - first)

    count = len(ends)
    window = min(WINDOW, (count - SETTLED) // 2)
    memory = dict(answer["memory"])
    return {
        "num_runs": count,
        "overhead_ms": per_run(SETTLED, count),
        "overhead_first_ms": per_run(SETTLED, SETTLED + window),
        "overhead_last_ms": per_run(count - window, count),
        # Of the whole process, training included: what a busy machine changes least.
        "cpu_ms": 1e3
        * (answer["cpu_ends"][-1] - answer["cpu_ends"][SETTLED - 1])
        / (count - SETTLED),
        "train_ms": 1e3 * sum(trained) / count,
        "total_seconds": answer["total_seconds"],
        "memory_settled_mib": memory[SETTLED],
        "memory_end_mib": memory[max(memory)],
        "memory_growth_mib": memory[max(memory)] - memory[SETTLED],
    }
