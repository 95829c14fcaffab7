"""Charts of one stage: paired differences, replicates, tuned nuisances. Altair in, Altair out."""

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
    ON_ACCENT,
    OTHER,
    PLOT,
    SERIES,
    WIDTH,
    AnyChart,
    axis,
    data,
    describe,
    finish,
    padded,
    row_step,
)
from bakeoff.report.view_stages import StageView, TuningView
from bakeoff.report.words import Metric, clip, metric, plural, setting, share_of

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


def _scaled(measure: Metric, value: float) -> float:
    return 100 * value if measure.share else value


def forest(stage: StageView) -> AnyChart | None:
    """Paired differences from the chosen candidate, with the zero line and the ±δ band.

    None where there is nothing to compare with.
    """
    if not stage.differences:
        return None
    measure = metric(stage.metric)
    step = row_step(len(stage.differences))
    delta = _scaled(measure, stage.delta)
    rows, dots = [], []
    ends = [-delta, delta]
    for index, d in enumerate(stage.differences):
        y = index * step + step * 0.68
        mean = _scaled(measure, d.mean)
        low = _scaled(measure, d.low) if d.low is not None else mean
        high = _scaled(measure, d.high) if d.high is not None else mean
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
                    "x": _scaled(measure, value),
                    "text": describe(
                        f"replicate {replicate + 1}: {d.label} minus {stage.chosen} "
                        f"{measure.difference(value, sign=True)}",
                        replicate,
                    ),
                }
            )
            ends.append(_scaled(measure, value))
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
                "x": _scaled(measure, run.value),
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


def _numeric(points: tuple[TuningView, ...], name: str) -> bool:
    values = [dict(point.values).get(name) for point in points]
    return all(isinstance(value, float) for value in values)


def nuisance_names(stage: StageView) -> list[str]:
    """The nuisance hyperparameters that the stage tuned, in order of appearance."""
    return list(dict.fromkeys(name for point in stage.tuning for name, _ in point.values))


def _profile(stage: StageView, name: str) -> list[dict[str, Any]]:
    """Per candidate and value of ``name`` the best mean over the other nuisances."""
    best: dict[tuple[str, Any], TuningView] = {}
    measure = metric(stage.metric)
    for point in stage.tuning:
        value = dict(point.values).get(name)
        if value is None or point.mean is None:
            continue
        key = (point.candidate, value)
        known = best.get(key)
        better = (
            known is None
            or point.chosen
            or (
                not known.chosen
                and known.mean is not None
                and (point.mean > known.mean) == measure.higher_is_better
            )
        )
        if better:
            best[key] = point
    return [
        {
            "candidate": clip(candidate, 40),
            "value": value,
            "mean": _scaled(measure, point.mean or 0.0),
            "chosen": point.chosen,
            "text": describe(
                f"{candidate}, {name} {setting(value)}: {measure.level(point.mean)}"
                + (", taken" if point.chosen else "")
            ),
        }
        for (candidate, value), point in best.items()
    ]


def nuisance(stage: StageView, name: str | None = None) -> AnyChart | None:
    """The metric along one tuned hyperparameter, one line per candidate; None where not tuned."""
    names = nuisance_names(stage)
    if not names:
        return None
    name = name or names[0]
    rows = _profile(stage, name)
    if not rows:
        return None
    measure = metric(stage.metric)
    candidates = list(dict.fromkeys(row["candidate"] for row in rows))
    numeric = _numeric(stage.tuning, name)
    values = [row["value"] for row in rows]
    log = numeric and min(values) > 0 and max(values) / min(values) >= 8
    if numeric:
        ticks = sorted(set(values)) if len(set(values)) <= 8 else alt.Undefined
        x = alt.X(
            "value:Q",
            axis=axis(name, values=ticks, format="~g"),
            scale=alt.Scale(type="log" if log else "linear", zero=False, nice=False, padding=14),
        )
    else:
        x = alt.X("value:O", axis=axis(name, labelAngle=0))
    colour = (
        alt.Color(
            "candidate:N",
            scale=alt.Scale(domain=candidates, range=list(SERIES[: len(candidates)])),
            legend=alt.Legend(title=None, labelLimit=180, columns=2),
        )
        if len(candidates) <= len(SERIES)
        else alt.value(OTHER)
    )
    y = alt.Y(
        "mean:Q",
        scale=alt.Scale(domain=list(padded([row["mean"] for row in rows])), nice=False),
        axis=axis(f"{measure.title}{' (%)' if measure.share else ''}"),
    )
    base = alt.Chart(data(rows)).encode(
        x=x, y=y, color=colour, description=alt.Description("text:N")
    )
    lines = base.mark_line(strokeWidth=1.5).encode(detail=alt.Detail("candidate:N"))
    dots = base.mark_point(filled=True, size=36, opacity=1)
    taken = (
        alt.Chart(data([row for row in rows if row["chosen"]]))
        .mark_point(filled=False, size=150, strokeWidth=1.5, opacity=1)
        .encode(x=x, y=y, color=colour, description=alt.Description("text:N"))
    )
    return finish(
        alt.layer(lines, dots, taken).properties(width=WIDTH - 60, height=220),
        f"{measure.title} on the screening replicates along {name}, one line per candidate of stage "
        f"{stage.name}; the ring marks the value each candidate was given.",
    )


def heatmap(stage: StageView, name: str | None = None) -> AnyChart | None:
    """Tuned hyperparameter × candidate as a heat map (learning rate first); None where not tuned."""
    names = nuisance_names(stage)
    if not names:
        return None
    name = name or ("learning_rate" if "learning_rate" in names else names[0])
    rows = _profile(stage, name)
    if not rows:
        return None
    measure = metric(stage.metric)
    means = [row["mean"] for row in rows]
    low, high = min(means), max(means)
    for row in rows:
        shade = (row["mean"] - low) / (high - low) if high > low else 0.5
        shade = shade if measure.higher_is_better else 1 - shade
        row["shade"] = 0.06 + 0.84 * shade**2  # squared: the differences that matter are at the top
        row["ink"] = INK if row["shade"] < 0.45 else ON_ACCENT
        row["label"] = f"{row['mean']:.2f}" if measure.share else f"{row['mean']:.4g}"
        row["value"] = setting(row["value"])
    order = list(
        dict.fromkeys(
            setting(value)
            for value in sorted(
                {dict(p.values)[name] for p in stage.tuning if name in dict(p.values)},
                key=lambda v: (isinstance(v, str), v),
            )
        )
    )
    candidates = list(dict.fromkeys(row["candidate"] for row in rows))
    y = alt.Y(
        "candidate:N",
        sort=candidates,
        axis=alt.Axis(title=None, labelLimit=150, grid=False),
        scale=alt.Scale(padding=0.06),
    )
    x = alt.X(
        "value:O",
        sort=order,
        axis=alt.Axis(title=name, labelAngle=0, grid=False),
        scale=alt.Scale(padding=0.04),
    )
    base = alt.Chart(data(rows)).encode(x=x, y=y, description=alt.Description("text:N"))
    cells = base.mark_rect(color=ACCENT).encode(opacity=alt.Opacity("shade:Q").scale(None))
    text = base.mark_text(fontSize=11).encode(
        text=alt.Text("label:N"), color=alt.Color("ink:N").scale(None)
    )
    return finish(
        alt.layer(cells, text).properties(width=WIDTH - 150, height=max(2, len(candidates)) * 34),
        f"{measure.title} on the screening replicates for each candidate of stage {stage.name} and each "
        f"{name}.",
    )
