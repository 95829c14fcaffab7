"""Which earlier choices the chain audit swaps back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from made_up_studies import candidate, noisy, runs, stage

from bakeoff.dense.settings import DENSE_SPACE
from bakeoff.evidence.swaps import MOST_RETUNED_SWAPS, Swap, plan_swaps, runner_up, swapped
from bakeoff.records import StageResult, TuningPoint
from bakeoff.settings import Settings

RETUNE = {"activation": "learning_rate"}


def plan(stages: Sequence[StageResult]) -> tuple[Swap, ...]:
    return plan_swaps(stages, complete=DENSE_SPACE.complete, retune=RETUNE)


def full(final: Settings, swap: Swap) -> Settings:
    settings, _ = swapped(final, swap.changes, DENSE_SPACE.complete)
    assert settings is not None
    return settings


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
    swaps = [s for s in plan([activation_stage(), rate_stage()]) if s.kind == "runner-up"]
    assert [(s.stage, dict(s.changes)) for s in swaps] == [
        ("activation", {"activation": "tanh"}),
        ("rate", {"learning_rate": 0.3}),
    ]
    assert swaps[0].label == "activation=tanh"


def test_other_activations_are_tried_at_other_learning_rates_nearest_first() -> None:
    swaps = [s for s in plan([activation_stage(), rate_stage()]) if s.kind != "runner-up"]
    pairs = [(s.changes["activation"], s.changes["learning_rate"]) for s in swaps]
    assert pairs == [("sigmoid", 0.3), ("tanh", 0.3), ("sigmoid", 0.01), ("tanh", 0.01)]


def test_nothing_is_trained_twice() -> None:
    swaps = plan([activation_stage(), rate_stage(), activation_stage(), rate_stage()])
    final = rate_stage().candidates[1].settings
    prints = [full(final, swap).fingerprint() for swap in swaps]
    assert len(prints) == len(set(prints))
    assert final.fingerprint() not in prints


def test_tuned_learning_rates_count_as_tried_and_the_number_is_bounded() -> None:
    rates = [10.0 ** -(k / 4) for k in range(20)]
    one = activation_stage()

    def tuned(label: str) -> StageResult:
        return stage(
            "activation",
            list(zip(one.candidates, one.runs, strict=True)),
            varied=("activation",),
            tuning=tuple(
                TuningPoint(label, {"learning_rate": rate}, (), chosen=False) for rate in rates
            ),
        )

    swaps = [s for s in plan([tuned(one.candidates[0].label)]) if s.kind == "learning-rate"]
    assert len(swaps) == MOST_RETUNED_SWAPS
    distances = [abs(np.log(s.changes["learning_rate"] / 0.01)) for s in swaps]
    assert distances == sorted(distances)
    left = plan([tuned("a point of a search that does not compete")])
    assert not any(s.kind == "learning-rate" for s in left)


def test_choices_that_exclude_each_other_are_planned_and_say_why_they_cannot_be_tried() -> None:
    warm = stage(
        "warm-up",
        [
            (candidate("long", warmup_epochs=8.0), runs(noisy(0.95, seed=1))),
            (candidate("none"), runs(noisy(0.96, seed=2))),
        ],
    )
    short = stage("epochs", [(candidate("few", epochs=2), runs(noisy(0.97, seed=3)))])
    (swap,) = plan([warm, short])
    assert swap.label == "warmup_epochs=8"
    settings, why = swapped(short.candidates[0].settings, swap.changes, DENSE_SPACE.complete)
    assert settings is None
    assert "warmup_epochs" in why


def test_no_stages_no_swaps() -> None:
    assert plan([]) == ()


def test_what_need_not_be_retuned_is_tried_at_no_other_learning_rate() -> None:
    stages = [activation_stage(), rate_stage()]
    swaps = plan_swaps(stages, complete=DENSE_SPACE.complete, retune={})
    assert {swap.kind for swap in swaps} == {"runner-up"}
