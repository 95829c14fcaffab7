"""Intervals against the libraries and papers they come from."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from bakeoff.evidence import intervals, spreads
from bakeoff.evidence.rule import Sampling, effective_examples
from bakeoff.records import Comparison

SEEDS_ONLY = Sampling(0, 0, split="own")
OVERLAPPING = Sampling(900, 100, split="last")
FOLDS = Sampling(55_000, 5_000, 5_000.0, num_folds=12)


def compare(
    a: np.ndarray, b: np.ndarray, sampling: Sampling = FOLDS, **changes: object
) -> Comparison:
    options: dict = {"first": 0, "second": 1, "level": 0.9875, **changes}
    return intervals.paired_comparison(a, b, sampling=sampling, **options)


@given(seed=st.integers(0, 10_000), size=st.integers(3, 40), shift=st.floats(-0.02, 0.02))
def test_without_overlap_it_is_the_paired_t_test_of_statsmodels(
    seed: int, size: int, shift: float
) -> None:
    rng = np.random.default_rng(seed)
    a, b = 0.9 + 0.01 * rng.standard_normal((2, size))
    a = a + shift
    ours = compare(a, b, SEEDS_ONLY, share=False, delta=0.01, tie_alpha=0.05)
    theirs = DescrStatsW(a - b)
    # A continuous metric: its finest step is far below its spread and plays no part.
    assume(intervals.finest_step(np.concatenate([a, b])) < 0.1 * theirs.std)
    low, high = theirs.tconfint_mean(alpha=0.0125)
    assert ours.low == pytest.approx(low, rel=1e-9, abs=1e-12)
    assert ours.high == pytest.approx(high, rel=1e-9, abs=1e-12)
    assert ours.equivalent == (theirs.ttost_mean(-0.01, 0.01)[0] < 0.05)


def corrected_t_of_the_scikit_learn_example(
    differences: np.ndarray, n_train: int, n_test: int
) -> float:
    """scikit-learn's "Statistical comparison of models using grid search": corrected variance
    ``var(ddof=1) · (1/kr + n_test/n_train)``."""
    corrected = np.var(differences, ddof=1) * (1 / len(differences) + n_test / n_train)
    return float(np.mean(differences) / np.sqrt(corrected))


@given(seed=st.integers(0, 10_000), size=st.integers(3, 60))
def test_where_parts_overlap_the_statistic_is_the_one_scikit_learn_publishes(
    seed: int, size: int
) -> None:
    rng = np.random.default_rng(seed)
    a, b = 0.9 + 0.01 * rng.standard_normal((2, size))
    assume(intervals.finest_step(np.concatenate([a, b])) < 0.001)
    ours = compare(a, b, OVERLAPPING, share=False)
    assert ours.se is not None
    theirs = corrected_t_of_the_scikit_learn_example(a - b, 900, 100)
    assert ours.mean / ours.se == pytest.approx(theirs, rel=1e-9)


@given(seed=st.integers(0, 10_000), rope=st.floats(0.0005, 0.03), runs=st.integers(1, 4))
def test_the_region_of_practical_equivalence_is_baycomps(seed: int, rope: float, runs: int) -> None:
    """Corani & Benavoli (2015), against their library where it is installed (it brings matplotlib):
    the posterior of the mean difference is Student's t around the mean with our standard error."""
    baycomp = pytest.importorskip("baycomp")
    rng = np.random.default_rng(seed)
    a, b = 0.9 + 0.01 * rng.standard_normal((2, 12 * runs))
    a_better, _, b_better = baycomp.CorrelatedTTest.probs(a, b, rope, runs=runs)
    ours = compare(a, b, Sampling(11, 1, split="last"), share=False)
    posterior = stats.t(12 * runs - 1, loc=ours.mean, scale=ours.se)
    assert posterior.sf(rope) == pytest.approx(a_better, abs=1e-9)
    assert posterior.cdf(-rope) == pytest.approx(b_better, abs=1e-9)


def test_two_digits_by_hand() -> None:
    """d = 1, 2, 3 points: mean 2, sd 1, se = sqrt(1/3 + .04/.96) on disjoint folds."""
    a = np.array([0.91, 0.92, 0.93])
    ours = compare(a, np.full(3, 0.90), level=0.95)
    assert ours.mean == pytest.approx(0.02)
    assert ours.sd == pytest.approx(0.01)
    assert ours.se == pytest.approx(0.01 * math.sqrt(1 / 3 + 1 / 24))
    assert ours.high - ours.mean == pytest.approx(4.302652729911275 * ours.se, rel=1e-9)


def test_lucky_agreement_of_shares_meets_the_binomial_floor() -> None:
    a, b = np.full(3, 0.96), np.full(3, 0.95)
    floor = 0.5 * math.sqrt((0.04 + 0.05) / 10_000)
    assert compare(a, b).sd == pytest.approx(floor, rel=1e-12)


