"""Tables in Markdown from a results file; measures nothing."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.peers import PEERS
from benchmarks.processes import ROOT
from benchmarks.workloads import BY_NAME, WORKLOADS

DOCS = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
# Peers' accuracies after the same two epochs scatter by seed and by initial weights.
SAME_TRAINING = 0.03
# Wall time over processor time of a process on its own core: above this the machine was busy.
BUSY = 1.1
TITLES = {"bakeoff-command": "bakeoff, whole command"} | {p.name: p.title for p in PEERS}


def render(document: dict[str, Any]) -> str:
    """All sections that were measured, as Markdown."""
    writers: dict[str, Callable[[dict[str, Any]], list[str]]] = {
        "epochs": _epochs,
        "stage": _stage,
        "notebook": _notebook,
        "cores": _cores,
        "overhead": _overhead,
        "startup": _startup,
    }
    lines = _head(document)
    for name, write in writers.items():
        section = document["sections"].get(name)
        if section is not None:
            lines += ["", *write(section)]
            lines += ["", _when(section)]
    return "\n".join(lines)


def write_docs(text: str) -> None:
    """Puts the tables between the markers of ``docs/benchmarks.md``."""
    page = DOCS.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCS.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def ratios(
    section: dict[str, Any], threads: str, clock: str = "median_seconds"
) -> dict[str, dict[str, float]]:
    """Workload → peer → time relative to bakeoff's, where both were measured."""
    found: dict[str, dict[str, float]] = {}
    for workload, entries in _by_workload(section, threads).items():
        ours = entries.get("bakeoff", {}).get(clock)
        if ours:
            found[workload] = {
                peer: entry[clock] / ours
                for peer, entry in entries.items()
                if peer != "bakeoff" and clock in entry
            }
    return found


def one_core_clock(section: dict[str, Any]) -> str:
    """The key of the times that can be compared on one core.

    Wall time on a quiet machine. Where other programs took more than a tenth of the core away,
    processor time, which they hardly change.
    """
    shares = [
        entry["median_seconds"] / entry["median_cpu_seconds"]
        for entry in section["measurements"]
        if entry["threads"] == "one core" and entry.get("median_cpu_seconds")
    ]
    busy = bool(shares) and statistics.median(shares) > BUSY
    return "median_cpu_seconds" if busy else "median_seconds"


def table(header: list[str], rows: Iterable[list[str]]) -> list[str]:
    """A Markdown table; all columns but the first are aligned to the right."""
    rules = ["---", *["---:"] * (len(header) - 1)]
    return ["| " + " | ".join(cells) + " |" for cells in (header, rules, *rows)]


def _head(document: dict[str, Any]) -> list[str]:
    machine = document["machine"]
    versions: dict[str, str] = {}
    for section in document["sections"].values():
        for entry in section["measurements"]:
            versions.update(entry.get("versions", {}))
    listed = ", ".join(
        f"{name} {value}"
        for name, value in sorted(versions.items())
        if name not in ("device", "threads", "activation")
    )
    return [
        f"{machine['cpu']}; {machine['num_cores']} cores; {machine['system']}; "
        f"Python {machine['python']}; commit {machine['commit']}.",
        "",
        f"Versions: {listed}.",
    ]


def _when(section: dict[str, Any]) -> str:
    quick = " Quick run: for a look only." if section["quick"] else ""
    load = section["load_average_before"]
    times = [entry.get("measured_at", section["measured_at"]) for entry in section["measurements"]]
    first, last = min([section["measured_at"], *times]), max([section["measured_at"], *times])
    return f"*Measured {first} to {last}, load average before: {load}.{quick}*"


def _by_workload(section: dict[str, Any], threads: str) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for entry in section["measurements"]:
        if entry["threads"] == threads:
            found.setdefault(entry["workload"], {})[entry["peer"]] = entry
    return found


