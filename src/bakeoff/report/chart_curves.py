"""Training curves: a small panel per candidate, every replicate's train and validation line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from bakeoff.report.chart_style import ACCENT, OTHER, TRAIN, AnyChart, axis, data, describe, finish
from bakeoff.report.view_runs import CandidateView
from bakeoff.report.view_stages import StageView
from bakeoff.report.words import clip, fixed, percent

PANEL = (230, 120)
_KINDS = {"accuracy": ("train_accuracy", "val_accuracy"), "loss": ("train_loss", "val_loss")}


def _rows(candidate: CandidateView, what: str) -> list[dict[str, Any]]:
    rows = []
    factor = 100 if what == "accuracy" else 1
    for run in candidate.runs:
        for part, field in zip(("train", "validation"), _KINDS[what], strict=True):
            values: Sequence[float | None] = getattr(run.curve, field)
            last = next((v for v in reversed(values) if v is not None), None)
            if last is None:
                continue
            text = describe(
                f"{candidate.label}, replicate {run.replicate + 1}, {part} {what} "
                f"{percent(last) if what == 'accuracy' else fixed(last, 4)} at the end"
                + (f"; {run.reason}" if run.reason else ""),
                run.replicate,
            )
            rows += [
                {
                    "epoch": epoch,
                    "value": round(factor * value, 3),
                    "line": f"{run.replicate}{part[0]}",
                    "part": part,
                    "text": text,
                }
                for epoch, value in zip(run.curve.epochs, values, strict=True)
                if value is not None
            ]
    return rows


def domain(stage: StageView, what: str = "accuracy") -> tuple[float, float] | None:
    """The range that all panels of a stage share, in the units drawn; None without curves.

    The lowest 2 % of the values are cut off, so that one bad first epoch does not flatten all
    curves; losses are cut at the top instead.
    """
    values = sorted(
        value
        for candidate in stage.candidates
        for run in candidate.runs
        if run.status == "finished"
        for field in _KINDS[what]
        for value in getattr(run.curve, field)
        if value is not None
    )
    if not values:
        return None
    cut = len(values) // 50
    if what == "accuracy":
        return 100 * values[cut], 100 * values[-1]
    return values[0], values[-1 - cut]


def panels(
    stage: StageView, what: str = "accuracy", *, size: tuple[int, int] = PANEL
) -> list[tuple[str, AnyChart]]:
    """A label and a small chart per candidate with curves, all on the same scales.

    Args:
        what: ``accuracy`` or ``loss``.
        size: width and height of a panel in pixels.
    """
    limits = domain(stage, what)
    if limits is None:
        return []
    # Built twice and copied: building is what costs, and only the data differ.
    built = {chosen: _lines(None, limits, chosen, size) for chosen in (False, True)}
    charts: list[tuple[str, AnyChart]] = []
    for candidate in stage.candidates:
        rows = _rows(candidate, what)
        if not rows:
            continue
        chart = built[candidate.label == stage.chosen].copy(deep=False)
        chart.data = data(rows)
        description = (
            f"Training curves of {candidate.label}: {what} after each epoch, train and validation, "
            "one line per replicate and part."
        )
        charts.append((candidate.label, finish(chart, description)))
    return charts


def _lines(
    rows: list[dict[str, Any]] | None,
    limits: tuple[float, float],
    chosen: bool,
    size: tuple[int, int] = PANEL,
) -> alt.Chart:
    colour = ACCENT if chosen else OTHER
    chart = alt.Chart(data(rows)) if rows is not None else alt.Chart()
    low, high = limits if limits[1] > limits[0] else (limits[0] - 1, limits[1] + 1)
    chart = chart.properties(width=size[0], height=size[1])
    lines: alt.Chart = chart.mark_line(strokeWidth=1.1, opacity=0.85, interpolate="linear").encode(
        x=alt.X(
            "epoch:Q",
            scale=alt.Scale(nice=False, zero=False),
            axis=axis(None, tickCount=4, tickMinStep=1, grid=False, format="d"),
        ),
        y=alt.Y(
            "value:Q",
            scale=alt.Scale(domain=[low, high], nice=False, clamp=True),
            axis=axis(None, tickCount=4),
        ),
        color=alt.Color(
            "part:N",
            scale=alt.Scale(domain=["train", "validation"], range=[TRAIN, colour]),
            legend=None,
        ),
        detail=alt.Detail("line:N"),
        description=alt.Description("text:N"),
    )
    return lines


def curves(stage: StageView, what: str = "accuracy") -> AnyChart | None:
    """All candidates' curves as one chart of panels, for notebooks; None without curves."""
    limits = domain(stage, what)
    rows = [
        {**row, "candidate": clip(candidate.label, 36)}
        for candidate in stage.candidates
        for row in _rows(candidate, what)
    ]
    if not rows or limits is None:
        return None
    chart = _lines(None, limits, True).facet(
        facet=alt.Facet(
            "candidate:N",
            title=None,
            sort=[clip(candidate.label, 36) for candidate in stage.candidates],
        ),
        columns=3,
        data=data(rows),
    )
    return finish(
        chart,
        f"Training curves of stage {stage.name}: {what}, one panel per candidate, train and "
        "validation of every replicate.",
    )