def test_of_an_error_rate_the_floor_is_that_of_its_accuracy() -> None:
    errors = compare(np.full(3, 0.04), np.full(3, 0.05))
    assert errors.sd == pytest.approx(compare(np.full(3, 0.96), np.full(3, 0.95)).sd)


def test_where_a_class_is_rare_the_floor_counts_the_examples_that_count() -> None:
    a, b = np.full(3, 0.96), np.full(3, 0.95)
    rare = replace(FOLDS, num_effective=effective_examples("balanced_accuracy", [4_995, 5]))
    assert compare(a, b, rare).sd > 10 * compare(a, b).sd


def test_of_other_metrics_the_floor_is_half_the_finest_step_of_their_values() -> None:
    """Three programs that count the same errors three times may do so by luck."""
    a, b = np.full(3, 4.0), np.full(3, 3.0)
    assert compare(a, b, share=False).sd == 0.5
    rounded = compare(np.array([0.31, 0.33, 0.31]), np.array([0.30, 0.32, 0.30]), share=False)
    assert rounded.sd == pytest.approx(0.005)


def test_a_wide_spread_is_left_alone_by_the_floor() -> None:
    a, b = np.array([0.9, 0.8, 0.7]), np.array([0.8, 0.8, 0.8])
    assert compare(a, b).sd == pytest.approx(0.1)


def test_one_replicate_has_a_mean_and_nothing_else() -> None:
    ours = compare(np.array([0.9]), np.array([0.8]), delta=0.1)
    assert ours.mean == pytest.approx(0.1)
    assert (ours.sd, ours.se, ours.low, ours.high, ours.equivalent) == (None,) * 5


@pytest.mark.parametrize("a", [np.array([0.9, np.nan]), np.array([0.9]), np.array([])])
def test_what_cannot_be_compared_is_refused(a: np.ndarray) -> None:
    with pytest.raises(ValueError, match="`a` and `b`"):
        compare(a, np.full(2, 0.8) if len(a) else a)


def tie(a: np.ndarray, b: np.ndarray, sampling: Sampling, **options: object) -> Comparison:
    return intervals.tie_interval(a, b, first=0, second=1, sampling=sampling, **options)


def test_a_tie_is_an_interval_of_its_own_level_inside_delta() -> None:
    rng = np.random.default_rng(2)
    a, b = 0.9 + 0.01 * rng.standard_normal((2, 12))
    found = tie(a, b, FOLDS, alpha=0.02)
    assert found.level == pytest.approx(0.96)
    assert found.low == pytest.approx(stats.t.interval(0.96, 11, found.mean, found.se)[0])
    widest = max(abs(found.low), abs(found.high))
    assert intervals.within(found, widest + 1e-12)
    assert not intervals.within(found, widest)


@pytest.mark.parametrize("examples", [1, 5, 20, 100])
def test_replicates_without_an_error_prove_no_equality_on_few_examples(examples: int) -> None:
    few = Sampling(11 * examples, examples, float(examples), num_folds=12)
    assert not intervals.within(tie(np.ones(12), np.ones(12), few), 0.002)
    many = Sampling(55_000, 5_000, 5_000.0, num_folds=12)
    assert intervals.within(tie(np.ones(12), np.ones(12), many), 0.002)


def test_values_that_never_change_prove_no_equality_where_their_step_is_not_known() -> None:
    same = np.full(12, 3.0)
    assert not intervals.within(tie(same, same, SEEDS_ONLY, share=False), 1e9)
    moving = np.arange(12.0)
    assert intervals.within(tie(moving, moving, SEEDS_ONLY, share=False), 1.0)


def test_numbers_that_differ_by_rounding_alone_are_one_value() -> None:
    assert intervals.finest_step(np.array([0.3, 0.1 + 0.2])) is None
    assert intervals.finest_step(np.array([0.3, 0.1 + 0.2, 0.31])) == pytest.approx(0.01)


def test_a_prediction_interval_covers_the_next_run_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    runs = rng.standard_normal((20_000, 6))
    low, high = np.array([spreads.prediction_interval(row[:5]) for row in runs[:4000]]).T
    inside = (low <= runs[:4000, 5]) & (runs[:4000, 5] <= high)
    assert inside.mean() == pytest.approx(0.95, abs=0.012)


def test_intervals_of_single_candidates_are_the_textbook_ones() -> None:
    values = np.array([0.1, 0.2, 0.4, 0.3])
    sd, mean = values.std(ddof=1), values.mean()
    assert spreads.prediction_interval(values) == pytest.approx(
        stats.t.interval(0.95, 3, mean, sd * math.sqrt(1.25)), rel=1e-9
    )