def _seconds(value: float) -> str:
    if value >= 10:
        return f"{value:.1f} s"
    return f"{value:.2f} s" if value >= 1 else f"{1e3 * value:.3g} ms"


def _epochs(section: dict[str, Any]) -> list[str]:
    peaks = [entry["gflops"] for entry in section.get("fma_peak", []) if "gflops" in entry]
    lines = ["### Seconds per epoch"]
    peak = max(peaks) if peaks else None
    if peak:
        lines += [
            "",
            f"FMA peak of one core, measured beside: {peak:.0f} GFLOP/s "
            f"(best of {len(peaks)}; median {statistics.median(peaks):.0f}).",
        ]
    for threads in ("one core", "all cores"):
        by_workload = _by_workload(section, threads)
        if not by_workload:
            continue
        clock = one_core_clock(section) if threads == "one core" else "median_seconds"
        what = "wall time"
        if clock == "median_cpu_seconds":
            what = "processor time, because other programs shared the core"
        lines += [
            "",
            f"**{threads.capitalize()}**: {what}; × = times bakeoff's; n = epochs timed",
            "",
            *_epoch_table(by_workload, clock, peak if threads == "one core" else None),
        ]
    lines += ["", "**The same training?** Validation accuracy after two epochs", ""]
    return [*lines, *_accuracy_table(_by_workload(section, "one core"))]


def _columns(by_workload: dict[str, dict[str, dict[str, Any]]]) -> list[str]:
    present = {peer for entries in by_workload.values() for peer in entries}
    return [peer.name for peer in PEERS if peer.name in present]


def _epoch_table(
    by_workload: dict[str, dict[str, dict[str, Any]]], clock: str, peak: float | None
) -> list[str]:
    columns = _columns(by_workload)
    rows = []
    for workload in WORKLOADS:
        entries = by_workload.get(workload.name)
        if entries is None:
            continue
        ours = entries.get("bakeoff", {}).get(clock)
        cells = [f"{workload.title} ({workload.num_train:,})"]
        for peer in columns:
            entry = entries.get(peer, {"missing": "not measured"})
            if "missing" in entry:
                cells.append(entry["missing"])
                continue
            cell = f"{_seconds(entry[clock])}"
            if peer == "bakeoff":
                gflops = entry["operations"] / entry[clock] / 1e9
                cell += f", {gflops:.0f} GFLOP/s"
                if peak and workload.dense:
                    cell += f" = {gflops / peak:.0%} of the peak"
            elif ours:
                cell += f" ({entry[clock] / ours:.1f} ×)"
            cells.append(f"{cell}, n = {entry['num_epochs']}")
        rows.append(cells)
    return table(["network (examples per epoch)", *(TITLES[peer] for peer in columns)], rows)


def _accuracy_table(by_workload: dict[str, dict[str, dict[str, Any]]]) -> list[str]:
    columns = _columns(by_workload)
    rows = []
    for workload, entries in by_workload.items():
        values = [e["accuracy"] for e in entries.values() if e.get("accuracy") is not None]
        spread = max(values) - min(values) if values else 0.0
        cells = [
            f"{entries[peer]['accuracy']:.4f}" if "accuracy" in entries.get(peer, {}) else "–"
            for peer in columns
        ]
        rows.append(
            [workload, *cells, "yes" if spread <= SAME_TRAINING else f"differs by {spread:.3f}"]
        )
    return table(["workload", *(TITLES[peer] for peer in columns), "the same"], rows)


def _stage(section: dict[str, Any]) -> list[str]:
    about = section["about"]
    lines = [
        "### A whole stage",
        "",
        f"Four candidates, {about['epochs']} epochs each, start-up included. Peers: one process per "
        "core, the runs dealt out. The whole command also validates, stores, judges and reports.",
        "",
    ]
    rows = []
    for entry in sorted(section["measurements"], key=_place):
        same = [e for e in section["measurements"] if e["workload"] == entry["workload"]]
        ours = next((e.get("seconds") for e in same if e["peer"] == "bakeoff"), None)
        rows.append(
            [
                f"{BY_NAME[entry['workload']].title}, {entry['num_runs']} runs",
                TITLES[entry["peer"]],
                *_time_and_ratio(entry, ours),
                f"{entry['accuracy']:.4f}" if "accuracy" in entry else "",
            ]
        )
    return [*lines, *table(["stage", "program", "wall time", "× bakeoff", "mean accuracy"], rows)]


