"""The parts of the drawing by themselves: ticks, words, widths, and what is refused."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import build
import picture
import pytest
import vl_convert
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.report import charts
from bakeoff.report.chart_spec import Axis, Chart, Mark, Scale
from bakeoff.report.chart_style import INK, PLAIN, RULE, SHARE_OF_ERROR, along, chart, layer
from bakeoff.report.drawing.draw import draw
from bakeoff.report.drawing.subset import _PROPERTIES, NotDrawnError
from bakeoff.report.drawing.text_width import cut, text_width
from bakeoff.report.drawing.ticks import fixed, significant, tick_values
from bakeoff.report.view import build_view


@pytest.mark.parametrize(
    ("low", "high", "count", "ticks", "decimals"),
    [
        (0, 1, 5, [0, 0.2, 0.4, 0.6, 0.8, 1], 1),
        (-2.6, 0.6, 5, [-2.5, -2, -1.5, -1, -0.5, 0, 0.5], 1),
        (0, 100, 5, [0, 20, 40, 60, 80, 100], 0),
        (96.78, 96.82, 5, [96.78, 96.79, 96.8, 96.81, 96.82], 2),
        (1, 2, 1, [1, 2], 0),
        (7, 7, 4, [7], 0),
    ],
)
def test_ticks_are_where_d3_puts_them(
    low: float, high: float, count: int, ticks: list[float], decimals: int
) -> None:
    assert tick_values(low, high, count) == (pytest.approx(ticks), decimals)


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-3, 1e6), count=st.integers(2, 10))
def test_ticks_are_inside_evenly_spaced_and_each_has_its_own_words(
    low: float, span: float, count: int
) -> None:
    high = low + span
    values, decimals = tick_values(low, high, count)
    room = 1e-6 * max(abs(low), abs(high), span)
    assert all(low - room <= value <= high + room for value in values)
    assert count / 2.5 <= len(values) <= 2 * count + 1
    steps = {round((b - a) / span, 6) for a, b in pairwise(values)}
    assert len(steps) <= 1 or max(steps) - min(steps) < 1e-5
    words = [fixed(value, decimals) for value in values]
    assert len(set(words)) == len(words)


def words_of(svg: str) -> list[str]:
    return sorted(words for words, _, _ in picture.read(svg, "").words)


def one_axis(scale: Scale, axis: Axis, width: float = 2_000) -> Chart:
    """A chart that is little more than an axis."""
    return chart(
        [
            layer(
                [{"a": scale["domain"][0]}],
                Mark(type="rule", color=INK),
                x=along("a", scale, axis),
                y={"value": 0},
                y2={"value": 20},
            )
        ],
        width,
        20,
        "An axis.",
    )


def vegas(drawn: Chart) -> str:
    svg: str = vl_convert.vegalite_to_svg(json.dumps(drawn), allowed_base_urls=[])
    return svg


@pytest.mark.parametrize("expression", [PLAIN, SHARE_OF_ERROR])
def test_computed_labels_say_what_vegas_say(expression: str) -> None:
    values = [1e-7, 2.5e-6, 3e-5, 0.00123456789, 0.01, 0.125, 0.2, 0.999]
    axis = Axis(title=None, values=values, labelExpr=expression)
    drawn = one_axis(Scale(type="log", domain=[1e-8, 1.5], nice=False), axis)
    ours = words_of(draw(drawn))
    assert len(ours) == len(values)
    assert ours == words_of(vegas(drawn))


@pytest.mark.parametrize(
    "domain", [[-0.004, 0.003], [-40, 3], [0, 12_345_678], [99.8, 99.95], [1e-5, 3e-5]]
)
def test_numbers_on_an_axis_are_written_as_vega_writes_them(domain: list[float]) -> None:
    drawn = one_axis(Scale(domain=domain, nice=False), Axis(title=None, tickCount=5))
    assert words_of(draw(drawn)) == words_of(vegas(drawn))


@pytest.mark.parametrize("width", [30, 60, 100, 160, 300])
def test_labels_without_room_are_left_out_as_vega_does(width: float) -> None:
    linear = one_axis(Scale(domain=[0, 2_000], nice=False), Axis(title=None, tickCount=10), width)
    tried = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1]
    log = one_axis(
        Scale(type="log", domain=[0.001, 1], nice=False),
        Axis(title=None, values=tried, labelExpr=PLAIN),
        width,
    )
    for drawn in (linear, log):
        assert words_of(draw(drawn)) == words_of(vegas(drawn))


def test_a_text_is_as_wide_as_its_letters_and_marks_above_letters_are_free() -> None:
    assert text_width("", 11) == 0
    assert text_width("97.12 %", 10) == pytest.approx(10 * (4 * 0.556 + 0.278 + 0.278 + 0.889))
    assert text_width("é", 10) == text_width("e\u0301", 10) == text_width("e", 10)
    assert text_width("中", 10) == 10


@given(st.text(max_size=60), st.floats(12, 400))
def test_a_cut_text_fits_and_a_fitting_one_is_whole(text: str, limit: float) -> None:
    shown = cut(text, 11, limit)
    assert text_width(shown, 11) <= limit
    assert (shown == text) == (text_width(text, 11) <= limit)
    assert shown == text or (shown.endswith("…") and text.startswith(shown[:-1]))


def test_significant_digits_never_end_in_idle_zeros() -> None:
    said = [significant(v) for v in (0, 0.1, 0.30, 1, 100, 123456, -0.5, 1e6, 2.5e-9)]
    assert said == ["0", "0.1", "0.3", "1", "100", "123456", "−0.5", "1e+6", "2.5e-9"]


def changed(path: list[Any], value: Any) -> Chart:
    """The chart of differences with one part of its specification replaced."""
    drawn: Any = charts.forest(build_view(build.winner()).stages[0])

    def put(node: Any, keys: list[Any]) -> Any:
        if not keys:
            return value
        copy = list(node) if isinstance(node, list) else dict(node)
        old = copy[keys[0]] if isinstance(copy, list) or keys[0] in copy else {}
        copy[keys[0]] = put(old, keys[1:])
        return copy

    result: Chart = put(drawn, path)
    return result


LAYER = ["layer", 0]
X = [*LAYER, "encoding", "x"]


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (["params"], [], "property 'params'"),
        (["config"], {}, "config"),
        ([*LAYER, "transform"], [], "layer property 'transform'"),
        ([*LAYER, "mark", "type"], "area", "mark type 'area'"),
        ([*LAYER, "mark", "cornerRadius"], 3, "rect property 'cornerRadius'"),
        ([*LAYER, "mark", "color"], "#123456", "colour '#123456'"),
        ([*LAYER, "encoding", "shape"], {"field": "a"}, "rect channel 'shape'"),
        ([*X, "aggregate"], "mean", "x channel's 'aggregate'"),
        ([*X, "scale", "reverse"], True, "x scale's 'reverse'"),
        ([*X, "scale", "type"], "sqrt", "second x scale"),
        ([*X, "scale"], None, "x without 'axis'"),
        ([*X, "axis", "tickSize"], 3, "x axis's 'tickSize'"),
        ([*X, "axis"], {"title": None, "values": [0]}, "without 'labelExpr'"),
        ([*X, "axis"], {"title": None}, "linear axis without 'values'"),
        ([*X, "axis", "labelExpr"], "datum.value + 1", "labelExpr 'datum.value"),
        ([*X, "axis", "labelAngle"], -45, "labelAngle -45"),
        ([*X, "axis", "format"], ".3f", "format '.3f'"),
        (["layer", 5, "mark", "align"], "justify", "align 'justify'"),
        (["layer", 5, "mark", "baseline"], "top", "baseline 'top'"),
        (["layer", 3, "mark"], {"type": "point", "color": INK}, "point without 'opacity'"),
    ],
)
def test_what_is_not_drawn_is_refused_by_name(path: list[Any], value: Any, named: str) -> None:
    with pytest.raises(NotDrawnError, match="is not drawn") as refusal:
        draw(changed(path, value))
    assert named in str(refusal.value)


def test_the_unchanged_chart_is_drawn() -> None:
    assert draw(changed(["width"], 440)).startswith("<svg")


def test_panels_are_for_notebooks_and_refused_here() -> None:
    panels: Any = charts.curves(build_view(build.winner()).stages[0])
    with pytest.raises(NotDrawnError, match="property 'columns' is not drawn"):
        draw(panels)


def test_the_specification_names_no_property_of_a_mark_that_nothing_draws() -> None:
    assert frozenset().union(*_PROPERTIES.values()) == frozenset(Mark.__annotations__)


def test_grid_lines_lie_on_whole_pixels() -> None:
    drawn = one_axis(Scale(domain=[0, 3], nice=False), Axis(title=None, tickCount=3), 100)
    grid = picture.read(draw(drawn), "var(--rule)").grid
    assert len(grid) == 4
    assert {box[0] % 1 for box in grid} == {0.5}
    assert RULE not in draw(drawn)
