"""The measured error rates of the decision procedure, and that the simulator is the procedure."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from bakeoff.evidence import simulate
from bakeoff.evidence.verdicts import Decision, Rule, decide

NUM_TRAIN, NUM_VALIDATION = 55_000, 5_000
ARM_SD = 0.0020
KINDS = {"winner": simulate.WINNER, "tie": simulate.TIE, "undecided": simulate.UNDECIDED}


def decide_all(values: np.ndarray, rule: Rule) -> Decision:
    num_candidates = len(values)
    decision = Decision(None, tuple(range(num_candidates)), ())
    for look in rule.looks:
        decision = decide(
            values,
            np.ones_like(values),
            finished=np.ones(values.shape, np.bool_),
            labels=[f"c{k}" for k in range(num_candidates)],
            costs=[(k, 0, k) for k in range(num_candidates)],
            rule=rule,
            num_replicates=look,
            still_in=decision.still_in,
            eliminated_before=decision.eliminated,
            num_train=NUM_TRAIN,
            num_validation=NUM_VALIDATION,
        )
        if decision.verdict is not None:
            break
    return decision


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1),
    num_candidates=st.integers(2, 5),
    spread=st.sampled_from([0.0, 0.002, 0.005, 0.02]),
    sd=st.sampled_from([0.0005, 0.002, 0.01]),
    delta=st.sampled_from([None, 0.001, 0.01]),
    num_replicates=st.sampled_from([1, 2, 3, 5, 7, 12]),
)
def test_the_simulator_says_what_decide_says(
    seed: int,
    num_candidates: int,
    spread: float,
    sd: float,
    delta: float | None,
    num_replicates: int,
) -> None:
    rng = np.random.default_rng(seed)
    rule = Rule(delta=delta).truncated(num_replicates)
    means = 0.96 + spread * rng.standard_normal(num_candidates)
    values = simulate.draw_arms(rng, means, sd, num_studies=4, num_replicates=num_replicates)
    values = np.minimum(values, 1.0)
    outcomes = simulate.run_studies(
        values, rule, num_train=NUM_TRAIN, num_validation=NUM_VALIDATION
    )
    for study in range(4):
        verdict = decide_all(values[study], rule).verdict
        assert verdict is not None
        assert KINDS[verdict.kind] == outcomes.kind[study]
        assert verdict.leader == f"c{outcomes.leader[study]}"
        assert verdict.chosen == f"c{outcomes.chosen[study]}"
        assert verdict.num_replicates == outcomes.num_replicates[study]


def upper_bound(successes: int, trials: int) -> float:
    """Upper end of the two-sided 95 % interval of Clopper and Pearson (1934)."""
    if successes == trials:
        return 1.0
    return float(special.betaincinv(successes + 1, trials - successes, 0.975))


def outcomes_for(
    gaps: list[float], correlation: float, seed: int, num_studies: int = 10_000
) -> simulate.Outcomes:
    rng = np.random.default_rng(seed)
    values = simulate.draw_arms(
        rng,
        0.96 + np.array(gaps),
        ARM_SD,
        num_studies=num_studies,
        num_replicates=12,
        correlation=correlation,
    )
    return simulate.run_studies(values, Rule(), num_train=NUM_TRAIN, num_validation=NUM_VALIDATION)


CORRELATIONS = [0.0, 1 / 12]


@pytest.mark.parametrize(
    ("num_candidates", "correlation"), list(itertools.product([2, 3, 4], CORRELATIONS))
)
def test_false_winners_stay_below_five_percent_when_nothing_differs(
    num_candidates: int, correlation: float
) -> None:
    outcomes = outcomes_for([0.0] * num_candidates, correlation, seed=40 + num_candidates)
    false_winners = int((outcomes.kind == simulate.WINNER).sum())
    assert upper_bound(false_winners, 10_000) <= 0.05


@pytest.mark.parametrize("correlation", CORRELATIONS)
@pytest.mark.parametrize("losers", [[-0.01], [-0.005], [-0.003, -0.02], [-0.02, -0.02, -0.02]])
def test_losers_beside_two_equal_leaders_do_not_make_one_of_them_win(
    losers: list[float], correlation: float
) -> None:
    outcomes = outcomes_for([0.0, 0.0, *losers], correlation, seed=50)
    false_winners = int((outcomes.kind == simulate.WINNER).sum())
    assert upper_bound(false_winners, 10_000) <= 0.05


@pytest.mark.parametrize("correlation", CORRELATIONS)
def test_half_a_point_is_found_and_never_the_wrong_way_round(correlation: float) -> None:
    outcomes = outcomes_for([0.0, 0.005], correlation, seed=60)
    won = outcomes.kind == simulate.WINNER
    assert np.mean(won & (outcomes.leader == 1)) >= 0.85
    assert np.mean(won & (outcomes.leader == 0)) <= 0.001


@pytest.mark.parametrize("correlation", CORRELATIONS)
def test_two_equal_candidates_are_mostly_called_a_tie(correlation: float) -> None:
    assert outcomes_for([0.0, 0.0], correlation, seed=70).share(simulate.TIE) >= 0.85


@pytest.mark.parametrize(("correlation", "low", "high"), [(0.0, 0.12, 0.17), (1 / 12, 0.20, 0.27)])
def test_the_naive_rule_errs_as_often_as_is_said_of_it(
    correlation: float, low: float, high: float
) -> None:
    """If this simulation could not fail, the naive rule would pass it too."""
    rng = np.random.default_rng(80)
    values = simulate.draw_arms(
        rng,
        np.array([0.96, 0.96]),
        ARM_SD,
        num_studies=10_000,
        num_replicates=12,
        correlation=correlation,
    )
    assert low < simulate.naive_false_winners(values, Rule().looks) < high


def test_drawn_arms_have_the_spread_and_the_correlation_asked_for() -> None:
    rng = np.random.default_rng(90)
    values = simulate.draw_arms(
        rng, np.array([0.9]), 0.01, num_studies=40_000, num_replicates=2, correlation=0.25
    )[:, 0]
    assert values.std(axis=0) == pytest.approx([0.01, 0.01], rel=0.02)
    assert np.corrcoef(values.T)[0, 1] == pytest.approx(0.25, abs=0.02)


def test_an_eliminated_candidate_costs_no_more_runs() -> None:
    outcomes = outcomes_for([0.0, 0.0, -0.5], 0.0, seed=91, num_studies=200)
    full = outcomes.num_replicates == 12
    assert full.any()
    assert (outcomes.num_runs[full] == 12 + 12 + 3).all()
