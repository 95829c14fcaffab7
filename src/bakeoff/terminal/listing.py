"""What ``show`` and ``compare`` print: studies, one run with its curve, two side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bakeoff import words
from bakeoff.records import Run, StudyResult
from bakeoff.store.rows import StudyRow
from bakeoff.store.sqlite import Store

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
            Text(words.visible(row.name)),
            Text(words.visible(row.data_name)),
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
        Text(
            f"replicate {run.replicate}, {run.status}"
            + (f": {run.reason}" if run.reason else "")
            + f", {words.duration(run.train_seconds)}"
        ),
    ]
    for title, values, share in (
        ("train loss", run.curve("train_loss"), False),
        ("val loss", run.curve("val_loss"), False),
        ("train accuracy", run.curve("train_accuracy"), True),
        ("val accuracy", run.curve("val_accuracy"), True),
    ):
        finite = values[np.isfinite(values)]
        if len(finite):
            shown = words.percent if share else words.number
            first, last = shown(float(finite[0])), shown(float(finite[-1]))
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


def settings_of(store: Store, run: Run) -> Mapping[str, Any]:
    """The settings a run was trained with, as the store's frame names them."""
    frame = store.runs()
    row = frame[frame["key"] == run.key].iloc[0]
    return {str(name): value for name, value in row.items() if name not in run.__slots__}


def runs_comparison(
    runs: tuple[Run, Run], settings: tuple[Mapping[str, Any], Mapping[str, Any]]
) -> RenderableType:
    """Two runs: what differs in their settings, and their scores."""
    table = _two_columns(runs[0].key[:12], runs[1].key[:12])
    for name in settings[0]:
        left, right = settings[0][name], settings[1].get(name)
        if str(left) != str(right):
            table.add_row(
                str(name), Text(words.visible(str(left))), Text(words.visible(str(right))), ""
            )
    first, second = runs
    for title, ours, theirs, share in (
        ("validation accuracy", first.value("val_accuracy"), second.value("val_accuracy"), True),
        ("validation loss", first.value("val_loss"), second.value("val_loss"), False),
        ("train loss", first.value("train_loss"), second.value("train_loss"), False),
        ("seconds", first.train_seconds, second.train_seconds, False),
    ):
        table.add_row(title, *_pair(ours, theirs, share))
    return table


def studies_comparison(first: StudyResult, second: StudyResult) -> RenderableType:
    """Two studies: what differs in what they chose, and paired differences of shared candidates."""
    table = _two_columns(f"{first.name}", f"{second.name}")
    for title, get in (
        ("data", lambda r: r.data.name),
        ("engine", lambda r: r.engine),
        ("seed", lambda r: r.seed),
        ("split", lambda r: r.split),
        ("looks", lambda r: ", ".join(map(str, r.looks))),
    ):
        if get(first) != get(second):
            table.add_row(title, str(get(first)), str(get(second)), "")
    left, right = _chosen_settings(first), _chosen_settings(second)
    for name in left:
        if left[name] != right.get(name):
            table.add_row(name, words.setting(left[name]), words.setting(right.get(name)), "")
    table.add_row("test accuracy", *_pair(_test(first), _test(second), True))
    parts: list[RenderableType] = [table]
    rows = _shared(first, second)
    if rows:
        pairs = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for name in ("stage", "candidate", "pairs", "difference"):
            pairs.add_column(name, justify="right" if name == "pairs" else "left", overflow="fold")
        for stage, label, differences in rows:
            sd = (
                f" ± {100 * float(np.std(differences, ddof=1)):.2f}" if len(differences) > 1 else ""
            )
            pairs.add_row(
                Text(words.visible(stage)),
                Text(words.visible(label)),
                str(len(differences)),
                f"{100 * float(np.mean(differences)):+.2f}{sd} points",
            )
        parts += [
            Text(),
            Text("Validation accuracy, second − first, paired by replicate", style="bold"),
            Padding(pairs, (0, 0, 0, 2)),
        ]
        if first.data.hash != second.data.hash or first.seed != second.seed:
            parts.append(
                Text(
                    "The data or the seed differ, so the pairs share only their number.",
                    style="yellow",
                )
            )
    return Group(*parts)


def _two_columns(left: str, right: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    table.add_column(Text(words.visible(left)), overflow="fold")
    table.add_column(Text(words.visible(right)), overflow="fold")
    table.add_column("difference", justify="right")
    return table


def _pair(left: float | None, right: float | None, share: bool) -> tuple[str, str, str]:
    shown = words.percent if share else words.number
    difference = ""
    if left is not None and right is not None:
        gap = right - left
        difference = (
            f"{words.points(gap, sign=True)} points" if share else words.number(gap, sign=True)
        )
    return shown(left), shown(right), difference


def _chosen_settings(result: StudyResult) -> dict[str, Any]:
    if result.final is not None:
        return result.final.settings.plain()
    if not result.stages:
        return {}
    last = result.stages[-1]
    return last.candidate(last.verdict.chosen).settings.plain()


def _test(result: StudyResult) -> float | None:
    runs: Sequence[Run] = result.final.runs if result.final else ()
    if not runs and result.stages:
        last = result.stages[-1]
        runs = last.runs[last.candidates.index(last.candidate(last.verdict.chosen))]
    values = [value for run in runs if (value := run.value("test_accuracy")) is not None]
    return float(np.mean(values)) if values else None


def _shared(first: StudyResult, second: StudyResult) -> list[tuple[str, str, list[float]]]:
    """Candidates that both studies have, by stage name and label, with their paired differences."""
    rows = []
    others = {stage.name: stage for stage in second.stages}
    for stage in first.stages:
        other = others.get(stage.name)
        if other is None:
            continue
        theirs = {c.label: runs for c, runs in zip(other.candidates, other.runs, strict=True)}
        for candidate, runs in zip(stage.candidates, stage.runs, strict=True):
            by_replicate = {run.replicate: run for run in theirs.get(candidate.label, ())}
            differences = [
                theirs_ - ours
                for run in runs
                if (pair := by_replicate.get(run.replicate)) is not None
                and (ours := run.value("val_accuracy")) is not None
                and (theirs_ := pair.value("val_accuracy")) is not None
            ]
            if differences:
                rows.append((stage.name, candidate.label, differences))
    return rows
