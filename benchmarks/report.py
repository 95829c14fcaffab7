"""What a report costs: ``python -m benchmarks.report STORE [STUDY …]``.

Makes the HTML page of stored studies, each in a process of its own, and prints processor seconds
from the record in memory to the text, imports included; what drawing its charts takes of that, once
everything is warm; and, where vl-convert is installed (extra ``test``), what Vega takes for the same
charts.
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


def measure(store: str, study: str | None, *, vega: bool) -> dict[str, float]:
    """In this process, which must be fresh: the imports are part of what is measured."""
    from bakeoff.result import Result

    record = Result.load(store, study).record
    begun = time.process_time()
    from bakeoff.report import html
    from bakeoff.report.view import build_view

    text = html.render(build_view(record))
    seconds = time.process_time() - begun

    charts = []
    draw = html.draw
    html.draw = lambda chart: (charts.append(chart), draw(chart))[1]
    html.render(build_view(record))
    begun = time.process_time()
    for chart in charts:
        draw(chart)
    found = {
        "seconds": seconds,
        "kilobytes": len(text.encode()) / 1000,
        "charts": len(charts),
        "drawing": time.process_time() - begun,
    }
    if vega and charts:
        try:
            import vl_convert
        except ImportError:
            return found
        vl_convert.vegalite_to_svg(charts[0], allowed_base_urls=[])  # starts the engine
        begun = time.process_time()
        for chart in charts:
            vl_convert.vegalite_to_svg(chart, allowed_base_urls=[])
        found["vega"] = time.process_time() - begun
    return found


def main() -> None:
    """Runs this module anew for every measurement and prints a line per study."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("store", help="results store with studies that were run")
    parser.add_argument("study", nargs="*", help="names; the latest study by default")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--vega", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(measure(options.store, *(options.study or [None]), vega=options.vega)))
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
            for words in [[*command, "--vega"], *[command] * (RUNS - 1)]
        ]
        seconds, drawing = (
            statistics.median(one[key] for one in found) for key in ("seconds", "drawing")
        )
        vega = f", Vega {1000 * found[0]['vega']:.0f} ms" if "vega" in found[0] else ""
        print(
            f"{study or Path(options.store).name}: {seconds:.2f} s, {found[0]['kilobytes']:.0f} kB; "
            f"{found[0]['charts']} charts drawn in {1000 * drawing:.0f} ms{vega}"
        )


if __name__ == "__main__":
    main()
