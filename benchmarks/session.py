"""One session of measurements: where it ran, what it found, kept as JSON after every number."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.peers import BY_NAME
from benchmarks.processes import ROOT, num_cores

RESULTS = Path(__file__).parent / "results"
# Data in the peers' layout, stores and study files; a second run finds the data there.
SCRATCH = Path(tempfile.gettempdir()) / f"bakeoff-benchmarks-{os.getuid()}"
FORMAT = 1
PEER_NAMES = tuple(BY_NAME)


@dataclass
class Session:
    """What the sections share.

    Attributes:
        path: of the results file.
        quick: fewer shapes, epochs and repetitions, to see that everything works.
        scratch: folder for data, stores and study files.
        document: what is written.
        peers: names of the peers to measure.
        workloads: names of the workloads to measure, or None for all.
        threads: ``one core`` or ``all cores``, or None for both.
    """

    path: Path
    quick: bool
    scratch: Path
    peers: tuple[str, ...]
    workloads: tuple[str, ...] | None = None
    threads: str | None = None
    document: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        quick: bool,
        peers: tuple[str, ...],
        workloads: tuple[str, ...] | None,
        threads: str | None = None,
    ) -> Session:
        """Goes on with an existing results file; sections that are measured again replace theirs."""
        SCRATCH.mkdir(parents=True, exist_ok=True)
        document = json.loads(path.read_text()) if path.exists() else {}
        document = {"format": FORMAT, "machine": machine(), "sections": {}, **document}
        return cls(path, quick, SCRATCH, peers, workloads, threads, document)

    def begin(self, section: str) -> dict[str, Any]:
        """A section to fill; ``save`` writes what is put into it.

        With a choice of peers, workloads or threads, what was measured of the others stays, each with its
        own ``measured_at``; else the section starts empty.
        """
        before: dict[str, Any] = {}
        partial = self.workloads is not None or self.threads is not None
        if partial or set(self.peers) != set(PEER_NAMES):
            before = self.document["sections"].get(section, {})
        kept = [entry for entry in before.get("measurements", []) if not self._chosen(entry)]
        made = {
            **before,
            "measured_at": now(),
            "load_average_before": round(os.getloadavg()[0], 2),
            "quick": self.quick,
            "machine": machine(),
            "measurements": kept,
        }
        self.document["machine"] = made["machine"]
        self.document["sections"][section] = made
        return made

    def add(self, section: dict[str, Any], entry: dict[str, Any]) -> None:
        """Puts a measurement, with the time of day, into a section and saves."""
        section["measurements"].append({**entry, "measured_at": now()})
        self.save()

    def _chosen(self, entry: dict[str, Any]) -> bool:
        peer, workload = entry.get("peer", "bakeoff"), entry.get("workload")
        return (
            peer.removesuffix("-command") in self.peers
            and (self.workloads is None or workload is None or workload in self.workloads)
            and (self.threads is None or entry.get("threads", self.threads) == self.threads)
        )

    def save(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.document, indent=1) + "\n")
        temporary.replace(self.path)


def now() -> str:
    """The time of day, UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def machine() -> dict[str, Any]:
    """Processor, cores, operating system and Python."""
    return {
        "cpu": _cpu_name(),
        "num_cores": num_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "commit": _commit(),
    }


def _cpu_name() -> str:
    """The name, with family and model where the name alone says little."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    lines = [line.partition(":") for line in info.read_text().splitlines()]
    facts = {key.strip(): value.strip() for key, _, value in reversed(lines)}
    name = facts.get("model name", platform.machine())
    sets = [word for word in ("avx2", "avx512f") if word in facts.get("flags", "").split()]
    family = facts.get("cpu family")
    where = f"family {family} model {facts.get('model')}" if family else ""
    return ", ".join(part for part in (name, where, " ".join(sets)) if part)


def _commit() -> str | None:
    command = ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
