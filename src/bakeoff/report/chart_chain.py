"""The chain of decisions as a picture: a view in, a Vega-Lite specification out."""

from __future__ import annotations

from typing import Any

from bakeoff.report.chart_spec import Chart, Mark, Scale
from bakeoff.report.chart_style import (
    ACCENT,
    BAD,
    OTHER,
    OWN_COLOR,
    PLOT,
    RULE,
    TEXT,
    WIDTH,
    along,
    axis,
    chart,
    describe,
    dots,
    intervals,
    layer,
    padded,
    pixels,
    row_labels,
    share_axis,
)
from bakeoff.report.view import ReportView
from bakeoff.report.words import clip, metric

_STEP = 46


def chain(view: ReportView) -> Chart | None:
    """The incumbent of each stage with its interval, and the audit's counterfactuals."""
    links = [link for link in view.chain if link.mean is not None]
    if not links:
        return None
    measure = metric(view.metric)
    # A counterfactual far below the chain must not flatten it: it is drawn at the edge.
    values = [
        value for link in links for value in (link.mean, link.low, link.high) if value is not None
    ]
    if measure.share:
        # Half an example of the validation part: below one error.
        smallest = 0.5 / max(1, view.data.num_validation)
        place, scale, x_axis = share_axis(values, smallest, PLOT - 24, measure.title)
    else:
        place = float
        scale = Scale(domain=list(padded(values)), range=[0, PLOT - 24], nice=False, clamp=True)
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
    y = pixels("y")
    layers = [
        layer(
            rows,
            Mark(type="line", color=RULE, strokeWidth=2),
            x=along("x", scale, x_axis),
            y=y,
            order={"field": "index", "type": "quantitative"},
        ),
        intervals(rows, along("low", scale), y, OWN_COLOR),
        dots(rows, along("x", scale), y, OWN_COLOR, size=80),
    ]
    if swaps:
        layers.append(
            layer(
                swaps,
                Mark(type="point", shape="diamond", filled=False, size=70, color=OTHER, opacity=1),
                x=along("x", scale),
                y=y,
                description=TEXT,
            )
        )
    return chart(
        [*layers, *row_labels(rows, WIDTH - 125)],
        WIDTH,
        height,
        f"The chain of decisions: {measure.title} of the chosen candidate after each stage with its "
        "95 % interval; hollow diamonds are the audit's counterfactuals.",
    )
