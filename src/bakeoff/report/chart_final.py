"""Charts of the final model on the test set. Altair in, Altair out."""

from __future__ import annotations

import json
from typing import Any

import altair as alt

from bakeoff.report.chart_style import (
    ACCENT,
    BAD,
    INK,
    MUTED,
    ON_ACCENT,
    OTHER,
    WIDTH,
    AnyChart,
    axis,
    data,
    describe,
    finish,
    padded,
)
from bakeoff.report.view_final import FinalView
from bakeoff.report.words import clip, percent


def confusion(final: FinalView) -> AnyChart | None:
    """The confusion matrix; None where the test set was not opened."""
    if final.confusion is None:
        return None
    names = [clip(name, 14) for name in final.class_names]
    num = len(names)
    cells = []
    for actual, row in enumerate(final.confusion):
        total = sum(row) or 1
        for predicted, count in enumerate(row):
            if count == 0:
                continue
            right = actual == predicted
            # Mistakes are rare: their shade grows with the square root, so that one shows.
            shade = 0.12 + 0.7 * (
                count / total if right else min(1.0, (count / total) ** 0.5 * 1.6)
            )
            cells.append(
                {
                    "actual": actual,
                    "predicted": predicted,
                    "label": str(count),
                    "fill": ACCENT if right else BAD,
                    "shade": shade,
                    "ink": ON_ACCENT if shade > 0.5 else INK,
                    "text": describe(
                        f"{count} of {sum(row)} examples of class {final.class_names[actual]} "
                        + ("recognised" if right else f"taken for {final.class_names[predicted]}")
                    ),
                }
            )
    label = f"{json.dumps(names)}[datum.value]"
    size = min(38, max(14, 400 // num))
    options: dict[str, Any] = {"labelExpr": label, "grid": False, "labelLimit": 90}
    x = alt.X(
        "predicted:O",
        scale=alt.Scale(domain=list(range(num)), padding=0.06),
        axis=alt.Axis(
            title="predicted",
            labelAngle=0 if max(map(len, names)) < 4 else -60,
            orient="top",
            **options,
        ),
    )
    y = alt.Y(
        "actual:O",
        scale=alt.Scale(domain=list(range(num)), padding=0.06),
        axis=alt.Axis(title="actual", **options),
    )
    base = alt.Chart(data(cells)).encode(x=x, y=y, description=alt.Description("text:N"))
    layers: list[Any] = [
        base.mark_rect().encode(
            color=alt.Color("fill:N").scale(None), opacity=alt.Opacity("shade:Q").scale(None)
        )
    ]
    if num <= 20:
        layers.append(
            base.mark_text(fontSize=11 if size > 26 else 9).encode(
                text=alt.Text("label:N"), color=alt.Color("ink:N").scale(None)
            )
        )
    return finish(
        alt.layer(*layers).properties(width=num * size, height=num * size),
        "Confusion matrix on the test set: rows are the true class, columns the predicted one.",
    )


def recall(final: FinalView) -> AnyChart | None:
    """Recall per class with Wilson's interval; None where the test set was not opened."""
    rows: list[dict[str, Any]] = [
        {
            "name": clip(view.name, 16),
            "index": index,
            "recall": 100 * view.recall,
            "low": 100 * (view.low or 0.0),
            "high": 100 * (view.high or 0.0),
            "text": describe(
                f"class {view.name}: {percent(view.recall)} of {view.num_examples} recognised, 95 % "
                f"interval {percent(view.low)} to {percent(view.high)}"
            ),
        }
        for index, view in enumerate(final.recalls)
        if view.recall is not None
    ]
    if not rows:
        return None
    names = [str(row["name"]) for row in rows]
    y = alt.Y(
        "index:O",
        axis=alt.Axis(
            title=None, labelExpr=f"{json.dumps(names)}[datum.value]", grid=False, labelLimit=140
        ),
    )
    x = alt.Scale(domain=list(padded([r[k] for r in rows for k in ("low", "high")])), nice=False)
    base = alt.Chart(data(rows)).encode(y=y, description=alt.Description("text:N"))
    bars = base.mark_rule(color=ACCENT, strokeWidth=2).encode(
        x=alt.X("low:Q", scale=x, axis=axis("recall (%)")), x2=alt.X2("high:Q")
    )
    dots = base.mark_point(filled=True, color=ACCENT, size=56, opacity=1).encode(
        x=alt.X("recall:Q", scale=x)
    )
    return finish(
        alt.layer(bars, dots).properties(width=WIDTH - 90, height=max(3, len(rows)) * 26),
        "Recall per class on the test set with Wilson's 95 % interval.",
    )


def reliability(final: FinalView) -> AnyChart | None:
    """Accuracy against confidence; on the diagonal the model knows how sure it may be."""
    if not final.reliability:
        return None
    most = max(count for count, _, _ in final.reliability)
    rows = [
        {
            "confidence": 100 * confidence,
            "accuracy": 100 * accuracy,
            "size": 30 + 250 * (count / most) ** 0.5,
            "text": describe(
                f"{count} predictions at {percent(confidence, 1)} mean confidence: "
                f"{percent(accuracy, 1)} right"
            ),
        }
        for count, confidence, accuracy in final.reliability
    ]
    scale = alt.Scale(domain=[0, 100], nice=False)
    x = alt.X("confidence:Q", scale=scale, axis=axis("mean confidence (%)"))
    y = alt.Y("accuracy:Q", scale=scale, axis=axis("share that was right (%)"))
    diagonal = (
        alt.Chart(data([{"confidence": 0, "accuracy": 0}, {"confidence": 100, "accuracy": 100}]))
        .mark_line(color=MUTED, strokeDash=[3, 3], strokeWidth=1)
        .encode(x=x, y=y)
    )
    base = alt.Chart(data(rows)).encode(x=x, description=alt.Description("text:N"))
    gaps = base.mark_rule(color=OTHER).encode(y=alt.Y("accuracy:Q"), y2=alt.Y2("confidence:Q"))
    dots = base.mark_point(filled=True, color=ACCENT, opacity=0.9).encode(
        y=y, size=alt.Size("size:Q").scale(None)
    )
    return finish(
        alt.layer(diagonal, gaps, dots).properties(width=300, height=300),
        "Reliability: share of right predictions against the model's confidence, in 15 bins; the "
        "area of a dot grows with the number of predictions.",
    )
