"""What a notebook shows: small, safe, without script."""

from __future__ import annotations

import re

import build
import pytest

from bakeoff import Result, Study
from bakeoff.report.notebook import result_html, study_html


def test_a_result_is_a_table_of_verdicts() -> None:
    text = result_html(build.full())
    assert "<table" in text
    assert "+22.00 points" in text
    assert "undecided, provisional" in text
    assert "Test accuracy <b>97.20 %</b>, 95 % interval " in text


def test_a_result_stays_below_fifty_kilobytes_whatever_its_names() -> None:
    stages = [
        build.stage("s" * 500 + str(i), ["a" * 900, "b"], [0.9, 0.95], num=2) for i in range(80)
    ]
    text = result_html(build.study(stages, name="n" * 900))
    assert len(text.encode()) < 50_000
    assert "20 more stages" in text
    assert re.search(r"\d+ more forests: <code>result.plot.forest\(stage\)</code>", text)


@pytest.fixture(scope="module")
def small() -> tuple[Study, Result]:
    study = Study("digits", base={"scale": "unit", "epochs": 2}, name="<b>mine", looks=[3])
    study.stage("width", "How wide?", hidden=[[4], [8]], tune={"learning_rate": [0.1, 0.3]})
    study.stage("activation", activation=["relu", "tanh"])
    return study, study.run(store=":memory:")


def test_a_result_shows_its_forests_without_anything_from_elsewhere(small) -> None:
    text = small[1]._repr_html_()
    assert text.count("<svg") == text.count("</svg>") == 2
    assert "<figcaption>width: " in text
    assert "<script" not in text
    assert "var(--" not in text
    assert set(re.findall(r"https?://[^\"' ]+", text)) == {"http://www.w3.org/2000/svg"}


def test_a_plan_is_worth_reading_as_text_and_as_html(small) -> None:
    plan = small[0].check(timed=False)
    text, html = repr(plan), plan._repr_html_()
    assert text.startswith("<b>mine, a study on digits: 1,372 train, 125 validation, 300 test")
    assert "1. width  How wide?\n  hidden  parameters  operations\n  4       310 " in text
    assert "each at its own learning_rate: 0.1, 0.3" in text
    assert f"{plan.min_runs} to {plan.max_runs} runs." in text
    for words in ("1. width", "+ the incumbent", "each at its own learning_rate: 0.1, 0.3"):
        assert words in html
    assert "&lt;b&gt;mine" in html
    assert "<b>mine" not in html.replace("<b>&lt;b&gt;mine", "")


def test_a_plan_of_a_thousand_candidates_does_not_fill_the_notebook() -> None:
    study = Study("digits", name="many", audit=False)
    study.stage("rate", learning_rate=[0.001 * one for one in range(1, 200)])
    assert "139 more candidates" in study.check(timed=False)._repr_html_()


def test_names_are_escaped_and_control_characters_shown() -> None:
    for text in (
        result_html(build.hostile()),
        study_html(
            {
                "name": build.HOSTILE,
                "data": build.HOSTILE,
                "stage": [
                    {
                        "name": build.HOSTILE,
                        "question": build.CONTROL,
                        "vary": {build.HOSTILE: [build.HOSTILE]},
                    }
                ],
            }
        ),
    ):
        assert "<script" not in text
        assert "<img" not in text
        assert "\x1b" not in text
        assert "&lt;img" in text


def test_a_study_shows_what_each_stage_varies_and_tunes() -> None:
    text = study_html(
        {
            "name": "mine",
            "data": "digits",
            "stage": [
                {"name": "depth", "vary": {"hidden": [[64], [64, 64]]}},
                {"name": "act", "candidate": [{}, {}], "tune": {"learning_rate": [0.1]}},
            ],
        }
    )
    assert "<b>mine</b> on digits, 2 stages" in text
    assert "hidden: 64, 64-64" in text
    assert "2 candidates" in text
    assert "learning_rate" in text


def test_a_study_without_stages_is_one_line() -> None:
    assert study_html({"name": "empty"}) == "<p><b>empty</b>, 0 stages</p>"


def test_a_plan_shows_what_an_authors_label_stands_for() -> None:
    study = Study("digits", name="labelled", audit=False)
    study.stage(
        "depth", candidates=[{"label": "3a", "hidden": [64, 64]}, {"label": "3b", "hidden": [8]}]
    )
    study.stage(
        "both",
        candidates=[
            {"label": "x", "hidden": [4], "learning_rate": 0.5},
            {"label": "y", "hidden": [5], "learning_rate": 0.25},
        ],
    )
    text = repr(study.check(timed=False))
    assert "\n  3a (hidden 64-64) " in text
    assert "\n  y (hidden 5, learning_rate 0.25) " in text
