"""A replication at a glance: what its author printed against what the same settings give again."""

from __future__ import annotations

from typing import Any

from bakeoff.report.chart_spec import Chart, Mark
from bakeoff.report.chart_style import (
    ACCENT,
    BAD,
    INK,
    OWN_COLOR,
    PLOT,
    TEXT,
    WIDTH,
    along,
    chart,
    describe,
    dots,
    intervals,
    layer,
    pixels,
    row_labels,
    share_axis,
)
from bakeoff.report.view import ReportView
from bakeoff.report.words import clip, percent

_STEP = 40


def published(view: ReportView) -> Chart | None:
    """Per model with a published test accuracy: our runs, and the author's number as a cross.

    The bar is the 95 % prediction interval of a single run, the one that the claims are held
    against. None where nothing was published.
    """
    claimed = {
        (claim.stage, claim.candidate, claim.published): (claim.low, claim.high)
        for claim in view.claims
        if claim.kind == "number"
    }
    rows: list[dict[str, Any]] = []
    runs: list[dict[str, Any]] = []
    shares: list[float] = []
    for stage in view.stages:
        for candidate in stage.candidates:
            theirs, ours = candidate.published_accuracy, candidate.test_mean
            if theirs is None or ours is None:
                continue
            low, high = claimed.get((stage.name, candidate.label, theirs), (None, None))
            low, high = (ours if low is None else low), (ours if high is None else high)
            outside = not low <= theirs <= high and low < high
            top = len(rows) * _STEP
            rows.append(
                {
                    "y": top + _STEP * 0.68,
                    "label_y": top + _STEP * 0.28,
                    "label": f"{clip(stage.name, 24)}: {clip(candidate.label, 30)}",
                    "note": percent(theirs),
                    "published": theirs,
                    "low": low,
                    "high": high,
                    "ink": BAD if outside else INK,
                    "text": describe(
                        f"{candidate.label}: published {percent(theirs)}; ours {percent(ours)} on average, a "
                        f"single run between {percent(low)} and {percent(high)}"
                    ),
                }
            )
            shares.append(theirs)  # few replicates make bars of any length: those end at the edge
            for run in candidate.finished:
                if run.test_accuracy is not None:
                    runs.append(
                        {
                            "y": top + _STEP * 0.68,
                            "x": run.test_accuracy,
                            "text": describe(
                                f"{candidate.label}, replicate {run.replicate + 1}: test accuracy "
                                f"{percent(run.test_accuracy)}",
                                run.replicate,
                            ),
                        }
                    )
                    shares.append(run.test_accuracy)
    if not rows:
        return None
    place, scale, x_axis = share_axis(
        shares, 0.5 / max(1, view.data.num_test), PLOT, "test accuracy"
    )
    for row in rows:
        for key in ("published", "low", "high"):
            row[key] = place(row[key])
    for run_row in runs:
        run_row["x"] = place(run_row["x"])
    y = pixels("y")
    layers = [
        intervals(rows, along("low", scale, x_axis), y),
        dots(runs, along("x", scale), y, ACCENT, size=36, opacity=0.85),
        layer(
            rows,
            Mark(type="point", shape="cross", angle=45, filled=True, size=80, opacity=1),
            x=along("published", scale),
            y=y,
            color=OWN_COLOR,
            description=TEXT,
        ),
    ]
    return chart(
        [*layers, *row_labels(rows, WIDTH - 90)],
        WIDTH,
        len(rows) * _STEP + 4,
        "Published against measured test accuracy: dots are our runs, bars the 95 % prediction interval of "
        "a single run, crosses the published numbers.",
    )
