"""The command line of the benchmarks; see ``docs/benchmarks.md``."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from benchmarks import chart, tables
from benchmarks.peers import PEERS
from benchmarks.sections import SECTIONS
from benchmarks.session import RESULTS, SCRATCH, Session
from benchmarks.workloads import WORKLOADS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        choices=SECTIONS,
        help="measure this section alone (repeatable); the other numbers in the file stay",
    )
    parser.add_argument("--quick", action="store_true", help="small, to see that it works")
    parser.add_argument(
        "--peer",
        action="append",
        choices=[peer.name for peer in PEERS],
        help="measure this peer alone (repeatable)",
    )
    parser.add_argument(
        "--workload",
        action="append",
        choices=[workload.name for workload in WORKLOADS],
        help="measure this workload alone (repeatable)",
    )
    parser.add_argument(
        "--threads", choices=["one", "all"], help="epochs: on one core alone, or on all cores alone"
    )
    parser.add_argument("--out", type=Path, help="results file (JSON)")
    parser.add_argument(
        "--render",
        action="store_true",
        help="measure nothing: tables and chart from the results file",
    )
    parser.add_argument(
        "--docs", action="store_true", help="also put the tables and the chart into docs/"
    )
    args = parser.parse_args()
    path = args.out or (SCRATCH / "quick.json" if args.quick else RESULTS / "latest.json")
    session = Session.open(
        path,
        quick=args.quick,
        peers=tuple(args.peer or [peer.name for peer in PEERS]),
        workloads=tuple(args.workload) if args.workload else None,
        threads=f"{args.threads} core{'' if args.threads == 'one' else 's'}"
        if args.threads
        else None,
    )
    if not args.render:
        for section in args.only or SECTIONS:
            importlib.import_module(f"benchmarks.sections.{section}").run(session)
    text = tables.render(session.document)
    print("\n" + text)
    if args.docs:
        tables.write_docs(text)
        chart.write_docs(session.document)
    print(f"Saved: {path}")


if __name__ == "__main__":
    main()
