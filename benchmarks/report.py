"""What a report costs: ``python -m benchmarks.report STORE [STUDY …]``.

Makes the HTML page of stored studies, each in a process of its own, and prints processor seconds
from the record in memory to the text, imports included.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.session import machine

RUNS = 5


def measure(store: str, study: str | None) -> dict[str, float]:
    """In this process, which must be fresh: the imports are part of what is measured."""
    from bakeoff.result import Result

    record = Result.load(store, study).record
    begun = time.process_time()
    from bakeoff.report import html

    text = html.render(record)
    seconds = time.process_time() - begun
    return {
        "seconds": seconds,
        "kilobytes": len(text.encode()) / 1000,
        "charts": text.count("<svg"),
    }


def main() -> None:
    """Runs this module anew for every measurement and prints a line per study."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("store", help="results store with studies that were run")
    parser.add_argument("study", nargs="*", help="names; the latest study by default")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(measure(options.store, *(options.study or [None]))))
        return
    about = machine()
    print(f"{about['cpu']}; {about['system']}; Python {about['python']}; commit {about['commit']}")
    print(f"processor seconds, median of {RUNS} processes")
    for study in options.study or [None]:
        command = [
            sys.executable,
            "-m",
            "benchmarks.report",
            options.store,
            *filter(None, [study]),
            "--once",
        ]
        found = [
            json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
            for words in [command] * RUNS
        ]
        seconds = statistics.median(one["seconds"] for one in found)
        print(
            f"{study or Path(options.store).name}: {seconds:.2f} s, {found[0]['kilobytes']:.0f} kB, "
            f"{found[0]['charts']} charts"
        )


if __name__ == "__main__":
    main()
