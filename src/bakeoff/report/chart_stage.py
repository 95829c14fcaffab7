"""Charts of one stage: paired differences, and every run. A view in, a Vega-Lite specification out."""

from __future__ import annotations

from typing import Any

from bakeoff.report.chart_spec import Axis, Channel, Chart, Mark, Scale
from bakeoff.report.chart_style import (
    ACCENT,
    BAD,
    BAND,
    INK,
    MUTED,
    OTHER,
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
    padded,
    pixels,
    row_labels,
    row_step,
)
from bakeoff.report.view_stages import StageView
from bakeoff.report.words import clip, metric, plural, share_of

_LABEL_LENGTH = 58  # characters of a label that fit the width of a chart


def _row_axis(title: str, num_rows: int) -> Axis:
    """Above a list that is longer than a screen, where reading begins."""
    return Axis(title=title, tickCount=5, orient="top" if num_rows > 16 else "bottom")


def forest(stage: StageView) -> Chart | None:
    """Paired differences from the chosen candidate, with the zero line and the ±δ band.

    None where there is nothing to compare with.
    """
    if not stage.differences:
        return None
    measure = metric(stage.metric)
    step = row_step(len(stage.differences))
    delta = measure.scaled(stage.delta)
    rows, pairs = [], []
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
            pairs.append(
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
    scale = Scale(domain=[low_end, high_end], range=[0, PLOT], nice=False)
    unit = f" ({measure.unit})" if measure.unit else ""
    x_axis = _row_axis(
        f"difference in {measure.title} from {clip(stage.chosen, 24)}{unit}", len(rows)
    )
    at_row = pixels("y")
    top_to_bottom = {"y": Channel(value=0), "y2": Channel(value=height)}
    layers = [
        layer(
            [{"a": -delta, "b": delta}],
            Mark(type="rect", color=BAND),
            x=along("a", scale, x_axis),
            x2={"field": "b"},
            **top_to_bottom,
        ),
        layer(
            [{"zero": 0}],
            Mark(type="rule", color=MUTED, strokeWidth=1),
            x=along("zero", scale),
            **top_to_bottom,
        ),
        intervals(rows, along("low", scale), at_row),
        dots(pairs, along("x", scale), at_row, OTHER, size=20, opacity=0.75),
        dots(rows, along("mean", scale), at_row, ACCENT, size=64),
    ]
    return chart(
        [*layers, *row_labels(rows, WIDTH - 110, color=OWN_COLOR)],
        WIDTH,
        height,
        f"Paired differences in {measure.title} of stage {stage.name}, each candidate minus "
        f"{stage.chosen}, with intervals; the band is the threshold of ±{measure.difference(stage.delta)}.",
    )


def replicates(stage: StageView) -> Chart | None:
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
    scale = Scale(
        domain=list(padded([r["x"] for r in shown])), range=[0, PLOT], nice=False, clamp=True
    )
    unit = " (%)" if measure.share else ""
    x_axis = _row_axis(f"{measure.title}{unit}, one line per replicate", len(rows))
    at_row = pixels("y")
    layers = [
        layer(
            [
                {**r, "text": describe(f"replicate {r['replicate'] + 1}", r["replicate"])}
                for r in runs
            ],
            Mark(type="line", color=OTHER, strokeWidth=1, opacity=0.55),
            x=along("x", scale, x_axis),
            y=at_row,
            detail=Channel(field="replicate", type="nominal"),
            order=Channel(field="order", type="quantitative"),
            description=TEXT,
        ),
        dots(runs, along("x", scale), at_row, OWN_COLOR, size=42),
    ]
    if crosses:
        layers.append(
            layer(
                crosses,
                Mark(
                    type="point",
                    shape="cross",
                    angle=45,
                    color=BAD,
                    filled=True,
                    size=60,
                    opacity=1,
                ),
                x=along("x", scale),
                y=at_row,
                description=TEXT,
            )
        )
    return chart(
        [*layers, *row_labels(rows, WIDTH - 110, color=OWN_COLOR)],
        WIDTH,
        height,
        f"{measure.title} of every run of stage {stage.name}, one row per candidate, one line per "
        "replicate.",
    )
