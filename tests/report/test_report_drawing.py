"""The page's own drawing against Vega's, mark by mark and word by word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import build
import picture
import pytest
import vl_convert

from bakeoff.records import StudyResult
from bakeoff.report import charts
from bakeoff.report.chart_spec import Chart
from bakeoff.report.chart_style import RULE
from bakeoff.report.drawing.draw import draw
from bakeoff.report.view import build_view

TOLERANCE = 1.5  # pixels
FOREIGN = 4.0  # what stands beside names in characters that the table of widths only estimates
SIZE_TOLERANCE = 1.5  # beyond that, of the whole picture: margins are rounded


def near_failures() -> StudyResult:
    """Failed runs near enough to the others to be on the axis."""
    stage = build.failed_runs().stages[0]
    near = tuple(replace(r, val=replace(r.val, accuracy=0.93)) for r in stage.runs[1])
    return build.study([replace(stage, runs=(stage.runs[0], near, stage.runs[2]))])


STUDIES = {
    "full": build.full,
    "regression": build.regression,
    "failed": near_failures,
    "one": build.one_replicate,
    "hostile": build.hostile,
    "large": lambda: build.large(20, 3, 40),
    "two epochs": lambda: build.study(
        [build.stage("short", ["a", "b"], [0.9, 0.95], epochs=2, num=2)]
    ),
    "one epoch": lambda: build.study(
        [build.stage("short", ["a", "b"], [0.9, 0.95], epochs=1, num=2)]
    ),
}


def every_chart(result: StudyResult) -> Iterator[tuple[str, Chart]]:
    """All charts of a report, a few panels of a kind."""
    view = build_view(result)
    found: list[tuple[str, Chart | None]] = []
    for stage in view.stages:
        found += [("forest", charts.forest(stage)), ("replicates", charts.replicates(stage))]
        for what in ("accuracy", "loss"):
            found += [(f"{what} panel", chart) for _, chart in charts.panels(stage, what)[:3]]
        found += [(f"tuned {n}", charts.nuisance(stage, n)) for n in charts.nuisance_names(stage)]
        found.append(("heat map", charts.heatmap(stage)))
    found += [("chain", charts.chain(view)), ("published", charts.published(view))]
    if view.final:
        found += [
            ("confusion", charts.confusion(view.final)),
            ("recall", charts.recall(view.final)),
            ("reliability", charts.reliability(view.final)),
        ]
    for name, chart in found:
        if chart is not None:
            yield name, chart


def origin(shown: picture.Picture) -> tuple[float, float]:
    """A corner that both drawings have: of the grid where there is one, else of the marks."""
    shapes = [*shown.grid, *(shape for said, shape in shown.marks if said)]
    return min(min(s[::2]) for s in shapes), min(min(s[1::2]) for s in shapes)


def by_direction(shown: picture.Picture) -> list[picture.Box]:
    """Upright grid lines from the left, then the others from the top."""
    return sorted(shown.grid, key=lambda box: (box[2] - box[0] > 1, box[0] + box[1]))


def assert_alike(
    name: str, ours: picture.Picture, vegas: picture.Picture, beside: float = TOLERANCE
) -> None:
    (x, y), (their_x, their_y) = origin(ours), origin(vegas)

    def moved(box: tuple[float, ...], at: tuple[float, float]) -> tuple[float, ...]:
        return tuple(value - at[i % 2] for i, value in enumerate(box))

    assert len(ours.grid) == len(vegas.grid), name
    assert len(ours.marks) == len(vegas.marks), name
    pairs = [
        (("", a), ("", b)) for a, b in zip(by_direction(ours), by_direction(vegas), strict=True)
    ]
    # Vega draws axes and legend before or after the marks; a mark is known by what it says, in order.
    key = lambda mark: (mark[0] == "", mark[0])  # noqa: E731
    pairs += zip(sorted(ours.marks, key=key), sorted(vegas.marks, key=key), strict=True)
    for (said, box), (their_said, their_box) in pairs:
        assert said == their_said, name
        assert moved(box, (x, y)) == pytest.approx(
            moved(their_box, (their_x, their_y)), abs=TOLERANCE
        ), (name, said)
    assert sorted(w for w, _, _ in ours.words) == sorted(w for w, _, _ in vegas.words), name
    for (words, a, b), (_, c, d) in zip(sorted(ours.words), sorted(vegas.words), strict=True):
        assert (a - x, b - y) == pytest.approx((c - their_x, d - their_y), abs=beside), (
            name,
            words,
        )
    assert ours.size == pytest.approx(vegas.size, abs=SIZE_TOLERANCE + beside), name


@pytest.mark.parametrize("study", STUDIES)
def test_every_chart_is_drawn_as_vega_draws_it(study: str) -> None:
    kinds = set()
    for name, chart in every_chart(STUDIES[study]()):
        ours = picture.read(draw(chart), "var(--rule)")
        vegas = picture.read(
            vl_convert.vegalite_to_svg(json.dumps(chart), allowed_base_urls=[]), RULE
        )
        assert_alike(name, ours, vegas, FOREIGN if study == "hostile" else TOLERANCE)
        kinds.add(name)
    assert len(kinds) >= 3
