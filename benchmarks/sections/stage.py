"""A whole stage: four learning rates times five seeds, start-up included.

Every peer gets the way of running that suits it best on a machine of k cores: k processes of one
core each, the runs dealt out in turn. bakeoff's own line with the same engine is measured the
same way; a second one is the whole command, which also validates, stores, judges and prints.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.peers import BY_NAME, Peer
from benchmarks.processes import all_cores, command_seconds, finish, start
from benchmarks.session import Session
from benchmarks.workloads import WORKLOADS, prepare

EPOCHS = 2
FACTORS = (0.3, 1.0, 2.0, 4.0)
SEEDS = (1, 2, 3, 4, 5)
TIMEOUT = 600.0

STUDY = """\
format = 1
name = "benchmark-stage"
kind = "replication"
data = "mnist"
split = "last"
[base]
scale = "unit"
hidden = [128, 64]
activation = "leaky_relu"
negative_slope = 0.1
batch_size = 32
epochs = {epochs}
[[stage]]
name = "learning rate"
carry = {{ learning_rate = {carried} }}
{candidates}
"""


def run(session: Session) -> None:
    section = session.begin("stage")
    section["about"] = {"runs": len(FACTORS) * len(SEEDS), "epochs": EPOCHS}
    chosen = [w for w in WORKLOADS if session.workloads is None or w.name in session.workloads]
    for workload in chosen[:1] if session.quick else chosen:
        name = workload.name
        data = prepare(workload, session.scratch)
        rates = [workload.learning_rate * factor for factor in FACTORS]
        runs = [(rate, seed) for rate in rates for seed in SEEDS[: 1 if session.quick else None]]
        for peer in (*session.peers, "bakeoff-command"):
            if peer != "bakeoff-command":
                entry = _peer(BY_NAME[peer], name, str(data), runs)
            elif name == "mnist" and "bakeoff" in session.peers:
                entry = _command(session, rates, len(runs) // len(rates))
            else:
                continue
            entry = {"workload": name, "num_runs": len(runs), **entry}
            session.add(section, entry)
            print("stage    ", name, peer, entry.get("seconds", entry), flush=True)


def _peer(peer: Peer, workload: str, data: str, runs: list[tuple[float, int]]) -> dict[str, Any]:
    cores = all_cores()
    groups = [[core] for core in cores] or [None]
    began = time.perf_counter()
    started = [
        start(
            {
                "kind": "stage",
                "peer": peer.name,
                "workload": workload,
                "data": data,
                "epochs": EPOCHS,
                "runs": runs[index :: len(groups)],
            },
            group,
            peer.environment,
        )
        for index, group in enumerate(groups)
    ]
    answers = [finish(process, TIMEOUT) for process in started]
    seconds = time.perf_counter() - began
    for answer in answers:
        if "missing" in answer:
            return {"peer": peer.name, "missing": answer["missing"]}
    accuracies = [value for answer in answers for value in answer["accuracies"]]
    return {
        "peer": peer.name,
        "processes": len(groups),
        "seconds": seconds,
        "accuracy": statistics.mean(accuracies),
        "versions": answers[0]["versions"],
    }


def _command(session: Session, rates: list[float], replicates: int) -> dict[str, Any]:
    path = session.scratch / "stage.toml"
    candidates = "\n".join(
        f'[[stage.candidate]]\nlabel = "{rate:g}"\nlearning_rate = {rate:g}' for rate in rates
    )
    path.write_text(STUDY.format(epochs=EPOCHS, carried=f"{rates[0]:g}", candidates=candidates))
    output = session.scratch / "stage.json"
    command = [
        str(Path(sys.executable).with_name("bakeoff")), "run", str(path),
        "--replicates", str(replicates), "--store", ":memory:", "--json", str(output),
    ]  # fmt: skip
    try:
        times = [command_seconds(command, timeout=TIMEOUT)[0] for _ in range(3)]
    except (OSError, RuntimeError) as error:
        return {"peer": "bakeoff-command", "missing": str(error)}
    runs = [
        run
        for stage in json.loads(output.read_text())["stages"]
        for candidate in stage["candidates"]
        for run in candidate["runs"]
    ]
    return {
        "peer": "bakeoff-command",
        "seconds": statistics.median(times),
        "all_seconds": times,
        "accuracy": statistics.mean(run["val_accuracy"] for run in runs),
        "trained": len(runs),
    }
