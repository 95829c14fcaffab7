"""The decision procedure, look by look and sentence by sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.errors import RunsFailedError
from bakeoff.evidence.rule import Rule, Sampling, default_delta, looks_until
from bakeoff.evidence.verdicts import Decision, decide, pin
from bakeoff.records import Verdict
from bakeoff.tasks.classification import LOSS

WIGGLE = np.array([1, -1, 0.5, -0.5, 0.8, -0.8, 0.3, -0.3, 0.6, -0.6, 0.2, -0.2])
FOLDS = Sampling(55_000, 5_000, 5_000.0, num_folds=12, chance=0.1)
BY_LOSS = Rule(metric=LOSS)
NAN = float("nan")


def rows(*means: float, wiggle: float = 0.001) -> np.ndarray:
    """Twelve replicates per mean; neighbours wiggle in different directions."""
    signs = [np.roll(WIGGLE, 3 * k) * (-1) ** k for k in range(len(means))]
    return np.array([mean + wiggle * sign for mean, sign in zip(means, signs, strict=True)])


def look_at(
    values: np.ndarray, num_replicates: int = 12, before: Decision | None = None, **changes: Any
) -> Decision:
    values = np.asarray(values, float)
    count = len(values)
    options: dict[str, Any] = {
        "finished": np.isfinite(values),
        "labels": [f"c{k}" for k in range(count)],
        "costs": [(100 * (k + 1), 10) for k in range(count)],
        "rule": Rule(),
        "num_replicates": num_replicates,
        "sampling": FOLDS,
        "before": before,
        **changes,
    }
    losses = options.pop("losses", np.full_like(values, 0.1))
    return decide(values, losses, **options)


def verdict_of(values: np.ndarray, num_replicates: int = 12, **changes: Any) -> Verdict:
    """The verdict of one look on its own."""
    verdict = look_at(values, num_replicates, **changes).verdict
    assert verdict is not None
    return verdict


def race(values: np.ndarray, **changes: Any) -> Verdict:
    """The verdict that the looks of a stage end with, one after another."""
    decision: Decision | None = None
    for look in changes.get("rule", Rule()).looks:
        decision = look_at(values, look, decision, **changes)
        if decision.verdict is not None:
            return decision.verdict
    raise AssertionError("the last look must give a verdict")


# --- the three kinds ----------------------------------------------------------------------------


def test_a_clear_lead_wins_at_an_early_look() -> None:
    verdict = verdict_of(rows(0.95, 0.99), 5)
    assert (verdict.kind, verdict.leader, verdict.chosen) == ("winner", "c1", "c1")
    assert (verdict.best, verdict.beaten) == (("c1",), ("c0",))
    assert verdict.num_replicates == 5
    assert verdict.comparison.low > 0
    assert verdict.comparison.level == pytest.approx(0.9875)
    assert verdict.reason.startswith("Over 5 paired replicates, `c1` exceeded `c0` by")
    assert "98.75 % interval" in verdict.reason
    assert verdict.reason.endswith("Winner.")


def test_two_alike_are_a_tie_as_soon_as_a_look_can_show_it_and_the_cheaper_goes_on() -> None:
    values = rows(0.9600, 0.9602)
    assert look_at(values, 3).verdict is None
    verdict = race(values)
    assert (verdict.kind, verdict.leader, verdict.chosen) == ("tie", "c1", "c0")
    assert verdict.best == ("c0", "c1")
    assert verdict.num_replicates == 5
    assert "Tie of `c0` and `c1` within ±0.40 points" in verdict.reason
    assert "`c0` goes on: it is the cheapest of them." in verdict.reason


@pytest.mark.parametrize(("look", "level"), [(3, 0.984), (5, 0.98), (8, 0.976), (12, 0.96)])
def test_the_interval_of_a_tie_is_the_one_that_decided_and_lies_inside_delta(
    look: int, level: float
) -> None:
    verdict = verdict_of(rows(0.9600, 0.9602, wiggle=0.0001), look, rule=Rule(delta=0.02))
    pair = verdict.comparison
    assert verdict.kind == "tie"
    assert pair.equivalent is True
    assert pair.level == pytest.approx(level)
    assert -verdict.delta < pair.low < pair.high < verdict.delta
    assert verdict.comparisons == (
        replace(pair, first=0, second=1, mean=-pair.mean, low=-pair.high, high=-pair.low),
    )


def test_neither_winner_nor_tie_is_undecided_with_a_provisional_choice_and_a_note() -> None:
    verdict = verdict_of(rows(0.96, 0.9625, wiggle=0.008))
    assert verdict.kind == "undecided"
    assert verdict.provisional
    assert verdict.best == ("c0", "c1")
    assert verdict.comparison.low < 0 < verdict.comparison.high
    assert verdict.power_note.startswith("12 replicates would probably (80 %)")
    assert verdict.reason.startswith("Undecided between `c0` and `c1`: over 12 paired replicates")


def test_the_provisional_choice_is_the_cheapest_within_one_standard_error() -> None:
    close = verdict_of(rows(0.96, 0.961, wiggle=0.01))
    assert (close.leader, close.chosen) == ("c1", "c0")
    far = verdict_of(rows(0.96, 0.968, wiggle=0.022))
    assert (far.kind, far.leader, far.chosen) == ("undecided", "c1", "c1")


def test_a_winner_by_less_than_delta_is_real_and_the_cheaper_one_goes_on() -> None:
    verdict = verdict_of(rows(0.90, 0.904))
    assert (verdict.kind, verdict.leader, verdict.chosen) == ("winner", "c1", "c0")
    assert "real but below your threshold of 0.50 points: `c0` goes on" in verdict.reason
    reverse = verdict_of(rows(0.904, 0.90))
    assert (reverse.leader, reverse.chosen) == ("c0", "c0")
    assert reverse.reason.endswith("Winner, real but below your threshold of 0.50 points.")


def test_the_authors_delta_decides_what_matters() -> None:
    verdict = verdict_of(rows(0.90, 0.904), rule=Rule(delta=0.001))
    assert (verdict.chosen, verdict.delta) == ("c1", 0.001)


# --- who goes on --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (rows(0.9600, 0.9601, 0.9602), "tie"),
        (rows(0.96, 0.961, 0.9615, wiggle=0.01), "undecided"),
    ],
)
def test_at_equal_cost_the_incumbent_goes_on_else_the_leader(values: np.ndarray, kind: str) -> None:
    """No learning rate is the cheaper one because it was named first."""
    for same in ([(100, 10)] * 3, [()] * 3):
        kept = verdict_of(values, costs=same, incumbent=1)
        assert (kept.kind, kept.leader, kept.chosen) == (kind, "c2", "c1")
        assert "it was carried in, and nothing was shown to be better" in kept.reason
        assert verdict_of(values, costs=same).chosen == "c2"


def test_a_cheaper_one_replaces_the_incumbent_in_a_tie() -> None:
    assert verdict_of(rows(0.9600, 0.9602), incumbent=1).chosen == "c0"


def test_a_beaten_incumbent_does_not_stay() -> None:
    same = [(100, 10)] * 2
    assert verdict_of(rows(0.90, 0.904), costs=same, incumbent=0).chosen == "c1"


# --- several candidates -------------------------------------------------------------------------


def test_a_beaten_candidate_gets_no_more_runs() -> None:
    decision = look_at(rows(0.960, 0.9605, 0.80), 3)
    assert decision.verdict is None
    assert decision.still_in == (0, 1)
    assert decision.eliminated == (2,)


def test_the_beaten_are_named_with_the_comparison_that_beat_them() -> None:
    values = rows(0.9600, 0.9601, 0.80)
    values[2, 3:] = NAN
    verdict = race(values)
    assert (verdict.kind, verdict.beaten, verdict.failed) == ("tie", ("c2",), ())
    pairs = {(pair.first, pair.second): pair for pair in verdict.comparisons}
    assert {ends: pair.num_replicates for ends, pair in pairs.items()} == {
        (0, 1): 5,
        (0, 2): 3,
        (1, 2): 3,
    }
    assert pairs[1, 2].level == pytest.approx(1 - 0.0125 / 2)
    assert pairs[0, 1].level == pytest.approx(0.98)
    assert "`c2` is worse than `c1` by 16.0" in verdict.reason
    assert "(99.375 % interval" in verdict.reason


def test_an_undecided_stage_says_what_is_beaten_and_which_pair_stands_in_the_way() -> None:
    """Two and three layers are equal, one layer is neither worse nor equal, a narrow one is worse."""
    near = rows(0.9760, 0.9760, wiggle=0.0002)
    unclear = 0.9740 + 0.0045 * WIGGLE
    values = np.array([near[0], near[1], unclear, np.full(12, 0.95)])
    verdict = verdict_of(values)
    assert (verdict.kind, verdict.beaten) == ("undecided", ("c3",))
    assert verdict.best == ("c0", "c1", "c2")
    assert {verdict.comparison.first, verdict.comparison.second} > {2}
    assert "Undecided between `c0`, `c1` and `c2`: in the way stands one pair" in verdict.reason
    assert "`c3` is worse than" in verdict.reason
    assert "0.00 points" not in verdict.power_note


def test_the_pair_of_an_undecided_stage_is_neither_told_apart_nor_shown_to_be_equal() -> None:
    rng = np.random.default_rng(0)
    seen = 0
    for _ in range(150):
        values = 0.95 + 0.004 * rng.standard_normal((4, 1)) + 0.004 * rng.standard_normal((4, 12))
        verdict = race(values)
        if verdict.kind == "undecided":
            seen += 1
            assert verdict.comparison.equivalent is False
            assert verdict.comparison.low <= 0.0 <= verdict.comparison.high
            labels = {
                verdict.labels[k] for k in (verdict.comparison.first, verdict.comparison.second)
            }
            assert labels <= set(verdict.best)
    assert seen > 15


def test_a_cheap_candidate_eliminated_by_less_than_delta_may_still_go_on() -> None:
    values = rows(0.900, 0.9045, 0.80, wiggle=0.0005)
    before = look_at(values, 5, last=False)
    assert before.eliminated == (2,)
    out = replace(before, verdict=None, still_in=(1,), eliminated=(2, 0), lost_to=(None, None))
    cheap = look_at(values, 8, replace(before, still_in=(0, 1)))
    assert (cheap.verdict.kind, cheap.verdict.leader, cheap.verdict.chosen) == (
        "winner",
        "c1",
        "c0",
    )
    assert out.still_in == (1,)
    strict = look_at(values, 8, replace(before, still_in=(0, 1)), rule=Rule(delta=0.004))
    assert (strict.verdict.leader, strict.verdict.chosen) == ("c1", "c1")


def test_a_winner_must_beat_every_rival() -> None:
    decision = look_at(rows(0.9600, 0.9602, 0.80), 3)
    assert decision.verdict is None


def test_the_sentence_names_the_closest_rival() -> None:
    verdict = verdict_of(rows(0.90, 0.95, 0.99), 8)
    assert "`c2` exceeded its closest rival `c1`" in verdict.reason
    assert "`c0` is worse than `c2` by 9.0" in verdict.reason
    assert verdict.beaten == ("c1", "c0")


def test_elimination_is_stricter_with_more_rivals() -> None:
    """A pair that just reaches .0125 eliminates among two, not among eight."""
    rng = np.random.default_rng(3)
    far = rng.standard_normal(12)
    far = (far - far.mean()) / far.std(ddof=1)
    spread, quantile = 0.01, 3.2  # t(1 - .0125/2, 11) = 2.98; t(1 - .0125/7/2, 11) = 3.98
    gap = quantile * spread * np.sqrt(1 / 12 + 1 / 24)
    alike = [np.full(12, 0.90)] * 7
    leader = 0.90 + gap + spread * far
    two = look_at(np.array([alike[0], leader]), 12, last=False)
    assert two.eliminated == (0,)
    eight = look_at(np.array([*alike, leader]), 12, last=False)
    assert eight.eliminated == ()


# --- few replicates -----------------------------------------------------------------------------


@pytest.mark.parametrize("num_replicates", [1, 2])
def test_below_three_replicates_nothing_is_decided(num_replicates: int) -> None:
    rule = Rule(looks=looks_until(Rule().looks, num_replicates))
    verdict = verdict_of(rows(0.5, 0.99), num_replicates, rule=rule)
    assert verdict.kind == "undecided"
    assert verdict.provisional
    assert verdict.chosen == "c1"
    assert "cannot tell a difference from luck" in verdict.reason
    assert verdict.beaten == ()


def test_one_replicate_has_no_interval_and_the_note_says_why() -> None:
    verdict = verdict_of(rows(0.5, 0.99), 1, rule=Rule(looks=(1,)))
    assert verdict.comparison.low is None
    assert "no interval from a single replicate" in verdict.reason
    assert "3 are the fewest" in verdict.power_note


def test_alpha_is_split_over_the_looks_that_can_decide() -> None:
    assert Rule().alpha_per_look == pytest.approx(0.0125)
    assert Rule(looks=(3, 5)).alpha_per_look == pytest.approx(0.025)


def test_a_single_look_spends_half_of_alpha_because_it_has_no_slack_for_correlation() -> None:
    for looks in ((12,), (1, 5), (1,)):
        assert Rule(looks=looks).alpha_per_look == pytest.approx(0.025)
        assert Rule(looks=looks).tie_alpha(looks[-1]) == pytest.approx(0.025)


def test_a_number_of_replicates_cuts_the_looks_or_adds_one() -> None:
    assert looks_until((3, 5, 8, 12), 5) == (3, 5)
    assert looks_until((3, 5, 8, 12), 4) == (3, 4)
    assert looks_until((3, 5, 8, 12), 20) == (3, 5, 8, 12, 20)


def test_ties_spend_their_alpha_in_a_rising_order() -> None:
    assert [Rule().tie_alpha(look) for look in Rule().looks] == pytest.approx(
        [0.008, 0.010, 0.012, 0.020]
    )


@given(st.lists(st.integers(1, 100), min_size=1, max_size=15, unique=True).map(sorted))
def test_several_looks_together_spend_five_percent_on_winners_and_on_ties(looks: list[int]) -> None:
    rule = Rule(looks=tuple(looks))
    deciding = [look for look in looks if look >= 3]
    if len(deciding) > 1:
        levels = [rule.tie_alpha(look) for look in deciding]
        assert sum(levels) == pytest.approx(0.05)
        assert levels == sorted(levels)
        assert rule.alpha_per_look * len(deciding) == pytest.approx(0.05)


def test_a_single_candidate_is_carried_on_without_a_comparison() -> None:
    verdict = verdict_of(rows(0.9), 3)
    assert (verdict.kind, verdict.chosen, verdict.provisional) == ("undecided", "c0", False)
    assert verdict.comparison is None
    assert "nothing was compared" in verdict.reason


# --- failures -----------------------------------------------------------------------------------


def test_nobody_wins_for_want_of_a_rival() -> None:
    values = rows(0.95, 0.99)
    values[1] = NAN
    for looks in ((3,), (3, 5)):
        verdict = race(values, rule=Rule(looks=looks))
        assert (verdict.kind, verdict.chosen) == ("undecided", "c0")
        assert (verdict.best, verdict.failed) == (("c0",), ("c1",))
        assert "no run of `c1` gave a number" in verdict.reason


def test_who_always_fails_is_out_by_an_exact_test_and_then_lost() -> None:
    """Eight of eight against none of eight: p = 2 · ½⁸ = .0078."""
    values = rows(0.95, 0.99)
    values[1] = NAN
    verdict = race(values)
    assert (verdict.kind, verdict.leader, verdict.num_replicates) == ("winner", "c0", 8)
    assert (verdict.best, verdict.beaten, verdict.failed) == (("c0",), (), ("c1",))
    assert "more often than by luck" in verdict.reason
    assert "Failed runs, not averaged: 8 of 8 of `c1`." in verdict.reason


def test_who_never_finished_keeps_others_from_winning_but_not_from_a_tie() -> None:
    tie = rows(0.9600, 0.9602, 0.9)
    tie[2] = NAN
    verdict = race(tie)
    assert (verdict.kind, verdict.best, verdict.failed) == ("tie", ("c0", "c1"), ("c2",))
    win = rows(0.95, 0.99, 0.9)
    win[2] = NAN
    verdict = race(win)
    assert (verdict.kind, verdict.leader, verdict.num_replicates) == ("winner", "c1", 8)
    assert (verdict.beaten, verdict.failed) == (("c0",), ("c2",))


def test_who_is_better_but_fails_often_is_no_winner_and_it_is_said_why() -> None:
    values = rows(0.95, 0.96)
    values[1, [1, 4, 5, 8, 9]] = NAN
    verdict = race(values)
    assert (verdict.kind, verdict.best) == ("undecided", ("c0", "c1"))
    assert "`c1` was ahead of `c0`" in verdict.reason
    assert "but it failed in more of the replicates" in verdict.reason
    assert "5 of 12 of `c1`" in verdict.reason


def test_of_equally_good_ones_the_one_that_fails_more_does_not_go_on() -> None:
    values = rows(0.9600, 0.9602)
    assert verdict_of(values).chosen == "c0"
    values[0, [1, 4]] = NAN
    assert verdict_of(values).chosen == "c1"


def test_failed_runs_are_never_averaged_but_counted() -> None:
    values = rows(0.95, 0.99)
    finished = np.ones(values.shape, bool)
    values[0, 2] = 0.1  # diverged, with a number left in the array
    finished[0, 2] = False
    verdict = verdict_of(values, 8, finished=finished)
    assert verdict.comparison.num_replicates == 7
    assert verdict.comparison.mean == pytest.approx(0.04, abs=0.001)
    assert "Failed runs, not averaged: 1 of 8 of `c0`." in verdict.reason


def test_two_shared_replicates_are_too_few_to_beat_anyone() -> None:
    values = rows(0.5, 0.99)
    values[0, 2] = NAN
    assert look_at(values, 3).verdict is None


def test_only_when_not_one_run_gave_a_number_there_is_no_verdict() -> None:
    none = np.full((2, 12), NAN)
    with pytest.raises(RunsFailedError, match=r"c0 \(3 of 3 runs\), c1 \(3 of 3 runs\)"):
        look_at(none, 3)
    assert look_at(none, 1, rule=Rule(looks=(1, 3))).verdict is None
    none[1, 2] = 0.5
    assert race(none).best == ("c1",)


def test_shapes_that_do_not_agree_are_refused() -> None:
    with pytest.raises(ValueError, match="one equal shape"):
        look_at(rows(0.9, 0.8), losses=np.zeros((2, 3)))
    with pytest.raises(ValueError, match="2 entries"):
        look_at(rows(0.9, 0.8), labels=["a"])


# --- metrics, delta and words -------------------------------------------------------------------


def test_a_metric_where_lower_is_better_turns_everything_round() -> None:
    verdict = verdict_of(rows(0.50, 0.30), 8, rule=BY_LOSS)
    assert (verdict.kind, verdict.leader) == ("winner", "c1")
    assert verdict.comparison.mean < 0
    assert "`c1` undercut `c0` by 0.2" in verdict.reason
    assert "points" not in verdict.reason


def test_the_default_delta_lies_between_a_fifth_and_half_a_point() -> None:
    assert default_delta(0.96, share=True) == pytest.approx(0.004)
    assert default_delta(0.995, share=True) == pytest.approx(0.002)
    assert default_delta(0.64, share=True) == pytest.approx(0.005)
    assert default_delta(0.04, share=True, higher_is_better=False) == pytest.approx(0.004)
    assert default_delta(0.3, share=False, higher_is_better=False) == pytest.approx(0.003)


def test_delta_is_frozen_at_the_first_look() -> None:
    values = rows(0.960, 0.9605)
    values[:, 3:] -= 0.03
    first = look_at(values, 3)
    assert (
        look_at(values, 12, first).verdict.delta == first.delta == pytest.approx(0.00395, abs=2e-4)
    )


def test_a_loss_leader_who_is_not_the_leader_is_mentioned() -> None:
    losses = np.stack([np.full(12, 0.1), np.full(12, 0.2)])
    assert "By validation loss `c0` leads." in verdict_of(rows(0.95, 0.99), losses=losses).reason
    assert "By validation loss" not in verdict_of(rows(0.95, 0.99), losses=losses[::-1]).reason


def test_whoever_does_no_better_than_always_naming_one_class_is_named_and_stays_in() -> None:
    sampling = Sampling(1_100, 100, 100.0, num_folds=12, chance=0.9)
    verdict = verdict_of(rows(0.90, 0.99), sampling=sampling)
    assert verdict.kind == "winner"
    assert (
        "`c0` is not shown to do better than always naming the same class (90.00 %)."
        in verdict.reason
    )
    assert "always naming" not in verdict_of(rows(0.95, 0.99), sampling=sampling).reason


def test_tuned_candidates_are_said_to_be_each_at_their_own() -> None:
    named = verdict_of(rows(0.95, 0.99), tuned=["learning_rate", "l2"])
    assert named.reason.endswith("Each at its own learning rate and l2.")
    assert verdict_of(rows(0.95, 0.99), tuned=True).reason.endswith("own tuned setting.")


def test_candidates_are_set_as_code_with_their_setting() -> None:
    reason = verdict_of(rows(0.95, 0.99), names=["hidden none", "hidden 1"]).reason
    assert "`hidden 1` exceeded `hidden none` by 4.00 points" in reason


def test_an_end_of_an_interval_that_is_not_zero_is_not_printed_as_zero() -> None:
    values = np.stack([np.full(12, 0.9), np.full(12, 0.9)]) + 0.0
    values[1] += 0.00337 + 0.0048 * WIGGLE
    verdict = verdict_of(values)
    assert 0.0 < verdict.comparison.low < 0.00005
    assert "interval 0.00 to" not in verdict.reason


# --- whatever comes -----------------------------------------------------------------------------

SETTINGS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10_000),
        "count": st.integers(1, 8),
        "examples": st.sampled_from([1, 3, 50, 5_000]),
        "sd": st.sampled_from([0.0, 0.0005, 0.02, 0.3]),
        "failing": st.sampled_from([0.0, 0.1, 0.5, 0.95]),
        "loss": st.booleans(),
        "looks": st.sampled_from(
            [(1,), (2,), (3,), (1, 2, 3), (3, 5, 8, 12), tuple(range(3, 15)), (3, 20)]
        ),
        "equal_costs": st.booleans(),
    }
)


@given(SETTINGS)
def test_whatever_comes_every_stage_ends_with_a_verdict_that_agrees_with_itself(
    case: dict[str, Any],
) -> None:
    rng = np.random.default_rng(case["seed"])
    shape = (case["count"], case["looks"][-1])
    values = 0.9 + 0.01 * rng.integers(-1, 2, (shape[0], 1)) + case["sd"] * rng.standard_t(2, shape)
    rule, examples = Rule(looks=case["looks"]), float(case["examples"])
    if case["loss"]:
        rule = Rule(looks=case["looks"], metric=LOSS)
        sampling = Sampling(11 * case["examples"], case["examples"], None, num_folds=12)
    else:
        values = np.round(np.clip(values, 0, 1) * examples) / examples
        sampling = Sampling(11 * case["examples"], case["examples"], examples, 12, chance=0.5)
    finished = rng.random(shape) >= case["failing"]
    values[~finished] = NAN
    costs = [() if case["equal_costs"] else (k, 1) for k in range(shape[0])]
    decision: Decision | None = None
    for look in rule.looks:
        try:
            decision = look_at(
                values,
                look,
                decision,
                finished=finished,
                rule=rule,
                sampling=sampling,
                costs=costs,
                incumbent=0,
            )
        except RunsFailedError:
            assert not finished[:, :look].any()
            return
        everyone = {*decision.still_in, *decision.eliminated}
        assert everyone == set(range(shape[0]))
        assert set(decision.failed) <= everyone
        if decision.verdict is not None:
            break
    verdict = decision.verdict
    assert verdict is not None
    groups = (verdict.best, verdict.beaten, verdict.failed)
    assert sorted(label for group in groups for label in group) == sorted(verdict.labels)
    assert verdict.leader in verdict.best
    assert verdict.chosen in (*verdict.best, *verdict.beaten)
    assert verdict.kind != "winner" or verdict.best == (verdict.leader,)
    assert verdict.kind != "tie" or len(verdict.best) > 1
    assert not any(word in verdict.reason for word in ("nan", "inf ", "None"))
    for pair in verdict.comparisons:
        assert pair.first < pair.second
        numbers = (pair.mean, pair.sd, pair.se, pair.low, pair.high)
        assert all(number is None or np.isfinite(number) for number in numbers)
    if verdict.kind == "winner" and verdict.comparison is not None:
        sign = rule.metric.sign
        assert min(sign * verdict.comparison.low, sign * verdict.comparison.high) > 0.0
    if verdict.kind == "tie":
        assert -verdict.delta < verdict.comparison.low <= verdict.comparison.high < verdict.delta


@given(
    seed=st.integers(0, 10_000),
    count=st.integers(2, 5),
    sd=st.sampled_from([0.0005, 0.003, 0.02]),
)
def test_the_order_of_the_candidates_does_not_change_the_finding(
    seed: int, count: int, sd: float
) -> None:
    rng = np.random.default_rng(seed)
    values = 0.95 + 0.005 * rng.standard_normal((count, 1)) + sd * rng.standard_normal((count, 12))
    values = np.minimum(values, 1.0)
    costs = [(int(cost), 0) for cost in rng.permutation(count)]
    labels = [f"m{k}" for k in range(count)]
    forward = race(values, costs=costs, labels=labels)
    order = rng.permutation(count)
    shuffled = race(
        values[order], costs=[costs[k] for k in order], labels=[labels[k] for k in order]
    )
    assert (forward.kind, forward.chosen, forward.leader) == (
        shuffled.kind,
        shuffled.chosen,
        shuffled.leader,
    )
    assert set(forward.beaten) == set(shuffled.beaten)


# --- pinned choices -----------------------------------------------------------------------------


def test_a_pinned_choice_keeps_the_evidence_and_says_where_it_differs() -> None:
    verdict = verdict_of(rows(0.95, 0.99), 8)
    pinned = pin(verdict, "c0")
    assert (pinned.kind, pinned.leader) == ("winner", "c1")
    assert (pinned.chosen, pinned.pinned, pinned.provisional) == ("c0", True, False)
    assert pinned.comparisons == verdict.comparisons
    assert pinned.reason.startswith("The author carried `c0`, but `c1` was better. Over 8 paired")


def test_a_pinned_choice_among_equals_cannot_be_told_from_the_leader() -> None:
    tie = pin(verdict_of(rows(0.9600, 0.9602)), "c0")
    assert "no difference that matters to `c1`" in tie.reason
    unclear = pin(verdict_of(rows(0.96, 0.9625, wiggle=0.008)), "c0")
    assert "the data cannot tell it from `c1`" in unclear.reason


def test_a_pinned_leader_agrees_with_the_evidence() -> None:
    assert "the evidence agrees." in pin(verdict_of(rows(0.95, 0.99), 8), "c1").reason
    assert "though by less than" in pin(verdict_of(rows(0.90, 0.904)), "c1").reason
    assert "`c0` is as good" in pin(verdict_of(rows(0.9600, 0.9602)), "c1").reason


def test_a_pinned_choice_by_a_loss_is_ahead_where_its_loss_is_lower() -> None:
    verdict = verdict_of(rows(0.50, 0.30), 8, rule=BY_LOSS)
    pinned = pin(verdict, "c1", names=["rate 1", "rate 2"])
    assert "`rate 2` was ahead of `rate 1` by 0.2 (" in pinned.reason


def test_a_pinned_choice_of_failed_or_single_runs_says_so() -> None:
    values = rows(0.95, 0.99)
    values[1] = NAN
    assert "but its runs failed" in pin(verdict_of(values), "c1").reason
    assert "no other candidate finished" in pin(verdict_of(values), "c0").reason
    once = verdict_of(rows(0.95, 0.99), 1, rule=Rule(looks=(1,)))
    assert "too thin" in pin(once, "c0").reason
    assert "nothing was compared" in pin(verdict_of(rows(0.9), 3), "c0").reason


def test_a_label_the_stage_does_not_have_cannot_be_pinned() -> None:
    with pytest.raises(ValueError, match="got 'c7'"):
        pin(verdict_of(rows(0.95, 0.99)), "c7")
