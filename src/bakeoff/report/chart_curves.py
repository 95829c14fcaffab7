"""Training curves: a small panel per candidate, every replicate's train and validation line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bakeoff.report.chart_spec import Axis, Channel, Chart, Layer, Mark, Panels, Row, Scale
from bakeoff.report.chart_style import (
    ACCENT,
    CONFIG,
    OTHER,
    TEXT,
    TRAIN,
    along,
    chart,
    describe,
    layer,
)
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
) -> list[tuple[str, Chart]]:
    """A label and a small chart per candidate with curves, all on the same scales.

    Args:
        what: ``accuracy`` or ``loss``.
        size: width and height of a panel in pixels.
    """
    limits = domain(stage, what)
    if limits is None:
        return []
    charts: list[tuple[str, Chart]] = []
    for candidate in stage.candidates:
        rows = _rows(candidate, what)
        if not rows:
            continue
        description = (
            f"Training curves of {candidate.label}: {what} after each epoch, train and validation, "
            "one line per replicate and part."
        )
        lines = _lines(rows, limits, candidate.label == stage.chosen)
        charts.append((candidate.label, chart([lines], *size, description)))
    return charts


def _lines(rows: Sequence[Row], limits: tuple[float, float], chosen: bool) -> Layer:
    low, high = limits if limits[1] > limits[0] else (limits[0] - 1, limits[1] + 1)
    epochs = [row["epoch"] for row in rows]
    num_ticks = max(1, min(4, max(epochs) - min(epochs)))  # never between two epochs
    return layer(
        rows,
        Mark(type="line", strokeWidth=1.1, opacity=0.85),
        x=along(
            "epoch",
            Scale(nice=False, zero=False),
            Axis(title=None, tickCount=num_ticks, grid=False, format="d"),
        ),
        y=along(
            "value",
            Scale(domain=[low, high], nice=False, clamp=True),
            Axis(title=None, tickCount=4),
        ),
        color=Channel(
            field="part",
            type="nominal",
            scale=Scale(domain=["train", "validation"], range=[TRAIN, ACCENT if chosen else OTHER]),
            legend=None,
        ),
        detail=Channel(field="line", type="nominal"),
        description=TEXT,
    )


def curves(stage: StageView, what: str = "accuracy") -> Panels | None:
    """All candidates' curves as one chart of panels, for notebooks; None without curves."""
    limits = domain(stage, what)
    rows = [
        {**row, "candidate": clip(candidate.label, 36)}
        for candidate in stage.candidates
        for row in _rows(candidate, what)
    ]
    if not rows or limits is None:
        return None
    lines = _lines(rows, limits, True)
    return Panels(
        description=f"Training curves of stage {stage.name}: {what}, one panel per candidate, train "
        "and validation of every replicate.",
        data={"values": rows},
        facet={
            "field": "candidate",
            "type": "nominal",
            "title": None,
            "sort": [clip(candidate.label, 36) for candidate in stage.candidates],
        },
        columns=3,
        spec={
            "mark": lines["mark"],
            "encoding": lines["encoding"],
            "width": PANEL[0],
            "height": PANEL[1],
        },
        config=CONFIG,
    )
