"""Charts of what a stage tuned: one axis, or one axis by candidate. A view in, a Vega-Lite specification out."""

from __future__ import annotations

from typing import Any

from bakeoff.report.chart_spec import Axis, Channel, Chart, Legend, Mark, Scale
from bakeoff.report.chart_style import (
    ACCENT,
    INK,
    ON_ACCENT,
    OTHER,
    OWN_COLOR,
    PLAIN,
    SERIES,
    TEXT,
    WIDTH,
    along,
    axis,
    chart,
    describe,
    layer,
    padded,
)
from bakeoff.report.view_stages import StageView, TuningView
from bakeoff.report.words import clip, metric, setting

_MAX_TICKS = 8


def _numeric(points: tuple[TuningView, ...], name: str) -> bool:
    return all(
        isinstance(value, float)
        for point in points
        for known, value in point.values
        if known == name
    )


def nuisance_names(stage: StageView) -> list[str]:
    """The nuisance hyperparameters that the stage tuned, in order of appearance."""
    return list(dict.fromkeys(name for point in stage.tuning for name, _ in point.values))


def _in_order(stage: StageView, name: str) -> list[str]:
    """The values tried, as words: numbers by size, then names."""
    tried = {values[name] for p in stage.tuning if name in (values := dict(p.values))}
    ordered = sorted(tried, key=lambda value: (isinstance(value, str), value))
    return list(dict.fromkeys(setting(value) for value in ordered))


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


def nuisance(stage: StageView, name: str | None = None) -> Chart | None:
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
        tried = sorted(set(values))
        x = along(
            "value",
            Scale(type="log" if log else "linear", zero=False, nice=False, padding=14),
            Axis(title=name, values=tried[:: -(-len(tried) // _MAX_TICKS)], labelExpr=PLAIN),
        )
    else:
        rows = [{**row, "value": setting(row["value"])} for row in rows]
        x = Channel(
            field="value",
            type="ordinal",
            sort=_in_order(stage, name),
            axis=Axis(title=name, labelAngle=0),
        )
    colour = Channel(value=OTHER)
    if len(candidates) <= len(SERIES):
        colour = Channel(
            field="candidate",
            type="nominal",
            scale=Scale(domain=candidates, range=list(SERIES[: len(candidates)])),
            legend=Legend(title=None, labelLimit=170, columns=2),
        )
    y = along(
        "mean",
        Scale(domain=list(padded([row["mean"] for row in rows])), nice=False),
        axis(f"{measure.title}{' (%)' if measure.share else ''}"),
    )
    shared = {"x": x, "y": y, "color": colour, "description": TEXT}
    return chart(
        [
            layer(
                rows,
                Mark(type="line", strokeWidth=1.5),
                **shared,
                detail=Channel(field="candidate", type="nominal"),
            ),
            layer(rows, Mark(type="point", filled=True, size=36, opacity=1), **shared),
            layer(
                [row for row in rows if row["chosen"]],
                Mark(type="point", filled=False, size=150, strokeWidth=1.5, opacity=1),
                **shared,
            ),
        ],
        WIDTH - 60,
        220,
        f"{measure.title} on the screening replicates along {name}, one line per candidate of stage "
        f"{stage.name}; the ring marks the value each candidate was given.",
    )


def heatmap(stage: StageView, name: str | None = None) -> Chart | None:
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
    candidates = list(dict.fromkeys(row["candidate"] for row in rows))
    shared = {
        "x": Channel(
            field="value",
            type="ordinal",
            sort=_in_order(stage, name),
            axis=Axis(title=name, labelAngle=0, grid=False),
            scale=Scale(padding=0.04),
        ),
        "y": Channel(
            field="candidate",
            type="nominal",
            sort=candidates,
            axis=Axis(title=None, labelLimit=150, grid=False),
            scale=Scale(padding=0.06),
        ),
        "description": TEXT,
    }
    return chart(
        [
            layer(
                rows,
                Mark(type="rect", color=ACCENT),
                **shared,
                opacity=Channel(field="shade", type="quantitative", scale=None),
            ),
            layer(
                rows,
                Mark(type="text", fontSize=11),
                **shared,
                text=Channel(field="label", type="nominal"),
                color=OWN_COLOR,
            ),
        ],
        WIDTH - 150,
        max(2, len(candidates)) * 34,
        f"{measure.title} on the screening replicates for each candidate of stage {stage.name} and each "
        f"{name}.",
    )
