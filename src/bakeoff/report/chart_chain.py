"""The chain of decisions as a picture. Altair in, Altair out."""

from __future__ import annotations

from typing import Any

import altair as alt

from bakeoff.report.chart_style import (
    ACCENT,
    BAD,
    INK,
    LABEL_PX,
    MUTED,
    OTHER,
    PLOT,
    RULE,
    WIDTH,
    AnyChart,
    axis,
    data,
    describe,
    finish,
    padded,
    share_axis,
)
from bakeoff.report.view import ReportView
from bakeoff.report.words import clip, metric

_STEP = 46


def chain(view: ReportView) -> AnyChart | None:
    """The incumbent of each stage with its interval, and the audit's counterfactuals."""
    links = [link for link in view.chain if link.mean is not None]
    if not links:
        return None
    measure = metric(view.metric)
    # A counterfactual far below the chain must not flatten it: it is drawn at the edge.
    values = [
        value for link in links for value in (link.mean, link.low, link.high) if value is not None
    ]
    scale: alt.Scale
    if measure.share:
        # Half an example of the validation part: below one error.
        smallest = 0.5 / max(1, view.data.num_validation)
        place, scale, x_axis = share_axis(values, smallest, PLOT - 24, measure.title)
    else:
        place = float
        scale = alt.Scale(domain=list(padded(values)), range=[0, PLOT - 24], nice=False, clamp=True)
        x_axis = axis(measure.title)

    rows: list[dict[str, Any]] = []
    swaps: list[dict[str, Any]] = []
    for index, link in enumerate(links):
        mean = link.mean if link.mean is not None else 0.0
        change = "" if link.gain is None else measure.bare(link.gain, sign=True)
        if link.kept:
            change = "kept"
        note = f"{measure.level(mean)}" + (f"   {change}" if change else "")
        lost = link.gain is not None and link.gain < 0 and link.lost_incumbent
        rows.append(
            {
                "index": index,
                "y": index * _STEP + _STEP * 0.68,
                "label_y": index * _STEP + _STEP * 0.26,
                "stage": clip(link.name, 24),
                "label": f"{clip(link.name, 24)} → {clip(link.chosen, 34)}",
                "note": note,
                "ink": BAD if lost else ACCENT,
                "x": place(mean),
                "low": place(link.low if link.low is not None else mean),
                "high": place(link.high if link.high is not None else mean),
                "text": describe(
                    f"stage {link.name}: {link.chosen} at {measure.level(mean)}"
                    + (
                        ""
                        if link.gain is None
                        else f", {measure.difference(link.gain, sign=True)} against what was carried in"
                    )
                ),
            }
        )
        for label, value in link.counterfactuals:
            swaps.append(
                {
                    "y": index * _STEP + _STEP * 0.68,
                    "x": place(value),
                    "text": describe(
                        f"counterfactual: the final settings with stage {link.name} swapped to {label}: "
                        f"{measure.level(value)}"
                    ),
                }
            )
    height = len(rows) * _STEP + 4
    y = alt.Y("y:Q").scale(None).axis(None)
    base = alt.Chart(data(rows))
    path = base.mark_line(color=RULE, strokeWidth=2).encode(
        x=alt.X("x:Q", scale=scale, axis=x_axis), y=y, order=alt.Order("index:Q")
    )
    bars = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", scale=scale),
        x2=alt.X2("high:Q"),
        y=y,
        color=alt.Color("ink:N").scale(None),
        description=alt.Description("text:N"),
    )
    dots = base.mark_point(filled=True, size=80, opacity=1).encode(
        x=alt.X("x:Q", scale=scale),
        y=y,
        color=alt.Color("ink:N").scale(None),
        description=alt.Description("text:N"),
    )
    label_y = alt.Y("label_y:Q").scale(None).axis(None)
    names = base.mark_text(
        align="left", baseline="middle", fontSize=LABEL_PX, color=INK, limit=WIDTH - 125
    ).encode(x=alt.value(0), y=label_y, text=alt.Text("label:N"))
    notes = base.mark_text(align="right", baseline="middle", fontSize=11, color=MUTED).encode(
        x=alt.value(WIDTH), y=label_y, text=alt.Text("note:N")
    )
    layers: list[Any] = [path, bars, dots]
    if swaps:
        layers.append(
            alt.Chart(data(swaps))
            .mark_point(shape="diamond", filled=False, size=70, color=OTHER, opacity=1)
            .encode(x=alt.X("x:Q", scale=scale), y=y, description=alt.Description("text:N"))
        )
    return finish(
        alt.layer(*layers, names, notes).properties(width=WIDTH, height=height),
        f"The chain of decisions: {measure.title} of the chosen candidate after each stage with its "
        "95 % interval; hollow diamonds are the audit's counterfactuals.",
    )
