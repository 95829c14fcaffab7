"""The figures of a page: each chart with its caption and the table of the same numbers."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from bakeoff import words
from bakeoff.evidence.final_summary import FinalSummary
from bakeoff.evidence.stage_summary import StageSummary
from bakeoff.evidence.summary import Summary
from bakeoff.report import axes, charts, curves, grids, tables
from bakeoff.report.svg import Picture
from bakeoff.report.tables import Table

MANY_PANELS = 12  # candidates beyond which panels are smaller and losses are left out
MANY_LINES = 2_400  # curves of all stages beyond which losses are left out
MOST_POINTS = 60_000  # of all curves of a page: with more it is no longer light


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart (or a grid of small ones) with its caption and its table.

    Attributes:
        id: unique in the page.
        panels: (caption of the panel, SVG); one panel without caption for a single chart.
        layout: CSS class: ``panels`` or ``plain``.
        legend: (CSS colour variable, word) pairs.
    """

    id: str
    title: str
    note: str
    panels: tuple[tuple[str, Markup], ...]
    table: Table
    layout: str = "plain"
    legend: tuple[tuple[str, str], ...] = ()


def _figure(
    anchor: str, title: str, note: str, picture: Picture | None, table: Table
) -> list[Figure]:
    if picture is None:
        return []
    # The SVG escapes every text that it holds, see ``svg``.
    return [Figure(anchor, title, note, (("", Markup(picture)),), table)]  # noqa: S704


def anchor_of(stage: StageSummary) -> str:
    """The id of a stage's section."""
    return f"stage-{stage.number}"


def of_curves(stage: StageSummary, num_lines: int = 1) -> list[Figure]:
    """Training curves, a panel per candidate.

    Args:
        num_lines: curves of all stages: of many each has fewer points.
    """
    many = len(stage.candidates) > MANY_PANELS
    num_points = max(8, min(axes.MAX_POINTS, MOST_POINTS // max(1, num_lines)))
    figures: list[Figure] = []
    metrics, left_out = curves.curve_metrics(stage), ""
    if len(metrics) > 1 and (many or num_lines > MANY_LINES):
        # Sixty panels more would double the page and tell little.
        code = words.code(f"result.plot.curves({stage.stage.name!r}, {metrics[1].name!r})")
        left_out = (
            f". Those of {metrics[1].words} are left out, as there are so many; {code} draws them"
        )
        metrics = metrics[:1]
    for index, metric in enumerate(metrics):
        size = (112.0, 76.0) if many else curves.PANEL
        panels = tuple(
            (name, Markup(picture))  # noqa: S704
            for name, picture in curves.curves(stage, metric, size=size, num_points=num_points)
        )
        if panels:
            others, percent = len(panels) > 1, " (%)" if metric.share else ""
            legend = (
                ("train", "training"),
                ("accent", "validation, chosen" if others else "validation"),
            )
            figures.append(
                Figure(
                    f"{anchor_of(stage)}-curves-{index + 1}",
                    f"Training curves: {metric.words}",
                    f"{metric.words.capitalize()}{percent} after each epoch, one line per replicate; curves "
                    f"begin where they come into the range of their later epochs{left_out}.",
                    panels,
                    tables.curves(stage, metric),
                    "panels many" if many else "panels",
                    (*legend, ("other", "validation, others")) if others else legend,
                )
            )
    return figures


def of_stage(stage: StageSummary) -> list[Figure]:
    """Differences, runs, and what was tuned."""
    metric, anchor = stage.metric, anchor_of(stage)
    delta = words.difference(stage.stage.verdict.delta, metric)
    figures = _figure(
        f"{anchor}-forest",
        "Paired differences",
        f"Each candidate minus {words.code(stage.chosen.name)}. Small dots are replicates, bars "
        f"intervals; the band is the smallest difference that matters, ±{delta}.",
        charts.forest(stage),
        tables.forest(stage),
    )
    figures += _figure(
        f"{anchor}-replicates",
        "Every run",
        "One dot per run, one line per replicate: lines that do not cross mean the same order in "
        "every replicate.",
        charts.replicates(stage),
        tables.replicates(stage),
    )
    for name in grids.tuned_names(stage):
        figures += _figure(
            f"{anchor}-tune-{len(figures)}",
            f"{'Searched' if stage.searched else 'Tuned'}: {name}",
            "On screening replicates that decide nothing. The ring marks "
            + ("what competes." if stage.searched else "what each candidate was given."),
            grids.tuned(stage, name),
            tables.tuned(stage),
        )
    if stage.searched:
        return figures
    figures += _figure(
        f"{anchor}-heat",
        "Tuned value by candidate",
        f"Validation {metric.words} on the screening replicates; darker is better.",
        grids.heatmap(stage),
        tables.tuned(stage),
    )
    return figures


def of_final(summary: Summary, final: FinalSummary) -> list[Figure]:
    """What the delivered model does on the test part."""
    exam = final.final.values
    if exam is not None:
        told = tables.errors(exam)
        return [
            *_figure(
                "predicted",
                "Predicted against actual",
                "Test examples; on the dashed line a prediction is right.",
                grids.predicted_values(exam),
                told,
            ),
            *_figure(
                "residuals",
                "Residuals",
                "Predicted minus actual of the same examples, against what was predicted. A shape in it "
                "is something the model has not learned.",
                grids.residuals(exam),
                told,
            ),
        ]
    figures = _figure(
        "confusion",
        "Confusion matrix",
        "Rows are the true class, columns the predicted one; test examples.",
        grids.confusion(final, summary.result.data.class_names),
        tables.confusion(summary, final),
    )
    figures += _figure(
        "recall",
        "Recall per class",
        "Share of each class that was recognised, with Wilson's 95 % interval.",
        charts.recall(final),
        tables.recall(final),
    )
    error = final.calibration_error
    figures += _figure(
        "reliability",
        "Reliability",
        "On the dashed line, the model is right as often as it is sure."
        + ("" if error is None else f" Expected calibration error {words.percent(error)}."),
        grids.reliability(final),
        tables.reliability(final),
    )
    return figures


def of_chain(summary: Summary) -> list[Figure]:
    """The chain of decisions, where there is more than one."""
    if len(summary.stages) < 2:
        return []
    in_units = f" ({words.unit(summary.metric)})" if words.unit(summary.metric) else ""
    swapped = " Diamonds: the final settings with this stage swapped back."
    return _figure(
        "chain-figure",
        "From stage to stage",
        "The candidate carried on by each stage with the 95 % interval of its mean and the gain over "
        f"what was carried in{in_units}." + (swapped if summary.result.audit else ""),
        charts.chain(summary),
        tables.chain(summary),
    )


def of_published(summary: Summary) -> list[Figure]:
    """A replication's test accuracies beside those that were published."""
    return _figure(
        "published",
        "Test accuracy again",
        "Dots are our runs, bars the 95 % prediction interval of a single run, crosses what was "
        "published (red where it lies outside).",
        charts.published(summary),
        tables.published(summary),
    )
