"""Very many very small runs through driver and store: ``python -m benchmarks.tiny_runs NUM STORE``.

Many studies of a hundred runs each into one store, in one process. Prints one line of JSON: per
finished run the wall time since the start, the processor time and the training time, and the resident memory in MiB
after every hundredth run.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

import bakeoff
from bakeoff.execution.events import Event, RunFinished

STAGES, CANDIDATES, REPLICATES = 2, 10, 5
RUNS_PER_STUDY = STAGES * CANDIDATES * REPLICATES
SAMPLE_EVERY = 100


def resident_mib() -> float:
    """Resident memory of this process."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * 4096 / 2**20
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


class Counter:
    """Notes when each run was finished, how long it trained, and the memory now and then."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.cpu_ends: list[float] = []
        self.train_seconds: list[float] = []
        self.memory: list[tuple[int, float]] = []
        self.began = time.perf_counter()

    def __call__(self, event: Event) -> None:
        if not isinstance(event, RunFinished):
            return
        self.ends.append(time.perf_counter() - self.began)
        self.cpu_ends.append(time.process_time())
        self.train_seconds.append(event.run.train_seconds)
        if len(self.ends) % SAMPLE_EVERY == 0:
            self.memory.append((len(self.ends), resident_mib()))


def main() -> None:
    num_runs, store = int(sys.argv[1]), sys.argv[2]
    rng = np.random.Generator(np.random.PCG64(1))
    x = rng.normal(size=(240, 8)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 0).astype(np.int32)
    counter = Counter()
    for seed in range(num_runs // RUNS_PER_STUDY):
        # A seed of its own per study, so that nothing is found in the store.
        study = bakeoff.Study(
            (x, y),
            name=f"tiny-{seed}",
            kind="replication",
            seed=seed,
            base={"hidden": [4], "epochs": 1, "batch_size": 32},
        )
        for stage in range(STAGES):
            rates = [0.01 * (1 + stage * CANDIDATES + index) for index in range(CANDIDATES)]
            study.stage(
                f"learning rate {stage}",
                candidates=[{"label": f"{rate:g}", "learning_rate": rate} for rate in rates],
                carry={"learning_rate": rates[0]},
            )
        study.run(store=store, observer=counter, replicates=REPLICATES, workers=1)
    print(
        json.dumps(
            {
                "num_runs": len(counter.ends),
                "ends": counter.ends,
                "cpu_ends": counter.cpu_ends,
                "train_seconds": counter.train_seconds,
                "memory": counter.memory,
                "total_seconds": time.perf_counter() - counter.began,
            }
        )
    )


if __name__ == "__main__":
    main()
