"""Charts of one stage: paired differences, and every run. Altair in, Altair out."""

from __future__ import annotations

from typing import Any

import altair as alt

from bakeoff.report.chart_style import (
    ACCENT,
    BAD,
    BAND,
    INK,
    LABEL_PX,
    MUTED,
    OTHER,
    PLOT,
    WIDTH,
    AnyChart,
    axis,
    data,
    describe,
    finish,
    padded,
    row_step,
)
from bakeoff.report.view_stages import StageView
from bakeoff.report.words import clip, metric, plural, share_of

_LABEL_LENGTH = 58  # characters of a label that fit the width of a chart


def _raw_y(field: str = "y") -> alt.Y:
    """Pixels as they are: rows are laid out here, not by a scale."""
    return alt.Y(f"{field}:Q").scale(None).axis(None)


def _row_labels(rows: list[dict[str, Any]]) -> alt.LayerChart | alt.FacetChart:
    """The candidate's name at the left of its row and a note at the right, above the marks."""
    base = alt.Chart(data(rows))
    name = base.mark_text(
        align="left", baseline="middle", fontSize=LABEL_PX, limit=WIDTH - 110
    ).encode(
        x=alt.value(0),
        y=_raw_y("label_y"),
        text=alt.Text("label:N"),
        color=alt.Color("ink:N").scale(None),
    )
    note = base.mark_text(align="right", baseline="middle", fontSize=11, color=MUTED).encode(
        x=alt.value(WIDTH), y=_raw_y("label_y"), text=alt.Text("note:N")
    )
    return alt.layer(name, note)


def _axis_side(num_rows: int) -> str:
    """Above a list that is longer than a screen, where reading begins."""
    return "top" if num_rows > 16 else "bottom"


def forest(stage: StageView) -> AnyChart | None:
    """Paired differences from the chosen candidate, with the zero line and the ±δ band.

    None where there is nothing to compare with.
    """
    if not stage.differences:
        return None
    measure = metric(stage.metric)
    step = row_step(len(stage.differences))
    delta = measure.scaled(stage.delta)
    rows, dots = [], []
    ends = [-delta, delta]
    for index, d in enumerate(stage.differences):
        y = index * step + step * 0.68
        mean = measure.scaled(d.mean)
        low = measure.scaled(d.low) if d.low is not None else mean
        high = measure.scaled(d.high) if d.high is not None else mean
        span = (
            f"{share_of(d.level)} interval {measure.bare(d.low)} to {measure.bare(d.high)}"
            if d.low is not None and d.high is not None
            else "no interval"
        )
        rows.append(
            {
                "y": y,
                "label_y": index * step + step * 0.28,
                "label": clip(d.label, _LABEL_LENGTH),
                "note": f"{measure.bare(d.mean, sign=True)}",
                "ink": INK,
                "mean": mean,
                "low": low,
                "high": high,
                "text": describe(
                    f"{d.label} minus {stage.chosen}: {measure.difference(d.mean, sign=True)}, {span}, "
                    f"{plural(d.num_replicates, 'pair')}"
                ),
            }
        )
        ends += [low, high]
        for replicate, value in d.pairs:
            dots.append(
                {
                    "y": y,
                    "x": measure.scaled(value),
                    "text": describe(
                        f"replicate {replicate + 1}: {d.label} minus {stage.chosen} "
                        f"{measure.difference(value, sign=True)}",
                        replicate,
                    ),
                }
            )
            ends.append(measure.scaled(value))
    height = len(rows) * step + 4
    low_end, high_end = padded(ends)
    x = alt.Scale(domain=[low_end, high_end], range=[0, PLOT], nice=False)
    unit = f" ({measure.unit})" if measure.unit else ""
    x_axis = axis(
        f"difference in {measure.title} from {clip(stage.chosen, 24)}{unit}",
        orient=_axis_side(len(rows)),
    )
    band = (
        alt.Chart(data([{"a": -delta, "b": delta}]))
        .mark_rect(color=BAND)
        .encode(
            x=alt.X("a:Q", scale=x, axis=x_axis),
            x2=alt.X2("b:Q"),
            y=alt.value(0),
            y2=alt.value(height),
        )
    )
    zero = (
        alt.Chart(data([{"zero": 0}]))
        .mark_rule(color=MUTED, strokeWidth=1)
        .encode(x=alt.X("zero:Q", scale=x), y=alt.value(0), y2=alt.value(height))
    )
    base = alt.Chart(data(rows))
    bars = base.mark_rule(color=ACCENT, strokeWidth=2).encode(
        x=alt.X("low:Q", scale=x),
        x2=alt.X2("high:Q"),
        y=_raw_y(),
        description=alt.Description("text:N"),
    )
    means = base.mark_point(color=ACCENT, filled=True, size=64, opacity=1).encode(
        x=alt.X("mean:Q", scale=x), y=_raw_y(), description=alt.Description("text:N")
    )
    pairs = (
        alt.Chart(data(dots))
        .mark_point(color=OTHER, filled=True, size=20, opacity=0.75)
        .encode(x=alt.X("x:Q", scale=x), y=_raw_y(), description=alt.Description("text:N"))
    )
    chart = alt.layer(band, zero, bars, pairs, means, _row_labels(rows)).properties(
        width=WIDTH, height=height
    )
    return finish(
        chart,
        f"Paired differences in {measure.title} of stage {stage.name}, each candidate minus "
        f"{stage.chosen}, with intervals; the band is the threshold of ±{measure.difference(stage.delta)}.",
    )


