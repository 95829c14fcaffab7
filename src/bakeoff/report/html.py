"""One self-contained HTML file from a view: no request, no library, readable without script.

All text goes through Jinja's escaping; only the SVG made here and the page's own style and scripts
are inserted as they are. The page's own security policy admits its two scripts by their hash.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from bakeoff.files import write_whole
from bakeoff.records import StudyResult
from bakeoff.report import charts, grids, sentences, tables
from bakeoff.report.svg import Picture
from bakeoff.report.tables import Table
from bakeoff.report.tryit import ModelPayload
from bakeoff.report.view import ReportView, build_view
from bakeoff.report.view_stages import StageView
from bakeoff.report.words import count, duration, metric, percent, plural

MAX_OPEN_ROWS = 16  # a longer table starts folded


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart (or a grid of small ones) with its caption and its table.

    Attributes:
        id: unique in the page.
        panels: (caption of the panel, SVG); one panel without caption for a single chart.
        layout: CSS class: ``rows`` (labels on a halo), ``panels``, ``square`` or ``plain``.
        legend: (CSS colour variable, word) pairs.
    """

    id: str
    title: str
    note: str
    panels: tuple[tuple[str, Markup], ...]
    table: Table
    layout: str = "plain"
    legend: tuple[tuple[str, str], ...] = ()


def _template_text(name: str) -> str:
    return (resources.files("bakeoff.report") / "templates" / name).read_text("utf-8")


def _figure(
    anchor: str, title: str, note: str, chart: Picture | None, table: Table, layout: str = "plain"
) -> list[Figure]:
    if chart is None:
        return []
    picture = Markup(chart)  # noqa: S704  # it escapes every text that it holds, see ``svg``
    return [Figure(anchor, title, note, (("", picture),), table, layout)]


def _curve_figures(stage: StageView) -> list[Figure]:
    many = len(stage.candidates) > 12
    figures = []
    for what, title in (("accuracy", "Training curves"), ("loss", "Training curves: loss")):
        if many and what == "loss":
            continue  # sixty panels more would double the page and tell little
        size = (112.0, 76.0) if many else grids.PANEL
        panels = [
            (label, Markup(picture))  # noqa: S704
            for label, picture in grids.curves(stage, what, size=size)
        ]
        if panels:
            unit = "Accuracy (%)" if what == "accuracy" else "Cross-entropy"
            figures.append(
                Figure(
                    f"{stage.anchor}-{what}",
                    title,
                    f"{unit} after each epoch, one line per replicate.",
                    tuple(panels),
                    tables.curves(stage),
                    "panels many" if many else "panels",
                    (
                        ("train", "training"),
                        ("accent", "validation, chosen"),
                        ("other", "validation, others"),
                    ),
                )
            )
    return figures


def _stage_figures(stage: StageView) -> list[Figure]:
    measure = metric(stage.metric)
    figures = _figure(
        f"{stage.anchor}-forest",
        "Paired differences",
        f"Each candidate minus {stage.chosen}. Dots are replicates, bars intervals; the band is the "
        f"smallest difference that matters, ±{measure.difference(stage.delta)}.",
        charts.forest(stage),
        tables.forest(stage),
        "rows",
    )
    figures += _figure(
        f"{stage.anchor}-replicates",
        "Every run",
        "One dot per run, one line per replicate: lines that do not cross mean the same order in "
        "every replicate.",
        charts.replicates(stage),
        tables.replicates(stage),
        "rows",
    )
    for name in grids.tuned_names(stage):
        figures += _figure(
            f"{stage.anchor}-tune-{len(figures)}",
            f"Tuned: {name}",
            "On screening replicates that decide nothing. The ring marks what each candidate was given.",
            grids.tuned(stage, name),
            tables.nuisance(stage),
        )
    if grids.tuned_names(stage):
        figures += _figure(
            f"{stage.anchor}-heat",
            "Tuned value by candidate",
            f"{measure.title} on the screening replicates; darker is better.",
            grids.heatmap(stage),
            tables.nuisance(stage),
        )
    return figures


