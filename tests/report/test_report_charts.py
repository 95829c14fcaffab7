"""Charts: valid Altair objects for Python, and SVG that names every run for pages."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import altair as alt
import build
import pytest

from bakeoff.errors import UsageError
from bakeoff.report import charts
from bakeoff.report.chart_spec import Chart
from bakeoff.report.drawing.draw import draw
from bakeoff.report.plot import Plots
from bakeoff.report.view import build_view


@pytest.fixture(scope="module")
def plots() -> Plots:
    return Plots(build.full())


DRAWN = {
    "forest": lambda p: p.forest("activation"),
    "replicates": lambda p: p.replicates("activation"),
    "curves": lambda p: p.curves("activation"),
    "loss curves": lambda p: p.curves(2, "loss"),
    "nuisance": lambda p: p.nuisance("activation"),
    "heatmap": lambda p: p.heatmap("activation"),
    "chain": lambda p: p.chain(),
    "published": lambda _: Plots(build.regression()).published(),
    "confusion": lambda p: p.confusion(),
    "recall": lambda p: p.recall(),
    "reliability": lambda p: p.reliability(),
}


@pytest.mark.parametrize("name", DRAWN)
def test_every_chart_is_a_valid_altair_object_with_a_description(name: str, plots: Plots) -> None:
    chart = DRAWN[name](plots)
    assert isinstance(chart, alt.TopLevelMixin)
    spec = chart.to_dict(validate=True)
    assert spec["description"].endswith(".")


def page_charts() -> dict[str, Chart | None]:
    """One chart of every kind that pages show."""
    view = build_view(build.full())
    stage = view.stages[2]
    assert view.final is not None
    return {
        "forest": charts.forest(stage),
        "replicates": charts.replicates(stage),
        "panel": charts.panels(stage)[0][1],
        "loss panel": charts.panels(stage, "loss")[1][1],
        "nuisance": charts.nuisance(stage),
        "heatmap": charts.heatmap(stage),
        "chain": charts.chain(view),
        "published": charts.published(build_view(build.regression())),
        "confusion": charts.confusion(view.final),
        "recall": charts.recall(view.final),
        "reliability": charts.reliability(view.final),
    }


@pytest.mark.parametrize("name", page_charts())
def test_every_chart_becomes_well_formed_svg_that_follows_the_theme(name: str) -> None:
    chart = page_charts()[name]
    assert chart is not None
    text = draw(chart)
    root = ET.fromstring(text)
    assert root.get("role") == "img"
    assert root.get("aria-label")
    # Every colour is a variable of the page: nothing stays light in the dark.
    paints = {e.get(a) for e in root.iter() for a in ("fill", "stroke")} - {None, "none"}
    assert paints
    assert all(str(paint).startswith("var(--") for paint in paints), paints
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_altair_holds_the_rows_that_the_page_draws(plots: Plots) -> None:
    spec = charts.replicates(plots.view.stages[2])
    assert spec is not None
    chart = plots.replicates("activation").to_dict()
    rows = [json.loads(layer["data"]["values"]) for layer in chart["layer"]]
    assert rows == [layer["data"]["values"] for layer in spec["layer"]]


def test_what_cannot_be_drawn_says_what_it_needs(plots: Plots) -> None:
    with pytest.raises(UsageError, match="must be one of scale, depth, activation, width"):
        plots.forest("nothing")
    with pytest.raises(UsageError, match="this chart needs a `tune`"):
        plots.nuisance("depth")
    with pytest.raises(UsageError, match="has no final model"):
        Plots(build.winner()).confusion()
    with pytest.raises(UsageError, match="accuracy or loss"):
        plots.curves("depth", "speed")


def rows_of(chart: Chart) -> list[Any]:
    """All rows that a chart draws."""
    return [row for layer in chart["layer"] for row in layer["data"]["values"]]


def test_every_run_is_in_the_replicates_chart_with_its_number() -> None:
    stage = build_view(build.full()).stages[2]
    chart = charts.replicates(stage)
    assert chart is not None
    text = draw(chart)
    titles = re.findall(r'data-r="(\d+)"><title>([^<]*)</title>', text)
    for candidate in stage.candidates:
        for run in candidate.runs:
            assert run.value is not None
            wanted = f"{candidate.label}, replicate {run.replicate + 1}: {100 * run.value:.2f} %"
            assert (str(run.replicate + 1), wanted) in titles
    lines = [t for _, t in titles if t.startswith("replicate ")]
    assert lines == [f"replicate {r + 1}" for r in range(8)]


def test_every_replicates_curves_are_in_the_panels() -> None:
    stage = build_view(build.full()).stages[2]
    for label, chart in charts.panels(stage):
        text = draw(chart)
        runs = stage.candidate(label).runs
        found = re.findall(r'data-r="(\d+)"', text)
        assert sorted(found) == sorted(str(r.replicate + 1) for r in runs for _ in range(2))


def test_the_forest_draws_the_numbers_of_the_verdict() -> None:
    view = build_view(build.winner())
    chart = charts.forest(view.stages[0])
    assert chart is not None
    rows = rows_of(chart)
    row = next(row for row in rows if "mean" in row)
    (difference,) = view.stages[0].differences
    assert difference.low is not None
    assert row["mean"] == pytest.approx(100 * difference.mean)
    assert row["low"] == pytest.approx(100 * difference.low)
    (band,) = [row for row in rows if "a" in row]
    assert band == {"a": -0.2, "b": 0.2}


def test_failed_runs_are_crosses_with_their_reason() -> None:
    stage = build.failed_runs().stages[0]
    # Near enough to the others to be on the axis.
    near = tuple(replace(r, val=replace(r.val, accuracy=0.93)) for r in stage.runs[1])
    view = build_view(build.study([replace(stage, runs=(stage.runs[0], near, stage.runs[2]))]))
    chart = charts.replicates(view.stages[0])
    assert chart is not None
    assert draw(chart).count("loss became non-finite in epoch 5") == 5


def test_names_in_charts_are_text_and_not_markup() -> None:
    view = build_view(build.hostile())
    for chart in (
        charts.forest(view.stages[0]),
        charts.replicates(view.stages[0]),
        charts.chain(view),
    ):
        assert chart is not None
        text = draw(chart)
        assert "<img" not in text
        assert "&lt;img src=x onerror" in text
        ET.fromstring(text)


def test_one_candidate_has_no_forest_and_no_tuning_has_no_heat_map() -> None:
    stage = build_view(build.study([build.stage("again", ["8"], [0.96])])).stages[0]
    assert charts.forest(stage) is None
    assert charts.nuisance(stage) is None
    assert charts.heatmap(stage) is None


def test_all_runs_failed_leaves_no_chart_of_runs() -> None:
    stage = build_view(
        build.study([build.stage("rate", ["a", "b"], [0.1, 0.1], failed=[0, 1])])
    ).stages[0]
    assert charts.replicates(stage) is None
    assert charts.panels(stage) == []
