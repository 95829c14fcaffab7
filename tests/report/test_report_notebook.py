"""What a notebook shows: small, safe, without script."""

from __future__ import annotations

import build

from bakeoff.report.notebook import result_html, study_html


def test_a_result_is_a_table_of_verdicts() -> None:
    text = result_html(build.full())
    assert "<table" in text
    assert "+22.00 points" in text
    assert "undecided, provisional" in text
    assert "Test accuracy <b>97.20 %</b>, 95 % interval " in text


def test_a_result_stays_below_fifty_kilobytes_whatever_its_names() -> None:
    stages = [
        build.stage("s" * 500 + str(i), ["a" * 900, "b"], [0.9, 0.95], num=2) for i in range(150)
    ]
    text = result_html(build.study(stages, name="n" * 900))
    assert len(text.encode()) < 50_000
    assert "90 more stages" in text


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