def replicates(stage: StageView) -> AnyChart | None:
    """Every run as a dot, one line per replicate across the candidates; None without runs."""
    measure = metric(stage.metric)
    step = row_step(len(stage.candidates))
    rows: list[dict[str, Any]] = []
    runs: list[dict[str, Any]] = []
    crosses: list[dict[str, Any]] = []
    for index, candidate in enumerate(stage.candidates):
        y = index * step + step * 0.68
        chosen = candidate.label == stage.chosen
        note = measure.level(candidate.mean)
        if candidate.num_failed:
            note = f"{candidate.num_failed} failed" + (
                f", {note}" if candidate.mean is not None else ""
            )
        rows.append(
            {
                "label_y": index * step + step * 0.28,
                "label": clip(candidate.label, _LABEL_LENGTH),
                "note": note,
                "ink": ACCENT if chosen else INK,
            }
        )
        for run in candidate.runs:
            if run.value is None:
                continue
            row = {
                "y": y,
                "x": measure.scaled(run.value),
                "replicate": run.replicate,
                "order": index,
                "ink": ACCENT if chosen else OTHER,
                "text": describe(
                    f"{candidate.label}, replicate {run.replicate + 1}: {measure.level(run.value)}"
                    + (f", {run.reason}" if run.reason else ""),
                    run.replicate,
                ),
            }
            (runs if run.status == "finished" else crosses).append(row)
    if not runs:
        return None
    height = len(rows) * step + 4
    shown = runs + [c for c in crosses if c["x"] >= padded([r["x"] for r in runs], 1.0)[0]]
    x = alt.Scale(
        domain=list(padded([r["x"] for r in shown])), range=[0, PLOT], nice=False, clamp=True
    )
    unit = " (%)" if measure.share else ""
    x_axis = axis(f"{measure.title}{unit}, one line per replicate", orient=_axis_side(len(rows)))
    lines = (
        alt.Chart(
            data(
                [
                    {**r, "text": describe(f"replicate {r['replicate'] + 1}", r["replicate"])}
                    for r in runs
                ]
            )
        )
        .mark_line(color=OTHER, strokeWidth=1, opacity=0.55)
        .encode(
            x=alt.X("x:Q", scale=x, axis=x_axis),
            y=_raw_y(),
            detail=alt.Detail("replicate:N"),
            order=alt.Order("order:Q"),
            description=alt.Description("text:N"),
        )
    )
    dots = (
        alt.Chart(data(runs))
        .mark_point(filled=True, size=42, opacity=1)
        .encode(
            x=alt.X("x:Q", scale=x),
            y=_raw_y(),
            color=alt.Color("ink:N").scale(None),
            description=alt.Description("text:N"),
        )
    )
    layers = [lines, dots]
    if crosses:
        layers.append(
            alt.Chart(data(crosses))
            .mark_point(shape="cross", angle=45, color=BAD, filled=True, size=60, opacity=1)
            .encode(x=alt.X("x:Q", scale=x), y=_raw_y(), description=alt.Description("text:N"))
        )
    chart = alt.layer(*layers, _row_labels(rows)).properties(width=WIDTH, height=height)
    return finish(
        chart,
        f"{measure.title} of every run of stage {stage.name}, one row per candidate, one line per "
        "replicate.",
    )
