"""Seconds per epoch of every peer on every workload, on one core and on all."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.peers import BY_NAME, Peer
from benchmarks.processes import all_cores, ask
from benchmarks.session import Session
from benchmarks.workloads import WORKLOADS, Workload, prepare

CHECK_EPOCHS = 2
# The workloads that carry a number of DESIGN's are measured in several rounds of processes, one
# after the other, so that a slow minute of the machine does not fall on one peer alone.
ROUNDS = {"mnist": 3, "mnist-dense": 3, "mnist-wide": 3}
# A peer slower than this gets one round: its distance does not hang on a slow minute.
SLOW_SECONDS = 2.0
# With all cores only a few networks are measured: one run of bakeoff's is the same in both tables.
ON_ALL_CORES = ("mnist", "mnist-dense", "mnist-wide", "tabular", "batch-1024")


def operations(workload: Workload) -> int:
    """Multiplications and additions of an epoch, counted densely (``DenseSettings``)."""
    from bakeoff.dense.settings import DenseSettings

    num_features, num_classes = (20, 4) if workload.data == "tabular" else (784, 10)
    settings = DenseSettings(hidden=workload.hidden)
    return settings.operations_per_epoch(num_features, num_classes, workload.num_train)


def run(session: Session) -> None:
    section = session.begin("epochs")
    modes: list[tuple[str, list[int] | None]] = [("one core", all_cores()[-1:] or None)]
    if len(all_cores()) > 1:
        modes.append(("all cores", None))
    chosen = [w for w in WORKLOADS if session.workloads is None or w.name in session.workloads]
    if session.quick and session.workloads is None:
        chosen = [w for w in chosen if w.name in ("mnist", "mnist-dense", "tabular")]
    section.setdefault("fma_peak", [])
    for mode, cores in modes:
        if session.threads not in (None, mode):
            continue
        for workload in chosen:
            if mode == "all cores" and workload.name not in ON_ALL_CORES:
                continue
            data = prepare(workload, session.scratch)
            rounds = 1 if session.quick or mode == "all cores" else ROUNDS.get(workload.name, 1)
            found: dict[str, dict[str, Any]] = {}
            for _ in range(rounds):
                if mode == "one core":
                    peak = ask({"kind": "fma-peak"}, cores, timeout=60)
                    section["fma_peak"].append({"workload": workload.name, **peak})
                for name in session.peers:
                    so_far = found.get(name, {"seconds": []})
                    if "missing" in so_far or max(so_far["seconds"], default=0) > SLOW_SECONDS:
                        continue
                    answer = _measure(session, BY_NAME[name], workload, str(data), cores)
                    _merge(found.setdefault(name, {"seconds": [], "cpu_seconds": []}), answer)
            for name in session.peers:
                entry = _summary(workload, name, mode, found[name])
                session.add(section, entry)
                print(_line(entry), flush=True)


def _measure(
    session: Session, peer: Peer, workload: Workload, data: str, cores: list[int] | None
) -> dict[str, Any]:
    request = {
        "kind": "epochs",
        "peer": peer.name,
        "workload": workload.name,
        "data": data,
        "seed": 1,
        "check_epochs": CHECK_EPOCHS,
        "budget_seconds": 1.0 if session.quick else 4.0,
        "max_timed": 3 if session.quick else 15,
    }
    return ask(request, cores, peer.environment, timeout=300)


def _merge(found: dict[str, Any], answer: dict[str, Any]) -> None:
    if "missing" in answer:
        found["missing"] = answer["missing"]
        return
    found["seconds"] += answer["seconds"]
    found["cpu_seconds"] += answer["cpu_seconds"]
    found["accuracy"], found["versions"] = answer["accuracy"], answer["versions"]


def _summary(workload: Workload, name: str, mode: str, found: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"workload": workload.name, "peer": name, "threads": mode}
    if "missing" in found:
        return {**entry, "missing": found["missing"]}
    seconds = found["seconds"]
    median = statistics.median(seconds)
    return {
        **entry,
        "median_seconds": median,
        "min_seconds": min(seconds),
        "max_seconds": max(seconds),
        "median_cpu_seconds": statistics.median(found["cpu_seconds"]),
        "num_epochs": len(seconds),
        "seconds": [round(value, 6) for value in seconds],
        "operations": operations(workload),
        "accuracy": found["accuracy"],
        "versions": found["versions"],
    }


def _line(entry: dict[str, Any]) -> str:
    head = f"{entry['threads']:9} {entry['workload']:16} {entry['peer']:12}"
    if "missing" in entry:
        return f"{head} missing: {entry['missing']}"
    return (
        f"{head} {entry['median_seconds']:9.4f} s/epoch (n = {entry['num_epochs']}), "
        f"accuracy after {CHECK_EPOCHS} epochs {entry['accuracy']:.4f}"
    )
