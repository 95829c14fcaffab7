"""Charts: SVG that names every run and follows the page's theme."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import build
import pytest

from bakeoff.errors import UsageError
from bakeoff.evidence.summary import summarise
from bakeoff.records import StageResult
from bakeoff.report import charts, curves, grids
from bakeoff.report.notebook import Plots
from bakeoff.report.svg import Picture


@pytest.fixture(scope="module")
def plots() -> Plots:
    return Plots(build.full())


DRAWN: dict[str, Callable[[Plots], Picture]] = {
    "forest": lambda p: p.forest("activation"),
    "replicates": lambda p: p.replicates("activation"),
    "curves": lambda p: p.curves("activation"),
    "loss curves": lambda p: p.curves(2, "loss"),
    "tuned": lambda p: p.tuned("activation"),
    "heatmap": lambda p: p.heatmap("activation"),
    "chain": lambda p: p.chain(),
    "published": lambda _: Plots(build.regression()).published(),
    "confusion": lambda p: p.confusion(),
    "recall": lambda p: p.recall(),
    "reliability": lambda p: p.reliability(),
}


@pytest.mark.parametrize("name", DRAWN)
def test_every_chart_is_well_formed_svg_that_follows_the_theme(name: str, plots: Plots) -> None:
    picture = DRAWN[name](plots)
    root = ET.fromstring(str(picture))
    assert root.get("role") == "img"
    assert str(root.get("aria-label")).endswith(".")
    # Every colour is a variable of the page: nothing stays light in the dark.
    paints = {e.get(a) for e in root.iter() for a in ("fill", "stroke")} - {None, "none"}
    assert paints
    assert all(str(paint).startswith("var(--") for paint in paints), paints
    assert "http" not in str(picture).replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("name", DRAWN)
def test_no_text_of_a_chart_is_small_on_a_phone(name: str, plots: Plots) -> None:
    if "curves" in name:
        return  # a sheet of panels is for notebooks; pages show each panel by itself
    root = ET.fromstring(str(DRAWN[name](plots)))
    column = 390 - 2 * 16
    scale = min(svg_largest(), column / float(str(root.get("width"))))
    sizes = {float(str(e.get("font-size"))) for e in root.iter() if e.get("font-size")}
    assert min(sizes) * scale >= 11


def svg_largest() -> float:
    from bakeoff.report.svg import LARGEST

    return LARGEST


def test_a_chart_is_saved_as_it_is_shown(plots: Plots, tmp_path: Path) -> None:
    picture = plots.forest("activation")
    assert picture.save(tmp_path / "forest.svg").read_text("utf-8").strip() == picture._repr_svg_()


def test_what_cannot_be_drawn_says_what_it_needs(plots: Plots) -> None:
    with pytest.raises(UsageError, match="must be one of scale, depth, activation, width"):
        plots.forest("nothing")
    with pytest.raises(UsageError, match="this chart needs a `tune`"):
        plots.tuned("depth")
    with pytest.raises(UsageError, match="has no final model"):
        Plots(build.winner()).confusion()
    with pytest.raises(UsageError, match="must be one of accuracy, loss"):
        plots.curves("depth", "speed")


def test_every_run_is_in_the_replicates_chart_with_its_number() -> None:
    stage = summarise(build.full()).stages[2]
    text = str(charts.replicates(stage))
    titles = re.findall(r'data-r="(\d+)"><title>([^<]*)</title>', text)
    for candidate in stage.candidates:
        for run in candidate.runs:
            value = 100 * run.metrics["val_accuracy"]
            wanted = f"{candidate.name}, replicate {run.replicate + 1}: {value:.2f} %"
            assert (str(run.replicate + 1), wanted) in titles
    lines = [t for _, t in titles if t.startswith("replicate ")]
    assert lines == [f"replicate {r + 1}" for r in range(8)]


def test_every_replicates_curves_are_in_the_panels() -> None:
    stage = summarise(build.full()).stages[2]
    for label, panel in curves.curves(stage, stage.metric):
        text = str(panel)
        runs = stage.of(label).runs
        found = re.findall(r'data-r="(\d+)"', text)
        assert sorted(found) == sorted(str(r.replicate + 1) for r in runs for _ in range(2))


def test_the_forest_draws_the_numbers_of_the_verdict() -> None:
    stage = summarise(build.winner()).stages[0]
    text = str(charts.forest(stage))
    (difference,) = stage.differences
    assert difference.low is not None
    assert difference.high is not None
    # The one scale of the picture: pixels per unit, from the band that is ±δ wide.
    left, width = map(float, re.findall(r'<rect x="([0-9.]+)" y="0" width="([0-9.]+)"', text)[0])
    unit, zero = width / (2 * stage.stage.verdict.delta), left + width / 2
    x1, x2 = map(float, re.findall(r'<line x1="([0-9.]+)"[^>]*? x2="([0-9.]+)"', text)[0])
    assert x1 == pytest.approx(
        zero + unit * difference.low, abs=1.5
    )  # the band is drawn to a tenth
    assert x2 == pytest.approx(zero + unit * difference.high, abs=1.5)


def test_curves_start_where_they_come_into_the_range_of_their_last_epochs() -> None:
    stage = build.stage("width", ["16", "32"], [0.96, 0.97], epochs=20)
    view = summarise(build.study([stage])).stages[0]
    limits = curves.curve_limits(view, view.metric)
    assert limits is not None
    firsts = [run.curve("val_accuracy")[0] for c in view.candidates for run in c.runs]
    assert all(first < limits[0] for first in firsts)
    assert limits[1] - limits[0] < 0.5


def test_failed_runs_are_crosses_with_their_reason() -> None:
    stage = build.failed_runs().stages[0]
    # Near enough to the others to be on the axis.
    near = tuple(replace(r, metrics={**r.metrics, "val_accuracy": 0.93}) for r in stage.runs[1])
    view = summarise(build.study([replace(stage, runs=(stage.runs[0], near, stage.runs[2]))]))
    assert str(charts.replicates(view.stages[0])).count("loss became non-finite in epoch 5") == 5


def test_names_in_charts_are_text_and_not_markup() -> None:
    view = summarise(build.hostile())
    for chart in (
        charts.forest(view.stages[0]),
        charts.replicates(view.stages[0]),
        charts.chain(view),
    ):
        text = str(chart)
        assert "<img" not in text
        assert "&lt;img src=x onerror" in text
        ET.fromstring(text)


def test_one_candidate_has_no_forest_and_no_tuning_has_no_heat_map() -> None:
    stage = summarise(build.study([build.stage("again", ["8"], [0.96])])).stages[0]
    assert charts.forest(stage) is None
    assert grids.tuned(stage) is None
    assert grids.heatmap(stage) is None


def test_all_runs_failed_leaves_no_chart_of_runs() -> None:
    stage = summarise(
        build.study([build.stage("rate", ["a", "b"], [0.1, 0.1], failed=[0, 1])])
    ).stages[0]
    assert charts.replicates(stage) is None
    assert curves.curves(stage, stage.metric) == []


def test_neither_equal_means_nor_one_long_bar_spoil_the_axis_of_the_chain() -> None:
    def ticks(stages: list[StageResult]) -> list[float]:
        text = str(charts.chain(summarise(build.study(stages))))
        words = re.findall(r">([0-9.]+)</text>", text)
        return [float(word) for word in words]

    same = [build.stage(name, ["a", "b"], [0.95, 0.9], num=5) for name in "xy"]
    low, *_, high = ticks(same)
    assert high - low > 0.1  # the bars are on it, not the fifth digit of a mean
    # Two replicates give a bar of any length: the others keep their place.
    short = [build.stage(name, ["a", "b"], [0.95, 0.9], num=8, spread=0.001) for name in "pqr"]
    long = build.stage("long", ["a", "b"], [0.95, 0.9], num=2, spread=0.05)
    low, *_, high = ticks([*short, long])
    assert high - low < 5