def test_a_single_value_has_no_interval() -> None:
    assert spreads.prediction_interval(np.array([0.5])) is None


def refits(
    rng: np.random.Generator, share: float, num_test: int, num_refits: int, seed_sd: float
) -> np.ndarray:
    """Test accuracies of refits on one test set, shape (num_refits,).

    Half of the errors are examples that no refit gets right, half fall on examples that a refit
    gets right by chance; ``seed_sd`` moves a whole refit.
    """
    error = 1.0 - share
    kind = rng.random(num_test)
    right = np.where(kind < error, 0.5, np.where(kind < 1.5 * error, 0.0, 1.0))
    moved = np.clip(right + seed_sd * rng.normal(size=(num_refits, 1)), 0.0, 1.0)
    return np.asarray((rng.random((num_refits, num_test)) < moved).mean(axis=1))


@pytest.mark.parametrize("num_test", [6, 50, 300])
@pytest.mark.parametrize("num_refits", [2, 3, 5])
@pytest.mark.parametrize(("share", "seed_sd"), [(1.0, 0.0), (0.99, 0.0), (0.99, 0.01), (0.8, 0.02)])
def test_the_reported_intervals_cover_what_they_say(
    num_test: int, num_refits: int, share: float, seed_sd: float
) -> None:
    """The true share of such models, and the test accuracy of one further refit, 95 times in 100."""
    rng = np.random.default_rng(4)
    truth = float(refits(rng, share, 100_000, 40, seed_sd).mean()) if seed_sd else share
    times = 400
    covered = foretold = 0
    for _ in range(times):
        *seen, further = refits(rng, share, num_test, num_refits + 1, seed_sd)
        low, high = spreads.test_interval(np.array(seen), num_test)
        covered += low <= truth + 1e-9 and truth - 1e-9 <= high
        low, high = spreads.prediction_interval(np.array(seen), num_examples=num_test)
        foretold += low - 1e-9 <= further <= high + 1e-9
    # 2.6 standard errors of the share of 400 below .95
    assert covered / times >= 0.92
    assert foretold / times >= 0.92


@pytest.mark.parametrize("num_test", [20, 74, 500])
@pytest.mark.parametrize("root", [True, False])
def test_the_interval_of_an_error_covers_what_it_says(num_test: int, root: bool) -> None:
    """Normal errors, of which each refit has its own beside those that all refits share."""
    rng = np.random.default_rng(5)
    truth = np.sqrt(1.09) if root else np.sqrt(1.09 * 2 / np.pi)
    covered = 0
    for _ in range(400):
        errors = rng.normal(size=num_test) + 0.3 * rng.normal(size=(5, num_test))
        losses = errors**2 if root else np.abs(errors)
        values = losses.mean(axis=1) ** (0.5 if root else 1.0)
        # Of many test examples the losses of some are kept.
        low, high = spreads.error_interval(values, losses[0][:200], num_test, root=root)
        covered += low <= truth <= high
    assert 0.92 <= covered / 400 <= 0.99


def test_without_errors_there_is_no_interval_of_them() -> None:
    assert spreads.error_interval(np.empty(0), np.ones(9), 9, root=True) is None
    assert spreads.error_interval(np.ones(3), np.ones(1), 9, root=True) is None
    assert spreads.error_interval(np.zeros(3), np.zeros(9), 9, root=True) is None
    low, high = spreads.error_interval(np.full(3, 2.0), np.full(9, 4.0), 9, root=True)
    assert (low, high) == (2.0, 2.0)


def test_all_right_on_few_examples_is_no_certainty() -> None:
    """50 of 50 is at least 92.9 %, by Clopper and Pearson."""
    low, high = spreads.test_interval(np.ones(5), 50)
    assert (round(low, 3), high) == (0.929, 1.0)
    low, high = spreads.prediction_interval(np.ones(5), num_examples=50)
    assert low < 0.98
    assert high == 1.0


def test_of_one_refit_the_interval_is_clopper_and_pearsons() -> None:
    expected = stats.binomtest(291, 300).proportion_ci(0.95, method="exact")
    low, high = spreads.test_interval(np.array([0.97]), 300)
    assert (low, high) == pytest.approx((expected.low, expected.high))


def test_the_spread_of_the_refits_widens_the_test_interval() -> None:
    steady = spreads.test_interval(np.full(5, 0.95), 300)
    spread = spreads.test_interval(np.array([0.90, 0.93, 0.95, 0.97, 1.0]), 300)
    assert spread[0] < steady[0] < steady[1] < spread[1]


def test_without_refits_or_examples_there_is_no_test_interval() -> None:
    assert spreads.test_interval(np.empty(0), 300) is None
    assert spreads.test_interval(np.ones(3), 0) is None
