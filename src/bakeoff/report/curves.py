"""Training curves: small charts of a stage on the same scales."""

from __future__ import annotations

import numpy as np

from bakeoff.evidence.stage_summary import CandidateSummary, StageSummary
from bakeoff.evidence.summary import Summary
from bakeoff.records import Floats
from bakeoff.report import axes, svg
from bakeoff.report.axes import MAX_POINTS, kept_epochs
from bakeoff.report.svg import Picture
from bakeoff.tasks.base import Metric
from bakeoff.tasks.classification import metric_named
from bakeoff.words import level

PANEL = (176.0, 112.0)
PARTS = ("train", "val")


def curve_metrics(stage: StageSummary) -> list[Metric]:
    """The metrics that runs have curves of: first the one that decides, then as runs name them."""
    parts = {
        tuple(name.split("_", 1))
        for candidate in stage.candidates
        for run in candidate.runs
        for name in run.curves
    }
    names = {part[1] for part in parts if len(part) == 2 and part[0] in PARTS}
    own = stage.metric.name
    return [
        stage.metric if name == own else metric_named(name)
        for name in sorted(names, key=lambda name: (name != own, name))
    ]


def curve_limits(stage: StageSummary, metric: Metric) -> tuple[float, float] | None:
    """The range that all panels of a stage share; None without curves.

    The first fifth of each curve and the worst 2 % of the rest may run out of it: what differs
    between candidates is at the end, and one bad epoch would flatten it.
    """
    parts = []
    for candidate in stage.candidates:
        for run in candidate.finished:
            for part in PARTS:
                curve = run.curve(f"{part}_{metric.name}")
                parts.append(curve[len(curve) // 5 :])
    values = np.concatenate(parts) if parts else np.empty(0)
    values = np.sort(values[np.isfinite(values)])
    if not len(values):
        return None
    cut = len(values) // 50
    low, high = (cut, -1) if metric.higher_is_better else (0, len(values) - 1 - cut)
    return axes.padded((float(values[low]), float(values[high])), 0.03)


def num_lines(summary: Summary) -> int:
    """How many curves a page of all stages draws."""
    return sum(
        len(PARTS) * len(curve_metrics(stage)) * len(candidate.runs)
        for stage in summary.stages
        for candidate in stage.candidates
    )


def curves(
    stage: StageSummary,
    metric: Metric,
    *,
    size: tuple[float, float] = PANEL,
    num_points: int = MAX_POINTS,
) -> list[tuple[str, Picture]]:
    """A name and a small chart per candidate with curves, all on the same scales.

    Args:
        size: width and height of a panel's plot in pixels.
        num_points: of one curve, at most.
    """
    limits = curve_limits(stage, metric)
    if limits is None:
        return []
    panels = []
    for candidate in stage.candidates:
        panel = _panel(candidate, metric, limits, size, candidate is stage.chosen, num_points)
        if panel is not None:
            panels.append((candidate.name, panel))
    return panels


def _points(curve: Floats, low: float, high: float, most: int) -> list[tuple[int, float]]:
    """(epoch, value) of a thinned curve, from the last point before it comes into the range."""
    points = [(i + 1, float(curve[i])) for i in kept_epochs(curve, most) if np.isfinite(curve[i])]
    inside = next((i for i, (_, value) in enumerate(points) if low <= value <= high), 0)
    return points[max(0, inside - 1) :]


def _panel(
    candidate: CandidateSummary,
    metric: Metric,
    limits: tuple[float, float],
    size: tuple[float, float],
    chosen: bool,
    num_points: int,
) -> Picture | None:
    last = max((run.num_epochs for run in candidate.runs), default=0)
    names = [f"{part}_{metric.name}" for part in PARTS]
    if not any(len(run.curve(name)) for run in candidate.runs for name in names):
        return None
    width, height = size
    x = axes.linear("epoch", (1, last), width, count=max(1, min(4, last - 1)), whole=True)
    y = axes.linear("", limits, height, factor=100 if metric.share else 1, count=4)
    picture = Picture(
        width,
        height,
        f"Training curves of {candidate.name}: {metric.words} after each epoch, train and validation, "
        "one line per replicate and part.",
    )
    picture.x_axis(x, grid=False)
    picture.y_axis(y)
    roles = ("train", "accent" if chosen else "other")
    for part, name, role in zip(("training", "validation"), names, roles, strict=True):
        lines = []
        for run in candidate.runs:
            points = _points(run.curve(name), *limits, num_points)
            if points:
                end = points[-1][1]
                says = f"replicate {run.replicate + 1}, {part}: {level(end, metric)} at the end" + (
                    f"; {run.reason}" if run.reason else ""
                )
                path = [(x(epoch), height - y(value)) for epoch, value in points]
                lines.append(svg.line(path, says, replicate=run.replicate))
        picture.add(lines, stroke=role, width=1.1, opacity=0.85)
    return picture
