"""Charts of what a stage tuned: one axis, or one axis by candidate. Altair in, Altair out."""

from __future__ import annotations

from typing import Any

import altair as alt

from bakeoff.report.chart_style import (
    ACCENT,
    INK,
    ON_ACCENT,
    OTHER,
    SERIES,
    WIDTH,
    AnyChart,
    axis,
    data,
    describe,
    finish,
    padded,
)
from bakeoff.report.view_stages import StageView, TuningView
from bakeoff.report.words import clip, metric, setting


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
            "mean": measure.scaled(point.mean or 0.0),
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
