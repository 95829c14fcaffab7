"""The process that measures one peer: ``python -m benchmarks.worker REQUEST``.

``REQUEST`` is JSON; the answer is JSON too, the last line on standard output. Nothing heavy is
imported before the process has confined itself to its cores.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

STARTED = time.perf_counter()


def main() -> None:
    request = json.loads(sys.argv[1])
    if request["cores"] is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, request["cores"])
    answer = _answer(request)
    print("\n" + json.dumps(answer), flush=True)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    if request["kind"] == "fma-peak":
        if importlib.util.find_spec("bakeoff._native") is None:
            return {"missing": "bakeoff._native is not installed"}
        from bakeoff.dense.native import fma_peak

        return {"gflops": fma_peak(0.5)}
    from benchmarks.peers import BY_NAME as PEERS

    peer = PEERS[request["peer"]]
    if importlib.util.find_spec(peer.needs) is None:
        return {"missing": f"{peer.needs} is not installed"}
    from benchmarks.clock import EpochClock
    from benchmarks.workloads import BY_NAME as WORKLOADS
    from benchmarks.workloads import load

    workload, arrays = WORKLOADS[request["workload"]], load(Path(request["data"]))
    train = peer.trainer(workload, arrays)
    answer: dict[str, Any] = {"versions": peer.versions()}
    if request["kind"] == "epochs":
        clock = EpochClock(request["check_epochs"], request["budget_seconds"], request["max_timed"])
        train(workload.learning_rate, request["seed"], clock)
        return {
            **answer,
            "seconds": clock.seconds,
            "cpu_seconds": clock.cpu_seconds,
            "accuracy": clock.accuracy,
        }
    accuracies, ends = [], []
    for rate, seed in request["runs"]:
        clock = EpochClock(request["epochs"])
        train(rate, seed, clock)
        accuracies.append(clock.accuracy)
        ends.append(time.perf_counter() - STARTED)
    return {**answer, "accuracies": accuracies, "run_ends": ends}


if __name__ == "__main__":
    main()