def _final_figures(view: ReportView) -> list[Figure]:
    final = view.final
    if final is None:
        return []
    figures = _figure(
        "confusion",
        "Confusion matrix",
        "Rows are the true class, columns the predicted one; test examples.",
        grids.confusion(final),
        tables.confusion(final),
        "square",
    )
    figures += _figure(
        "recall",
        "Recall per class",
        "Share of each class that was recognised, with Wilson's 95 % interval.",
        charts.recall(final),
        tables.recall(final),
    )
    error = (
        ""
        if final.calibration_error is None
        else f" Expected calibration error {percent(final.calibration_error)}."
    )
    figures += _figure(
        "reliability",
        "Reliability",
        f"On the dashed line, the model is right as often as it is sure.{error}",
        grids.reliability(final),
        tables.reliability(final),
        "square",
    )
    return figures


def safe_json(value: Any) -> Markup:
    """JSON that cannot end a script element, whatever the strings in it say."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for char, code in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(char, code)
    return Markup(text)  # noqa: S704


def _ticks(text: str) -> Markup:
    """`code` between backticks in a sentence becomes a code element; all of it is escaped first."""
    safe = str(escape(text)).replace(" %", "\u00a0%")
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", safe))  # noqa: S704


def _payload(model: ModelPayload | None) -> Markup | None:
    return None if model is None else safe_json(dataclasses.asdict(model))


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _template() -> Template:
    """The page's template, compiled once in a process."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        ticks=_ticks,
        count=count,
        duration=duration,
        percent=percent,
        points=lambda v: f"{100 * v:.2f}",
    )
    environment.globals.update(plural=plural)
    # A number stays with its per cent sign.
    environment.finalize = lambda value: (
        value.replace(" %", "\u00a0%") if type(value) is str else value
    )
    return environment.from_string(_template_text("report.html"))


def render(view: ReportView) -> str:
    """The page. Every chart is drawn here, once."""
    script = "\n" + _template_text("report.js")
    runner = "\n" + _template_text("tryit.js") if view.final and view.final.model else ""
    hashes = " ".join(_hash(text) for text in (script, runner) if text)
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {hashes}"
    chain = _figure(
        "chain-figure",
        "From stage to stage",
        "The candidate carried on by each stage with the 95 % interval of its mean and the gain over "
        "what was carried in (points)."
        + (" Diamonds: the final settings with this stage swapped back." if view.audit else ""),
        charts.chain(view) if len(view.chain) > 1 else None,
        tables.chain(view),
        "rows",
    )
    measure = metric(view.metric)
    return _template().render(
        view=view,
        measure=measure,
        style=Markup(_template_text("report.css")),  # noqa: S704
        script=Markup(script),  # noqa: S704
        runner=Markup(runner),  # noqa: S704
        policy=policy,
        chain=chain,
        stages=[
            (stage, _stage_figures(stage), _curve_figures(stage), tables.candidates(stage))
            for stage in view.stages
        ],
        stage_notes={
            stage.anchor: [o for o in view.observations if o.stage == stage.anchor]
            for stage in view.stages
        },
        audit=tables.audit(view) if view.audit else None,
        confirmed=[swap for swap in view.audit if swap.confirmed],
        final_figures=_final_figures(view),
        claims=tables.claims(view) if view.claims else None,
        published=_figure(
            "published",
            "Test accuracy again",
            "Dots are our runs, bars the 95 % prediction interval of a single run, crosses what was "
            "published (red where it lies outside).",
            charts.published(view),
            tables.published(view),
            "rows",
        ),
        payload=_payload(view.final.model) if view.final else None,
        summary=sentences.study_seconds(view.num_trained, view.num_reused, view.seconds),
        max_open_rows=MAX_OPEN_ROWS,
    )


def write(result: StudyResult, path: str | Path) -> Path:
    """Writes the report on ``result`` to ``path``, all of it or nothing.

    Raises:
        UsageError: it cannot be written there.
        StoreFullError: the disk is full.

    In both cases an older report at ``path`` is still there, whole.
    """
    write_whole(path, render(build_view(result)))
    return Path(path)
