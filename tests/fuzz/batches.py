"""Runs the cases of a family in processes of their own, under guards of time and memory."""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz import Family

BATCH = 250
WORKER = ("-m", "tests.fuzz.worker")
HANG_SECONDS = 120.0
"""A case that says nothing for so long hangs; far above every budget, as machines may be busy."""


@dataclass(slots=True)
class Summary:
    """What became of the cases of one family.

    Attributes:
        outcomes: number of cases accepted and refused.
        problems: (number of the case, what was wrong).
        slowest: processor time of the slowest case in seconds.
        largest: most memory that a case added, in MB.
    """

    name: str
    seed: int
    outcomes: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[int, str]] = field(default_factory=list)
    slowest: float = 0.0
    largest: float = 0.0

    def text(self) -> str:
        """One line, and one more for each problem."""
        cases = sum(self.outcomes.values())
        lines = [
            f"{self.name}: {cases:,} cases, seed {self.seed}: {self.outcomes['refused']:,} refused, "
            f"{self.outcomes['accepted']:,} accepted, {len(self.problems):,} problems; slowest "
            f"{self.slowest:.1f} s of processor time, most memory {self.largest:.0f} MB"
        ]
        return "\n".join([*lines, *(f"  case {case}: {text}" for case, text in self.problems)])


def run_family(family: Family, cases: int, seed: int, *, first: int = 0) -> Summary:
    """Runs cases ``first`` to ``first + cases - 1``; each depends on the seed and its number only."""
    summary = Summary(family.name, seed)
    case = first
    while case < first + cases:
        case = _run_batch(summary, case, min(first + cases, case + BATCH))
    return summary


def _run_batch(summary: Summary, case: int, end: int) -> int:
    """Runs cases in one process; the number of the case to go on with."""
    command = [sys.executable, *WORKER, summary.name, str(summary.seed)]
    with subprocess.Popen(
        [*command, str(case), str(end)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdout, selectors.EVENT_READ)
            while case < end:
                if not ready.select(HANG_SECONDS):
                    process.kill()
                    _count(summary, case, "broken", f"hangs ({HANG_SECONDS:.0f} s)")
                    return case + 1
                line = process.stdout.readline()
                if not line:
                    _count(summary, case, "broken", f"ends the process ({process.wait()})")
                    return case + 1
                found = json.loads(line)
                summary.slowest = max(summary.slowest, found["seconds"])
                summary.largest = max(summary.largest, found["megabytes"])
                _count(summary, case, found["outcome"], found["problem"])
                case += 1
    return case


def _count(summary: Summary, case: int, outcome: str, problem: str | None) -> None:
    summary.outcomes[outcome] += 1
    if problem is not None:
        summary.problems.append((case, problem))
