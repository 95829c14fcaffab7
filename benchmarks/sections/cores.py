"""Throughput of as many bakeoff runs as there are cores against one run on one core."""

from __future__ import annotations

import math
import statistics
import threading
import time

from benchmarks.processes import all_cores
from benchmarks.session import Session
from benchmarks.workloads import BY_NAME, load, prepare

NAMES = ("mnist", "mnist-dense", "mnist-wide", "tabular", "adam")
# A run must last long enough for the operating system to spread the threads over the cores, as those
# of a study are; what it needs for that (up to 50 ms, seen on two cores) is not what is measured.
RUN_SECONDS = 0.8
FEWEST_EPOCHS = 3


def run(session: Session) -> None:
    """Alternates one run alone and one run per core, in threads of this process."""
    section = session.begin("cores")
    section["measurements"].clear()
    try:
        from bakeoff.dense.base import Watch
        from bakeoff.dense.native import NativeEngine
        from benchmarks.peers.bakeoff_native import make_job

        engine = NativeEngine()
    except ImportError as error:
        section["measurements"].append({"peer": "bakeoff", "missing": str(error)})
        session.save()
        return
    num_threads = len(all_cores()) or 1
    for name in NAMES[:1] if session.quick else NAMES:
        workload = BY_NAME[name]
        arrays = load(prepare(workload, session.scratch))

        def train(seed: int, epochs: int, workload=workload, arrays=arrays) -> None:  # type: ignore[no-untyped-def]
            job = make_job(workload, arrays, epochs, workload.learning_rate, seed)
            engine.train(job, Watch())

        def together(count: int, epochs: int, train=train) -> float:  # type: ignore[no-untyped-def]
            threads = [threading.Thread(target=train, args=(seed, epochs)) for seed in range(count)]
            began = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return time.perf_counter() - began

        together(num_threads, FEWEST_EPOCHS)
        per_epoch = together(1, FEWEST_EPOCHS) / FEWEST_EPOCHS
        epochs = max(FEWEST_EPOCHS, math.ceil(RUN_SECONDS / per_epoch))
        alone, all_ = [], []
        for _ in range(2 if session.quick else 7):
            alone.append(together(1, epochs))
            all_.append(together(num_threads, epochs))
        ratio = num_threads * statistics.median(alone) / statistics.median(all_)
        section["measurements"].append(
            {
                "workload": name,
                "num_threads": num_threads,
                "epochs": epochs,
                "alone_seconds": alone,
                "together_seconds": all_,
                "throughput_ratio": ratio,
            }
        )
        print(
            f"cores     {name:16} {num_threads} runs at once: {ratio:.3f} x the throughput of one"
        )
        session.save()
