"""Numbers and names in words."""

from __future__ import annotations

from dataclasses import replace

import build
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.report.words import clip, duration, listing, metric, number, percent, points, visible


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.22, "22.0"), (0.0052, "0.52"), (-0.0052, "−0.52"), (0.09999, "10.0"), (-0.00001, "0.00")],
)
def test_points_have_two_decimals_below_ten_and_a_true_minus(value: float, text: str) -> None:
    assert points(value) == text


def test_a_sign_is_shown_where_asked_but_never_on_zero() -> None:
    assert points(0.0052, sign=True) == "+0.52"
    assert points(0.0, sign=True) == "0.00"


def test_one_point_is_singular() -> None:
    assert metric("accuracy").difference(0.01) == "1.00 point"
    assert metric("accuracy").difference(0.02) == "2.00 points"


def test_a_metric_that_is_no_share_is_a_plain_number_with_its_direction() -> None:
    loss = metric("loss")
    assert not loss.higher_is_better
    assert loss.level(0.12345) == "0.1235"
    run = build.run(0, 0.9)
    assert loss.value(run) == run.metrics["val_loss"]
    assert loss.value(replace(run, metrics={})) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.003, "3.0 ms"),
        (0.5, "0.50 s"),
        (3.44, "3.4 s"),
        (75, "75 s"),
        (200, "3 min 20 s"),
        (7300, "2 h 1 min"),
    ],
)
def test_durations_use_the_unit_a_person_would(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_missing_numbers_are_a_dash() -> None:
    assert percent(None) == points(None) == number(None) == duration(None) == "–"


def test_control_characters_are_shown_not_obeyed() -> None:
    assert visible("a\x1b[31mb\x07\u202ec\u200b\x85") == "a␛[31mb␇\\u202ec\\u200b\\u0085"
    assert visible("two\nlines") == "two lines"


@given(st.text())
def test_what_is_visible_holds_no_control_and_stays_itself_when_shown_again(text: str) -> None:
    import unicodedata

    shown = visible(text)
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs") for char in shown)
    assert visible(shown) == shown


def test_long_names_keep_both_ends() -> None:
    name = clip("a" * 100 + "z" * 100, 30)
    assert len(name) == 30
    assert name.startswith("aaa")
    assert name.endswith("zzz")


def test_long_lists_say_how_many_more_there_are() -> None:
    assert listing(["a", "b", "c"]) == "a, b and c"
    assert listing([str(i) for i in range(10)]) == "0, 1, 2, 3, 4 and 5 more"
