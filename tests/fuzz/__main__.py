"""The command line: ``python -m tests.fuzz FAMILY … --cases N --seed S``."""

from __future__ import annotations

import argparse
import sys

from tests.fuzz import load_families
from tests.fuzz.batches import run_family


def main() -> int:
    """Runs the families; the exit code is 1 if a case was not fine."""
    families = load_families()
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("family", nargs="+", choices=[*families, "all"])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    given = parser.parse_args()
    names = list(families) if "all" in given.family else given.family
    fine = True
    for name in names:
        summary = run_family(families[name], given.cases, given.seed, first=given.first)
        sys.stdout.write(f"{summary.text()}\n")
        fine &= not summary.problems
    return 0 if fine else 1


sys.exit(main())
