"""What ``show`` prints: the studies of a store, and one run with its curve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bakeoff import words
from bakeoff.records import Run
from bakeoff.store.studies import StudyRow
from bakeoff.terminal.tables import shown

SPARKS = "▁▂▃▄▅▆▇█"
CURVE_WIDTH = 60


def studies_table(rows: Sequence[StudyRow]) -> RenderableType:
    """One line per study of a store."""
    if not rows:
        return Text("No study yet; `bakeoff run` makes one.")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, justify in (
        ("id", "right"),
        ("study", "left"),
        ("data", "left"),
        ("state", "left"),
        ("stages", "right"),
        ("runs", "right"),
        ("failed", "right"),
        ("started", "left"),
    ):
        table.add_column(name, justify="right" if justify == "right" else "left", overflow="fold")
    for row in rows:
        table.add_row(
            str(row.id),
            shown(row.name),
            shown(row.data_name),
            row.state,
            str(row.num_stages),
            str(row.num_runs),
            str(row.num_failed),
            row.started_at,
        )
    return table


def run_block(run: Run) -> RenderableType:
    """One run: status, scores, and its training curves drawn in the terminal."""
    lines: list[RenderableType] = [
        Text(f"run {run.key[:16]}  {run.engine}", style="bold"),
        shown(
            f"replicate {run.replicate + 1}, {run.status}"
            + (f": {run.reason}" if run.reason else "")
            + f", {words.duration(run.train_seconds)}"
        ),
    ]
    for name, values in run.curves.items():
        finite = values[np.isfinite(values)]
        if len(finite):
            spoken = words.percent if name.endswith("accuracy") else words.number
            first, last = spoken(float(finite[0])), spoken(float(finite[-1]))
            title = words.spoken(name)
            lines.append(Text(f"  {title:<15} {first:>9} {sparkline(finite)} {last}"))
    return Group(*lines)


def sparkline(values: np.ndarray) -> str:
    """The values as a row of blocks, at most 60 wide (means of neighbours beyond that)."""
    if len(values) > CURVE_WIDTH:
        values = np.array([part.mean() for part in np.array_split(values, CURVE_WIDTH)])
    low, high = float(values.min()), float(values.max())
    if high == low:
        return SPARKS[3] * len(values)
    steps = (values - low) / (high - low) * (len(SPARKS) - 1)
    return "".join(SPARKS[round(float(step))] for step in steps)
