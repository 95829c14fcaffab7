"""The chain audit: which swaps are planned and how they are judged."""

from __future__ import annotations

import numpy as np
import pytest
from made_up_studies import candidate, noisy, runs, stage

from bakeoff.evidence.audit import (
    MOST_LEARNING_RATE_SWAPS,
    SwapJudgement,
    judge_swap,
    plan_swaps,
    runner_up,
)
from bakeoff.evidence.verdicts import Rule
from bakeoff.records import StageResult, TuningPoint


def activation_stage() -> StageResult:
    return stage(
        "activation",
        [
            (candidate("sigmoid"), runs(noisy(0.93, seed=1))),
            (candidate("tanh", activation="tanh"), runs(noisy(0.95, seed=2))),
            (candidate("relu", activation="relu"), runs(noisy(0.97, seed=3))),
        ],
        varied=("activation",),
    )


def rate_stage(activation: str = "relu") -> StageResult:
    return stage(
        "rate",
        [
            (
                candidate(f"lr={rate:g}", activation=activation, learning_rate=rate),
                runs(noisy(mean, seed=k)),
            )
            for k, (rate, mean) in enumerate([(0.01, 0.95), (0.1, 0.99), (0.3, 0.97)])
        ],
        varied=("learning_rate",),
    )


def test_the_runner_up_is_the_closest_to_the_chosen() -> None:
    assert runner_up(activation_stage()).label == "tanh"


def test_where_a_cheaper_one_was_carried_the_runner_up_is_the_leader() -> None:
    one = stage(
        "width",
        [
            (candidate("small", hidden=(8,)), runs(noisy(0.960, seed=1))),
            (candidate("large", hidden=(64,)), runs(noisy(0.961, seed=2))),
        ],
        pinned="small",
    )
    assert runner_up(one).label == "large"


def test_a_stage_without_a_rival_has_no_runner_up() -> None:
    assert runner_up(stage("a", [(candidate("x"), runs(noisy(0.9)))])) is None


def test_each_runner_up_is_put_into_the_final_settings() -> None:
    swaps = [s for s in plan_swaps([activation_stage(), rate_stage()]) if s.kind == "runner-up"]
    assert [(s.stage, dict(s.changes)) for s in swaps] == [
        ("activation", {"activation": "tanh"}),
        ("rate", {"learning_rate": 0.3}),
    ]
    assert swaps[0].settings.activation == "tanh"
    assert swaps[0].settings.learning_rate == 0.1  # all else is final
    assert swaps[0].label == "activation=tanh"


def test_other_activations_are_tried_at_other_learning_rates_nearest_first() -> None:
    swaps = [s for s in plan_swaps([activation_stage(), rate_stage()]) if s.kind != "runner-up"]
    pairs = [(s.changes["activation"], s.changes["learning_rate"]) for s in swaps]
    assert pairs == [("sigmoid", 0.3), ("tanh", 0.3), ("sigmoid", 0.01), ("tanh", 0.01)]


def test_nothing_is_trained_twice() -> None:
    swaps = plan_swaps([activation_stage(), rate_stage(), activation_stage(), rate_stage()])
    prints = [swap.settings.fingerprint() for swap in swaps]
    assert len(prints) == len(set(prints))
    assert rate_stage().candidates[1].settings.fingerprint() not in prints


def test_tuned_learning_rates_count_as_tried_and_the_number_is_bounded() -> None:
    rates = [10.0 ** -(k / 4) for k in range(20)]
    points = tuple(TuningPoint("x", {"learning_rate": rate}, (), chosen=False) for rate in rates)
    one = activation_stage()
    tuned = stage(
        "activation",
        list(zip(one.candidates, one.runs, strict=True)),
        varied=("activation",),
        tuning=points,
    )
    swaps = [s for s in plan_swaps([tuned]) if s.kind == "learning-rate"]
    assert len(swaps) == MOST_LEARNING_RATE_SWAPS
    distances = [abs(np.log(s.settings.learning_rate / 0.01)) for s in swaps]
    assert distances == sorted(distances)


def test_choices_that_exclude_each_other_are_left_out() -> None:
    warm = stage(
        "warm-up",
        [
            (candidate("long", warmup_epochs=8.0), runs(noisy(0.95, seed=1))),
            (candidate("none"), runs(noisy(0.96, seed=2))),
        ],
    )
    short = stage("epochs", [(candidate("few", epochs=2), runs(noisy(0.97, seed=3)))])
    assert plan_swaps([warm, short]) == ()


def test_no_stages_no_swaps() -> None:
    assert plan_swaps([]) == ()


def judged(gap: float, *, size: int = 12, last: bool = True, **changes: object) -> SwapJudgement:
    rng = np.random.default_rng(1)
    final = 0.95 + 0.003 * rng.standard_normal(size)
    swapped = final + gap + 0.003 * (np.arange(size) % 2 - 0.5)
    options: dict = {
        "label": "activation=tanh",
        "num_swaps": 4,
        "rule": Rule(),
        "num_train": 55_000,
        "num_validation": 5_000,
        "last": last,
        **changes,
    }
    return judge_swap(final, swapped, **options)


def test_a_swap_that_beats_the_final_is_an_interaction() -> None:
    verdict = judged(0.01)
    assert verdict.confirmed is True
    assert verdict.comparison.mean == pytest.approx(0.01)
    assert (verdict.comparison.first, verdict.comparison.second) == (1, 0)
    assert verdict.comparison.level == pytest.approx(0.9875)
    assert verdict.sentence.startswith("Interaction: at the final settings, activation=tanh is")


def test_more_swaps_ask_for_more_evidence() -> None:
    assert judged(0.0028).confirmed is True
    assert judged(0.0028, num_swaps=1000).confirmed is False


def test_the_first_look_only_says_whether_to_go_on() -> None:
    ahead, behind = judged(0.01, size=3, last=False), judged(-0.01, size=3, last=False)
    assert (ahead.go_on, ahead.confirmed) == (True, None)
    assert (behind.go_on, behind.confirmed) == (False, None)
    assert "the choice stands" in behind.sentence
    assert "worse" in behind.sentence


def test_lower_is_better_turns_the_judgement_round() -> None:
    rule = Rule(metric="loss", higher_is_better=False)
    assert judged(-0.01, rule=rule).confirmed is True
    assert judged(0.01, rule=rule).confirmed is False


def test_fewer_than_three_shared_replicates_confirm_nothing() -> None:
    assert judged(0.5, size=2).confirmed is False


def test_failed_runs_of_a_swap_confirm_nothing() -> None:
    verdict = judge_swap(
        np.full(3, 0.9),
        np.full(3, np.nan),
        label="scale=none",
        num_swaps=1,
        rule=Rule(),
        num_train=100,
        num_validation=10,
        last=False,
    )
    assert (verdict.comparison, verdict.go_on, verdict.confirmed) == (None, False, None)
    assert "no finished run" in verdict.sentence
