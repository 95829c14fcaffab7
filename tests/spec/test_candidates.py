"""Candidates of a stage: their order, labels, carried settings and tuning points."""

from __future__ import annotations

from typing import Any

import pytest

from bakeoff import words
from bakeoff.dense.settings import DENSE_SPACE
from bakeoff.errors import SpecError
from bakeoff.spec import (
    StageSpec,
    StudySpec,
    from_dict,
    label_of,
    num_tuning_points,
    stage_candidates,
    tuning_points,
)


def study(*stages: dict[str, Any], **keys: Any) -> StudySpec:
    named = [{"name": f"stage {number}", **stage} for number, stage in enumerate(stages)]
    return from_dict({"format": 1, "name": "x", "data": "digits", "stage": named, **keys})


def stage(**keys: Any) -> StageSpec:
    return study(keys).stage[0]


def labels(one: StageSpec) -> list[str]:
    return [candidate.label for candidate in stage_candidates(one, {})]


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("relu", "relu"),
        ([64, 64], "64-64"),
        ((64,), "64"),
        ([], "none"),
        (0.001, "0.001"),
        (0.1, "0.1"),
        (1.0, "1"),
        (1, "1"),
        (1e-5, "1e-05"),
        (0.123456789, "0.123456789"),
        (True, "true"),
        (False, "false"),
    ],
)
def test_a_value_has_a_short_label(value: Any, label: str) -> None:
    assert words.setting(value) == label


def test_one_varied_setting_is_labelled_by_its_values_alone() -> None:
    assert labels(stage(vary={"hidden": [[64, 64], [], [32]]})) == ["64-64", "none", "32"]


def test_several_varied_settings_make_their_product_in_declared_order() -> None:
    one = stage(vary={"learning_rate": [0.1, 0.01], "scale": ["unit", "none"]})
    assert labels(one) == [
        "learning_rate=0.1, scale=unit",
        "learning_rate=0.1, scale=none",
        "learning_rate=0.01, scale=unit",
        "learning_rate=0.01, scale=none",
    ]


def test_listed_candidates_are_labelled_by_what_differs_between_them() -> None:
    same = {"batch_size": 64}
    assert labels(stage(candidate=[{"l2": 0.1, **same}, {"l2": 0.2, **same}])) == ["0.1", "0.2"]
    one = stage(candidate=[{"optimizer": "adam", **same}, {"momentum": 0.9, **same}, same])
    assert labels(one) == ["optimizer=adam", "momentum=0.9", "as carried in"]
    assert labels(stage(candidate=[{"scale": "unit", **same}])) == ["scale=unit, batch_size=64"]


def test_an_author_s_label_is_never_renamed() -> None:
    one = stage(candidate=[{"l2": 0.1}, {"label": "0.1", "l2": 0.2}])
    assert labels(one) == ["0.1 (2)", "0.1"]


def test_identical_models_are_refused_in_a_study_and_numbered_in_a_replication() -> None:
    twice = {"candidate": [{"l2": 0.1}, {"l2": 0.1}], "carry": {"l2": 0.1}}
    with pytest.raises(SpecError, match="candidates must differ"):
        study(twice)
    assert labels(study(twice, kind="replication").stage[0]) == ["0.1", "0.1 (2)"]


def test_identical_models_in_different_stages_are_allowed_everywhere() -> None:
    again = {"candidate": [{"label": "a", "l2": 0.1}], "carry": {"l2": 0.1}}
    assert len(study(again, again).stage) == 2
    assert len(study(again, again, kind="replication").stage) == 2


def test_whether_candidates_repeat_is_left_open_while_the_evidence_may_decide_it() -> None:
    """The slope has no effect under relu, but the stage before may choose leaky_relu."""
    slopes = {"vary": {"negative_slope": [0.1, 0.2]}}
    activations = {"vary": {"activation": ["relu", "leaky_relu"]}}
    with pytest.raises(SpecError, match="candidates must differ"):
        study(slopes)
    assert study(slopes, base={"activation": "leaky_relu"})
    assert study(activations, slopes)
    assert study({**activations, "carry": {"activation": "leaky_relu"}}, slopes)
    with pytest.raises(SpecError, match="candidates must differ"):
        study({**activations, "carry": {"activation": "relu"}}, slopes)


def test_a_rule_between_settings_is_held_against_everything_that_may_be_carried_in() -> None:
    short = {"vary": {"epochs": [5, 20]}}
    warm = {"vary": {"warmup_epochs": [0.0, 10.0]}}
    with pytest.raises(SpecError, match=r"stage\[1\].vary.warmup_epochs\[1\].*but got 10 > 5"):
        study(short, warm)
    assert study({**short, "carry": {"epochs": 20}}, warm)
    with pytest.raises(SpecError, match="but got 10 > 5"):
        study({**short, "carry": {"epochs": 5}}, warm)


def test_a_stage_behind_a_broken_one_is_not_blamed_for_it() -> None:
    with pytest.raises(SpecError) as caught:
        study({"vary": {"epochs": [0]}}, {"vary": {"warmup_epochs": [10.0, 9.0]}})
    assert [mistake.path for mistake in caught.value.mistakes] == ["stage[0].vary.epochs[0]"]


