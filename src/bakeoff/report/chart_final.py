"""Charts of the final model on the test set. Views in, Vega-Lite specifications out."""

from __future__ import annotations

from typing import Any

from bakeoff.report.chart_spec import Axis, Channel, Chart, Mark, Scale
from bakeoff.report.chart_style import (
    ACCENT,
    BAD,
    INK,
    MUTED,
    ON_ACCENT,
    OTHER,
    OWN_COLOR,
    TEXT,
    WIDTH,
    along,
    axis,
    chart,
    describe,
    dots,
    intervals,
    layer,
    names_expr,
    padded,
)
from bakeoff.report.view_final import FinalView
from bakeoff.report.words import clip, percent


def confusion(final: FinalView) -> Chart | None:
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
    size = min(38, max(14, 400 // num))
    # By number: two names may be the same after clipping.
    scale = Scale(domain=list(range(num)), padding=0.06)
    across = Axis(title="predicted", orient="top", grid=False, labelLimit=90)
    across["labelAngle"] = 0 if max(map(len, names)) < 4 else -60
    down = Axis(title="actual", grid=False, labelLimit=90)
    across["labelExpr"] = down["labelExpr"] = names_expr(names)
    x = Channel(field="predicted", type="ordinal", scale=scale, axis=across)
    y = Channel(field="actual", type="ordinal", scale=scale, axis=down)
    layers = [
        layer(
            cells,
            Mark(type="rect"),
            x=x,
            y=y,
            color=Channel(field="fill", type="nominal", scale=None),
            opacity=Channel(field="shade", type="quantitative", scale=None),
            description=TEXT,
        )
    ]
    if num <= 20:
        layers.append(
            layer(
                cells,
                Mark(type="text", fontSize=11 if size > 26 else 9),
                x=x,
                y=y,
                text=Channel(field="label", type="nominal"),
                color=OWN_COLOR,
                description=TEXT,
            )
        )
    return chart(
        layers,
        num * size,
        num * size,
        "Confusion matrix on the test set: rows are the true class, columns the predicted one.",
    )


def recall(final: FinalView) -> Chart | None:
    """Recall per class with Wilson's interval; None where the test set was not opened."""
    measured = [(view, view.recall) for view in final.recalls if view.recall is not None]
    rows: list[dict[str, Any]] = [
        {
            "name": clip(view.name, 16),
            "index": index,
            "recall": 100 * value,
            "low": 100 * (view.low or 0.0),
            "high": 100 * (view.high or 0.0),
            "text": describe(
                f"class {view.name}: {percent(value)} of {view.num_examples} recognised, 95 % "
                f"interval {percent(view.low)} to {percent(view.high)}"
            ),
        }
        for index, (view, value) in enumerate(measured)
    ]
    if not rows:
        return None
    y = Channel(
        field="index",
        type="ordinal",
        scale=Scale(domain=list(range(len(rows)))),
        axis=Axis(
            title=None,
            labelExpr=names_expr([row["name"] for row in rows]),
            grid=False,
            labelLimit=140,
        ),
    )
    ends = [row[key] for row in rows for key in ("low", "high")]
    scale = Scale(domain=list(padded(ends)), nice=False)
    return chart(
        [
            intervals(rows, along("low", scale, axis("recall (%)")), y),
            dots(rows, along("recall", scale), y, ACCENT, size=56),
        ],
        WIDTH - 90,
        max(3, len(rows)) * 26,
        "Recall per class on the test set with Wilson's 95 % interval.",
    )


def reliability(final: FinalView) -> Chart | None:
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
    scale = Scale(domain=[0, 100], nice=False)
    x = along("confidence", scale, axis("mean confidence (%)"))
    y = along("accuracy", scale, axis("share that was right (%)"))
    return chart(
        [
            layer(
                [{"confidence": 0, "accuracy": 0}, {"confidence": 100, "accuracy": 100}],
                Mark(type="line", color=MUTED, strokeDash=[3, 3], strokeWidth=1),
                x=x,
                y=y,
            ),
            layer(
                rows,
                Mark(type="rule", color=OTHER),
                x=x,
                y=along("accuracy", scale),
                y2={"field": "confidence"},
                description=TEXT,
            ),
            layer(
                rows,
                Mark(type="point", filled=True, color=ACCENT, opacity=0.9),
                x=x,
                y=y,
                size=Channel(field="size", type="quantitative", scale=None),
                description=TEXT,
            ),
        ],
        300,
        300,
        "Reliability: share of right predictions against the model's confidence, in 15 bins; the "
        "area of a dot grows with the number of predictions.",
    )
