"""The decision procedure, look by look and sentence by sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.errors import RunsFailedError
from bakeoff.evidence.rule import default_delta
from bakeoff.evidence.verdicts import Decision, Rule, decide, pin
from bakeoff.records import Verdict

WIGGLE = np.array([1, -1, 0.5, -0.5, 0.8, -0.8, 0.3, -0.3, 0.6, -0.6, 0.2, -0.2])


def rows(*means: float, wiggle: float = 0.001) -> np.ndarray:
    """Twelve replicates per mean; neighbours wiggle in different directions."""
    signs = [np.roll(WIGGLE, 3 * k) * (-1) ** k for k in range(len(means))]
    return np.array([mean + wiggle * sign for mean, sign in zip(means, signs, strict=True)])


def look_at(values: np.ndarray, num_replicates: int = 12, **changes: Any) -> Decision:
    values = np.asarray(values, float)
    count = len(values)
    options: dict[str, Any] = {
        "finished": np.isfinite(values),
        "labels": [f"c{k}" for k in range(count)],
        "costs": [(100 * (k + 1), 10, k) for k in range(count)],
        "rule": Rule(),
        "num_replicates": num_replicates,
        "still_in": range(count),
        "num_train": 55_000,
        "num_validation": 5_000,
        **changes,
    }
    losses = options.pop("losses", np.full_like(values, 0.1))
    return decide(values, losses, **options)


def verdict_of(values: np.ndarray, num_replicates: int = 12, **changes: Any) -> Verdict:
    verdict = look_at(values, num_replicates, **changes).verdict
    assert verdict is not None
    return verdict


# --- the three kinds ----------------------------------------------------------------------------


def test_a_clear_lead_wins_at_an_early_look() -> None:
    verdict = verdict_of(rows(0.95, 0.99), 5)
    assert (verdict.kind, verdict.leader, verdict.chosen) == ("winner", "c1", "c1")
    assert verdict.num_replicates == 5
    assert verdict.comparison.low > 0
    assert verdict.comparison.level == pytest.approx(0.9875)
    assert verdict.reason.startswith("Over 5 paired replicates, c1 exceeded c0 by")
    assert "98.75 % interval" in verdict.reason
    assert verdict.reason.endswith("Winner.")


def test_no_verdict_before_the_last_look_without_a_winner() -> None:
    decision = look_at(rows(0.96, 0.96), 5)
    assert decision.verdict is None
    assert decision.still_in == (0, 1)
    assert len(decision.comparisons) == 1


def test_two_alike_are_a_tie_and_the_cheaper_goes_on() -> None:
    verdict = verdict_of(rows(0.9600, 0.9602))
    assert (verdict.kind, verdict.leader, verdict.chosen) == ("tie", "c1", "c0")
    assert verdict.best == ("c0", "c1")
    assert verdict.comparison.equivalent is True
    assert "Tie within ±0.40 points: c0 goes on as the cheapest." in verdict.reason


def test_neither_winner_nor_tie_is_undecided_with_a_provisional_choice_and_a_note() -> None:
    verdict = verdict_of(rows(0.96, 0.9625, wiggle=0.006))
    assert verdict.kind == "undecided"
    assert verdict.provisional
    assert verdict.power_note.startswith("12 replicates would probably (80 %)")
    assert "Undecided" in verdict.reason


def test_the_provisional_choice_is_the_cheapest_within_one_standard_error() -> None:
    close = verdict_of(rows(0.96, 0.961, wiggle=0.01))
    assert (close.leader, close.chosen) == ("c1", "c0")
    far = verdict_of(rows(0.96, 0.968, wiggle=0.01))
    assert (far.leader, far.chosen) == ("c1", "c1")


def test_a_winner_by_less_than_delta_is_real_and_the_cheaper_one_goes_on() -> None:
    verdict = verdict_of(rows(0.90, 0.905))
    assert (verdict.kind, verdict.leader, verdict.chosen) == ("winner", "c1", "c0")
    assert "real but below your threshold of 0.95 points: c0 goes on" in verdict.reason
    reverse = verdict_of(rows(0.905, 0.90))
    assert (reverse.leader, reverse.chosen) == ("c0", "c0")
    assert "nothing cheaper comes as close, so it goes on" in reverse.reason


def test_among_candidates_that_cost_the_same_the_leader_goes_on() -> None:
    """Four learning rates cost the same: no rate is the cheaper one because it was named first."""
    same = [(100, 10, k) for k in range(2)]
    winner = verdict_of(rows(0.90, 0.905), costs=same)
    assert (winner.kind, winner.chosen) == ("winner", "c1")
    undecided = verdict_of(rows(0.96, 0.961, wiggle=0.01), costs=same)
    assert (undecided.kind, undecided.chosen) == ("undecided", "c1")
    tie = verdict_of(rows(0.9600, 0.9602), costs=same)
    assert (tie.kind, tie.chosen) == ("tie", "c0")


def test_the_authors_delta_decides_what_matters() -> None:
    verdict = verdict_of(rows(0.90, 0.905), rule=Rule(delta=0.001))
    assert (verdict.chosen, verdict.delta) == ("c1", 0.001)


# --- several candidates -------------------------------------------------------------------------


def test_a_beaten_candidate_gets_no_more_runs() -> None:
    decision = look_at(rows(0.960, 0.9605, 0.80), 3)
    assert decision.verdict is None
    assert decision.still_in == (0, 1)
    assert decision.eliminated == (2,)


def test_the_eliminated_are_named_and_compared_on_the_replicates_they_had() -> None:
    values = rows(0.9600, 0.9601, 0.80)
    first = look_at(values, 3)
    values[2, 3:] = np.nan
    verdict = verdict_of(values, still_in=first.still_in, eliminated_before=first.eliminated)
    assert verdict.beaten == ("c2",)
    assert verdict.failed == ()
    pairs = {(pair.first, pair.second): pair.num_replicates for pair in verdict.comparisons}
    assert pairs == {(0, 1): 12, (0, 2): 3, (1, 2): 3}


def test_a_cheap_candidate_eliminated_by_less_than_delta_may_still_go_on() -> None:
    values = rows(0.900, 0.906, 0.80, wiggle=0.0005)
    verdict = verdict_of(values, 8, still_in=(1, 2), eliminated_before=(0,))
    assert (verdict.kind, verdict.leader, verdict.chosen) == ("winner", "c1", "c0")
    assert "below your threshold of 0.94 points: c0 goes on" in verdict.reason
    strict = verdict_of(values, 8, still_in=(1, 2), eliminated_before=(0,), rule=Rule(delta=0.005))
    assert (strict.leader, strict.chosen) == ("c1", "c1")


def test_a_winner_must_beat_every_rival() -> None:
    decision = look_at(rows(0.9600, 0.9602, 0.80), 8)
    assert decision.verdict is None


def test_the_sentence_names_the_closest_rival() -> None:
    verdict = verdict_of(rows(0.90, 0.95, 0.99), 8)
    assert "c2 exceeded its closest rival c1" in verdict.reason


def test_elimination_is_stricter_with_more_rivals() -> None:
    """A pair that just reaches .0125 eliminates among two, not among eight."""
    rng = np.random.default_rng(3)
    far = rng.standard_normal(12)
    far = (far - far.mean()) / far.std(ddof=1)
    spread, quantile = 0.01, 3.2  # t(1 - .0125/2, 11) = 2.98; t(1 - .0125/7/2, 11) = 3.98
    gap = quantile * spread * np.sqrt(1 / 12 + 1 / 11)
    alike = [np.full(12, 0.90)] * 7
    leader = 0.90 + gap + spread * far
    two = look_at(np.array([alike[0], leader]), 12, last=False)
    assert two.eliminated == (0,)
    eight = look_at(np.array([*alike, leader]), 12, last=False)
    assert eight.eliminated == ()


# --- few replicates, many failures --------------------------------------------------------------


@pytest.mark.parametrize("num_replicates", [1, 2])
def test_below_three_replicates_nothing_is_decided(num_replicates: int) -> None:
    rule = Rule().truncated(num_replicates)
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
    assert Rule().truncated(5) == Rule(looks=(3, 5))
    assert Rule().truncated(4).looks == (3, 4)
    assert Rule().truncated(20).looks == (3, 5, 8, 12, 20)
    assert Rule(looks=(1, 5)).alpha_per_look == pytest.approx(0.05)
    assert Rule(looks=(1,)).alpha_per_look == pytest.approx(0.05)


def test_a_single_candidate_is_carried_on_without_a_comparison() -> None:
    verdict = verdict_of(rows(0.9), 3)
    assert (verdict.kind, verdict.chosen, verdict.provisional) == ("undecided", "c0", False)
    assert verdict.comparison is None
    assert "nothing was compared" in verdict.reason


def test_a_candidate_whose_runs_mostly_failed_is_out_as_failed() -> None:
    values = rows(0.95, 0.99)
    values[1, :4] = np.nan
    verdict = verdict_of(values, 5)
    assert verdict.failed == ("c1",)
    assert verdict.chosen == "c0"
    assert (verdict.kind, verdict.comparison) == ("winner", None)
    assert verdict.reason.startswith("Only c0 has enough finished runs. Winner for want")
    assert "Out because too few of their runs finished: c1" in verdict.reason


def test_failed_runs_are_never_averaged_but_counted() -> None:
    values = rows(0.95, 0.99)
    finished = np.ones(values.shape, bool)
    values[1, 2] = 0.1  # diverged, with a number left in the array
    finished[1, 2] = False
    verdict = verdict_of(values, 8, finished=finished)
    assert verdict.comparison.num_replicates == 7
    assert verdict.comparison.mean == pytest.approx(0.04, abs=0.001)
    assert "Failed runs, not averaged: 1 of c1." in verdict.reason


def test_two_shared_replicates_are_too_few_to_beat_anyone() -> None:
    values = rows(0.5, 0.99)
    values[1, 2] = np.nan
    assert look_at(values, 3).verdict is None


def test_when_all_failed_the_error_names_every_candidate() -> None:
    with pytest.raises(RunsFailedError, match=r"c0 \(3 of 3 runs\), c1 \(3 of 3 runs\)"):
        look_at(np.full((2, 12), np.nan), 3)


def test_shapes_that_do_not_agree_are_refused() -> None:
    with pytest.raises(ValueError, match="one equal shape"):
        look_at(rows(0.9, 0.8), losses=np.zeros((2, 3)))
    with pytest.raises(ValueError, match="2 entries"):
        look_at(rows(0.9, 0.8), labels=["a"])


# --- metrics and words --------------------------------------------------------------------------


def test_a_metric_where_lower_is_better_turns_everything_round() -> None:
    rule = Rule(metric="loss", higher_is_better=False)
    verdict = verdict_of(rows(0.50, 0.30), 8, rule=rule)
    assert (verdict.kind, verdict.leader) == ("winner", "c1")
    assert verdict.comparison.mean < 0
    assert "c1 undercut c0 by 0.2" in verdict.reason
    assert "points" not in verdict.reason


def test_the_default_delta_is_a_tenth_of_the_leaders_error_but_at_least_two_tenths() -> None:
    assert default_delta(0.96, Rule()) == pytest.approx(0.004)
    assert default_delta(0.995, Rule()) == pytest.approx(0.002)
    assert default_delta(0.3, Rule(metric="loss", higher_is_better=False)) == pytest.approx(0.03)


def test_a_loss_leader_who_is_not_the_leader_is_mentioned() -> None:
    losses = np.stack([np.full(12, 0.1), np.full(12, 0.2)])
    assert "By validation loss c0 leads." in verdict_of(rows(0.95, 0.99), losses=losses).reason
    assert "By validation loss" not in verdict_of(rows(0.95, 0.99), losses=losses[::-1]).reason


def test_tuned_candidates_are_said_to_be_each_at_their_own() -> None:
    named = verdict_of(rows(0.95, 0.99), tuned=["learning_rate", "l2"])
    assert named.reason.endswith("Each at its own learning rate and l2.")
    assert verdict_of(rows(0.95, 0.99), tuned=True).reason.endswith("own tuned setting.")


def test_points_have_two_decimals() -> None:
    values = np.stack([np.full(8, 0.9012), np.full(8, 0.9012)]) + 0.0
    values[1] += 0.0312
    reason = verdict_of(values, 8).reason
    assert "exceeded c0 by 3.12 points" in reason


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
    costs = [(int(cost), 0, 0) for cost in rng.permutation(count)]
    labels = [f"m{k}" for k in range(count)]
    forward = verdict_of(values, costs=costs, labels=labels)
    order = rng.permutation(count)
    shuffled = verdict_of(
        values[order], costs=[costs[k] for k in order], labels=[labels[k] for k in order]
    )
    assert (forward.kind, forward.chosen, forward.leader) == (
        shuffled.kind,
        shuffled.chosen,
        shuffled.leader,
    )
    assert set(forward.beaten) == set(shuffled.beaten)


@given(seed=st.integers(0, 10_000), finished_share=st.floats(0.3, 1.0))
def test_no_pattern_of_failures_breaks_it(seed: int, finished_share: float) -> None:
    rng = np.random.default_rng(seed)
    values = 0.9 + 0.02 * rng.standard_normal((3, 12))
    finished = rng.random((3, 12)) < finished_share
    values[~finished] = np.nan
    still_in: Sequence[int] = range(3)
    eliminated: Sequence[int] = ()
    for look in (3, 5, 8, 12):
        try:
            decision = look_at(
                values, look, finished=finished, still_in=still_in, eliminated_before=eliminated
            )
        except RunsFailedError:
            return
        everyone = {*decision.still_in, *decision.eliminated, *decision.failed}
        assert everyone == {0, 1, 2}
        if decision.verdict is not None:
            assert decision.verdict.chosen not in decision.verdict.failed
            assert "nan" not in decision.verdict.reason
            return
        still_in, eliminated = decision.still_in, decision.eliminated
    raise AssertionError("the last look must give a verdict")


# --- pinned choices -----------------------------------------------------------------------------


def test_a_pinned_choice_keeps_the_evidence_and_says_where_it_differs() -> None:
    verdict = verdict_of(rows(0.95, 0.99), 8)
    pinned = pin(verdict, "c0")
    assert (pinned.kind, pinned.leader) == ("winner", "c1")
    assert (pinned.chosen, pinned.pinned, pinned.provisional) == ("c0", True, False)
    assert pinned.comparisons == verdict.comparisons
    assert pinned.reason.startswith("The author carried c0, but c1 was better. Over 8 paired")


def test_a_pinned_choice_among_equals_cannot_be_told_from_the_leader() -> None:
    tie = pin(verdict_of(rows(0.9600, 0.9602)), "c0")
    assert "no difference that matters to c1" in tie.reason
    unclear = pin(verdict_of(rows(0.96, 0.9625, wiggle=0.006)), "c0")
    assert "the data cannot tell it from c1" in unclear.reason


def test_a_pinned_leader_agrees_with_the_evidence() -> None:
    assert "the evidence agrees." in pin(verdict_of(rows(0.95, 0.99), 8), "c1").reason
    assert "though by less than" in pin(verdict_of(rows(0.90, 0.905)), "c1").reason


def test_a_pinned_choice_of_failed_or_single_runs_says_so() -> None:
    values = rows(0.95, 0.99)
    values[1, :8] = np.nan
    assert "too few of its runs finished" in pin(verdict_of(values), "c1").reason
    assert "too few runs of any other" in pin(verdict_of(values), "c0").reason
    once = verdict_of(rows(0.95, 0.99), 1, rule=Rule(looks=(1,)))
    assert "too thin" in pin(once, "c0").reason
    assert "nothing was compared" in pin(verdict_of(rows(0.9), 3), "c0").reason


def test_a_label_the_stage_does_not_have_cannot_be_pinned() -> None:
    with pytest.raises(ValueError, match="got 'c7'"):
        pin(verdict_of(rows(0.95, 0.99)), "c7")


def test_a_verdict_without_labels_can_still_be_pinned() -> None:
    bare = replace(verdict_of(rows(0.95, 0.99)), labels=())
    assert pin(bare, "c0").chosen == "c0"
