"""The chain audit's judgement: what is screened, what is tested, and what it says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from made_up_studies import candidate, decided_by, noisy, runs, stage, study

from bakeoff.evidence.audit import (
    MOST_CONFIRMED,
    SwapJudgement,
    closest,
    confirm,
    replicates_of,
    screen,
    screened,
    summary,
    untried,
)
from bakeoff.evidence.rule import Rule, Sampling
from bakeoff.records import AuditSwap, Comparison, StudyResult
from bakeoff.tasks.classification import LOSS, metric_named

BY_LOSS = Rule(metric=LOSS)
NAN = float("nan")


def around(mean: float, size: int = 9, *, seed: int = 1, sd: float = 0.003) -> np.ndarray:
    """Values whose mean is exactly ``mean``."""
    values = sd * np.random.default_rng(seed).standard_normal(size)
    return mean + values - values.mean()


def put_to_the_test(
    gap: float,
    *,
    others: int = 0,
    rule: Rule | None = None,
    size: int = 9,
    final: np.ndarray | None = None,
    swap: np.ndarray | None = None,
) -> SwapJudgement:
    """The judgement of one swap that is ``gap`` above the final, tested beside ``others``."""
    final = around(0.95, size) if final is None else final
    swap = final + gap + around(0.0, size, seed=2) if swap is None else swap
    return confirm(
        final,
        [swap, *(final + around(0.0, size, seed=3 + k) for k in range(others))],
        labels=["activation=tanh", *(f"other={k}" for k in range(others))],
        rule=rule or Rule(),
        sampling=Sampling(55_000, 5_000, 5_000.0, num_folds=12),
    )[0]


# Which replicates and which swaps.


@pytest.mark.parametrize(
    ("replicates", "parts"),
    [(1, (1, 0)), (2, (2, 0)), (3, (3, 0)), (4, (1, 3)), (5, (2, 3)), (6, (3, 3)), (12, (3, 9))],
)
def test_most_replicates_confirm_and_with_three_nothing_can(
    replicates: int, parts: tuple[int, int]
) -> None:
    assert replicates_of(replicates) == parts


def test_the_best_three_of_those_ahead_are_tested_best_first() -> None:
    final = np.full(3, 0.9)
    gains = [-0.01, 0.02, 0.0, 0.04, 0.01, 0.03]
    assert screen(final, [final + gain for gain in gains], Rule()) == (3, 5, 1)
    assert screen(final, [final + gain for gain in gains], BY_LOSS) == (0,)


def test_a_swap_whose_runs_failed_more_often_is_not_tested() -> None:
    final, failing = np.full(3, 0.9), np.array([0.99, NAN, 0.99])
    assert screen(final, [failing], Rule()) == ()
    assert screen(np.array([0.9, NAN, 0.9]), [failing], Rule()) == (0,)
    said = screened(final, failing, label="scale=none", rule=Rule(), best=False).sentence
    assert "1 of 3 runs failed" in said
    assert said.endswith("the choice stands.")


# What is said of a swap that was only screened.


def test_screening_prints_no_interval() -> None:
    final = around(0.95, 3)
    judged = screened(final, final - 0.005, label="hidden=64", rule=Rule(), best=False)
    assert judged.confirmed is None
    assert (judged.comparison.low, judged.comparison.high) == (None, None)
    assert judged.sentence == (
        "At the final settings, `hidden=64` was behind by 0.50 points over 3 replicates: "
        "the choice stands."
    )


def test_of_a_loss_less_is_better() -> None:
    final = around(0.15, 3)
    judged = screened(final, final + 0.01, label="hidden=64", rule=BY_LOSS, best=False)
    assert "behind by 0.01 over 3 replicates: the choice stands" in judged.sentence
    assert judged.comparison.mean == pytest.approx(0.01)


def test_a_swap_without_a_finished_run_was_not_compared_and_not_beaten() -> None:
    final, failed = np.full(3, 0.9), np.full(3, NAN)
    judged = screened(final, failed, label="scale=none", rule=Rule(), best=False)
    assert (judged.comparison, judged.confirmed) == (None, None)
    assert judged.sentence.endswith("could not be compared: 3 of 3 runs failed.")
    other = screened(failed, final, label="scale=none", rule=Rule(), best=False)
    assert other.sentence.endswith(
        "could not be compared: 3 of 3 runs failed of the final settings."
    )


def test_with_too_few_replicates_the_best_is_not_said_to_be_beaten() -> None:
    final = around(0.95, 3)
    said = screened(final, final + 0.01, label="hidden=64", rule=Rule(), best=True).sentence
    assert said.endswith("worth a closer look, for which there were too few replicates.")


# What the test says.


def test_a_swap_that_beats_the_final_is_an_interaction() -> None:
    judged = put_to_the_test(0.01)
    assert judged.confirmed is True
    assert judged.comparison.mean == pytest.approx(0.01)
    assert (judged.comparison.first, judged.comparison.second) == (1, 0)
    assert judged.comparison.num_replicates == 9
    assert judged.comparison.low > 0.0
    assert judged.sentence.startswith("Interaction: at the final settings, `activation=tanh` was")
    assert "over 9 further replicates (95 % interval" in judged.sentence


def test_alpha_is_shared_by_the_swaps_tested_alone() -> None:
    assert put_to_the_test(0.01).comparison.level == pytest.approx(0.95)
    assert put_to_the_test(0.01, others=2).comparison.level == pytest.approx(1.0 - 0.05 / 3)


def test_the_others_spread_helps_to_know_a_swaps_own() -> None:
    """Three replicates show a spread badly: 2 degrees of freedom, but 6 beside two more swaps."""
    for others, quantile in ((0, 4.303), (2, 3.287)):
        pair = put_to_the_test(0.012, size=3, others=others).comparison
        assert (pair.high - pair.mean) / pair.se == pytest.approx(quantile, abs=1e-3)


def test_lower_is_better_turns_the_judgement_round() -> None:
    assert put_to_the_test(-0.01, rule=BY_LOSS).confirmed is True
    assert put_to_the_test(0.01, rule=BY_LOSS).confirmed is False
    assert "was ahead by 0.01 over" in put_to_the_test(-0.01, rule=BY_LOSS).sentence


def test_what_is_level_or_behind_stands() -> None:
    final = around(0.95)
    for gap in (0.0, -0.02):
        judged = put_to_the_test(gap, final=final, swap=final + gap)
        assert judged.confirmed is False
        assert judged.sentence.endswith("not enough to overturn the choice.")


def test_a_lead_too_small_to_be_shown_is_called_level() -> None:
    final = around(0.95)
    assert "was level over" in put_to_the_test(0.0, final=final, swap=final + 1e-5).sentence
    loss = around(0.15)
    assert (
        "ahead by 1e\u221205"
        in put_to_the_test(0.0, final=loss, swap=loss - 1e-5, rule=BY_LOSS).sentence
    )


def test_fewer_than_three_shared_replicates_confirm_nothing() -> None:
    swap = around(0.99)
    swap[2:] = NAN
    assert (
        put_to_the_test(0.0, final=np.where(np.isnan(swap), NAN, around(0.9)), swap=swap).confirmed
        is False
    )


def test_a_swap_that_fails_more_often_is_not_confirmed() -> None:
    swap = around(0.99)
    swap[0] = NAN
    judged = put_to_the_test(0.0, swap=swap)
    assert judged.confirmed is False
    assert "but 1 of 9 runs failed: the choice stands" in judged.sentence


def test_two_that_agree_in_every_run_are_not_told_apart_by_a_spread_of_zero() -> None:
    """One more right answer in every run of 20 examples would be a sure gain without the floor."""
    final = np.full(9, 0.90)
    judged = confirm(
        final,
        [final + 0.002],
        labels=["x"],
        rule=Rule(),
        sampling=Sampling(220, 20, 20.0, num_folds=12),
    )[0]
    assert judged.confirmed is False


def simulated(gain: float, *, sds: tuple[float, ...], times: int, seed: int) -> tuple[float, float]:
    """How often a true gain is found and a false one confirmed, among 16 swaps over 3 + 9.

    ``sds`` are the swaps' sds of the paired difference in points, in turn; the first swap gains.
    """
    rng = np.random.default_rng(seed)
    found = false = 0
    for _ in range(times):
        shared, own = rng.normal(size=12), rng.normal(size=(16, 12))
        final = 0.95 + 0.01 / np.sqrt(2.0) * shared
        spread = 0.01 * np.resize(sds, 16)[:, None] / np.sqrt(2.0)
        values = final + spread * (own - shared)
        values[0] += 0.01 * gain
        best = screen(final[:3], list(values[:, :3]), Rule())
        judged = confirm(
            final[3:],
            [values[k, 3:] for k in best],
            labels=[str(k) for k in best],
            rule=Rule(),
            sampling=Sampling(1_100, 100, 100.0, num_folds=12),
        )
        confirmed = {k for k, one in zip(best, judged, strict=True) if one.confirmed}
        found += 0 in confirmed and gain > 0.0
        false += bool(confirmed - ({0} if gain > 0.0 else set()))
    return found / times, false / times


def test_the_audit_finds_what_it_is_said_to_find() -> None:
    """49 % at 1.5 points of sd 1.3, 83 % at 2, in 80 runs; here within 3 standard errors of 300."""
    assert simulated(1.5, sds=(1.3,), times=300, seed=1)[0] > 0.40
    assert simulated(2.0, sds=(1.3,), times=300, seed=2)[0] > 0.76


@pytest.mark.parametrize("sds", [(1.3,), (0.6, 0.6, 0.6, 4.0)])
def test_without_a_true_gain_it_hardly_ever_finds_one(sds: tuple[float, ...]) -> None:
    assert simulated(0.0, sds=sds, times=600, seed=3)[1] <= 0.025


# The whole audit in words.


def audited(*swaps: AuditSwap, metric: str = "accuracy") -> StudyResult:
    one = stage("hidden", [(candidate("64", hidden=(64,)), runs(noisy(0.96)))])
    result = study([one], audit=swaps, looks=(3, 12))
    return decided_by(result, metric_named(metric))


def swap(
    label: str,
    mean: float | None,
    *,
    confirmed: bool | None = None,
    possible: bool = True,
) -> AuditSwap:
    pair = None
    if mean is not None:
        interval = (None, None) if confirmed is None else (mean - 0.01, mean + 0.01)
        size = 3 if confirmed is None else 9
        pair = Comparison(1, 0, size, mean, 0.01, None, *interval, 0.9833)
    return AuditSwap(
        kind="runner-up",
        stage="hidden",
        label=label,
        candidate=candidate(label) if possible else None,
        runs=tuple(runs(noisy(0.9))) if possible else (),
        comparison=pair,
        confirmed=confirmed,
        sentence=f"sentence of {label}",
    )


def test_the_summary_says_what_was_tried_and_what_could_have_been_found() -> None:
    said = summary(
        audited(
            swap("hidden=32", -0.01),
            swap("scale=none", None),
            swap("activation=tanh", 0.001, confirmed=False),
            swap("warmup_epochs=8", None, possible=False),
        )
    )
    assert said[0] == (
        "4 earlier choices were swapped back at the final settings, one at a time: 2 compared over "
        "3 replicates, the best 1 tested on 9 others."
    )
    assert said[1].startswith("None was shown to be better than the final settings; one better by ")
    assert said[1].endswith(" points would probably (80 %) have been found.")
    assert said[2] == "Could not be compared, because runs failed: `scale=none`."
    assert said[3] == (
        "Could not be tried, because settings exclude each other: `warmup_epochs=8`."
    )


def test_a_spread_that_is_rounding_alone_is_not_said_to_find_anything() -> None:
    behind = swap("a=1", -0.1)
    assert behind.comparison is not None
    exact = dataclasses.replace(behind, comparison=dataclasses.replace(behind.comparison, sd=1e-17))
    assert summary(audited(exact))[1] == "None was shown to be better than the final settings."


def test_the_summary_names_what_beats_the_final() -> None:
    said = summary(audited(swap("a=1", 0.02, confirmed=True), swap("b=1", 0.01, confirmed=False)))
    assert said[1] == "Better than the final settings: `a=1`."


def test_of_three_replicates_the_summary_says_that_nothing_could_be_shown() -> None:
    few = dataclasses.replace(audited(swap("a=1", 0.02)), looks=(3,))
    assert summary(few)[1].startswith("3 replicates cannot show that any is better")


def test_no_audit_no_summary() -> None:
    assert summary(audited()) == ()


@pytest.mark.parametrize(("metric", "expected"), [("accuracy", "b=1"), ("loss", "a=1")])
def test_the_closest_is_the_best_in_the_metrics_own_direction(metric: str, expected: str) -> None:
    one = audited(
        swap("a=1", -0.01, confirmed=False),
        swap("b=1", 0.01, confirmed=False),
        swap("c=1", 0.05 if metric == "accuracy" else -0.05),
        swap("failed", None),
        metric=metric,
    )
    assert closest(one).label == expected


def test_a_swap_that_cannot_be_tried_says_which_rule_it_breaks() -> None:
    said = untried("warmup_epochs=8", "`warmup_epochs <= epochs` must hold").sentence
    assert said.endswith("could not be tried: `warmup_epochs <= epochs` must hold.")


def test_at_most_three_are_tested_however_many_are_ahead() -> None:
    final = np.full(3, 0.9)
    assert len(screen(final, [final + 0.01 * k for k in range(1, 9)], Rule())) == MOST_CONFIRMED