def _place(entry: dict[str, Any]) -> tuple[int, int]:
    """Workloads and peers in the order of their lists, whenever they were measured."""
    workload = entry.get("workload")
    return (
        list(BY_NAME).index(workload) if workload else 0,
        list(TITLES).index(entry["peer"]),
    )


def _time_and_ratio(entry: dict[str, Any], ours: float | None) -> list[str]:
    if "missing" in entry:
        return [entry["missing"], ""]
    return [_seconds(entry["seconds"]), f"{entry['seconds'] / ours:.1f}" if ours else ""]


def _notebook(section: dict[str, Any]) -> list[str]:
    entries = sorted(section["measurements"], key=_place)
    ours = next((e.get("seconds") for e in entries if e["peer"] == "bakeoff-command"), None)
    rows = []
    for entry in entries:
        accuracies = entry.get("test_accuracy", {}).values()
        epochs = f", {entry['epochs']} epochs" if entry.get("epochs", 10) != 10 else ""
        rows.append(
            [
                TITLES[entry["peer"]] + epochs,
                *_time_and_ratio(entry, ours),
                f"{statistics.mean(accuracies):.4f}" if accuracies else "",
            ]
        )
    return [
        "### The notebook's thirteen models, whole commands",
        "",
        "Ten epochs each, start-up included, all cores. bakeoff: `bakeoff run mnist-notebook "
        "--replicates 1`, median of three.",
        "",
        *table(["program", "wall time", "× bakeoff", "mean test accuracy of the 13"], rows),
    ]


def _cores(section: dict[str, Any]) -> list[str]:
    rows = [
        [
            BY_NAME[entry["workload"]].title,
            f"{statistics.median(entry['alone_seconds']):.3f} s",
            f"{statistics.median(entry['together_seconds']):.3f} s",
            f"{entry['throughput_ratio']:.2f}",
            str(len(entry["alone_seconds"])),
        ]
        for entry in section["measurements"]
        if "missing" not in entry
    ]
    return [
        "### One run per core at once",
        "",
        *table(["network", "one run", "one per core", "× throughput of one", "n"], rows),
    ]


def _overhead(section: dict[str, Any]) -> list[str]:
    lines = ["### Driver and store, per run beyond training", ""]
    for entry in section["measurements"]:
        if "missing" in entry:
            return [*lines, f"Missing: {entry['missing']}"]
        lines += table(
            [
                "runs",
                "ms per run",
                "first 1,000",
                "last 1,000",
                "processor ms, training included",
                "memory growth after 500 runs",
            ],
            [
                [
                    f"{entry['num_runs']:,}",
                    f"{entry['overhead_ms']:.2f}",
                    f"{entry['overhead_first_ms']:.2f}",
                    f"{entry['overhead_last_ms']:.2f}",
                    f"{entry['cpu_ms']:.2f}",
                    f"{entry['memory_growth_mib']:.1f} MiB",
                ]
            ],
        )
    return lines


def _startup(section: dict[str, Any]) -> list[str]:
    rows = []
    for entry in section["measurements"]:
        if "missing" in entry:
            rows.append([f"`{entry['command']}`", entry["missing"], "", ""])
            continue
        rows.append(
            [
                f"`{entry['command']}`",
                f"{entry['median_seconds']:.3f} s",
                str(entry["num_starts"]),
                ", ".join(entry["heavy_imports"]) or "none",
            ]
        )
    return ["### Start-up", "", *table(["command", "median", "n", "heavy imports"], rows)]
