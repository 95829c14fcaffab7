"""SVG by the piece: ticks, axes, words and their widths, and a picture that stands alone."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.errors import UsageError
from bakeoff.report import axes, svg
from bakeoff.report.axes import cut, significant, text_width, tick_values
from bakeoff.report.svg import Picture


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
    words = [f"{value:,.{decimals}f}" for value in values]
    assert len(set(words)) == len(words)


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
    places = range(len(shown))
    assert shown == text or any(
        shown == text[:i] + "…" + text[len(text) - len(shown) + i + 1 :] for i in places
    )


def test_significant_digits_never_end_in_idle_zeros() -> None:
    said = [significant(v) for v in (0, 0.1, 0.30, 1, 100, 123456, -0.5, 1e6, 2.5e-9)]
    assert said == ["0", "0.1", "0.3", "1", "100", "123456", "−0.5", "1e+6", "2.5e-9"]


def test_an_axis_places_its_ends_and_draws_what_lies_outside_at_the_end() -> None:
    axis = axes.linear("", (10, 20), 100)
    assert [axis(value) for value in (10, 15, 20, 5, 99)] == [0, 50, 100, 0, 100]
    assert [words for _, words in axis.ticks] == ["10", "12", "14", "16", "18", "20"]


def test_shares_over_a_wide_range_are_spaced_by_the_error_and_labelled_in_per_cent() -> None:
    axis = axes.shares("accuracy", [0.6, 0.97, 0.99], 0.001, 300)
    assert axis.title == "accuracy (%), spaced by the error"
    # From 90 to 95 % the error halves, as from 98 to 99 %.
    assert axis(0.95) - axis(0.9) == pytest.approx(axis(0.99) - axis(0.98), abs=1e-6)
    assert ("97", pytest.approx(axis(0.97))) in [(words, axis(v)) for v, words in axis.ticks]
    assert axes.shares("accuracy", [0.96, 0.97], 0.001, 300).title == "accuracy (%)"


def test_no_error_at_all_still_has_a_place_on_an_axis_of_errors() -> None:
    axis = axes.shares("accuracy", [0.5, 1.0], 0.01, 300)
    assert axis(0.5) < axis(0.9) < axis(1.0) <= 300


def test_values_that_were_tried_are_ticks_and_decades_are_evenly_spaced() -> None:
    axis = axes.spaced("learning_rate", [0.01, 0.1, 1.0], 300)
    first, second, third = (axis(value) for value in (0.01, 0.1, 1.0))
    assert second - first == pytest.approx(third - second)
    assert 10 < first < third < 290
    assert [words for _, words in axis.ticks] == ["0.01", "0.1", "1"]
    even = axes.spaced("batch_size", [16.0, 32.0, 48.0], 300)
    assert even(32.0) - even(16.0) == pytest.approx(even(48.0) - even(32.0))


def test_labels_without_room_are_left_out_and_the_rest_do_not_touch() -> None:
    axis = axes.linear("", (0, 10_000), 60, count=10)
    picture = Picture(60, 10, "An axis.")
    picture.x_axis(axis)
    labels = re.findall(r'<text x="([0-9.]+)"[^>]*>([0-9,]+)</text>', str(picture))
    assert 1 < len(labels) < len(axis.ticks)
    for (a, first), (b, second) in pairwise(labels):
        half = (text_width(first, svg.SIZE) + text_width(second, svg.SIZE)) / 2
        assert float(b) - float(a) >= half


def test_grid_lines_lie_on_whole_pixels() -> None:
    picture = Picture(100, 50, "A grid.")
    picture.x_axis(axes.linear("", (0, 3), 100, count=3))
    starts = re.findall(r"M([0-9.]+),0v50", str(picture))
    assert len(starts) == 4
    assert {float(start) % 1 for start in starts} == {0.5}


def test_a_picture_makes_room_for_every_word_it_holds() -> None:
    picture = Picture(100, 50, "Words.")
    picture.words([(100, 10, "a word beyond the right edge"), (0, -20, "above")])
    _, _, full, tall = (float(n) for n in re.findall(r'viewBox="([^"]+)"', str(picture))[0].split())
    assert full >= 100 + text_width("a word beyond the right edge", svg.SIZE)
    assert tall >= 50 + 20 + svg.SIZE / 2


def test_words_and_tooltips_are_text_and_not_markup() -> None:
    picture = Picture(100, 50, '"><script>')
    picture.words([(0, 0, "<img src=x>&")])
    picture.add([svg.mark(1, 2, 3, "</title><b>", replicate=0)], fill="accent")
    root = ET.fromstring(str(picture))
    assert root.get("aria-label") == '"><script>'
    assert {e.tag.split("}")[1] for e in root.iter()} == {"svg", "g", "text", "circle", "title"}
    assert "<img src=x>&" in "".join(root.itertext())


def test_outside_a_page_a_picture_has_its_own_colours_and_font(tmp_path: Path) -> None:
    picture = Picture(100, 50, "A dot.")
    picture.add([svg.mark(1, 2, 3)], fill="accent")
    assert 'fill="var(--accent)"' in str(picture)
    alone = picture._repr_svg_()
    assert "var(" not in alone
    assert svg.LIGHT["accent"] in alone
    assert picture.save(tmp_path / "dot.svg") == tmp_path / "dot.svg"
    assert ET.parse(tmp_path / "dot.svg").getroot().get("role") == "img"
    with pytest.raises(UsageError, match="there is no such folder"):
        picture.save(tmp_path / "missing" / "dot.svg")


def test_the_colours_outside_a_page_are_those_of_the_pages_light_theme() -> None:
    css = (Path(svg.__file__).parent / "templates" / "report.css").read_text("utf-8")
    light = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", css.split("@media")[0]))
    assert {name: light[name] for name in svg.LIGHT} == svg.LIGHT


def test_a_long_title_of_an_axis_makes_no_drawing_wider() -> None:
    def width(title: str) -> float:
        picture = svg.Picture(300, 40, "")
        picture.words([(svg.WIDTH, 10, "12.3 %")], anchor="end")
        picture.x_axis(axes.linear(title, (0, 3), 300))
        return float(re.search(r'viewBox="0 0 (\d+)', str(picture))[1])

    assert width("difference in accuracy from incumbent (max_…th none) (points)") == width("short")
    assert width("w" * 200) == width("short")
