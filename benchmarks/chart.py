"""The chart for the docs: how many times bakeoff's time each peer takes, on one core.

Plain SVG with its own colours for light and dark pages; every peer has a shape besides its colour.
"""

from __future__ import annotations

import math
from typing import Any
from xml.sax.saxutils import escape

from benchmarks.peers import PEERS
from benchmarks.processes import ROOT
from benchmarks.tables import TITLES, one_core_clock, ratios
from benchmarks.workloads import WORKLOADS

TARGET = ROOT / "docs" / "benchmarks.svg"
LEFT, RIGHT, TOP, ROW = 330, 40, 92, 34
WIDTH = 900
# Okabe & Ito's colours, told apart with any colour vision; light page, dark page.
COLOURS = {
    "jax-scan": ("#0072b2", "#56b4e9"),
    "torch-loop": ("#d55e00", "#ff8a3d"),
    "sklearn": ("#009e73", "#2cc79b"),
    "keras-jax": ("#6a3d9a", "#b79ae0"),
    "keras-tf": ("#b8860b", "#f0e442"),
    "keras-torch": ("#a0527d", "#e79ac2"),
}
SHAPES = {
    "jax-scan": "M-6,0A6,6 0 1,0 6,0A6,6 0 1,0 -6,0Z",
    "torch-loop": "M-5.5,-5.5H5.5V5.5H-5.5Z",
    "sklearn": "M0,-7L6.5,5H-6.5Z",
    "keras-jax": "M0,-7.5L7.5,0L0,7.5L-7.5,0Z",
    "keras-tf": "M0,7L6.5,-5H-6.5Z",
    "keras-torch": "M-6.5,-2H-2V-6.5H2V-2H6.5V2H2V6.5H-2V2H-6.5Z",
}


def write_docs(document: dict[str, Any]) -> None:
    """Writes the chart where ``docs/benchmarks.md`` shows it; nothing without measured epochs."""
    section = document["sections"].get("epochs")
    found = ratios(section, "one core", one_core_clock(section)) if section else {}
    if found:
        TARGET.write_text(svg(found))


def svg(found: dict[str, dict[str, float]]) -> str:
    """The chart of ``tables.ratios``."""
    rows = [workload for workload in WORKLOADS if workload.name in found]
    present = [p.name for p in PEERS if any(p.name in found[row.name] for row in rows)]
    values = [value for row in rows for value in found[row.name].values()]
    low = min(0.5, *values) if values else 0.5
    high = max(10.0, *values) * 1.15 if values else 10.0
    height = TOP + ROW * len(rows) + 46

    def x(value: float) -> float:
        share = math.log(value / low) / math.log(high / low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    bottom = TOP + ROW * len(rows)
    parts = [_legend(present)]
    for tick in (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
        if low <= tick <= high:
            kind = "one" if tick == 1 else "grid"
            parts.append(
                f'<line class="{kind}" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{TOP}" y2="{bottom}"/>'
                f'<text class="tick" x="{x(tick):.1f}" y="{bottom + 18}">{tick:g}×</text>'
            )
    parts.append(
        f'<text class="tick" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{bottom + 38}">'
        "time per epoch, as a multiple of bakeoff's (log scale; one core)</text>"
    )
    for index, row in enumerate(rows):
        y = TOP + ROW * (index + 0.5)
        parts.append(
            f'<text class="row" x="{LEFT - 14}" y="{y + 4:.1f}">{escape(row.title)}</text>'
        )
        for peer in present:
            if peer in found[row.name]:
                value = found[row.name][peer]
                parts.append(
                    f'<path class="{peer}" d="{SHAPES[peer]}" '
                    f'transform="translate({x(value):.1f},{y:.1f})">'
                    f"<title>{escape(TITLES[peer])}: {value:.1f}×</title></path>"
                )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'aria-label="Time per epoch of each program as a multiple of bakeoff\'s, one core">\n'
        f"<style>{_style()}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _legend(present: list[str]) -> str:
    parts = []
    for index, peer in enumerate(present):
        left, top = 20 + (index % 3) * 290, 22 + (index // 3) * 26
        parts.append(
            f'<path class="{peer}" d="{SHAPES[peer]}" transform="translate({left},{top})"/>'
            f'<text x="{left + 14}" y="{top + 4}">{escape(TITLES[peer])}</text>'
        )
    return "\n".join(parts)


def _style() -> str:
    light = "".join(f".{peer}{{fill:{colours[0]}}}" for peer, colours in COLOURS.items())
    dark = "".join(f".{peer}{{fill:{colours[1]}}}" for peer, colours in COLOURS.items())
    return (
        "text{font:13px system-ui,sans-serif;fill:#1f2328}.row{text-anchor:end}"
        ".tick{text-anchor:middle;font-size:12px}.grid{stroke:#8884;stroke-width:1}"
        f".one{{stroke:#1f2328;stroke-width:2}}{light}"
        "@media (prefers-color-scheme:dark){text{fill:#e6edf3}.one{stroke:#e6edf3}"
        f"{dark}}}"
    )
