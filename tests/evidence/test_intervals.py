"""Intervals against the libraries and papers they come from."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from bakeoff.evidence import intervals
from bakeoff.records import Comparison


def compare(a: np.ndarray, b: np.ndarray, **changes: object) -> Comparison:
    options: dict = {
        "first": 0,
        "second": 1,
        "num_train": 55_000,
        "num_validation": 5_000,
        "level": 0.9875,
        **changes,
    }
    return intervals.paired_comparison(a, b, **options)


@given(seed=st.integers(0, 10_000), size=st.integers(3, 40), shift=st.floats(-0.02, 0.02))
def test_without_the_correction_it_is_the_paired_t_test_of_statsmodels(
    seed: int, size: int, shift: float
) -> None:
    rng = np.random.default_rng(seed)
    a, b = 0.9 + 0.01 * rng.standard_normal((2, size))
    a = a + shift
    # With a vanishing validation part the correction vanishes too.
    ours = compare(a, b, num_train=10**15, num_validation=1, err_floor=False, delta=0.01)
    theirs = DescrStatsW(a - b)
    low, high = theirs.tconfint_mean(alpha=0.0125)
    assert ours.low == pytest.approx(low, rel=1e-9, abs=1e-12)
    assert ours.high == pytest.approx(high, rel=1e-9, abs=1e-12)
    p_value = theirs.ttost_mean(-0.01, 0.01)[0]
    assert ours.equivalent == (p_value < 0.05)
    larger = max(
        intervals.one_sided_p(ours, -0.01),
        intervals.one_sided_p(
            compare(b, a, num_train=10**15, num_validation=1, err_floor=False), -0.01
        ),
    )
    assert larger == pytest.approx(p_value, rel=1e-9, abs=1e-12)


def corrected_t_of_the_scikit_learn_example(
    differences: np.ndarray, n_train: int, n_test: int
) -> tuple[float, float]:
    """scikit-learn's "Statistical comparison of models using grid search": corrected variance
    ``var(ddof=1) · (1/kr + n_test/n_train)`` and its right-tailed p value."""
    corrected = np.var(differences, ddof=1) * (1 / len(differences) + n_test / n_train)
    t_stat = np.mean(differences) / np.sqrt(corrected)
    return float(t_stat), float(stats.t.sf(t_stat, len(differences) - 1))


@given(seed=st.integers(0, 10_000), size=st.integers(3, 60))
def test_the_corrected_test_is_the_one_scikit_learn_publishes(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = 0.9 + 0.01 * rng.standard_normal((2, size))
    t_stat, p_value = corrected_t_of_the_scikit_learn_example(a - b, 900, 100)
    ours = compare(a, b, num_train=900, num_validation=100, err_floor=False)
    assert ours.se is not None
    assert ours.mean / ours.se == pytest.approx(t_stat, rel=1e-9)
    assert intervals.one_sided_p(ours) == pytest.approx(p_value, rel=1e-9)


@given(seed=st.integers(0, 10_000), size=st.integers(3, 60), rope=st.floats(0.001, 0.03))
def test_the_region_of_practical_equivalence_holds_the_mass_baycomp_gives_it(
    seed: int, size: int, rope: float
) -> None:
    """Corani & Benavoli (2015), as in baycomp: the posterior of the mean difference is Student's t
    with S-1 degrees of freedom, the mean, and scale² = var · (1/S + n_test/n_train). Our one-sided
    p values must be its tails."""
    rng = np.random.default_rng(seed)
    a, b = 0.9 + 0.01 * rng.standard_normal((2, size))
    x = a - b
    rho = 1 / 12
    posterior = stats.t(
        size - 1, loc=x.mean(), scale=np.sqrt(x.var(ddof=1) * (1 / size + rho / (1 - rho)))
    )
    ours = compare(a, b, err_floor=False)
    above = 1.0 - intervals.one_sided_p(ours, rope)
    below = intervals.one_sided_p(ours, -rope)
    assert above == pytest.approx(posterior.sf(rope), abs=1e-9)
    assert below == pytest.approx(posterior.cdf(-rope), abs=1e-9)


@given(seed=st.integers(0, 10_000), rope=st.floats(0.0005, 0.03), runs=st.integers(1, 4))
def test_the_region_of_practical_equivalence_is_baycomps(seed: int, rope: float, runs: int) -> None:
    """The same against the library itself, where it is installed (it brings matplotlib)."""
    baycomp = pytest.importorskip("baycomp")
    rng = np.random.default_rng(seed)
    a, b = 0.9 + 0.01 * rng.standard_normal((2, 12 * runs))
    a_better, _, b_better = baycomp.CorrelatedTTest.probs(a, b, rope, runs=runs)
    ours = compare(a, b, num_train=11, num_validation=1, err_floor=False)
    assert 1.0 - intervals.one_sided_p(ours, rope) == pytest.approx(a_better, abs=1e-9)
    assert intervals.one_sided_p(ours, -rope) == pytest.approx(b_better, abs=1e-9)


def test_two_digits_by_hand() -> None:
    """d = 1, 2, 3 points: mean 2, sd 1, se = sqrt(1/3 + 1/11)."""
    a = np.array([0.91, 0.92, 0.93])
    ours = compare(a, np.full(3, 0.90), err_floor=False, level=0.95)
    assert ours.mean == pytest.approx(0.02)
    assert ours.sd == pytest.approx(0.01)
    assert ours.se == pytest.approx(0.01 * math.sqrt(1 / 3 + 1 / 11))
    assert ours.high - ours.mean == pytest.approx(4.302652729911275 * ours.se, rel=1e-9)


def test_lucky_agreement_meets_the_floor() -> None:
    a, b = np.full(3, 0.96), np.full(3, 0.95)
    floor = 0.5 * math.sqrt((0.04 + 0.05) / 10_000)
    assert compare(a, b).sd == pytest.approx(floor, rel=1e-12)
    assert compare(a, b, err_floor=False).sd == 0.0


def test_a_wide_spread_is_left_alone_by_the_floor() -> None:
    a, b = np.array([0.9, 0.8, 0.7]), np.array([0.8, 0.8, 0.8])
    assert compare(a, b).sd == pytest.approx(0.1)


def test_one_replicate_has_a_mean_and_nothing_else() -> None:
    ours = compare(np.array([0.9]), np.array([0.8]), delta=0.1)
    assert ours.mean == pytest.approx(0.1)
    assert (ours.sd, ours.se, ours.low, ours.high, ours.equivalent) == (None,) * 5
    assert intervals.one_sided_p(ours) is None


@pytest.mark.parametrize("a", [np.array([0.9, np.nan]), np.array([0.9]), np.array([])])
def test_what_cannot_be_compared_is_refused(a: np.ndarray) -> None:
    with pytest.raises(ValueError, match="`a` and `b`"):
        compare(a, np.full(2, 0.8) if len(a) else a)


def test_a_difference_without_any_spread_is_beyond_doubt_or_nothing() -> None:
    same = compare(np.ones(3), np.ones(3))
    assert (same.low, same.high) == (0.0, 0.0)
    assert intervals.one_sided_p(same) == 0.5
    apart = compare(np.ones(3), np.full(3, 0.5), err_floor=False)
    assert intervals.one_sided_p(apart) == 0.0
    assert intervals.one_sided_p(apart, 0.6) == 1.0


def test_a_prediction_interval_covers_the_next_run_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    runs = rng.standard_normal((20_000, 6))
    low, high = np.array([intervals.prediction_interval(row[:5]) for row in runs[:4000]]).T
    inside = (low <= runs[:4000, 5]) & (runs[:4000, 5] <= high)
    assert inside.mean() == pytest.approx(0.95, abs=0.012)


def test_intervals_of_single_candidates_are_the_textbook_ones() -> None:
    values = np.array([0.1, 0.2, 0.4, 0.3])
    sd, mean = values.std(ddof=1), values.mean()
    assert intervals.mean_interval(values) == pytest.approx(
        stats.t.interval(0.95, 3, mean, sd / 2), rel=1e-9
    )
    assert intervals.prediction_interval(values) == pytest.approx(
        stats.t.interval(0.95, 3, mean, sd * math.sqrt(1.25)), rel=1e-9
    )


def test_a_single_value_has_no_interval() -> None:
    assert intervals.prediction_interval(np.array([0.5])) is None
    assert intervals.mean_interval(np.array([0.5])) is None


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
        low, high = intervals.test_interval(np.array(seen), num_test)
        covered += low <= truth + 1e-9 and truth - 1e-9 <= high
        low, high = intervals.prediction_interval(np.array(seen), num_examples=num_test)
        foretold += low - 1e-9 <= further <= high + 1e-9
    # 2.6 standard errors of the share of 400 below .95
    assert covered / times >= 0.92
    assert foretold / times >= 0.92


def test_all_right_on_few_examples_is_no_certainty() -> None:
    """50 of 50 is at least 92.9 %, by Clopper and Pearson."""
    low, high = intervals.test_interval(np.ones(5), 50)
    assert (round(low, 3), high) == (0.929, 1.0)
    low, high = intervals.prediction_interval(np.ones(5), num_examples=50)
    assert low < 0.98
    assert high == 1.0


def test_of_one_refit_the_interval_is_clopper_and_pearsons() -> None:
    expected = stats.binomtest(291, 300).proportion_ci(0.95, method="exact")
    low, high = intervals.test_interval(np.array([0.97]), 300)
    assert (low, high) == pytest.approx((expected.low, expected.high))


def test_the_spread_of_the_refits_widens_the_test_interval() -> None:
    steady = intervals.test_interval(np.full(5, 0.95), 300)
    spread = intervals.test_interval(np.array([0.90, 0.93, 0.95, 0.97, 1.0]), 300)
    assert spread[0] < steady[0] < steady[1] < spread[1]


def test_without_refits_or_examples_there_is_no_test_interval() -> None:
    assert intervals.test_interval(np.empty(0), 300) is None
    assert intervals.test_interval(np.ones(3), 0) is None
