"""Power by the noncentral t, held against simulation and statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from bakeoff.evidence.intervals import paired_comparison
from bakeoff.evidence.power import (
    detectable_difference,
    expected_reach,
    note,
    power,
    prior_sd,
    replicates_needed,
    tie_replicates_needed,
)
from bakeoff.evidence.rule import Rule, Sampling
from bakeoff.tasks.classification import LOSS

FOLDS = Sampling(55_000, 5_000, 5_000.0, num_folds=12)
SEEDS_ONLY = Sampling(0, 0, split="own")
OVERLAPPING = Sampling(55_000, 5_000, split="last")


@pytest.mark.parametrize("size", [3, 8, 30])
@pytest.mark.parametrize("effect", [0.2, 0.9, 2.0])
def test_without_overlap_it_is_the_power_of_the_paired_t_test(size: int, effect: float) -> None:
    ours = power(effect, 1.0, size, sampling=SEEDS_ONLY, alpha=0.0125)
    theirs = TTestPower().power(effect, size, 0.0125, alternative="larger")
    two_sided_level = TTestPower().power(effect, size, 0.0125 / 2, alternative="larger")
    assert ours == pytest.approx(two_sided_level, abs=1e-9)
    assert ours < theirs


def test_it_is_what_simulation_finds_at_the_correlation_the_correction_assumes() -> None:
    rng = np.random.default_rng(5)
    rho, size, count = 1 / 12, 8, 40_000
    noise = math.sqrt(1 - rho) * rng.standard_normal((count, size))
    noise += math.sqrt(rho) * rng.standard_normal((count, 1))
    difference = 1.0 + noise
    se = difference.std(axis=1, ddof=1) * math.sqrt(1 / size + rho / (1 - rho))
    found = np.mean(difference.mean(axis=1) / se > 3.4994832973504937)  # t(.995, 7)
    sd = math.sqrt(1 - rho)
    ours = power(1.0, sd, size, sampling=OVERLAPPING, alpha=0.01)
    assert ours == pytest.approx(found, abs=0.01)


def test_power_rises_with_replicates_and_with_the_difference() -> None:
    by_size = [
        power(0.01, 0.01, size, alpha=0.0125, sampling=FOLDS) for size in (2, 3, 5, 8, 12, 50)
    ]
    assert by_size == sorted(by_size)
    by_gap = [
        power(gap, 0.01, 8, alpha=0.0125, sampling=FOLDS) for gap in (0.0, 0.01, 0.02, 0.1, 10.0)
    ]
    assert by_gap == sorted(by_gap)
    assert by_gap[0] == pytest.approx(0.0125 / 2, abs=1e-9)
    assert by_gap[-1] == 1.0


def test_one_replicate_finds_nothing() -> None:
    assert power(1.0, 0.01, 1, alpha=0.05, sampling=FOLDS) == 0.0
    assert detectable_difference(1, 0.01, alpha=0.05, sampling=FOLDS) is None


def test_the_detectable_difference_is_found_with_the_power_promised() -> None:
    gap = detectable_difference(12, 0.003, alpha=0.0125, sampling=FOLDS)
    assert power(gap, 0.003, 12, alpha=0.0125, sampling=FOLDS) == pytest.approx(0.8, abs=1e-9)
    assert detectable_difference(12, 0.0, alpha=0.0125, sampling=FOLDS) == 0.0


def test_the_replicates_needed_are_enough_and_one_fewer_is_not() -> None:
    needed = replicates_needed(0.01, 0.006, alpha=0.0125, sampling=FOLDS)
    assert needed is not None
    assert power(0.01, 0.006, needed, alpha=0.0125, sampling=FOLDS) >= 0.8
    assert power(0.01, 0.006, needed - 1, alpha=0.0125, sampling=FOLDS) < 0.8


def test_for_small_differences_no_number_of_replicates_is_enough() -> None:
    assert replicates_needed(0.001, 0.006, alpha=0.0125, most=100_000, sampling=FOLDS) is None
    assert replicates_needed(0.0, 0.006, alpha=0.0125, sampling=FOLDS) is None


def test_before_the_first_run_a_documented_spread_is_assumed_at_the_level_of_the_looks() -> None:
    assert prior_sd(5_000) == pytest.approx(math.sqrt(2 * 0.0015**2 + 0.05 / 5_000))
    for looks, alpha in (((3, 5, 8, 12), 0.0125), ((3,), 0.025), ((1, 2, 6), 0.025)):
        assert expected_reach(Rule(looks=looks), FOLDS) == pytest.approx(
            detectable_difference(looks[-1], prior_sd(5_000), alpha=alpha, sampling=FOLDS)
        )


def test_nothing_is_foretold_of_a_metric_whose_spread_nobody_knows() -> None:
    loss = Rule(metric=LOSS)
    assert expected_reach(loss, Sampling(55_000, 5_000, None, num_folds=12)) is None
    assert expected_reach(Rule(looks=(2,)), FOLDS) is None


def test_the_replicates_of_a_tie_show_it_as_often_as_is_said() -> None:
    needed = tie_replicates_needed(0.0, 0.01, delta=0.008, sampling=SEEDS_ONLY, alpha=0.02)
    rng = np.random.default_rng(6)
    differences = 0.01 * rng.standard_normal((4_000, needed))
    se = differences.std(axis=1, ddof=1) / math.sqrt(needed)
    reach = float(stats.t.ppf(0.98, needed - 1)) * se
    assert np.mean(np.abs(differences.mean(axis=1)) + reach < 0.008) == pytest.approx(0.7, abs=0.13)
    assert tie_replicates_needed(0.009, 0.01, delta=0.008, sampling=FOLDS, alpha=0.02) is None


def spoken(a: list[float], b: list[float], delta: float = 0.002) -> str:
    pair = paired_comparison(
        np.array(a), np.array(b), first=0, second=1, level=0.9875, share=False, sampling=FOLDS
    )
    return note(pair, rule=Rule(), sampling=FOLDS, delta=delta)


def test_the_note_says_what_more_replicates_would_do() -> None:
    base = [0.95, 0.95, 0.95]
    assert "would probably decide the 2.00 points seen here" in spoken([0.96, 0.97, 0.98], base)
    assert "a few more replicates" in spoken([0.968, 0.97, 0.972], base)
    assert "3 are the fewest" in spoken([0.96], [0.95])
    assert "no spread" in spoken(base, base)


def test_a_difference_that_does_not_matter_is_not_to_be_found_but_ruled_out() -> None:
    """No data decides a difference of 0.00 points: what more of it can show is that they tie."""
    base = [0.95, 0.95, 0.95]
    assert "takes more data" in spoken([0.951, 0.94, 0.959], base)
    assert "differ by less than 1.00 point" in spoken([0.952, 0.948, 0.95], base, delta=0.01)