def test_declared_settings_are_what_was_carried_in_and_the_change_without_defaults() -> None:
    carried = {"hidden": [8], "learning_rate": 0.3}
    one = stage(vary={"learning_rate": [0.1], "scale": ["unit"]})
    (candidate,) = stage_candidates(one, carried)
    assert candidate.declared == {"hidden": [8], "learning_rate": 0.1, "scale": "unit"}
    assert carried == {"hidden": [8], "learning_rate": 0.3}


def test_a_learning_rate_that_nobody_gave_follows_the_optimizer() -> None:
    one = stage(vary={"optimizer": ["sgd", "adam"]})
    rates = [DENSE_SPACE.complete(c.declared)["learning_rate"] for c in stage_candidates(one, {})]
    assert rates == [0.01, 0.001]


def test_published_numbers_stay_with_their_candidate() -> None:
    spec = study(
        {
            "candidate": [
                {"l2": 0.1, "published": {"test_accuracy": 0.5, "test_loss": 2}},
                {"l2": 0.2},
            ],
            "carry": {"l2": 0.2},
        },
        kind="replication",
    )
    first, second = stage_candidates(spec.stage[0], {})
    assert first.published is not None
    assert (first.published.test_accuracy, first.published.test_loss) == (0.5, 2.0)
    assert second.published is None


def test_settings_have_the_label_that_a_stage_would_give_them() -> None:
    settings = DENSE_SPACE.complete({"hidden": (64, 64), "learning_rate": 0.3})
    assert label_of(stage(vary={"hidden": [[32]]}), settings) == "64-64"
    one = stage(vary={"hidden": [[32]], "learning_rate": [0.1]})
    assert label_of(one, settings) == "hidden=64-64, learning_rate=0.3"
    assert label_of(stage(candidate=[{"l2": 0.1}]), settings) is None


# Tuning points.

VARY = {"scale": ["none", "unit"]}


def test_lists_are_tuned_over_as_a_grid() -> None:
    one = stage(vary=VARY, tune={"learning_rate": [0.1, 0.2], "batch_size": [8, 16]})
    assert tuning_points(one, DENSE_SPACE, seed=0) == [
        {"learning_rate": 0.1, "batch_size": 8},
        {"learning_rate": 0.1, "batch_size": 16},
        {"learning_rate": 0.2, "batch_size": 8},
        {"learning_rate": 0.2, "batch_size": 16},
    ]
    assert num_tuning_points(one) == 4
    assert tuning_points(stage(vary=VARY), DENSE_SPACE, seed=0) == []
    assert num_tuning_points(stage(vary=VARY)) == 0


def test_a_range_has_one_point_in_each_of_as_many_equal_cells() -> None:
    """What a scrambled Sobol sequence promises for a power of two."""
    one = stage(
        vary=VARY, tune={"dropout": {"low": 0.0, "high": 0.8, "scale": "linear", "points": 4}}
    )
    for seed in range(5):
        points = [point["dropout"] for point in tuning_points(one, DENSE_SPACE, seed=seed)]
        assert sorted(int(point / 0.2) for point in points) == [0, 1, 2, 3]
    one = stage(vary=VARY, tune={"learning_rate": {"low": 0.01, "high": 1, "points": 2}})
    low, high = sorted(point["learning_rate"] for point in tuning_points(one, DENSE_SPACE, seed=0))
    assert 0.01 <= low <= 0.1 <= high <= 1


def test_ranges_are_covered_together_and_meet_every_point_of_the_grid() -> None:
    one = stage(
        vary=VARY,
        tune={
            "l2": {"low": 1e-6, "high": 1e-2, "points": 8},
            "batch_size": [32, 64],
            "learning_rate": {"low": 0.01, "high": 1, "points": 4},
        },
    )
    points = tuning_points(one, DENSE_SPACE, seed=0)
    assert len(points) == num_tuning_points(one) == 16
    assert list(points[0]) == ["l2", "batch_size", "learning_rate"]
    assert len({point["l2"] for point in points}) == 8
    assert len({point["learning_rate"] for point in points}) == 8


def test_whole_numbers_stay_whole_and_are_tried_once() -> None:
    one = stage(vary=VARY, tune={"batch_size": {"low": 1, "high": 4, "points": 32}})
    points = [point["batch_size"] for point in tuning_points(one, DENSE_SPACE, seed=0)]
    assert sorted(points) == [1, 2, 3, 4]
    assert all(type(point) is int for point in points)


def test_the_studys_seed_scrambles_the_points() -> None:
    one = stage(vary=VARY, tune={"l2": {"low": 1e-6, "high": 1e-2}})
    assert tuning_points(one, DENSE_SPACE, seed=0) == tuning_points(one, DENSE_SPACE, seed=0)
    assert tuning_points(one, DENSE_SPACE, seed=0) != tuning_points(one, DENSE_SPACE, seed=1)
