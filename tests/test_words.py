"""Numbers and names in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff import words
from bakeoff.tasks.base import Metric

ACCURACY = Metric("accuracy", higher_is_better=True, share=True)
LOSS = Metric("loss", higher_is_better=False)
PRICE = Metric("error", higher_is_better=False, unit="€")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.22, "22.00"), (0.0052, "0.52"), (-0.0052, "−0.52"), (-0.00001, "0.00")],
)
def test_points_have_two_decimals_and_a_true_minus(value: float, text: str) -> None:
    assert words.points(value) == text


def test_a_sign_is_shown_where_asked_but_never_on_zero() -> None:
    assert words.points(0.0052, sign=True) == "+0.52"
    assert words.points(0.0, sign=True) == "0.00"


def test_one_point_is_singular() -> None:
    assert words.difference(0.01, ACCURACY) == "1.00 point"
    assert words.difference(-0.01, ACCURACY, sign=True) == "−1.00 point"
    assert words.difference(0.02, ACCURACY) == "2.00 points"


def test_a_metric_that_is_no_share_is_a_plain_number_with_its_unit() -> None:
    assert words.level(0.12345, LOSS) == "0.1235"
    assert words.difference(0.5, LOSS, sign=True) == "+0.5"
    assert words.level(12.0, PRICE) == "12 €"
    assert words.difference(-3.0, PRICE) == "−3 €"
    assert words.number(-1.5e-5) == "−1.5e−05"


def test_an_interval_has_both_ends_or_is_a_dash() -> None:
    assert words.interval(-0.0011, 0.0093, ACCURACY, sign=True) == "−0.11 to +0.93"
    assert words.interval(None, 0.0093, ACCURACY) == "–"


def test_a_coverage_has_no_idle_zeros() -> None:
    assert [words.coverage(level) for level in (0.95, 0.9875, 0.996875)] == [
        "95 %",
        "98.75 %",
        "99.6875 %",
    ]


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
    assert words.duration(seconds) == text


def test_missing_numbers_are_a_dash() -> None:
    shown = {words.percent(None), words.points(None), words.number(None), words.duration(None)}
    shown |= {words.count(None), words.level(None, LOSS), words.difference(None, ACCURACY)}
    assert shown == {"–"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        ((64, 32), "64-32"),
        ([], "none"),
        (None, "none"),
        (0.1, "0.1"),
        (1e-05, "1e-05"),
        (0.123456789, "0.123456789"),
        (32, "32"),
        ("relu", "relu"),
    ],
)
def test_a_setting_is_printed_in_one_way(value: object, text: str) -> None:
    assert words.setting(value) == text


def test_control_characters_are_shown_not_obeyed() -> None:
    assert words.visible("a\x1b[31mb\x07\u202ec\u200b\x85") == "a␛[31mb␇\\u202ec\\u200b\\u0085"
    assert words.visible("two\nlines\u2028wide\u00a0blank") == "two lines wide blank"


@given(st.text())
def test_what_is_visible_holds_no_control_and_stays_itself_when_shown_again(text: str) -> None:
    shown = words.visible(text)
    assert shown.isprintable()
    assert words.visible(shown) == shown
    assert (shown == text) == text.isprintable()


def test_long_names_keep_both_ends() -> None:
    name = words.clip("a" * 100 + "z" * 100, 30)
    assert len(name) == 30
    assert name.startswith("aaa")
    assert name.endswith("zzz")


def test_long_lists_say_how_many_more_there_are() -> None:
    assert words.listing(["a", "b", "c"]) == "a, b and c"
    assert words.listing([str(i) for i in range(10)], most=6) == "0, 1, 2, 3, 4 and 5 more"


def test_a_candidate_of_another_model_is_called_by_its_label_alone() -> None:
    values = {"model": "sklearn.linear_model.LogisticRegression", "C": 1.0}
    assert words.candidate("logistic", ["model"], values) == "logistic"
    assert words.candidate("strong", ["C"], values) == "strong (C 1)"
    assert words.candidate("C=1, kernel=linear", ["C"], values) == "C=1, kernel=linear"
    assert words.candidate("C=10", ["C"], values) == "C=10 (C 1)"


def test_the_name_of_a_nested_setting_is_both_its_parts() -> None:
    assert words.spoken("learning_rate") == "learning rate"
    assert words.spoken("svc__C") == "svc C"
